/**
 * Session fixation: an attacker knows the session id that a browser sends. It may be the attacker's own session, a former
 * one of this browser, or one that was planted from a sibling host. After a login the known id must be useless.
 */
import type { Express } from 'express'
import { createOidc, type Oidc } from 'express-session-oidc'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import { behindTls, flow, publicOrigin } from '../support/flow.ts'

declare module 'express-session' {
  interface SessionData {
    basket?: string | undefined
  }
}

/** A host of the attacker below the same domain: browsers let it set cookies for that shared domain. */
const sibling = 'https://evil.example.com/'
const client = { clientId: 'web', clientSecret: 'web-secret', redirectUris: [`${publicOrigin}/partner/callback`] }

// ES256, since these specs log in several hundred times, and RS256 is slower.
const world = flow({
  algorithm: 'ES256',
  clients: [
    {
      clientId: 'public-name',
      clientSecret: 'public-name-secret',
      redirectUris: [`${publicOrigin}/callback`],
      postLogoutRedirectUris: [`${publicOrigin}/`],
    },
  ],
  users: ['alice', 'bob', 'mallory'].map((sub) => ({ sub })),
})
let partners: TestProvider

beforeAll(async () => {
  // Two providers on one host would share their cookies.
  partners = await startTestProvider({
    hostname: 'localhost',
    algorithm: 'ES256',
    clients: [client],
    users: ['alice-at-partner', 'mallory-at-partner'].map((sub) => ({ sub })),
  })
})
afterAll(() => partners.stop())
beforeEach(() => partners.signIn('alice-at-partner'))

interface Seen {
  readonly user: string | null
  readonly partner: string | null
  readonly basket: string | null
  readonly id: string
}
const nobody = { user: null, partner: null, basket: null }

function start(): Promise<TestApp> {
  const routes = (app: Express, oidc: Oidc): void => {
    const partner = createOidc({ ...partners.settings(), name: 'partner', baseUrl: publicOrigin, secret })
    app.use(partner.router)
    app.get('/switch', oidc.login({ prompt: 'login', returnTo: '/' }))
    app.get('/link', partner.login({ prompt: 'login', returnTo: '/' }))
    app.get('/put/:what', (req, res) => {
      req.session.basket = req.params.what
      res.send('put')
    })
    app.get('/who', (req, res) => {
      const seen: Seen = {
        user: oidc.context(req).user?.sub ?? null,
        partner: partner.context(req).user?.sub ?? null,
        basket: req.session.basket ?? null,
        id: req.sessionID,
      }
      res.json(seen)
    })
  }
  return world.start({ ...behindTls(world.provider), routes })
}

function browser(app: TestApp): UserAgent {
  return app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
}

