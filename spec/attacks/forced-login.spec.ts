/**
 * Forced login: after a logout, another site logs the user in again, because the user is still logged in at the provider. For an
 * hour, a request that another site may have caused gets a page with a button instead of a login.
 */
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentInit, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { getContext, type TestApp } from '../support/app.ts'
import {
  behindTls,
  flow,
  listTransactions,
  forgetTransactions,
  listEvents,
  publicOrigin,
  readLocation,
  response,
} from '../support/flow.ts'
import { plantLogin } from '../support/planted-login.ts'
import { partnerOfFile } from '../support/two-instances.ts'
import { waiting } from '../support/waiting.ts'

const world = flow()
const partner = partnerOfFile()
const listed = 'https://www.example.org'
const manual = { redirect: 'manual' } as const
const crossSite = { crossSite: true, redirect: 'manual' } as const

function start(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return world.start({
    options: { allowedOrigins: [listed], ...options },
    routes(app, oidc, url) {
      const other = partner.routes(app, oidc, url)
      for (const [path, one] of Object.entries({ '/silent': oidc, '/partner-silent': other })) {
        app.get(path, one.trySilentLogin(), (req, res) => void res.send(one.context(req).user?.sub ?? 'nobody'))
      }
      app.get(
        '/call',
        waiting((req) => getContext(req).login({ returnTo: '/profile', acrValues: 'gold' })),
      )
      app.all('/connect', oidc.login({ scope: 'calendar.read', prompt: 'login', returnTo: '/profile?connected' }))
      app.post('/out', oidc.logout({ local: true }))
      app.post('/out-of-all', oidc.logout({ local: true, all: true }))
      app.get('/recent', oidc.requireAuth({ maxAuthAgeSeconds: 3600 }), (_req, res) => void res.send('recent'))
      app.get('/moved', (_req, res) => res.redirect('/login?returnTo=/profile'))
    },
  })
}

/** A browser whose user has logged in and out here, and is still logged in at the provider. */
async function loggedOut(app: TestApp, out = '/out'): Promise<UserAgent> {
  const agent = app.agent({ site: (url) => url.origin })
  expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  await agent.post(out, {}, { redirect: 'manual' })
  expect((await agent.get('/')).text()).toBe('hello stranger')
  world.provider.forget()
  app.events.length = 0
  return agent
}

/** The same at an application over https, whose cookie of the logout is sent with a form of another site. */
async function loggedOutOverTls(): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({
    ...behindTls(world.provider),
    options: { ...world.provider.settings('public-name'), allowedOrigins: [listed] },
    routes(express, oidc) {
      express.post('/connect', oidc.login({ scope: 'calendar.read', prompt: 'login', returnTo: '/profile?connected' }))
      express.post('/out', oidc.logout({ local: true }))
    },
  })
  const agent = app.agent({
    baseUrl: publicOrigin,
    proxies: { [publicOrigin]: app.url },
    site: (url) => url.origin,
  })
  expect((await agent.get('/profile')).status).toBe(200)
  await agent.post('/out', {}, manual)
  world.provider.forget()
  return { app, agent }
}

/** Checks that a response is the page with the button, and that nothing has begun at the provider. */
function isButton(agent: UserAgent, page: UserAgentResponse): void {
  expect({ status: page.status, to: page.headers.get('location') }).toEqual({ status: 200, to: null })
  expect(page.text()).toContain('<h1>Log in?</h1>')
  expect(page.text()).not.toContain('http-equiv')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(listTransactions(agent)).toEqual([])
  for (const endpoint of ['authorize', 'token'] as const) expect(world.provider.requestsTo(endpoint)).toEqual([])
}

/** Checks that a response has begun a login. */
function begins(answer: UserAgentResponse): void {
  expect(readLocation(answer)).toContain(`${world.provider.issuer}/authorize`)
}

type Way = (agent: UserAgent, init: UserAgentInit) => Promise<UserAgentResponse>

