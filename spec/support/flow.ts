/** Shared by the specs of login flows: a provider for a file, applications on Redis for each test, and steps of a login. */
import type { Express } from 'express'
import { OidcError, type OidcEventName } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import {
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { getContext, startApp, type AppSetup, type TestApp } from './app.ts'
import { redisForFile } from './redis.ts'

declare module 'express-session' {
  interface SessionData {
    flowNotes?: string[] | undefined
  }
}

/** The public origin of applications in tests with a public name. */
export const publicOrigin = 'https://app.example.com'

export interface Flow {
  readonly provider: TestProvider
  readonly redis: ReturnType<typeof redisForFile>
  /** Starts an application, which stops after the test. Its sessions are in Redis unless `session.store` says otherwise. */
  readonly start: (setup?: Partial<AppSetup>) => Promise<TestApp>
  /** A session store on Redis. */
  readonly store: () => RedisSessionStore
  /** Registers a function that runs after the test. */
  readonly later: (stop: () => unknown) => void
}

/**
 * Call this at the top of a file. Before each test the provider has no faults, and Alice is at the keyboard. The provider
 * signs with ES256 by default.
 */
export function flow(options: TestProviderOptions = {}): Flow {
  const redis = redisForFile()
  let provider: TestProvider | undefined
  let stops: (() => unknown)[] = []
  beforeAll(async () => {
    provider = await startTestProvider({
      // Looked up each time, because tests replace the clock.
      now: () => Date.now(),
      // Generating an RSA key takes 0.2 s, 200 times as long. Files in which RS256 matters set it.
      algorithm: 'ES256',
      clients: [
        { clientId: 'web', clientSecret: 'web-secret' },
        {
          clientId: 'public-name',
          clientSecret: 'public-name-secret',
          redirectUris: [`${publicOrigin}/callback`, `${publicOrigin}/shop/callback`],
        },
      ],
      ...options,
    })
  })
  afterAll(() => provider?.stop())
  beforeEach(async () => {
    await provider?.start()
    provider?.behave()
    provider?.signIn('alice')
    provider?.forget()
  })
  afterEach(async () => {
    vi.useRealTimers()
    // First releases the requests that hang at the provider.
    provider?.behave()
    for (const stop of stops.toReversed()) await stop()
    stops = []
  })
  const store = (): RedisSessionStore => new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
  return {
    get provider() {
      return provider as TestProvider
    },
    redis,
    store,
    async start(setup = {}) {
      const app = await startApp({
        provider: provider as TestProvider,
        ...setup,
        session: { store: store(), ...setup.session },
      })
      stops.push(() => app.stop())
      return app
    },
    later: (stop) => void stops.push(stop),
  }
}

/** An application behind a proxy that terminates TLS, which browsers reach at `publicOrigin`. */
export function behindTls(provider: TestProvider): Partial<AppSetup> {
  return {
    publicUrl: publicOrigin,
    options: provider.settings('public-name'),
    session: { cookie: { secure: true, sameSite: 'lax' } },
    before: (app) => void app.set('trust proxy', 1),
  }
}

/** Routes without a guard that write and show the application's own data of a session. */
export function noteRoutes(app: Express): void {
  app.get('/note/:text', (req, res) => {
    req.session.flowNotes = [...(req.session.flowNotes ?? []), req.params.text]
    res.json(req.session.flowNotes)
  })
  app.get('/notes', (req, res) => {
    const { isAuthenticated, user } = getContext(req)
    res.json({ notes: req.session.flowNotes ?? [], sub: isAuthenticated ? user.sub : null, id: req.sessionID })
  })
}

/** The response of `/notes` to a browser. */
export async function listNotes(agent: UserAgent, app: TestApp): Promise<{ notes: string[]; sub: string; id: string }> {
  return (await agent.fetch(`${app.url}/notes`)).json() as { notes: string[]; sub: string; id: string }
}

/** The URL that a response redirects to. */
export function readLocation(getResponseUrl: UserAgentResponse): string {
  const found = getResponseUrl.headers.get('location')
  if (found === null)
    throw new Error(`no redirect: ${getResponseUrl.status} ${getResponseUrl.url}\n${getResponseUrl.text()}`)
  return new URL(found, getResponseUrl.url).href
}

/** The parameters of the authorization request that a page starts. */
export async function readAuthorizationRequest(agent: UserAgent, page: string): Promise<URLSearchParams> {
  return new URL(readLocation(await agent.get(page, { redirect: 'manual' }))).searchParams
}

/** Goes from a page through the provider to the authorization response, and returns its URL without opening it. */
export async function response(agent: UserAgent, page: string): Promise<string> {
  const authorization = readLocation(await agent.get(page, { redirect: 'manual' }))
  return readLocation(await agent.get(authorization, { redirect: 'manual' }))
}

/** A URL with changed parameters; `undefined` removes one, a list repeats it. */
export function changeUrl(url: string, parameters: Record<string, string | string[] | undefined>): string {
  const result = new URL(url)
  for (const [name, value] of Object.entries(parameters)) {
    result.searchParams.delete(name)
    for (const one of value === undefined ? [] : [value].flat()) result.searchParams.append(name, one)
  }
  return result.href
}

/** The cookies of logins in progress in a browser. */
export function listTransactions(agent: UserAgent): readonly string[] {
  return agent.jar
    .cookies()
    .map(({ name }) => name)
    .filter((name) => /oidc\.[\w-]{8}\.[\w-]{9}$/.test(name))
}

/** Deletes the cookies of logins in progress from a browser. */
export function forgetTransactions(agent: UserAgent): void {
  for (const name of listTransactions(agent)) agent.jar.delete(name)
}

/** The events of one name that an application has emitted. */
export function listEvents(app: TestApp, name: OidcEventName): Record<string, unknown>[] {
  return app.events.filter((event) => event.name === name).map(({ event }) => event as Record<string, unknown>)
}

/** Counts the requests to one path. `arrived()` resolves once so many have arrived. */
export function makeGate(path: string): {
  install: (app: Express) => void
  arrived: (count: number) => Promise<void>
  count: () => number
} {
  let count = 0
  let waiting: { count: number; resolve: () => void }[] = []
  return {
    install(app) {
      app.use(path, (_req, _res, next) => {
        count++
        for (const waiter of waiting) if (waiter.count <= count) waiter.resolve()
        waiting = waiting.filter((waiter) => waiter.count > count)
        next()
      })
    },
    arrived: (wanted) =>
      wanted <= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count: wanted, resolve })),
    count: () => count,
  }
}

/** The error of this package that a function throws. */
export function catchError(run: () => unknown): OidcError {
  try {
    run()
  } catch (error) {
    if (error instanceof OidcError) return error
    throw error
  }
  throw new Error('the function threw nothing')
}

/** The error of this package that a promise is rejected with. */
export async function catchRejection(promise: Promise<unknown>): Promise<OidcError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof OidcError) return error
    throw error
  }
  throw new Error('the promise was not rejected')
}
