import { decodeJwt } from 'jose'
import type { Express, NextFunction, Request, Response } from 'express'
import { MemoryStore, type SessionData, type Store } from 'express-session'
import { createOidc, type Oidc, type OidcError, type OidcOptions, type OidcRecords } from 'express-session-oidc'
import { redisRecords, RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, secret, type TestApp } from '../support/app.ts'
import { AsyncStore } from '../support/async-store.ts'
import { flow, catchRejection, listEvents } from '../support/flow.ts'
import { sessionId } from '../support/session-cookie.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { pass, shownToken, stillClock } from '../support/tokens-app.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()
const partner = partnerOfFile()

function routes(express: Express): void {
  tokenRoutes(express)
  express.get('/id', (req, res) => void res.json(getContext(req).loginId ?? null))
  express.get('/destroy', (req: Request, res: Response, next: NextFunction) => {
    req.session.destroy((error) => (error ? next(error) : res.send('gone')))
  })
}

/** The stores of an application, and stores on the same data for a job in another process. */
interface Place {
  readonly web: { readonly store: Store; readonly records?: OidcRecords }
  readonly job: { readonly store: Store; readonly records?: OidcRecords }
  /** Deletes a session as its idle time-out would, without calling the package. */
  readonly idle: (id: string) => unknown
}

const places: Record<string, () => Place> = {
  RedisSessionStore: () => ({
    web: { store: world.store() },
    job: { store: world.store() },
    idle: (id) => world.redis.client.del([`sess:${id}`]),
  }),
  MemoryStore: () => {
    const store = new MemoryStore()
    return { web: { store }, job: { store }, idle: (id) => store.destroy(id) }
  },
  'a store without atomic operations': () => {
    const store = new AsyncStore()
    return { web: { store }, job: { store }, idle: (id) => store.entries.delete(id) }
  },
  'redisRecords beside another session store': () => {
    const store = new AsyncStore()
    const records = (): OidcRecords => redisRecords({ client: world.redis.client })
    return {
      web: { store, records: records() },
      job: { store, records: records() },
      idle: (id) => store.entries.delete(id),
    }
  },
}

/** An instance in a process that only runs jobs. */
function jobWith({ store, records }: Place['job'], options: Partial<OidcOptions> = {}): Oidc {
  return createOidc({
    log: false,
    ...(world.provider.settings() as OidcOptions),
    baseUrl: 'http://localhost:3000',
    secret,
    sessionStore: store,
    records,
    ...options,
  })
}

interface Started {
  readonly app: TestApp
  readonly agent: UserAgent
  readonly job: Oidc
  /** The id of the login of the browser. */
  readonly id: string
}

async function start(place: Place, options: Partial<OidcOptions> = {}): Promise<Started> {
  const { store, records } = place.web
  const app = await world.start({ options: { records, ...options }, session: { store }, routes })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  const id = (await agent.fetch('/id')).json() as unknown as string
  return { app, agent, job: jobWith(place.job, options), id }
}

function grants(): number {
  return world.provider.requestsTo('token').length
}

async function refused(job: Oidc, id: string): Promise<OidcError> {
  const error = await catchRejection(job.logins.accessToken({ id }))
  expect(error).toMatchObject({ code: 'login_required', status: 401 })
  expect(grants()).toBe(0)
  return error
}