/** The requests that begin a login. */
const ways: [string, Way][] = [
  ['the login route', (agent, init) => agent.get('/login?returnTo=/profile', init)],
  ['a guarded page', (agent, init) => agent.get('/profile', init)],
  ['a guarded page that needs a recent login', (agent, init) => agent.get('/recent', init)],
  ['a page with req.oidc.login()', (agent, init) => agent.get('/call', init)],
  ['a route with oidc.login()', (agent, init) => agent.get('/connect', init)],
]

describe('a navigation from another site after a logout', () => {
  it.each(ways)('%s shows the button, and begins nothing at the provider', async (_what, open) => {
    const app = await start()
    const agent = await loggedOut(app)
    isButton(agent, await open(agent, crossSite))
    expect((await agent.get('/')).text()).toBe('hello stranger')
    expect(listEvents(app, 'login')).toEqual([])
  })

  it.each(ways)('%s from another origin of the same site shows the button', async (_what, open) => {
    const app = await start()
    const agent = await loggedOut(app)
    isButton(agent, await open(agent, { ...manual, headers: { 'sec-fetch-site': 'same-site' } }))
  })

  it('a page of the application that redirects to the login route shows the button', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    isButton(agent, await agent.get('/moved', { crossSite: true }))
  })

  it.each([
    ['an origin in allowedOrigins', { origin: listed }],
    [
      'an origin in allowedOrigins, in a browser without Sec-Fetch-Site',
      { origin: listed, 'sec-fetch-site': undefined },
    ],
    ['another origin', { origin: 'https://evil.example' }],
  ])('a form from %s to a route with oidc.login() shows the button', async (_what, headers) => {
    const { app, agent } = await loggedOutOverTls()
    isButton(agent, await agent.post('/connect', {}, { ...crossSite, headers }))
    expect(agent.jar.get(app.cookie('out'))).toMatchObject({ sameSite: 'None', secure: true, httpOnly: true })
    // Control: after the next login, such a form begins one.
    await agent.get('/profile')
    world.provider.forget()
    const answer = await agent.post('/connect', {}, { ...crossSite, followRefresh: false, headers })
    expect(answer.text() + answer.headers.get('location')).toContain(`${world.provider.issuer}/authorize`)
  })

  it('scripts, images and prefetches get neither the button nor a login', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    const answers = [
      await agent.fetch('/login', crossSite),
      await agent.get('/login', { ...crossSite, headers: { 'sec-purpose': 'prefetch' } }),
      await agent.get('/login', { ...crossSite, headers: { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(listTransactions(agent)).toEqual([])
  })

  it.each(['/silent', '/partner-silent'])('a page with a silent login (%s) logs nobody in', async (page) => {
    const app = await start()
    const agent = app.agent({ site: (url) => url.origin })
    await agent.get('/profile')
    await agent.get('/partner-profile')
    await agent.post('/out-of-all', {}, manual)
    // Even if the browser was closed in between, and has lost the cookies without an expiry.
    for (const isClosed of [false, true]) {
      if (isClosed) for (const { name } of agent.jar.cookies()) if (name.endsWith('.silent')) agent.jar.delete(name)
      expect((await agent.get(page, { crossSite: true })).text()).toBe('nobody')
    }
  })
})

describe('a public page with a silent login after a logout', () => {
  it.each(['/silent', '/partner-silent'])('%s logs nobody in for a typed address either', async (page) => {
    const app = await start()
    const agent = app.agent({ site: (url) => url.origin })
    await agent.get('/profile')
    await agent.get('/partner-profile')
    await agent.post('/out-of-all', {}, manual)
    expect((await agent.get(page)).text()).toBe('nobody')
  })
})

describe('a response whose login is gone, after a logout', () => {
  const responses: [string, (app: TestApp, agent: UserAgent) => Promise<string>][] = [
    ['to a login of the attacker', (app) => response(app.agent(), '/profile')],
    [
      'to an own login whose cookie is missing',
      async (_app, agent) => {
        const callback = await response(agent, '/profile')
        forgetTransactions(agent)
        return callback
      },
    ],
    [
      'to a login that began too long ago',
      (app) => {
        const { state } = plantLogin(app, { page: '/profile', startedAt: Date.now() / 1000 - 2000 })
        return Promise.resolve(`/callback?code=x&state=${state}`)
      },
    ],
    [
      'to a restarted login',
      (app) => {
        const { state } = plantLogin(app, { page: '/profile', attempt: 0, asksMore: true })
        return Promise.resolve(`/callback?error=login_required&state=${state}`)
      },
    ],
  ]

  it.each(responses)('a response %s shows the button, and the button leads to its page', async (_what, make) => {
    const app = await start()
    const agent = await loggedOut(app)
    const callback = await make(app, agent)
    world.provider.forget()
    const page = await agent.get(callback, crossSite)
    isButton(agent, page)
    const after = await agent.click(page, 'Log in')
    expect(after.url).toBe(`${app.url}/profile`)
    expect(after.json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('with form_post, the POST begins nothing, and its GET shows the button', async () => {
    const app = await start({ responseMode: 'form_post' })
    const agent = await loggedOut(app)
    const { state } = plantLogin(app, { page: '/profile' })
    const posted = await agent.post('/callback', { state, code: 'x' }, crossSite)
    expect(readLocation(posted)).toContain(`${app.url}/callback?state=`)
    expect(posted.cookiesSet).toEqual([])
    isButton(agent, await agent.get(readLocation(posted), crossSite))
    // All at once, as browsers follow the redirect.
    isButton(agent, await agent.post('/callback', { state, code: 'x' }, { crossSite: true }))
  })

  it('with form_post, a login that the button has begun is finished', async () => {
    const app = await start({ responseMode: 'form_post' })
    const agent = await loggedOut(app)
    const page = await agent.get('/profile?tab=1', crossSite)
    isButton(agent, page)
    const after = await agent.click(page, 'Log in')
    expect(after.url).toBe(`${app.url}/profile?tab=1`)
    expect(after.json()).toMatchObject({ user: { sub: 'alice' } })
  })
})

describe('the button', () => {
  it('the button keeps the page, the scope and the parameters', async () => {
    const { agent } = await loggedOutOverTls()
    const page = await agent.post('/connect', {}, { ...crossSite, headers: { origin: listed } })
    isButton(agent, page)
    expect(page.text()).not.toContain('calendar')
    const after = await agent.click(page, 'Log in')
    expect(after.url).toBe(`${publicOrigin}/profile?connected`)
    const { params } = world.provider.requestsTo('authorize')[0] ?? {}
    expect(params?.get('scope')).toBe('openid calendar.read')
    expect(params?.get('prompt')).toBe('login')
  })

  it('the button keeps the values of req.oidc.login() and the maximum age of a guard', async () => {
    const app = await start()
    const called = await loggedOut(app)
    await called.click(await called.get('/call', crossSite), 'Log in')
    expect(world.provider.requestsTo('authorize')[0]?.params.get('acr_values')).toBe('gold')
    const recent = await loggedOut(app)
    const page = await recent.click(await recent.get('/recent?x', crossSite), 'Log in')
    expect(page.url).toBe(`${app.url}/recent?x`)
    expect(world.provider.requestsTo('authorize')[0]?.params.get('max_age')).toBe('3600')
  })

  it('the button works in a browser without Sec-Fetch-Site, which sends the page as its Referer', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    const headers = { 'sec-fetch-site': undefined }
    const page = await agent.get('/profile', { ...crossSite, headers })
    isButton(agent, page)
    expect(page.headers.get('referrer-policy')).toBe('same-origin')
    begins(await agent.click(page, 'Log in', { ...manual, headers }))
  })
})

describe('requests of the user after a logout', () => {
  it.each(ways)(
    '%s begins a login at once for a typed address and for a link of the application',
    async (_what, open) => {
      const app = await start()
      const agent = await loggedOut(app)
      begins(await open(agent, manual))
      begins(await open(agent, { ...manual, from: '/' }))
    },
  )

  it.each<[string, Record<string, string | undefined>, boolean]>([
    ['the Referer of the application', { referer: 'APP/' }, true],
    ['the Referer of a page of the application', { referer: 'APP/deep/page?q#f' }, true],
    ['the Referer of another site', { referer: 'https://evil.example/' }, false],
    ['the Referer of another site that contains the address', { referer: 'https://evil.example/APP/' }, false],
    ['the Referer of a host that begins with it', { referer: 'APP.evil.example/' }, false],
    ['an empty Referer', { referer: '' }, false],
    ['no Referer', { referer: undefined }, false],
  ])('without Sec-Fetch-Site, a request with %s: begins a login at once: %s', async (_what, given, isOwn) => {
    const app = await start()
    const agent = await loggedOut(app)
    const referer = given['referer']?.replace('APP', app.url)
    const headers = { 'sec-fetch-site': undefined, referer }
    const answer = await agent.get('/login', { ...manual, headers })
    if (isOwn) begins(answer)
    else isButton(agent, answer)
  })

  it('a form of the application begins a login at once', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    const page = await agent.post('/connect', {}, { ...manual, followRefresh: false })
    expect(page.text()).toContain('http-equiv="refresh"')
    expect(listTransactions(agent)).toHaveLength(1)
  })

  it('a login that is overtaken while it is finished restarts without a button', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    const callback = await response(agent, '/profile')
    const begun = await agent.get(`${callback}&code=again`, manual)
    expect(begun.status).toBe(400)
    // The response of a used login in progress restarts it.
    await agent.get(callback.replace(/code=[^&]*/, 'code=x'), manual)
    begins(await agent.get(callback, crossSite))
  })
})

describe('the end of the hour', () => {
  it('other sites can begin a login again an hour after the logout', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const app = await start()
    const agent = await loggedOut(app)
    vi.setSystemTime(Date.now() + 3_590_000)
    isButton(agent, await agent.get('/profile', crossSite))
    vi.setSystemTime(Date.now() + 11_000)
    expect(agent.jar.get(app.cookie('out'))).toBeUndefined()
    begins(await agent.get('/profile', crossSite))
  })

  it('after the next login, nothing is left of the logout', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    expect(agent.jar.get(app.cookie('out'))).toMatchObject({ value: '1', httpOnly: true })
    await agent.get('/profile')
    expect(agent.jar.get(app.cookie('out'))).toBeUndefined()
    // The session is gone without a logout, as after its idle timeout.
    agent.jar.delete('connect.sid')
    begins(await agent.get('/profile', crossSite))
  })

  it('before any logout, a navigation from another site begins a login at once', async () => {
    const app = await start()
    const agent = app.agent({ site: (url) => url.origin })
    for (const [, open] of ways) begins(await open(agent, crossSite))
  })

  it('a login that fails, or that waits at the provider, does not end the hour', async () => {
    const app = await start()
    const agent = await loggedOut(app)
    await agent.get('/profile', manual)
    forgetTransactions(agent)
    world.provider.deny('access_denied')
    expect((await agent.get('/profile')).status).toBe(403)
    forgetTransactions(agent)
    world.provider.forget()
    isButton(agent, await agent.get('/profile', crossSite))
  })
})

