import type { Oidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { AsyncStore } from '../support/async-store.ts'
import { flow, response, listEvents } from '../support/flow.ts'
import { ownRedis } from '../support/own-redis.ts'
import { newClient } from '../support/redis.ts'
import { RedisTap, type RedisCall } from '../support/redis-tap.ts'
import { sessionId, sessionThief, touchesSessionCookie } from '../support/session-cookie.ts'
import { partnerOfFile, whoIs, type Who } from '../support/two-instances.ts'

const test = flow()
const partner = partnerOfFile()
const paused = await ownRedis('requests while Redis is paused')

/** More commands than any callback below sends: the last indices cause no fault. */
const mostCommands = 26

const down = (): never => {
  throw new Error('The socket was closed unexpectedly')
}

/** How a command fails. */
const modes = {
  'fails before it runs': (tap: RedisTap, concerns: (call: RedisCall) => boolean) => {
    tap.before = (call) => concerns(call) && down()
  },
  'runs but loses its response': (tap: RedisTap, concerns: (call: RedisCall) => boolean) => {
    tap.after = (call) => concerns(call) && down()
  },
}
type Mode = keyof typeof modes

/** The session of the browser before the callback. */
const formers: Record<string, { expected: Who; prepare: (agent: UserAgent) => Promise<unknown> }> = {
  anonymous: { expected: { default: null, partner: null, cart: 'apple' }, prepare: async () => {} },
  'logged in with another instance': {
    expected: { default: null, partner: 'bob', cart: 'apple' },
    prepare: (agent) => agent.get('/partner-profile'),
  },
  'logged in with both instances': {
    expected: { default: 'alice', partner: 'bob', cart: 'apple' },
    prepare: async (agent) => {
      await agent.get('/partner-profile')
      await agent.get('/profile')
    },
  },
}

let app: TestApp
let tap: RedisTap

beforeEach(async () => {
  tap = new RedisTap(test.redis.client)
  app = await test.start({
    session: { store: new RedisSessionStore({ client: tap, idleSeconds: 600 }) },
    routes: (app, oidc: Oidc, url) => void partner.routes(app, oidc, url),
  })
})

async function visitor(former: string): Promise<UserAgent> {
  const agent = app.agent()
  await agent.get('/cart/apple')
  await formers[former]?.prepare(agent)
  expect(await whoIs(agent, app)).toEqual(formers[former]?.expected)
  return agent
}

/** Expects a 503 page with Retry-After, and an untouched session cookie. */
function expectFault(answer: UserAgentResponse): void {
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(answer.headers.get('content-type')).toContain('text/html')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.text()).toContain('Please try again in a moment')
  expect(answer.text()).not.toContain('socket')
  expect(touchesSessionCookie(answer)).toBe(false)
}

/** Expects the same of a response to a script. */
function expectProblem(answer: UserAgentResponse): void {
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(answer.json()).toMatchObject({ status: 503, code: 'store_unavailable' })
  expect(answer.text()).not.toContain('socket')
  expect(touchesSessionCookie(answer)).toBe(false)
}

function ordinal(index: number): string {
  return `command ${index + 1}`
}

const indices = Array.from({ length: mostCommands }, (_, index) => index)

describe.each(Object.keys(modes) as Mode[])('a command of a callback that %s', (mode) => {
  describe.each(Object.keys(formers))('in a session that is %s', (former) => {
    it.each(indices.map((index) => [ordinal(index), index] as const))(
      'a fault at %s leaves the former session or the finished login, and a retry succeeds',
      async (_name, index) => {
        const agent = await visitor(former)
        const { expected } = formers[former] as { expected: Who }
        const callback = await response(agent, '/login?returnTo=/profile')
        tap.reset()
        modes[mode](tap, (call) => call.index === index)
        const answer = await agent.get(callback, { redirect: 'manual' })
        const met = tap.calls[index]
        tap.reset()
        const after = { default: 'alice', partner: expected.partner, cart: 'apple' }
        if (answer.status === 303) {
          // Only the clean-up failed: the login is complete.
          expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(after)
          return
        }
        expectFault(answer)
        expect(
          listEvents(app, 'store_fault').length + listEvents(app, 'login_failed').length,
          JSON.stringify(met),
        ).toBeGreaterThan(index === 0 ? -1 : 0)
        expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(expected)
        const again = await agent.get(callback)
        expect(again.status).toBe(200)
        expect(new URL(again.url).pathname).toBe('/profile')
        expect(await whoIs(agent, app)).toEqual(after)
      },
    )

    it('the tests above cause a fault at every command of the callback', async () => {
      const agent = await visitor(former)
      const callback = await response(agent, '/login')
      tap.reset()
      expect((await agent.get(callback, { redirect: 'manual' })).status).toBe(303)
      expect(tap.calls.length).toBeLessThan(mostCommands)
      expect(tap.calls.length).toBeGreaterThan(7)
    })
  })
})

