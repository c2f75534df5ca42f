import { MemoryStore } from 'express-session'
import { describe, expect, it, vi } from 'vitest'
import { AsyncStore } from '../support/async-store.ts'
import type { TestApp } from '../support/app.ts'
import { until } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'
import { sessionId } from '../support/session-cookie.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { askToken, pass, shownToken, stillClock } from '../support/tokens-app.ts'
import type { OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type UserAgent } from 'express-session-oidc/testing'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()
const partner = partnerOfFile()

async function start(options: Partial<OidcOptions> = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({ options, routes: tokenRoutes })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  return { app, agent }
}

/** The Redis keys of a session. */
async function listKeys(id: string): Promise<string[]> {
  return await world.redis.client.keys(`*${id}*`)
}

/** The grant type of each token request since the login. */
function grants(): (string | null)[] {
  return world.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))
}

describe('accessToken()', () => {
  it('returns the token of the login while it is fresh, without a request to the provider', async () => {
    const { app, agent } = await start()
    const first = await shownToken(agent, app.url)
    pass(260)
    expect(await shownToken(agent, app.url)).toEqual(first)
    expect(first.isAuthenticated).toBe(true)
    expect(grants()).toEqual([])
  })

  it('refreshes a token 30 s before it expires by default, and then returns the new one', async () => {
    const { app, agent } = await start()
    const first = await shownToken(agent, app.url)
    pass(271)
    const second = await shownToken(agent, app.url)
    expect(second.token).not.toBe(first.token)
    expect(await shownToken(agent, app.url)).toEqual(second)
    expect(grants()).toEqual(['refresh_token'])
    expect(listEvents(app, 'refresh')).toMatchObject([{ sub: 'alice', issuer: world.provider.issuer }])
  })

  it('refreshes a token as early as minValidSeconds requires', async () => {
    const { app, agent } = await start()
    pass(100)
    await shownToken(agent, app.url, '?minValidSeconds=150')
    expect(grants()).toEqual([])
    await shownToken(agent, app.url, '?minValidSeconds=201')
    expect(grants()).toEqual(['refresh_token'])
  })

  it('refreshes a token that lives for less than minValidSeconds after half of its life', async () => {
    const { app, agent } = await start()
    await shownToken(agent, app.url, '?minValidSeconds=400')
    pass(149)
    await shownToken(agent, app.url, '?minValidSeconds=400')
    expect(grants()).toEqual([])
    pass(2)
    await shownToken(agent, app.url, '?minValidSeconds=400')
    await shownToken(agent, app.url, '?minValidSeconds=400')
    expect(grants()).toEqual(['refresh_token'])
  })

  it('refreshes repeatedly with refresh token rotation', async () => {
    const { app, agent } = await start()
    const seen = new Set<string>()
    for (let round = 0; round < 5; round++) {
      seen.add((await shownToken(agent, app.url)).token)
      pass(301)
    }
    expect(seen.size).toBe(5)
    expect(grants()).toHaveLength(4)
    const presented = world.provider.requestsTo('token').map(({ params }) => params.get('refresh_token'))
    expect(new Set(presented).size).toBe(4)
  })

  it('refreshes an expired token once for 25 concurrent requests', { meta: { id: 'refresh-1' } }, async () => {
    const { app, agent } = await start()
    pass(301)
    const shown = await Promise.all(Array.from({ length: 25 }, () => shownToken(agent, app.url)))
    expect(new Set(shown.map(({ token }) => token)).size).toBe(1)
    expect(grants()).toEqual(['refresh_token'])
  })

  it('sends one command more than the guard, and 25 concurrent requests for a new token share one lock', async () => {
    const redis = switchedRedis(world.redis.client)
    const app = await world.start({
      session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }) },
      routes: tokenRoutes,
    })
    const agent = app.agent()
    await agent.get('/profile')
    redis.commands.length = 0
    await shownToken(agent, app.url)
    expect(redis.commands.filter((name) => name === 'get')).toHaveLength(1)
    expect(redis.commands.filter((name) => name === 'set' || name === 'eval')).toEqual([])
    pass(301)
    redis.commands.length = 0
    await Promise.all(Array.from({ length: 25 }, () => shownToken(agent, app.url)))
    expect(redis.commands.filter((name) => name === 'set')).toHaveLength(1)
    // One writes the tokens with the login, the other releases the lock.
    expect(redis.commands.filter((name) => name === 'eval')).toHaveLength(2)
  })

  it(
    'refreshes an expired token once for concurrent requests to four applications',
    { meta: { id: 'refresh-2' } },
    async () => {
      const { app, agent } = await start()
      // Cookies do not depend on ports, so the browser sends the same ones to all of them.
      const others = await Promise.all([1, 2, 3].map(() => world.start({ routes: tokenRoutes })))
      pass(301)
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const requested = [app, ...others].flatMap(({ url }) => [1, 2, 3, 4, 5].map(() => shownToken(agent, url)))
      await world.provider.waitForRequest('token')
      undo()
      const shown = await Promise.all(requested)
      expect(new Set(shown.map(({ token }) => token)).size).toBe(1)
      expect(grants()).toEqual(['refresh_token'])
    },
  )

  it('never returns the token of another login', { meta: { id: 'refresh-3' } }, async () => {
    const { app, agent } = await start()
    world.provider.signIn('bob')
    const other = app.agent()
    await other.get('/profile')
    pass(301)
    const [alices, bobs] = await Promise.all([shownToken(agent, app.url), shownToken(other, app.url)])
    const readSubject = (token: string): string =>
      (JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as { sub: string }).sub
    expect([readSubject(alices.token), readSubject(bobs.token)]).toEqual(['alice', 'bob'])
  })

  it.each([
    ['minValidSeconds=-1', '`minValidSeconds` must be a number of seconds from 0 to 86400'],
    ['minValidSeconds=soon', '`minValidSeconds` must be a number of seconds from 0 to 86400'],
  ])('names the invalid parameter in %s', async (query, message) => {
    const { app, agent } = await start()
    const answer = await askToken(agent, app.url, `?${query}`)
    expect(answer.status).toBe(500)
    expect(answer.text()).toContain(message)
  })

  it('fails with login_required if nobody is logged in', async () => {
    const { app } = await start()
    const answer = await askToken(app.agent(), app.url)
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'login_required' })
  })
})

