/** The audience and the roles of access tokens of a real Keycloak. */
import { keycloak } from 'express-session-oidc'
import type { TestProvider } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, startApp } from '../support/app.ts'
import { addAudience, apiRealm, getContent, orders } from './api-realm.ts'
import { asksForPassword, signIn, tokenRoute, getTokens } from './support.ts'

const realm = apiRealm('the audience of access tokens')

/** The fix that the event names for the operator. */
const hint = /have the provider add this API to aud: in Keycloak with an Audience mapper in a client scope, /

describe.skipIf(!realm.isThere)('a token of a client without an Audience mapper', () => {
  it.each([
    ['a user with roles of another API', 'alice', /^aud is \["(?:billing|account)","(?:account|billing)"\]/],
    ['a user without client roles', 'bob', /^aud is missing/],
  ])('a token of %s gets 401 without an Audience mapper, and the event says how to add it', async (_, user, aud) => {
    const api = await realm.api()
    const { access } = await realm.tokens(await realm.client(), user)
    const answer = await api.call(access)
    expect(answer.status).toBe(401)
    const description = 'The audience (aud) of the access token is not this API.'
    expect(answer.challenge).toBe(`Bearer realm="orders", error="invalid_token", error_description="${description}"`)
    expect(answer.body).toMatchObject({ code: 'token_invalid', error: 'invalid_token', error_description: description })
    expect(api.events).toEqual([{ name: 'token_rejected', detail: expect.stringMatching(aud) as string }])
    expect(api.events[0]?.detail).toContain('expected "orders"')
    expect(api.events[0]?.detail).toMatch(hint)
  })

  it('without an Audience mapper, only tokens of users with a role of the API are accepted', async () => {
    const api = await realm.api({ audience: 'billing' })
    const client = await realm.client()
    expect(await api.call((await realm.tokens(client, 'alice')).access)).toMatchObject({ status: 200 })
    expect(await api.call((await realm.tokens(client, 'bob')).access)).toMatchObject({ status: 401 })
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringMatching(/^aud is missing; expected "billing"/) },
    ])
  })
})

describe.skipIf(!realm.isThere)('an Audience mapper', () => {
  it.each([
    ['for the client of the API', { 'included.client.audience': 'orders' }],
    ['for a custom audience', { 'included.custom.audience': 'https://orders.example.test' }],
  ])('adding an Audience mapper %s lets all users in without a restart', async (_, mapper) => {
    const audience = Object.values(mapper)[0] as string
    const api = await realm.api({ audience })
    const client = await realm.client()
    const bobs = async (): Promise<string> => (await realm.tokens(client, 'bob')).access
    const before = await bobs()
    expect((await api.call(before)).status).toBe(401)
    await addAudience(realm, client, { mapper })
    const after = await bobs()
    expect(getContent(after).claims['aud']).toBe(audience)
    expect(await api.call(after)).toMatchObject({ status: 200, body: { sub: getContent(after).claims['sub'] } })
    expect((await api.call((await realm.tokens(client, 'alice')).access)).status).toBe(200)
    expect((await api.call(before)).status).toBe(401)
  })

  it('an Audience mapper in an optional scope applies only if the scope is requested', async () => {
    const client = await realm.client()
    const scope = await addAudience(realm, client, { isOptional: true })
    const api = await realm.api({}, { '/scoped': { scope } })
    expect((await api.call((await realm.tokens(client, 'bob')).access)).status).toBe(401)
    const requested = await api.call((await realm.tokens(client, 'bob', `openid ${scope}`)).access, '/scoped')
    expect(requested).toMatchObject({
      status: 200,
      body: { scope: expect.arrayContaining(['openid', scope]) as unknown },
    })
  })

  it('a client credentials token passes with an Audience mapper, and has no role of a user', async () => {
    const client = await realm.client({ secret: 'worker-secret', serviceAccountsEnabled: true })
    const api = await realm.api({}, { '/admin': { roles: 'admin' } })
    const token = async (): Promise<string> =>
      (await realm.ask(client, { grant_type: 'client_credentials' })).body['access_token'] as string
    expect((await api.call(await token())).status).toBe(401)
    await addAudience(realm, client)
    const own = await token()
    expect(await api.call(own)).toMatchObject({
      status: 200,
      body: { claims: { preferred_username: `service-account-${client.clientId}`, client_id: client.clientId } },
    })
    expect((await api.call(own, '/admin')).status).toBe(403)
  })
})

