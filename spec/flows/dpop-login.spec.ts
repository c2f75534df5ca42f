/** Logins whose tokens are bound to a DPoP key (RFC 9449). */
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK, type JWTPayload } from 'jose'
import type { OidcAccessTokenParameters, OidcOptions } from 'express-session-oidc'
import type { TestProvider, TestRequest, UserAgent } from 'express-session-oidc/testing'
import { startTestProvider } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { StoredTokens } from '../../lib/store/tokens.ts'
import { getContext, until, type TestApp } from '../support/app.ts'
import { dpopClient, type DpopClient } from '../support/dpop.ts'
import { flow, readAuthorizationRequest, response, listEvents } from '../support/flow.ts'
import { openPlanted } from '../support/planted-login.ts'
import { keptTokens } from '../support/stored-tokens.ts'
import { askToken, pass, shownToken, stillClock } from '../support/tokens-app.ts'
import { sessionId } from '../support/session-cookie.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { waiting } from '../support/waiting.ts'

const world = flow({
  algorithm: 'ES256',
  refreshTokens: 'rotating',
  dpopNonces: 'required',
  // RFC 9449 5: the refresh tokens of a public client are bound to the key as well.
  clients: [{ clientId: 'public' }, { clientId: 'web', clientSecret: 'web-secret' }],
})
stillClock()
const orders = 'https://orders.example.com/'

const confidential: Partial<OidcOptions> = {
  clientId: 'web',
  clientSecret: 'web-secret',
  clientAuth: 'client_secret_basic',
}

function start(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return world.start({
    options: { dpop: true, ...options },
    routes(app) {
      tokenRoutes(app)
      app.get(
        '/token-for-orders',
        waiting(async (req, res) => {
          const wanted: OidcAccessTokenParameters = { resource: orders }
          res.json({ token: await getContext(req).accessToken(wanted) })
        }),
      )
    },
  })
}

/** Logs in, and returns the `dpop_jkt` of the authorization request. */
async function logIn(agent: UserAgent, page = '/profile'): Promise<string> {
  const before = world.provider.requestsTo('authorize').length
  expect((await agent.get(page)).status).toBe(200)
  const [request] = world.provider.requestsTo('authorize').slice(before) as [TestRequest]
  return request.params.get('dpop_jkt') ?? ''
}

interface Shown {
  /** The thumbprint of the proof's key, or undefined without a proof. */
  readonly jkt: string | undefined
  readonly claims: JWTPayload
  readonly status: number | undefined
}

/** The proofs of the requests to an endpoint. */
function proofs(endpoint: TestRequest['endpoint'], provider: TestProvider = world.provider): Promise<Shown[]> {
  return Promise.all(
    provider.requestsTo(endpoint).map(async ({ headers, status }) => {
      const proof = headers['dpop']
      if (proof === undefined) return { jkt: undefined, claims: {}, status }
      const jwk = decodeProtectedHeader(proof).jwk as JWK
      expect(Object.keys(jwk).toSorted()).toEqual(['crv', 'kty', 'x', 'y'])
      return { jkt: await calculateJwkThumbprint(jwk), claims: decodeJwt(proof), status }
    }),
  )
}

async function keysShown(endpoint: TestRequest['endpoint']): Promise<(string | undefined)[]> {
  return (await proofs(endpoint)).map(({ jkt }) => jkt)
}

function getJkt(token: string): unknown {
  return (decodeJwt(token)['cnf'] as { jkt?: unknown } | undefined)?.jkt
}

async function getTokens(agent: UserAgent, app: TestApp): Promise<Record<string, string>> {
  return (await agent.fetch(`${app.url}/tokens`)).json() as Record<string, string>
}

async function ordersToken(agent: UserAgent, app: TestApp): Promise<string> {
  const answer = await agent.fetch(`${app.url}/token-for-orders`)
  expect(answer.status).toBe(200)
  return (answer.json() as { token: string }).token
}

