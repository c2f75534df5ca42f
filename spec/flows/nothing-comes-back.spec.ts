import type { Express, Request, RequestHandler } from 'express'
import type { Oidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent } from 'express-session-oidc/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, readLocation, response, listEvents } from '../support/flow.ts'
import { Gate } from '../support/gate.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { sessionId, sessionThief } from '../support/session-cookie.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'

const test = flow()
const partner = partnerOfFile()

/** How a slow request writes its session when it resumes. */
const writings: Record<string, (req: Request) => Promise<void>> = {
  'changes its session': async (req) => {
    req.session.cart = 'slow'
  },
  'changes and saves its session': async (req) => {
    req.session.cart = 'slow'
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
  },
  'saves its session and changes it again': async (req) => {
    req.session.cart = 'slow'
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    req.session.cart = 'slower'
  },
  'reloads its session and changes it': async (req) => {
    await new Promise<void>((resolve) => req.session.reload(() => resolve()))
    req.session.cart = 'slow'
  },
  'only reads its session': async () => {},
}

let app: TestApp
let tap: RedisTap
/** Holds the slow request. */
let gate: Gate

beforeEach(async () => {
  gate = new Gate()
  tap = new RedisTap(test.redis.client)
  app = await test.start({
    session: { store: new RedisSessionStore({ client: tap, idleSeconds: 600 }) },
    routes: slowRoutes,
  })
})

function slowRoutes(app: Express, oidc: Oidc, url: string): void {
  const other = partner.routes(app, oidc, url)
  const slow: RequestHandler = (req, res, next) => {
    gate
      .pass()
      .then(() => writings[String(req.params.writing)]?.(req))
      .then(() => res.send('done'), next)
  }
  app.get('/slow/:writing', oidc.requireAuth(), slow)
  app.get('/slow-for-all/:writing', slow)
  app.get('/slow-logout', (req, _res, next) => {
    const context = oidc.context(req)
    gate.pass().then(() => context.logout(), next)
  })
  app.get('/regenerate', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.cart = 'after regenerate'
      res.send('done')
    })
  })
  app.get('/again', oidc.login({ prompt: 'login', returnTo: '/profile' }))
  app.get('/tokens', (req, res, next) => {
    const has = (each: Oidc): Promise<boolean> =>
      each
        .context(req)
        .tokens()
        .then(
          (tokens) => tokens.accessToken.length > 0,
          () => false,
        )
    Promise.all([has(oidc), has(other)]).then(([own, others]) => res.json({ default: own, partner: others }), next)
  })
}

/** A browser that is logged in as Alice with the first instance, and has an apple in the cart. */
async function loggedIn(): Promise<UserAgent> {
  const agent = app.agent()
  expect((await agent.get('/profile')).status).toBe(200)
  expect((await agent.get('/cart/apple')).status).toBe(200)
  expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
  return agent
}

async function linked(): Promise<UserAgent> {
  const agent = await loggedIn()
  expect((await agent.get('/partner-profile')).status).toBe(200)
  expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: 'bob', cart: 'apple' })
  return agent
}

async function listKeys(session: string): Promise<string[]> {
  const found: string[] = []
  for await (const keys of test.redis.client.scanIterator({ MATCH: `*${session}*`, COUNT: 1000 })) found.push(...keys)
  return found.toSorted()
}

/** Expects that Redis keeps at most the record that names the new session, and that the old cookie is anonymous. */
async function expectDead(session: string, old: UserAgent): Promise<void> {
  const login = `oidc:{sess:${session}}`
  // Checked first, because reading a session whose login has ended deletes it.
  const left = await listKeys(session)
  expect(left.filter((key) => key !== login)).toEqual([])
  if (left.length > 0) {
    expect(JSON.parse((await test.redis.client.get(login)) as string)).toMatchObject({ entries: {}, replaced: {} })
    // At most as long as the moved login can last, because a logout has to find it.
    expect(await test.redis.client.ttl(login)).toBeLessThanOrEqual(28_800)
  }
  expect(await whoIs(old, app)).toEqual({ default: null, partner: null, cart: null })
  expect((await old.fetch('/profile')).status).toBe(401)
  expect((await old.fetch('/partner-profile')).status).toBe(401)
}

/** Runs `work` while a request of the same session is held, which writes the session afterwards. */
async function overlapped(
  agent: UserAgent,
  writing: string,
  work: () => Promise<unknown>,
  path = '/slow',
): Promise<void> {
  const slow = agent.get(`${path}/${encodeURIComponent(writing)}`, { redirect: 'manual' })
  await gate.arrived
  await work()
  gate.open()
  expect((await slow).text()).toBe('done')
}

