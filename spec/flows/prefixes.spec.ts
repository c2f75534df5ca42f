import { createServer } from 'node:http'
import express, { type Express } from 'express'
import session from 'express-session'
import { createOidc, OidcError, type Oidc } from 'express-session-oidc'
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, close, listen, profile, secret } from '../support/app.ts'
import { flow, readLocation, response, listTransactions } from '../support/flow.ts'
import { startPrefixProxy } from '../support/prefix-proxy.ts'

const world = flow()

interface Place {
  /** The URL at which browsers reach the application, with the prefix. */
  readonly home: string
  readonly oidc: Oidc
  readonly agent: UserAgent
}

/** The routes of every application; `at` is the prefix that the application itself sees. */
function fill(app: Pick<Express, 'get'>, oidc: Oidc, at = ''): void {
  app.get(`${at}/profile`, oidc.requireAuth(), (req, res) => void res.json(profile(req)))
  app.get(`${at}/links`, (_req, res) => void res.json(oidc.paths))
  app.get(at === '' ? '/' : at, (req, res) => void res.send(getContext(req).isAuthenticated ? 'hello' : 'bye'))
}

function sessions(): ReturnType<typeof session> {
  const cookie = { sameSite: 'lax' } as const
  return session({ store: world.store(), secret, resave: false, saveUninitialized: false, cookie })
}

function makeOidc(baseUrl: string): Oidc {
  return createOidc({ ...world.provider.settings(), baseUrl, secret })
}

/** A proxy strips /shop, which the application knows from baseUrl only. */
async function stripped(): Promise<Place> {
  const proxy = await startPrefixProxy('/shop')
  const app = express()
  const oidc = makeOidc(`${proxy.url}/shop`)
  app.use(sessions(), oidc.router)
  fill(app, oidc)
  app.use(oidc.errorHandler())
  const server = createServer(app)
  proxy.target = await listen(server)
  world.later(async () => {
    await proxy.stop()
    await close(server)
  })
  return { home: `${proxy.url}/shop`, oidc, agent: createUserAgent({ baseUrl: proxy.url }) }
}

async function onServer(build: (home: string) => { app: Express; oidc: Oidc }): Promise<Place> {
  const server = createServer()
  const url = await listen(server)
  const { app, oidc } = build(`${url}/shop`)
  server.on('request', app)
  world.later(() => close(server))
  return { home: `${url}/shop`, oidc, agent: createUserAgent({ baseUrl: url }) }
}

/** The prefix reaches the application, and the router is mounted at it. */
function kept(): Promise<Place> {
  return onServer((home) => {
    const app = express()
    const oidc = makeOidc(home)
    app.use(sessions())
    app.use('/shop', oidc.router)
    fill(app, oidc, '/shop')
    app.use(oidc.errorHandler())
    return { app, oidc }
  })
}

/** An application that is mounted in another. */
function nested(): Promise<Place> {
  return onServer((home) => {
    const app = express()
    const shop = express()
    const oidc = makeOidc(home)
    shop.use(sessions(), oidc.router)
    fill(shop, oidc)
    shop.use(oidc.errorHandler())
    app.use('/shop', shop)
    return { app, oidc }
  })
}

/** A proxy strips /shop, and the application mounts the router at /admin. */
async function both(): Promise<Place> {
  const proxy = await startPrefixProxy('/shop')
  const app = express()
  const oidc = makeOidc(`${proxy.url}/shop/admin`)
  app.use(sessions())
  app.use('/admin', oidc.router)
  fill(app, oidc, '/admin')
  app.use(oidc.errorHandler())
  const server = createServer(app)
  proxy.target = await listen(server)
  world.later(async () => {
    await proxy.stop()
    await close(server)
  })
  return { home: `${proxy.url}/shop/admin`, oidc, agent: createUserAgent({ baseUrl: proxy.url }) }
}