describe.each(Object.keys(formers))('a store that goes down during a callback in a session that is %s', (former) => {
  it.each(indices.map((index) => [ordinal(index), index] as const))(
    'a store that is down from %s on loses nothing once it is back',
    async (_name, index) => {
      const agent = await visitor(former)
      const { expected } = formers[former] as { expected: Who }
      const callback = await response(agent, '/login?returnTo=/profile')
      tap.reset()
      modes['fails before it runs'](tap, (call) => call.index >= index)
      const answer = await agent.get(callback, { redirect: 'manual' })
      tap.reset()
      const after = { default: 'alice', partner: expected.partner, cart: 'apple' }
      if (answer.status === 303) {
        expect(await whoIs(agent, app)).toEqual(after)
        return
      }
      expectFault(answer)
      expect(await whoIs(agent, app)).toEqual(expected)
      expect((await agent.get('/profile')).status).toBe(200)
      expect(await whoIs(agent, app)).toEqual(after)
    },
  )
})

describe.each(['get', 'mGet', 'set', 'del', 'getDel', 'eval'] as const)('a store whose command %s fails', (method) => {
  it.each(Object.keys(formers))('a callback in a session that is %s loses nothing', async (former) => {
    const agent = await visitor(former)
    const { expected } = formers[former] as { expected: Who }
    const callback = await response(agent, '/login?returnTo=/profile')
    tap.reset()
    modes['fails before it runs'](tap, (call) => call.method === method)
    const answer = await agent.get(callback, { redirect: 'manual' })
    tap.reset()
    const after = { default: 'alice', partner: expected.partner, cart: 'apple' }
    if (answer.status === 303) {
      expect(await whoIs(agent, app)).toEqual(after)
    } else {
      expectFault(answer)
      expect(await whoIs(agent, app)).toEqual(expected)
    }
  })
})

describe('an authorization response whose login failed', () => {
  it(
    'a response whose login failed is not used again: its URL begins a new login with another code',
    { meta: { id: 'store-faults-1' } },
    async () => {
      const agent = await visitor('anonymous')
      const callback = await response(agent, '/login?returnTo=/profile')
      tap.reset()
      let failed = false
      tap.before = (call) => {
        if (failed || call.method !== 'eval' || !call.keys.some((key) => key.startsWith('sess:'))) return
        failed = true
        down()
      }
      expectFault(await agent.get(callback, { redirect: 'manual' }))
      tap.reset()
      test.provider.forget()
      const again = await agent.get(callback)
      expect(new URL(again.url).pathname).toBe('/profile')
      const codes = test.provider.requestsTo('token').map(({ params }) => params.get('code'))
      expect(codes).toHaveLength(1)
      expect(codes[0]).not.toBe(new URL(callback).searchParams.get('code'))
      expect(test.provider.requestsTo('authorize')).toHaveLength(1)
    },
  )

  it(
    'a response whose use could not be recorded stays valid: its URL finishes the login',
    { meta: { id: 'store-faults-2' } },
    async () => {
      const agent = await visitor('anonymous')
      const callback = await response(agent, '/login?returnTo=/profile')
      tap.reset()
      tap.before = (call) => call.keys[0]?.startsWith('oidc:used:') && down()
      expectFault(await agent.get(callback, { redirect: 'manual' }))
      expect(test.provider.requestsTo('token')).toHaveLength(0)
      tap.reset()
      test.provider.forget()
      expect((await agent.get(callback)).status).toBe(200)
      expect(test.provider.requestsTo('authorize')).toHaveLength(0)
      expect(test.provider.requestsTo('token')).toHaveLength(1)
    },
  )
})