describe.each([
  ['MemoryStore', () => new MemoryStore()],
  ['a store without atomic operations', () => new AsyncStore()],
])('accessToken() with %s', (_, store) => {
  it('refreshes once for ten concurrent requests, until the provider ends the session', async () => {
    const app = await world.start({ session: { store: store() }, routes: tokenRoutes })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.forget()
    for (let round = 1; round <= 3; round++) {
      pass(301)
      const shown = await Promise.all(Array.from({ length: 10 }, () => shownToken(agent, app.url)))
      expect(new Set(shown.map(({ token }) => token)).size).toBe(1)
      expect(grants()).toHaveLength(round)
    }
    world.provider.endSession('alice')
    pass(301)
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
  })
})

describe('the result of a refresh', () => {
  it('a refresh updates roles, scope and claims, even within the same request', async () => {
    const { app, agent } = await start({ roles: ({ idToken }) => [`role of ${String(idToken['name'])}`] })
    pass(301)
    world.provider.misbehave({
      idToken: { claims: { name: 'Alice Renamed' } },
      tokenResponse: { scope: 'openid profile' },
    })
    const expected = {
      name: 'Alice Renamed',
      roles: ['role of Alice Renamed'],
      scope: ['openid', 'profile'],
      isAuthenticated: true,
    }
    expect(await shownToken(agent, app.url)).toMatchObject(expected)
    expect(await shownToken(agent, app.url)).toMatchObject(expected)
    expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ user: { name: 'Alice Renamed' } })
  })

  it('a refresh response may omit the ID token, the scope and the refresh token', async () => {
    const { app, agent } = await start()
    const before = (await agent.fetch(`${app.url}/tokens`)).json() as Record<string, unknown>
    const { name } = await shownToken(agent, app.url)
    pass(301)
    world.provider.misbehave({
      tokenResponse: { id_token: undefined, scope: undefined, refresh_token: undefined },
    })
    expect(await shownToken(agent, app.url)).toMatchObject({ name })
    const after = (await agent.fetch(`${app.url}/tokens`)).json() as Record<string, unknown>
    for (const same of ['idToken', 'scope', 'refreshToken']) expect([same, after[same]]).toEqual([same, before[same]])
    expect(after['accessToken']).not.toBe(before['accessToken'])
  })

  it.each([
    ['no expires_in', { expires_in: undefined }],
    ['an expires_in of 0', { expires_in: 0 }],
  ])('a token from a refresh response with %s does not expire', async (_, tokenResponse) => {
    const { app, agent } = await start()
    pass(301)
    world.provider.misbehave({ tokenResponse })
    const { token } = await shownToken(agent, app.url)
    pass(3600)
    expect((await shownToken(agent, app.url)).token).toBe(token)
    expect(grants()).toHaveLength(1)
  })

  it('a refresh response may have an expires_in that is a string, or too large for a date', async () => {
    const { app, agent } = await start()
    pass(301)
    const undo = world.provider.misbehave({ tokenResponse: { expires_in: '60' } })
    await shownToken(agent, app.url)
    undo()
    pass(61)
    world.provider.misbehave({ tokenResponse: { expires_in: 1e300 } })
    const { token } = await shownToken(agent, app.url)
    pass(3600)
    expect((await shownToken(agent, app.url)).token).toBe(token)
    expect(grants()).toHaveLength(2)
  })

  it.each([
    ['another subject', { sub: 'bob' }],
    ['another issuer', { iss: 'https://id.example.com' }],
    ['another audience', { aud: 'another' }],
    ['another nonce than that of the login', { nonce: 'another' }],
  ])(
    'a refresh response whose ID token has %s is rejected, and the login is unchanged',
    { meta: { id: 'refresh-4' } },
    async (_, claims) => {
      const { app, agent } = await start()
      const before = (await agent.fetch(`${app.url}/tokens`)).json()
      pass(301)
      world.provider.misbehave({ idToken: { claims } })
      const answer = await askToken(agent, app.url)
      expect(answer.status).toBe(502)
      expect((await agent.fetch(`${app.url}/tokens`)).json()).toEqual(before)
      expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ user: { sub: 'alice' } })
      expect(listEvents(app, 'refresh_failed')).toMatchObject([{ sub: 'alice', status: 502 }])
      expect(listEvents(app, 'refresh')).toEqual([])
    },
  )

  it.each(['corrupt', 'none', 'other-key'] as const)(
    'a refresh response whose ID token has the signature %s is rejected, and the login is unchanged',
    { meta: { id: 'refresh-5' } },
    async (signature) => {
      const { app, agent } = await start()
      const before = (await agent.fetch(`${app.url}/tokens`)).json()
      pass(301)
      world.provider.misbehave({ idToken: { signature, claims: { name: 'Alice Renamed' } } })
      expect((await askToken(agent, app.url)).status).toBe(502)
      expect((await agent.fetch(`${app.url}/tokens`)).json()).toEqual(before)
      expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ user: { name: 'Alice Adams' } })
    },
  )

  it('a refresh response may have an ID token with the nonce of the login (OIDC Core 12.2)', async () => {
    const { app, agent } = await start()
    const { idToken } = (await agent.fetch(`${app.url}/tokens`)).json() as { idToken: string }
    const { nonce } = JSON.parse(Buffer.from(idToken.split('.')[1] as string, 'base64url').toString()) as {
      nonce: string
    }
    pass(301)
    world.provider.misbehave({ idToken: { claims: { nonce } } })
    await shownToken(agent, app.url)
    expect(grants()).toEqual(['refresh_token'])
  })

  it('refreshed tokens are kept if their ID token cannot be verified at the moment', async () => {
    const { app, agent } = await start()
    const { name } = await shownToken(agent, app.url)
    pass(301)
    // Signed with a new key while the keys cannot be fetched.
    await world.provider.rotateKeys()
    world.provider.misbehave({ endpoints: { jwks: { status: 503 } }, idToken: { claims: { name: 'Alice Renamed' } } })
    const second = await shownToken(agent, app.url)
    expect(second).toMatchObject({ name, isAuthenticated: true })
    world.provider.behave()
    pass(301)
    expect((await shownToken(agent, app.url)).token).not.toBe(second.token)
    expect(grants()).toHaveLength(2)
  })
})

