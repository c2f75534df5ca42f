import { randomUUID } from 'node:crypto'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'
import {
  startTestProvider,
  type TestProvider,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import helmet from 'helmet'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { getContext, startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { switchedRedis, type SwitchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'

declare module 'express-session' {
  interface SessionData {
    logoutBasket?: string[]
  }
}

const redis = redisForFile()
let provider: TestProvider
let store: SwitchedRedis
const apps: TestApp[] = []
let app: TestApp
let agent: UserAgent

beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())
beforeEach(() => {
  provider.behave()
  provider.signIn('alice')
  store = switchedRedis(redis.client)
})
afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(apps.splice(0).map((one) => one.stop()))
})

async function start(setup: Partial<AppSetup> = {}): Promise<TestApp> {
  const made = await startApp({
    provider,
    session: { store: new RedisSessionStore({ client: store.client, idleSeconds: 600 }) },
    ...setup,
    routes: (express, oidc, url) => {
      express.get('/basket/:thing', (req, res) => {
        req.session.logoutBasket = [...(req.session.logoutBasket ?? []), req.params.thing]
        res.json(req.session.logoutBasket)
      })
      express.get('/basket', (req, res) => void res.json(req.session.logoutBasket ?? []))
      express.get(
        '/menu',
        (_req, res) => void res.send('<form method="post" action="/logout"><button>Out</button></form>'),
      )
      setup.routes?.(express, oidc, url)
    },
  })
  apps.push(made)
  app = made
  agent = made.agent()
  return made
}

async function logIn(who = agent): Promise<void> {
  expect((await who.get('/profile')).status).toBe(200)
}

async function greeting(who = agent): Promise<string> {
  return (await who.get('/')).text()
}

/** The parameters of the end-session request that a redirect leads to. */
function endSession(answer: UserAgentResponse): URLSearchParams {
  const location = new URL(answer.headers.get('location') ?? '')
  expect(location.origin + location.pathname).toBe(`${provider.url}/logout`)
  return location.searchParams
}

describe('a GET of the logout route', { meta: { id: 'logout-1' } }, () => {
  it.each([
    ['typed into the address bar', {}],
    ['clicked on a page of the application', { from: '/menu' }],
  ])('a logout by GET %s takes effect at once', async (_, init) => {
    await start()
    await logIn()
    const answer = await agent.get('/logout', { ...init, redirect: 'manual' })
    expect(answer.status).toBe(303)
    endSession(answer)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await greeting()).toBe('hello stranger')
  })

  it.each([
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from another origin of the same site', { 'sec-fetch-site': 'same-site' }],
    ['without Sec-Fetch-Site', { 'sec-fetch-site': undefined }],
    [
      'from an image of another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' },
    ],
  ])('a logout by GET %s shows a page with a button, and only the button logs out', async (_, headers) => {
    await start()
    await logIn()
    provider.forget()
    const page = await agent.get('/logout', { headers, redirect: 'manual' })
    expect(page.status).toBe(200)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).toContain('<form method="post" action="/logout"><button>Log out</button></form>')
    expect(await greeting()).toBe('hello alice')
    expect(provider.requests).toEqual([])
    const after = await agent.submit(page, { from: page })
    expect(after.status).toBe(200)
    expect(await greeting()).toBe('hello stranger')
    expect(provider.requestsTo('end_session')).toHaveLength(1)
  })

  it.each([
    ['an image on a page of the application', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a prefetch of the logout link', { 'sec-purpose': 'prefetch' }],
    ['a prerender of the logout link', { 'sec-purpose': 'prefetch;prerender' }],
    ['a frame on a page of the application', { 'sec-fetch-dest': 'iframe' }],
    ['a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' }],
  ])('a logout by GET from %s logs nobody out, because it is not a navigation', async (_, headers) => {
    await start()
    await logIn()
    await agent.get('/logout', { headers, from: '/menu', redirect: 'manual' })
    expect(await greeting()).toBe('hello alice')
  })

  it('a logout by HEAD logs nobody out', async () => {
    await start()
    await logIn()
    expect((await agent.fetch('/logout', { method: 'HEAD' })).status).toBe(200)
    expect(await greeting()).toBe('hello alice')
  })
})

