/** A separate realm for each file whose specs test what happens to an existing login. */
import { keycloak, type OidcOptions, type OidcProvider } from 'express-session-oidc'
import type { TestProvider, UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { randomUUID } from 'node:crypto'
import { beforeAll, expect } from 'vitest'
import { startApp, until, type AppSetup, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { shownToken } from '../support/tokens-app.ts'
import { apiRealm, getContent, type ApiRealm, type Client } from './api-realm.ts'
import { logIn } from './support.ts'

/** The scope of a login whose refresh token is an offline token. */
export const offlineScope = 'openid profile email offline_access'

/** The lifetime in seconds of tokens that must expire. With less, a slow Keycloak returns no time left (`expires_in`). */
const shortLife = 3

export interface LoginRealm extends ApiRealm {
  /** The client of the applications. */
  readonly web: Client
  readonly redis: ReturnType<typeof redisForFile>
  /** The options that connect an application to the realm. */
  settings(): Pick<OidcOptions, 'clientId' | 'clientSecret'> & { provider: OidcProvider }
  /** Starts an application with token routes and with sessions in Redis. It stops after the test. */
  start(options?: Partial<OidcOptions>, setup?: Pick<AppSetup, 'routes' | 'session'>): Promise<TestApp>
  /** Registers a user without roles. Resolves to the name; the password is the name with `-pw` appended. */
  newUser(): Promise<string>
  /** Sets the lifetime of access tokens that are issued from now on. */
  lifespan(seconds: number): Promise<void>
  /** Logs in, and waits until the access token has expired. Tokens of later refreshes last for ten minutes. */
  outlive(login: () => Promise<UserAgentResponse>): Promise<void>
  /** Logs a browser in, and waits until its access token has expired. */
  logInAndOutlive(agent: UserAgent, username: string): Promise<void>
  /** The events of refreshes that Keycloak recorded since the last call, oldest first. */
  refreshes(): Promise<readonly string[]>
}

/** Call this at the top of a file. `settings` and `client` have further settings; `url` is that of a separate Keycloak. */
export function loginRealm(
  what: string,
  settings: object = {},
  { client = {}, url }: { client?: object; url?: string | undefined } = {},
): LoginRealm {
  const realm = apiRealm(
    what,
    { eventsEnabled: true, enabledEventTypes: ['REFRESH_TOKEN', 'REFRESH_TOKEN_ERROR'], ...settings },
    url,
  )
  const redis = redisForFile()
  let web: Client | undefined
  beforeAll(async () => {
    if (realm.isThere) web = await realm.client({ secret: 'web-secret', ...client })
  })

  const ofWeb: LoginRealm['settings'] = () => ({
    provider: keycloak({ url: realm.url, realm: realm.name }),
    clientId: web?.clientId ?? '',
    clientSecret: web?.secret,
  })
  const lifespan = async (seconds: number): Promise<void> => {
    await realm.admin('PUT', '', { accessTokenLifespan: seconds })
  }
  const outlive: LoginRealm['outlive'] = async (login) => {
    await lifespan(shortLife)
    expect((await login()).status).toBe(200)
    const endsAt = Date.now() + shortLife * 1000
    await lifespan(600)
    await until(() => Date.now() > endsAt, 'the access token has expired')
    await realm.admin('DELETE', '/events')
  }
  return {
    ...realm,
    get web() {
      return web as Client
    },
    redis,
    settings: ofWeb,
    lifespan,
    async newUser() {
      const username = `user-${randomUUID()}`
      await realm.admin('POST', '/users', {
        username,
        enabled: true,
        email: `${username}@example.test`,
        firstName: 'Una',
        lastName: 'User',
        credentials: [{ type: 'password', value: `${username}-pw` }],
      })
      return username
    },
    async start(options = {}, { routes, session } = {}) {
      const app = await startApp({
        provider: { settings: ofWeb } as unknown as TestProvider,
        options,
        session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }), ...session },
        routes(express, oidc, url) {
          tokenRoutes(express)
          routes?.(express, oidc, url)
        },
      })
      realm.later(() => app.stop())
      return app
    },
    outlive,
    logInAndOutlive: (agent, username) => outlive(() => logIn(agent, '/profile', username, realm.name)),
    async refreshes() {
      const events = (await realm.admin('GET', '/events?max=1000')) as { type: string; error?: string }[]
      await realm.admin('DELETE', '/events')
      return events.map(({ type, error }) => (error === undefined ? type : `${type}: ${error}`)).toReversed()
    },
  }
}

/** Forces a refresh of a login, however new its access token is, and resolves to the new one. */
export async function refreshed(app: TestApp, agent: UserAgent): Promise<string> {
  const { token: former } = await shownToken(agent, app.url)
  const { exp, iat } = getContent(former).claims as { exp: number; iat: number }
  // A refresh is due as soon as the next second has begun.
  const late = `?minValidSeconds=${exp - iat - 1}`
  let token = former
  const isNew = async (): Promise<boolean> => {
    token = (await shownToken(agent, app.url, late)).token
    return token !== former
  }
  await until(isNew, 'the login is refreshed', 60)
  return token
}