describe('a refresh that the provider rejects', () => {
  it('a rejected refresh answers 401, ends the login and emits a logout event', async () => {
    const { app, agent } = await start()
    const id = sessionId(agent)
    world.provider.endSession('alice')
    pass(301)
    const answer = await askToken(agent, app.url)
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'login_required' })
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(401)
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'refresh_refused' }])
    expect(await listKeys(id)).toEqual([])
  })

  it('ten concurrent requests share a rejected refresh', async () => {
    const { app, agent } = await start()
    world.provider.endSession('alice')
    pass(301)
    const answers = await Promise.all(Array.from({ length: 10 }, () => askToken(agent, app.url)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 401))
    expect(grants()).toHaveLength(1)
    expect(listEvents(app, 'logout')).toHaveLength(1)
  })

  it('a rejected refresh keeps the other logins of the session', async () => {
    const app = await world.start({
      routes: (express, oidc, url) => {
        tokenRoutes(express)
        partner.routes(express, oidc, url)
        express.get('/default-token', (req, res, next) => {
          oidc
            .context(req)
            .accessToken()
            .then((token) => res.json(token), next)
        })
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: 'bob' })
    world.provider.endSession('alice')
    pass(301)
    expect((await agent.fetch(`${app.url}/default-token`)).status).toBe(401)
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
  })

  it(
    'a rejected refresh keeps a login that another process has refreshed meanwhile',
    { meta: { id: 'refresh-6' } },
    async () => {
      const { app, agent } = await start()
      pass(301)
      // The lock is lost, as in a process that hangs for longer than the lock lasts.
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true, times: 1 } } })
      const slow = askToken(agent, app.url)
      await world.provider.waitForRequest('token')
      const [login] = listEvents(app, 'login')
      expect(await world.redis.client.del(`oidc:refresh:${String(login?.['loginId'])}`)).toBe(1)
      const other = await world.start({ routes: tokenRoutes })
      const quick = await shownToken(agent, other.url)
      // The provider rejects this refresh token, which was used meanwhile, but does not revoke the login for it.
      world.provider.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } })
      undo()
      expect((await slow).json()).toMatchObject({ token: quick.token })
      expect(listEvents(app, 'logout')).toEqual([])
      expect(listEvents(app, 'refresh_failed')).toHaveLength(1)
    },
  )
})

