import session, { MemoryStore, type Store } from 'express-session'
import type { OidcOptions, OidcRecords } from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { getContext, startApp, until, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { SlowStore } from '../support/slow-store.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'

const redis = redisForFile()
let provider: TestProvider
let app: TestApp | undefined
let agent: UserAgent
let release: () => void
let held: number

beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())
beforeEach(() => {
  provider.behave()
  provider.signIn('alice')
})
afterEach(async () => {
  await app?.stop()
  app = undefined
})

async function start(store: Store, options: Partial<OidcOptions> = {}): Promise<void> {
  let gate = new Promise<void>((resolve) => (release = resolve))
  held = 0
  app = await startApp({
    provider,
    session: { store },
    options,
    routes: (made) => {
      made.get('/note/:text', (req, res) => {
        Object.assign(req.session, { note: req.params.text })
        res.send('noted')
      })
      made.get('/note', (req, res) => void res.json({ note: (req.session as { note?: string }).note ?? null }))
      // Changes the session, and answers only after `release()`.
      made.get(
        '/slow',
        waiting(async (req, res) => {
          Object.assign(req.session, { slow: Date.now() })
          held++
          await gate
          res.send('at last')
        }),
      )
      made.get(
        '/tokens',
        waiting(async (req, res) => void res.json(await getContext(req).tokens())),
      )
      made.get('/open', (_req, res) => void res.send('open'))
      gate = gate.then(() => {})
    },
  })
  agent = app.agent()
}

const stores: [string, () => Store, () => Partial<OidcOptions>][] = [
  ['a store without atomic operations', () => new SlowStore(), () => ({})],
  [
    'a store with redisRecords beside it',
    () => new SlowStore(),
    () => ({ records: redisRecords({ client: redis.client, prefix: 'other:' }) }),
  ],
  ['MemoryStore', () => new MemoryStore(), () => ({})],
]

describe.each(stores)('%s', (_, makeStore, makeOptions) => {
  it('a login is stored with its user and its tokens', async () => {
    await start(makeStore(), makeOptions())
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' }, roles: ['admin', 'user'] })
    expect((await agent.get('/')).text()).toBe('hello alice')
    expect((await agent.get('/tokens')).json()).toMatchObject({ idToken: expect.any(String) as string })
  })

  it(
    'a login changes the id of the session, and the old id is no longer valid',
    { meta: { id: 'other-stores-1' } },
    async () => {
      await start(makeStore(), makeOptions())
      await agent.get('/note/mine')
      const before = agent.jar.header(app?.url ?? '')
      await agent.get('/profile')
      expect(agent.jar.header(app?.url ?? '')).not.toBe(before)
      expect((await agent.get('/note')).json()).toEqual({ note: 'mine' })
      const thief = app?.agent({ headers: { cookie: before } })
      expect((await thief?.get('/note'))?.json()).toEqual({ note: null })
    },
  )

  it('a logout deletes the login and the session data, for the old cookie too', async () => {
    await start(makeStore(), makeOptions())
    await agent.get('/profile')
    await agent.get('/note/mine')
    const cookie = agent.jar.header(app?.url ?? '')
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(new URL(answer.headers.get('location') ?? '').searchParams.has('id_token_hint')).toBe(true)
    for (const visitor of [agent, app?.agent({ headers: { cookie } })]) {
      expect((await visitor?.get('/'))?.text()).toBe('hello stranger')
      expect((await visitor?.get('/note'))?.json()).toEqual({ note: null })
      expect((await visitor?.fetch('/profile'))?.status).toBe(401)
    }
    await agent.get('/profile')
    expect((await agent.get('/')).text()).toBe('hello alice')
  })

  it('a request that saves its session after a logout does not restore the login', async () => {
    await start(makeStore(), makeOptions())
    await agent.get('/profile')
    const cookie = agent.jar.header(app?.url ?? '')
    const slow = agent.get('/slow')
    await until(() => held === 1, 'the slow request is running')
    await agent.get('/logout', { redirect: 'manual' })
    release()
    expect((await slow).text()).toBe('at last')
    const visitor = app?.agent({ headers: { cookie } })
    expect((await visitor?.get('/'))?.text()).toBe('hello stranger')
    expect((await visitor?.fetch('/profile'))?.status).toBe(401)
  })

  it('an authorization response that arrives twice at once is used once', async () => {
    await start(makeStore(), makeOptions())
    const begun = await agent.get('/login', { redirect: 'manual' })
    const answered = await agent.get(begun.headers.get('location') ?? '', { redirect: 'manual' })
    const callback = answered.headers.get('location') ?? ''
    provider.forget()
    const ends = await Promise.all([1, 2].map(() => agent.get(callback, { redirect: 'manual' })))
    expect(ends.map(({ status }) => status)).toEqual([303, 303])
    expect(provider.requestsTo('token')).toHaveLength(1)
    expect((await agent.get('/')).text()).toBe('hello alice')
  })

  it('three concurrent logouts emit one event', async () => {
    await start(makeStore(), makeOptions())
    await agent.get('/profile')
    await Promise.all([1, 2, 3].map(() => agent.get('/logout', { redirect: 'manual' })))
    expect(app?.events.filter(({ name }) => name === 'logout')).toHaveLength(1)
  })
})