async function seenBy(agent: UserAgent): Promise<Seen> {
  const answer = await agent.fetch('/who')
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text()}`)
  return answer.json() as unknown as Seen
}

function getCookie(agent: UserAgent): string {
  return agent.jar.get('connect.sid')?.value ?? ''
}

/** A browser with only a session cookie. */
function withCookie(app: TestApp, value: string): UserAgent {
  const agent = browser(app)
  agent.jar.set(`connect.sid=${value}; Path=/; Secure`, publicOrigin)
  return agent
}

/** Logs in with the first provider. */
async function logIn(agent: UserAgent, user: string): Promise<void> {
  world.provider.signIn(user)
  const page = await agent.get('/switch')
  expect({ url: page.url, text: page.text() }).toEqual({ url: `${publicOrigin}/`, text: `hello ${user}` })
}

/** Logs in with the partner, in addition to an existing login. */
async function link(agent: UserAgent): Promise<void> {
  const page = await agent.get('/link')
  expect({ url: page.url, status: page.status }).toEqual({ url: `${publicOrigin}/`, status: 200 })
}

/** Sessions whose cookie the attacker knows. */
const sessions: Record<string, (app: TestApp) => Promise<UserAgent>> = {
  'an anonymous session with data': async (app) => {
    const agent = browser(app)
    await agent.get('/put/planted')
    return agent
  },
  'a session with a login of the attacker': async (app) => {
    const agent = browser(app)
    await logIn(agent, 'mallory')
    await agent.get('/put/planted')
    return agent
  },
  'a session with a login of the attacker at the partner': async (app) => {
    const agent = browser(app)
    partners.signIn('mallory-at-partner')
    await link(agent)
    partners.signIn('alice-at-partner')
    await agent.get('/put/planted')
    return agent
  },
  'a destroyed session': async (app) => {
    const agent = browser(app)
    await logIn(agent, 'mallory')
    await agent.get('/put/planted')
    const cookie = getCookie(agent)
    await agent.post('/logout')
    return withCookie(app, cookie)
  },
  'a session that does not exist, under a well-formed id': async (app) => {
    const agent = browser(app)
    await agent.get('/put/planted')
    await world.redis.client.del(`sess:${(await seenBy(agent)).id}`)
    return agent
  },
}

/** Ways to make a browser send a cookie that the application did not set. */
const ways: Record<string, (agent: UserAgent, cookie: string) => void> = {
  "instead of the browser's own cookie": (agent, cookie) => {
    agent.jar.delete('connect.sid')
    agent.jar.set(`connect.sid=${cookie}; Path=/; Secure`, publicOrigin)
  },
  'from a sibling host, for the whole domain': (agent, cookie) => {
    agent.jar.set(`connect.sid=${cookie}; Domain=example.com; Path=/; Secure`, sibling)
  },
  'from a sibling host, for the callback routes only': (agent, cookie) => {
    for (const path of ['/callback', '/partner/callback']) {
      agent.jar.set(`connect.sid=${cookie}; Domain=example.com; Path=${path}; Secure`, sibling)
    }
  },
  'several times, with different paths and domains': (agent, cookie) => {
    for (const path of ['/', '/switch', '/link', '/callback', '/partner/callback']) {
      agent.jar.set(`connect.sid=${cookie}; Domain=example.com; Path=${path}; Secure`, sibling)
      agent.jar.set(`connect.sid=${cookie}; Path=${path}; Secure`, publicOrigin)
    }
  },
}

/** What the user does before the cookie is planted, and the login that follows. */
const logins: Record<string, { before: (agent: UserAgent) => Promise<void>; path: string; expected: Partial<Seen> }> = {
  'before the first login': {
    before: async () => {},
    path: '/switch',
    expected: { user: 'alice' },
  },
  'before a second login': {
    before: async (agent) => {
      await logIn(agent, 'alice')
      await agent.get('/put/pears')
    },
    path: '/switch',
    expected: { user: 'alice' },
  },
  'before a login with a second provider': {
    before: async (agent) => {
      await logIn(agent, 'alice')
      await agent.get('/put/pears')
    },
    path: '/link',
    expected: { partner: 'alice-at-partner' },
  },
  'before a change of user': {
    before: async (agent) => {
      await logIn(agent, 'bob')
      await agent.get('/put/of-bob')
    },
    path: '/switch',
    expected: { user: 'alice' },
  },
}

describe.each(Object.entries(logins))('a known session cookie, planted %s', (_moment, login) => {
  describe.each(Object.entries(ways))('the planted cookie is sent %s', (_way, plant) => {
    it.each(Object.entries(sessions))(
      'after the login the attacker gains nothing from %s',
      { meta: { id: 'session-fixation-1' } },
      async (_session, make) => {
        const app = await start()
        const attacker = await make(app)
        const known = getCookie(attacker)
        const former = await seenBy(attacker)
        const { id } = former
        const victim = browser(app)
        await login.before(victim)
        plant(victim, known)
        world.provider.signIn('alice')
        const isUsed = sentFirst(victim) === known

        const page = await victim.get(login.path)
        const issued = page.cookiesSet.findLast(({ name }) => name === 'connect.sid')?.value ?? ''
        const own = withCookie(app, issued)
        const seen = await seenBy(own)
        expect(seen).toMatchObject(login.expected)
        expect(seen.id).not.toBe(id)
        expect(seen.basket).not.toBe('of-bob')
        await own.get('/put/of-the-victim')

        // If the browser sent another cookie first, the known session is unchanged and still the attacker's own.
        const { id: _, ...asBefore } = former
        for (const agent of [attacker, withCookie(app, known)]) {
          expect(await seenBy(agent)).toMatchObject(isUsed ? nobody : asBefore)
        }
        if (isUsed) {
          expect(await world.redis.client.exists(`sess:${id}`)).toBe(0)
          expect(await world.redis.client.keys(`oidc:*${id}*:tokens:*`)).toEqual([])
        }
        // A browser that sends the planted cookie before the application's own cannot keep its session. This is a nuisance
        // only: it then has another session than the attacker's, or an empty one that is never saved.
        const after = await seenBy(victim)
        if (after.id === id) expect(after).toMatchObject(nobody)
      },
    )
  })
})

/** The session cookie that express-session uses at the callback, which is the first of several. */
function sentFirst(agent: UserAgent): string | undefined {
  return agent.jar.cookies(`${publicOrigin}/callback`).find(({ name }) => name === 'connect.sid')?.value
}

describe('a stolen copy of a session cookie', () => {
  async function victimWithBasket(app: TestApp): Promise<UserAgent> {
    const agent = browser(app)
    await logIn(agent, 'alice')
    await agent.get('/put/pears')
    return agent
  }

  it.each([
    ['the same user logs in again', (agent: UserAgent) => logIn(agent, 'alice'), { user: 'alice', basket: 'pears' }],
    ['another user logs in', (agent: UserAgent) => logIn(agent, 'bob'), { user: 'bob', basket: null }],
    ['the user logs in with a second provider', link, { user: 'alice', partner: 'alice-at-partner' }],
    ['the user logs out', (agent: UserAgent) => agent.post('/logout'), nobody],
  ])('a stolen session cookie is useless once %s', async (_what, act, expected) => {
    const app = await start()
    const victim = await victimWithBasket(app)
    const thief = withCookie(app, getCookie(victim))
    const former = await seenBy(thief)
    expect(former).toMatchObject({ user: 'alice', basket: 'pears' })
    await act(victim)
    expect(await seenBy(victim)).toMatchObject(expected)
    expect((await seenBy(victim)).id).not.toBe(former.id)
    expect(await seenBy(thief)).toMatchObject(nobody)
    // Data written with it is not stored.
    const writer = withCookie(app, getCookie(thief))
    await writer.get('/put/by-the-thief')
    expect((await seenBy(victim)).basket).not.toBe('by-the-thief')
    expect(await world.redis.client.exists(`sess:${former.id}`)).toBe(0)
  })

  it('two successive users of a browser do not see the data of each other', async () => {
    const app = await start()
    const shared = await victimWithBasket(app)
    const formerUser = withCookie(app, getCookie(shared))
    await logIn(shared, 'bob')
    await shared.get('/put/of-bob')
    expect(await seenBy(formerUser)).toMatchObject(nobody)
    await logIn(shared, 'alice')
    expect(await seenBy(shared)).toMatchObject({ user: 'alice', basket: null })
  })
})

describe('a known session cookie, planted before a logout', () => {
  it('a logout ends the planted session, and its cookie logs nobody in', async () => {
    const app = await start()
    for (const make of Object.values(sessions)) {
      const attacker = await make(app)
      const victim = withCookie(app, getCookie(attacker))
      const { user } = await seenBy(victim)
      await victim.post('/logout')
      await victim.post('/partner/logout')
      // A logout does not end an anonymous session.
      const isAnonymous = user === null && (await seenBy(attacker)).basket === 'planted'
      if (!isAnonymous) expect(await seenBy(attacker)).toMatchObject(nobody)
      expect(await seenBy(victim)).toMatchObject({ user: null, partner: null })
    }
  })

  it('a login after the logout starts with an empty session', async () => {
    const app = await start()
    const attacker = await sessions['a session with a login of the attacker']?.(app)
    const victim = withCookie(app, getCookie(attacker as UserAgent))
    await victim.post('/logout')
    await logIn(victim, 'alice')
    expect(await seenBy(victim)).toMatchObject({ user: 'alice', basket: null })
  })
})

describe('the record that leads from a replaced session to its successor', () => {
  /** The attacker's session has a login with the partner. The victim adds a login with the other provider. */
  async function linked(app: TestApp): Promise<{ attacker: UserAgent; victim: UserAgent }> {
    const attacker = (await sessions['a session with a login of the attacker at the partner']?.(app)) as UserAgent
    const victim = withCookie(app, getCookie(attacker))
    await logIn(victim, 'alice')
    expect(await seenBy(victim)).toMatchObject({ user: 'alice' })
    return { attacker, victim }
  }

  it('the old cookie neither reads nor writes the successor', async () => {
    const app = await start()
    const { attacker, victim } = await linked(app)
    expect(await seenBy(attacker)).toMatchObject(nobody)
    await attacker.get('/put/by-the-attacker')
    expect((await seenBy(victim)).basket).not.toBe('by-the-attacker')
    expect((await attacker.fetch('/profile')).status).toBe(401)
  })

  it("a logout with the old cookie does not end the victim's login", async () => {
    const app = await start()
    const { attacker, victim } = await linked(app)
    const answer = await attacker.post('/logout', {}, { redirect: 'manual', followRefresh: false })
    expect(`${answer.headers.get('location') ?? ''} ${answer.text()}`).not.toContain('id_token_hint')
    expect(await seenBy(victim)).toMatchObject({ user: 'alice' })
  })

  it('a logout with the old cookie does not reveal the ID token of a moved login', async () => {
    const app = await start()
    const victim = browser(app)
    await logIn(victim, 'alice')
    const thief = withCookie(app, getCookie(victim))
    await link(victim)
    const answer = await thief.post('/logout', {}, { redirect: 'manual', followRefresh: false })
    expect(`${answer.headers.get('location') ?? ''} ${answer.text()}`).not.toContain('id_token_hint')
  })
})
