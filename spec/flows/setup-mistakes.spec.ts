import { createServer } from 'node:http'
import express from 'express'
import session, { MemoryStore, type CookieOptions, type Store } from 'express-session'
import { createOidc, type Oidc } from 'express-session-oidc'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { close, listen, secret } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { SlowStore } from '../support/slow-store.ts'
import { warningsGiven, warningsOfSpecs } from '../support/warnings.ts'

const redis = redisForFile()
const warnings = warningsOfSpecs()
const stops: (() => Promise<void>)[] = []
const publicUrl = 'https://app.example.com'
let provider: TestProvider

beforeAll(async () => {
  const redirectUris = [`${publicUrl}/callback`]
  const clients = [
    { clientId: 'web', clientSecret: 'web-secret' },
    { clientId: 'public', clientSecret: 'web-secret', redirectUris },
  ]
  provider = await startTestProvider({ clients })
})
afterAll(() => provider.stop())
beforeEach(() => provider.signIn('alice'))
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()))
})

interface Mistaken {
  store?: Store
  cookie?: CookieOptions
  /** The name of the session cookie. Default: `__Host-sid` in public. */
  name?: string | undefined
  /** Behind a simulated proxy that terminates TLS, at an address that is not on loopback. */
  isPublic?: boolean
  trustProxy?: boolean
  options?: object
  /** Adds session middleware and router to the application. */
  lay?: (app: express.Express, session: express.RequestHandler, oidc: Oidc) => void
}

async function start(mistaken: Mistaken): Promise<UserAgent> {
  const {
    isPublic = false,
    trustProxy = isPublic,
    store,
    cookie,
    name = isPublic ? '__Host-sid' : undefined,
  } = mistaken
  const server = createServer()
  const url = await listen(server)
  stops.push(() => close(server))
  const app = express()
  if (trustProxy) app.set('trust proxy', 1)
  const sessions = session({
    ...(name !== undefined && { name }),
    secret,
    resave: false,
    saveUninitialized: false,
    store: store ?? new RedisSessionStore({ client: redis.client }),
    cookie: { secure: isPublic, sameSite: 'lax', ...cookie },
  })
  const oidc = createOidc({
    ...provider.settings(isPublic ? 'public' : 'web'),
    baseUrl: isPublic ? publicUrl : url,
    secret,
    ...mistaken.options,
  })
  const lay = mistaken.lay ?? ((made, first, made2) => void made.use(first, made2.router))
  lay(app, sessions, oidc)
  app.get('/profile', oidc.requireAuth(), (req, res) => void res.json(oidc.user(req)))
  app.get('/open', (_req, res) => void res.send('open'))
  app.use(oidc.errorHandler())
  server.on('request', app)
  return isPublic
    ? createUserAgent({ baseUrl: publicUrl, proxies: { [publicUrl]: url }, maxHops: 40 })
    : createUserAgent({ baseUrl: url })
}

async function codes(): Promise<string[]> {
  await warningsGiven()
  return warnings.map(({ code }) => code)
}

describe('a correct setup', () => {
  it('a correct setup causes no warning, on loopback or in public', async () => {
    for (const isPublic of [false, true]) {
      const agent = await start({ isPublic })
      expect((await agent.get('/profile')).status).toBe(200)
      expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    }
    expect(await codes()).toEqual([])
  })
})

describe('missing session middleware', () => {
  it.each([
    ['at all', (app: express.Express, _: express.RequestHandler, oidc: Oidc) => void app.use(oidc.router)],
    [
      'before the router',
      (app: express.Express, first: express.RequestHandler, oidc: Oidc) => void app.use(oidc.router, first),
    ],
  ])('without session middleware %s, guards, logout and callback answer 503, and other routes work', async (_, lay) => {
    const agent = await start({ lay })
    for (const path of ['/profile', '/logout', '/callback?state=x']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.status, path).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
    }
    expect((await agent.fetch('/profile')).json()).toMatchObject({ code: 'session_missing' })
    expect((await agent.get('/open')).text()).toBe('open')
  })
})

describe('session middleware other than express-session', () => {
  // cookie-session and iron-session set `req.session`, but have no store and no `regenerate`.
  it.each([
    ['an object', { user: 1 }],
    ['an object with save()', { save: () => {} }],
  ])('if req.session is %s, each request is answered 500 and told to use express-session', async (_what, given) => {
    const other: express.RequestHandler = (req, _res, next) => {
      Object.assign(req, { session: given })
      next()
    }
    const agent = await start({ lay: (app, _, oidc) => void app.use(other, oidc.router) })
    for (const path of ['/profile', '/login', '/logout', '/callback?state=x']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.status, path).toBe(500)
      expect(answer.headers.get('retry-after')).toBeNull()
      expect(answer.text()).toContain('express-session')
      expect(answer.text()).not.toMatch(/try again/i)
    }
    const answer = (await agent.fetch('/profile')).json()
    expect(answer).toMatchObject({ code: 'setup_invalid' })
    expect(answer['title']).toContain('replace the other session middleware, such as cookie-session')
  })
})

describe('a router after the routes that it guards', () => {
  it('a router after its guarded routes causes one warning, and the routes answer 500', async () => {
    const agent = await start({ lay: (app, first) => void app.use(first) })
    for (let times = 0; times < 2; times++) {
      const answer = await agent.fetch('/profile')
      expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
      expect(answer.text()).toContain('put `app.use(oidc.router)` before the guarded routes')
    }
    expect(await codes()).toEqual(['OIDC_ROUTER_ORDER'])
    expect(warnings[0]).toMatchObject({ name: 'OidcSetupWarning' })
    expect(warnings[0]?.message).toContain('put `app.use(oidc.router)` before the guarded routes')
  })
})

