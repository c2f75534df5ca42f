/** Sessions and access tokens on one route: a token is evaluated alone, and a login never makes up for an invalid one. */
import { request } from 'node:http'
import type { Express, Request } from 'express'
import {
  createOidc,
  requireAnyAuth,
  type OidcAuthRule,
  type BearerTokenOptions,
  type Oidc,
  type OidcError,
  type OidcOptions,
} from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, secret, type AppSetup, type TestApp } from '../support/app.ts'
import { findFaults } from '../support/find-faults.ts'
import { flow, catchError } from '../support/flow.ts'

const world = flow()
const seconds = (): number => Math.floor(Date.now() / 1000)

/** An access token of Bob for the audience `orders`. The browsers of this file are logged in as Alice. */
function token(changes: Record<string, unknown> = {}): Promise<string> {
  const { provider } = world
  const iat = seconds()
  const claims = { iss: provider.issuer, aud: 'orders', sub: 'bob', scope: 'orders:read', iat, exp: iat + 300 }
  return provider.sign({ ...claims, jti: crypto.randomUUID(), ...changes })
}

/** The user of a request, by every API that an application can use to find it. */
function who(oidc: Oidc, req: Request): object {
  let user: string
  try {
    user = oidc.user(req).sub
  } catch (error) {
    user = `${(error as OidcError).status} ${(error as OidcError).code}`
  }
  const { isAuthenticated, roles, scope, user: own } = getContext(req)
  const context = oidc.context(req)
  return {
    token: req.auth?.sub ?? null,
    user,
    isAuthenticated: isAuthenticated || context.isAuthenticated || own !== undefined || context.user !== undefined,
    roles,
    scope,
  }
}

const byToken = { token: 'bob', user: '401 login_required', isAuthenticated: false, roles: [], scope: [] }
const bySession = { token: null, user: 'alice', isAuthenticated: true }

const ways = ['/both', '/api'] as const

async function start(setup: Partial<AppSetup> & { rule?: OidcAuthRule; bearer?: BearerTokenOptions } = {}): Promise<{
  app: TestApp
  agent: UserAgent
  rejected: string[]
}> {
  const { rule, bearer = { audience: 'orders' }, routes, ...rest } = setup
  const rejected: string[] = []
  const app = await world.start({
    options: { bearer, ...(rest.options as Partial<OidcOptions> | undefined) },
    ...rest,
    routes: (made: Express, oidc, url) => {
      oidc.on('token_rejected', ({ code }) => rejected.push(code))
      made.all('/both', oidc.requireAuth({ bearer: true, ...rule }), (req, res) => void res.json(who(oidc, req)))
      made.all('/api', oidc.requireBearer(), (req, res) => void res.json(who(oidc, req)))
      made.all('/session', oidc.requireAuth(), (req, res) => void res.json(who(oidc, req)))
      made.all('/optional', oidc.requireBearer({ optional: true }), (req, res) => void res.json(who(oidc, req)))
      routes?.(made, oidc, url)
    },
  })
  return { app, agent: app.agent(), rejected }
}

async function logIn(agent: UserAgent): Promise<void> {
  expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
}

function send(agent: UserAgent, path: string, authorization?: string, method = 'GET'): Promise<UserAgentResponse> {
  return agent.fetch(path, { method, redirect: 'manual', headers: { authorization } })
}

