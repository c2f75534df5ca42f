/** An API that introspects tokens at a real Keycloak (RFC 7662). */
import { keycloak, type BearerOptions } from 'express-session-oidc'
import type { TestProvider } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { addAudience, apiRealm, getContent, orders, type Client, type Tokens } from './api-realm.ts'

const realm = apiRealm('introspection')
const asOrders = { clientId: orders.clientId, clientSecret: orders.secret }
const all: Partial<BearerOptions> = { introspection: { ...asOrders, tokens: 'all' } }
const inactive = { name: 'token_rejected', detail: expect.stringContaining('not active') as string }

async function clientWithAudience(): Promise<Client> {
  const client = await realm.client()
  await addAudience(realm, client)
  return client
}

describe.skipIf(!realm.isThere)('an introspected token', () => {
  it('an active token is accepted, with the claims of the introspection response', async () => {
    const api = await realm.api(all, { '/admin': { roles: 'admin' } })
    const client = await clientWithAudience()
    const { access } = await realm.tokens(client, 'alice')
    const { claims } = getContent(access)
    expect(await api.call(access, '/admin')).toMatchObject({
      status: 200,
      body: { sub: claims['sub'], claims: { azp: client.clientId, client_id: client.clientId, username: 'alice' } },
    })
    expect(await api.call((await realm.tokens(client, 'bob')).access, '/admin')).toMatchObject({ status: 403 })
    expect(api.events).toEqual([{ name: 'denied', detail: 'missing role: admin' }])
  })

  const ends: [string, (client: Client, tokens: Tokens) => Promise<unknown>][] = [
    ['that was revoked', (client, { access }) => atEndpoint('revoke', client, { token: access })],
    ['of a session that logged out', (client, { refresh }) => atEndpoint('logout', client, { refresh_token: refresh })],
    [
      'of a session that the administrator ended',
      (_, { access }) => realm.admin('DELETE', `/sessions/${String(getContent(access).claims['sid'])}`),
    ],
    [
      'of a user who was disabled',
      async (_, { access }) => {
        const path = `/users/${String(getContent(access).claims['sub'])}`
        realm.later(() => realm.admin('PUT', path, { enabled: true }))
        await realm.admin('PUT', path, { enabled: false })
      },
    ],
    ['of a client that was disabled', (client) => realm.admin('PUT', `/clients/${client.id}`, { enabled: false })],
  ]
  it.each(ends)('a token %s is rejected at once, but not by an API that only verifies signatures', async (_, end) => {
    const asking = await realm.api(all)
    const verifying = await realm.api()
    const client = await clientWithAudience()
    const tokens = await realm.tokens(client, 'bob')
    expect((await asking.call(tokens.access)).status).toBe(200)
    await end(client, tokens)
    const answer = await asking.call(tokens.access)
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(asking.events).toEqual([inactive])
    expect((await verifying.call(tokens.access)).status).toBe(200)
  })

  it('a revoked token stays accepted for cacheSeconds', async () => {
    const api = await realm.api({ introspection: { ...asOrders, tokens: 'all', cacheSeconds: 60 } })
    const client = await clientWithAudience()
    const { access } = await realm.tokens(client, 'bob')
    expect((await api.call(access)).status).toBe(200)
    await atEndpoint('revoke', client, { token: access })
    expect((await api.call(access)).status).toBe(200)
  })

  it('a token that is not an access token is rejected, even if it is for the introspecting client', async () => {
    const client = await realm.client({ secret: 'web-secret' })
    await addAudience(realm, client, { mapper: { 'included.client.audience': client.clientId } })
    const api = await realm.api({
      audience: [client.clientId, realm.issuer],
      introspection: { clientId: client.clientId, clientSecret: client.secret, tokens: 'all' },
    })
    const tokens = await realm.tokens(client, 'bob')
    for (const token of [tokens.refresh, tokens.id, 'made-up', 'made.up.indeed']) {
      expect((await api.call(token)).status).toBe(401)
    }
    const another = { ...inactive, detail: 'introspection: token_type is not that of an access token' }
    // The refresh token has a symmetric signature, and the last token none: they are not sent to Keycloak.
    const unsent = { name: inactive.name, detail: expect.not.stringContaining('introspection:') as string }
    expect(api.events).toEqual([unsent, another, inactive, unsent])
    expect((await api.call(tokens.access)).status).toBe(200)
  })
})

