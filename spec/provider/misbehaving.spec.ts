/**
 * Invalid or unusual behavior of a provider that the conformance profiles of OpenID Connect test a relying party with in
 * the code flow, beyond the specs of each part.
 */
import { createServer, type Server } from 'node:http'
import { startTestProvider, type TestFaults, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { getContext, close, listen, startApp } from '../support/app.ts'
import { byDepth } from '../support/depth.ts'
import { flow, readLocation, response, listEvents } from '../support/flow.ts'
import { meets, startForFaults } from '../support/misbehaviour.ts'
import { directLogins, type DirectLogins } from '../tokens/support/direct-login.ts'
import { entryOfBrowser } from '../tokens/support/one-login.ts'

const world = flow()
/** The endpoints that received requests, in order. */
function requested(): (string | undefined)[] {
  return world.provider.requests.map(({ endpoint }) => endpoint)
}

const now = (): number => Math.floor(Date.now() / 1000)

describe('a login', () => {
  it('requests metadata, a code, tokens, keys and userinfo, once each and in this order', async () => {
    const app = await world.start({ options: { userInfo: true } })
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(requested()).toEqual(['discovery', 'authorize', 'token', 'jwks', 'userinfo'])
  })

  it('uses only the key set and the endpoints that the metadata names', async () => {
    const places = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint']
    const seen: string[] = []
    world.provider.misbehave({
      metadata: (given) => {
        const moved = places.map((place) => [place, `${String(given[place])}?at=${place}`])
        return { ...given, ...Object.fromEntries(moved) }
      },
    })
    const app = await world.start({ options: { userInfo: true } })
    expect((await app.agent().get('/profile')).status).toBe(200)
    for (const { url } of world.provider.requests)
      seen.push(new URL(url, world.provider.url).searchParams.get('at') ?? '')
    // The query of an endpoint is retained (RFC 6749 3.1, 3.2).
    expect(seen.filter((at) => at !== '')).toEqual([
      'authorization_endpoint',
      'token_endpoint',
      'jwks_uri',
      'userinfo_endpoint',
    ])
  })

  it('authenticates in one way, repeats the redirect URI, and sends no secret in a query', async () => {
    const app = await world.start({ options: { userInfo: true } })
    await app.agent().get('/profile')
    const [authorize] = world.provider.requestsTo('authorize')
    const [token] = world.provider.requestsTo('token')
    const request = authorize?.params ?? new URLSearchParams()
    expect(request.get('response_type')).toBe('code')
    expect(request.get('scope')?.split(' ')).toContain('openid')
    expect(request.get('nonce')).toMatch(/^[\w-]{22,43}$/)
    expect(request.get('code_challenge')).toMatch(/^[\w-]{43}$/)
    expect([...request.keys()].toSorted()).toEqual(
      `client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state`.split(/\s+/),
    )
    expect(token?.params.get('redirect_uri')).toBe(request.get('redirect_uri'))
    expect(token?.params.getAll('code_verifier')).toHaveLength(1)
    expect(token?.params.has('client_secret')).toBe(false)
    expect(token?.headers['authorization']).toMatch(/^Basic /)
    for (const { url } of world.provider.requests) expect(url).not.toMatch(/access_token|client_secret|code_verifier/)
  })
})

describe('key rotation', () => {
  it('fetches the keys once if they are rotated just before the first ID token is signed', async () => {
    world.provider.misbehave({ rotateKeys: 'before-signing' })
    const app = await world.start({ options: { userInfo: true } })
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(world.provider.requestsTo('jwks')).toHaveLength(1)
  })

  it('logs in if keys are rotated just before signing, to another algorithm of the metadata and back', async () => {
    world.provider.misbehave({ metadata: { id_token_signing_alg_values_supported: ['ES256', 'RS256'] } })
    const app = await world.start()
    const algorithms: unknown[] = []
    const logIn = async (): Promise<void> => {
      expect((await app.agent().get('/profile')).status).toBe(200)
      algorithms.push(world.provider.keys.keys[0]?.kty)
    }
    await logIn()
    for (const algorithm of ['RS256', 'ES256']) {
      const undo = world.provider.misbehave({ rotateKeys: { when: 'before-signing', algorithm } })
      await logIn()
      undo()
    }
    expect(algorithms).toEqual(['EC', 'RSA', 'EC'])
  })

  it(
    'logs all users in if keys are rotated at each of several concurrent logins',
    { meta: { id: 'misbehaving-1' } },
    async () => {
      const app = await world.start()
      await app.agent().get('/profile')
      world.provider.misbehave({ rotateKeys: { when: 'before-signing', keepOld: true } })
      const pages = await Promise.all(Array.from({ length: 4 }, () => app.agent().get('/profile')))
      expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    },
  )

  it(
    'rejects one login, without a loop of fetches, if the key set is published late',
    { meta: { id: 'misbehaving-2' } },
    async () => {
      const app = await world.start()
      await app.agent().get('/profile')
      world.provider.forget()
      // A cache in front of the key set still serves the former one.
      const stale = { keys: world.provider.keys.keys }
      await world.provider.rotateKeys()
      world.provider.misbehave({ jwks: () => structuredClone(stale) as never })
      expect((await app.agent().get('/profile')).status).toBe(502)
      expect(world.provider.requestsTo('jwks')).toHaveLength(1)
      world.provider.behave()
      expect((await app.agent().get('/profile')).status).toBe(200)
    },
  )
})

describe.each(['ES256', 'PS256', 'EdDSA'])('a provider that signs with %s', (algorithm) => {
  let provider: TestProvider
  let direct: DirectLogins
  beforeAll(async () => {
    provider = await startTestProvider({ signIn: 'alice', algorithm })
    direct = directLogins(provider)
  })
  beforeEach(() => {
    provider.behave()
    provider.forget()
  })
  afterAll(() => provider.stop())

  const bad: [string, TestFaults['idToken']][] = [
    ['is corrupted', { signature: 'corrupt' }],
    ['is by another key', { signature: 'other-key' }],
    ['is missing', { signature: 'none' }],
    ['is by the client secret', { signature: 'hs256' }],
    ['is by the public key as an HMAC secret', { signature: 'hs256-public-key' }],
    ['is by another algorithm', { signature: 'wrong-alg' }],
    ['has the wrong length', { raw: (token) => `${token.slice(0, token.lastIndexOf('.'))}.AAAA` }],
    [
      'is all zeros',
      { raw: (token) => `${token.slice(0, token.lastIndexOf('.'))}.${Buffer.alloc(64).toString('base64url')}` },
    ],
  ]

  it.each(bad)(
    'rejects a login if the signature of the ID token %s',
    { meta: { id: 'misbehaving-3' } },
    async (_name, idToken) => {
      expect(await direct.login({ idToken })).toMatchObject({ how: 'refused', status: 502 })
      expect(await direct.login()).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
    },
  )

  const few = bad.slice(0, 2)
  it.each(byDepth({ quick: few, normal: few, deep: bad }))(
    'does not log a browser in if the signature of the ID token %s',
    async (_name, idToken) => {
      const app = await startApp({ provider })
      provider.misbehave({ idToken })
      expect((await app.agent().get('/profile')).status).toBe(502)
      expect(listEvents(app, 'login')).toEqual([])
      provider.behave()
      expect((await app.agent().get('/profile')).status).toBe(200)
      await app.stop()
    },
  )
})

describe('unusual characters', () => {
  // All that RFC 6749 appendix A permits in such values (VSCHAR).
  const visible = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n)).join('')

  it('keeps unusual characters in sid, and logs out as usual', { meta: { id: 'misbehaving-4' } }, async () => {
    const provider = await startTestProvider({ signIn: 'alice', sid: () => visible })
    const app = await startApp({ provider, session: { store: world.store() } })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await entryOfBrowser(agent, world.redis.client)).sid).toBe(visible)
    expect((await agent.get('/logout')).text()).toBe('hello stranger')
    await app.stop()
    await provider.stop()
  })

  it('keeps unusual characters in refresh and access tokens', async () => {
    const app = await world.start({
      routes: (express) => {
        express.get(
          '/tokens',
          (req, res, next) =>
            void getContext(req)
              .tokens()
              .then((set) => res.json(set), next),
        )
      },
    })
    const odd = `${visible}\u00e9`
    world.provider.misbehave({ tokenResponse: { refresh_token: odd, access_token: visible } })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ refreshToken: odd, accessToken: visible })
  })

  it('sends a code with unusual characters unchanged to the token endpoint', async () => {
    const app = await world.start()
    world.provider.misbehave({ authorizationResponse: (given) => ({ ...given, code: visible }) })
    expect((await app.agent().get('/profile')).status).toBe(400)
    expect(world.provider.requestsTo('token')[0]?.params.get('code')).toBe(visible)
  })

  it('rejects an access token with characters that no header may contain, without revealing it', async () => {
    const app = await startForFaults(world, { options: { userInfo: true } })
    for (const token of ['planted\r\nX-Injected: 1', 'planted\0', 'planted\u{1f511}']) {
      app.events.length = 0
      const undo = world.provider.misbehave({ tokenResponse: { access_token: token } })
      const page = await app.agent().get('/profile')
      undo()
      expect(page.status).toBe(502)
      expect(page.text()).not.toContain('planted')
      expect(JSON.stringify(app.events)).not.toContain('planted')
    }
    expect(world.provider.requestsTo('userinfo')).toEqual([])
  })
})