describe('the sessions of a store without atomic operations', () => {
  it(
    'sessions contain neither user nor tokens: separate records have them, with the tokens sealed',
    { meta: { id: 'other-stores-2' } },
    async () => {
      const store = new SlowStore()
      await start(store)
      await agent.get('/profile')
      const tokens = (await agent.get('/tokens')).json()
      const sessions = [...store.entries].filter(([id]) => !id.startsWith('oidc '))
      expect(sessions).toHaveLength(1)
      expect(sessions[0]?.[1]).not.toContain('alice')
      for (const text of store.entries.values()) {
        expect(text).not.toContain(tokens['accessToken'])
        expect(text).not.toContain(tokens['idToken'])
      }
    },
  )

  it('an anonymous visitor causes no operation of the store', async () => {
    const store = new SlowStore()
    await start(store)
    expect((await agent.get('/open')).text()).toBe('open')
    expect((await agent.get('/')).text()).toBe('hello stranger')
    expect(store.done).toEqual([])
  })

  it(
    'a store that is down causes a server error, and the login is kept',
    { meta: { id: 'other-stores-3' } },
    async () => {
      const store = new SlowStore()
      await start(store)
      await agent.get('/profile')
      const before = agent.jar.header(app?.url ?? '')
      const error = new Error('the database is away')
      store.fault = () => ({ error })
      for (const path of ['/profile', '/logout']) {
        const answer = await agent.get(path, { redirect: 'manual' })
        // express-session passes on the error of the store. It has no status, so Express answers 500.
        expect(answer.status).toBeGreaterThanOrEqual(500)
        expect(answer.headers.get('set-cookie')).toBeNull()
      }
      store.fault = () => undefined
      expect(agent.jar.header(app?.url ?? '')).toBe(before)
      expect((await agent.get('/')).text()).toBe('hello alice')
    },
  )
})

describe('records beside another session store', () => {
  it('records that are down cause 503, and the login is kept', async () => {
    const { client, fail, heal } = switchedRedis(redis.client)
    await start(new SlowStore(), { records: redisRecords({ client, prefix: 'beside:' }) })
    await agent.get('/profile')
    const before = agent.jar.header(app?.url ?? '')
    fail()
    for (const path of ['/profile', '/logout']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
    expect((await agent.fetch('/profile')).json()).toMatchObject({ code: 'store_unavailable' })
    expect(app?.events.map(({ name }) => name)).toContain('store_fault')
    heal()
    expect(agent.jar.header(app?.url ?? '')).toBe(before)
    expect((await agent.get('/')).text()).toBe('hello alice')
  })

  it('records of the application cause 503 too, whatever they reject with', async () => {
    const { client, fail, heal } = switchedRedis(redis.client)
    const real = redisRecords({ client: redis.client, prefix: 'own:' })
    const throughClient = redisRecords({ client, prefix: 'own:' })
    // Rejects with errors of a driver, as an adapter for a database would.
    const plain = (error: unknown): never => {
      throw new TypeError(`driver: ${(error as Error).name}`)
    }
    const records: OidcRecords = {
      ...real,
      get: (key) => throughClient.get(key).catch(plain),
      replace: (...given) => throughClient.replace(...given).catch(plain),
      add: (...given) => throughClient.add(...given).catch(plain),
    }
    await start(new SlowStore(), { records })
    await agent.get('/profile')
    for (const command of ['get', 'eval'] as const) {
      fail(command)
      const answer = await agent.get('/logout', { redirect: 'manual' })
      heal()
      expect(answer.status, command).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect((await agent.get('/')).text()).toBe('hello alice')
    }
  })

  it('records cost a logged-in request one read, and an anonymous request none', async () => {
    const { client, commands } = switchedRedis(redis.client)
    await start(new SlowStore(), { records: redisRecords({ client, prefix: 'beside:' }) })
    await agent.get('/open')
    await agent.get('/note/mine')
    await agent.get('/note')
    expect(commands).toEqual([])
    await agent.get('/profile')
    commands.length = 0
    await agent.get('/profile')
    expect(commands).toEqual(['get'])
  })
})

it('the store of these tests is an express-session store', () => {
  expect(new SlowStore()).toBeInstanceOf(session.Store)
})
