/** `oidc.logins.list()` and `oidc.logins.end()`: a list of devices, a logout on one of them, a blocked account. */
import { randomUUID } from 'node:crypto'
import { MemoryStore, type Store } from 'express-session'
import type { OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { describe, expect, it, vi } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, readLocation, noteRoutes, listNotes, catchRejection, response, listEvents } from '../support/flow.ts'
import { sessionId } from '../support/session-cookie.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'

const world = flow({ refreshTokens: 'rotating' })
const partner = partnerOfFile()

async function start(options: Partial<OidcOptions> = {}, store: Store = world.store()): Promise<TestApp> {
  const app = await world.start({
    session: { store },
    options: { sessionStore: store, ...options },
    routes: noteRoutes,
  })
  // Ends the logins of the previous test.
  for (const sub of ['alice', 'bob']) await app.oidc.logins.end({ sub })
  app.events.length = 0
  return app
}

async function logIn(app: TestApp, sub = 'alice', headers: Record<string, string> = {}) {
  world.provider.signIn(sub)
  const agent = app.agent({ headers })
  await agent.get('/profile')
  return agent
}

describe('logins.list()', () => {
  it('logins.list() returns the logins of a user, latest first, with their start and last use', async () => {
    const app = await start()
    const now = Math.floor(Date.now() / 1000)
    await logIn(app)
    await logIn(app)
    await logIn(app, 'bob')
    const listed = await app.oidc.logins.list({ sub: 'alice' })
    expect(listed).toHaveLength(2)
    for (const login of listed) {
      expect(login).toEqual({
        id: expect.stringMatching(/^[\w-]{22}$/),
        provider: 'default',
        issuer: world.provider.issuer,
        sub: 'alice',
        sid: expect.any(String),
        startedAt: expect.any(Number),
        lastSeenAt: expect.any(Number),
        endsAt: expect.any(Number),
        userAgent: undefined,
        address: undefined,
      })
      expect(login.startedAt).toBeGreaterThanOrEqual(now)
      expect(Math.abs((login.lastSeenAt as number) - now)).toBeLessThan(120)
    }
    expect(listed[0]?.startedAt).toBeGreaterThanOrEqual(listed[1]?.startedAt as number)
    expect(await app.oidc.logins.list({ sub: 'carol' })).toEqual([])
    expect(await app.oidc.logins.list({ sub: 'alice', issuer: 'https://other.example.com' })).toEqual([])
  })

  it('logins.list() returns browser and address with the storeDevice option', async () => {
    const app = await start({ storeDevice: true })
    await logIn(app, 'alice', { 'user-agent': `Browser ${'x'.repeat(500)}` })
    const [login] = await app.oidc.logins.list({ sub: 'alice' })
    expect(login?.userAgent).toMatch(/^Browser x{248}$/)
    expect(login?.address).toMatch(/127\.0\.0\.1$/)
  })

  it.each([
    ['MemoryStore', () => new MemoryStore()],
    ['RedisSessionStore', () => world.store()],
  ])('logins.list() omits a login whose session was destroyed, with %s', async (_what, makeStore) => {
    const store = makeStore() as Store
    const app = await start({}, store)
    const agent = await logIn(app)
    const { id } = await listNotes(agent, app)
    await new Promise<void>((resolve) => store.destroy(id, () => resolve()))
    expect(await app.oidc.logins.list({ sub: 'alice' })).toEqual([])
  })
})

