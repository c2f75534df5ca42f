import { randomUUID } from 'node:crypto'
import { createOidc, type Oidc } from 'express-session-oidc'
import { redisRecords, RedisSessionStore } from 'express-session-oidc/redis'
import { describe, expect, it } from 'vitest'
import { formatRedisKey } from '../../../lib/store/redis-client.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import { secret, type TestApp } from '../../support/app.ts'
import { failingClient } from '../../support/failing-client.ts'
import { flow, readLocation, noteRoutes, listNotes, response, listEvents } from '../../support/flow.ts'
import { startForFaults } from '../../support/misbehaviour.ts'

const world = flow()

/** An application with two instances, the second one named staff. */
async function startTwo(): Promise<TestApp & { staff: Oidc }> {
  let staff: Oidc | undefined
  const app = await world.start({
    routes: (express, oidc, url) => {
      const other = createOidc({ ...world.provider.settings(), baseUrl: url, secret, name: 'staff' })
      staff = other
      express.use(other.router)
      noteRoutes(express)
      express.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
      express.get('/staff', other.requireAuth(), (req, res) => void res.json({ sub: req.oidc.user?.sub }))
      express.get('/tokens', (req, res, next) => {
        const read = async (of: Oidc): Promise<string> => (await of.context(req).tokens()).accessToken
        Promise.all([read(oidc), read(other)]).then(([own, second]) => res.json({ own, staff: second }), next)
      })
    },
  })
  return Object.assign(app, { staff: staff as Oidc })
}

/** The sessions of a store that have logins, each with the ids of those logins, by the login records themselves. */
async function sessionsWithLogins(prefix: string): Promise<[session: string, loginIds: string[]][]> {
  const found: [string, string[]][] = []
  for (const key of await world.redis.client.keys(`oidc:{${prefix}*}`)) {
    const { entries } = JSON.parse((await world.redis.client.get(key)) ?? '') as Record<
      'entries',
      Record<string, LoginEntry>
    >
    const ids = Object.values(entries).map(({ loginId }) => loginId)
    if (ids.length > 0) found.push([key.slice(`oidc:{${prefix}`.length, -1), ids])
  }
  return found
}

describe('a login with a second instance', () => {
  it('a login with a second instance keeps the first login, its tokens and the data in a new session', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/note/apples')
    const before = await listNotes(agent, app)
    expect((await agent.get('/staff')).json()).toEqual({ sub: 'alice' })
    const after = await listNotes(agent, app)
    expect(after.notes).toEqual(['apples'])
    expect(after.id).not.toBe(before.id)
    expect((await agent.get('/profile')).hops).toHaveLength(1)
    const tokens = (await agent.fetch('/tokens')).json() as { own: string; staff: string }
    expect(tokens.own).toMatch(/^eyJ/)
    expect(tokens.staff).not.toBe(tokens.own)
    expect(await world.redis.client.exists(`sess:${before.id}`)).toBe(0)
  })

  it('a login with a second instance as another user keeps both logins', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    for (const { name } of agent.jar.cookies(world.provider.issuer)) {
      // The application is on the same host, and cookies do not distinguish ports (RFC 6265, section 8.5).
      if (name !== 'connect.sid' && !name.startsWith('oidc.')) agent.jar.delete(name)
    }
    world.provider.signIn('bob')
    expect((await agent.get('/staff')).json()).toEqual({ sub: 'bob' })
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a login with a second instance restarts after a logout of the first, and does not restore it', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/note/apples')
    const callback = await response(agent, '/staff')
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    world.provider.forget()
    const finishing = agent.get(callback, { redirect: 'manual' })
    await world.provider.waitForRequest('token')
    await agent.post('/logout', {}, { followRefresh: false })
    undo()
    // The session in which it began is over, so the login restarts.
    const answer = await finishing
    expect(readLocation(answer)).toContain('/authorize')
    expect(listEvents(app, 'logout')).toHaveLength(1)
    expect((await agent.get(readLocation(answer))).json()).toEqual({ sub: 'alice' })
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
  })
})

