/** Additional access tokens of a login, for less scope or for a resource. */
import { decodeJwt } from 'jose'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { flow, readLocation, listEvents } from '../support/flow.ts'
import { loggedIn } from '../support/logged-in.ts'
import { sessionId } from '../support/session-cookie.ts'
import { tokenRoutes, type ShownToken } from '../support/token-routes.ts'
import { askToken, pass, shownToken, stillClock } from '../support/tokens-app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()
const scope = 'openid offline_access a b c'
const mail = 'https://mail.example.com'
const files = 'https://files.example.com/v1'

async function start(options: Partial<OidcOptions> = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({ options: { scope, ...options }, routes: tokenRoutes })
  return { app, agent: await logIn(app) }
}

function logIn(app: TestApp): Promise<UserAgent> {
  return loggedIn(world, app)
}

/** The scope and resources of each token request since the login. */
function grants(): string[] {
  return world.provider
    .requestsTo('token')
    .map(({ params }) => [...params.getAll('scope'), ...params.getAll('resource')].join(' '))
}

function readClaims({ token }: ShownToken): { sub: string; aud: unknown; scope: string } {
  const { sub, aud, scope } = decodeJwt(token) as { sub: string; aud: unknown; scope: string }
  return { sub, aud, scope }
}

function queryFor(...resources: string[]): string {
  return `?${resources.map((one) => `resource=${encodeURIComponent(one)}`).join('&')}`
}

/** Lets users grant no other scope than `words` for the rest of a test. */
function grantOnly(...words: string[]): void {
  world.provider.grantOnly(words)
  world.later(() => world.provider.grantOnly(undefined))
}