describe.each(Object.keys(writings))('a slow request that %s', (writing) => {
  it(
    'a request that overlaps a logout restores neither login nor data',
    { meta: { id: 'nothing-comes-back-1' } },
    async () => {
      const agent = await loggedIn()
      const [id, old] = [sessionId(agent), sessionThief(agent, app)]
      await overlapped(agent, writing, async () => {
        expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
      })
      await expectDead(id, old)
      expect(await whoIs(agent, app)).toEqual({ default: null, partner: null, cart: null })
    },
  )

  it('a request that overlaps the logout of one of two logins does not restore that login', async () => {
    const agent = await linked()
    const id = sessionId(agent)
    await overlapped(agent, writing, async () => {
      expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    })
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
    expect((await agent.get('/tokens')).json()).toEqual({ default: false, partner: true })
    expect(sessionId(agent)).toBe(id)
    expect(await listKeys(id)).toEqual([`oidc:{sess:${id}}`, `oidc:{sess:${id}}:tokens:partner`, `sess:${id}`])
  })

  it('a request that overlaps a login with a second instance leaves it intact and restores no old session', async () => {
    const agent = await loggedIn()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlapped(agent, writing, async () => {
      expect((await agent.get('/partner-profile')).status).toBe(200)
    })
    expect(sessionId(agent)).not.toBe(id)
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: 'bob', cart: 'apple' })
    expect((await agent.get('/tokens')).json()).toEqual({ default: true, partner: true })
    await expectDead(id, old)
  })

  it('a request that overlaps session.regenerate() restores neither login nor data', async () => {
    const agent = await loggedIn()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlapped(agent, writing, async () => {
      expect((await agent.get('/regenerate')).text()).toBe('done')
    })
    expect(sessionId(agent)).not.toBe(id)
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: null, cart: 'after regenerate' })
    await expectDead(id, old)
  })

  it('a request that overlaps the login of another user restores nothing of the first user', async () => {
    const agent = await linked()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlapped(agent, writing, async () => {
      test.provider.signIn('bob')
      expect((await agent.get('/again')).json()).toMatchObject({ user: { sub: 'bob' } })
    })
    expect(sessionId(agent)).not.toBe(id)
    expect(await whoIs(agent, app)).toEqual({ default: 'bob', partner: null, cart: null })
    await expectDead(id, old)
  })

  it('a request that overlaps another login of the same user leaves that login and its data intact', async () => {
    const agent = await loggedIn()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlapped(agent, writing, async () => {
      expect((await agent.get('/again')).json()).toMatchObject({ user: { sub: 'alice' } })
    })
    expect(sessionId(agent)).not.toBe(id)
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
    await expectDead(id, old)
  })
})

describe.each(Object.keys(writings))('a slow request of an anonymous visitor that %s', (writing) => {
  it('a request that overlaps the login of its visitor restores nothing under the old cookie', async () => {
    const agent = app.agent()
    await agent.get('/cart/apple')
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    const work = async (): Promise<void> => {
      expect((await agent.get('/profile')).status).toBe(200)
    }
    await overlapped(agent, writing, work, '/slow-for-all')
    expect(sessionId(agent)).not.toBe(id)
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
    await expectDead(id, old)
  })

  it('an anonymous request that overlaps session.regenerate() restores nothing', async () => {
    const agent = app.agent()
    await agent.get('/cart/apple')
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlapped(agent, writing, () => agent.get('/regenerate'), '/slow-for-all')
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: null, cart: 'after regenerate' })
    await expectDead(id, old)
  })
})

