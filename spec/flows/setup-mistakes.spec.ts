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
  /** As if behind a proxy that ends TLS, at an address that is not on loopback. */
  isPublic?: boolean
  trustProxy?: boolean
  options?: object
  /** Puts session, router and routes into the application. */
  lay?: (app: express.Express, session: express.RequestHandler, oidc: Oidc) => void
}

async function start(mistaken: Mistaken): Promise<UserAgent> {
  const { isPublic = false, trustProxy = isPublic, store, cookie } = mistaken
  const server = createServer()
  const url = await listen(server)
  stops.push(() => close(server))
  const app = express()
  if (trustProxy) app.set('trust proxy', 1)
  const sessions = session({
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

describe('an application that is set up well', () => {
  it('is told nothing, on loopback or in public', async () => {
    for (const isPublic of [false, true]) {
      const agent = await start({ isPublic })
      expect((await agent.get('/profile')).status).toBe(200)
      expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    }
    expect(await codes()).toEqual([])
  })
})

describe('no session middleware', () => {
  it.each([
    ['at all', (app: express.Express, _: express.RequestHandler, oidc: Oidc) => void app.use(oidc.router)],
    [
      'before the router',
      (app: express.Express, first: express.RequestHandler, oidc: Oidc) => void app.use(oidc.router, first),
    ],
  ])('%s: guarded routes and logins answer 503, and what is not guarded is served', async (_, lay) => {
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

describe('the router behind the routes that it guards', () => {
  it('is named once, and the routes answer 500 rather than let anyone in', async () => {
    const agent = await start({ lay: (app, first) => void app.use(first) })
    for (let times = 0; times < 2; times++) {
      const answer = await agent.fetch('/profile')
      expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
      expect(answer.text()).toContain('app.use(oidc.router) must come before the routes that it guards')
    }
    expect(await codes()).toEqual(['OIDC_ROUTER_ORDER'])
    expect(warnings[0]).toMatchObject({ name: 'OidcSetupWarning' })
    expect(warnings[0]?.message).toContain('app.use(oidc.router) must come before the routes')
  })
})

describe('MemoryStore', () => {
  it('is named once where the application is not on loopback, and works', async () => {
    const agent = await start({ isPublic: true, store: new MemoryStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    await agent.get('/login')
    expect(await codes()).toEqual(['OIDC_MEMORY_STORE'])
    expect(warnings[0]?.message).toContain('Use RedisSessionStore of express-session-oidc/redis')
  })

  it('is fine on loopback', async () => {
    const agent = await start({ store: new MemoryStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('trust proxy missing, with a secure session cookie', () => {
  it(
    'is named once, and the browser is told that its session does not stick',
    { meta: { id: 'setup-mistakes-1' } },
    async () => {
      const agent = await start({ isPublic: true, trustProxy: false })
      const pages = []
      for (let times = 0; times < 6; times++) pages.push(await agent.get('/login?returnTo=/open'))
      expect(pages.at(0)?.text()).toBe('open')
      expect(pages.at(-1)?.status).toBe(400)
      expect(pages.at(-1)?.text()).toContain('The session cookie does not stick')
      expect(await codes()).toEqual(['OIDC_TRUST_PROXY'])
      expect(warnings[0]?.message).toContain("app.set('trust proxy', 1)")
    },
  )

  it('ends a guarded page in that page too, rather than in a loop without end', async () => {
    const agent = await start({ isPublic: true, trustProxy: false })
    const page = await agent.get('/profile')
    expect(page.status).toBe(400)
    expect(page.text()).toContain('The session cookie does not stick')
  })

  it('is not named where the cookie decides by itself', async () => {
    const agent = await start({ cookie: { secure: 'auto' } })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('a session cookie of SameSite=Strict', () => {
  it.each(['strict', true] as const)('as %j is named once', { meta: { id: 'setup-mistakes-2' } }, async (sameSite) => {
    const agent = await start({ cookie: { sameSite } })
    for (let times = 0; times < 2; times++) await agent.get('/login', { redirect: 'manual' })
    expect(await codes()).toEqual(['OIDC_SESSION_COOKIE_STRICT'])
    expect(warnings[0]?.message).toContain("sameSite: 'lax'")
  })

  it.each(['lax', 'none', false] as const)('as %j is not what that is about', async (sameSite) => {
    const agent = await start({ cookie: { sameSite } })
    await agent.get('/login', { redirect: 'manual' })
    expect(await codes()).toEqual([])
  })
})

describe('a store without atomic operations', () => {
  it('is named once, with its class, where logins are kept in it', async () => {
    const agent = await start({ store: new SlowStore() })
    expect((await agent.get('/profile')).status).toBe(200)
    await agent.get('/logout')
    expect(await codes()).toEqual(['OIDC_STORE_NOT_ATOMIC'])
    expect(warnings[0]?.message).toContain('SlowStore')
    expect(warnings[0]?.message).toContain('records: redisRecords({ client })')
  })

  it('is fine with records beside it', async () => {
    const records = redisRecords({ client: redis.client, prefix: 'beside:' })
    const agent = await start({ store: new SlowStore(), options: { records } })
    expect((await agent.get('/profile')).status).toBe(200)
    expect(await codes()).toEqual([])
  })
})

describe('mistakes of two applications', () => {
  it('are each named', async () => {
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
