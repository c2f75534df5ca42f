/** A login in use is rechecked with the provider from time to time, in the background of the request that finds it due. */
import { requireAnyAuth, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { TestEndpointFault, UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, until, type AppSetup, type TestApp } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'
import { Gate } from '../support/gate.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { loggedIn } from '../support/logged-in.ts'
import { sessionId } from '../support/session-cookie.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'
import { pass, stillClock } from '../support/tokens-app.ts'
import { waiting } from '../support/waiting.ts'

// Access tokens last long, so that only a recheck refreshes them.
const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 3600 })
stillClock()
const partner = partnerOfFile()

/** An application, and a tap that records its Redis commands. */
async function tapped(setup: Partial<AppSetup> = {}): Promise<{ app: TestApp; tap: RedisTap }> {
  const tap = new RedisTap(world.redis.client)
  const store = new RedisSessionStore({ client: tap, idleSeconds: 600 })
  return { app: await world.start({ session: { store }, ...setup }), tap }
}

function logIn(app: TestApp): Promise<UserAgent> {
  return loggedIn(world, app)
}

async function start(options: Partial<OidcOptions> = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({ options })
  return { app, agent: await logIn(app) }
}

function profile(agent: UserAgent, app: TestApp): ReturnType<UserAgent['fetch']> {
  return agent.fetch(`${app.url}/profile`)
}

/** The grant type of each token request since the login. */
function grants(): (string | null)[] {
  return world.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))
}

function refreshed(app: TestApp, count = 1): Promise<void> {
  return until(() => listEvents(app, 'refresh').length === count, `${count} refreshes are reported`)
}

/** The recorded Redis commands, without the renewal of the session, which happens once a minute. */
function commands(tap: RedisTap): string[] {
  return tap.calls.map(({ method }) => method).filter((method) => method !== 'expire')
}

function getLock(app: TestApp): string {
  return `oidc:refresh:${String(listEvents(app, 'login')[0]?.['loginId'])}`
}