describe.each([
  ['a proxy that strips it', stripped],
  ['a router that is mounted at it', kept],
  ['a sub-application that is mounted at it', nested],
  ['a proxy that strips a part, and a router that is mounted at the rest', both],
])('a prefix with %s', (_name, build) => {
  it('a guarded page below a prefix logs in and is shown with its query', { meta: { id: 'prefixes-1' } }, async () => {
    const { home, agent } = await build()
    const page = await agent.get(`${home}/profile?tab=2`)
    expect(page.url).toBe(`${home}/profile?tab=2`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    expect(world.provider.requestsTo('authorize')[0]?.params.get('redirect_uri')).toBe(`${home}/callback`)
    expect((await agent.get(`${home}/profile`)).hops).toHaveLength(1)
  })

  it('the login route takes a public path as returnTo, and otherwise leads to the base path', async () => {
    const { home, agent } = await build()
    const path = new URL(home).pathname
    const back = await agent.get(`${home}/login?returnTo=${encodeURIComponent(`${path}/profile?x=1`)}`)
    expect(back.url).toBe(`${home}/profile?x=1`)
    const hostile = await agent.get(`${home}/login?returnTo=//evil.example`, { redirect: 'manual' })
    const callback = readLocation(await agent.get(readLocation(hostile), { redirect: 'manual' }))
    const done = await agent.get(callback, { redirect: 'manual' })
    expect(done.headers.get('location')).toBe(path)
    expect((await agent.get(home)).text()).toBe('hello')
  })

  it('oidc.paths and the login URL of a 401 are public paths', async () => {
    const { home, oidc, agent } = await build()
    const path = new URL(home).pathname
    expect(oidc.paths).toEqual({
      login: `${path}/login`,
      callback: `${path}/callback`,
      logout: `${path}/logout`,
      backchannelLogout: `${path}/backchannel-logout`,
      frontchannelLogout: `${path}/frontchannel-logout`,
    })
    const client = await agent.fetch(`${home}/profile`)
    expect(client.status).toBe(401)
    expect(client.json()['login']).toMatch(new RegExp(`^${home}/login(\\?|$)`))
  })

  it('the cookie of a login in progress has the base path as its path', async () => {
    const { home, agent } = await build()
    const begun = await agent.get(`${home}/login`, { redirect: 'manual' })
    expect(begun.cookiesSet).toMatchObject([{ path: new URL(home).pathname }])
    await agent.get(await response(agent, `${home}/profile`))
    expect(listTransactions(agent)).toHaveLength(1)
  })

  it('a logout below a prefix ends the login and returns to the base path', async () => {
    const { home, agent } = await build()
    await agent.get(`${home}/profile`)
    const page = await agent.post(`${home}/logout`)
    expect(page.url.split('?')[0]?.replace(/\/$/, '')).toBe(home)
    expect(page.text()).toBe('bye')
    expect(world.provider.requestsTo('end_session')).toHaveLength(1)
    expect((await agent.get(`${home}/profile`, { redirect: 'manual' })).status).toBe(302)
  })

  it('an error page links to the public path of the login route', async () => {
    const { home, agent } = await build()
    world.provider.deny()
    const page = await agent.get(`${home}/profile`)
    expect(page.text()).toContain(`href="${new URL(home).pathname}/login"`)
  })
})

describe('a router that is mounted at the wrong path', () => {
  const server = async (build: (url: string) => { app: Express }): Promise<UserAgent> => {
    const http = createServer()
    const url = await listen(http)
    const { app } = build(url)
    app.use((error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      res.status(500).json(error instanceof OidcError ? { code: error.code, message: error.message } : {})
    })
    http.on('request', app)
    world.later(() => close(http))
    return createUserAgent({ baseUrl: url })
  }

  const build = (basePath: string, mount: string | undefined, onError = false) => {
    return (url: string): { app: Express } => {
      const app = express()
      const oidc = createOidc({
        ...world.provider.settings(),
        baseUrl: url + basePath,
        secret,
        ...(onError ? { onError: (error, _req, _res, next) => next(error) } : {}),
      })
      app.use(sessions())
      if (mount === undefined) app.use(oidc.router)
      else app.use(mount, oidc.router)
      fill(app, oidc, basePath)
      return { app }
    }
  }

  it('a router that is mounted at a path fails if baseUrl has none, and the error names the fix', async () => {
    const agent = await server(build('', '/auth', true))
    const { code, message } = (await agent.fetch('/auth/login')).json() as { code: string; message: string }
    expect(code).toBe('setup_invalid')
    expect(message).toContain('mounted at /auth')
    expect(message).toMatch(/mount it at that path/)
    expect(message).toMatch(/set `baseUrl` to http:.*\/auth/)
  })

  it('a router that is mounted at a different path than baseUrl fails', async () => {
    const agent = await server(build('/shop', '/store', true))
    const { code, message } = (await agent.fetch('/store/login')).json() as { code: string; message: string }
    expect(code).toBe('setup_invalid')
    expect(message).toContain('/store')
    expect(message).toContain('/shop')
  })

  it('a router that is not mounted at the prefix fails if the prefix reaches the application', async () => {
    const agent = await server(build('/shop', undefined, true))
    for (const path of ['/shop/login', '/shop/callback?state=x', '/SHOP/logout']) {
      const { code, message } = (await agent.fetch(path)).json() as { code: string; message: string }
      expect(code).toBe('setup_invalid')
      expect(message).toContain("app.use('/shop', oidc.router)")
    }
  })

  it('a router that is mounted at the wrong path answers with a 500 page by default', async () => {
    const agent = await server(build('', '/auth'))
    const page = await agent.get('/auth/login')
    expect(page.status).toBe(500)
    expect(page.text()).toContain('mounted at /auth')
  })

  it('guards and routes in front of the router answer 500 and name the fix', async () => {
    const agent = await server((url) => {
      const app = express()
      const oidc = createOidc({ ...world.provider.settings(), baseUrl: url, secret })
      app.use(sessions())
      app.get('/profile', oidc.requireAuth(), (_req, res) => res.send('open'))
      app.get('/connect', oidc.login())
      app.get('/mine', (req, res) => void res.json(oidc.context(req).isAuthenticated))
      app.use(oidc.router)
      return { app }
    })
    for (const path of ['/profile', '/connect', '/mine']) {
      const answer = await agent.fetch(path)
      expect(answer.status).toBe(500)
      expect(answer.text()).toContain('setup_invalid')
      expect(answer.text()).toContain('put `app.use(oidc.router)` before')
    }
  })
})