describe('accessToken() with scope or resource', () => {
  it.each([
    ['a scope', '?scope=a', { aud: 'account', scope: 'a' }],
    ['several scopes', '?scope=a%20c', { aud: 'account', scope: 'a c' }],
    ['a resource', queryFor(mail), { aud: mail, scope }],
    ['several resources', queryFor(mail, files), { aud: [mail, files], scope }],
    ['a resource and a scope', `${queryFor(files)}&scope=b`, { aud: files, scope: 'b' }],
  ])(
    'accessToken() refreshes once for a token with %s, and stores it beside that of the login',
    { meta: { id: 'other-tokens-1' } },
    async (_, query, claims) => {
      const { app, agent } = await start()
      const own = await shownToken(agent, app.url)
      const other = await shownToken(agent, app.url, query)
      expect(readClaims(other)).toEqual({ sub: 'alice', ...claims })
      expect(world.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))).toEqual([
        'refresh_token',
      ])
      for (const time of [1, 2]) {
        expect([time, (await shownToken(agent, app.url, query)).token]).toEqual([time, other.token])
        expect([time, await shownToken(agent, app.url)]).toEqual([time, own])
      }
      expect(grants()).toHaveLength(1)
      expect(listEvents(app, 'refresh')).toMatchObject([{ sub: 'alice', reason: 'expiry' }])
    },
  )

  it('accessToken() returns the same token whatever the order and the form of its parameters', async () => {
    const { app, agent } = await start()
    const { token } = await shownToken(agent, app.url, `?scope=a&scope=b&resource=${mail}&resource=${files}`)
    for (const query of [
      `?scope=b&scope=a&resource=${mail}&resource=${files}`,
      `?scope=b%20a&resource=${files}&resource=${mail}`,
      `?scope=a%20b%20a&resource=${files}&resource=${mail}&resource=${files}`,
    ]) {
      expect([query, (await shownToken(agent, app.url, query)).token]).toEqual([query, token])
    }
    expect(grants()).toHaveLength(1)
  })

  it(
    'accessToken() returns a different token for each scope and resource, with exactly those',
    { meta: { id: 'other-tokens-2' } },
    async () => {
      const { app, agent } = await start()
      const queries = ['', '?scope=a', '?scope=a%20b', queryFor(mail), queryFor(files), `${queryFor(mail)}&scope=a`]
      const tokens = []
      for (const query of queries) tokens.push(await shownToken(agent, app.url, query))
      expect(tokens.map((token) => [readClaims(token).scope, readClaims(token).aud])).toEqual([
        [scope, 'account'],
        ['a', 'account'],
        ['a b', 'account'],
        [scope, mail],
        [scope, files],
        ['a', mail],
      ])
      expect(grants()).toHaveLength(5)
    },
  )

  it('each token is refreshed separately, with the one refresh token of the login', async () => {
    const { app, agent } = await start()
    const own = await shownToken(agent, app.url)
    pass(100)
    const first = await shownToken(agent, app.url, '?scope=a')
    // The token of the login itself is about to expire; this one is not.
    pass(175)
    expect((await shownToken(agent, app.url, '?scope=a')).token).toBe(first.token)
    expect((await shownToken(agent, app.url)).token).not.toBe(own.token)
    expect((await shownToken(agent, app.url, '?scope=a')).token).toBe(first.token)
    pass(100)
    const second = await shownToken(agent, app.url, '?scope=a')
    expect(second.token).not.toBe(first.token)
    expect(readClaims(second).scope).toBe('a')
    expect(grants()).toEqual(['a', '', 'a'])
    const presented = world.provider.requestsTo('token').map(({ params }) => params.get('refresh_token'))
    expect(new Set(presented).size).toBe(3)
  })

  it('an additional token is refreshed as early as minValidSeconds requires', async () => {
    const { app, agent } = await start()
    const first = await shownToken(agent, app.url, '?scope=a')
    pass(100)
    expect((await shownToken(agent, app.url, '?scope=a&minValidSeconds=200')).token).toBe(first.token)
    expect((await shownToken(agent, app.url, '?scope=a&minValidSeconds=201')).token).not.toBe(first.token)
  })

  it('an additional token is returned until it expires while the provider is down', async () => {
    const { app, agent } = await start()
    const { token } = await shownToken(agent, app.url, '?scope=a')
    world.provider.misbehave({ endpoints: { token: { status: 503 } } })
    pass(290)
    expect((await shownToken(agent, app.url, '?scope=a')).token).toBe(token)
    pass(11)
    expect((await askToken(agent, app.url, '?scope=a')).status).toBe(503)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  })

  it('tokens() does not return additional tokens', async () => {
    const { app, agent } = await start()
    const tokens = async (): Promise<Record<string, unknown>> => (await agent.fetch(`${app.url}/tokens`)).json()
    const { refreshToken: _spent, ...before } = await tokens()
    await shownToken(agent, app.url, '?scope=a')
    const { refreshToken: _new, ...after } = await tokens()
    expect(after).toEqual(before)
  })

  it('an additional token of one login is never returned to another', { meta: { id: 'other-tokens-3' } }, async () => {
    const { app, agent } = await start()
    world.provider.signIn('bob')
    const other = await logIn(app)
    const [alices, bobs] = await Promise.all([agent, other].map((each) => shownToken(each, app.url, '?scope=a')))
    expect([alices, bobs].map((shown) => readClaims(shown as ShownToken).sub)).toEqual(['alice', 'bob'])
  })

  it(
    'concurrent requests for several targets refresh one after the other, each with its own token',
    { meta: { id: 'other-tokens-4' } },
    async () => {
      const { app, agent } = await start()
      const other = await world.start({ options: { scope }, routes: tokenRoutes })
      pass(301)
      const queries = ['', '?scope=a', '?scope=b', queryFor(mail)]
      const urls = [app.url, other.url, app.url]
      // Held until the first token request arrives, so that all others wait for it.
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const requested = queries.flatMap((query) => urls.map((url) => shownToken(agent, url, query)))
      await world.provider.waitForRequest('token')
      undo()
      const shown = await Promise.all(requested)
      const tokens = queries.map((_, index) => shown.slice(index * urls.length, (index + 1) * urls.length))
      for (const same of tokens) expect(new Set(same.map(({ token }) => token)).size).toBe(1)
      expect(tokens.map(([one]) => readClaims(one as ShownToken))).toEqual([
        { sub: 'alice', aud: 'account', scope },
        { sub: 'alice', aud: 'account', scope: 'a' },
        { sub: 'alice', aud: 'account', scope: 'b' },
        { sub: 'alice', aud: mail, scope },
      ])
      expect(grants().toSorted()).toEqual(['', 'a', 'b', mail].toSorted())
      // The reuse of a refresh token would have ended the login.
      for (const query of queries) await shownToken(agent, app.url, query)
      expect(grants()).toHaveLength(4)
    },
  )

  it('a login stores twenty additional tokens and drops the one that it obtained first', async () => {
    const { app, agent } = await start()
    const resource = (index: number): string => queryFor(`https://api-${index}.example.com`)
    for (let index = 0; index < 21; index++) await shownToken(agent, app.url, resource(index))
    expect(grants()).toHaveLength(21)
    for (let index = 1; index < 21; index++) await shownToken(agent, app.url, resource(index))
    expect(grants()).toHaveLength(21)
    await shownToken(agent, app.url, resource(0))
    expect(grants()).toHaveLength(22)
    await shownToken(agent, app.url)
    expect(grants()).toHaveLength(22)
  })

  it('an expired additional token is dropped once another one is obtained', async () => {
    const { app, agent } = await start()
    const key = `oidc:{sess:${sessionId(agent)}}:tokens:default`
    const size = async (): Promise<number> => (await world.redis.client.get(key))?.length ?? 0
    await shownToken(agent, app.url, '?scope=a')
    const one = await size()
    await shownToken(agent, app.url, '?scope=b')
    await shownToken(agent, app.url, queryFor(mail))
    expect(await size()).toBeGreaterThan(one + 1000)
    pass(301)
    await shownToken(agent, app.url, '?scope=c')
    // One additional token is left, as in the first measurement.
    expect(Math.abs((await size()) - one)).toBeLessThan(100)
  })

  it('a response with an ID token of another subject is rejected, and the login is unchanged', async () => {
    const { app, agent } = await start()
    const own = await shownToken(agent, app.url)
    world.provider.misbehave({ idToken: { claims: { sub: 'bob' } } })
    // Only with openid is there an ID token.
    expect((await askToken(agent, app.url, '?scope=openid%20a')).status).toBe(502)
    expect(await shownToken(agent, app.url)).toEqual(own)
  })

  it('accessToken() ends the login if the provider rejects the refresh token', async () => {
    const { app, agent } = await start()
    world.provider.endSession('alice')
    expect((await askToken(agent, app.url, '?scope=a')).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'refresh_refused' }])
  })

  it('accessToken() uses the new refresh token if another process has used the one that was sent', async () => {
    const { app, agent } = await start()
    // The lock is lost, as in a process that hangs for longer than the lock lasts. The provider rejects the refresh token
    // that was used meanwhile, but does not revoke the login for its reuse.
    const refused = { status: 400, body: { error: 'invalid_grant' } }
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, times: 1, ...refused } } })
    const slow = shownToken(agent, app.url, '?scope=a')
    await world.provider.waitForRequest('token')
    const [login] = listEvents(app, 'login')
    expect(await world.redis.client.del(`oidc:refresh:${String(login?.['loginId'])}`)).toBe(1)
    const other = await world.start({ options: { scope }, routes: tokenRoutes })
    await shownToken(agent, other.url, '?scope=b')
    undo()
    expect(readClaims(await slow).scope).toBe('a')
    expect(listEvents(app, 'logout')).toEqual([])
  })

  it('accessToken() fails and revokes the new token if the user logs out meanwhile', async () => {
    const { app, agent } = await start()
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    const requested = askToken(agent, app.url, '?scope=a')
    await world.provider.waitForRequest('token')
    await agent.fetch(`${app.url}/logout`, { method: 'POST', headers: { accept: 'application/json' } })
    undo()
    expect((await requested).status).toBe(401)
    // Two revocations by the logout, and one by the refresh.
    expect(world.provider.requestsTo('revocation')).toHaveLength(3)
  })
})

