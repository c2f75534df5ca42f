/** An application behind TLS that logs in with two providers, and the tabs of its browsers. */
import { createOidc, type OidcOptions } from 'express-session-oidc'
import {
  startTestProvider,
  type TestProvider,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import type { SessionOptions } from 'express-session'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { secret, type TestApp } from './app.ts'
import { behindTls, flow, publicOrigin, readLocation, type Flow } from './flow.ts'
import type { Who } from './two-instances.ts'

/** A host of an attacker below the same domain. Browsers let it set cookies for that domain, but none with `__Host-`. */
export const sibling = 'https://evil.example.com/'

/** A login that a tab has begun: the authorization response that its provider has sent. */
export interface Tab {
  readonly page: string
  readonly callback: string
}

export interface TabsOptions {
  /** Name of the session cookie. */
  readonly cookie?: string
  readonly session?: Partial<SessionOptions>
  readonly options?: Partial<OidcOptions>
}

export interface TabsWorld {
  readonly world: Flow
  readonly partner: () => TestProvider
  readonly start: (options?: TabsOptions) => Promise<TestApp>
}

/** Call this at the top of a file. Its users are alice, bob and mallory; each has the same name at both providers. */
export function tabsOfFile(): TabsWorld {
  const users = ['alice', 'bob', 'mallory'].map((sub) => ({ sub }))
  const client = { clientId: 'public-name', clientSecret: 'public-name-secret' }
  const world = flow({ users, clients: [{ ...client, redirectUris: [`${publicOrigin}/callback`] }] })
  let partner: TestProvider | undefined
  beforeAll(async () => {
    partner = await startTestProvider({
      now: () => Date.now(),
      algorithm: 'ES256',
      hostname: 'localhost',
      users,
      clients: [{ ...client, redirectUris: [`${publicOrigin}/partner/callback`] }],
    })
  })
  beforeEach(() => {
    partner?.signIn('alice')
    partner?.forget()
  })
  afterEach(() => partner?.behave())
  afterAll(() => partner?.stop())
  return {
    world,
    partner: () => partner as TestProvider,
    start: (options = {}) => startTabs(world, partner as TestProvider, options),
  }
}

function startTabs(world: Flow, provider: TestProvider, { cookie, session, options }: TabsOptions): Promise<TestApp> {
  const tls = behindTls(world.provider)
  return world.start({
    ...tls,
    options: { ...world.provider.settings('public-name'), ...options },
    session: { ...tls.session, ...(cookie !== undefined && { name: cookie }), ...session },
    routes(app, oidc) {
      const settings = provider.settings('public-name')
      const partner = createOidc({ ...settings, name: 'partner', baseUrl: publicOrigin, secret, ...options })
      app.use(partner.router)
      app.get('/who', (req, res) => {
        const found = (one: typeof oidc): string | null => one.context(req).user?.sub ?? null
        res.json({ default: found(oidc), partner: found(partner), cart: req.session.cart ?? null } satisfies Who)
      })
      app.get('/cart/:what', (req, res) => {
        req.session.cart = req.params.what
        res.send('put')
      })
      // As passport does when its own strategy logs a user in.
      app.get('/regenerate', (req, res, next) => {
        const { cart } = req.session
        req.session.regenerate((error) => {
          if (error) return next(error)
          if (cart !== undefined) req.session.cart = cart
          req.session.cart ??= 'regenerated'
          res.send('regenerated')
        })
      })
      app.get('/fresh', oidc.requireAuth({ scope: 'calendar' }), (_req, res) => void res.send('with more scope'))
      app.get('/quiet', oidc.login({ prompt: 'none', returnTo: '/who' }))
      app.get('/open', oidc.trySilentLogin(), (_req, res) => void res.send('public'))
      app.get(/^\/pages\/./, oidc.requireAuth(), (req, res) => void res.send(`the page ${req.originalUrl}`))
    },
  })
}

/** A new browser, which reaches the application at its public origin. */
export function openBrowser(app: TestApp): UserAgent {
  return app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
}

/** A login that a tab has begun, at the provider. */
export interface WaitingTab {
  readonly page: string
  readonly authorization: string
}

/** Opens pages at once, each in a tab of its own, which is redirected to the provider. */
export function beginInTabs(agent: UserAgent, pages: readonly string[]): Promise<WaitingTab[]> {
  return Promise.all(
    pages.map(async (page) => ({ page, authorization: readLocation(await agent.get(page, { redirect: 'manual' })) })),
  )
}

/** Logs the user in at the provider in each tab, without opening the responses. */
export async function authorizeTabs(agent: UserAgent, waiting: readonly WaitingTab[]): Promise<Tab[]> {
  const tabs: Tab[] = []
  for (const { page, authorization } of waiting) {
    tabs.push({ page, callback: readLocation(await agent.get(authorization, { redirect: 'manual' })) })
  }
  return tabs
}

/** Opens pages at once, each in a tab of its own, and goes to the provider in each. */
export async function openTabs(agent: UserAgent, pages: readonly string[]): Promise<Tab[]> {
  return authorizeTabs(agent, await beginInTabs(agent, pages))
}

/** Opens a page in a tab, and goes to the provider. */
export async function openTab(agent: UserAgent, page: string): Promise<Tab> {
  const [tab] = await openTabs(agent, [page])
  return tab as Tab
}

/** Puts another person at the keyboard, whom the providers do not know yet. */
export function changePerson(agent: UserAgent, person: string, providers: readonly TestProvider[]): void {
  for (const provider of providers) provider.signIn(person)
  for (const { name, domain } of agent.jar.cookies()) {
    if (domain === '127.0.0.1' || domain === 'localhost') agent.jar.delete(name)
  }
}

/** Returns from the provider in a tab. */
export function comeBack(agent: UserAgent, { callback }: Tab): Promise<UserAgentResponse> {
  return agent.get(callback)
}

/** Number of logins that a journey has begun anew. */
export function countRestarts({ hops }: UserAgentResponse): number {
  return hops.filter(({ url }) => new URL(url).pathname === '/authorize').length
}

/** The logins and the cart of a browser, as the application sees them. */
export async function whoHas(agent: UserAgent): Promise<Who> {
  const page = await agent.fetch('/who')
  if (page.status !== 200) throw new Error(`${page.status} ${page.text()}`)
  return page.json() as unknown as Who
}

/** Number of bytes of the Cookie header of a request to a page. */
export function countCookieBytes(agent: UserAgent): number {
  return Buffer.byteLength(agent.jar.header(`${publicOrigin}/`) ?? '')
}

/** Removes a planted cookie. */
export function unplant(agent: UserAgent, name: string, path: string): void {
  agent.jar.set(`${name}=; Domain=example.com; Path=${path}; Secure; Max-Age=0`, sibling)
}

/** Plants a cookie as the sibling host does. */
export function plant(agent: UserAgent, name: string, value: string, path: string): void {
  agent.jar.set(`${name}=${value}; Domain=example.com; Path=${path}; Secure`, sibling)
}