describe('without a refresh token', () => {
  it('without a refresh token, the access token is returned until it expires, then a login is required', async () => {
    const app = await world.start({ routes: tokenRoutes })
    world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
    const agent = app.agent()
    await agent.get('/profile')
    const { token } = await shownToken(agent, app.url)
    pass(299)
    expect((await shownToken(agent, app.url)).token).toBe(token)
    pass(2)
    const answer = await askToken(agent, app.url)
    expect(answer.status).toBe(401)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect(grants()).toEqual(['authorization_code'])
  })
})

describe('a provider that is down', () => {
  it(
    'a provider that is down logs nobody out and causes 503 from the expiry of the token until it is back',
    { meta: { id: 'refresh-7' } },
    async () => {
      const { app, agent } = await start()
      const { token } = await shownToken(agent, app.url)
      const undo = world.provider.misbehave({ endpoints: { token: { status: 503, headers: { 'retry-after': '1' } } } })
      pass(290)
      expect((await shownToken(agent, app.url)).token).toBe(token)
      pass(11)
      const answer = await askToken(agent, app.url)
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('1')
      expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
      undo()
      await until(async () => (await askToken(agent, app.url)).status === 200, 'a refresh succeeds again')
      expect(listEvents(app, 'logout')).toEqual([])
    },
  )

  it.each([
    ['answers 500', { status: 500 }],
    ['answers 429', { status: 429, body: { error: 'slow_down' } }],
    ['closes the connection', { drop: true }],
    ['answers with an HTML page', { html: true }],
    ['answers temporarily_unavailable', { status: 400, body: { error: 'temporarily_unavailable' } }],
  ])(
    'a provider that %s gets no further request at once from any application, and nobody is logged out',
    { meta: { id: 'refresh-8' } },
    async (_, token) => {
      const { app, agent } = await start()
      const other = await world.start({ routes: tokenRoutes })
      world.provider.misbehave({ endpoints: { token } })
      pass(301)
      for (const { url } of [app, other, app, other]) expect((await askToken(agent, url)).status).toBe(503)
      expect(grants()).toHaveLength(1)
      expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    },
  )

  it('a provider that rejects the client causes client_rejected, and nobody is logged out', async () => {
    const { app, agent } = await start()
    world.provider.misbehave({ endpoints: { token: { status: 401, body: { error: 'invalid_client' } } } })
    pass(301)
    expect((await askToken(agent, app.url)).status).toBe(500)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect(listEvents(app, 'refresh_failed')).toMatchObject([{ code: 'client_rejected' }])
  })
})

