/** The table of answers, row by row, for whichever Express the package and the application have. */
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { createOidc, OidcError, type AuthRule, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import {
  createUserAgent,
  startTestProvider,
  type TestProvider,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { close, listen, secret, startApp, type AppSetup, type TestApp } from './app.ts'
import { redisForFile } from './redis.ts'
import { switchedRedis, type SwitchedRedis } from './switched-redis.ts'

type Kind = 'navigation' | 'form' | 'fetch' | 'client'

const kinds: readonly Kind[] = ['navigation', 'form', 'fetch', 'client']

/** No header that only browsers send. */
const bare = {
  accept: '*/*',
  'sec-fetch-site': undefined,
  'sec-fetch-mode': undefined,
  'sec-fetch-dest': undefined,
  origin: undefined,
  referer: undefined,
}

const ourCookie = /^oidc\./

export function describeGuardAnswers(major: 4 | 5): void {
  const redis = redisForFile()
  let provider: TestProvider
  let store: SwitchedRedis
  let app: TestApp
  let agent: UserAgent

  beforeAll(async () => {
    provider = await startTestProvider()
  })
  afterAll(() => provider.stop())
  beforeEach(() => {
    provider.behave()
    provider.signIn('bob')
    store = switchedRedis(redis.client)
  })
  afterEach(() => (app as TestApp | undefined)?.stop())

  async function start(setup: Partial<AppSetup> & { rule?: AuthRule } = {}): Promise<void> {
    const { rule, routes, ...rest } = setup
    app = await startApp({
      provider,
      session: { store: new RedisSessionStore({ client: store.client, idleSeconds: 600 }) },
      ...rest,
      routes: (made, oidc, url) => {
        made.all('/guarded', oidc.requireAuth(rule), (_req, res) => void res.send('inside'))
        routes?.(made, oidc, url)
      },
    })
    agent = app.agent()
  }

  async function send(kind: Kind, path = '/guarded'): Promise<UserAgentResponse> {
    if (kind === 'navigation') return agent.get(path, { redirect: 'manual' })
    if (kind === 'form') return agent.post(path, { a: '1' }, { redirect: 'manual', from: `${app.url}/orders?id=7` })
    if (kind === 'fetch') return agent.fetch(path, { redirect: 'manual', from: `${app.url}/orders?id=7` })
    return agent.fetch(path, { redirect: 'manual', headers: bare })
  }

  /** What every refusal has, whoever asked. */
  function expectRefusal(answer: UserAgentResponse, kind: Kind, status: number, code: string): void {
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('location')).toBeNull()
    expect(answer.cookiesSet.filter(({ name }) => ourCookie.test(name))).toEqual([])
    if (kind === 'navigation' || kind === 'form') {
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(answer.headers.get('referrer-policy')).toBe('same-origin')
      expect(answer.text()).toMatch(/^<!doctype html>/)
    } else {
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.json()).toMatchObject({ status, code, title: expect.any(String) as string })
    }
  }

  async function logIn(): Promise<void> {
    expect((await agent.get('/login?returnTo=/profile')).status).toBe(200)
  }

  it(`runs on Express ${major}`, () => {
    expect('del' in express.application).toBe(major === 4)
  })

  describe('not logged in', () => {
    it('a navigation goes to the provider, with one cookie for the login under way', async () => {
      await start()
      const answer = await send('navigation', '/guarded?tab=2')
      expect(answer.status).toBe(302)
      const location = new URL(answer.headers.get('location') ?? '')
      expect(location.origin).toBe(provider.url)
      expect(location.searchParams.get('redirect_uri')).toBe(`${app.url}/callback`)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.cookiesSet.map(({ name }) => name)).toEqual([expect.stringMatching(ourCookie)])
      expect(answer.cookiesSet[0]).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
      expect(answer.text()).toBe('')
    })

    it('a HEAD makes no login under way: it is sent to where one begins', async () => {
      await start()
      const answer = await agent.fetch('/guarded?tab=2', {
        method: 'HEAD',
        redirect: 'manual',
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      })
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')).toBe('/login?returnTo=%2Fguarded%3Ftab%3D2')
      expect(answer.cookiesSet).toEqual([])
      expect(answer.headers.get('cache-control')).toBe('no-store')
    })

    it('a form gets a page whose link leads back to where the form was', async () => {
      await start()
      const answer = await send('form')
      expectRefusal(answer, 'form', 401, 'login_required')
      expect(answer.text()).toContain(`href="/login?returnTo=${encodeURIComponent('/orders?id=7')}"`)
      const back = await agent.click(answer, 'Log in', { redirect: 'manual' })
      expect(back.status).toBe(302)
    })

    it.each([
      ['another site', 'https://evil.example/phishing'],
      ['no page', undefined],
      ['a text that is no URL', 'about:blank'],
      ['the own host on another port', 'http://127.0.0.1:1/x'],
    ])('the link of that page leads nowhere else where the form is from %s', async (_, referer) => {
      await start()
      const answer = await agent.post('/guarded', {}, { headers: { referer }, redirect: 'manual' })
      expectRefusal(answer, 'form', 401, 'login_required')
      expect(answer.text()).toContain('href="/login"')
    })

    it.each(['fetch', 'client'] as const)(
      'a %s gets 401 with the URL of the login',
      { meta: { id: 'guard-answers-1' } },
      async (kind) => {
        await start()
        const answer = await send(kind)
        expectRefusal(answer, kind, 401, 'login_required')
        const returnTo = kind === 'fetch' ? `?returnTo=${encodeURIComponent('/orders?id=7')}` : ''
        expect(answer.json()).toMatchObject({ login: `${app.url}/login${returnTo}` })
        expect(answer.headers.get('set-cookie')).toBeNull()
      },
    )

    it.each([
      ['a prefetch', { 'sec-purpose': 'prefetch' }],
      ['XMLHttpRequest', { 'x-requested-with': 'XMLHttpRequest' }],
      ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ])('%s is no navigation and begins no login', async (_, headers) => {
      await start()
      const answer = await agent.get('/guarded', { headers, redirect: 'manual' })
      expectRefusal(answer, 'client', 401, 'login_required')
      expect(answer.headers.get('set-cookie')).toBeNull()
    })

    it.each(kinds)('redirect: false answers a %s with 401', async (kind) => {
      await start({ rule: { redirect: false } })
      expectRefusal(await send(kind), kind, 401, 'login_required')
      expect(provider.requestsTo('authorize').filter(({ url }) => url.includes(app.url))).toEqual([])
    })

    it('a navigation goes to the login page of the application, with where to come back to', async () => {
      await start({ options: { loginPage: '/signin?lang=en#form' } })
      const answer = await send('navigation', '/guarded?tab=2')
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')).toBe('/signin?lang=en&returnTo=%2Fguarded%3Ftab%3D2#form')
      expect(answer.headers.get('set-cookie')).toBeNull()
      expect(answer.headers.get('cache-control')).toBe('no-store')
    })

    it('a login page without a query gets one', async () => {
      await start({ options: { loginPage: '/signin' } })
      expect((await send('navigation')).headers.get('location')).toBe('/signin?returnTo=%2Fguarded')
    })

    it.each(['form', 'fetch', 'client'] as const)('a %s is not sent to the login page', async (kind) => {
      await start({ options: { loginPage: '/signin' } })
      expectRefusal(await send(kind), kind, 401, 'login_required')
    })

    it('a path that cannot be redirected to is left out', { meta: { id: 'guard-answers-2' } }, async () => {
      await start({
        options: { loginPage: '/signin' },
        routes: (made, oidc) => made.use('/area', oidc.requireAuth()),
      })
      for (const path of ['/area/%5cevil.example', '/area/%0d%0aset-cookie:a=b', `/area/${'x'.repeat(3000)}`]) {
        const answer = await agent.get(path, { redirect: 'manual' })
        expect(answer.headers.get('location')).toBe('/signin?returnTo=%2F')
      }
      const plain = await agent.get('/area/orders/7', { redirect: 'manual' })
      expect(plain.headers.get('location')).toBe('/signin?returnTo=%2Farea%2Forders%2F7')
    })
  })

  describe('logged in', () => {
    it.each(kinds)('a %s passes', async (kind) => {
      await start()
      await logIn()
      const answer = await send(kind)
      expect(answer.status).toBe(200)
      expect(answer.text()).toBe('inside')
      expect(answer.headers.get('cache-control')).toBeNull()
      expect(answer.headers.get('set-cookie')).toBeNull()
    })

    const rules: [string, AuthRule][] = [
      ['roles', { roles: ['admin'] }],
      ['anyRole', { anyRole: ['admin', 'editor'] }],
      ['anyScope', { anyScope: ['orders:read', 'orders:write'] }],
      ['claims', { claims: { sub: 'alice' } }],
      ['check', { check: () => false }],
      ['an asynchronous check', { check: async () => false }],
    ]
    it.each(rules)(
      'but lacking %s: 403 for everyone, never a redirect',
      { meta: { id: 'guard-answers-3' } },
      async (_, rule) => {
        await start({ rule })
        await logIn()
        provider.forget()
        for (const kind of kinds) expectRefusal(await send(kind), kind, 403, 'not_allowed')
        expect(provider.requests).toEqual([])
        const denied = app.events.filter(({ name }) => name === 'denied')
        expect(denied).toHaveLength(kinds.length)
        expect(denied[0]?.event).toMatchObject({ code: 'not_allowed', status: 403, sub: 'bob', provider: 'default' })
      },
    )

    it('but lacking scope: a navigation goes to the provider to ask for it, everybody else gets 403 and where to', async () => {
      await start({ rule: { scope: 'orders:read' } })
      await logIn()
      const answer = await send('navigation')
      expect(answer.status).toBe(302)
      const asked = new URL(answer.headers.get('location') ?? '').searchParams
      expect(asked.get('scope')).toBe('openid profile email orders:read')
      expect(app.events.filter(({ name }) => name === 'denied')).toEqual([])
      expectRefusal(await send('form'), 'form', 403, 'not_allowed')
      for (const kind of ['fetch', 'client'] as const) {
        const refused = await send(kind)
        expectRefusal(refused, kind, 403, 'not_allowed')
        const { login } = refused.json() as { login: string }
        const begun = await agent.get(login, { redirect: 'manual' })
        const { searchParams } = new URL(begun.headers.get('location') ?? '')
        expect(searchParams.get('scope')).toBe('openid profile email orders:read')
      }
      expect(app.events.filter(({ name }) => name === 'denied')).toHaveLength(3)
    })

    it('but lacking scope, with redirect: false: 403 for everyone', async () => {
      await start({ rule: { scope: 'orders:read', redirect: false } })
      await logIn()
      for (const kind of kinds) expectRefusal(await send(kind), kind, 403, 'not_allowed')
    })

    it('but lacking a role: 403 also with a login page', async () => {
      await start({ rule: { roles: 'admin' }, options: { loginPage: '/signin' } })
      await logIn()
      expectRefusal(await send('navigation'), 'navigation', 403, 'not_allowed')
    })

    it('what is lacking is told to listeners, not to the visitor', async () => {
      await start({ rule: { roles: 'secret-project' } })
      await logIn()
      expect((await send('navigation')).text()).not.toContain('secret-project')
      expect((await send('fetch')).text()).not.toContain('secret-project')
      expect(app.events.at(-1)).toMatchObject({ name: 'denied', event: { detail: 'lacking: role secret-project' } })
    })

    it.each(kinds)(
      'a check that throws is a fault, 500 for a %s, and lets nobody in',
      { meta: { id: 'guard-answers-4' } },
      async (kind) => {
        const fault = new Error('the database is away at 10.0.0.7')
        for (const check of [
          () => {
            throw fault
          },
          () => Promise.reject(fault),
        ]) {
          await start({ rule: { check } })
          await logIn()
          const answer = await send(kind)
          expectRefusal(answer, kind, 500, 'hook_failed')
          expect(answer.text()).not.toContain('10.0.0.7')
          await app.stop()
        }
      },
    )

    it('a check that throws is a fault also where the error has a status of its own', async () => {
      await start({
        rule: {
          check: () => {
            throw new OidcError('not_allowed', 'Come back tomorrow.', { status: 403 })
          },
        },
      })
      await logIn()
      expectRefusal(await send('fetch'), 'fetch', 500, 'hook_failed')
    })
  })

  describe('an unsafe request', () => {
    it.each([
      ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
      ['another origin of this site', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' }],
      ['an old browser at another site', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ])('from %s is refused, logged in or not', async (_, headers) => {
      await start()
      const refused = async (): Promise<void> => {
        const form = await agent.post('/guarded', {}, { headers, redirect: 'manual' })
        expectRefusal(form, 'form', 403, 'cross_site_request')
        const fetched = await agent.fetch('/guarded', { method: 'POST', headers, redirect: 'manual' })
        expectRefusal(fetched, 'fetch', 403, 'cross_site_request')
      }
      await refused()
      await logIn()
      await refused()
      expect(app.events.filter(({ name }) => name === 'denied')).toHaveLength(4)
    })

    it('of origin null is refused, with the policy named that is likely the cause', async () => {
      await start()
      await logIn()
      const headers = { 'sec-fetch-site': undefined, origin: 'null' }
      const answer = await agent.post('/guarded', {}, { headers, redirect: 'manual' })
      expectRefusal(answer, 'form', 403, 'cross_site_request')
      expect(answer.text()).toContain('Referrer-Policy')
    })

    it('from the same origin passes, also one that only Origin tells', async () => {
      await start()
      await logIn()
      expect((await agent.post('/guarded', {}, { redirect: 'manual' })).text()).toBe('inside')
      const headers = { 'sec-fetch-site': undefined, origin: app.url }
      expect((await agent.post('/guarded', {}, { headers, redirect: 'manual' })).text()).toBe('inside')
    })

    it('from an origin that allowedOrigins lists passes', async () => {
      await start({ options: { allowedOrigins: ['https://www.example.com'] } })
      await logIn()
      const headers = { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }
      expect((await agent.post('/guarded', {}, { headers, redirect: 'manual' })).text()).toBe('inside')
    })

    it('is not looked at where no guard stands', async () => {
      await start({ routes: (made) => made.post('/open', (_req, res) => void res.send('open')) })
      const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      expect((await agent.post('/open', {}, { headers })).text()).toBe('open')
    })
  })

  describe('with the store down', () => {
    it.each(kinds)(
      'a %s gets 503 with Retry-After, keeps its cookie and its login',
      { meta: { id: 'guard-answers-5' } },
      async (kind) => {
        await start()
        await logIn()
        const before = agent.jar.header(app.url)
        store.fail()
        const answer = await send(kind)
        expectRefusal(answer, kind, 503, 'store_unavailable')
        expect(answer.headers.get('retry-after')).toBe('5')
        expect(answer.headers.get('set-cookie')).toBeNull()
        expect(agent.jar.header(app.url)).toBe(before)
        store.heal()
        expect((await send(kind)).text()).toBe('inside')
      },
    )

    it('listeners are told of it', async () => {
      await start()
      await logIn()
      store.fail()
      await send('fetch')
      expect(app.events.map(({ name }) => name)).toContain('store_fault')
      expect(JSON.stringify(app.events)).toContain('the store is away (mGet)')
    })

    it('nobody is let in who was not: an anonymous visitor needs no store', async () => {
      await start()
      store.fail()
      expectRefusal(await send('fetch'), 'fetch', 401, 'login_required')
    })
  })

  describe('with the provider down', () => {
    it('a navigation gets 503 with Retry-After and no cookie, and the login begins once it is back', async () => {
      const other = await startTestProvider({ signIn: 'bob' })
      try {
        await other.stop()
        await start({ options: { ...other.settings(), providerTimeoutSeconds: 2 } })
        const answer = await send('navigation')
        expectRefusal(answer, 'navigation', 503, 'provider_unavailable')
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        expect(answer.headers.get('set-cookie')).toBeNull()
        expect(app.events.map(({ name }) => name)).toContain('provider_fault')
        expect((await agent.get('/')).text()).toBe('hello stranger')
        await other.start()
        await expect.poll(async () => (await send('navigation')).status, { timeout: 10_000 }).toBe(302)
      } finally {
        await other.stop()
      }
    })

    it('who is logged in stays so', async () => {
      const other = await startTestProvider({ signIn: 'bob' })
      await start({ options: other.settings() })
      await logIn()
      await other.stop()
      for (const kind of kinds) expect((await send(kind)).text()).toBe('inside')
    })
  })

  describe('without a session', () => {
    it.each(kinds)('a guarded route answers a %s with 503', async (kind) => {
      await start({
        routes: (made, oidc) => {
          made.all(
            '/lost',
            (req, _res, next) => {
              delete (req as { session?: unknown }).session
              next()
            },
            oidc.requireAuth(),
            (_req, res) => void res.send('inside'),
          )
        },
      })
      await logIn()
      const answer = await send(kind, '/lost')
      expectRefusal(answer, kind, 503, 'session_missing')
      expect(answer.headers.get('retry-after')).toBe('5')
    })
  })

  describe('onError', () => {
    const own: OidcOptions['onError'] = (error, _req, res) =>
      void res.status(error.status).json({ mine: error.code, expose: error.expose })

    it('answers in our place', async () => {
      await start({ rule: { roles: 'admin', redirect: false }, options: { onError: own } })
      for (const kind of kinds) {
        const answer = await send(kind)
        expect(answer.status).toBe(401)
        expect(answer.json()).toEqual({ mine: 'login_required', expose: true })
      }
      await logIn()
      expect((await send('navigation')).json()).toEqual({ mine: 'not_allowed', expose: true })
      expect((await agent.get('/callback?state=x')).json()).toMatchObject({ mine: 'state_unknown' })
      store.fail()
      expect((await send('fetch')).json()).toMatchObject({ mine: 'store_unavailable' })
    })

    it('may pass the error on to the application', async () => {
      await start({
        rule: { redirect: false },
        options: { onError: (error, _req, _res, next) => next(error) },
        routes: (made) => {
          made.use(((error: OidcError, _req, res, _next) => {
            res.status(error.status).send(`mine: ${error.code}`)
          }) as express.ErrorRequestHandler)
        },
      })
      const answer = await send('navigation')
      expect(answer.status).toBe(401)
      expect(answer.text()).toBe('mine: login_required')
    })

    it.each([
      [
        'throws',
        (): void => {
          throw new Error('broken page')
        },
      ],
      ['rejects', (): Promise<void> => Promise.reject(new Error('broken page'))],
    ])('that %s is answered by us, as a fault', async (_, onError) => {
      await start({ rule: { redirect: false }, options: { onError } })
      for (const kind of kinds) {
        const answer = await send(kind)
        expectRefusal(answer, kind, 500, 'hook_failed')
        expect(answer.text()).not.toContain('broken page')
      }
    })

    it('that fails once it has begun to answer leaves it to Express to end', async () => {
      const seen: unknown[] = []
      await start({
        rule: { redirect: false },
        options: {
          onError: (_error, _req, res) => {
            res.status(418).end('begun')
            throw new Error('too late')
          },
        },
        routes: (made) => {
          made.use(((error: Error, _req, _res, _next) => {
            seen.push(error.message)
          }) as express.ErrorRequestHandler)
        },
      })
      const answer = await send('fetch')
      expect(answer.status).toBe(418)
      expect(answer.text()).toBe('begun')
      expect(seen).toEqual(['too late'])
    })
  })

  describe('errorHandler()', () => {
    it.each(kinds)('answers oidc.user(req) where nobody is logged in, for a %s', async (kind) => {
      await start({ routes: (made, oidc) => made.all('/me', (req, res) => void res.json(oidc.user(req))) })
      expectRefusal(await send(kind, '/me'), kind, 401, 'login_required')
    })

    it('leaves other errors to the application', async () => {
      await start({
        routes: (made) => {
          made.get('/broken', () => {
            throw Object.assign(new Error('teapot'), { status: 418 })
          })
        },
      })
      const answer = await agent.fetch('/broken')
      expect(answer.status).toBe(418)
      expect(answer.headers.get('content-type')).not.toContain('problem+json')
    })

    it('hands an error on where an answer has begun', async () => {
      const seen: unknown[] = []
      await start({
        routes: (made, oidc) => {
          made.get('/late', (req, res) => {
            res.send('begun')
            oidc.user(req)
          })
          made.use(oidc.errorHandler())
          made.use(((error: OidcError, _req, _res, _next) => {
            seen.push(error.code)
          }) as express.ErrorRequestHandler)
        },
      })
      expect((await agent.fetch('/late')).text()).toBe('begun')
      expect(seen).toEqual(['login_required'])
    })
  })

  describe('without errorHandler(), by the handler of Express itself', () => {
    let server: Server | undefined
    afterEach(async () => {
      if (server) await close(server)
      server = undefined
    })

    async function startPlain(): Promise<UserAgent> {
      // For afterEach of the file.
      await start()
      server = createServer()
      const url = await listen(server)
      const plain = express()
      plain.set('env', 'test')
      plain.use(
        session({
          store: new RedisSessionStore({ client: store.client }),
          secret,
          resave: false,
          saveUninitialized: false,
        }),
      )
      const oidc = createOidc({ ...provider.settings(), baseUrl: url, secret })
      plain.use(oidc.router)
      plain.get('/profile', oidc.requireAuth(), (req, res) => void res.json(oidc.user(req)))
      plain.get('/me', (req, res) => void res.json(oidc.user(req)))
      server.on('request', plain)
      return createUserAgent({ baseUrl: url })
    }

    it('a fault of the store is 503 with Retry-After', async () => {
      const visitor = await startPlain()
      expect((await visitor.get('/profile')).status).toBe(200)
      store.fail()
      const answer = await visitor.get('/profile')
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(answer.headers.get('set-cookie')).toBeNull()
      store.heal()
      expect((await visitor.get('/profile')).status).toBe(200)
    })

    it('oidc.user(req) is 401 where nobody is logged in', async () => {
      const visitor = await startPlain()
      expect((await visitor.get('/me')).status).toBe(401)
    })
  })

  describe('a route that is not guarded and does not touch req.oidc', () => {
    it('costs no command and no header, whoever comes', async () => {
      await start({
        routes: (made) => {
          made.get('/open', (_req, res) => void res.send('open'))
          made.get('/bare', (_req, res) => void res.send('open'))
        },
      })
      const names = (answer: UserAgentResponse): string[] => [...answer.headers.keys()].toSorted()
      const plain = express()
      plain.get('/open', (_req, res) => void res.send('open'))
      const server = createServer(plain)
      const expected = names(await createUserAgent().get(`${await listen(server)}/open`))
      await close(server)
      for (const kind of ['navigation', 'fetch'] as const) {
        expect(names(await send(kind, '/open'))).toEqual(expected)
      }
      expect(store.commands).toEqual([])
      expect(provider.requests.filter(({ url }) => url.includes(encodeURIComponent(app.url)))).toEqual([])

      await logIn()
      store.commands.length = 0
      provider.forget()
      expect(names(await send('navigation', '/open'))).toEqual(expected)
      // What express-session itself asks of its store: the session, which is read with its logins in one command.
      expect(store.commands.filter((name) => name !== 'expire')).toEqual(['mGet'])
      expect(provider.requests).toEqual([])
    })

    it('is served while the provider is down, and while it misbehaves', async () => {
      const other = await startTestProvider()
      await other.stop()
      await start({ options: other.settings() })
      expect((await agent.get('/')).text()).toBe('hello stranger')
    })
  })
}