describe('a guarded request whose login is due for a recheck', () => {
  it(
    'ten concurrent requests with a due login do not wait for the provider, and start one refresh',
    { meta: { id: 'recheck-1' } },
    async () => {
      const { app, agent } = await start()
      pass(300)
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const answers = await Promise.all(Array.from({ length: 10 }, () => profile(agent, app)))
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
      await world.provider.waitForRequest('token')
      expect((await profile(agent, app)).status).toBe(200)
      expect(listEvents(app, 'refresh')).toEqual([])
      undo()
      await refreshed(app)
      expect(listEvents(app, 'refresh')).toMatchObject([
        { sub: 'alice', issuer: world.provider.issuer, reason: 'recheck' },
      ])
      expect(grants()).toEqual(['refresh_token'])
    },
  )

  it('a request starts the next refresh once the login is due again', async () => {
    const { app, agent } = await start()
    for (const round of [1, 2, 3]) {
      pass(300)
      await profile(agent, app)
      await refreshed(app, round)
      await profile(agent, app)
    }
    expect(grants()).toHaveLength(3)
  })

  it.each([
    [60, 59],
    [5, 4],
    [3000, 2999],
  ])(
    'with recheckSeconds %i, a login is not due after %i seconds, but is due one second later',
    async (recheckSeconds, before) => {
      const { app, tap } = await tapped({ options: { recheckSeconds } })
      const agent = await logIn(app)
      pass(before)
      tap.reset()
      await profile(agent, app)
      expect(commands(tap)).toEqual(['mGet'])
      pass(1)
      await profile(agent, app)
      await refreshed(app)
    },
  )

  it('concurrent requests to two applications with the same login start one refresh', async () => {
    const { app, agent } = await start()
    const { app: other, tap } = await tapped()
    const all = (): string[] =>
      [...listEvents(app, 'refresh'), ...listEvents(other, 'refresh')].map(({ reason }) => String(reason))
    for (const round of [1, 2, 3]) {
      pass(300)
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const answers = await Promise.all([app, other, app, other].map((each) => profile(agent, each)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      await world.provider.waitForRequest('token', round)
      // One of them has the lock, and the other has tried to get it.
      await until(
        () => tap.calls.some(({ keys: [key] }) => key === getLock(app)),
        'the other process has tried the lock',
      )
      undo()
      await until(() => all().length === round, 'the login is refreshed')
      await until(async () => (await world.redis.client.get(getLock(app))) === null, 'the lock is free')
      tap.reset()
    }
    expect(grants()).toHaveLength(3)
    expect((await profile(agent, other)).status).toBe(200)
  })

  it('a request does not refresh if another process did so after the request read the login', async () => {
    const { app, agent } = await start()
    const { app: other, tap } = await tapped()
    pass(300)
    const gate = new Gate()
    tap.after = ({ method }) => (method === 'mGet' ? gate.pass() : undefined)
    const late = profile(agent, other)
    await gate.arrived
    await profile(agent, app)
    await refreshed(app)
    gate.open()
    expect((await late).status).toBe(200)
    const login = `oidc:{sess:${sessionId(agent)}}`
    await until(
      () => tap.calls.some(({ method, keys }) => method === 'get' && keys[0] === login),
      'the lock is read again',
    )
    // A further command would have been sent after another round trip to Redis.
    await world.redis.client.ping()
    await world.redis.client.ping()
    expect(tap.calls.filter(({ keys: [key] }) => key === getLock(app))).toEqual([])
    expect(grants()).toHaveLength(1)
  })

  it('the recheck shares its refresh with a handler that needs a new access token', async () => {
    const app = await world.start({
      routes: (express, oidc) => {
        express.get(
          '/guarded-token',
          oidc.requireAuth(),
          waiting(async (req, res) => {
            res.json({ token: await getContext(req).accessToken() })
          }),
        )
      },
    })
    const agent = await logIn(app)
    pass(3601)
    const answers = await Promise.all([1, 2, 3].map(() => agent.fetch(`${app.url}/guarded-token`)))
    expect(new Set(answers.map((answer) => answer.json()['token'])).size).toBe(1)
    expect(grants()).toEqual(['refresh_token'])
  })

  it('authorize() rechecks a login that is due', async () => {
    const app = await world.start({
      routes: (express, oidc) => {
        express.get(
          '/authorized',
          waiting(async (req, res) => {
            res.json(await oidc.authorize(req))
          }),
        )
      },
    })
    const agent = await logIn(app)
    pass(300)
    expect((await agent.fetch(`${app.url}/authorized`)).json()).toMatchObject({ ok: true })
    await refreshed(app)
    world.provider.disableUser('alice')
    world.later(() => world.provider.enableUser('alice'))
    pass(300)
    expect((await agent.fetch(`${app.url}/authorized`)).json()).toMatchObject({ ok: true })
    await until(() => listEvents(app, 'logout').length === 1, 'the login has ended')
    expect((await agent.fetch(`${app.url}/authorized`)).json()).toMatchObject({ ok: false, status: 401 })
  })

  it('requireAnyAuth rechecks the login with each provider', async () => {
    let other: ReturnType<typeof partner.routes> | undefined
    const app = await world.start({
      routes: (express, oidc, url) => {
        other = partner.routes(express, oidc, url)
        express.get('/any', requireAnyAuth([oidc, other]), (req, res) => void res.json(req.oidc.user))
      },
    })
    const agent = await logIn(app)
    await agent.get('/partner-profile')
    const seen: string[] = []
    other?.on('refresh', () => void seen.push('refresh'))
    other?.on('logout', () => void seen.push('logout'))
    pass(300)
    expect((await agent.fetch(`${app.url}/any`)).json()).toMatchObject({ sub: 'alice' })
    await refreshed(app)
    await until(() => seen.includes('refresh'), "the partner's login was rechecked")
    partner.provider().disableUser('bob')
    world.later(() => partner.provider().enableUser('bob'))
    pass(300)
    expect((await agent.fetch(`${app.url}/any`)).json()).toMatchObject({ sub: 'alice' })
    await until(() => seen.includes('logout'), "the partner's login has ended")
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: null })
  })
})

