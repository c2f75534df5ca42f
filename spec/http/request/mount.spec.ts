import express from 'express'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { getContext, profile, startApp, type AppSetup, type TestApp } from '../../support/app.ts'
import { redisForFile } from '../../support/redis.ts'

const redis = redisForFile()
let provider: TestProvider
let app: TestApp

beforeAll(async () => {
  // The public URLs of these specs are not on loopback.
  const clients = [{ clientId: 'web', clientSecret: 'web-secret', redirectUris: redirectUris() }]
  provider = await startTestProvider({ clients })
})
afterAll(() => provider.stop())
beforeEach(() => provider.signIn('alice'))
afterEach(() => app.stop())

const publicUrl = 'https://app.example.com'

function redirectUris(): string[] {
  return ['/callback', '/shop/callback', '/apps/shop/callback'].map((path) => publicUrl + path)
}

async function start(setup: Partial<AppSetup>): Promise<void> {
  const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
  app = await startApp({
    provider,
    publicUrl,
    session: { store, cookie: { secure: true, sameSite: 'lax' } },
    ...setup,
    before: (made) => {
      made.set('trust proxy', 1)
      setup.before?.(made)
    },
  })
}

/** A browser in front of a proxy. */
function browser(): UserAgent {
  return createUserAgent({ baseUrl: publicUrl, proxies: { [publicUrl]: app.url } })
}

describe('a router that is mounted where baseUrl points', () => {
  it('a router works at the root', async () => {
    await start({})
    const page = await browser().get('/profile?tab=2')
    expect(page.url).toBe(`${publicUrl}/profile?tab=2`)
    expect(page.status).toBe(200)
  })

  it('a router works at a path that the proxy keeps', async () => {
    await start({
      mount: '/shop',
      basePath: '/shop',
      routes: (made, oidc) => made.get('/shop/me', oidc.requireAuth(), (req, res) => void res.json(profile(req))),
    })
    const agent = browser()
    const page = await agent.get('/shop/me?tab=2')
    expect(page.url).toBe(`${publicUrl}/shop/me?tab=2`)
    expect(page.status).toBe(200)
    expect(app.oidc.paths).toMatchObject({ login: '/shop/login', callback: '/shop/callback', logout: '/shop/logout' })
    const transaction = page.cookiesSet.find(({ name }) => name.startsWith(app.cookie('')))
    expect(transaction).toMatchObject({ path: '/', secure: true })
    expect(transaction?.name).toMatch(/^__Host-oidc\.[\w-]{8}\.[\w-]{9}$/)
  })

  it('a router works at a path that the proxy removes', async () => {
    await start({
      basePath: '/shop',
      routes: (made, oidc) => made.post('/order', oidc.requireAuth(), (_req, res) => void res.send('order')),
    })
    // The test requests the paths as the proxy would rewrite them.
    const headers = { host: 'app.example.com', 'x-forwarded-proto': 'https' }
    const agent = createUserAgent({ baseUrl: app.url, headers })
    const answer = await agent.get('/profile?tab=2', { redirect: 'manual' })
    const location = new URL(answer.headers.get('location') ?? '')
    expect(location.searchParams.get('redirect_uri')).toBe(`${publicUrl}/shop/callback`)
    const form = await agent.post('/order', {}, { redirect: 'manual', headers: { origin: publicUrl } })
    expect(form.status).toBe(401)
    expect(form.text()).toContain('href="/shop/login"')
  })

  it('a router works at a path whose first part the proxy removes', async () => {
    await start({
      mount: '/shop',
      basePath: '/apps/shop',
      options: { loginPage: '/signin' },
      routes: (made, oidc) => made.get('/shop/me', oidc.requireAuth(), (_req, res) => void res.send('me')),
    })
    const answer = await app.agent().get('/shop/me?tab=2', { redirect: 'manual' })
    expect(answer.headers.get('location')).toBe(`/signin?returnTo=${encodeURIComponent('/apps/shop/me?tab=2')}`)
  })

  it('a router works in a sub-application', async () => {
    await start({
      // Away from the routes of the outer application.
      mount: '/unused/shop',
      basePath: '/shop',
      before: () => {},
      routes: (made, oidc) => {
        const shop = express()
        shop.use(oidc.router)
        shop.get('/me', oidc.requireAuth(), (req, res) => void res.json(profile(req)))
        made.use('/shop', shop)
      },
    })
    const page = await browser().get('/shop/me')
    expect(page.url).toBe(`${publicUrl}/shop/me`)
    expect(page.status).toBe(200)
  })

  it('a router works whatever the case of the requested path', async () => {
    await start({
      mount: '/shop',
      basePath: '/shop',
      routes: (made, oidc) => made.get('/shop/me', oidc.requireAuth(), (_req, res) => void res.send('me')),
    })
    const answer = await app.agent().get('/SHOP/login', { redirect: 'manual' })
    expect(answer.status).toBe(302)
  })

  it('a router works if it is mounted twice in one application', async () => {
    await start({
      routes: (made, oidc) => {
        made.use(oidc.router)
        made.get('/me', oidc.requireAuth(), (req, res) => void res.json(profile(req)))
      },
    })
    expect((await browser().get('/me')).status).toBe(200)
  })
})

