/** A realm of its own for each file whose specs look at what becomes of a login once it is there. */
import { keycloak, type OidcOptions } from 'express-session-oidc'
import type { TestProvider, UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { beforeAll, expect } from 'vitest'
import { startApp, until, type AppSetup, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { apiRealm, type ApiRealm, type Client } from './api-realm.ts'
import { logIn } from './support.ts'

/** The scope of a login whose refresh token is an offline token. */
export const offlineScope = 'openid profile email offline_access'

export interface LoginRealm extends ApiRealm {
  /** The client of the applications. */
  readonly web: Client
  readonly redis: ReturnType<typeof redisForFile>
  /** What an application has to know of the realm. */
  settings(): Pick<OidcOptions, 'issuer' | 'roles' | 'clientId' | 'clientSecret'>
  /** Starts an application that shows its tokens, its sessions in Redis, that is stopped after the spec. */
  start(options?: Partial<OidcOptions>, setup?: Pick<AppSetup, 'routes' | 'session'>): Promise<TestApp>
  /** How long access tokens are good that are issued from now on. */
  lifespan(seconds: number): Promise<void>
  /** Waits until the access token has ended that a login brings; those of its refreshes last for ten minutes. */
  outlive(login: () => Promise<UserAgentResponse>): Promise<void>
  /** Logs a browser in, and waits until its access token has ended. */
  logInAndOutlive(agent: UserAgent, username: string): Promise<void>
  /** What Keycloak has noted of refreshes since it was last asked, the first one first. */
  refreshes(): Promise<readonly string[]>
}

/** Call it at the top of a file. `settings`: what this realm has that others have not; `client`: and its client. */
export function loginRealm(what: string, settings: object = {}, client: object = {}): LoginRealm {
  const realm = apiRealm(what, {
    eventsEnabled: true,
    enabledEventTypes: ['REFRESH_TOKEN', 'REFRESH_TOKEN_ERROR'],
    ...settings,
  })
  const redis = redisForFile()
  let web: Client | undefined
  beforeAll(async () => {
    if (realm.isThere) web = await realm.client({ secret: 'web-secret', ...client })
  })

  const ofWeb: LoginRealm['settings'] = () => ({
    ...keycloak({ url: realm.url, realm: realm.name }),
    clientId: web?.clientId ?? '',
    clientSecret: web?.secret,
  })
  const lifespan = async (seconds: number): Promise<void> => {
    await realm.admin('PUT', '', { accessTokenLifespan: seconds })
  }
  const outlive: LoginRealm['outlive'] = async (login) => {
    await lifespan(1)
    expect((await login()).status).toBe(200)
    const endsAt = Date.now() + 1000
    await lifespan(600)
    await until(() => Date.now() > endsAt, 'the access token has ended')
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
    async start(options = {}, { routes, session } = {}) {
      const app = await startApp({
        provider: { settings: ofWeb } as Partial<TestProvider> as TestProvider,
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