describe('a refresh whose response is lost', () => {
  it(
    'a lost refresh response ends the login at the next refresh, and a login without a prompt follows',
    { meta: { id: 'refresh-10' } },
    async () => {
      const { app, agent } = await start()
      pass(301)
      world.provider.misbehave({ endpoints: { token: { drop: true, afterProcessing: true, times: 1 } } })
      expect((await askToken(agent, app.url)).status).toBe(503)
      expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
      expect(listEvents(app, 'logout')).toEqual([])
      // The note of the fault expires by the clock of Redis, which the test cannot set.
      await world.redis.client.del(`oidc:refresh:${String(listEvents(app, 'login')[0]?.['loginId'])}`)
      // The provider has rotated the refresh token, so that it takes this refresh for a reuse.
      expect((await askToken(agent, app.url)).status).toBe(401)
      expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'refresh_refused' }])
      // Nobody is at the keyboard: only the session at the provider can log in.
      world.provider.signIn(undefined)
      expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
      expect(await shownToken(agent, app.url)).toMatchObject({ isAuthenticated: true })
    },
  )
})

describe('a refresh that overlaps another change', () => {
  it('a refresh does not restore a login that was logged out meanwhile, and revokes what it obtained', async () => {
    const { app, agent } = await start()
    const id = sessionId(agent)
    pass(301)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    const requested = askToken(agent, app.url)
    await world.provider.waitForRequest('token')
    await agent.fetch(`${app.url}/logout`, { method: 'POST', headers: { accept: 'application/json' } })
    undo()
    expect((await requested).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    // Two revocations by the logout, and one by the refresh.
    await vi.waitFor(() => expect(world.provider.requestsTo('revocation')).toHaveLength(3))
    expect(await listKeys(id)).toEqual([])
  })

  it(
    'a refresh that lost its lock keeps what another process wrote first, and revokes nothing',
    { meta: { id: 'refresh-9' } },
    async () => {
      const provider = await startTestProvider({ now: () => Date.now(), signIn: 'alice' })
      world.later(() => provider.stop())
      const [app, other] = await Promise.all([1, 2].map(() => world.start({ provider, routes: tokenRoutes })))
      if (!app || !other) throw new Error('no applications')
      const agent = app.agent()
      await agent.get('/profile')
      pass(301)
      const undo = provider.misbehave({ endpoints: { token: { hang: true, times: 1 } } })
      const slow = shownToken(agent, app.url)
      await provider.waitForRequest('token', 2)
      const [login] = listEvents(app, 'login')
      expect(await world.redis.client.del(`oidc:refresh:${String(login?.['loginId'])}`)).toBe(1)
      const quick = await shownToken(agent, other.url)
      undo()
      expect(await slow).toEqual(quick)
      expect(await shownToken(agent, app.url)).toEqual(quick)
      expect(provider.requestsTo('token')).toHaveLength(3)
      expect(provider.requestsTo('revocation')).toEqual([])
    },
  )

  it('a refresh follows its login into a new session', async () => {
    const app = await world.start({
      routes: (express, oidc, url) => {
        partner.routes(express, oidc, url)
        express.get('/default-token', (req, res, next) => {
          oidc
            .context(req)
            .accessToken()
            .then((token) => res.json(token), next)
        })
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.forget()
    pass(301)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    const requested = agent.fetch(`${app.url}/default-token`)
    await world.provider.waitForRequest('token')
    await agent.get('/partner-profile')
    undo()
    const token: unknown = (await requested).json()
    const after = await agent.fetch(`${app.url}/default-token`)
    expect(after.json()).toBe(token)
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: 'bob' })
    pass(301)
    expect((await agent.fetch(`${app.url}/default-token`)).status).toBe(200)
    expect(grants()).toHaveLength(2)
  })

  it('a refresh holds its result until the store is back', async () => {
    const redis = switchedRedis(world.redis.client)
    const app = await world.start({
      session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }) },
      routes: tokenRoutes,
    })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.forget()
    pass(301)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    const requested = shownToken(agent, app.url)
    await world.provider.waitForRequest('token')
    redis.fail('eval')
    const before = redis.commands.filter((name) => name === 'eval').length
    undo()
    await until(
      () => redis.commands.filter((name) => name === 'eval').length > before + 1,
      'the command was sent again',
    )
    redis.heal()
    const { token } = await requested
    expect((await shownToken(agent, app.url)).token).toBe(token)
    expect(grants()).toHaveLength(1)
  })
})