describe('a logout while a login with a second instance finishes', () => {
  it('a logout also applies to the new session: only the second instance is logged in', async () => {
    const agent = await loggedIn()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    const callback = await response(agent, '/partner-profile')
    const release = partner.provider().misbehave({ endpoints: { token: { hang: true } } })
    const finished = agent.get(callback)
    await partner.provider().waitForRequest('token')
    expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    release()
    const page = await finished
    expect(page.status).toBe(200)
    expect(new URL(page.url).pathname).toBe('/partner-profile')
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: 'bob', cart: null })
    await expectDead(id, old)
  })

  it('a logout also applies to the new session if the second instance logs in again', async () => {
    const agent = await linked()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    // The second instance logs in again while the first is logged out.
    const callback = await response(agent, '/partner/login?returnTo=/partner-profile')
    const release = partner.provider().misbehave({ endpoints: { token: { hang: true } } })
    const finished = agent.get(callback)
    await partner.provider().waitForRequest('token', 2)
    expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    release()
    expect((await finished).status).toBe(200)
    const now = await whoIs(agent, app)
    expect(now).toMatchObject({ default: null, partner: 'bob' })
    const next = sessionId(agent)
    expect(await listKeys(next)).toEqual([`oidc:{sess:${next}}`, `oidc:{sess:${next}}:tokens:partner`, `sess:${next}`])
    await expectDead(id, old)
  })

  /** How many commands the callback of such a login sends if nothing interferes. */
  async function rehearse(): Promise<number> {
    const agent = await linked()
    const callback = await response(agent, '/partner/login?returnTo=/partner-profile')
    tap.reset()
    expect((await agent.get(callback, { redirect: 'manual' })).status).toBe(303)
    return tap.calls.length
  }

  /** Finishes such a login, and logs out of the first instance just before the command of this index. */
  async function logOutBefore(index: number): Promise<UserAgent> {
    const agent = await linked()
    const callback = await response(agent, '/partner/login?returnTo=/partner-profile')
    const held = new Gate()
    tap.reset()
    let isHeld = false
    tap.before = async (call) => {
      if (isHeld || call.index !== index) return
      isHeld = true
      await held.pass()
    }
    const finished = agent.get(callback, { redirect: 'manual' })
    await held.arrived
    expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    held.open()
    let answer = await finished
    tap.reset()
    // The login may have restarted.
    while (answer.status === 302 || answer.status === 303) answer = await agent.get(readLocation(answer))
    expect(answer.status).toBe(200)
    return agent
  }

  it(
    'a logout before any command of the callback ends the first login and keeps the second',
    { meta: { id: 'nothing-comes-back-2' } },
    async () => {
      const commands = await rehearse()
      expect(commands).toBeGreaterThan(8)
      const found: string[] = []
      for (let index = 1; index < commands; index++) {
        const { default: first, partner: second } = await whoIs(await logOutBefore(index), app)
        found.push(`before command ${index}: ${first}, ${second}`)
      }
      expect(found).toEqual(found.map((_, index) => `before command ${index + 1}: null, bob`))
    },
  )

  it('a logout before any command of the callback leaves no tokens of the ended login', async () => {
    const commands = await rehearse()
    const found: string[] = []
    for (let index = 1; index < commands; index++) {
      const id = sessionId(await logOutBefore(index))
      const keys = await listKeys(id)
      found.push(`before command ${index}: ${keys.map((key) => key.replace(id, '')).join(' ')}`)
    }
    expect(found).toEqual(
      found.map((_, index) => `before command ${index + 1}: oidc:{sess:} oidc:{sess:}:tokens:partner sess:`),
    )
  })
})

describe('a slow logout', () => {
  /** Runs `work` while a logout of the first instance is held that has already read the session. */
  async function overlappedLogout(agent: UserAgent, work: () => Promise<unknown>): Promise<void> {
    const logout = agent.get('/slow-logout', { redirect: 'manual' })
    await gate.arrived
    await work()
    gate.open()
    expect((await logout).status).toBe(303)
  }

  it('a slow logout follows its login into the session that a second login created meanwhile', async () => {
    const agent = await loggedIn()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlappedLogout(agent, async () => {
      expect((await agent.get('/partner-profile')).status).toBe(200)
    })
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: 'bob', cart: 'apple' })
    expect((await agent.get('/tokens')).json()).toEqual({ default: false, partner: true })
    expect(listEvents(app, 'logout')).toHaveLength(1)
    await expectDead(id, old)
  })

  it('a slow logout follows its login through several sessions', async () => {
    const agent = await linked()
    await overlappedLogout(agent, async () => {
      for (let times = 0; times < 2; times++) {
        expect((await agent.get('/partner/login?returnTo=/partner-profile')).status).toBe(200)
      }
    })
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: 'bob', cart: 'apple' })
  })

  it('a slow logout does not end a later login of the same user', async () => {
    const agent = await loggedIn()
    await overlappedLogout(agent, async () => {
      expect((await agent.get('/again')).status).toBe(200)
    })
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: null, cart: 'apple' })
    expect(listEvents(app, 'logout')).toEqual([])
  })

  it('a slow logout does not end a later login of the same user that carried over another login', async () => {
    const agent = await linked()
    await overlappedLogout(agent, async () => {
      expect((await agent.get('/again')).status).toBe(200)
    })
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: 'bob', cart: 'apple' })
  })

  it('two concurrent logouts end the login once', async () => {
    const agent = await linked()
    const id = sessionId(agent)
    await overlappedLogout(agent, async () => {
      expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    })
    expect(listEvents(app, 'logout')).toHaveLength(1)
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
    expect(sessionId(agent)).toBe(id)
  })

  it('concurrent logouts of two instances end both logins and the session', async () => {
    const agent = await linked()
    const [id, old] = [sessionId(agent), sessionThief(agent, app)]
    await overlappedLogout(agent, async () => {
      expect((await agent.get('/partner/logout', { redirect: 'manual' })).status).toBe(303)
    })
    await expectDead(id, old)
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: null, cart: null })
  })
})