describe('a user who authenticated in the future', () => {
  it('rejects an auth_time in the future for a login with max_age', { meta: { id: 'misbehaving-5' } }, async () => {
    const app = await world.start({
      routes: (express, oidc) => void express.get('/fresh', oidc.login({ maxAuthAgeSeconds: 60, returnTo: '/' })),
    })
    for (const later of [3600, 1e12]) {
      const undo = world.provider.misbehave({ idToken: { claims: { auth_time: now() + later } } })
      expect((await app.agent().get('/fresh')).status).toBe(502)
      undo()
    }
    // A provider clock that is slightly ahead is accepted.
    world.provider.misbehave({ idToken: { claims: { auth_time: now() + 20 } } })
    expect((await app.agent().get('/fresh')).text()).toBe('hello alice')
  })
})

describe('userinfo', () => {
  let elsewhere: Server | undefined
  afterEach(async () => {
    if (elsewhere) await close(elsewhere)
    elsewhere = undefined
  })

  it('keeps references to other sources of claims, and fetches nothing from them (OIDC Core 5.6.2)', async () => {
    let requests = 0
    elsewhere = createServer((_req, res) => {
      requests++
      res.end('{}')
    })
    const url = await listen(elsewhere)
    const sources = {
      one: { endpoint: url, access_token: 'x' },
      two: { JWT: 'eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJhZG1pbiJdfQ.' },
    }
    world.provider.misbehave({
      userInfo: { claims: { _claim_names: { phone: 'one', roles: 'two', sub: 'two' }, _claim_sources: sources } },
    })
    const app = await world.start({ options: { userInfo: true } })
    const { user, roles } = (await app.agent().get('/profile')).json() as { user: object; roles: unknown }
    expect(user).toMatchObject({ sub: 'alice', _claim_names: { phone: 'one' } })
    expect(user).not.toHaveProperty('phone')
    expect(roles).toEqual(['admin', 'user'])
    expect(requests).toBe(0)
  })

  it.each<[string, TestFaults['userInfo']]>([
    ['another subject', { claims: { sub: 'aliceinvalid' } }],
    ['a subject in capitals', { claims: { sub: 'ALICE' } }],
    ['a subject with a space', { claims: { sub: 'alice ' } }],
    ['another subject and a valid signature', { signed: true, claims: { sub: 'aliceinvalid' } }],
    ['another issuer and a valid signature', { claims: { iss: 'https://other.example' }, signed: true }],
    ['several audiences without this client', { claims: { aud: ['a', 'b'] }, signed: true }],
    ['an exp in the past and a valid signature', { claims: { exp: 1 }, signed: true }],
    ['no audience and a valid signature', { claims: { aud: undefined }, signed: true }],
  ])('rejects a userinfo response with %s', async (_name, userInfo) => {
    const app = await startForFaults(world, { options: { userInfo: true } })
    await meets(world, app, { userInfo }, { status: 502, code: 'token_invalid' })
  })

  it.each(['application/jwt', 'application/jwt; charset=utf-8', 'APPLICATION/JWT'])(
    'accepts a signed userinfo response with the content type %s',
    async (type) => {
      const app = await world.start({ options: { userInfo: true } })
      world.provider.misbehave({
        userInfo: { signed: true, claims: { nickname: 'Al' } },
        endpoints: { userinfo: { contentType: type } },
      })
      expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { nickname: 'Al' } })
    },
  )

  it.each(['application/json', 'text/plain', 'application/json; charset=utf-16', ''])(
    'accepts a plain userinfo response with the content type %j',
    async (type) => {
      const app = await world.start({ options: { userInfo: true } })
      world.provider.misbehave({
        userInfo: { claims: { nickname: 'Al' } },
        endpoints: { userinfo: { contentType: type } },
      })
      expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { nickname: 'Al' } })
    },
  )
})