describe('the scope of a login', () => {
  it('the scope of a login includes what was granted for any token, from the same request on', async () => {
    const app = await world.start({
      options: { scope },
      routes: (express, oidc) => {
        tokenRoutes(express)
        express.get('/extra', oidc.requireAuth({ scope: 'extra' }), (_req, res) => void res.send('inside'))
      },
    })
    const agent = await logIn(app)
    expect((await agent.fetch(`${app.url}/extra`)).status).toBe(403)
    const undo = world.provider.misbehave({ tokenResponse: { scope: 'a extra' } })
    const whole = [...scope.split(' '), 'extra']
    expect((await shownToken(agent, app.url, '?scope=a')).scope).toEqual(whole)
    undo()
    expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ scope: whole })
    expect((await agent.fetch(`${app.url}/extra`)).text()).toBe('inside')
  })
})

describe('a token that the provider does not issue', () => {
  const refusals: [string, string, () => void][] = [
    ['scope that was not granted', '?scope=d', () => {}],
    [
      'a resource that the provider does not know',
      queryFor(mail),
      () =>
        world.provider.misbehave({
          endpoints: {
            token: {
              status: 400,
              body: { error: 'invalid_target' },
              when: ({ params }) => params.getAll('resource').includes(mail),
            },
          },
        }),
    ],
    [
      'a token that has less scope than requested',
      '?scope=a%20b',
      () => world.provider.misbehave({ tokenResponse: (body) => ({ ...body, scope: 'a' }) }),
    ],
  ]

  it.each(refusals)('accessToken() answers 403 and keeps the login for %s', async (_, query, refuse) => {
    const { app, agent } = await start()
    // The login itself requested this more than five minutes ago, so that it can be requested again.
    pass(301)
    const own = await shownToken(agent, app.url)
    refuse()
    for (const time of [1, 2]) {
      const answer = await askToken(agent, app.url, query)
      expect([time, answer.status]).toEqual([time, 403])
      expect(answer.json()).toMatchObject({
        code: 'not_allowed',
        title: 'This requires a permission that you have not granted.',
        login: expect.stringMatching(/^http:.*\/login\?returnTo=%2F&ask=[\w-]+$/) as string,
      })
    }
    world.provider.behave()
    const { token } = await shownToken(agent, app.url)
    expect(token).toBe(own.token)
    // Tokens that the provider does issue are still available.
    expect(readClaims(await shownToken(agent, app.url, '?scope=c')).scope).toBe('c')
    expect(listEvents(app, 'logout')).toEqual([])
  })

  it('a token with less scope than requested is not requested again until it expires', async () => {
    const { app, agent } = await start()
    world.provider.misbehave({ tokenResponse: { scope: 'a' } })
    for (const time of [1, 2])
      expect([time, (await askToken(agent, app.url, '?scope=a%20b')).status]).toEqual([time, 403])
    expect(grants()).toHaveLength(1)
  })

  it('a token response may omit openid, offline_access, profile and email from its scope', async () => {
    const { app, agent } = await start({ scope: `${scope} profile email` })
    world.provider.misbehave({ tokenResponse: { scope: 'a' } })
    await shownToken(agent, app.url, '?scope=openid%20offline_access%20profile%20email%20a')
  })

  it('a navigation requests missing scope in addition to the granted scope, and then gets the token', async () => {
    const { app, agent } = await start()
    const page = await agent.get(`${app.url}/token?scope=d`)
    expect(page.status).toBe(200)
    expect(page.url).toBe(`${app.url}/token?scope=d`)
    expect(readClaims(page.json() as unknown as ShownToken).scope).toBe('d')
    const [requested, ...more] = world.provider.requestsTo('authorize')
    expect(more).toEqual([])
    expect(requested?.params.get('scope')).toBe(`${scope} d`)
    expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ scope: `${scope} d`.split(' ') })
  })

  it('a navigation requests the scope of a refused token together with its resources', async () => {
    const { app, agent } = await start()
    const undo = world.provider.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_target' } } } })
    const answer = await agent.get(`${app.url}/token${queryFor(mail, files)}&scope=d`, { redirect: 'manual' })
    undo()
    const requested = new URL(readLocation(answer)).searchParams
    expect(requested.getAll('resource')).toEqual([mail, files])
    expect(requested.get('scope')).toBe(`${scope} d`)
  })

  it('a navigation also requests the resource of a token with less scope than requested', async () => {
    const { app, agent } = await start()
    world.provider.misbehave({ tokenResponse: { scope: 'a' } })
    const answer = await agent.get(`${app.url}/token${queryFor(mail)}&scope=a%20b`, { redirect: 'manual' })
    const requested = new URL(readLocation(answer)).searchParams
    expect(requested.getAll('resource')).toEqual([mail])
  })

  /** Follows a navigation to its last page. The user agent gives up after twenty requests. */
  async function getPage(agent: UserAgent, app: TestApp, query: string): Promise<UserAgentResponse> {
    world.provider.forget()
    return agent.get(`${app.url}/token${query}`)
  }

  it('scope that the user denies is answered with 403, and requested once in five minutes', async () => {
    const { app, agent } = await start()
    grantOnly('a', 'b', 'c', 'offline_access')
    const refused = await getPage(agent, app, '?scope=d')
    expect(refused.status).toBe(403)
    expect(refused.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
    pass(290)
    expect((await getPage(agent, app, '?scope=d')).status).toBe(403)
    expect(world.provider.requestsTo('authorize')).toEqual([])
    // The login itself still works.
    expect(readClaims(await shownToken(agent, app.url, '?scope=a')).scope).toBe('a')
    pass(11)
    world.provider.grantOnly(undefined)
    expect((await getPage(agent, app, '?scope=d')).status).toBe(200)
  })

  it('a resource that is refused even after a login for it is answered with 403, and requested once', async () => {
    const { app, agent } = await start()
    world.provider.misbehave({
      endpoints: {
        token: {
          status: 400,
          body: { error: 'invalid_target' },
          when: ({ params }) => params.get('grant_type') === 'refresh_token',
        },
      },
    })
    expect((await getPage(agent, app, queryFor(mail))).status).toBe(403)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
    expect((await getPage(agent, app, queryFor(mail))).status).toBe(403)
    expect(world.provider.requestsTo('authorize')).toEqual([])
    // Another resource was not requested yet.
    expect((await getPage(agent, app, queryFor(files))).status).toBe(403)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
  })

  it('a login for another resource also requests the earlier ones, whose tokens stay available', async () => {
    const provider = world.provider
    const { app, agent } = await start({ resource: 'https://own.example.com' })
    for (const query of [queryFor(mail), queryFor(files), queryFor(mail)]) {
      expect([query, (await getPage(agent, app, query)).status]).toEqual([query, 200])
    }
    expect(provider.requestsTo('authorize')).toEqual([])
    expect(readClaims(await shownToken(agent, app.url, queryFor(files))).aud).toBe(files)
    expect(readClaims(await shownToken(agent, app.url, queryFor('https://own.example.com'))).aud).toBe(
      'https://own.example.com',
    )
  })
})