describe('the result of a recheck', () => {
  it('a recheck updates roles, scope and claims from the next request on', async () => {
    const { app, agent } = await start({ roles: ({ idToken }) => [`role of ${String(idToken['name'])}`] })
    world.provider.misbehave({
      idToken: { claims: { name: 'Alice Renamed' } },
      tokenResponse: { scope: 'openid profile' },
    })
    pass(300)
    expect((await profile(agent, app)).json()).toMatchObject({ roles: ['role of Alice Adams'] })
    await refreshed(app)
    expect((await profile(agent, app)).json()).toMatchObject({
      user: { sub: 'alice', name: 'Alice Renamed' },
      roles: ['role of Alice Renamed'],
      scope: ['openid', 'profile'],
    })
  })

  it('a role that a recheck removes causes 403 from the next request on', async () => {
    const app = await world.start({
      routes: (express, oidc) => {
        express.get('/admin', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('inside'))
      },
    })
    const agent = await logIn(app)
    world.provider.misbehave({
      idToken: { claims: { roles: ['user'] } },
      accessToken: { claims: { realm_access: { roles: ['user'] } } },
    })
    pass(300)
    expect((await agent.fetch(`${app.url}/admin`)).status).toBe(200)
    await refreshed(app)
    expect((await agent.get(`${app.url}/admin`)).status).toBe(403)
  })

  it.each([
    ['a disabled user', () => world.provider.disableUser('alice')],
    ['a session that was ended at the provider', () => world.provider.endSession('alice')],
  ])('a recheck ends the login of %s before the next request', { meta: { id: 'recheck-2' } }, async (_, end) => {
    const { app, agent } = await start()
    world.later(() => world.provider.enableUser('alice'))
    const id = sessionId(agent)
    end()
    pass(300)
    expect((await profile(agent, app)).status).toBe(200)
    await until(() => listEvents(app, 'logout').length === 1, 'the login has ended')
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'refresh_refused' }])
    expect((await profile(agent, app)).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect(await world.redis.client.keys(`*${id}*`)).toEqual([])
  })

  it('a recheck does not restore a login that was logged out meanwhile, and revokes what it obtained', async () => {
    const { app, agent } = await start()
    const id = sessionId(agent)
    pass(300)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    await profile(agent, app)
    await world.provider.waitForRequest('token')
    await agent.fetch(`${app.url}/logout`, { method: 'POST', headers: { accept: 'application/json' } })
    undo()
    await world.provider.waitForRequest('revocation')
    await until(() => listEvents(app, 'refresh_failed').length === 1, 'the refresh has finished')
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect(await world.redis.client.keys(`*${id}*`)).toEqual([])
  })
})

describe('a recheck that fails', () => {
  const faults: [string, TestEndpointFault][] = [
    ['is down', { status: 503 }],
    ['answers 429 with Retry-After', { status: 429, headers: { 'retry-after': '2' } }],
    ['closes the connection', { drop: true }],
    ['answers with an HTML page', { html: true }],
    ['rejects the client', { status: 401, body: { error: 'invalid_client' } }],
  ]

  it.each(faults)(
    'a recheck changes nothing and is not retried for 30 s if the provider %s',
    { meta: { id: 'recheck-3' } },
    async (_, token) => {
      const { app, agent } = await start()
      const before = (await profile(agent, app)).json()
      world.provider.misbehave({ endpoints: { token } })
      pass(300)
      expect((await profile(agent, app)).json()).toEqual(before)
      await until(() => listEvents(app, 'refresh_failed').length === 1, 'the refresh has failed')
      expect(listEvents(app, 'refresh_failed')).toMatchObject([{ sub: 'alice', reason: 'recheck' }])
      // The note that replaces the lock expires by the clock of Redis, which the test cannot set.
      await until(
        async () => (await world.redis.client.get(getLock(app)))?.startsWith('failed'),
        'the lock records the failure',
      )
      await world.redis.client.del(getLock(app))
      pass(29)
      for (const request of [1, 2, 3]) expect([request, (await profile(agent, app)).status]).toEqual([request, 200])
      expect(await world.redis.client.exists(getLock(app))).toBe(0)
      expect(grants()).toHaveLength(1)
      world.provider.behave()
      pass(1)
      expect((await profile(agent, app)).json()).toEqual(before)
      await refreshed(app)
      expect(grants()).toHaveLength(2)
      expect(listEvents(app, 'logout')).toEqual([])
    },
  )

  it('a failed recheck is noted for other processes, which do not retry it either', async () => {
    const { app, agent } = await start()
    const { app: other, tap } = await tapped()
    world.provider.misbehave({ endpoints: { token: { status: 503, headers: { 'retry-after': '60' } } } })
    pass(300)
    await profile(agent, app)
    await until(
      async () => (await world.redis.client.get(getLock(app)))?.startsWith('failed'),
      'the lock records the failure',
    )
    expect((await profile(agent, other)).status).toBe(200)
    await until(
      () => tap.calls.some(({ method, keys }) => method === 'get' && keys[0] === getLock(app)),
      'the waiting process has read the lock',
    )
    // Without the note, this process would poll for as long as the lock of a running process lasts.
    tap.reset()
    await world.redis.client.del(getLock(app))
    pass(29)
    expect((await profile(agent, other)).status).toBe(200)
    expect(commands(tap)).toEqual(['mGet'])
    expect(grants()).toHaveLength(1)
  })

  it('a recheck that fails because of the store changes no response and leaves no unhandled rejection', async () => {
    const redis = switchedRedis(world.redis.client)
    const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
    const app = await world.start({ session: { store } })
    const agent = await logIn(app)
    pass(300)
    redis.fail('get', 'set', 'eval')
    redis.commands.length = 0
    expect((await profile(agent, app)).status).toBe(200)
    expect(redis.commands.filter((name) => name === 'get')).toHaveLength(1)
    redis.heal()
    redis.fail('set', 'eval')
    pass(30)
    expect((await profile(agent, app)).status).toBe(200)
    await until(() => redis.commands.includes('set'), 'the lock was requested')
    redis.heal()
    expect(grants()).toEqual([])
    pass(30)
    expect((await profile(agent, app)).status).toBe(200)
    await refreshed(app)
  })

  it('the result of a recheck is written once a store that went down meanwhile is back', async () => {
    const redis = switchedRedis(world.redis.client)
    const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
    const app = await world.start({ session: { store } })
    const agent = await logIn(app)
    pass(300)
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    await profile(agent, app)
    await world.provider.waitForRequest('token')
    redis.fail()
    redis.commands.length = 0
    undo()
    await until(() => redis.commands.filter((name) => name === 'get').length > 1, 'the command was sent again')
    redis.heal()
    await refreshed(app)
    pass(300)
    expect((await profile(agent, app)).status).toBe(200)
    await refreshed(app, 2)
  })
})