describe.each(Object.entries(places))('a job with %s', (_name, make) => {
  it('a job gets the same token as requests of the login, without a request to the provider', async () => {
    const { app, agent, job, id } = await start(make())
    const { token } = await shownToken(agent, app.url)
    expect(await job.logins.accessToken({ id })).toBe(token)
    expect(await job.logins.accessToken({ id, minValidSeconds: 200 })).toBe(token)
    expect(grants()).toBe(0)
  })

  it('jobs and requests that need a new token at the same time share one refresh', async () => {
    const { app, agent, job, id } = await start(make())
    for (let round = 1; round <= 3; round++) {
      pass(280)
      const requested = Array.from({ length: 10 }, async (_, at) =>
        at % 2 === 0 ? job.logins.accessToken({ id }) : (await shownToken(agent, app.url)).token,
      )
      expect(new Set(await Promise.all(requested)).size).toBe(1)
      expect(grants()).toBe(round)
    }
    expect(listEvents(app, 'refresh_failed')).toEqual([])
  })

  it('a job gets login_required after a logout', async () => {
    const { agent, job, id } = await start(make())
    await agent.post('/logout', {}, { followRefresh: false })
    await refused(job, id)
  })

  it('a job gets login_required once the application has destroyed the session', async () => {
    const { agent, job, id } = await start(make())
    await agent.get('/destroy')
    pass(280)
    await refused(job, id)
  })

  it('a job gets login_required once the idle session has expired, even while the token is fresh', async () => {
    const place = make()
    const { agent, job, id } = await start(place)
    await place.idle(sessionId(agent))
    const error = await refused(job, id)
    expect(error.detail).toBe('the session of this login has expired or was deleted')
    pass(280)
    await refused(job, id)
  })

  it('a job gets login_required after maxLoginSeconds', async () => {
    // From here on only pass() moves the clock.
    pass(0)
    const { job, id } = await start(make(), { maxLoginSeconds: 200 })
    pass(199)
    await job.logins.accessToken({ id })
    pass(2)
    await refused(job, id)
  })

  it('a job finds a login that moved to a new session, even after the record of that move is gone', async () => {
    const place = make()
    const app = await world.start({
      options: { records: place.web.records },
      session: { store: place.web.store },
      routes(express, oidc, url) {
        routes(express)
        partner.routes(express, oidc, url, { records: place.web.records })
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    const id = (await agent.fetch('/id')).json() as unknown as string
    const former = sessionId(agent)
    await agent.get('/partner-profile')
    expect(sessionId(agent)).not.toBe(former)
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: 'bob' })
    const job = jobWith(place.job)
    const before = await job.logins.accessToken({ id })
    // The record of the former session names the new session for ten minutes.
    pass(610)
    await world.redis.client.del([`oidc:{sess:${former}}`])
    world.provider.forget()
    const after = await job.logins.accessToken({ id })
    expect(after).not.toBe(before)
    expect(grants()).toBe(1)
    expect(world.provider.requestsTo('token')[0]?.params.get('grant_type')).toBe('refresh_token')
  })
})

describe('the id of a login', () => {
  it('req.oidc and the events contain the id of the login', async () => {
    const { app, agent, id } = await start(places['RedisSessionStore']!())
    expect(listEvents(app, 'login')).toMatchObject([{ loginId: id }])
    await agent.post('/logout', {}, { followRefresh: false })
    expect(listEvents(app, 'logout')).toMatchObject([{ loginId: id }])
    expect((await app.agent().fetch('/id')).json()).toBeNull()
  })

  it('the id of a login is valid for its own instance only', async () => {
    const store = world.store()
    const app = await world.start({
      session: { store },
      routes(express, oidc, url) {
        routes(express)
        const other = partner.routes(express, oidc, url)
        express.get('/partner-id', (req, res) => void res.json(other.context(req).loginId))
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    const id = (await agent.fetch('/partner-id')).json() as unknown as string
    const job = jobWith({ store: world.store() })
    const partnerJob = jobWith(
      { store: world.store() },
      { ...(partner.provider().settings() as OidcOptions), name: 'partner' },
    )
    expect((await catchRejection(job.logins.accessToken({ id }))).code).toBe('login_required')
    expect(await partnerJob.logins.accessToken({ id })).not.toBe((await shownToken(agent, app.url)).token)
    // The logout ends only the login of the first instance.
    await agent.post('/logout', {}, { followRefresh: false })
    await partnerJob.logins.accessToken({ id })
  })

  it('a second login gets a new id, and the former id is no longer valid', async () => {
    const { agent, job, id } = await start(places['RedisSessionStore']!())
    await agent.get('/login?returnTo=/profile')
    const later = (await agent.fetch('/id')).json() as unknown as string
    expect(later).not.toBe(id)
    world.provider.forget()
    await refused(job, id)
    await job.logins.accessToken({ id: later })
    expect(await world.redis.client.get(`oidc:login:${id}`)).toBeNull()
  })

  it.each<[string, unknown]>([
    ['missing parameters', undefined],
    ['a missing id', {}],
    ['a malformed id', { id: 'alice' }],
    ['an id that is not a string', { id: 42 }],
    ['an invalid scope', { id: 'x'.repeat(22), scope: 7 }],
    ['an unknown parameter', { id: 'x'.repeat(22), sub: 'alice' }],
  ])('logins.accessToken() rejects %s with options_invalid', async (_what, parameters) => {
    const job = jobWith({ store: world.store() })
    const error = await catchRejection(job.logins.accessToken(parameters as { id: string }))
    expect(error.code).toBe('options_invalid')
    expect(error.message).toContain('logins.accessToken()')
  })

  it('logins.accessToken() rejects an unknown id with login_required', async () => {
    await refused(jobWith({ store: world.store() }), 'x'.repeat(22))
  })
})

describe('limits and faults of a job', () => {
  const redisPlace = (): Place => places['RedisSessionStore']!()

  it('a job does not extend the life of an unused session', async () => {
    const { agent, job, id } = await start(redisPlace())
    const key = `sess:${sessionId(agent)}`
    await world.redis.client.expire(key, 100)
    for (let round = 0; round < 3; round++) {
      await job.logins.accessToken({ id })
      pass(280)
    }
    expect(grants()).toBe(2)
    expect(await world.redis.client.ttl(key)).toBeLessThanOrEqual(100)
  })

  it('the index entry of a login expires with maxLoginSeconds and is deleted by a logout', async () => {
    const { agent, id } = await start(redisPlace(), { maxLoginSeconds: 1000 })
    const key = `oidc:login:${id}`
    const life = await world.redis.client.ttl(key)
    expect(life).toBeGreaterThan(900)
    expect(life).toBeLessThanOrEqual(1000)
    await agent.post('/logout', {}, { followRefresh: false })
    expect(await world.redis.client.get(key)).toBeNull()
  })

  it('a job gets a token for another scope, as a request does', async () => {
    const { app, agent, job, id } = await start(redisPlace())
    const { token } = await shownToken(agent, app.url)
    const other = await job.logins.accessToken({ id, scope: 'openid email' })
    expect(other).not.toBe(token)
    expect(await job.logins.accessToken({ id, scope: 'openid email' })).toBe(other)
    expect(grants()).toBe(1)
  })

  it.each<[string, string | string[]]>([
    ['a resource', 'https://mail.example.com'],
    ['several resources', ['https://mail.example.com', 'https://files.example.com/v1']],
  ])('a job gets a token for %s, which requests of the login share', async (_what, resource) => {
    const { app, agent, job, id } = await start(redisPlace())
    const { token } = await shownToken(agent, app.url)
    const other = await job.logins.accessToken({ id, resource })
    expect(other).not.toBe(token)
    expect(decodeJwt(other)).toMatchObject({ sub: 'alice', aud: resource })
    expect(decodeJwt(token).aud).not.toEqual(resource)
    expect(world.provider.requestsTo('token')[0]?.params.getAll('resource')).toEqual([resource].flat())
    const query = new URLSearchParams([resource].flat().map((one): [string, string] => ['resource', one]))
    expect((await shownToken(agent, app.url, `?${query.toString()}`)).token).toBe(other)
    expect(await job.logins.accessToken({ id, resource })).toBe(other)
    // The token without a resource is still that of the login.
    expect(await job.logins.accessToken({ id })).toBe(token)
    expect(grants()).toBe(1)
  })

  it('a job whose refresh the provider rejects ends the login, for requests too', async () => {
    const { app, agent, job, id } = await start(redisPlace())
    const ended: object[] = []
    job.on('logout', (event) => void ended.push(event))
    world.provider.endSession('alice')
    pass(301)
    expect((await catchRejection(job.logins.accessToken({ id }))).code).toBe('login_required')
    expect(ended).toMatchObject([{ loginId: id, reason: 'refresh_refused' }])
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect(await world.redis.client.get(`oidc:login:${id}`)).toBeNull()
    expect(grants()).toBe(1)
    expect(listEvents(app, 'refresh_failed')).toEqual([])
  })

  it('a job without a refresh token gets login_required after expiry, without a token request', async () => {
    const undo = world.provider.misbehave({ tokenResponse: ({ refresh_token: _unused, ...others }) => others })
    const { job, id } = await start(redisPlace())
    undo()
    await job.logins.accessToken({ id })
    pass(301)
    await refused(job, id)
  })

  it('a job gets provider_unavailable from a provider that is down only once the token has expired', async () => {
    const { job, id } = await start(redisPlace())
    const faults: object[] = []
    job.on('provider_fault', (event) => void faults.push(event))
    world.provider.misbehave({ endpoints: { token: { status: 503 } } })
    pass(280)
    await job.logins.accessToken({ id })
    pass(21)
    expect(await catchRejection(job.logins.accessToken({ id }))).toMatchObject({
      code: 'provider_unavailable',
      status: 503,
    })
    expect(faults).toHaveLength(1)
  })

  it('a job gets store_unavailable while the store is down, and the login is kept', async () => {
    const { id } = await start(redisPlace())
    const redis = switchedRedis(world.redis.client)
    const job = jobWith({ store: new RedisSessionStore({ client: redis.client }) })
    const faults: object[] = []
    job.on('store_fault', (event) => void faults.push(event))
    redis.fail()
    expect(await catchRejection(job.logins.accessToken({ id }))).toMatchObject({
      code: 'store_unavailable',
      status: 503,
    })
    expect(faults).toHaveLength(1)
    redis.heal()
    await job.logins.accessToken({ id })
  })

  it('logins.accessToken() fails with setup_invalid without the sessionStore option', async () => {
    const { app, id } = await start(redisPlace())
    const error = await catchRejection(app.oidc.logins.accessToken({ id }))
    expect(error.code).toBe('setup_invalid')
    expect(error.message).toContain('pass `sessionStore`')
  })

  it.each([
    ['the store returns an empty session', undefined],
    ['the store returns no session', null],
  ])('a job gets the token of a login that moves while its session is read (%s)', async (_what, seen) => {
    const app = await world.start({
      routes(express, oidc, url) {
        routes(express)
        partner.routes(express, oidc, url)
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    const id = (await agent.fetch('/id')).json() as unknown as string
    const looked: string[] = []
    class Linking extends RedisSessionStore {
      override async get(sid: string, callback?: (error?: unknown, data?: SessionData | null) => unknown) {
        looked.push(sid)
        if (looked.length > 1) return super.get(sid, callback)
        await agent.get('/partner-profile')
        const data = seen === null ? null : await super.get(sid)
        callback?.(null, data)
        return data
      }
    }
    const job = jobWith({ store: new Linking({ client: world.redis.client }) })
    expect(await job.logins.accessToken({ id })).toBe((await shownToken(agent, app.url)).token)
    expect(looked).toEqual([expect.any(String), sessionId(agent)])
    expect(looked[0]).not.toBe(looked[1])
  })

  it('a login fails while its index entry cannot be written, so that a job finds every login', async () => {
    const records = redisRecords({ client: world.redis.client })
    let isAway = true
    const app = await world.start({
      options: {
        records: {
          ...records,
          set: (key, ...rest) =>
            isAway && 'kind' in key && key.kind === 'login'
              ? Promise.reject(new Error('the store is away'))
              : records.set(key, ...rest),
        },
      },
      routes,
    })
    const agent = app.agent()
    expect((await agent.get('/profile')).status).toBe(503)
    expect(listEvents(app, 'store_fault')).toHaveLength(1)
    isAway = false
    expect((await agent.get('/profile')).status).toBe(200)
    const id = (await agent.fetch('/id')).json() as unknown as string
    const job = jobWith({ store: world.store(), records })
    expect(await job.logins.accessToken({ id })).toBe((await shownToken(agent, app.url)).token)
  })
})