describe('a DPoP-bound login', () => {
  it('a login announces its key and proves possession of it at the token endpoint', async () => {
    const app = await start()
    const agent = app.agent()
    const jkt = await logIn(agent)
    expect(jkt).toMatch(/^[\w-]{43}$/)
    // The first request only obtains a nonce.
    expect(await proofs('token')).toMatchObject([
      { jkt, status: 400 },
      { jkt, status: 200 },
    ])
    const tokens = await getTokens(agent, app)
    expect(tokens['tokenType']).toBe('dpop')
    expect(getJkt(String(tokens['accessToken']))).toBe(jkt)
    expect(Object.keys(tokens).toSorted()).toEqual(
      ['accessToken', 'expiresAt', 'idToken', 'obtainedAt', 'refreshToken', 'scope', 'tokenType'].toSorted(),
    )
  })

  it('each login has its own key, even two logins of one user in one browser', async () => {
    const app = await start()
    const agents = [app.agent(), app.agent(), app.agent()]
    const keys: string[] = []
    for (const agent of agents) keys.push(await logIn(agent))
    expect(new Set(keys).size).toBe(3)
    world.provider.forget()
    pass(301)
    const shown = await Promise.all(agents.map((agent) => shownToken(agent, app.url)))
    expect(shown.map(({ token }) => getJkt(token))).toEqual(keys)
    expect(new Set(await keysShown('token'))).toEqual(new Set(keys))
    // The second login of that user, in that browser.
    expect(keys).not.toContain(await logIn(agents[0] as UserAgent, '/login?returnTo=/profile'))
  })

  it.each([
    ['a public client', {}],
    ['a confidential client', confidential],
  ])('a login of %s refreshes all its access tokens with its key', async (_name, options) => {
    const app = await start(options)
    const agent = app.agent()
    const jkt = await logIn(agent)
    world.provider.forget()
    for (let round = 0; round < 3; round++) {
      pass(301)
      expect(getJkt((await shownToken(agent, app.url)).token)).toBe(jkt)
      expect(getJkt(await ordersToken(agent, app))).toBe(jkt)
    }
    expect(await keysShown('token')).toEqual(Array(6).fill(jkt))
    expect((await getTokens(agent, app))['tokenType']).toBe('dpop')
    expect(listEvents(app, 'refresh')).toHaveLength(6)
  })

  it('a refresh reuses the latest nonce of the token endpoint', async () => {
    const app = await start()
    const agent = app.agent()
    await logIn(agent)
    const statuses = async (): Promise<(number | undefined)[]> => {
      world.provider.forget()
      pass(301)
      await shownToken(agent, app.url)
      return (await proofs('token')).map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200])
    world.provider.rotateDpopNonce()
    expect(await statuses()).toEqual([400, 200])
    expect(await statuses()).toEqual([200])
    world.provider.rotateDpopNonce({ keepOld: true })
    expect(await statuses()).toEqual([200])
    // It uses the nonce of the previous response.
    world.provider.rotateDpopNonce({ keepOld: true })
    expect(await statuses()).toEqual([200])
    expect(new Set((await proofs('token')).map(({ claims }) => claims['nonce'])).size).toBe(1)
  })

  it(
    'concurrent refreshes that are retried for a nonce each return the token of their own login',
    { meta: { id: 'dpop-login-1' } },
    async () => {
      const app = await start()
      const logins = []
      for (const sub of ['alice', 'bob']) {
        world.provider.signIn(sub)
        const agent = app.agent()
        logins.push({ sub, agent, jkt: await logIn(agent) })
      }
      pass(301)
      world.provider.rotateDpopNonce()
      world.provider.forget()
      // Held until both refreshes were sent with the old nonce.
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const refreshes = logins.map(({ agent }) => shownToken(agent, app.url))
      await world.provider.waitForRequest('token', 2)
      undo()
      const tokens = (await Promise.all(refreshes)).map(({ token }) => token)
      expect(tokens.map((token) => [decodeJwt(token).sub, getJkt(token)])).toEqual(
        logins.map(({ sub, jkt }) => [sub, jkt]),
      )
      const statuses = (await proofs('token')).map(({ status }) => Number(status))
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 400, 400])
    },
  )

  it('nonces survive a new discovery of the provider', async () => {
    const app = await start()
    const agent = app.agent()
    await logIn(agent)
    pass(3601)
    world.provider.forget()
    const discovered = (): unknown => app.oidc.health().provider.discoveredAt
    const before = discovered()
    await app.oidc.ready()
    await until(() => discovered() !== before, "the provider's metadata is fetched again")
    await shownToken(agent, app.url)
    expect((await proofs('token')).map(({ status }) => status)).toEqual([200])
  })

  it('a provider that rejects its own new nonce is reported as unavailable', async () => {
    const app = await start({ userInfo: true })
    const refusal = { status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'late' } }
    world.provider.misbehave({ endpoints: { token: refusal } })
    expect((await app.agent().get('/profile')).status).toBe(503)
    expect(await keysShown('token')).toHaveLength(2)
    world.provider.behave()
    const challenge = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'late' }
    world.provider.misbehave({ endpoints: { userinfo: { status: 401, headers: challenge } } })
    expect((await app.agent().get('/profile')).status).toBe(503)
    expect(listEvents(app, 'login_failed').map(({ code }) => code)).toEqual(Array(2).fill('provider_unavailable'))
    world.provider.behave()
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('userinfo requests carry a proof, at the login and at each refresh', async () => {
    const app = await start({ userInfo: true })
    const agent = app.agent()
    const jkt = await logIn(agent)
    pass(301)
    await shownToken(agent, app.url)
    expect(await keysShown('userinfo')).toEqual([jkt, jkt])
    expect((await proofs('userinfo')).map(({ status }) => status)).toEqual([200, 200])
    expect(
      world.provider.requestsTo('userinfo').every(({ headers }) => headers['authorization']?.startsWith('DPoP ')),
    ).toBe(true)
  })

  it('a pushed authorization request carries dpop_jkt instead of the URL', async () => {
    const app = await start({ ...confidential, par: true })
    const agent = app.agent()
    expect([...(await readAuthorizationRequest(agent, '/profile')).keys()].toSorted()).toEqual([
      'client_id',
      'request_uri',
    ])
    expect((await agent.get('/profile')).status).toBe(200)
    const [, push] = world.provider.requestsTo('par') as [TestRequest, TestRequest]
    expect(getJkt((await shownToken(agent, app.url)).token)).toBe(push.params.get('dpop_jkt'))
  })

  it('a login by form_post is bound to its key', async () => {
    const app = await start({ responseMode: 'form_post' })
    const agent = app.agent()
    const jkt = await logIn(agent)
    expect(getJkt((await shownToken(agent, app.url)).token)).toBe(jkt)
  })

  it('two processes refresh a login with the same key in turn', async () => {
    const [one, two] = await Promise.all([start(), start()])
    const agent = one.agent()
    const jkt = await logIn(agent)
    for (const app of [two, one, two, one]) {
      pass(301)
      world.provider.rotateDpopNonce()
      expect(getJkt((await shownToken(agent, app.url)).token)).toBe(jkt)
    }
    expect(new Set(await keysShown('token'))).toEqual(new Set([jkt]))
    expect(listEvents(one, 'refresh_failed')).toEqual([])
    expect(listEvents(two, 'refresh')).toHaveLength(2)
  })
})