describe('requireAuth() with `bearer`', () => {
  it('accepts a logged-in request without a token', async () => {
    const { agent } = await start()
    await logIn(agent)
    expect((await send(agent, '/both')).json()).toMatchObject(bySession)
  })

  it('accepts a token without a session, and creates no session', async () => {
    const { agent } = await start()
    const answer = await send(agent, '/both', `Bearer ${await token()}`)
    expect(answer.json()).toEqual(byToken)
    expect(answer.cookiesSet).toEqual([])
  })

  it('sends the Bearer challenge in every 401, to API clients and pages alike', async () => {
    const { app, agent } = await start({ rule: { redirect: false } })
    const none = await send(agent, '/both')
    expect([none.status, none.json()]).toMatchObject([401, { code: 'login_required' }])
    const challenge = `Bearer realm="orders", resource_metadata="${app.url}/.well-known/oauth-protected-resource"`
    expect(none.headers.get('www-authenticate')).toBe(challenge)
    const page = await agent.get('/both')
    expect([page.status, page.headers.get('www-authenticate')]).toEqual([401, challenge])
    // A route without `bearer` has no such challenge.
    expect((await send(agent, '/session')).headers.get('www-authenticate')).toBeNull()
  })

  it('evaluates only the token of a request that has a session too, and logs nobody in', async () => {
    const { agent } = await start()
    await logIn(agent)
    const both = await send(agent, '/both', `Bearer ${await token()}`)
    expect(both.hops[0]?.requestHeaders['cookie']).toContain('connect.sid')
    expect(both.json()).toEqual(byToken)
    // The third time the token comes from the cache. The session itself is unchanged.
    const same = `bearer ${await token()}`
    for (let time = 0; time < 3; time++) expect((await send(agent, '/both', same)).json()).toEqual(byToken)
    expect((await send(agent, '/both')).json()).toMatchObject(bySession)
  })

  it.each(['Basic d2ViOnNlY3JldA==', 'Negotiate abc', 'Bearer-Token abc', ''])(
    'evaluates the session if the Authorization header has another scheme: %j',
    async (authorization) => {
      const { agent, app } = await start()
      await logIn(agent)
      expect((await send(agent, '/both', authorization)).json()).toMatchObject(bySession)
      const stranger = await send(app.agent(), '/both', authorization)
      expect(stranger.json()).toMatchObject({ status: 401, code: 'login_required' })
    },
  )

  it('answers a request without login and token as requireAuth() without `bearer` does', async () => {
    const { app } = await start()
    expect((await send(app.agent(), '/both')).json()).toMatchObject({
      code: 'login_required',
      login: expect.any(String),
    })
    const navigation = await app.agent().get('/both', { redirect: 'manual' })
    expect(navigation.status).toBe(302)
    expect(navigation.headers.get('location')).toMatch(world.provider.url)
  })

  it('applies the same rule to logins and tokens, each by its own claims and roles', async () => {
    const { agent } = await start({ rule: { roles: 'admin', claims: { sub: 'alice' } } })
    await logIn(agent)
    expect((await send(agent, '/both')).json()).toMatchObject(bySession)
    // Alice has the role; the user of the token does not.
    const denied = await send(agent, '/both', `Bearer ${await token({ roles: ['editor'] })}`)
    expect(denied.json()).toMatchObject({ status: 403, code: 'not_allowed', error: 'insufficient_scope' })
    const admitted = await send(agent, '/both', `Bearer ${await token({ roles: ['admin'], sub: 'alice' })}`)
    expect(admitted.json()).toMatchObject({ token: 'alice', isAuthenticated: false })
  })

  it('passes the claims of the token to `check`', async () => {
    const seen: unknown[] = []
    const check = (claims: object): boolean => {
      seen.push(claims)
      return true
    }
    const { agent } = await start({ rule: { check } })
    await logIn(agent)
    await send(agent, '/both', `Bearer ${await token({ tenant: 'acme' })}`)
    expect(seen).toMatchObject([{ sub: 'bob', tenant: 'acme', aud: 'orders' }])
  })

  it('uses the audience of the rule if the options have none', async () => {
    const own = { bearer: { audience: 'billing' } }
    const app = await world.start({
      routes: (made, oidc) => void made.get('/own', oidc.requireAuth(own), (req, res) => void res.json(who(oidc, req))),
    })
    const orders = await send(app.agent(), '/own', `Bearer ${await token()}`)
    expect(orders.json()).toMatchObject({ status: 401, error: 'invalid_token' })
    // Without an audience in the options the realm is the base URL.
    expect(orders.headers.get('www-authenticate')).toMatch(new RegExp(`^Bearer realm="${app.url}", `))
    expect((await send(app.agent(), '/own', `Bearer ${await token({ aud: 'billing' })}`)).json()).toEqual(byToken)
  })

  it('requireAuth() without `bearer` ignores tokens', async () => {
    const { agent, app } = await start()
    await logIn(agent)
    const authorization = `Bearer ${await token()}`
    expect((await send(agent, '/session', authorization)).json()).toMatchObject(bySession)
    expect((await send(app.agent(), '/session', authorization)).json()).toMatchObject({ code: 'login_required' })
  })
})

