/** Shared by the specs with a real Keycloak: applications that log in there, and steps on its pages. */
import type { Express } from 'express'
import { keycloak, type Oidc, type OidcOptions, type OidcTokenSet } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { TestProvider, UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterEach, expect, inject } from 'vitest'
import { startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'

declare module 'express-session' {
  interface SessionData {
    keycloakNotes?: string[] | undefined
  }
}

export interface KeycloakFlow {
  readonly url: string
  readonly redis: ReturnType<typeof redisForFile>
  /** Starts an application of the client `web` in the realm `acme`, with sessions in Redis. It stops after the test. */
  start(setup?: Omit<AppSetup, 'provider'>): Promise<TestApp>
  store(): RedisSessionStore
  /** Registers a function that runs after the test. */
  later(stop: () => unknown): void
}

/** Call this at the top of a file. */
export function keycloakFlow(): KeycloakFlow {
  const url = inject('keycloakUrl')
  const redis = redisForFile()
  let stops: (() => unknown)[] = []
  afterEach(async () => {
    for (const stop of stops.toReversed()) await stop()
    stops = []
  })
  const store = (): RedisSessionStore => new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
  const settings = { provider: keycloak({ url, realm: 'acme' }), clientId: 'web', clientSecret: 'web-secret' }
  // The application needs only the settings of a provider; these have a `provider` instead of the issuer.
  const provider = { settings: () => settings } as unknown as TestProvider
  return {
    url,
    redis,
    store,
    async start(setup = {}) {
      const app = await startApp({ provider, ...setup, session: { store: store(), ...setup.session } })
      stops.push(() => app.stop())
      return app
    },
    later: (stop) => void stops.push(stop),
  }
}

/** Options of a second instance, in the realm `partners`. */
export function partners(url: string, baseUrl: string): OidcOptions {
  return {
    provider: keycloak({ url, realm: 'partners' }),
    name: 'partners',
    clientId: 'portal',
    clientSecret: 'portal-secret',
    baseUrl,
    secret: 'another secret of more than thirty-two characters',
  }
}

/** Whether a page of Keycloak asks for a password. */
export function asksForPassword(page: UserAgentResponse, realm = 'acme'): boolean {
  return (
    page.status === 200 &&
    new URL(page.url).pathname.startsWith(`/realms/${realm}/`) &&
    /<form[^>]* id="kc-form-login"/.test(page.text()) &&
    /<input[^>]* name="password"/.test(page.text())
  )
}

/** Fills in Keycloak's login page and submits it. */
export function signIn(
  agent: UserAgent,
  page: UserAgentResponse,
  username: string,
  password = `${username}-pw`,
): Promise<UserAgentResponse> {
  return agent.submit(page, { form: 'kc-form-login', fields: { username, password } })
}

/** Opens a guarded page, and logs in as a user without a session at Keycloak. */
export async function logIn(
  agent: UserAgent,
  page: string,
  username: string,
  realm?: string,
): Promise<UserAgentResponse> {
  const requested = await agent.get(page)
  expect(asksForPassword(requested, realm), `a login page at ${requested.url}`).toBe(true)
  return signIn(agent, requested, username)
}

/** Logs in at Keycloak. Resolves to the URL of the authorization response, without opening it. */
export async function authorizationResponse(
  agent: UserAgent,
  page: UserAgentResponse,
  username: string,
): Promise<string> {
  const answer = await agent.submit(page, {
    form: 'kc-form-login',
    fields: { username, password: `${username}-pw` },
    redirect: 'manual',
  })
  const location = answer.headers.get('location')
  if (location === null) throw new Error(`Keycloak did not log ${username} in: ${answer.status} ${answer.text()}`)
  return new URL(location, answer.url).href
}

/** A route that shows the tokens of a login, which no real application should do. */
export function tokenRoute(app: Express, oidc: Oidc): void {
  app.get('/tokens', oidc.requireAuth(), (req, res, next) => {
    req.oidc.tokens().then((tokens) => res.json(tokens), next)
  })
}

/** The tokens that `tokenRoute` shows. */
export async function getTokens(agent: UserAgent): Promise<OidcTokenSet> {
  return (await agent.fetch('/tokens')).json() as unknown as OidcTokenSet
}

/** The keys in Redis of a browser's session, its login record, and the tokens of one login. */
export function listKeys(cookie: string | undefined): string[] {
  const [id] = decodeURIComponent(cookie ?? '')
    .replace(/^s:/, '')
    .split('.')
  return [`sess:${id}`, `oidc:{sess:${id}}`, `oidc:{sess:${id}}:tokens:default`]
}

/** The number of requests to the origin of `url`, such as Keycloak, on the way to a page. */
export function visitsTo(response: UserAgentResponse, url: string): number {
  return response.hops.filter((hop) => new URL(hop.url).origin === new URL(url).origin).length
}

/** The userinfo response of Keycloak to an access token. */
export async function askUserInfo(
  url: string,
  accessToken: string,
  realm = 'acme',
): Promise<{ status: number; claims: Record<string, unknown> }> {
  const answer = await fetch(`${url}/realms/${realm}/protocol/openid-connect/userinfo`, {
    headers: { authorization: `Bearer ${accessToken}` },
  })
  const text = await answer.text()
  return { status: answer.status, claims: answer.ok ? JSON.parse(text) : {} }
}

export interface Administrator {
  makeRealm(realm: object): Promise<void>
  dropRealm(name: string): Promise<void>
  /** Calls the administration API, with a path below `/admin/realms`. */
  call(method: string, path: string, body?: object): Promise<unknown>
}

/** The administrator of the running Keycloak; undefined, with a notice, if the environment lacks the credentials. */
export function administrator(url: string, what: string): Administrator | undefined {
  const own = process.env['KEYCLOAK_URL'] ? undefined : 'admin'
  const { KEYCLOAK_ADMIN: username = own, KEYCLOAK_ADMIN_PASSWORD: password = own } = process.env
  if (!username || !password) {
    console.warn(`notice: skipped because KEYCLOAK_ADMIN and KEYCLOAK_ADMIN_PASSWORD are not set: ${what}`)
    return undefined
  }
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${url}/admin/realms${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await adminToken(url, username, password)}`,
        'content-type': 'application/json',
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`Keycloak returned ${answer.status} for ${method} ${path}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    async makeRealm(realm) {
      await call('POST', '', realm)
    },
    async dropRealm(name) {
      await call('DELETE', `/${name}`)
    },
    call,
  }
}

async function adminToken(url: string, username: string, password: string): Promise<string> {
  const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
  })
  if (!answer.ok) throw new Error(`Keycloak rejected its administrator: ${answer.status} ${await answer.text()}`)
  return ((await answer.json()) as { access_token: string }).access_token
}
