/** A login with an offline token (OIDC Core 11), which Keycloak separates from the session of the browser. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { askToken, shownToken } from '../support/tokens-app.ts'
import { getContent } from './api-realm.ts'
import { loginRealm, offlineScope, refreshed, type LoginRealm } from './login-realm.ts'
import { asksForPassword, logIn, getTokens } from './support.ts'

interface OfflineLogin {
  readonly app: TestApp
  readonly agent: UserAgent
  /** The identifier of the login's session at Keycloak, and of its offline session. */
  readonly sid: string
  /** Path of the user in the administration API. */
  readonly user: string
}

/** A login with an offline token and an expired access token. */
async function offlineLogin(realm: LoginRealm): Promise<OfflineLogin> {
  const app = await realm.start({ scope: offlineScope })
  const agent = app.agent()
  await realm.logInAndOutlive(agent, 'alice')
  const { refreshToken = '', accessToken } = await getTokens(agent)
  const { claims } = getContent(refreshToken)
  expect(claims['typ']).toBe('Offline')
  return { app, agent, sid: String(claims['sid']), user: `/users/${String(getContent(accessToken).claims['sub'])}` }
}

/** Another application of the realm for the same browsers, with its own cookie name because cookies ignore ports. */
function elsewhere(realm: LoginRealm, name = 'elsewhere'): Promise<TestApp> {
  return realm.start({}, { session: { name: `${name}.sid` } })
}

describe.each([
  ['rotating', { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }],
  ['reusable', { revokeRefreshToken: false }],
])('a login with %s offline tokens', (_name, settings) => {
  const realm = loginRealm('offline tokens', settings)

  it.skipIf(!realm.isThere)('an offline login is refreshed, and keeps its scope and an offline token', async () => {
    const { app, agent, sid } = await offlineLogin(realm)
    const { scope } = await shownToken(agent, app.url)
    expect(scope.toSorted()).toEqual(offlineScope.split(' ').toSorted())
    expect(getContent((await getTokens(agent)).refreshToken ?? '').claims).toMatchObject({ typ: 'Offline', sid })
    await refreshed(app, agent)
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN'])
  })

  it.skipIf(!realm.isThere)(
    'an offline login outlives the session of its browser that the administrator ends',
    async () => {
      const plain = await elsewhere(realm)
      const app = await realm.start({ scope: offlineScope })
      const agent = app.agent()
      await logIn(agent, `${plain.url}/profile`, 'alice', realm.name)
      // The browser already has a session at Keycloak, which asks for nothing.
      await realm.outlive(() => agent.get('/profile'))
      const { sid } = getContent((await getTokens(agent)).refreshToken ?? '').claims
      await realm.admin('DELETE', `/sessions/${String(sid)}`)
      const third = await elsewhere(realm, 'third')
      expect(asksForPassword(await agent.get(`${third.url}/profile`), realm.name)).toBe(true)

      await shownToken(agent, app.url)
      await refreshed(app, agent)
      expect((await agent.fetch('/profile')).status).toBe(200)
    },
  )

  it.skipIf(!realm.isThere)(
    'an offline login that is the first in its browser leaves no session at Keycloak',
    async () => {
      const { agent } = await offlineLogin(realm)
      // Keycloak then keeps only the offline session, which has no cookie.
      const plain = await elsewhere(realm)
      expect(asksForPassword(await agent.get(`${plain.url}/profile`), realm.name)).toBe(true)
    },
  )
})

describe('the end of a login with an offline token', () => {
  const realm = loginRealm('ends of offline tokens')

  it.skipIf(!realm.isThere).each([
    ['offline session is ended', ({ sid }: OfflineLogin) => realm.admin('DELETE', `/sessions/${sid}?isOffline=true`)],
    ['user is logged out everywhere', ({ user }: OfflineLogin) => realm.admin('POST', `${user}/logout`)],
    ['realm is logged out as a whole', () => realm.admin('POST', '/logout-all')],
    ['user is disabled', ({ user }: OfflineLogin) => disable(user)],
  ])('an offline login ends at the next refresh once its %s', async (_case, end) => {
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