describe.each(ways)('a logged-in request with a rejected token, at %s', (path) => {
  it.each([
    ['an empty token', () => 'Bearer', 400, 'invalid_request'],
    ['a token of spaces', () => 'Bearer    ', 400, 'invalid_request'],
    ['an empty token of the DPoP scheme', () => 'DPoP', 400, 'invalid_request'],
    [
      'several tokens in one header',
      async () => `Bearer ${await token()}, Bearer ${await token()}`,
      400,
      'invalid_request',
    ],
    ['a token in quotes', async () => `Bearer "${await token()}"`, 400, 'invalid_request'],
    ['a value that is not a JWT', () => 'Bearer abc', 401, 'invalid_token'],
    ['the string undefined, as scripts send it', () => 'Bearer undefined', 401, 'invalid_token'],
    ['the string null, as scripts send it', () => 'Bearer null', 401, 'invalid_token'],
    ['an expired token', async () => `Bearer ${await token({ exp: 1 })}`, 401, 'invalid_token'],
    ['a token for another audience', async () => `Bearer ${await token({ aud: 'account' })}`, 401, 'invalid_token'],
    [
      'a token of another issuer',
      async () => `bearer ${await token({ iss: 'https://a.example' })}`,
      401,
      'invalid_token',
    ],
    ['a token of the DPoP scheme, which is not enabled', async () => `DPoP ${await token()}`, 401, 'invalid_token'],
  ] as [string, () => string | Promise<string>, number, string][])(
    'a live session does not make up for %s',
    async (_what, make, status, error) => {
      const { agent, rejected } = await start()
      await logIn(agent)
      const answer = await send(agent, path, await make())
      expect(answer.hops[0]?.requestHeaders['cookie']).toContain('connect.sid')
      expect(answer.status).toBe(status)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('www-authenticate')).toMatch(new RegExp(`^Bearer realm="orders", error="${error}"`))
      expect(answer.json()).toMatchObject({ error })
      expect(rejected).toHaveLength(1)
      // The login remains as well.
      expect((await send(agent, '/session')).json()).toMatchObject(bySession)
    },
  )

  it.each([0, 1])(
    'a second Authorization header is answered 400 despite a live session, with Bearer at index %d',
    async (place) => {
      const { agent, app } = await start()
      await logIn(agent)
      const authorization = ['Basic d2ViOnNlY3JldA==']
      authorization.splice(place, 0, `Bearer ${await token()}`)
      const cookie = `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`
      const headers: Record<string, string | string[]> = { authorization, cookie }
      const status = await new Promise((resolve, reject) => {
        const sent = request(app.url + path, { headers, agent: false })
        sent.on('response', (response) => resolve(response.resume().statusCode))
        sent.on('error', reject).end()
      })
      expect(status).toBe(400)
    },
  )

  it('a token that cannot be verified now is answered 503 despite a live session', async () => {
    const { agent } = await start({ bearer: { audience: 'orders', cacheSeconds: 0 } })
    await logIn(agent)
    // The token is signed with a key that is not cached and cannot be fetched.
    await world.provider.rotateKeys()
    const fresh = await token()
    await world.provider.stop()
    const answer = await send(agent, path, `Bearer ${fresh}`)
    expect(answer.json()).toMatchObject({ status: 503, code: 'provider_unavailable' })
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]/)
    expect((await send(agent, '/session')).json()).toMatchObject(bySession)
  })

  it('a navigation with an invalid token is answered with problem+json, not redirected', async () => {
    const { agent } = await start()
    await logIn(agent)
    const answer = await agent.get(path, { redirect: 'manual', headers: { authorization: 'Bearer abc' } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('location')).toBeNull()
  })

  it('onError sees an unauthenticated request for each kind of rejected token', async () => {
    const found: unknown[] = []
    const { agent } = await start({
      options: {
        bearer: { audience: 'orders' },
        onError(error, req, res) {
          found.push([error.status, getContext(req).isAuthenticated])
          res.status(error.status).end()
        },
      },
    })
    await logIn(agent)
    await send(agent, path, 'Bearer abc')
    await send(agent, path, 'Bearer')
    expect(found).toEqual([
      [401, false],
      [400, false],
    ])
  })
})

