import type { Oidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { AsyncStore } from '../support/async-store.ts'
import { flow, response, told } from '../support/flow.ts'
import { ownRedis } from '../support/own-redis.ts'
import { newClient } from '../support/redis.ts'
import { RedisTap, type RedisCall } from '../support/redis-tap.ts'
import { sessionId, sessionThief, touchesSessionCookie } from '../support/session-cookie.ts'
import { partnerOfFile, whoIs, type Who } from '../support/two-instances.ts'

const test = flow()
const partner = partnerOfFile()
const paused = await ownRedis('what a paused Redis does to requests')

/** More commands than anything below takes: the last ones meet no fault. */
const mostCommands = 26

const down = (): never => {
  throw new Error('The socket was closed unexpectedly')
}

/** How a command fails. */
const modes = {
  'is refused': (tap: RedisTap, concerns: (call: RedisCall) => boolean) => {
    tap.before = (call) => concerns(call) && down()
  },
  'is done but its answer lost': (tap: RedisTap, concerns: (call: RedisCall) => boolean) => {
    tap.after = (call) => concerns(call) && down()
  },
}
type Mode = keyof typeof modes

/** What the browser's session was before. */
const formers: Record<string, { expected: Who; prepare: (agent: UserAgent) => Promise<unknown> }> = {
  'a visitor\u2019s': { expected: { default: null, partner: null, cart: 'apple' }, prepare: async () => {} },
  'of a login with another instance': {
    expected: { default: null, partner: 'bob', cart: 'apple' },
    prepare: (agent) => agent.get('/partner-profile'),
  },
  'of a login with both': {
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

/** The store failed: a page with 503 that says when to come again, and the session cookie as it was. */
function expectFault(answer: UserAgentResponse): void {
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(answer.headers.get('content-type')).toContain('text/html')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.text()).toContain('Please try again in a moment')
  expect(answer.text()).not.toContain('socket')
  expect(touchesSessionCookie(answer)).toBe(false)
}

/** The same for a script. */
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
  describe.each(Object.keys(formers))('in a session that was %s', (former) => {
    it.each(indices.map((index) => [ordinal(index), index] as const))(
      '(%s) lets nobody in and nobody down',
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
          // What failed was cleaning up: the login stands.
          expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(after)
          return
        }
        expectFault(answer)
        expect(told(app, 'store_fault').length + told(app, 'login_failed').length, JSON.stringify(met)).toBeGreaterThan(
          index === 0 ? -1 : 0,
        )
        expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(expected)
        const again = await agent.get(callback)
        expect(again.status).toBe(200)
        expect(new URL(again.url).pathname).toBe('/profile')
        expect(await whoIs(agent, app)).toEqual(after)
      },
    )

    it('meets all of them above', async () => {
      const agent = await visitor(former)
      const callback = await response(agent, '/login')
      tap.reset()
      expect((await agent.get(callback, { redirect: 'manual' })).status).toBe(303)
      expect(tap.calls.length).toBeLessThan(mostCommands)
      expect(tap.calls.length).toBeGreaterThan(7)
    })
  })
})

