import type { Express } from 'express'
import { LoginRefused, createOidc, type Oidc, type OidcOptions, type OidcRecords } from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import type { TestFaults, UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { identifyResponse } from '../../lib/logins/login/response-use.ts'
import { readState } from '../../lib/session/state.ts'
import { secret, type AppSetup, type TestApp } from '../support/app.ts'
import {
  behindTls,
  flow,
  forgetTransactions,
  readLocation,
  noteRoutes,
  listNotes,
  publicOrigin,
  response,
  listEvents,
} from '../support/flow.ts'
import { makeIdentity } from '../support/identity.ts'
import { partnerOfFile } from '../support/two-instances.ts'
import { passMs, stopClocks } from '../support/clocks.ts'

const world = flow()
const partner = partnerOfFile()
const manual = { redirect: 'manual' } as const

/** `/open/NAME` and `/home` are public, and show who is logged in. */
function open(express: Express, oidc: Oidc): void {
  noteRoutes(express)
  express.get(['/open/:name', '/home'], oidc.trySilentLogin(), (req, res) => {
    res.set('Cache-Control', 'public, max-age=600')
    res.send(req.oidc.isAuthenticated ? `open to ${req.oidc.user.sub}` : 'open to strangers')
  })
}

function start(options: Partial<OidcOptions> = {}, setup: Partial<AppSetup> = {}): Promise<TestApp> {
  return world.start({ options, routes: open, ...setup })
}

/** A browser in which Alice is logged in at the provider, and that has no cookies of the application. */
async function signedIn(app: TestApp, agent: UserAgent = app.agent()): Promise<UserAgent> {
  expect((await agent.get('/profile')).status).toBe(200)
  for (const { name } of agent.jar.cookies(app.url)) if (!name.startsWith('test-provider')) agent.jar.delete(name)
  world.provider.signIn(undefined)
  world.provider.forget()
  app.events.length = 0
  return agent
}

/** A browser in which nobody is logged in. */
function stranger(app: TestApp): UserAgent {
  world.provider.signIn(undefined)
  return app.agent()
}

function attempts(): number {
  return world.provider.requestsTo('authorize').length
}

function marks(agent: UserAgent): readonly string[] {
  return agent.jar
    .cookies()
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.silent'))
}

describe('a public page with trySilentLogin()', () => {
  it('a public page shows the user of a session at the provider after one round trip without a page', async () => {
    const app = await start()
    const agent = await signedIn(app)
    await agent.get('/note/apples')
    const page = await agent.get('/open/news?tab=1')
    expect(page.text()).toBe('open to alice')
    expect(page.url).toBe(`${app.url}/open/news?tab=1`)
    expect(page.hops.map(({ status }) => status)).toEqual([302, 303, 303, 200])
    const requested = new URL(readLocation({ ...page, headers: page.hops[0]?.headers as Headers })).searchParams
    expect(requested.get('prompt')).toBe('none')
    expect(page.hops[0]?.headers.get('cache-control')).toBe('no-store')
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
    expect(listEvents(app, 'login')).toHaveLength(1)
  })

  it('a public page stays anonymous without a session at the provider, and no page tries again', async () => {
    const app = await start()
    const agent = stranger(app)
    await agent.get('/note/apples')
    const former = await listNotes(agent, app)
    const page = await agent.get('/open/news?tab=1')
    expect(page.text()).toBe('open to strangers')
    expect(page.url).toBe(`${app.url}/open/news?tab=1`)
    for (const path of ['/open/news?tab=1', '/open/more', '/home']) {
      const again = await agent.get(path)
      expect(again.text()).toBe('open to strangers')
      expect(again.hops).toHaveLength(1)
      expect(again.headers.get('cache-control')).toBe('public, max-age=600')
      expect(again.headers.get('set-cookie')).toBeNull()
    }
    expect(attempts()).toBe(1)
    expect(app.events).toEqual([])
    expect(await listNotes(agent, app)).toEqual(former)
  })

  it('a silent login is tried once in a browser session, which the attempt cookie records', async () => {
    const app = await start()
    const agent = stranger(app)
    await agent.get('/open/news')
    const set = agent.jar.get(app.cookie('silent'))
    expect(set).toMatchObject({ value: '1', expiresAt: undefined, httpOnly: true, path: '/', sameSite: 'Lax' })
    expect(marks(agent)).toEqual([app.cookie('silent')])
    agent.jar.closeBrowser()
    await agent.get('/open/news')
    expect(attempts()).toBe(2)
  })

  it('over https no other host can plant the attempt cookie', async () => {
    const app = await start({}, behindTls(world.provider))
    const agent = app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
    world.provider.signIn(undefined)
    expect((await agent.get('/open/news')).url).toBe(`${publicOrigin}/open/news`)
    expect(agent.jar.get(app.cookie('silent'))).toMatchObject({ secure: true, path: '/', expiresAt: undefined })
    await agent.get('/open/news')
    expect(attempts()).toBe(1)
  })

  it('a public page does not redirect a logged-in user', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    const page = await agent.get('/open/news')
    expect(page.text()).toBe('open to alice')
    expect(page.hops).toHaveLength(1)
    expect(page.headers.get('set-cookie')).toBeNull()
  })

  it.each<[string, (agent: UserAgent) => ReturnType<UserAgent['get']>]>([
    ['a HEAD request', (agent) => agent.fetch('/open/news', { method: 'HEAD', headers: { accept: 'text/html' } })],
    ['a script', (agent) => agent.fetch('/open/news')],
    ['a script that accepts HTML', (agent) => agent.fetch('/open/news', { headers: { accept: 'text/html' } })],
    ['a form', (agent) => agent.post('/open/news')],
    ['a frame', (agent) => agent.get('/open/news', { headers: { 'sec-fetch-dest': 'iframe' } })],
    ['a prefetch', (agent) => agent.get('/open/news', { headers: { 'sec-purpose': 'prefetch;prerender' } })],
    [
      'a client whose Accept header does not name HTML',
      (agent) => agent.get('/open/news', { headers: { accept: '*/*' } }),
    ],
  ])('no silent login is tried for %s', async (_what, send) => {
    const app = await start(
      {},
      {
        routes: (express, oidc) =>
          express.all('/open/news', oidc.trySilentLogin(), (_req, res) => void res.send('open')),
      },
    )
    const agent = stranger(app)
    const page = await send(agent)
    expect(page.status).toBe(200)
    expect(page.headers.get('set-cookie')).toBeNull()
    expect(attempts()).toBe(0)
  })

  it('a user who has logged out is not logged in silently, even with a session at the provider', async () => {
    const app = await start({}, { session: { store: world.store() } })
    world.provider.misbehave({ metadata: ({ end_session_endpoint: _unused, ...others }) => others })
    const agent = app.agent()
    await agent.get('/profile')
    const page = await agent.post('/logout')
    expect(page.url).toBe(`${app.url}/`)
    expect(marks(agent)).toEqual([app.cookie('silent')])
    world.provider.forget()
    expect((await agent.get('/open/news')).text()).toBe('open to strangers')
    expect(attempts()).toBe(0)
    // A login at the request of the user still succeeds.
    await agent.get('/profile')
    expect((await agent.get('/open/news')).text()).toBe('open to alice')
  })

  it('a logout without a login also prevents a silent login', async () => {
    const app = await start()
    const agent = await signedIn(app)
    await agent.post('/logout')
    expect((await agent.get('/open/news')).text()).toBe('open to strangers')
    expect(attempts()).toBe(0)
  })

  it('two tabs that open at once try once each, and both end at their page', async () => {
    const app = await start()
    const agent = await signedIn(app)
    const tabs = ['/open/first', '/open/second']
    const begun: string[] = []
    // The second tab is opened before the first has its response.
    for (const tab of tabs) {
      begun.push(readLocation(await agent.get(tab, manual)))
      agent.jar.delete(app.cookie('silent'))
    }
    for (const [index, tab] of tabs.entries()) {
      const page = await agent.get(begun[index] as string)
      expect(page.url).toMatch(`${app.url}${tab}`)
      expect(page.text()).toBe('open to alice')
    }
    expect(listEvents(app, 'login_failed')).toEqual([])
    expect((await agent.get('/open/third')).hops).toHaveLength(1)
  })

  it('a loginPage to which guards redirect can use trySilentLogin()', async () => {
    const app = await start({ loginPage: '/home' })
    const agent = stranger(app)
    const page = await agent.get('/profile')
    expect(page.url).toBe(`${app.url}/home?returnTo=%2Fprofile`)
    expect(page.text()).toBe('open to strangers')
    expect(attempts()).toBe(1)
  })

  it('trySilentLogin() before the router answers 500', async () => {
    const app = await start(
      {},
      {
        before: (express) => {
          const other = createOidc({
            ...world.provider.settings(),
            baseUrl: 'http://localhost',
            secret,
            name: 'other',
            log: false,
          })
          express.get('/early', other.trySilentLogin(), (_req, res) => void res.send('never'))
        },
      },
    )
    const page = await stranger(app).get('/early')
    expect(page.status).toBe(500)
  })
})