describe('a token that needs user interaction', () => {
  const claims = '{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}'
  const consent = { error: 'invalid_grant', suberror: 'consent_required', error_codes: [65_001] }

  it.each([
    ['invalid_grant with consent_required (Entra)', consent],
    ['interaction_required', { error: 'interaction_required' }],
    ['consent_required', { error: 'consent_required' }],
  ])('the error %s ends no login, and a navigation requests the claims that it names', async (_, body) => {
    const { app, agent } = await start()
    const isOther = ({ params }: { params: URLSearchParams }): boolean => params.get('scope') === 'a'
    const undo = world.provider.misbehave({
      endpoints: { token: { status: 400, body: { ...body, claims }, when: isOther } },
    })
    expect((await askToken(agent, app.url, '?scope=a')).json()).toMatchObject({ status: 403, code: 'not_allowed' })
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect(listEvents(app, 'logout')).toEqual([])
    const requested = new URL(readLocation(await agent.get(`${app.url}/token?scope=a`, { redirect: 'manual' })))
      .searchParams
    expect(requested.get('claims')).toBe(claims)
    expect(requested.get('scope')).toBe(scope)
    undo()
    expect(readClaims(await shownToken(agent, app.url, '?scope=a')).scope).toBe('a')
  })

  it('a token that still needs user interaction after a login is answered with 403', async () => {
    const { app, agent } = await start()
    world.provider.misbehave({
      endpoints: { token: { status: 400, body: { ...consent, claims }, when: ({ params }) => params.has('scope') } },
    })
    expect((await agent.get(`${app.url}/token?scope=a`)).status).toBe(403)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
  })

  it('different claims are requested again at once', async () => {
    const { app, agent } = await start()
    let round = 0
    world.provider.misbehave({
      respond: ({ params }) =>
        params.get('grant_type') === 'refresh_token'
          ? Response.json({ ...consent, claims: `{"access_token":{"round":${++round}}}` }, { status: 400 })
          : undefined,
    })
    for (const time of [1, 2]) {
      const answer = await agent.get(`${app.url}/token?scope=a`, { redirect: 'manual' })
      const authorization = readLocation(answer)
      expect(new URL(authorization).searchParams.get('claims')).toContain(`"round":${time}`)
      await agent.get(readLocation(await agent.get(authorization, { redirect: 'manual' })), { redirect: 'manual' })
    }
  })
})

