/** The kinds of tokens that a real Keycloak issues: those that are for an API, and those that are not. */
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { createUserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { close, listen } from '../support/app.ts'
import { addAudience, apiRealm, getContent, orders, type Client } from './api-realm.ts'
import { authorizationResponse } from './support.ts'

const realm = apiRealm('kinds of tokens')

/** Logs a user in. Resolves to the parameters of the authorization response, from the query or the fragment. */
async function authorized(client: Client, user: string, parameters: Record<string, string>): Promise<URLSearchParams> {
  const redirectUri = 'http://127.0.0.1/callback'
  const agent = createUserAgent()
  const query = new URLSearchParams({
    client_id: client.clientId,
    redirect_uri: redirectUri,
    scope: 'openid',
    nonce: 'a-nonce',
    ...parameters,
  })
  const page = await agent.get(`${realm.issuer}/protocol/openid-connect/auth?${query.toString()}`)
  const { search, hash } = new URL(await authorizationResponse(agent, page, user))
  return new URLSearchParams(search.slice(1) || hash.slice(1))
}

describe.skipIf(!realm.isThere)('an access token', () => {
  it('an access token of the type at+jwt (RFC 9068) is accepted', async () => {
    const client = await realm.client({ attributes: { 'access.token.header.type.rfc9068': 'true' } })
    await addAudience(realm, client)
    const api = await realm.api({}, { '/admin': { roles: 'admin' } })
    const { access } = await realm.tokens(client, 'alice')
    expect(getContent(access).header['typ']).toBe('at+jwt')
    expect((await api.call(access, '/admin')).status).toBe(200)
    expect((await api.call((await realm.tokens(client, 'bob')).access, '/admin')).status).toBe(403)
  })

  it('an access token of the implicit grant is accepted, but not the ID token', async () => {
    const client = await realm.client({ implicitFlowEnabled: true })
    await addAudience(realm, client)
    const api = await realm.api()
    const answer = await authorized(client, 'alice', { response_type: 'id_token token' })
    expect((await api.call(answer.get('access_token') ?? '')).status).toBe(200)
    expect((await api.call(answer.get('id_token') ?? '')).status).toBe(401)
  })

  it('an access token of another realm of the same server is rejected', async () => {
    const api = await realm.api({ audience: ['orders', 'master-realm'] })
    const answer = await fetch(`${realm.url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: 'admin-cli',
        username: process.env['KEYCLOAK_ADMIN'] || 'admin',
        password: process.env['KEYCLOAK_ADMIN_PASSWORD'] || 'admin',
      }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    expect(getContent(token).claims['iss']).toBe(`${realm.url}/realms/master`)
    expect(await api.call(token)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  })
})

describe.skipIf(!realm.isThere)('a lightweight access token', () => {
  const rules = { '/admin': { roles: 'admin' }, '/profile': { scope: 'profile' }, '/check': { check: () => true } }
  const introspection = { clientId: orders.clientId, clientSecret: orders.secret }

  async function light(mapper?: Record<string, string>): Promise<string> {
    const client = await realm.client({ attributes: { 'client.use.lightweight.access.token.enabled': 'true' } })
    await addAudience(realm, client, mapper && { mapper })
    const { access } = await realm.tokens(client, 'alice')
    for (const missing of ['sub', 'realm_access', 'resource_access']) {
      expect(getContent(access).claims).not.toHaveProperty(missing)
    }
    return access
  }

  it('a lightweight token has no audience even with a mapper, and gets 401', async () => {
    const api = await realm.api()
    expect((await api.call(await light())).status).toBe(401)
    expect(api.events[0]?.detail).toMatch(/^aud is missing; expected "orders".*Audience mapper/)
  })

  it('a lightweight token with an audience is accepted, with scope but neither user nor roles', async () => {
    const api = await realm.api({}, rules)
    const token = await light({ 'included.client.audience': 'orders', 'lightweight.claim': 'true' })
    const answer = await api.call(token)
    expect(answer).toMatchObject({
      status: 200,
      body: { roles: [], scope: expect.arrayContaining(['openid']) as unknown },
    })
    expect(answer.body).not.toHaveProperty('sub')
    expect((await api.call(token, '/profile')).status).toBe(200)
    expect((await api.call(token, '/admin')).status).toBe(403)
    expect(api.events).toEqual([{ name: 'denied', detail: 'missing role: admin' }])
  })

  it('a lightweight token has its user and roles if all tokens are introspected', async () => {
    const api = await realm.api({ introspection: { ...introspection, tokens: 'all' } }, rules)
    const answer = await api.call(await light(), '/admin')
    expect(answer).toMatchObject({
      status: 200,
      body: {
        sub: expect.any(String) as string,
        roles: expect.arrayContaining(['admin', 'user', 'billing:clerk']) as unknown,
        claims: { preferred_username: 'alice' },
      },
    })
  })

  it('a lightweight token is a JWT, and not introspected if only opaque tokens are', async () => {
    const api = await realm.api({ introspection }, rules)
    expect((await api.call(await light())).status).toBe(401)
    const own = await light({ 'included.client.audience': 'orders', 'lightweight.claim': 'true' })
    expect((await api.call(own)).status).toBe(200)
    expect((await api.call(own, '/admin')).status).toBe(403)
  })
})

describe.skipIf(!realm.isThere)('a token that is not an access token', { meta: { id: 'bearer-kinds-1' } }, () => {
  /** A guard that accepts the audience of each of these tokens, and their client. */
  async function world(settings: Parameters<typeof realm.client>[0] = {}) {
    const client = await realm.client(settings)
    await addAudience(realm, client)
    const api = await realm.api({ audience: ['orders', client.clientId, realm.issuer] })
    return { client, api }
  }

  const kinds: [string, 'id' | 'refresh', string, string, RegExp][] = [
    ['an ID token', 'id', 'openid', 'ID', /^the claim typ is "id", not that of an access token$/],
    // Keycloak signs these with its own secret.
    ['a refresh token', 'refresh', 'openid', 'Refresh', /ERR_JOSE_ALG_NOT_ALLOWED/],
    ['an offline token', 'refresh', 'openid offline_access', 'Offline', /ERR_JOSE_ALG_NOT_ALLOWED/],
  ]
  it.each(kinds)('%s is rejected', async (_, member, scope, type, reason) => {
    const { client, api } = await world()
    const tokens = await realm.tokens(client, 'alice', scope)
    expect(getContent(tokens[member]).claims['typ']).toBe(type)
    expect((await api.call(tokens[member])).status).toBe(401)
    expect(api.events).toEqual([{ name: 'token_rejected', detail: expect.stringMatching(reason) as string }])
    expect((await api.call(tokens.access)).status).toBe(200)
  })

  it('the ID token of a client that is also the API is rejected', async () => {
    const client = await realm.client()
    const api = await realm.api({ audience: client.clientId })
    const { id } = await realm.tokens(client, 'bob')
    expect(getContent(id).claims['aud']).toBe(client.clientId)
    expect((await api.call(id)).status).toBe(401)
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: 'the claim typ is "id", not that of an access token' },
    ])
  })

  it('a logout token is rejected', async () => {
    const sent: Promise<string>[] = []
    const receiver = createServer((req: IncomingMessage, res) => {
      sent.push(text(req))
      res.end()
    })
    const url = await listen(receiver)
    realm.later(() => close(receiver))
    const { client, api } = await world({ attributes: { 'backchannel.logout.url': url } })
    const { access } = await realm.tokens(client, 'alice')
    await realm.admin('DELETE', `/sessions/${String(getContent(access).claims['sid'])}`)
    await expect.poll(() => sent.length).toBeGreaterThan(0)
    const token = new URLSearchParams(await sent[0]).get('logout_token') ?? ''
    expect(getContent(token).claims['aud']).toBe(client.clientId)
    expect((await api.call(token)).status).toBe(401)
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: 'the header typ is "logout+jwt", not that of an access token' },
    ])
  })

  it('an authorization response (JARM) is rejected', async () => {
    const { client, api } = await world()
    const answer = await authorized(client, 'alice', { response_type: 'code', response_mode: 'query.jwt' })
    const token = answer.get('response') ?? ''
    expect(getContent(token).claims).toMatchObject({ iss: realm.issuer, aud: client.clientId })
    expect((await api.call(token)).status).toBe(401)
    expect(api.events).toEqual([{ name: 'token_rejected', detail: 'code is a claim of authorization responses' }])
  })

  it('a signed userinfo response is rejected', async () => {
    const { client, api } = await world({ attributes: { 'user.info.response.signature.alg': 'RS256' } })
    const { access } = await realm.tokens(client, 'alice')
    const answer = await fetch(`${realm.issuer}/protocol/openid-connect/userinfo`, {
      headers: { authorization: `Bearer ${access}` },
    })
    const token = await answer.text()
    expect(getContent(token).claims).toMatchObject({ iss: realm.issuer, aud: client.clientId })
    expect((await api.call(token)).status).toBe(401)
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringContaining('missing required "exp" claim') as string },
    ])
  })

  it('a token for client registration is rejected', async () => {
    const { client, api } = await world()
    const made = (await realm.admin('POST', '/clients-initial-access', { count: 1, expiration: 60 })) as {
      token: string
    }
    const own = (await realm.admin('POST', `/clients/${client.id}/registration-access-token`)) as {
      registrationAccessToken: string
    }
    for (const token of [made.token, own.registrationAccessToken]) {
      expect(getContent(token).claims['iss']).toBe(realm.issuer)
      expect((await api.call(token)).status).toBe(401)
    }
    const reason: unknown = expect.stringContaining('ERR_JOSE_ALG_NOT_ALLOWED')
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: reason },
      { name: 'token_rejected', detail: reason },
    ])
  })
})
