/** An Express application with a login, on a free port, as a user of the package would write it. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express, type Request } from 'express'
import session, { type SessionOptions } from 'express-session'
import {
  createOidc,
  type Oidc,
  type OidcContext,
  type OidcEventName,
  type OidcLogEntry,
  type OidcOptions,
} from 'express-session-oidc'
import { createUserAgent, type TestProvider, type UserAgent, type UserAgentOptions } from 'express-session-oidc/testing'
import { makeIdentity, type Identity } from './identity.ts'
import { recordLog } from './log.ts'
import { oneProvider } from './one-provider.ts'

export const secret = 'a secret of more than thirty-two characters'

export interface AppSetup {
  provider: TestProvider
  options?: Partial<OidcOptions> | ((url: string) => Partial<OidcOptions>)
  session?: Partial<SessionOptions>
  /** Runs before the router. */
  before?: (app: Express) => void
  /** Routes of the application, behind the router. */
  routes?: (app: Express, oidc: Oidc, url: string) => void
  express?: typeof express
  /** The path at which the router is mounted. Default: on the application itself. */
  mount?: string
  /** Path of `baseUrl`. */
  basePath?: string
  /** Replaces the application's address in `baseUrl`. */
  publicUrl?: string
}

export interface TestApp extends Identity {
  url: string
  app: Express
  oidc: Oidc
  events: { name: OidcEventName; event: object }[]
  /** What the instance has logged, unless the test gives the option `log`. */
  log: OidcLogEntry[]
  agent(options?: Partial<UserAgentOptions>): UserAgent
  stop(): Promise<void>
}

const eventNames: OidcEventName[] = [
  'login',
  'login_failed',
  'logout',
  'refresh',
  'refresh_failed',
  'denied',
  'store_fault',
  'provider_fault',
]

export async function startApp(setup: AppSetup): Promise<TestApp> {
  const make = setup.express ?? express
  const server = createServer()
  const url = await listen(server)
  const app = make()
  setup.before?.(app)
  app.use(session({ secret, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' }, ...setup.session }))
  const given = typeof setup.options === 'function' ? setup.options(url) : setup.options
  const log: OidcLogEntry[] = []
  const options = oneProvider({
    log: (entry: OidcLogEntry) => {
      log.push(entry)
      recordLog(entry)
    },
    ...setup.provider.settings(),
    baseUrl: (setup.publicUrl ?? url) + (setup.basePath ?? ''),
    secret,
    ...given,
  })
  const oidc = createOidc(options)
  const events: TestApp['events'] = []
  for (const name of eventNames) oidc.on(name, (event) => events.push({ name, event }))
  if (setup.mount === undefined) app.use(oidc.router)
  else app.use(setup.mount, oidc.router)
  app.get('/', (req, res) => {
    const { user } = getContext(req)
    res.send(user ? `hello ${user.sub}` : 'hello stranger')
  })
  app.get('/profile', oidc.requireAuth(), (req, res) => {
    res.json(profile(req))
  })
  setup.routes?.(app, oidc, url)
  app.use(oidc.errorHandler())
  server.on('request', app)
  return {
    ...makeIdentity(options),
    url,
    app,
    oidc,
    events,
    log,
    agent: (options) => createUserAgent({ baseUrl: url, ...options }),
    stop: () => close(server),
  }
}

/** `req.oidc`. Throws an error if the request has passed no router. */
export function getContext(req: Request): OidcContext {
  if (!req.oidc) throw new Error('no router has set req.oidc')
  return req.oidc
}

export function profile(req: Request): object {
  const { user, roles, scope, provider } = getContext(req)
  return { user, roles, scope, provider }
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/**
 * Waits until a condition holds. Fails with `what` if it does not within `seconds` of real time, whatever clock the test
 * has set.
 */
export async function until(holds: () => unknown, what: string, seconds = 10): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`condition not met within ${seconds} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
