/** A restart of a real Keycloak while applications are in use: no login is lost. */
import type { UserAgent } from 'express-session-oidc/testing'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { askToken, shownToken } from '../support/tokens-app.ts'
import { getContent } from './api-realm.ts'
import { loginRealm, offlineScope, type LoginRealm } from './login-realm.ts'
import { ownKeycloak } from './own-keycloak.ts'
import { logIn, getTokens } from './support.ts'

const keycloak = await ownKeycloak('a Keycloak that is restarted')
const own = keycloak as NonNullable<typeof keycloak>

/** Seconds in which Keycloak starts and failed requests are retried. */
const patience = 120
const timeout = 3 * patience * 1000

interface Login {
  readonly app: TestApp
  readonly agent: UserAgent
}

/** Two applications: logins of one depend on the browser's session at Keycloak, those of the other on an offline token. */
function applications(realm: LoginRealm): Promise<TestApp[]> {
  // Waits for late responses: with rotating refresh tokens, a lost response would end the login.
  const options = { providerTimeoutSeconds: 60 }
  return Promise.all([realm.start(options), realm.start({ ...options, scope: offlineScope })])
}

/** Waits until a login has a token again, and checks that it was not lost meanwhile. */
async function healed({ app, agent }: Login): Promise<void> {
  const isRefreshed = async (): Promise<boolean> => {
    const { status } = await askToken(agent, app.url)
    const losses = app.events.filter(({ name }) => name === 'logout' || name === 'login_failed')
    expect(losses).toEqual([])
    return status === 200
  }
  await until(isRefreshed, 'the login is refreshed', patience)
}

describe.skipIf(!keycloak)('a restart of Keycloak', () => {
  const rotating = loginRealm(
    'a restart',
    { revokeRefreshToken: true, refreshTokenMaxReuse: 0 },
    { url: keycloak?.url },
  )
  const inUse = loginRealm('a restart under load', { accessTokenLifespan: 4 }, { url: keycloak?.url })

  it(
    'valid tokens stay usable during a restart, expired ones cause 503, and all logins recover',
    async () => {
      const lasting: (Login & { token: string })[] = []
      const ended: (Login & { sid: unknown })[] = []
      for (const app of await applications(rotating)) {
        const [first, second] = [app.agent(), app.agent()]
        await rotating.lifespan(600)
        await logIn(first, '/profile', 'alice', rotating.name)
        lasting.push({ app, agent: first, token: (await shownToken(first, app.url)).token })
        await rotating.logInAndOutlive(second, 'alice')
        const { refreshToken = '' } = await getTokens(second)
        ended.push({ app, agent: second, sid: getContent(refreshToken).claims['sid'] })
      }

      const late = '?minValidSeconds=599'
      await own.stop()
      for (const { app, agent, token } of lasting) {
        await until(() => Date.now() / 1000 > Number(getContent(token).claims['iat']) + 1, 'a refresh is due')
        expect((await shownToken(agent, app.url, late)).token).toBe(token)
      }
      for (const { app, agent } of ended) {
        const answer = await askToken(agent, app.url)
        expect(answer.status).toBe(503)
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
        expect((await agent.fetch('/profile')).status).toBe(200)
      }

      await own.start()
      for (const login of ended) {
        await healed(login)
        expect(getContent((await shownToken(login.agent, login.app.url)).token).claims['sid']).toBe(login.sid)
        expect(login.app.oidc.health()).toMatchObject({ ok: true })
      }
      for (const { app, agent, token } of lasting) {
        await until(
          async () => (await shownToken(agent, app.url, late)).token !== token,
          'the login is refreshed',
          patience,
        )
      }
    },
    timeout,
  )

  it(
    'a restart ends no login that is refreshed continuously meanwhile',
    async () => {
      const logins: Login[] = []
      for (const app of await applications(inUse)) {
        for (let count = 0; count < 4; count++) {
          const agent = app.agent()
          await logIn(agent, '/profile', 'alice', inUse.name)
          logins.push({ app, agent })
        }
      }
      const seen = new Set<number>()
      const over = new AbortController()
      const uses = logins.map(async ({ app, agent }) => {
        while (!over.signal.aborted) {
          seen.add((await askToken(agent, app.url)).status)
          await pause(20)
        }
      })
      await until(() => seen.has(200), 'the logins are in use')
      await own.stop()
      await until(() => seen.has(503), 'the tokens have expired')
      await own.start()
      over.abort()
      await Promise.all(uses)
      for (const login of logins) {
        await healed(login)
      }
      expect(seen).toEqual(new Set([200, 503]))
    },
    timeout,
  )
})