describe.skipIf(!realm.isThere)('roles in access tokens', () => {
  const rules = {
    '/admin': { roles: 'admin' },
    '/both': { roles: ['admin', 'billing:clerk'] },
    '/either': { anyRole: ['billing:clerk', 'billing:auditor'] },
    '/plain': { roles: 'clerk' },
    '/users': { roles: 'user' },
  }

  it.each([
    ['alice', undefined, { '/admin': 200, '/both': 200, '/either': 200, '/plain': 403, '/users': 200 }],
    ['alice', 'billing', { '/admin': 200, '/both': 200, '/either': 200, '/plain': 200, '/users': 200 }],
    ['bob', 'billing', { '/admin': 403, '/both': 403, '/either': 403, '/plain': 403, '/users': 200 }],
  ] as const)(
    'the roles of %s, with those of the client %s unprefixed, open the expected routes',
    async (user, own, expected) => {
      const client = await realm.client()
      await addAudience(realm, client)
      const provider = own && keycloak({ url: realm.url, realm: realm.name, client: own })
      const api = await realm.api(provider ? { provider } : {}, rules)
      const { access } = await realm.tokens(client, user)
      const seen: Record<string, number> = {}
      for (const path of Object.keys(rules)) seen[path] = (await api.call(access, path)).status
      expect(seen).toEqual(expected)
    },
  )

  it('a missing role is answered with insufficient_scope, and the event names the roles', async () => {
    const client = await realm.client()
    await addAudience(realm, client)
    const api = await realm.api({}, rules)
    const answer = await api.call((await realm.tokens(client, 'bob')).access, '/either')
    expect(answer.challenge).toContain('error="insufficient_scope"')
    expect(api.events).toEqual([{ name: 'denied', detail: 'missing role: one of billing:clerk, billing:auditor' }])
  })

  it('tokens have no roles outside the scope of their client (Full scope allowed: off)', async () => {
    const client = await realm.client({ fullScopeAllowed: false })
    await addAudience(realm, client)
    const api = await realm.api({}, rules)
    const { access } = await realm.tokens(client, 'alice')
    expect(await api.call(access)).toMatchObject({ status: 200, body: { roles: [] } })
    expect((await api.call(access, '/admin')).status).toBe(403)
  })
})

describe.skipIf(!realm.isThere)('an API beside a login with the same realm', () => {
  it('a route for both accepts a session or a token, and the token of the login needs a mapper too', async () => {
    const client = await realm.client({ secret: 'web-secret', attributes: { 'post.logout.redirect.uris': '+' } })
    const settings = {
      provider: keycloak({ url: realm.url, realm: realm.name }),
      clientId: client.clientId,
      clientSecret: client.secret,
    }
    const app = await startApp({
      // The application needs only the settings of a provider.
      provider: { settings: () => settings } as unknown as TestProvider,
      options: { bearer: { audience: orders.clientId } },
      routes: (made, oidc) => {
        tokenRoute(made, oidc)
        made.get('/api', oidc.requireBearer({ roles: 'user' }), (req, res) => void res.json({ sub: req.auth.sub }))
        made.get('/both', oidc.requireAuth({ roles: 'admin', bearer: true }), (req, res) => {
          res.json({ token: req.auth?.sub ?? null, session: getContext(req).user?.sub ?? null })
        })
      },
    })
    realm.later(() => app.stop())
    const details: (string | undefined)[] = []
    app.oidc.on('token_rejected', ({ detail }) => details.push(detail))
    const agent = app.agent()
    const requested = await agent.get('/both')
    expect(asksForPassword(requested, realm.name)).toBe(true)
    const { session } = (await signIn(agent, requested, 'alice')).json() as { session: string }
    const call = (path: string, token: string) => agent.fetch(path, { headers: { authorization: `Bearer ${token}` } })

    const { accessToken } = await getTokens(agent)
    expect((await call('/api', accessToken)).status).toBe(401)
    // The session of the same browser never makes up for a rejected token.
    expect((await call('/both', accessToken)).status).toBe(401)
    expect(details).toHaveLength(2)
    expect(details[0]).toMatch(hint)

    await addAudience(realm, client)
    const alices = (await realm.tokens(client, 'alice')).access
    const bobs = (await realm.tokens(client, 'bob')).access
    expect((await call('/api', alices)).json()).toEqual({ sub: session })
    expect((await call('/both', alices)).json()).toEqual({ token: session, session: null })
    expect((await call('/api', bobs)).status).toBe(200)
    expect((await call('/both', bobs)).status).toBe(403)
    expect((await agent.fetch('/both')).json()).toEqual({ token: null, session })
  })
})
