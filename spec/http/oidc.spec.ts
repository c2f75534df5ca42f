import { createOidc, requireAnyAuth, type Oidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secret, startApp, type AppSetup, type TestApp } from '../support/app.ts'
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
      const { isAuthenticated, user, roles, scope, provider } = req.oidc
      res.json({
        isAuthenticated,
        user: user ?? null,
        roles,
        scope,
        provider,
        isAdmin: req.oidc.hasRole('admin'),
        isEditor: req.oidc.hasRole('editor'),
      })
    })
  }

  it('says that nobody is logged in', { meta: { id: 'oidc-1' } }, async () => {
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

  it('says who is logged in', async () => {
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

  it('is anonymous at once where the session is put away within the request', async () => {
    await start((made) => {
      made.get('/destroy', (req, res) => {
        req.session.destroy(() => res.json({ isAuthenticated: req.oidc.isAuthenticated, user: req.oidc.user ?? null }))
      })
      made.get('/regenerate', (req, res) => {
        req.session.regenerate(() => res.json({ isAuthenticated: req.oidc.isAuthenticated }))
      })
    })
    await agent.get('/profile')
    expect((await agent.get('/destroy')).json()).toEqual({ isAuthenticated: false, user: null })
    await agent.get('/profile')
    expect((await agent.get('/regenerate')).json()).toEqual({ isAuthenticated: false })
  })

  it('tokens() gives the tokens of the login, read when asked', async () => {
    await start((made) => {
      made.get(
        '/tokens',
        waiting(async (req, res) => {
          res.json(await req.oidc.tokens())
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

  it('tokens() is 401 where nobody is logged in, 503 where the store is down', async () => {
    await start((made, oidc) => {
      made.get('/tokens', (req, res, next) => {
        req.oidc.tokens().then((tokens) => res.json(tokens), next)
      })
      made.use(oidc.errorHandler())
    })
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ code: 'login_required', status: 401 })
    await agent.get('/profile')
    store.fail('get')
    expect((await agent.fetch('/tokens')).json()).toMatchObject({ code: 'store_unavailable', status: 503 })
  })

  it('tokens() is 401 where they were sealed with a secret that is no longer in use', async () => {
    const routes: AppSetup['routes'] = (made, oidc) => {
      made.get(
        '/tokens',
        waiting(async (req, res) => void res.json(await req.oidc.tokens())),
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
    // It is neither deleted nor overwritten: with the old secret it opens again.
    await second.stop()
    const third = await start(routes)
    const returned = third.agent({ headers: { cookie } })
    expect((await returned.fetch('/tokens')).json()).toMatchObject({ tokenType: 'bearer' })
  })

  it('login() and logout() answer the request', async () => {
    await start((made) => {
      made.get('/more', (req) => req.oidc.login({ scope: 'openid calendar.read', returnTo: '/show' }))
      made.get('/away', (req) => req.oidc.logout({ returnTo: '/gone' }))
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

  it('login() and logout() refuse wrong parameters, and nothing happens', { meta: { id: 'oidc-2' } }, async () => {
    await start((made, oidc) => {
      made.get('/more', (req, _res, next) => {
        req.oidc.login({ returnTo: 'https://evil.example' }).catch(next)
      })
      made.get('/away', (req, _res, next) => {
        req.oidc.logout({ returnTo: '//evil.example' }).catch(next)
      })
      made.use(oidc.errorHandler())
    })
    await agent.get('/profile')
    for (const path of ['/more', '/away']) {
      const answer = await agent.fetch(path, { redirect: 'manual' })
      expect(answer.json()).toMatchObject({ code: 'options_invalid', status: 500 })
    }
    expect((await agent.get('/')).text()).toBe('hello alice')
  })
})

describe('oidc.user and oidc.context', () => {
  it('are the login of their instance, also inside another function', { meta: { id: 'oidc-3' } }, async () => {
    await start((made, oidc) => {
      made.get('/both', (req, res) => {
        const context = oidc.context(req)
        res.json({ user: oidc.user(req).sub, context: context.user?.sub, role: context.hasRole('admin') })
      })
    })
    await agent.get('/profile')
    expect((await agent.get('/both')).json()).toEqual({ user: 'alice', context: 'alice', role: true })
  })

  it('context says so where the request has not passed the router', async () => {
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
  it('are handlers for routes of the application', async () => {
    await start((made, oidc) => {
      made.get('/connect', oidc.login({ scope: 'calendar.read', prompt: 'consent', extra: { kc_idp_hint: 'x' } }))
      made.post('/bye', oidc.logout({ returnTo: '/gone' }))
    })
    const begun = await agent.get('/connect', { redirect: 'manual' })
    const asked = new URL(begun.headers.get('location') ?? '').searchParams
    expect(asked.get('scope')).toBe('openid calendar.read')
    expect(asked.get('prompt')).toBe('consent')
    expect(asked.get('kc_idp_hint')).toBe('x')
    await agent.get('/profile')
    const bye = await agent.post('/bye')
    expect(new URL(bye.url).pathname).toBe('/gone')
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('answer 503 where the provider is down', async () => {
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

  it('are set-up mistakes before the router', async () => {
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
      expect(answer.text()).toContain('app.use(oidc.router) must come before it')
    }
  })

  it(
    'a POST of another site, or of another origin of this one, logs nobody out',
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
  ])('%s refuses %s and names what it takes', async (path, method, allowed) => {
    await start(() => {})
    const answer = await agent.fetch(path, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allowed)
    expect(answer.json()).toMatchObject({ code: 'request_invalid' })
  })

  it.each(['/login', '/logout'])('HEAD of %s does nothing', async (path) => {
    await start(() => {})
    await agent.get('/profile')
    const answer = await agent.fetch(path, { method: 'HEAD', redirect: 'manual' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect((await agent.get('/')).text()).toBe('hello alice')
  })

  it('the login is begun by no script and no prefetch', async () => {
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

describe('requireAnyAuth', () => {
  it('needs at least one instance, made by createOidc', () => {
    const message = 'requireAnyAuth: pass an array of at least one instance made by createOidc()'
    expect(() => requireAnyAuth([])).toThrow(new TypeError(message))
    const oidc = createOidc({ ...provider.settings(), baseUrl: 'http://localhost', secret })
    expect(() => requireAnyAuth([oidc, { router: oidc.router }])).toThrow(new TypeError(message))
  })
})

describe('ready and health', () => {
  it('tell that the provider is down, and that it is back', { meta: { id: 'oidc-5' } }, async () => {
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
        provider: { fault: expect.stringContaining('discovery of') as string },
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
      expect(known.discoveredAt).toBeGreaterThan(Date.now() - 60_000)
      expect(other.requestsTo('jwks')).toHaveLength(1)
    } finally {
      await other.stop()
    }
  })
})

describe('oidc.on', () => {
  it('calls a listener until it is taken off again', async () => {
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