describe('a login whose session is replaced', () => {
  it(
    'a login that another login moved to a new session is still listed and ended',
    { meta: { id: 'logins-list-end-1' } },
    async () => {
      const store = world.store()
      const app = await world.start({
        session: { store },
        options: { sessionStore: store },
        routes: (express, oidc, url) => void partner.routes(express, oidc, url, { sessionStore: store }),
      })
      await app.oidc.logins.end({ sub: 'alice' })
      const agent = await logIn(app)
      const former = sessionId(agent)
      await agent.get('/partner-profile')
      expect(sessionId(agent)).not.toBe(former)
      expect(await world.redis.client.exists(`sess:${former}`)).toBe(0)
      // The record that leads from the former session to the new one: the index must name the new one itself.
      expect(await world.redis.client.del(`oidc:{sess:${former}}`)).toBe(1)
      expect(await app.oidc.logins.list({ sub: 'alice' })).toHaveLength(1)
      expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
      expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
    },
  )

  it(
    'a second login of a user in one browser replaces the first one in the list, and is ended',
    { meta: { id: 'logins-list-end-2' } },
    async () => {
      const app = await start()
      const agent = await logIn(app)
      const former = sessionId(agent)
      await agent.get('/login?returnTo=/profile')
      expect(sessionId(agent)).not.toBe(former)
      const [, second] = listEvents(app, 'login')
      expect(await app.oidc.logins.list({ sub: 'alice' })).toMatchObject([{ id: second?.['loginId'] }])
      expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
      expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    },
  )
})

describe('two applications with the same client and different prefixes in one Redis', () => {
  it('each application lists and ends only its own logins, and the other still finds its own', async () => {
    const app = await start()
    const other = await start({}, new RedisSessionStore({ client: world.redis.client, prefix: 'other:' }))
    const [here, there] = [await logIn(app), await logIn(other)]
    expect(await app.oidc.logins.list({ sub: 'alice' })).toHaveLength(1)
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
    expect(await listNotes(here, app)).toMatchObject({ sub: null })
    expect(await listNotes(there, other)).toMatchObject({ sub: 'alice' })
    expect(await other.oidc.logins.list({ sub: 'alice' })).toHaveLength(1)
    expect(await other.oidc.logins.end({ sub: 'alice' })).toBe(1)
    expect(await listNotes(there, other)).toMatchObject({ sub: null })
  })
})

