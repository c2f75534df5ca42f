import { createOidc, requireAnyAuth, type Oidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { getContext, secret, startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { switchedRedis, type SwitchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'

const redis = redisForFile()
let provider: TestProvider
let store: SwitchedRedis
let app: TestApp | undefined
let agent: UserAgent

beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())
beforeEach(() => {
  provider.signIn('alice')
  store = switchedRedis(redis.client)
})
afterEach(async () => {
  await app?.stop()
  app = undefined
})

async function start(routes: NonNullable<AppSetup['routes']>, more: Partial<AppSetup> = {}): Promise<TestApp> {
  const session = { store: new RedisSessionStore({ client: store.client, idleSeconds: 600 }) }
  app = await startApp({ provider, session, routes, ...more })
  agent = app.agent()
  return app
}

describe('req.oidc', () => {
  const show: AppSetup['routes'] = (made) => {
    made.get('/show', (req, res) => {
      const { isAuthenticated, user, roles, scope, provider } = getContext(req)
      res.json({
        isAuthenticated,
        user: user ?? null,
        roles,
        scope,
        provider,
        isAdmin: getContext(req).hasRole('admin'),
        isEditor: getContext(req).hasRole('editor'),
      })
    })
  }

  it('req.oidc describes a request without a login', { meta: { id: 'oidc-1' } }, async () => {
    await start(show)
    expect((await agent.get('/show')).json()).toEqual({
      isAuthenticated: false,
      user: null,
      roles: [],
      scope: [],
      provider: 'default',
      isAdmin: false,
      isEditor: false,
    })
  })

  it('req.oidc describes the user, the roles and the scope of a login', async () => {
    await start(show)
    await agent.get('/profile')
    const shown = (await agent.get('/show')).json()
    expect(shown).toMatchObject({
      isAuthenticated: true,
      user: { iss: provider.issuer, sub: 'alice', name: 'Alice Adams', email: 'alice@example.com' },
      roles: ['admin', 'user'],
      scope: ['openid', 'profile', 'email'],
      provider: 'default',
      isAdmin: true,
      isEditor: false,
    })
    for (const claim of ['aud', 'exp', 'iat', 'nonce', 'azp', 'at_hash', 'sid']) {
      expect(shown['user']).not.toHaveProperty(claim)
    }
  })

  it('req.oidc is anonymous as soon as the request destroys or regenerates its session', async () => {
    await start((made) => {
      made.get('/destroy', (req, res) => {
        req.session.destroy(() =>
          res.json({ isAuthenticated: getContext(req).isAuthenticated, user: getContext(req).user ?? null }),
        )
      })
      made.get('/regenerate', (req, res) => {
        req.session.regenerate(() => res.json({ isAuthenticated: getContext(req).isAuthenticated }))
      })
    })
    await agent.get('/profile')
    expect((await agent.get('/destroy')).json()).toEqual({ isAuthenticated: false, user: null })
    await agent.get('/profile')
    expect((await agent.get('/regenerate')).json()).toEqual({ isAuthenticated: false })
  })

  it('tokens() reads and returns the tokens of the login when it is called', async () => {
    await start((made) => {
      made.get(
        '/tokens',
        waiting(async (req, res) => {
          res.json(await getContext(req).tokens())
        }),
      )
    })
    await agent.get('/profile')
    store.commands.length = 0
    const tokens = (await agent.get('/tokens')).json()
    expect(store.commands).toEqual(['mGet', 'get'])
    expect(tokens).toMatchObject({ tokenType: 'bearer', scope: ['openid', 'profile', 'email'] })
    for (const token of ['accessToken', 'idToken', 'refreshToken']) expect(tokens[token]).toEqual(expect.any(String))
    expect(tokens['expiresAt']).toBeGreaterThan(Date.now() / 1000)
  })

  it('tokens() rejects with 401 if nobody is logged in, and with 503 if the store is down', async () => {
    await start((made, oidc) => {
      made.get('/tokens', (req, res, next) => {
        getContext(req)
          .tokens()
          .then((tokens) => res.json(tokens), next)
      })
      made.use(oidc.errorHandler())
    })
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ code: 'login_required', status: 401 })
    await agent.get('/profile')
    store.fail('get')
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ code: 'store_unavailable', status: 503 })
  })

  it('tokens() rejects with 401 if the tokens were sealed with a secret that is no longer in use', async () => {
    const routes: AppSetup['routes'] = (made, oidc) => {
      made.get(
        '/tokens',
        waiting(async (req, res) => void res.json(await getContext(req).tokens())),
      )
      made.use(oidc.errorHandler())
    }
    const first = await start(routes)
    await agent.get('/profile')
    const cookie = agent.jar.header(first.url)
    await first.stop()
    const second = await start(routes, { options: { secret: 'another secret of more than thirty-two characters' } })
    const visitor = second.agent({ headers: { cookie } })
    expect((await visitor.get('/')).text()).toBe('hello alice')
    expect((await visitor.fetch('/tokens')).json()).toMatchObject({ code: 'login_required', status: 401 })
    // The record is neither deleted nor overwritten: it opens again with the old secret.
    await second.stop()
    const third = await start(routes)
    const returned = third.agent({ headers: { cookie } })
    expect((await returned.fetch('/tokens')).json()).toMatchObject({ tokenType: 'bearer' })
  })

  it('req.oidc.login() and logout() answer the request', async () => {
    await start((made) => {
      made.get('/more', (req) => getContext(req).login({ scope: 'openid calendar.read', returnTo: '/show' }))
      made.get('/away', (req) => getContext(req).logout({ returnTo: '/gone' }))
      made.get('/gone', (_req, res) => void res.send('gone'))
      show?.(made, undefined as unknown as Oidc, '')
    })
    const page = await agent.get('/more')
    expect(page.url).toBe(`${app?.url}/show`)
    expect(page.json()).toMatchObject({ isAuthenticated: true, scope: ['openid', 'calendar.read'] })
    const gone = await agent.get('/away')
    expect(new URL(gone.url).pathname).toBe('/gone')
    expect((await agent.get('/show')).json()).toMatchObject({ isAuthenticated: false })
  })

  it(
    'req.oidc.login() and logout() reject invalid parameters and change nothing',
    { meta: { id: 'oidc-2' } },
    async () => {
      await start((made, oidc) => {
        made.get('/more', (req, _res, next) => {
          getContext(req).login({ returnTo: 'https://evil.example' }).catch(next)
        })
        made.get('/away', (req, _res, next) => {
          getContext(req).logout({ returnTo: '//evil.example' }).catch(next)
        })
        made.use(oidc.errorHandler())
      })
      await agent.get('/profile')
      for (const path of ['/more', '/away']) {
        const answer = await agent.fetch(path, { redirect: 'manual' })
        expect(answer.json()).toMatchObject({ code: 'options_invalid', status: 500 })
      }
      expect((await agent.get('/')).text()).toBe('hello alice')
    },
  )
})