describe('without a refresh token', () => {
  it.each([['?scope=a'], [queryFor(mail)]])(
    'accessToken(%s) fails with setup_invalid without a refresh token',
    async (query) => {
      const app = await world.start({ options: { scope }, routes: tokenRoutes })
      world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
      const agent = await logIn(app)
      const answer = await askToken(agent, app.url, query)
      expect(answer.status).toBe(500)
      expect(answer.json()).toMatchObject({ code: 'setup_invalid' })
      expect(answer.text()).not.toContain('offline_access')
      await shownToken(agent, app.url)
    },
  )

  it('the detail of the error without a refresh token mentions offline_access', async () => {
    const details: (string | undefined)[] = []
    const app = await world.start({
      options: { onError: (error, _req, res) => (details.push(error.detail), void res.status(error.status).end()) },
      routes: tokenRoutes,
    })
    world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
    const agent = await logIn(app)
    await askToken(agent, app.url, '?scope=a')
    expect(details).toEqual([expect.stringContaining('offline_access')])
  })
})

describe('invalid parameters of accessToken()', () => {
  it.each([
    ['scope=', '`scope` must be words separated by spaces, or an array of words'],
    ['scope=a%22b', '`scope` must be words separated by spaces, or an array of words'],
    ['resource=', '`resource` must be an absolute URI without a fragment'],
    ['resource=orders', '`resource` must be an absolute URI without a fragment'],
    ['resource=https%3A%2F%2Fa.example%23b', '`resource` must be an absolute URI without a fragment'],
    [`resource=${mail}&resource=orders`, '`resource` must be an absolute URI without a fragment'],
    ['scopes=a', '`scopes` is not an option; did you mean `scope`?'],
  ])('the error of accessToken() names the invalid parameter: %s', async (query, message) => {
    const { app, agent } = await start()
    const answer = await askToken(agent, app.url, `?${query}`)
    expect(answer.status).toBe(500)
    expect(answer.json()).toMatchObject({ code: 'options_invalid', title: expect.stringContaining(message) as string })
    expect(grants()).toEqual([])
  })
})

describe('a recheck and an additional token at the same time', () => {
  it('a recheck and an additional token refresh one after the other', async () => {
    const { app, agent } = await start()
    pass(300)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    await world.provider.waitForRequest('token')
    const other = shownToken(agent, app.url, '?scope=a')
    undo()
    expect(readClaims(await other).scope).toBe('a')
    await until(() => listEvents(app, 'refresh').length === 2, 'both refreshes are reported')
    expect(listEvents(app, 'refresh').map(({ reason }) => reason)).toEqual(['recheck', 'expiry'])
    expect(grants()).toEqual(['', 'a'])
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  })
})