describe('a silent login that cannot begin', () => {
  const down = { endpoints: { discovery: { status: 500 } } }

  it('a public page is shown as usual, and the fault of the provider is emitted as an event', async () => {
    world.provider.misbehave(down)
    const app = await start()
    const agent = stranger(app)
    const page = await agent.get('/open/news')
    expect(page.status).toBe(200)
    expect(page.text()).toBe('open to strangers')
    expect(page.headers.get('cache-control')).toBe('public, max-age=600')
    expect(page.headers.get('set-cookie')).toBeNull()
    expect(listEvents(app, 'provider_fault')).toHaveLength(1)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'provider_unavailable' }])
  })

  it('the next pages do not wait for the provider until Retry-After has passed', async () => {
    stopClocks()
    const app = await start({ par: true })
    const agent = await signedIn(app)
    const undo = world.provider.misbehave({ endpoints: { par: { status: 503, headers: { 'retry-after': '20' } } } })
    for (const page of ['a', 'b', 'c']) expect((await agent.get(`/open/${page}`)).text()).toBe('open to strangers')
    expect(world.provider.requestsTo('par')).toHaveLength(1)
    undo()
    passMs(19_000)
    expect((await agent.get('/open/d')).text()).toBe('open to strangers')
    passMs(2000)
    expect((await agent.get('/open/e')).text()).toBe('open to alice')
  })
})