describe('MemoryStore', () => {
  it('MemoryStore works off loopback with one warning', async () => {
    const agent = await start({ isPublic: true, store: new MemoryStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    await agent.get('/login')
    expect(await codes()).toEqual(['OIDC_MEMORY_STORE'])
    expect(warnings[0]?.message).toContain('use `RedisSessionStore` from express-session-oidc/redis')
  })

  it('MemoryStore causes no warning on loopback', async () => {
    const agent = await start({ store: new MemoryStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('a secure session cookie without trust proxy', () => {
  it(
    'a missing trust proxy causes one warning, and the sixth login shows that the cookie does not stick',
    { meta: { id: 'setup-mistakes-1' } },
    async () => {
      const agent = await start({ isPublic: true, trustProxy: false })
      const pages = []
      for (let times = 0; times < 6; times++) pages.push(await agent.get('/login?returnTo=/open'))
      expect(pages.at(0)?.text()).toBe('open')
      expect(pages.at(-1)?.status).toBe(400)
      expect(pages.at(-1)?.text()).toContain('does not keep the session')
      expect(await codes()).toEqual(['OIDC_TRUST_PROXY'])
      expect(warnings[0]?.message).toContain("app.set('trust proxy', 1)")
    },
  )

  it('a guarded page without trust proxy ends at the same error page instead of an endless loop', async () => {
    const agent = await start({ isPublic: true, trustProxy: false })
    const page = await agent.get('/profile')
    expect(page.status).toBe(400)
    expect(page.text()).toContain('does not keep the session')
  })

  it('a session cookie with secure: auto causes no warning', async () => {
    const agent = await start({ cookie: { secure: 'auto' } })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('the name of the session cookie', () => {
  it.each([undefined, 'sid', '__Secure-sid', '__host-sid', 'a__Host-sid'])(
    'the name %s causes one warning over https',
    async (name) => {
      const agent = await start({ isPublic: true, name: name ?? 'connect.sid' })
      for (let times = 0; times < 2; times++) expect((await agent.get('/login?returnTo=/profile')).status).toBe(200)
      expect(await codes()).toEqual(['OIDC_SESSION_COOKIE_NAME'])
      expect(warnings[0]?.message).toContain("`session({ name: '__Host-sid' })`")
      expect(warnings[0]?.message).toContain(`'${name ?? 'connect.sid'}'`)
    },
  )

  it('a session cookie that is not secure causes the warning too', async () => {
    const agent = await start({ isPublic: true, name: 'sid', cookie: { secure: false } })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual(['OIDC_SESSION_COOKIE_NAME'])
  })

  it.each<[string, Mistaken]>([
    ['over http', { name: 'sid' }],
    ['with the prefix', { isPublic: true, name: '__Host-other' }],
    ['with a domain, which the prefix forbids', { isPublic: true, name: 'sid', cookie: { domain: 'app.example.com' } }],
    ['with a path, which the prefix forbids', { isPublic: true, name: 'sid', cookie: { path: '/callback' } }],
  ])('the name causes no warning %s', async (_, mistaken) => {
    const agent = await start(mistaken)
    const page = await agent.get('/login?returnTo=/open')
    expect(page.text()).toBe('open')
    expect(await codes()).toEqual([])
  })

  it('a failed login causes no warning', async () => {
    const agent = await start({ isPublic: true, name: 'sid' })
    provider.deny('access_denied')
    await agent.get('/profile')
    expect(await codes()).toEqual([])
  })
})

describe('the SameSite attribute of the session cookie', () => {
  it.each(['strict', true] as const)(
    'sameSite: %j causes one warning',
    { meta: { id: 'setup-mistakes-2' } },
    async (sameSite) => {
      const agent = await start({ cookie: { sameSite } })
      for (let times = 0; times < 2; times++) await agent.get('/login', { redirect: 'manual' })
      expect(await codes()).toEqual(['OIDC_SESSION_COOKIE_STRICT'])
      expect(warnings[0]?.message).toContain("sameSite: 'lax'")
    },
  )

  it.each(['lax', 'none', false] as const)('sameSite: %j causes no warning', async (sameSite) => {
    const agent = await start({ cookie: { sameSite } })
    await agent.get('/login', { redirect: 'manual' })
    expect(await codes()).toEqual([])
  })
})

describe('a store without atomic operations', () => {
  it('a store without atomic operations causes one warning, which names its class', async () => {
    const agent = await start({ store: new SlowStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    await agent.get('/logout')
    expect(await codes()).toEqual(['OIDC_STORE_NOT_ATOMIC'])
    expect(warnings[0]?.message).toContain('SlowStore')
    expect(warnings[0]?.message).toContain('records: redisRecords({ client })')
  })

  it('a store without atomic operations causes no warning with records beside it', async () => {
    const records = redisRecords({ client: redis.client, prefix: 'beside:' })
    const agent = await start({ store: new SlowStore(), options: { records } })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('the same mistake in two applications', () => {
  it('each application causes its own warning', async () => {
    for (const name of ['one', 'two']) {
      const agent = await start({
        isPublic: true,
        store: new MemoryStore(),
        options: { name, routes: { callback: '/callback' } },
      })
      await agent.get('/profile')
    }
    expect(await codes()).toEqual(['OIDC_MEMORY_STORE', 'OIDC_MEMORY_STORE'])
  })
})