describe('a thief without the DPoP key', () => {
  /** Sends a token request as a thief who knows everything but the key. */
  async function asThief(parameters: Record<string, string>, thief: DpopClient | undefined): Promise<unknown> {
    const url = `${world.provider.url}/token`
    let nonce: string | null = null
    for (;;) {
      const claims = { ath: undefined, ...(nonce === null ? {} : { nonce }) }
      const dpop = await thief?.proof({ url, method: 'POST', token: '', claims })
      const body = new URLSearchParams({ client_id: 'public', ...parameters })
      const answer = await fetch(url, { method: 'POST', body, headers: dpop === undefined ? {} : { dpop } })
      const found = (await answer.json()) as { error?: string; error_description?: string }
      if (found.error !== 'use_dpop_nonce') return found.error_description ?? 'tokens'
      nonce = answer.headers.get('dpop-nonce')
    }
  }

  it.each([
    ['another key', true],
    ['no proof', false],
  ])('a stolen code is useless with %s', async (_name, hasKey) => {
    const app = await start()
    const agent = app.agent()
    const back = new URL(await response(agent, '/profile'))
    const cookies = new Map(agent.jar.cookies().map(({ name, value }) => [name, value] as const))
    const under = openPlanted(app, back.searchParams.get('state'), cookies, { dpop: true })
    const stolen = {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      code_verifier: under.verifier,
      redirect_uri: `${app.url}/callback`,
    }
    const thief = hasKey ? await dpopClient() : undefined
    expect(await asThief(stolen, thief)).toBe('the code is bound to another key')
  })

  it.each([
    ['another key', true],
    ['no proof', false],
  ])('a stolen refresh token is useless with %s', async (_name, hasKey) => {
    const app = await start()
    const agent = app.agent()
    await logIn(agent)
    const { refreshToken: refresh_token = '' } = await getTokens(agent, app)
    const thief = hasKey ? await dpopClient() : undefined
    const stolen = { grant_type: 'refresh_token', refresh_token }
    expect(await asThief(stolen, thief)).toBe('the refresh token is bound to another key')
  })
})