interface Failure {
  /** The code of the `login_failed` event; undefined: none is emitted. */
  readonly code: string | undefined
  readonly deny?: string
  readonly faults?: TestFaults
  readonly options?: Partial<OidcOptions>
}

/** Records in the Redis of the tests, of which one method fails. */
function failing(method: 'add' | 'set' | 'getAndDelete'): Partial<OidcOptions> {
  const records: OidcRecords = redisRecords({ client: world.redis.client })
  return { records: { ...records, [method]: () => Promise.reject(new Error('the store is away')) } }
}

const failures: [string, Failure][] = [
  ...['login_required', 'interaction_required', 'consent_required', 'account_selection_required'].map(
    (deny): [string, Failure] => [`the error ${deny}`, { deny, code: undefined }],
  ),
  ['the error access_denied', { deny: 'access_denied', code: 'authorization_denied' }],
  ['the error server_error', { deny: 'server_error', code: 'authorization_failed' }],
  ['the error temporarily_unavailable', { deny: 'temporarily_unavailable', code: 'authorization_failed' }],
  ['the error invalid_request', { deny: 'invalid_request', code: 'authorization_failed' }],
  ['a token request that fails', { faults: { endpoints: { token: { status: 500 } } }, code: 'provider_unavailable' }],
  [
    'a code that is rejected',
    {
      faults: { endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } },
      code: 'authorization_failed',
    },
  ],
  ['an invalid ID token', { faults: { idToken: { signature: 'corrupt' } }, code: 'token_invalid' }],
  [
    'an afterLogin that throws LoginRefused',
    { options: { afterLogin: () => Promise.reject(new LoginRefused('not you')) }, code: 'login_refused' },
  ],
  [
    'an afterLogin that throws another error',
    { options: { afterLogin: () => Promise.reject(new Error('no database')) }, code: 'hook_failed' },
  ],
]

describe.each(['query', 'form_post'] as const)('a silent login by %s that fails', (responseMode) => {
  async function failsWith(failure: Failure, options: () => Partial<OidcOptions> = () => ({})): Promise<void> {
    const app = await start({ responseMode })
    const agent = await signedIn(app, app.agent(responseMode === 'form_post' ? { site: (url) => url.origin } : {}))
    await app.stop()
    const other = await start({ responseMode, ...failure.options, ...options() })
    const page = (path: string): ReturnType<UserAgent['get']> => agent.get(`${other.url}${path}`)
    await page('/note/apples')
    const former = await listNotes(agent, other)
    if (failure.deny !== undefined) world.provider.deny(failure.deny, 'no')
    if (failure.faults) world.provider.misbehave(failure.faults)
    const shown = await page('/open/news?tab=1')
    expect(shown.status).toBe(200)
    expect(shown.text()).toBe('open to strangers')
    expect(shown.url).toBe(`${other.url}/open/news?tab=1`)
    const back = shown.hops.at(-2)
    expect(back?.status).toBe(303)
    expect(back?.headers.get('cache-control')).toBe('no-store')
    expect(listEvents(other, 'login_failed').map(({ code }) => code)).toEqual(
      failure.code === undefined ? [] : [failure.code],
    )
    expect(
      agent.jar
        .cookies(other.url)
        .filter(({ name }) => name.startsWith('oidc.'))
        .map(({ name }) => name),
    ).toEqual([other.cookie('silent')])
    world.provider.behave()
    expect(await listNotes(agent, other)).toEqual(former)
    expect((await page('/open/more')).text()).toBe('open to strangers')
    expect(attempts()).toBe(1)
    // The back button, or a reload of the callback.
    const callback = shown.hops.find(({ url }) => url.includes('/callback?'))?.url ?? `${other.url}/open/news`
    const again = await agent.get(callback)
    expect(again.text()).toBe('open to strangers')
  }

  it.each(failures)('%s leads back to the public page, anonymously and with the session data', (_what, failure) =>
    failsWith(failure),
  )

  const used = responseMode === 'form_post' ? (['add', 'set', 'getAndDelete'] as const) : (['add', 'set'] as const)
  it.each(used)('records whose method %s fails lead back to the public page too', (method) =>
    failsWith({ code: 'store_unavailable' }, () => failing(method)),
  )
})

