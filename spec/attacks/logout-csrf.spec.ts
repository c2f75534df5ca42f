/** Logout CSRF: another site logs the user out through a response of ours that looks like the user's own click. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { redisRecords } from 'express-session-oidc/redis'
import type { TestApp } from '../support/app.ts'
import { flow, listEvents, readLocation } from '../support/flow.ts'
import { navigation, rawRequest } from './raw-http.ts'

const world = flow()

type ResponseMode = 'query' | 'form_post'
const responseModes = ['query', 'form_post'] as const

/** An application whose pages are all public and start a silent login. Its records fail while `fault.isOn`. */
function start(responseMode: ResponseMode, fault = { isOn: false }): Promise<TestApp> {
  const records = redisRecords({ client: world.redis.client })
  const add: typeof records.add = async (...parameters) => {
    if (fault.isOn) throw new Error('down')
    return records.add(...parameters)
  }
  return world.start({
    options: { responseMode, records: { ...records, add } },
    routes: (express, oidc) => void express.use(oidc.trySilentLogin()),
  })
}

/** The `state` of the attacker's own silent login, which returns to a path that the attacker chose. */
async function plantedState(app: TestApp, target: string): Promise<string> {
  const answer = await rawRequest(app.url, { target, headers: navigation })
  expect(answer.status).toBe(302)
  return new URL(answer.get('location') ?? '').searchParams.get('state') ?? ''
}

async function logInVictim(app: TestApp): Promise<UserAgent> {
  const victim = app.agent({ site: (url) => url.origin })
  expect((await victim.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  return victim
}

describe("a cross-site form that posts the attacker's silent login to the callback", () => {
  it.each(responseModes)(
    'a cross-site POST of a silent login logs nobody out, with response mode %s',
    async (responseMode) => {
      const app = await start(responseMode)
      const state = await plantedState(app, '/open')
      const victim = await logInVictim(app)
      world.provider.forget()
      await victim.post('/callback', { state, error: 'login_required' }, { crossSite: true })
      expect((await victim.get('/')).text()).toBe('hello alice')
      expect(listEvents(app, 'logout')).toEqual([])
      expect(world.provider.requestsTo('end_session')).toEqual([])
    },
  )

  const attempts = ['cross-site', 'same-site', 'same-origin'].flatMap((site) =>
    (['stored', 'fault'] as const).flatMap((outcome) => responseModes.map((mode) => ({ site, outcome, mode }))),
  )
  it.each(attempts)(
    'a $site POST of a silent login does not lead to the page in its state: $mode, $outcome',
    async ({ site, outcome, mode }) => {
      const fault = { isOn: false }
      const app = await start(mode, fault)
      const attacker = app.agent()
      const begun = await attacker.get('/chosen-page', { redirect: 'manual' })
      const state = new URL(readLocation(begun)).searchParams.get('state') ?? ''
      fault.isOn = outcome === 'fault'
      const headers = { 'sec-fetch-site': site }
      const answer = await attacker.post('/callback', { state, error: 'x' }, { headers, redirect: 'manual' })
      expect(answer.text()).not.toMatch(/chosen-page|http-equiv/)
      expect(answer.status).toBe(mode === 'query' ? 400 : 303)
      const location = answer.headers.get('location')
      expect(location).toBe(mode === 'query' ? null : `${app.url}/callback?state=${encodeURIComponent(state)}`)
    },
  )
})

describe('the page that a silent login returns to', () => {
  it.each(['/x/../open', '/./open', '/x/%2e%2e/open', '/x/.%2E/open?a=1', '/x/..'])(
    'it is the start page if browsers open another path for the request target %j',
    async (target) => {
      const app = await start('query')
      const state = await plantedState(app, target)
      const answer = await app.agent().get(`/callback?state=${state}&error=login_required`, { redirect: 'manual' })
      expect(readLocation(answer)).toBe(`${app.url}/?silent=failed`)
    },
  )
})

describe('a form from an origin in allowedOrigins', () => {
  const listed = 'https://www.example.com'

  async function startWithForm(): Promise<{ app: TestApp; agent: UserAgent }> {
    const app = await world.start({
      options: { allowedOrigins: [listed] },
      routes: (express, oidc) => {
        express.post('/out', oidc.logout({ local: true, returnTo: '/goodbye' }))
        express.get('/goodbye', (req, res) => void res.send(String(req.headers['sec-fetch-site'])))
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    return { app, agent }
  }

  it.each(['cross-site', 'same-site', undefined])(
    'a form with Sec-Fetch-Site %s from a listed origin is redirected within the application without a page',
    async (site) => {
      const { app, agent } = await startWithForm()
      const headers = { 'sec-fetch-site': site, origin: listed }
      const answer = await agent.post('/out', {}, { headers, redirect: 'manual' })
      expect(listEvents(app, 'logout')).toHaveLength(1)
      expect([answer.status, answer.text()]).toEqual([303, ''])
      expect(readLocation(answer)).toBe(`${app.url}/goodbye`)
    },
  )

  it('the request that follows the form of a listed origin is still cross-site', async () => {
    const { agent } = await startWithForm()
    expect((await agent.post('/out', {}, { from: `${listed}/page` })).text()).toBe('cross-site')
  })

  it('the request that follows a form of the application is same-origin', async () => {
    const { agent } = await startWithForm()
    expect((await agent.post('/out')).text()).toBe('same-origin')
  })
})

describe('a login URL of another site that names a route as the page to return to', () => {
  const routes = [
    '/logout',
    '/LOGOUT',
    '/logout/',
    '/%6cogout',
    '/%6Cogout/?a#b',
    '/login',
    '/callback',
    '/frontchannel-logout',
  ]

  it.each(routes)('a login does not return to %s', async (path) => {
    const app = await world.start()
    const agent = app.agent()
    const page = await agent.get(`/login?returnTo=${encodeURIComponent(path)}`, { crossSite: true })
    expect(page.url).toBe(`${app.url}/`)
    expect(page.text()).toBe('hello alice')
  })

  it.each(routes)('the page of a login that the provider refuses does not link to %s', async (path) => {
    const app = await world.start()
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.deny('access_denied')
    const page = await agent.get(`/login?returnTo=${encodeURIComponent(path)}`, { crossSite: true })
    expect(page.text()).toContain('<a href="/">Go back</a>')
  })

  it('a login returns to a page whose path only begins like a route', async () => {
    const app = await world.start({
      routes: (express) => void express.get('/logout-info', (_req, res) => void res.send('info')),
    })
    expect((await app.agent().get('/login?returnTo=/logout-info')).text()).toBe('info')
  })
})