describe('a request while the store is down', () => {
  it(
    'a navigation gets a 503 page, and the user is still logged in afterwards',
    { meta: { id: 'store-faults-3' } },
    async () => {
      const agent = await visitor('logged in with both instances')
      tap.before = down
      for (const page of ['/profile', '/partner-profile', '/who', '/login', '/logout']) {
        expectFault(await agent.get(page, { redirect: 'manual' }))
      }
      tap.reset()
      expect(await whoIs(agent, app)).toEqual(formers['logged in with both instances']?.expected)
      expect((await agent.get('/profile')).status).toBe(200)
    },
  )

  it('a script gets problem+json with 503', async () => {
    const agent = await visitor('logged in with both instances')
    tap.before = down
    for (const page of ['/profile', '/who', '/logout']) expectProblem(await agent.fetch(page))
    expectProblem(await agent.fetch('/logout', { method: 'POST' }))
    tap.reset()
    expect(await whoIs(agent, app)).toEqual(formers['logged in with both instances']?.expected)
  })

  it('a form gets a 503 page', async () => {
    const agent = await visitor('logged in with both instances')
    tap.before = down
    expectFault(await agent.post('/logout'))
    tap.reset()
    expect(await whoIs(agent, app)).toEqual(formers['logged in with both instances']?.expected)
  })

  it('a visitor without a session needs no store, and a login can begin', async () => {
    tap.before = down
    const agent = app.agent()
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
    expect((await agent.get('/', { redirect: 'manual' })).status).toBe(200)
    expect((await agent.fetch('/profile')).status).toBe(401)
  })

  it('a request whose session cannot be renewed is still answered', async () => {
    const agent = await visitor('logged in with both instances')
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 120_000)
    tap.reset()
    modes['fails before it runs'](tap, (call) => call.method === 'expire')
    expect((await agent.get('/profile')).status).toBe(200)
    expect(tap.calls.map(({ method }) => method)).toEqual(['mGet', 'expire'])
  })
})

describe.each(Object.keys(modes) as Mode[])('a command of a logout that %s', (mode) => {
  const cases = ['/logout', '/partner/logout', '/logout alone'].flatMap((path) =>
    indices.slice(0, 8).map((index) => [ordinal(index), path, index] as const),
  )
  it.each(cases)('a logout can be retried after a fault at %s of %s', async (_name, what, index) => {
    const [path, alone] = what.split(' ') as [string, string?]
    const agent = alone ? app.agent() : await visitor('logged in with both instances')
    if (alone) {
      await agent.get('/profile')
      await agent.get('/cart/apple')
    }
    const id = sessionId(agent)
    const thief = sessionThief(agent, app)
    const before = await whoIs(agent, app)
    tap.reset()
    modes[mode](tap, (call) => call.index === index)
    const answer = await agent.get(path, { redirect: 'manual' })
    const met = tap.calls[index]
    tap.reset()
    const own = path === '/logout' ? 'default' : 'partner'
    const ended = alone ? { default: null, partner: null, cart: null } : { ...before, [own]: null }
    if (answer.status !== 303) {
      expectFault(answer)
      // Either nothing was done, or the user is logged out; the other login is kept in any case.
      expect([before, ended], JSON.stringify(met)).toContainEqual(await whoIs(agent, app))
      expect((await agent.get(path, { redirect: 'manual' })).status).toBe(303)
    }
    expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(ended)
    expect(await whoIs(thief, app)).toEqual(ended)
    expect(await test.redis.client.exists(`oidc:{sess:${id}}:tokens:${own}`), JSON.stringify(met)).toBe(0)
    if (alone) expect(await test.redis.client.exists([`sess:${id}`, `oidc:{sess:${id}}`])).toBe(0)
  })
})

describe('records in a session store that fails', () => {
  let store: AsyncStore
  let plain: TestApp

  beforeEach(async () => {
    store = new AsyncStore()
    plain = await test.start({
      session: { store },
      routes: (app, oidc: Oidc, url) => void partner.routes(app, oidc, url),
    })
  })

  async function prepared(former: string): Promise<UserAgent> {
    const agent = plain.agent()
    await agent.get('/cart/apple')
    await formers[former]?.prepare(agent)
    expect(await whoIs(agent, plain)).toEqual(formers[former]?.expected)
    return agent
  }

  /** Without the first operation, which loads the session: express-session reports its error. */
  const operations = Array.from({ length: 30 }, (_, index) => index + 1)

  describe.each(['anonymous', 'logged in with another instance'])('in a session that is %s', (former) => {
    it.each(operations)(
      'a fault at operation %i leaves the former session or the finished login, and a retry succeeds',
      async (index) => {
        const agent = await prepared(former)
        const { expected } = formers[former] as { expected: Who }
        const callback = await response(agent, '/login?returnTo=/profile')
        const from = store.done.length
        store.fault = () => (store.done.length - 1 === from + index ? { error: new Error('gone') } : undefined)
        const answer = await agent.get(callback, { redirect: 'manual' })
        store.fault = () => undefined
        const met = store.done[from + index]
        const after = { default: 'alice', partner: expected.partner, cart: 'apple' }
        if (answer.status === 303) {
          expect(await whoIs(agent, plain), met).toEqual(after)
          return
        }
        expectFault(answer)
        expect(await whoIs(agent, plain), met).toEqual(expected)
        const again = await agent.get(callback)
        expect(new URL(again.url).pathname).toBe('/profile')
        expect(await whoIs(agent, plain)).toEqual(after)
      },
    )
  })

  it('a fault at the login record answers 503 on every page and logs nobody out', async () => {
    const agent = await prepared('logged in with both instances')
    store.fault = (_operation, id) => (id.startsWith('oidc ') ? { error: new Error('gone') } : undefined)
    expectFault(await agent.get('/profile'))
    expectFault(await agent.get('/logout', { redirect: 'manual' }))
    expectProblem(await agent.fetch('/profile'))
    store.fault = () => undefined
    expect(await whoIs(agent, plain)).toEqual(formers['logged in with both instances']?.expected)
  })

  it('a store that throws instead of calling back answers 503 and logs nobody out', async () => {
    const agent = await prepared('logged in with both instances')
    const error = new Error('gone')
    store.fault = (_operation, id) => (id.startsWith('oidc ') ? { error, thrown: true } : undefined)
    expectFault(await agent.get('/profile'))
    store.fault = () => undefined
    expect(await whoIs(agent, plain)).toEqual(formers['logged in with both instances']?.expected)
  })
})