describe('a router that is mounted elsewhere', () => {
  it('answers setup_invalid and names both paths if the router is not mounted where baseUrl points', async () => {
    await start({
      mount: '/auth',
      basePath: '/shop',
      routes: (made, oidc) => made.get('/auth/me', oidc.requireAuth(), (_req, res) => void res.send('me')),
    })
    const answer = await app.agent().fetch('/auth/me')
    expect(answer.status).toBe(500)
    expect(answer.json()).toMatchObject({ code: 'setup_invalid' })
    expect(answer.text()).toContain('the router is mounted at /auth, but `baseUrl` has the path /shop')
  })

  it('answers 500 if baseUrl lacks the path that the router is mounted at', async () => {
    await start({ mount: '/auth' })
    const answer = await app.agent().fetch('/auth/login')
    expect(answer.status).toBe(500)
    expect(answer.text()).toContain(`set \`baseUrl\` to ${publicUrl}/auth`)
  })

  it('answers 500 for a router at the root if requests arrive with the path of baseUrl', async () => {
    await start({ basePath: '/shop' })
    const answer = await app.agent().fetch('/shop/callback?state=x')
    expect(answer.status).toBe(500)
    expect(answer.text()).toContain("mount it with `app.use('/shop', oidc.router)`")
  })
})

describe('public URLs', () => {
  it.each([
    { host: 'evil.example' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
    { forwarded: 'host=evil.example;proto=http' },
    { 'x-forwarded-prefix': '/evil.example', 'x-original-url': '/evil.example' },
  ])('builds public URLs from baseUrl, whatever the headers are: %j', async (headers) => {
    await start({
      routes: (made, oidc) => {
        made.all('/form', oidc.requireAuth({ redirect: false }), (_req, res) => void res.send('x'))
        made.get('/away', (req) => getContext(req).logout())
      },
    })
    const agent = app.agent({ headers })
    const begun = await agent.get('/profile', { redirect: 'manual' })
    const location = new URL(begun.headers.get('location') ?? '')
    expect(location.origin).toBe(provider.url)
    expect(location.searchParams.get('redirect_uri')).toBe(`${publicUrl}/callback`)
    const problem = await agent.fetch('/form', { headers: { accept: 'application/json' } })
    expect(problem.json()).toMatchObject({ login: `${publicUrl}/login` })
    for (const path of ['/profile', '/away', '/login']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(JSON.stringify([...answer.headers]) + answer.text()).not.toContain('evil.example')
    }
    const visitor = browser()
    await visitor.get('/profile')
    const sent = { cookie: visitor.jar.header(publicUrl), 'x-forwarded-proto': 'https', ...headers }
    const out = await app.agent({ headers: sent }).get('/logout', { redirect: 'manual' })
    const requested = new URL(out.headers.get('location') ?? '').searchParams
    expect(requested.get('post_logout_redirect_uri')).toBe(`${publicUrl}/`)
    expect(requested.has('id_token_hint')).toBe(true)
  })
})
