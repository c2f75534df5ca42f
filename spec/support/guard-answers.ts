/** The table of responses, row by row, for the Express that the package and the application use. */
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { createOidc, OidcError, type OidcAuthRule, type OidcOptions } from 'express-session-oidc'
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

/** Removes the headers that only browsers send. */
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

  async function start(setup: Partial<AppSetup> & { rule?: OidcAuthRule } = {}): Promise<void> {
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

  /** Checks what all error responses have in common. */
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

  it(`the application runs on Express ${major}`, () => {
    expect('del' in express.application).toBe(major === 4)
  })

  describe('a user who is not logged in', () => {
    it('a navigation is redirected to the provider, with one cookie for the login in progress', async () => {
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

    it('a HEAD request starts no login and is redirected to the login route', async () => {
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

    it('a form gets 401 and a page with a login link that returns to the page of the form', async () => {
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
      ['an address without a host', 'about:blank'],
      ['another port of this host', 'http://127.0.0.1:1/x'],
    ])('the login link for a form from %s has no returnTo', async (_, referer) => {
      await start()
      const answer = await agent.post('/guarded', {}, { headers: { referer }, redirect: 'manual' })
      expectRefusal(answer, 'form', 401, 'login_required')
      expect(answer.text()).toContain('href="/login"')
    })

    it.each(['fetch', 'client'] as const)(
      'a %s gets 401 with the login URL',
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
    ])('%s is not a navigation and starts no login', async (_, headers) => {
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

    it('a navigation is redirected to loginPage, with returnTo', async () => {
      await start({ options: { loginPage: '/signin?lang=en#form' } })
      const answer = await send('navigation', '/guarded?tab=2')
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')).toBe('/signin?lang=en&returnTo=%2Fguarded%3Ftab%3D2#form')
      expect(answer.headers.get('set-cookie')).toBeNull()
      expect(answer.headers.get('cache-control')).toBe('no-store')
    })

    it('a loginPage without a query gets returnTo as its query', async () => {
      await start({ options: { loginPage: '/signin' } })
      expect((await send('navigation')).headers.get('location')).toBe('/signin?returnTo=%2Fguarded')
    })

    it.each(['form', 'fetch', 'client'] as const)('a %s is not redirected to loginPage', async (kind) => {
      await start({ options: { loginPage: '/signin' } })
      expectRefusal(await send(kind), kind, 401, 'login_required')
    })

    it(
      'a path that is unsafe as a redirect target is replaced by / in returnTo',
      { meta: { id: 'guard-answers-2' } },
      async () => {
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
      },
    )
  })

  describe('a user who is logged in', () => {
    it.each(kinds)('a %s of a logged-in user passes the guard', async (kind) => {
      await start()
      await logIn()
      const answer = await send(kind)
      expect(answer.status).toBe(200)
      expect(answer.text()).toBe('inside')
      expect(answer.headers.get('cache-control')).toBeNull()
      expect(answer.headers.get('set-cookie')).toBeNull()
    })

    const rules: [string, OidcAuthRule][] = [
      ['roles', { roles: ['admin'] }],
      ['anyRole', { anyRole: ['admin', 'editor'] }],
      ['anyScope', { anyScope: ['orders:read', 'orders:write'] }],
      ['claims', { claims: { sub: 'alice' } }],
      ['check', { check: () => false }],
      ['an asynchronous check', { check: async () => false }],
    ]
    it.each(rules)(
      'a rule with %s that is not met answers 403 to all kinds of requests, never a redirect',
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

    it('missing scope redirects a navigation to the provider; others get 403, scripts with the login URL', async () => {
      await start({ rule: { scope: 'orders:read' } })
      await logIn()
      const answer = await send('navigation')
      expect(answer.status).toBe(302)
      const requested = new URL(answer.headers.get('location') ?? '').searchParams
      expect(requested.get('scope')).toBe('openid profile email orders:read')
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

    it('missing scope with redirect: false answers 403 to all kinds of requests', async () => {
      await start({ rule: { scope: 'orders:read', redirect: false } })
      await logIn()
      for (const kind of kinds) expectRefusal(await send(kind), kind, 403, 'not_allowed')
    })

    it('a missing role answers 403, even if there is a loginPage', async () => {
      await start({ rule: { roles: 'admin' }, options: { loginPage: '/signin' } })
      await logIn()
      expectRefusal(await send('navigation'), 'navigation', 403, 'not_allowed')
    })

    it('the missing role is in the denied event, but not in the response', async () => {
      await start({ rule: { roles: 'secret-project' } })
      await logIn()
      expect((await send('navigation')).text()).not.toContain('secret-project')
      expect((await send('fetch')).text()).not.toContain('secret-project')
      expect(app.events.at(-1)).toMatchObject({ name: 'denied', event: { detail: 'missing role: secret-project' } })
    })

    it.each(kinds)(
      'a check that throws answers a %s with 500 and lets nobody in',
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

    it('a check that throws answers 500, even if the error has its own status', async () => {
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
    ])('an unsafe request from %s gets 403, with and without a login', async (_, headers) => {
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

    it('an unsafe request with Origin: null gets 403 and a page that mentions Referrer-Policy', async () => {
      await start()
      await logIn()
      const headers = { 'sec-fetch-site': undefined, origin: 'null' }
      const answer = await agent.post('/guarded', {}, { headers, redirect: 'manual' })
      expectRefusal(answer, 'form', 403, 'cross_site_request')
      expect(answer.text()).toContain('Referrer-Policy')
    })

    it('an unsafe request from the same origin passes, even if only Origin shows it', async () => {
      await start()
      await logIn()
      expect((await agent.post('/guarded', {}, { redirect: 'manual' })).text()).toBe('inside')
      const headers = { 'sec-fetch-site': undefined, origin: app.url }
      expect((await agent.post('/guarded', {}, { headers, redirect: 'manual' })).text()).toBe('inside')
    })

    it('an unsafe request from an origin in allowedOrigins passes', async () => {
      await start({ options: { allowedOrigins: ['https://www.example.com'] } })
      await logIn()
      const headers = { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }
      expect((await agent.post('/guarded', {}, { headers, redirect: 'manual' })).text()).toBe('inside')
    })

    it('an unsafe request to a route without a guard is not checked', async () => {
      await start({ routes: (made) => made.post('/open', (_req, res) => void res.send('open')) })
      const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      expect((await agent.post('/open', {}, { headers })).text()).toBe('open')
    })
  })

  describe('with the store down', () => {
    it.each(kinds)(
      'a %s gets 503 with Retry-After while the store is down, and keeps its cookie and login',
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

    it('a store_fault event reports that the store is down', async () => {
      await start()
      await logIn()
      store.fail()
      await send('fetch')
      expect(app.events.map(({ name }) => name)).toContain('store_fault')
      expect(JSON.stringify(app.events)).toContain('the store is away (mGet)')
    })

    it('an anonymous user gets 401 while the store is down, because no store is needed', async () => {
      await start()
      store.fail()
      expectRefusal(await send('fetch'), 'fetch', 401, 'login_required')
    })
  })

  describe('with the provider down', () => {
    it('a navigation gets 503 with Retry-After and no cookie until the provider is back', async () => {
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

    it('a logged-in user stays logged in while the provider is down', async () => {
      const other = await startTestProvider({ signIn: 'bob' })
      await start({ options: other.settings() })
      await logIn()
      await other.stop()
      for (const kind of kinds) expect((await send(kind)).text()).toBe('inside')
    })
  })

  describe('without a session', () => {
    it.each(kinds)('a guarded route without a session answers a %s with 503', async (kind) => {
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

    it('onError replaces the built-in response', async () => {
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

    it('onError may pass the error on to the application', async () => {
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
    ])('an onError that %s leads to a 500 response of the package', async (_, onError) => {
      await start({ rule: { redirect: false }, options: { onError } })
      for (const kind of kinds) {
        const answer = await send(kind)
        expectRefusal(answer, kind, 500, 'hook_failed')
        expect(answer.text()).not.toContain('broken page')
      }
    })

    it('an onError that throws after it has begun to respond passes its error to Express', async () => {
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
    it.each(kinds)('errorHandler() answers 401 to a %s if oidc.user(req) finds nobody logged in', async (kind) => {
      await start({ routes: (made, oidc) => made.all('/me', (req, res) => void res.json(oidc.user(req))) })
      expectRefusal(await send(kind, '/me'), kind, 401, 'login_required')
    })

    it('errorHandler() leaves other errors to the application', async () => {
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

    it('errorHandler() passes an error on if the response has begun', async () => {
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

  describe('an application without errorHandler()', () => {
    let server: Server | undefined
    afterEach(async () => {
      if (server) await close(server)
      server = undefined
    })

    async function startPlain(): Promise<UserAgent> {
      // Sets `app`, which the outer `afterEach` stops.
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
      const oidc = createOidc({ ...provider.settings(), baseUrl: url, secret, log: false })
      plain.use(oidc.router)
      plain.get('/profile', oidc.requireAuth(), (req, res) => void res.json(oidc.user(req)))
      plain.get('/me', (req, res) => void res.json(oidc.user(req)))
      server.on('request', plain)
      return createUserAgent({ baseUrl: url })
    }

    it('the error handler of Express answers a store fault with 503 and Retry-After', async () => {
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

    it('the error handler of Express answers 401 if oidc.user(req) finds nobody logged in', async () => {
      const visitor = await startPlain()
      expect((await visitor.get('/me')).status).toBe(401)
    })
  })

  describe('a route without a guard', () => {
    it('a route that does not use req.oidc sends no additional command and sets no header', async () => {
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
      // The command of express-session itself: the store reads the session with its logins in one command.
      expect(store.commands.filter((name) => name !== 'expire')).toEqual(['mGet'])
      expect(provider.requests).toEqual([])
    })

    it('a page without a guard is served while the provider is down', async () => {
      const other = await startTestProvider()
      await other.stop()
      await start({ options: other.settings() })
      expect((await agent.get('/')).text()).toBe('hello stranger')
    })
  })
}