describe('requireBearer() of createOidc()', () => {
  it('requireBearer() ignores the session: a login alone is answered 401', async () => {
    const { agent, rejected } = await start()
    await logIn(agent)
    const answer = await send(agent, '/api')
    expect(answer.json()).toEqual({
      title: 'An access token is required in the Authorization header.',
      status: 401,
      code: 'token_required',
    })
    expect(rejected).toEqual([])
    expect((await send(agent, '/api', `Bearer ${await token()}`)).json()).toEqual(byToken)
  })

  it('an `optional` token makes the session available only to a request without a token', async () => {
    const { agent, app } = await start()
    await logIn(agent)
    expect((await send(agent, '/optional')).json()).toMatchObject(bySession)
    expect((await send(agent, '/optional', `Bearer ${await token()}`)).json()).toEqual(byToken)
    expect((await send(app.agent(), '/optional')).json()).toMatchObject({ token: null, isAuthenticated: false })
    for (const [authorization, status] of [
      [`Bearer ${await token({ exp: 1 })}`, 401],
      ['Bearer abc', 401],
      ['Bearer', 400],
    ] as const) {
      expect((await send(agent, '/optional', authorization)).status).toBe(status)
    }
  })

  it('both guards accept a token before the router and the session middleware', async () => {
    const app = await world.start({
      before: (made) => {
        const oidc = createOidc({
          ...world.provider.settings(),
          baseUrl: 'https://app.example.com',
          secret,
          bearer: { audience: 'orders' },
        })
        made.get(
          '/first',
          oidc.requireBearer(),
          (req, res) => void res.json({ sub: req.auth.sub, oidc: req.oidc ?? null }),
        )
        made.get('/first-both', oidc.requireAuth({ bearer: true }), (req, res) => void res.json({ sub: req.auth?.sub }))
      },
    })
    const authorization = `Bearer ${await token()}`
    expect((await send(app.agent(), '/first', authorization)).json()).toEqual({ sub: 'bob', oidc: null })
    expect((await send(app.agent(), '/first-both', authorization)).json()).toEqual({ sub: 'bob' })
  })

  it('access tokens and ID tokens are verified with one cached key set', async () => {
    const { agent } = await start()
    await logIn(agent)
    world.provider.forget()
    expect((await send(agent, '/api', `Bearer ${await token()}`)).status).toBe(200)
    expect(world.provider.requests).toEqual([])
  })
})