describe('a second login with one instance while the other is logged out', () => {
  it('a second login carries over neither a login that was logged out meanwhile nor its tokens', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/staff')
    const callback = await response(agent, '/staff/login?returnTo=/staff')
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    world.provider.forget()
    const finishing = agent.get(callback, { redirect: 'manual' })
    await world.provider.waitForRequest('token')
    await agent.post('/logout', {}, { followRefresh: false })
    undo()
    expect((await finishing).headers.get('location')).toBe('/staff')
    expect((await agent.get('/staff')).hops).toHaveLength(1)
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
    const { id } = await listNotes(agent, app)
    expect(await world.redis.client.exists(formatRedisKey({ session: id, part: 'tokens:staff' }, 'sess:'))).toBe(1)
    expect(await world.redis.client.exists(formatRedisKey({ session: id, part: 'tokens:default' }, 'sess:'))).toBe(0)
  })
})

describe('a login over a login record that a newer version wrote', () => {
  it(
    'a login over a record of a newer version gets a new session without the former data',
    { meta: { id: 'finish-1' } },
    async () => {
      const app = await startForFaults(world)
      const agent = app.agent()
      await agent.get('/profile')
      await agent.get('/note/apples')
      const { id } = await listNotes(agent, app)
      const newer = JSON.stringify({ format: 99, version: 1, entries: {} })
      await world.redis.client.set(formatRedisKey({ session: id, part: 'login' }, 'sess:'), newer)
      expect((await agent.get('/switch')).json()).toMatchObject({ user: { sub: 'alice' } })
      const after = await listNotes(agent, app)
      expect(after).toMatchObject({ sub: 'alice', notes: [] })
      expect(after.id).not.toBe(id)
    },
  )
})

describe('a logout while a login of the same instance is in progress', () => {
  it('a login in progress restarts after a logout of the same instance', { meta: { id: 'finish-2' } }, async () => {
    const app = await startForFaults(world)
    const agent = app.agent()
    await agent.get('/profile')
    const former = await listNotes(agent, app)
    const callback = await response(agent, '/switch')
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    world.provider.forget()
    const finishing = agent.get(callback, { redirect: 'manual' })
    await world.provider.waitForRequest('token')
    await agent.post('/logout', {}, { followRefresh: false })
    undo()
    expect(readLocation(await finishing)).toContain('/authorize')
    expect(await world.redis.client.exists(`sess:${former.id}`)).toBe(0)
  })
})