describe('an authorization response', () => {
  it.each<[string, TestFaults['authorizationResponse']]>([
    ['from another issuer (mix-up, RFC 9207)', { iss: 'https://other.example' }],
    ['from http://127.0.0.1/, which is not the issuer', { iss: 'http://127.0.0.1/' }],
    ['from an issuer that is one slash longer', (given) => ({ ...given, iss: `${String(given['iss'])}/` })],
    ['without an issuer, although the metadata announces one', { iss: undefined }],
    ['with a JARM response parameter', { response: 'eyJhbGciOiJub25lIn0.e30.' }],
    ['with an empty code', { code: '' }],
    ['with tokens of the implicit flow instead of a code', { code: undefined, id_token: 'x', access_token: 'y' }],
    ['with an ID token beside the code', { id_token: 'eyJhbGciOiJub25lIn0.e30.' }],
    ['with a code and an error', { error: 'access_denied' }],
  ])('rejects an authorization response %s, and sends no code', async (_name, change) => {
    const app = await world.start()
    const agent = app.agent()
    world.provider.misbehave({ authorizationResponse: change })
    const callback = await response(agent, '/profile')
    world.provider.behave()
    world.provider.forget()
    const page = await agent.get(callback)
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(page.status).toBeLessThan(600)
    expect(listEvents(app, 'login_failed')[0]?.['code']).not.toBe('internal_error')
    expect(listEvents(app, 'login')).toEqual([])
    expect(world.provider.requestsTo('token')).toEqual([])
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })
})