describe.skipIf(!paused)('a Redis that has stopped answering', () => {
  const timeoutSeconds = 0.5
  let slow: TestApp
  let slowTap: RedisTap
  let client: ReturnType<typeof newClient>

  beforeEach(async () => {
    client = newClient(paused!.url)
    await client.connect()
    slowTap = new RedisTap(client)
    slow = await test.start({
      session: { store: new RedisSessionStore({ client: slowTap, idleSeconds: 600, timeoutSeconds }) },
      routes: (app, oidc: Oidc, url) => void partner.routes(app, oidc, url),
    })
  })
  afterEach(() => {
    paused!.resume()
    client.destroy()
  })

  /** Runs `work` while Redis is paused; returns how many seconds that took. */
  async function whilePaused(work: () => Promise<unknown>): Promise<number> {
    paused!.pause()
    const begun = performance.now()
    try {
      await work()
    } finally {
      paused!.resume()
    }
    return (performance.now() - begun) / 1000
  }

  async function backAgain(agent: UserAgent): Promise<void> {
    await until(async () => (await agent.fetch('/who')).status === 200, 'Redis responds again')
  }

  it('a request waits for timeoutSeconds and then gets 503, and the user is still logged in afterwards', async () => {
    const agent = slow.agent()
    await agent.get('/profile')
    await agent.get('/cart/apple')
    const took = await whilePaused(async () => expectFault(await agent.get('/profile')))
    expect(took).toBeGreaterThan(timeoutSeconds - 0.1)
    expect(took).toBeLessThan(timeoutSeconds + 2)
    const together = await whilePaused(async () => {
      const answers = await Promise.all(['/profile', '/who', '/', '/logout'].map((page) => agent.fetch(page)))
      for (const answer of answers) expectProblem(answer)
    })
    expect(together).toBeLessThan(timeoutSeconds + 2)
    await backAgain(agent)
    expect(await whoIs(agent, slow)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
  })

  it('a callback during which Redis stops waits for a few time-outs at most, and loses nothing', async () => {
    const agent = slow.agent()
    await agent.get('/cart/apple')
    const callback = await response(agent, '/login?returnTo=/profile')
    slowTap.reset()
    // The use of the response is recorded by then, and nothing of the login is written.
    slowTap.before = (call) => call.index === 2 && paused!.pause()
    const begun = performance.now()
    const answer = await agent.get(callback, { redirect: 'manual' })
    const took = (performance.now() - begun) / 1000
    paused!.resume()
    expectFault(answer)
    expect(took).toBeLessThan(timeoutSeconds * 6 + 2)
    await backAgain(agent)
    expect(await whoIs(agent, slow)).toEqual({ default: null, partner: null, cart: 'apple' })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await whoIs(agent, slow)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
  })
})

describe('a value in Redis that is not a session', () => {
  it.each(['[]', '7', '{"user":"alice"}', '{"cookie":{"originalMaxAge":"odd"},"hasLogins":true}'])(
    'it is answered 503, and the login is back once the session is: %s',
    async (text) => {
      const agent = app.agent()
      await agent.get('/profile')
      const key = `sess:${sessionId(agent)}`
      const session = (await test.redis.client.get(key)) as string
      await test.redis.client.set(key, text)
      const answer = await agent.get('/profile', { redirect: 'manual' })
      expect(answer.status).toBe(503)
      expect(touchesSessionCookie(answer)).toBe(false)
      expect(await test.redis.client.get(key)).toBe(text)
      await test.redis.client.set(key, session)
      expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )
})