describe('tokens that are not bound as requested', () => {
  const bearer = { tokenResponse: { token_type: 'Bearer' } }
  const why = 'token response: token_type is bearer, not DPoP, which `dpop` requires'

  it('a login fails with 502 if the provider ignores DPoP', async () => {
    const other = await startTestProvider({ dpop: 'none', signIn: 'alice', algorithm: 'ES256' })
    world.later(() => other.stop())
    const app = await start({ ...confidential, issuer: other.issuer })
    expect((await app.agent().get('/profile')).status).toBe(502)
    expect(listEvents(app, 'login_failed')).toMatchObject([
      { code: 'provider_response_invalid', status: 502, detail: why },
    ])
    expect(await proofs('token', other)).toHaveLength(1)
  })

  it('a login fails with 502 if the token response has a Bearer token', async () => {
    const app = await start()
    world.provider.misbehave(bearer)
    expect((await app.agent().get('/profile')).status).toBe(502)
    expect(listEvents(app, 'login_failed')).toMatchObject([
      { code: 'provider_response_invalid', status: 502, detail: why },
    ])
  })

  it('a refresh that yields a Bearer token fails with 502, and the login keeps its tokens', async () => {
    const app = await start()
    const agent = app.agent()
    const jkt = await logIn(agent)
    // The response repeats the refresh token, so that only the token type is wrong.
    const { refreshToken } = await getTokens(agent, app)
    world.provider.misbehave({ tokenResponse: { ...bearer.tokenResponse, refresh_token: refreshToken } })
    pass(301)
    expect((await askToken(agent, app.url)).status).toBe(502)
    expect(listEvents(app, 'refresh_failed')).toMatchObject([{ code: 'provider_response_invalid', detail: why }])
    expect(await getTokens(agent, app)).toMatchObject({ refreshToken, tokenType: 'dpop' })
    expect(getJkt(String((await getTokens(agent, app))['accessToken']))).toBe(jkt)
  })

  it.each([[['RS256', 'EdDSA']], [[]], [null], ['ES256']])(
    'a provider that announces the algorithms %j gets no request, and the error names the option',
    async (supported) => {
      const app = await start()
      world.provider.misbehave({ metadata: { dpop_signing_alg_values_supported: supported } })
      expect((await app.agent().get('/profile')).status).toBe(500)
      expect(world.provider.requestsTo('authorize')).toEqual([])
      const [failed] = listEvents(app, 'login_failed')
      expect(failed).toMatchObject({ code: 'setup_invalid', status: 500 })
      expect(failed?.['detail']).toBe(
        `\`dpop\` requires ES256; this provider supports ${JSON.stringify(supported)} (dpop_signing_alg_values_supported)`,
      )
    },
  )

  it('a provider that announces no algorithms gets the request', async () => {
    const app = await start()
    world.provider.misbehave({ metadata: { dpop_signing_alg_values_supported: undefined } })
    await logIn(app.agent())
  })

  it('roles are not read from an access token that is bound to another key', async () => {
    const roles = (sources: { accessToken: unknown }): string[] => (sources.accessToken ? ['read'] : [])
    const app = await start({ roles })
    const agent = app.agent()
    await logIn(agent)
    expect((await shownToken(agent, app.url)).roles).toEqual(['read'])
    const undo = world.provider.misbehave({ accessToken: { claims: { cnf: { jkt: 'another' } } } })
    pass(301)
    expect((await shownToken(agent, app.url)).roles).toEqual([])
    const other = app.agent()
    await logIn(other)
    expect((await shownToken(other, app.url)).roles).toEqual([])
    undo()
    pass(602)
    expect((await shownToken(agent, app.url)).roles).toEqual(['read'])
  })
})