describe('oidc.user() and oidc.context()', () => {
  it('oidc.user() and oidc.context() return the login of their instance', { meta: { id: 'oidc-3' } }, async () => {
    await start((made, oidc) => {
      made.get('/both', (req, res) => {
        const context = oidc.context(req)
        res.json({ user: oidc.user(req).sub, context: context.user?.sub, role: context.hasRole('admin') })
      })
    })
    await agent.get('/profile')
    expect((await agent.get('/both')).json()).toEqual({ user: 'alice', context: 'alice', role: true })
  })

  it('oidc.context() throws setup_invalid if the request has not passed the router of the instance', async () => {
    const stray = createOidc({ ...provider.settings(), name: 'stray', baseUrl: 'http://localhost', secret })
    await start((made) => {
      made.get('/stray', (req, res) => {
        res.json({ context: stray.context(req) })
      })
      made.get('/user', (req, res) => void res.json(stray.user(req)))
    })
    const answer = await agent.fetch('/stray')
    expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
    expect(answer.text()).toContain("the router of the instance 'stray'")
    expect((await agent.fetch('/user')).json()).toMatchObject({ code: 'login_required' })
  })
})

describe('oidc.login() and oidc.logout()', () => {
  it('oidc.login() and logout() create handlers for routes of the application', async () => {
    await start((made, oidc) => {
      made.get('/connect', oidc.login({ scope: 'calendar.read', prompt: 'consent', extra: { kc_idp_hint: 'x' } }))
      made.post('/bye', oidc.logout({ returnTo: '/gone' }))
    })
    const begun = await agent.get('/connect', { redirect: 'manual' })
    const requested = new URL(begun.headers.get('location') ?? '').searchParams
    expect(requested.get('scope')).toBe('openid calendar.read')
    expect(requested.get('prompt')).toBe('consent')
    expect(requested.get('kc_idp_hint')).toBe('x')
    await agent.get('/profile')
    const bye = await agent.post('/bye')
    expect(new URL(bye.url).pathname).toBe('/gone')
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('oidc.login() and /login answer 503 if the provider is down', async () => {
    const other = await startTestProvider()
    await other.stop()
    await start((made, oidc) => void made.get('/connect', oidc.login({ scope: 'calendar.read' })), {
      options: other.settings(),
    })
    for (const path of ['/connect', '/login']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.status).toBe(503)
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
  })

  it('oidc.login() and logout() answer setup_invalid if they run before the router', async () => {
    await start(() => {}, {
      routes: (made, oidc) => {
        const other = createOidc({
          ...provider.settings(),
          name: 'other',
          baseUrl: app?.url ?? 'http://localhost',
          secret,
        })
        made.get('/early', other.login())
        made.post('/early', other.logout())
        made.use(oidc.errorHandler())
      },
    })
    for (const method of ['GET', 'POST']) {
      const answer = await agent.fetch('/early', { method })
      expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
      expect(answer.text()).toContain('put `app.use(oidc.router)` before it')
    }
  })

  it(
    'oidc.logout() refuses a POST from another site and from another origin of the same site',
    { meta: { id: 'oidc-4' } },
    async () => {
      await start((made, oidc) => {
        made.post('/bye', oidc.logout())
      })
      await agent.get('/profile')
      for (const headers of [
        { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
        { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      ]) {
        const answer = await agent.post('/bye', {}, { headers, redirect: 'manual' })
        expect(answer.status).toBe(403)
      }
      expect((await agent.get('/')).text()).toBe('hello alice')
    },
  )
})

describe('the routes of an instance', () => {
  it.each([
    ['/login', 'POST', 'GET, HEAD'],
    ['/login', 'DELETE', 'GET, HEAD'],
    ['/callback', 'PUT', 'GET, HEAD, POST'],
    ['/logout', 'DELETE', 'GET, HEAD, POST'],
  ])('%s rejects %s with 405 and lists the allowed methods', async (path, method, allowed) => {
    await start(() => {})
    const answer = await agent.fetch(path, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allowed)
    expect(answer.json()).toMatchObject({ code: 'request_invalid' })
  })

  it.each(['/login', '/logout'])('a HEAD request to %s changes nothing', async (path) => {
    await start(() => {})
    await agent.get('/profile')
    const answer = await agent.fetch(path, { method: 'HEAD', redirect: 'manual' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect((await agent.get('/')).text()).toBe('hello alice')
  })

  it('a script and a prefetch cannot begin a login at /login', async () => {
    await start(() => {})
    for (const answer of [
      await agent.fetch('/login', { redirect: 'manual' }),
      await agent.get('/login', { redirect: 'manual', headers: { 'sec-purpose': 'prefetch' } }),
    ]) {
      expect(answer.status).toBe(401)
      expect(answer.json()).toMatchObject({
        code: 'login_required',
        login: expect.stringContaining(`${app?.url}/login`) as string,
      })
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
  })
})

describe('requireAnyAuth()', () => {
  it('requires at least one instance, and only instances of createOidc()', () => {
    const message = '`requireAnyAuth()` requires at least one instance; pass those of `createOidc()`'
    expect(() => requireAnyAuth([])).toThrow(new TypeError(message))
    const oidc = createOidc({ ...provider.settings(), baseUrl: 'http://localhost', secret })
    expect(() => requireAnyAuth([oidc, { router: oidc.router }])).toThrow(new TypeError(message))
  })
})

describe('ready() and health()', () => {
  it(
    'ready() and health() report that the provider is down, and that it is available again',
    { meta: { id: 'oidc-5' } },
    async () => {
      const other = await startTestProvider()
      await other.stop()
      try {
        const { oidc } = await start(() => {}, { options: other.settings() })
        expect(oidc.health()).toEqual({
          ok: false,
          provider: { discovered: false, discoveredAt: undefined, fault: undefined },
        })
        await expect(oidc.ready()).rejects.toMatchObject({ code: 'provider_unavailable', status: 503 })
        expect(oidc.health()).toMatchObject({
          ok: false,
          provider: { fault: expect.stringContaining('discovery at') as string },
        })
        await other.start()
        await expect
          .poll(
            () =>
              oidc.ready().then(
                () => true,
                () => false,
              ),
            { timeout: 10_000 },
          )
          .toBe(true)
        const { ok, provider: known } = oidc.health()
        expect(ok).toBe(true)
        expect(known).toMatchObject({ discovered: true, fault: undefined })
        expect(known.discoveredAt).toBeGreaterThan(Date.now() / 1000 - 60)
        expect(known.discoveredAt).toBeLessThanOrEqual(Date.now() / 1000)
        expect(other.requestsTo('jwks')).toHaveLength(1)
      } finally {
        await other.stop()
      }
    },
  )
})

describe('oidc.on()', () => {
  it('calls a listener until it is removed', async () => {
    const seen: string[] = []
    const { oidc } = await start(() => {})
    const off = oidc.on('login', ({ sub }) => seen.push(sub))
    await agent.get('/profile')
    expect(seen).toEqual(['alice'])
    off()
    await app?.agent().get('/profile')
    expect(seen).toEqual(['alice'])
  })
})