describe.each(Object.keys(formers))('a store that goes down during a callback in a session that was %s', (former) => {
  it.each(indices.map((index) => [ordinal(index), index] as const))(
    'from %s on is a fault, and nothing is lost once it is back',
    async (_name, index) => {
      const agent = await visitor(former)
      const { expected } = formers[former] as { expected: Who }
      const callback = await response(agent, '/login?returnTo=/profile')
      tap.reset()
      modes['is refused'](tap, (call) => call.index >= index)
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
  it.each(Object.keys(formers))('during a callback in a session that was %s, loses nothing', async (former) => {
    const agent = await visitor(former)
    const { expected } = formers[former] as { expected: Who }
    const callback = await response(agent, '/login?returnTo=/profile')
    tap.reset()
    modes['is refused'](tap, (call) => call.method === method)
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

describe('a claim whose login failed', () => {
  it(
    'is not used again: the same address begins a new login, with another code',
    { meta: { id: 'store-faults-1' } },
    async () => {
      const agent = await visitor('a visitor\u2019s')
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
    'that was never made leaves the response good: the same address finishes the login',
    { meta: { id: 'store-faults-2' } },
    async () => {
      const agent = await visitor('a visitor\u2019s')
      const callback = await response(agent, '/login?returnTo=/profile')
      tap.reset()
      tap.before = (call) => call.keys[0]?.startsWith('oidc:claim:') && down()
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

describe('a guarded request while the store is down', () => {
  it(
    'of a page is a page with 503; afterwards the user is as logged in as before',
    { meta: { id: 'store-faults-3' } },
    async () => {
      const agent = await visitor('of a login with both')
      tap.before = down
      for (const page of ['/profile', '/partner-profile', '/who', '/login', '/logout']) {
        expectFault(await agent.get(page, { redirect: 'manual' }))
      }
      tap.reset()
      expect(await whoIs(agent, app)).toEqual(formers['of a login with both']?.expected)
      expect((await agent.get('/profile')).status).toBe(200)
    },
  )

  it('of a script is problem+json with 503', async () => {
    const agent = await visitor('of a login with both')
    tap.before = down
    for (const page of ['/profile', '/who', '/logout']) expectProblem(await agent.fetch(page))
    expectProblem(await agent.fetch('/logout', { method: 'POST' }))
    tap.reset()
    expect(await whoIs(agent, app)).toEqual(formers['of a login with both']?.expected)
  })

  it('of a form is a page with 503', async () => {
    const agent = await visitor('of a login with both')
    tap.before = down
    expectFault(await agent.post('/logout'))
    tap.reset()
    expect(await whoIs(agent, app)).toEqual(formers['of a login with both']?.expected)
  })

  it('of a visitor without a session needs no store: the login begins', async () => {
    tap.before = down
    const agent = app.agent()
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
    expect((await agent.get('/', { redirect: 'manual' })).status).toBe(200)
    expect((await agent.fetch('/profile')).status).toBe(401)
  })

  it('that only cannot be renewed is answered all the same', async () => {
    const agent = await visitor('of a login with both')
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 120_000)
    tap.reset()
    modes['is refused'](tap, (call) => call.method === 'expire')
    expect((await agent.get('/profile')).status).toBe(200)
    expect(tap.calls.map(({ method }) => method)).toEqual(['mGet', 'expire'])
  })
})

describe.each(Object.keys(modes) as Mode[])('a command of a logout that %s', (mode) => {
  const cases = ['/logout', '/partner/logout', '/logout alone'].flatMap((path) =>
    indices.slice(0, 8).map((index) => [ordinal(index), path, index] as const),
  )
  it.each(cases)('(%s of %s) is a fault that can be made up for', async (_name, what, index) => {
    const [path, alone] = what.split(' ') as [string, string?]
    const agent = alone ? app.agent() : await visitor('of a login with both')
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
      // Either it was not done at all, or the user is out; nothing in between, and nobody else is out.
      expect([before, ended], JSON.stringify(met)).toContainEqual(await whoIs(agent, app))
      expect((await agent.get(path, { redirect: 'manual' })).status).toBe(303)
    }
    expect(await whoIs(agent, app), JSON.stringify(met)).toEqual(ended)
    expect(await whoIs(thief, app)).toEqual(ended)
    expect(await test.redis.client.exists(`oidc:{sess:${id}}:tokens:${own}`), JSON.stringify(met)).toBe(0)
    if (alone) expect(await test.redis.client.exists([`sess:${id}`, `oidc:{sess:${id}}`])).toBe(0)
  })
})

describe('records through a session store that fails', () => {
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

  /** The first operation of a request loads the session: what that fails with is the store's own to say. */
  const operations = Array.from({ length: 30 }, (_, index) => index + 1)

  describe.each(['a visitor\u2019s', 'of a login with another instance'])('in a session that was %s', (former) => {
    it.each(operations)('at operation %i of a callback, lets nobody in and nobody down', async (index) => {
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
    })
  })

  it('at the login record is a fault of every page, and logs nobody out', async () => {
    const agent = await prepared('of a login with both')
    store.fault = (_operation, id) => (id.startsWith('oidc ') ? { error: new Error('gone') } : undefined)
    expectFault(await agent.get('/profile'))
    expectFault(await agent.get('/logout', { redirect: 'manual' }))
    expectProblem(await agent.fetch('/profile'))
    store.fault = () => undefined
    expect(await whoIs(agent, plain)).toEqual(formers['of a login with both']?.expected)
  })

  it('by throwing rather than answering is the same', async () => {
    const agent = await prepared('of a login with both')
    const error = new Error('gone')
    store.fault = (_operation, id) => (id.startsWith('oidc ') ? { error, thrown: true } : undefined)
    expectFault(await agent.get('/profile'))
    store.fault = () => undefined
    expect(await whoIs(agent, plain)).toEqual(formers['of a login with both']?.expected)
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

  /** Does something with Redis stopped; says how many seconds that took. */
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
    await until(async () => (await agent.fetch('/who')).status === 200, 'Redis answers again')
  }

  it('is waited for as long as told: then 503, and everybody is as logged in as before', async () => {
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

  it('in the middle of a callback is waited for a few times at most, and loses nothing', async () => {
    const agent = slow.agent()
    await agent.get('/cart/apple')
    const callback = await response(agent, '/login?returnTo=/profile')
    slowTap.reset()
    // The claim was made: the new session is the first that is not written.
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