describe('logins.end()', () => {
  it('logins.end({ sub }) ends all logins of that user, and of no other, and revokes their tokens', async () => {
    const app = await start()
    const [first, second, bob] = [await logIn(app), await logIn(app), await logIn(app, 'bob')]
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(2)
    for (const agent of [first, second]) expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    expect(await listNotes(bob, app)).toMatchObject({ sub: 'bob' })
    expect(listEvents(app, 'logout').map(({ sub, reason }) => [sub, reason])).toEqual([
      ['alice', 'application'],
      ['alice', 'application'],
    ])
    await vi.waitFor(() => expect(world.provider.requestsTo('revocation').length).toBeGreaterThanOrEqual(4))
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(0)
  })

  it.each(['sub', 'sid', 'id'] as const)('logins.end() by %s deletes all index entries of the login', async (by) => {
    const prefix = `${randomUUID()}:`
    const app = await start({}, new RedisSessionStore({ client: world.redis.client, prefix }))
    await logIn(app)
    const found = (): Promise<string[]> => world.redis.client.keys(`oidc:${prefix}login*`)
    expect(await found()).toHaveLength(3)
    const [login] = await app.oidc.logins.list({ sub: 'alice' })
    expect(await app.oidc.logins.end({ [by]: login?.[by] })).toBe(1)
    expect(await found()).toEqual([])
  })

  it('logins.end({ sub, issuer }) keeps finished logins and logins in progress of other issuers', async () => {
    const app = await start()
    const agent = await logIn(app)
    const underWay = app.agent()
    const callback = await response(underWay, '/profile')
    const other = 'https://other.example.com'
    expect(await app.oidc.logins.end({ sub: 'alice', issuer: other })).toBe(0)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
    expect((await underWay.get(callback, { redirect: 'manual' })).headers.get('location')).toBe('/profile')
    const { issuer } = world.provider
    const listed = await app.oidc.logins.list({ sub: 'alice', issuer })
    expect(listed.length).toBeGreaterThanOrEqual(2)
    expect(await app.oidc.logins.end({ sub: 'alice', issuer })).toBe(listed.length)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })

  it('logins.end({ sub, issuer }) ends finished logins and logins in progress of that user, and of no other', async () => {
    const app = await start()
    const finished = await logIn(app)
    const bob = await logIn(app, 'bob')
    const [inProgress, bobInProgress] = [app.agent(), app.agent()]
    const bobCallback = await response(bobInProgress, '/profile')
    world.provider.signIn('alice')
    const callback = await response(inProgress, '/profile')
    expect(await app.oidc.logins.end({ sub: 'alice', issuer: world.provider.issuer })).toBe(1)
    expect(await listNotes(finished, app)).toMatchObject({ sub: null })
    expect(await listNotes(bob, app)).toMatchObject({ sub: 'bob' })
    expect(readLocation(await inProgress.get(callback, { redirect: 'manual' }))).toContain(
      `${world.provider.issuer}/authorize`,
    )
    expect(await listNotes(inProgress, app)).toMatchObject({ sub: null })
    expect(await app.oidc.logins.list({ sub: 'alice' })).toEqual([])
    expect(readLocation(await bobInProgress.get(bobCallback, { redirect: 'manual' }))).toBe(`${app.url}/profile`)
    expect(await listNotes(bobInProgress, app)).toMatchObject({ sub: 'bob' })
  })

  it('logins.end() does not count a login whose session the application has destroyed', async () => {
    const store = new RedisSessionStore({ client: world.redis.client, prefix: 'destroyed:' })
    const app = await start({}, store)
    const agent = await logIn(app)
    await store.destroy((await listNotes(agent, app)).id)
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(0)
  })

  it('logins.end({ id }) ends only that login', async () => {
    const app = await start()
    const [there, here] = [await logIn(app), await logIn(app)]
    const id = (await app.oidc.logins.list({ sub: 'alice' })).at(-1)?.id as string
    expect(await app.oidc.logins.end({ id })).toBe(1)
    expect(await listNotes(there, app)).toMatchObject({ sub: null })
    expect(await listNotes(here, app)).toMatchObject({ sub: 'alice' })
    expect(await app.oidc.logins.end({ id })).toBe(0)
  })

  it('logins.end({ sid }) ends only the logins of that session at the provider', async () => {
    const app = await start()
    const [there, here] = [await logIn(app), await logIn(app)]
    const sid = (await app.oidc.logins.list({ sub: 'alice' })).at(-1)?.sid as string
    expect(await app.oidc.logins.end({ sid })).toBe(1)
    expect(await listNotes(there, app)).toMatchObject({ sub: null })
    expect(await listNotes(here, app)).toMatchObject({ sub: 'alice' })
  })

  it.each([
    ['no parameters', {}, '`sub`, `sid` or `id` is required; pass exactly one of them'],
    ['sub together with id', { sub: 'a', id: 'b' }, '`sub`, `sid` or `id` is required; pass exactly one of them'],
    ['an undefined sub', { sub: undefined }, '`sub` is undefined'],
    ['an undefined id beside a sub', { id: undefined, sub: 'alice' }, '`id` is undefined'],
    ['an empty sub', { sub: '' }, '`sub` must be a non-empty string'],
    ['an unknown parameter', { subject: 'alice' }, '`subject` is not an option'],
    ['an issuer that is not a string', { sub: 'alice', issuer: 7 }, '`issuer` must be a non-empty string'],
  ])('logins.end() rejects %s and ends nothing', async (_what, parameters, message) => {
    const app = await start()
    const agent = await logIn(app)
    const error = await catchRejection(app.oidc.logins.end(parameters as { sub: string }))
    expect(error).toMatchObject({ code: 'options_invalid' })
    expect(error.message).toContain(message)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it('logins.list() and logins.end() fail with setup_invalid without the sessionStore option', async () => {
    const app = await world.start()
    for (const requested of [app.oidc.logins.end({ sub: 'a' }), app.oidc.logins.list({ sub: 'a' })]) {
      expect(await catchRejection(requested)).toMatchObject({ code: 'setup_invalid', status: 500 })
    }
  })
})