describe('the cross-site check of unsafe requests', () => {
  const foreign = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  const older = { origin: 'https://elsewhere.example', 'sec-fetch-site': undefined }

  it.each([foreign, older])('the cross-site check applies to sessions and not to tokens: %j', async (headers) => {
    const { agent } = await start()
    await logIn(agent)
    const post = (path: string, authorization?: string) =>
      agent.fetch(path, { method: 'POST', redirect: 'manual', headers: { ...headers, authorization } })
    // All of them send the cookie, as a browser would without SameSite.
    const refused = await post('/both')
    expect(refused.hops[0]?.requestHeaders['cookie']).toContain('connect.sid')
    expect(refused.json()).toMatchObject({ status: 403, code: 'cross_site_request' })
    expect((await post('/both', 'Basic d2ViOg==')).json()).toMatchObject({ code: 'cross_site_request' })
    const authorization = `Bearer ${await token()}`
    expect((await post('/both', authorization)).json()).toEqual(byToken)
    expect((await post('/api', authorization)).json()).toEqual(byToken)
    // An invalid token is rejected as such, not as cross-site.
    expect((await post('/both', 'Bearer abc')).json()).toMatchObject({ status: 401, error: 'invalid_token' })
  })

  it("accepts a POST from the application's own pages", async () => {
    const { agent } = await start()
    await logIn(agent)
    expect((await send(agent, '/both', undefined, 'POST')).json()).toMatchObject(bySession)
  })
})

describe('checks of the `bearer` options', () => {
  const login = {
    issuer: 'https://id.example.com',
    clientId: 'web',
    clientSecret: 'a client secret',
    baseUrl: 'https://app.example.com',
    secret,
  }

  it('bearer: true requires an audience in the options of the instance', () => {
    const without = createOidc(login)
    const needed =
      /^`bearer.audience` is missing; pass `bearer: \{ audience: 'orders' }`, or `createOidc\(\{ bearer: \{ audience } }\)`/
    expect(findFaults(() => without.requireAuth({ bearer: true }))).toEqual([expect.stringMatching(needed)])
    expect(findFaults(() => without.requireAuth({ bearer: { audience: 'orders' } }))).toEqual([])
    expect(findFaults(() => without.requireBearer())).toEqual([expect.stringMatching(/^`audience` is missing/)])
    const withAudience = createOidc({ ...login, bearer: { audience: 'orders' } })
    expect(findFaults(() => withAudience.requireAuth({ bearer: true }))).toEqual([])
  })

  it('an audience that is undefined is reported, in options and in rules', () => {
    const unset = /`(?:bearer\.)?audience` is undefined; set the environment variable or remove the option/
    const oidc = createOidc({ ...login, bearer: { audience: 'orders' } })
    for (const work of [
      () => createOidc({ ...login, bearer: { audience: undefined } }),
      () => oidc.requireBearer({ audience: undefined as never }),
      () => oidc.requireAuth({ bearer: { audience: undefined as never } }),
    ]) {
      expect(findFaults(work)).toEqual([expect.stringMatching(unset)])
    }
  })

  it('unknown keys are reported with a suggestion', () => {
    const oidc = createOidc({ ...login, bearer: { audience: 'orders' } })
    expect(findFaults(() => oidc.requireAuth({ beaer: true } as never))).toEqual([
      '`beaer` is not an option; did you mean `bearer`?',
    ])
    expect(findFaults(() => oidc.requireAuth({ bearer: { audiance: 'orders', audience: 'a' } } as never))).toEqual([
      '`bearer.audiance` is not an option; did you mean `audience`?',
    ])
    expect(findFaults(() => createOidc({ ...login, bearer: { audiance: 'orders' } } as never))).toEqual([
      '`bearer.audiance` is not an option; did you mean `audience`?',
    ])
    expect(findFaults(() => oidc.requireBearer({ scopes: 'a' } as never))).toEqual([
      '`scopes` is not an option; did you mean `scope`?',
    ])
  })

  it('requireAnyAuth() throws for a rule with `bearer` instead of ignoring it', () => {
    const oidc = createOidc({ ...login, bearer: { audience: 'orders' } })
    expect(catchError(() => requireAnyAuth([oidc], { bearer: { audience: 'orders' } }))).toMatchObject({
      code: 'options_invalid',
    })
  })
})