describe('a login that cannot be written', () => {
  it('a login answers 503 and keeps the former login if its record already exists', async () => {
    const real = redisRecords({ client: world.redis.client })
    let taken = false
    const app = await startForFaults(world, {
      options: {
        records: {
          ...real,
          add: async (key, value, seconds) => ('session' in key && taken ? false : real.add(key, value, seconds)),
        },
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    const former = await listNotes(agent, app)
    taken = true
    world.provider.signIn('bob')
    expect((await agent.get('/switch')).status).toBe(503)
    expect(await listNotes(agent, app)).toEqual(former)
  })

  it('a login answers 503 and keeps the former login if the former record keeps changing', async () => {
    const real = redisRecords({ client: world.redis.client })
    let jammed = false
    const app = await startForFaults(world, {
      options: {
        records: {
          ...real,
          replace: async (key, expected, value, seconds) =>
            jammed && (value ?? '').includes('"entries":{}') ? false : real.replace(key, expected, value, seconds),
        },
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    const former = await listNotes(agent, app)
    jammed = true
    world.provider.signIn('bob')
    expect((await agent.get('/switch')).status).toBe(503)
    jammed = false
    expect(await listNotes(agent, app)).toEqual(former)
  })
})

describe('a login with few or unusual claims', () => {
  it(
    'a login succeeds without optional claims and token response parameters',
    { meta: { id: 'finish-3' } },
    async () => {
      world.provider.misbehave({
        idToken: { claims: { sid: undefined, acr: undefined, auth_time: undefined } },
        tokenResponse: { expires_in: undefined, refresh_token: undefined, scope: undefined },
      })
      const app = await world.start()
      const agent = app.agent()
      expect((await agent.get('/profile')).status).toBe(200)
      expect((await agent.get('/profile')).hops).toHaveLength(1)
    },
  )

  it('a login succeeds with unusual values of sid, acr and auth_time', async () => {
    world.provider.misbehave({ idToken: { claims: { sid: 5, acr: ['x'], auth_time: 1 } } })
    const app = await world.start()
    expect((await app.agent().get('/profile')).status).toBe(200)
  })
})

describe('two logins of one session that finish at the same time', () => {
  it('two logins of one session that finish at the same time leave one login, in the session of the browser', async () => {
    const prefix = `${randomUUID()}:`
    const store = new RedisSessionStore({ client: world.redis.client, prefix })
    const app = await startForFaults(world, { session: { store }, options: { sessionStore: store } })
    const agent = app.agent()
    await agent.get('/profile')
    const callbacks = [await response(agent, '/switch'), await response(agent, '/switch')]
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    world.provider.forget()
    const finishing = callbacks.map((callback) => agent.get(callback, { redirect: 'manual' }))
    await world.provider.waitForRequest('token', 2)
    undo()
    const places = (await Promise.all(finishing)).map((answer) => answer.headers.get('location'))
    expect(places).toContain('/profile')
    const { id } = await listNotes(agent, app)
    expect((await agent.fetch('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    const listed = await app.oidc.logins.list({ sub: 'alice' })
    expect(listed).toHaveLength(1)
    // Whatever the index lists, no other session has a login, tokens or data.
    expect(await sessionsWithLogins(prefix)).toEqual([[id, [listed[0]?.id]]])
    expect(await world.redis.client.keys(`${prefix}*`)).toEqual([prefix + id])
    expect(await world.redis.client.keys(`oidc:{${prefix}*tokens:*`)).toEqual([
      formatRedisKey({ session: id, part: 'tokens:default' }, prefix),
    ])
  })
})

describe.each(['before', 'after'] as const)('a command of the store that fails %s it runs', (how) => {
  it.each([
    ['of the session store', false],
    ['of separate records', true],
  ])('any failing command %s leaves either the former login or the new one', async (_name, separate) => {
    const failing = failingClient(world.redis.client)
    const store = new RedisSessionStore({ client: failing.client, idleSeconds: 600 })
    const records = separate ? redisRecords({ client: failing.client }) : undefined
    const app = await startForFaults(world, { session: { store }, options: { records } })
    let finished = 0
    let failed = 0
    for (let nth = 1; nth < 60; nth++) {
      failing.failAt(0)
      world.provider.signIn('alice')
      const agent = app.agent()
      await agent.get('/profile')
      await agent.get('/note/apples')
      const former = await listNotes(agent, app)
      expect(former).toMatchObject({ sub: 'alice', notes: ['apples'] })
      world.provider.signIn('bob')
      const callback = await response(agent, '/switch')
      failing.failAt(nth, how)
      const answer = await agent.get(callback, { redirect: 'manual' })
      const over = failing.commands < nth
      failing.failAt(0)
      const after = await listNotes(agent, app)
      const state = { nth, status: answer.status, after }
      if (answer.status === 303) {
        expect(state).toMatchObject({ after: { sub: 'bob', notes: [] } })
        finished++
      } else {
        expect(state).toMatchObject({ status: 503, after: former })
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        failed++
        // The same URL begins a new login, or finishes this one if its use was not recorded. If the use was recorded and
        // only the reply was lost, the URL would first wait for that use. In that case the test begins a new login.
        const again = how === 'before' ? callback : '/switch'
        expect((await agent.get(again)).json()).toMatchObject({ user: { sub: 'bob' } })
      }
      if (over) break
      expect(nth).toBeLessThan(59)
    }
    // If only the reply is lost when the former session is ended, that session stays ended and the login succeeds.
    expect(failed).toBeGreaterThan(how === 'after' ? 4 : 5)
    expect(finished).toBeGreaterThan(0)
  })
})