describe('requests without a recheck or an additional command', () => {
  it('a request before recheckSeconds have passed starts no recheck', async () => {
    const { app, tap } = await tapped()
    const agent = await logIn(app)
    pass(299)
    tap.reset()
    for (const request of [1, 2, 3]) expect([request, (await profile(agent, app)).status]).toEqual([request, 200])
    expect(commands(tap)).toEqual(['mGet', 'mGet', 'mGet'])
  })

  it('recheckSeconds 0 disables the recheck, however old the login is', async () => {
    const { app, tap } = await tapped({ options: { recheckSeconds: 0 } })
    const agent = await logIn(app)
    pass(20_000)
    tap.reset()
    expect((await profile(agent, app)).status).toBe(200)
    expect(commands(tap)).toEqual(['mGet'])
    expect(grants()).toEqual([])
  })

  it('a login without a refresh token is not rechecked', async () => {
    const { app, tap } = await tapped()
    world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
    const agent = await logIn(app)
    pass(20_000)
    tap.reset()
    expect((await profile(agent, app)).status).toBe(200)
    expect(commands(tap)).toEqual(['mGet'])
    expect(grants()).toEqual([])
  })

  it('a route without a guard starts no recheck, even if it shows who is logged in', async () => {
    const { app, tap } = await tapped({
      routes: (express) => void express.get('/open', (_req, res) => void res.send('open')),
    })
    const agent = await logIn(app)
    pass(300)
    tap.reset()
    expect((await agent.fetch(`${app.url}/open`)).text()).toBe('open')
    expect((await agent.fetch(app.url)).text()).toBe('hello alice')
    expect(commands(tap)).toEqual(['mGet', 'mGet'])
    expect(grants()).toEqual([])
  })

  it('a request before recheckSeconds have passed since a recheck starts no other', async () => {
    const { app, tap } = await tapped()
    const agent = await logIn(app)
    pass(300)
    await profile(agent, app)
    await refreshed(app)
    await until(async () => (await world.redis.client.exists(getLock(app))) === 0, 'the lock is free')
    pass(299)
    tap.reset()
    expect((await profile(agent, app)).status).toBe(200)
    expect(commands(tap)).toEqual(['mGet'])
  })
})