describe('the binding of a login', () => {
  it('a login keeps its binding when the `dpop` option changes', async () => {
    const [before, after] = await Promise.all([start({ dpop: false }), start()])
    const [unbound, bound] = [before.agent(), after.agent()]
    expect(await logIn(unbound)).toBe('')
    const jkt = await logIn(bound)
    for (const app of [after, before, after]) {
      pass(301)
      expect(getJkt((await shownToken(unbound, app.url)).token)).toBeUndefined()
      expect(getJkt((await shownToken(bound, app.url)).token)).toBe(jkt)
    }
    expect((await getTokens(unbound, after))['tokenType']).toBe('bearer')
  })

  it.each([
    ['is missing', undefined],
    ['is not a string', 5],
    ['is empty', ''],
    ['is malformed', 'nonsense'],
    ['is out of range', 'A'.repeat(43)],
  ])('a login whose key %s needs a new login, without a request to the provider', async (_name, dpopKey) => {
    const app = await start()
    const agent = app.agent()
    await logIn(agent)
    const { dpopKey: good } = await keptTokens(
      world.redis,
      agent,
      app,
      (tokens) => ({ ...tokens, dpopKey }) as StoredTokens,
    )
    expect(good).toMatch(/^[\w-]{43}$/)
    world.provider.forget()
    pass(301)
    const answer = await askToken(agent, app.url)
    expect(answer.status).toBe(401)
    expect(listEvents(app, 'refresh_failed')).toMatchObject([
      {
        code: 'login_required',
        detail: 'the DPoP key of this login is missing or unusable',
      },
    ])
    expect(world.provider.requestsTo('token')).toEqual([])
    // The user remains logged in, and a new login brings a usable key.
    expect((await agent.get('/profile')).status).toBe(200)
    await logIn(agent, '/login?returnTo=/profile')
    await shownToken(agent, app.url)
  })

  it('the key appears in clear neither in the store nor in the browser', async () => {
    const app = await start()
    const agent = app.agent()
    const hops = (await agent.get('/profile')).hops
    const { dpopKey } = await keptTokens(world.redis, agent, app)
    const { redis } = world
    // Other specs use the same Redis at the same time.
    const keys = await redis.client.keys(`*${sessionId(agent)}*`)
    expect(keys.length).toBeGreaterThan(2)
    const values = await Promise.all(keys.map((key) => redis.client.get(key)))
    for (const seen of [JSON.stringify(hops.map(({ headers, url }) => [[...headers], url])), ...keys, ...values]) {
      expect(seen).not.toContain(dpopKey)
      expect(Buffer.from(String(seen), 'base64url').toString('latin1')).not.toContain(dpopKey)
    }
  })
})