describe('a logout by POST', () => {
  it('a logout form gets a page that redirects by itself, which a form-action policy does not block', async () => {
    await start({ before: (made) => made.use(helmet()) })
    await logIn()
    const menu = await agent.get('/menu')
    const page = await agent.submit(menu, { followRefresh: false })
    expect(page.status).toBe(200)
    expect(page.hops).toHaveLength(1)
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self'")
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).toMatch(
      new RegExp(`<meta http-equiv="refresh" content="0;url=${provider.url}/logout\\?[^"]+">`),
    )
    expect(page.text()).toContain('>Continue</a>')
    expect(await greeting()).toBe('hello stranger')
  })

  it('a logout form returns to the application through the provider', async () => {
    await start({ before: (made) => made.use(helmet()) })
    await logIn()
    provider.forget()
    const page = await agent.submit(await agent.get('/menu'))
    expect(page.hops.map(({ url }) => new URL(url).origin)).toEqual([app.url, provider.url, app.url])
    expect(page.text()).toBe('hello stranger')
    expect(provider.requestsTo('end_session')).toHaveLength(1)
  })

  it('a logout by a script gets the end-session URL as JSON', async () => {
    await start()
    await logIn()
    const answer = await agent.fetch('/logout', { method: 'POST', redirect: 'manual' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const { location } = answer.json() as { location: string }
    expect(location).toMatch(new RegExp(`^${provider.url}/logout\\?`))
    expect(await greeting()).toBe('hello stranger')
    expect((await agent.get(location)).url).toMatch(new RegExp(`^${app.url}/`))
  })

  it('a logout by a script without a login gets the absolute URL of the start page', async () => {
    await start()
    const answer = await agent.fetch('/logout', { method: 'POST' })
    expect(answer.json()).toEqual({ location: `${app.url}/` })
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' }],
    [
      'another site, in a browser without Sec-Fetch-Site',
      { 'sec-fetch-site': undefined, origin: 'https://evil.example' },
    ],
  ])('a logout by POST from %s is rejected with 403', async (_, headers) => {
    await start()
    await logIn()
    const form = await agent.post('/logout', {}, { headers, redirect: 'manual' })
    expect(form.status).toBe(403)
    const fetched = await agent.fetch('/logout', { method: 'POST', headers })
    expect(fetched.json()).toMatchObject({ code: 'cross_site_request', status: 403 })
    expect(await greeting()).toBe('hello alice')
  })
})

describe('the end-session request', () => {
  it(
    'the end-session request has ID token hint, logout hint, client, redirect URI and state',
    { meta: { id: 'logout-2' } },
    async () => {
      await start()
      await logIn()
      const requested = endSession(await agent.get('/logout', { redirect: 'manual' }))
      expect([...requested.keys()].toSorted()).toEqual([
        'client_id',
        'id_token_hint',
        'logout_hint',
        'post_logout_redirect_uri',
        'state',
      ])
      expect(requested.get('client_id')).toBe('web')
      expect(requested.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
      expect(requested.get('state')).toMatch(/^[\w-]{22,}$/)
      const [, claims = ''] = (requested.get('id_token_hint') ?? '').split('.')
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: 'alice', aud: 'web' })
    },
  )

  it('without the ID token hint, the request still names the client, and the user confirms the logout', async () => {
    await start({ options: { logoutHint: false } })
    await logIn()
    const requested = endSession(await agent.get('/logout', { redirect: 'manual' }))
    expect([...requested.keys()].toSorted()).toEqual(['client_id', 'logout_hint', 'post_logout_redirect_uri', 'state'])
    expect(requested.get('client_id')).toBe('web')
    expect(await greeting()).toBe('hello stranger')
    const confirmation = await agent.get(`${provider.url}/logout?${requested.toString()}`)
    expect(confirmation.text()).toContain('Do you want to log out?')
    const back = await agent.submit(confirmation, { button: 'Log out' })
    expect(new URL(back.url).origin).toBe(app.url)
    expect(back.text()).toBe('hello stranger')
  })

  it('without the ID token hint, no response to a form or a script contains a token', async () => {
    await start({ options: { logoutHint: false } })
    await logIn()
    const page = await agent.post('/logout', {}, { followRefresh: false, redirect: 'manual' })
    await logIn()
    const json = await agent.fetch('/logout', { method: 'POST' })
    for (const answer of [page, json]) {
      expect(answer.text()).toContain('client_id=web')
      expect(answer.text()).not.toMatch(/eyJ|id_token_hint/)
    }
  })

  it('the end-session request has a new state each time', async () => {
    await start()
    const states = new Set<string | null>()
    for (let times = 0; times < 2; times++) {
      await logIn()
      states.add(endSession(await agent.get('/logout', { redirect: 'manual' })).get('state'))
    }
    expect(states.size).toBe(2)
  })

  it(
    'the browser returns to postLogoutRedirect, and from there to the returnTo of logout()',
    { meta: { id: 'logout-3' } },
    async () => {
      await start({
        options: { postLogoutRedirect: '/goodbye?from=here' },
        routes: (made, oidc) => made.post('/bye', oidc.logout({ returnTo: '/elsewhere' })),
      })
      await logIn()
      const usual = endSession(await agent.get('/logout', { redirect: 'manual' }))
      expect(usual.get('post_logout_redirect_uri')).toBe(`${app.url}/goodbye?from=here`)
      await logIn()
      const answer = await agent.fetch('/bye', { method: 'POST' })
      const { location } = answer.json() as { location: string }
      expect(new URL(location).searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/goodbye?from=here`)
      const back = await agent.get(location)
      expect(back.url).toBe(`${app.url}/elsewhere`)
    },
  )

  it('the end-session request ends the session at the provider, which prompts at the next login', async () => {
    await start()
    await logIn()
    await agent.get('/logout')
    provider.signIn(undefined)
    const page = await agent.get('/profile')
    expect(page.url).toContain(provider.url)
    expect(page.text()).toContain('Who are you?')
  })

  it('a logout sends no end-session request if the provider has no such endpoint', async () => {
    const other = await startTestProvider({ signIn: 'alice' })
    other.misbehave({ metadata: { end_session_endpoint: undefined } })
    try {
      await start({ options: other.settings() })
      await logIn()
      const answer = await agent.get('/logout', { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toBe('/')
      expect(await greeting()).toBe('hello stranger')
    } finally {
      await other.stop()
    }
  })

  it('a logout sets and removes an HttpOnly cookie, so that no browser keeps pages of the user', async () => {
    await start()
    await logIn()
    const listNames = (): string[] => agent.jar.cookies(app.url).map(({ name }) => name)
    const before = listNames()
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(answer.headers.getSetCookie()).toEqual([
      `${app.cookie('out')}=1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax`,
      `${app.cookie('bye')}=1; Path=/; HttpOnly; SameSite=Lax`,
      `${app.cookie('bye')}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`,
      'oidc.mark=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
    expect(listNames()).toEqual([...before.filter((name) => name !== 'oidc.mark'), app.cookie('out')])
  })

  it('a logout sends no end-session request if nobody is logged in', async () => {
    await start()
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/')
    expect(answer.cookiesSet.map(({ name }) => name)).toEqual([app.cookie('out')])
    expect(store.commands).toEqual([])
    expect(app.events).toEqual([])
  })
})

describe('a logout while the provider is down', () => {
  it('a logout ends the login if the provider has gone down since the login', async () => {
    const other = await startTestProvider({ signIn: 'alice' })
    await start({ options: other.settings() })
    await logIn()
    await other.stop()
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(answer.status).toBe(303)
    expect(await greeting()).toBe('hello stranger')
  })

  it('a logout ends the login if this process has never reached the provider', async () => {
    const other = await startTestProvider({ signIn: 'alice' })
    const first = await start({ options: other.settings() })
    await logIn()
    const { jar } = agent
    await other.stop()
    const second = await start({ options: { ...other.settings(), providerTimeoutSeconds: 2 } })
    for (const cookie of jar.cookies())
      agent.jar.set(`${cookie.name}=${cookie.value}; Path=/; SameSite=Lax`, second.url)
    expect(await greeting()).toBe('hello alice')
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/')
    expect(second.events.map(({ name }) => name)).toEqual(['logout', 'provider_fault', 'provider_fault'])
    expect(await greeting()).toBe('hello stranger')
    expect(await greeting(first.agent())).toBe('hello stranger')
  })
})

describe('a logout while the store is down', () => {
  it.each([
    ['when reading the session', ['mGet']],
    ['when ending the login', ['eval']],
    ['altogether', []],
  ] as const)('a logout answers 503 and keeps the login if the store fails %s', async (_, failing) => {
    await start()
    await logIn()
    const before = agent.jar.header(app.url)
    store.fail(...failing)
    const answer = await agent.get('/logout', { redirect: 'manual' })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(answer.headers.get('set-cookie')).toBeNull()
    store.heal()
    expect(agent.jar.header(app.url)).toBe(before)
    expect(await greeting()).toBe('hello alice')
    endSession(await agent.get('/logout', { redirect: 'manual' }))
    expect(await greeting()).toBe('hello stranger')
  })

  it('a failed logout keeps the tokens, and the next logout has an ID token hint', async () => {
    await start({
      routes: (made) => {
        made.get(
          '/tokens',
          waiting(async (req, res) => void res.json(await getContext(req).tokens())),
        )
      },
    })
    await logIn()
    store.fail('eval')
    expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(503)
    store.heal()
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ tokenType: 'bearer' })
    expect(endSession(await agent.get('/logout', { redirect: 'manual' })).has('id_token_hint')).toBe(true)
  })

  it.each([
    ['when taking the tokens', ['getDel']],
    ['when deleting the session', ['del']],
  ] as const)(
    'a logout can be retried and ends the session at the provider if the store fails %s',
    async (_, failing) => {
      await start()
      await logIn()
      store.fail(...failing)
      const answer = await agent.get('/logout', { redirect: 'manual' })
      store.heal()
      if (answer.status !== 303) {
        expect(answer.status).toBe(503)
        endSession(await agent.get('/logout', { redirect: 'manual' }))
      } else {
        endSession(answer)
      }
      expect(await greeting()).toBe('hello stranger')
    },
  )
})

describe('after a logout', () => {
  it(
    'after a logout the old cookie is anonymous, and the session data are deleted',
    { meta: { id: 'logout-4' } },
    async () => {
      await start()
      await logIn()
      await agent.get('/basket/shoes')
      expect((await agent.get('/basket')).text()).toBe('["shoes"]')
      const old = agent.jar.header(app.url)
      await agent.get('/logout')
      const thief = app.agent({ headers: { cookie: old } })
      expect(await greeting(thief)).toBe('hello stranger')
      expect((await thief.get('/basket')).text()).toBe('[]')
      expect((await thief.fetch('/profile')).status).toBe(401)
    },
  )

  it('after a logout nothing of the login is left in the store', { meta: { id: 'logout-5' } }, async () => {
    const prefix = `${randomUUID()}:`
    const keys = async (): Promise<string[]> =>
      (await redis.client.keys(`*${prefix}*`)).filter((key) => !/:(?:used|ended):/.test(key))
    await start({ session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600, prefix }) } })
    await logIn()
    // Session, login and tokens; and index entries for the id of the login, its subject and its session at the provider.
    expect(await keys()).toHaveLength(6)
    // Not followed, because the next request with the ended session would clean up what is left.
    await agent.get('/logout', { redirect: 'manual' })
    expect(await keys()).toEqual([])
  })

  it('after a logout a login works again, with another session', { meta: { id: 'logout-6' } }, async () => {
    await start()
    await logIn()
    const first = agent.jar.get('connect.sid')?.value
    await agent.get('/logout')
    await logIn()
    expect(await greeting()).toBe('hello alice')
    expect(agent.jar.get('connect.sid')?.value).not.toBe(first)
    provider.signIn('bob')
    await agent.get('/logout')
    await logIn()
    expect(await greeting()).toBe('hello bob')
  })

  it('after a logout another logout leads to the start page and emits no event', async () => {
    await start()
    await logIn()
    await agent.get('/logout', { redirect: 'manual' })
    const again = await agent.get('/logout', { redirect: 'manual' })
    expect(again.status).toBe(303)
    expect(again.headers.get('location')).toBe('/')
    expect(app.events.filter(({ name }) => name === 'logout')).toHaveLength(1)
  })

  it('three concurrent logouts are all answered with 303, and emit one event', async () => {
    await start()
    await logIn()
    const answers = await Promise.all([1, 2, 3].map(() => agent.get('/logout', { redirect: 'manual' })))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    expect(app.events.filter(({ name }) => name === 'logout')).toHaveLength(1)
    expect(await greeting()).toBe('hello stranger')
  })

  it('the logout event names the login and contains no token', async () => {
    await start()
    await logIn()
    await agent.get('/logout')
    const { event } = app.events.find(({ name }) => name === 'logout') ?? {}
    expect(event).toEqual({
      provider: 'default',
      at: expect.any(Number) as number,
      issuer: provider.issuer,
      sub: 'alice',
      loginId: expect.any(String) as string,
      reason: 'user',
    })
  })

  it('after a logout other browsers of the same user stay logged in', async () => {
    await start()
    await logIn()
    const phone = app.agent()
    await logIn(phone)
    await agent.get('/logout')
    expect(await greeting(phone)).toBe('hello alice')
  })
})

describe('a logout beside a login with another instance', () => {
  it('a logout ends only the login of its own instance and keeps the session', async () => {
    const { createOidc } = await import('express-session-oidc')
    const staff = await startTestProvider({ signIn: 'bob' })
    try {
      await start({
        routes: (made, _oidc, url) => {
          const other = createOidc({
            ...staff.settings(),
            name: 'staff',
            baseUrl: url,
            secret: 'a secret of more than thirty-two characters',
          })
          made.use(other.router)
          made.get('/who', (req, res) => void res.json({ staff: other.context(req).user?.sub ?? null }))
          made.get('/staff', other.requireAuth(), (_req, res) => void res.send('staff'))
        },
      })
      await logIn()
      expect((await agent.get('/staff')).text()).toBe('staff')
      await agent.get('/basket/shoes')
      await agent.get('/logout')
      expect((await agent.get('/who')).json()).toEqual({ staff: 'bob' })
      expect((await agent.fetch('/profile')).status).toBe(401)
      expect((await agent.get('/basket')).text()).toBe('["shoes"]')
      await agent.get('/staff/logout')
      expect((await agent.get('/who')).json()).toEqual({ staff: null })
      expect((await agent.get('/basket')).text()).toBe('[]')
    } finally {
      await staff.stop()
    }
  })
})

describe('tokens that cannot be opened', () => {
  async function moveTo(options: NonNullable<AppSetup['options']>): Promise<void> {
    const { jar } = agent
    await start({ options })
    for (const cookie of jar.cookies(app.url))
      agent.jar.set(`${cookie.name}=${cookie.value}; Path=/; SameSite=Lax`, app.url)
  }

  it(
    'a logout succeeds without an ID token hint if the tokens cannot be opened',
    { meta: { id: 'logout-7' } },
    async () => {
      await start()
      await logIn()
      await moveTo({ secret: 'another secret of more than thirty-two characters' })
      expect(await greeting()).toBe('hello alice')
      const requested = endSession(await agent.get('/logout', { redirect: 'manual' }))
      expect([...requested.keys()].toSorted()).toEqual([
        'client_id',
        'logout_hint',
        'post_logout_redirect_uri',
        'state',
      ])
      expect(await greeting()).toBe('hello stranger')
    },
  )

  it('a logout still has an ID token hint while the old secret is in the list', async () => {
    await start()
    await logIn()
    await moveTo({
      secret: ['another secret of more than thirty-two characters', 'a secret of more than thirty-two characters'],
    })
    expect(await greeting()).toBe('hello alice')
    const requested = endSession(await agent.get('/logout', { redirect: 'manual' }))
    expect(requested.has('id_token_hint')).toBe(true)
  })
})

describe('maxLoginSeconds', { meta: { id: 'logout-8' } }, () => {
  it.each(['RedisSessionStore', 'redisRecords beside it'])(
    'maxLoginSeconds ends the login and its data, whatever the activity: %s',
    async (where) => {
      vi.useFakeTimers({ toFake: ['Date'] })
      const records =
        where === 'RedisSessionStore' ? undefined : redisRecords({ client: redis.client, prefix: 'beside:' })
      await start({ options: { maxLoginSeconds: 100, records } })
      await logIn()
      await agent.get('/basket/shoes')
      const began = Date.now()
      for (const seconds of [40, 80, 98]) {
        vi.setSystemTime(began + seconds * 1000)
        expect(await greeting()).toBe('hello alice')
        expect((await agent.get('/basket')).text()).toBe('["shoes"]')
      }
      vi.setSystemTime(began + 101_000)
      expect(await greeting()).toBe('hello stranger')
      expect((await agent.fetch('/profile')).status).toBe(401)
      expect((await agent.get('/basket')).text()).toBe('[]')
      const answer = await agent.get('/logout', { redirect: 'manual' })
      expect(answer.headers.get('location')).toBe('/')
    },
  )
})