describe('a silent login that is interrupted', () => {
  it('a reload after the process has died begins no other silent login, and shows the public page', async () => {
    const app = await start()
    const agent = await signedIn(app)
    const callback = await response(agent, '/open/news')
    const { searchParams } = new URL(callback)
    const id = readState(app.seals, searchParams.get('state') ?? '')?.id as string
    const use = { status: 'failed', response: identifyResponse(id, searchParams).response }
    await redisRecords({ client: world.redis.client }).set({ kind: 'used', id }, JSON.stringify(use), 60)
    const page = await agent.get(callback)
    expect(page.url).toBe(`${app.url}/open/news`)
    expect(page.text()).toBe('open to strangers')
    expect(attempts()).toBe(1)
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('a silent login is dropped if the user logs out of the last other login meanwhile', async () => {
    const loggedOut: { by?: () => Promise<unknown> } = {}
    const afterLogin = async (): Promise<void> => void (await loggedOut.by?.())
    const app = await start({ afterLogin }, { routes: twoInstances })
    const agent = await signedIn(app)
    const callback = await response(agent, '/both')
    await agent.get('/partner-profile')
    const other = app.agent()
    for (const { name, value } of agent.jar.cookies(app.url)) other.jar.set(`${name}=${value}; Path=/`, app.url)
    loggedOut.by = async () => {
      await other.fetch('/partner/logout', { method: 'POST' })
      agent.jar.set(`${partnerMark(app)}=1; Path=/`, app.url)
    }
    const page = await agent.get(callback)
    expect(page.url).toBe(`${app.url}/both`)
    expect(page.json()).toEqual({ default: null, partner: null })
    expect(listEvents(app, 'login')).toEqual([])
    expect(listEvents(app, 'login_failed')).toEqual([])
  })
})

describe('a browser that keeps no cookies', () => {
  const without = { headers: { cookie: undefined } }

  it.each([
    ['/open/news?tab=1', '/open/news?tab=1&silent=failed'],
    ['/home', '/home?silent=failed'],
  ])('a browser that keeps no cookies reaches %s after one attempt', async (path, shown) => {
    const app = await start()
    for (const sub of ['alice', undefined]) {
      world.provider.signIn(sub)
      world.provider.forget()
      const page = await app.agent(without).get(path)
      expect(page.text()).toBe('open to strangers')
      expect(page.url).toBe(app.url + shown)
      expect(attempts()).toBe(1)
      expect(world.provider.requestsTo('token')).toEqual([])
    }
    expect(listEvents(app, 'login_failed').map(({ code }) => code)).toEqual([
      'transaction_missing',
      'transaction_missing',
    ])
  })

  it.each([
    ['its page without the query, if the query is too long', `/start?${'x'.repeat(600)}`, '/start'],
    ['the start page, if the path is too long', `/start/${'x'.repeat(600)}`, '/'],
  ])('a browser that keeps no cookies reaches %s', async (_what, from, to) => {
    const app = await start(
      {},
      {
        routes(express, oidc) {
          express.use(oidc.trySilentLogin())
          express.get('/start{/*more}', (_req, res) => void res.send('start'))
        },
      },
    )
    const page = await app.agent(without).get(from)
    expect(page.url).toBe(`${app.url}${to}?silent=failed`)
    expect(attempts()).toBe(1)
  })

  it('a browser that keeps no cookies reaches a page on which two instances try', async () => {
    const app = await start({}, { routes: twoInstances })
    const page = await app.agent(without).get('/both')
    expect(page.json()).toEqual({ default: null, partner: null })
  })

  it('a callback with a forged state of a silent login is answered with 400', async () => {
    const app = await start()
    const agent = app.agent()
    const begun = new URL(readLocation(await agent.get('/open/news', manual)))
    const state = begun.searchParams.get('state') ?? ''
    const other = new URL(readLocation(await agent.get('/login', manual))).searchParams.get('state') ?? ''
    for (const forged of [
      other.slice(0, 16) + state.slice(16),
      state.slice(0, -22) + other.slice(-22),
      state.slice(0, 60) + other.slice(60),
      state.slice(0, 60) + (state[60] === 'A' ? 'B' : 'A') + state.slice(61),
    ]) {
      const answer = await agent.get(`/callback?error=login_required&state=${forged}`)
      expect(answer.status).toBe(400)
    }
  })

  it('the state of a silent login does not reveal the page to the provider', async () => {
    const app = await start()
    const requested = readLocation(await app.agent().get('/open/a-page-of-his-own', manual))
    const state = new URL(requested).searchParams.get('state') as string
    expect(requested).not.toContain('his-own')
    expect(Buffer.from(state, 'base64url').toString('latin1')).not.toContain('his-own')
  })
})

describe('a browser that keeps some cookies', () => {
  it('a browser that lost the cookie of the silent login returns to the page without another attempt', async () => {
    const app = await start()
    const agent = await signedIn(app)
    const begun = readLocation(await agent.get('/open/news', manual))
    forgetTransactions(agent)
    const page = await agent.get(begun)
    expect(page.url).toBe(`${app.url}/open/news`)
    expect(page.text()).toBe('open to strangers')
    expect(attempts()).toBe(1)
  })

  it('a browser that lost only the attempt cookie gets silent=failed in the URL', async () => {
    const app = await start()
    const agent = stranger(app)
    const begun = readLocation(await agent.get('/open/news', manual))
    agent.jar.delete(app.cookie('silent'))
    const page = await agent.get(begun)
    expect(page.url).toBe(`${app.url}/open/news?silent=failed`)
    expect(attempts()).toBe(1)
  })

  it('a duplicate attempt cookie counts as one', async () => {
    const app = await start()
    const agent = stranger(app)
    for (const path of ['/', '/open']) agent.jar.set(`${app.cookie('silent')}=1; Path=${path}`, app.url)
    expect((await agent.get('/open/news')).hops).toHaveLength(1)
  })

  it('a browser whose session cookie does not stick ends at the page after one attempt', async () => {
    const app = await start({}, { session: { cookie: { domain: 'app.example.com' } } })
    const agent = app.agent()
    await agent.get(readLocation(await agent.get('/profile', manual)), manual)
    world.provider.forget()
    const page = await agent.get('/open/news')
    expect(page.text()).toBe('open to strangers')
    expect(attempts()).toBe(1)
  })
})

/** A browser in which Bob is logged in at the other provider. */
async function withPartner(app: TestApp): Promise<UserAgent> {
  const agent = app.agent()
  expect((await agent.get('/partner-profile')).status).toBe(200)
  agent.jar.delete('connect.sid')
  return agent
}

function partnerMark(app: TestApp): string {
  return makeIdentity({ ...partner.provider().settings(), name: 'partner', baseUrl: app.url }).cookie('silent')
}

/** `/both` tries a silent login with both providers, one after the other. */
function twoInstances(express: Express, oidc: Oidc, url: string): void {
  const other = partner.routes(express, oidc, url)
  express.get('/both', oidc.trySilentLogin(), other.trySilentLogin(), (req, res) => {
    res.json({ default: oidc.context(req).user?.sub ?? null, partner: other.context(req).user?.sub ?? null })
  })
}

describe('two instances with trySilentLogin()', () => {
  it('two instances have separate attempt cookies, and a user of both is logged in with both', async () => {
    const app = await start({}, { routes: twoInstances })
    const agent = await signedIn(app, await withPartner(app))
    const page = await agent.get('/both')
    expect(page.url).toBe(`${app.url}/both`)
    expect(page.json()).toEqual({ default: 'alice', partner: 'bob' })
    expect(marks(agent).toSorted()).toEqual([app.cookie('silent'), partnerMark(app)].toSorted())
  })

  it('an instance logs in silently even if nobody is logged in with the other', async () => {
    const app = await start({}, { routes: twoInstances })
    const agent = await withPartner(app)
    expect((await agent.get('/both')).json()).toEqual({ default: null, partner: 'bob' })
    expect((await agent.get('/both')).hops).toHaveLength(1)
  })
})