describe('two instances', () => {
  /** A browser that was logged in with both. */
  async function loggedOutOf(app: TestApp, out: string): Promise<UserAgent> {
    const agent = app.agent({ site: (url) => url.origin })
    await agent.get('/profile')
    await agent.get('/partner-profile')
    await agent.post(out, {}, manual)
    world.provider.forget()
    return agent
  }

  it('a logout from all shows the button for each instance that had a login', async () => {
    const app = await start()
    const agent = await loggedOutOf(app, '/out-of-all')
    for (const page of ['/profile', '/partner-profile', '/partner/login']) {
      isButton(agent, await agent.get(page, crossSite))
    }
    const after = await agent.click(await agent.get('/partner-profile', crossSite), 'Log in')
    expect(after.json()).toMatchObject({ sub: 'bob' })
    // The login with one instance ends the hour of this instance only.
    expect((await agent.get('/profile', crossSite)).text()).toContain('<h1>Log in?</h1>')
    expect((await agent.get('/partner-profile', crossSite)).status).toBe(200)
  })

  it('a logout from one instance leaves the other as it was', async () => {
    const app = await start()
    const agent = await loggedOutOf(app, '/out')
    isButton(agent, await agent.get('/profile', crossSite))
    expect((await agent.get('/partner-profile', crossSite)).json()).toMatchObject({ sub: 'bob' })
  })
})
