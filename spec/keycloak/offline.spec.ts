/** A login with an offline token (OIDC Core 11), which Keycloak keeps apart from the session of its browser. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { askToken, shownToken } from '../support/tokens-app.ts'
import { contentOf } from './api-realm.ts'
import { loginRealm, offlineScope, refreshed, type LoginRealm } from './login-realm.ts'
import { asksForPassword, logIn, tokensOf } from './support.ts'

interface OfflineLogin {
  readonly app: TestApp
  readonly agent: UserAgent
  /** Of the login's session, and of the offline one, at Keycloak. */
  readonly sid: string
  /** Path of the user in the administration API. */
  readonly user: string
}

/** A login with an offline token whose access token has ended. */
async function offlineLogin(realm: LoginRealm): Promise<OfflineLogin> {
  const app = await realm.start({ scope: offlineScope })
  const agent = app.agent()
  await realm.logInAndOutlive(agent, 'alice')
  const { refreshToken = '', accessToken } = await tokensOf(agent)
  const { claims } = contentOf(refreshToken)
  expect(claims['typ']).toBe('Offline')
  return { app, agent, sid: String(claims['sid']), user: `/users/${String(contentOf(accessToken).claims['sub'])}` }
}

/** Another application of the realm, to which the same browsers come: cookies know no ports. */
function elsewhere(realm: LoginRealm, name = 'elsewhere'): Promise<TestApp> {
  return realm.start({}, { session: { name: `${name}.sid` } })
}

describe.each([
  ['good once', { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }],
  ['good again and again', { revokeRefreshToken: false }],
])('a login whose offline tokens are %s', (_name, settings) => {
  const realm = loginRealm('offline tokens', settings)

  it.skipIf(!realm.isThere)('is refreshed, and goes on with an offline token and the scope that it had', async () => {
    const { app, agent, sid } = await offlineLogin(realm)
    const { scope } = await shownToken(agent, app.url)
    expect(scope.toSorted()).toEqual(offlineScope.split(' ').toSorted())
    expect(contentOf((await tokensOf(agent)).refreshToken ?? '').claims).toMatchObject({ typ: 'Offline', sid })
    await refreshed(app, agent)
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN'])
  })

  it.skipIf(!realm.isThere)('outlives the session of its browser, which the administrator has ended', async () => {
    const plain = await elsewhere(realm)
    const app = await realm.start({ scope: offlineScope })
    const agent = app.agent()
    await logIn(agent, `${plain.url}/profile`, 'alice', realm.name)
    // The browser has a session at Keycloak by now, so that nobody is asked for anything.
    await realm.outlive(() => agent.get('/profile'))
    const { sid } = contentOf((await tokensOf(agent)).refreshToken ?? '').claims
    await realm.admin('DELETE', `/sessions/${String(sid)}`)
    const third = await elsewhere(realm, 'third')
    expect(asksForPassword(await agent.get(`${third.url}/profile`), realm.name)).toBe(true)

    await shownToken(agent, app.url)
    await refreshed(app, agent)
    expect((await agent.fetch('/profile')).status).toBe(200)
  })

  it.skipIf(!realm.isThere)(
    'leaves its browser no session at Keycloak, where it was the first login of that',
    async () => {
      const { agent } = await offlineLogin(realm)
      // Keycloak keeps the offline session alone then, to which no cookie belongs.
      const plain = await elsewhere(realm)
      expect(asksForPassword(await agent.get(`${plain.url}/profile`), realm.name)).toBe(true)
    },
  )
})

describe('a login by an offline token ends by the next refresh', () => {
  const realm = loginRealm('ends of offline tokens')

  it.skipIf(!realm.isThere).each([
    ['offline session is ended', ({ sid }: OfflineLogin) => realm.admin('DELETE', `/sessions/${sid}?isOffline=true`)],
    ['user is logged out everywhere', ({ user }: OfflineLogin) => realm.admin('POST', `${user}/logout`)],
    ['realm is logged out as a whole', () => realm.admin('POST', '/logout-all')],
    ['user is disabled', ({ user }: OfflineLogin) => disable(user)],
  ])('once its %s', async (_case, end) => {
    const login = await offlineLogin(realm)
    await end(login)
    const { app, agent } = login
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect(app.events.at(-1)).toMatchObject({ name: 'logout', event: { reason: 'refresh_refused' } })
  })

  async function disable(user: string): Promise<void> {
    realm.later(() => realm.admin('PUT', user, { enabled: true }))
    await realm.admin('PUT', user, { enabled: false })
  }
})