describe.skipIf(!realm.isThere)('Keycloak, which reports a token as active only to its audience', () => {
  it('a token without an Audience mapper gets 401, and the event says how to add it', async () => {
    const api = await realm.api(all)
    const { access } = await realm.tokens(await realm.client(), 'bob')
    expect((await api.call(access)).status).toBe(401)
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringContaining('Audience mapper') as string },
    ])
  })

  it('beside a login, introspection uses the client of the login, which must be in the audience', async () => {
    const client = await realm.client({ secret: 'web-secret' })
    const settings = {
      provider: keycloak({ url: realm.url, realm: realm.name }),
      clientId: client.clientId,
      clientSecret: client.secret,
    }
    const app = await startApp({
      provider: { settings: () => settings } as unknown as TestProvider,
      options: { bearer: { audience: 'orders', introspection: { tokens: 'all' } } },
      routes: (made, oidc) => {
        made.get('/api', oidc.requireBearer({ roles: 'user' }), (req, res) => void res.json({ sub: req.auth.sub }))
      },
    })
    realm.later(() => app.stop())
    const page = await clientWithAudience()
    const status = async (): Promise<number> => {
      const authorization = `Bearer ${(await realm.tokens(page, 'bob')).access}`
      return (await app.agent().fetch('/api', { headers: { authorization } })).status
    }
    expect(await status()).toBe(401)
    await addAudience(realm, page, { mapper: { 'included.client.audience': client.clientId } })
    expect(await status()).toBe(200)
  })
})

describe.skipIf(!realm.isThere)('an API with wrong credentials', () => {
  it.each([
    ['a wrong secret', { clientId: orders.clientId, clientSecret: 'not-the-secret-of-orders' }],
    ['an unknown client identifier', { clientId: 'nobody', clientSecret: 'not-the-secret-of-orders' }],
  ])('an API with %s answers 500 and emits an event, without disclosing the secret', async (_, wrong) => {
    const api = await realm.api({ introspection: { ...wrong, tokens: 'all' } })
    const { access } = await realm.tokens(await clientWithAudience(), 'bob')
    const answer = await api.call(access)
    expect(answer).toMatchObject({ status: 500, challenge: '', body: { code: 'client_rejected' } })
    expect(JSON.stringify([answer.body, api.events])).not.toContain(wrong.clientSecret)
    expect(api.events).toEqual([
      { name: 'provider_fault', detail: expect.stringMatching(/^introspection: .*invalid_client/) as string },
    ])
  })
})

describe.skipIf(!realm.isThere)('a Keycloak that is unreachable', () => {
  it('an API answers 503 with Retry-After and emits an event until introspection works again', async () => {
    let isDown = false
    const api = await realm.api({
      ...all,
      fetch: (...given) => (isDown ? Promise.reject(new TypeError('connection refused')) : fetch(...given)),
    })
    const { access } = await realm.tokens(await clientWithAudience(), 'bob')
    expect((await api.call(access)).status).toBe(200)
    isDown = true
    const answer = await api.call(access)
    expect(answer).toMatchObject({ status: 503, challenge: '', body: { code: 'provider_unavailable' } })
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(api.events).toEqual([
      { name: 'provider_fault', detail: expect.stringContaining('connection refused') as string },
    ])
    isDown = false
    expect((await api.call(access)).status).toBe(200)
  })
})

async function atEndpoint(name: string, client: Client, parameters: Record<string, string>): Promise<void> {
  const answer = await fetch(`${realm.issuer}/protocol/openid-connect/${name}`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: client.clientId, ...parameters }),
  })
  expect(answer.ok, await answer.text()).toBe(true)
}