describe('the return from a logout at the provider', () => {
  it.each([
    ['another state', { state: 'of somebody else' }],
    ['no state', { state: undefined }],
    ['markup as state', { state: '"><script>alert(1)</script>' }],
    ['additional parameters', { code: 'x', error: 'access_denied', returnTo: 'https://evil.example/' }],
  ])('ends the logout at the default page if the provider returns %s', async (_name, logoutResponse) => {
    const app = await world.start()
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.misbehave({ logoutResponse })
    const page = await agent.get('/logout')
    expect(new URL(page.url).origin).toBe(app.url)
    expect(new URL(page.url).pathname).toBe('/')
    expect(page.text()).toBe('hello stranger')
  })

  it(
    'omits id_token_hint if it would make the URL too long for servers',
    { meta: { id: 'misbehaving-6' } },
    async () => {
      const app = await world.start()
      const agent = app.agent()
      world.provider.misbehave({ idToken: { claims: { groups: Array.from({ length: 500 }, (_, n) => `group-${n}`) } } })
      await agent.get('/profile')
      const sent = new URL(readLocation(await agent.get('/logout', { redirect: 'manual' })))
      expect(sent.href.length).toBeLessThan(4096)
      expect(sent.searchParams.get('client_id')).toBe('web')
      expect(sent.searchParams.has('id_token_hint')).toBe(false)
      expect(sent.searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
    },
  )
})
