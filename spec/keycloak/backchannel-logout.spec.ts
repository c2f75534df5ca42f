/** Logouts that a real Keycloak sends by the back channel (OpenID Connect Back-Channel Logout 1.0). */
import type { UserAgent } from 'express-session-oidc/testing'
import { createServer, type RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { close, listen, until, type TestApp } from '../support/app.ts'
import { getContent, type Client } from './api-realm.ts'
import { loginRealm } from './login-realm.ts'
import { askToken } from '../support/tokens-app.ts'
import { asksForPassword, logIn, getTokens } from './support.ts'

const realm = loginRealm('backchannel')

/** Sets the URL to which Keycloak sends logout tokens. */
async function tellsAt(url: string, { id, clientId } = realm.web): Promise<void> {
  const attributes = { 'backchannel.logout.url': url, 'backchannel.logout.session.required': 'true' }
  await realm.admin('PUT', `/clients/${id}`, { clientId, attributes })
}

interface Login {
  readonly agent: UserAgent
  readonly sid: string
  readonly sub: string
}

async function login(app: TestApp, username: string): Promise<Login> {
  const agent = app.agent()
  await logIn(agent, '/profile', username, realm.name)
  const { claims } = getContent((await getTokens(agent)).idToken)
  return { agent, sid: String(claims['sid']), sub: String(claims['sub']) }
}

async function getStatus({ agent }: Login): Promise<number> {
  return (await agent.fetch('/profile')).status
}

async function started(): Promise<TestApp> {
  const app = await realm.start()
  await tellsAt(app.url + app.oidc.paths.backchannelLogout)
  return app
}

/** Another application of the realm for the same browser, with its own cookie name because cookies ignore ports. */
function startOther({ clientId }: Client): Promise<TestApp> {
  return realm.start({ clientId, clientSecret: 'other-secret' }, { session: { name: 'other.sid' } })
}

const reasons = (app: TestApp): unknown[] =>
  app.events.filter(({ name }) => name === 'logout').map(({ event }) => (event as { reason: string }).reason)

describe.skipIf(!realm.isThere)('a session that ends at Keycloak', () => {
  it('a session that the administrator ends is logged out here, and no other session', async () => {
    const app = await started()
    const [alice, bob] = [await realm.newUser(), await realm.newUser()]
    const [first, second, other] = [await login(app, alice), await login(app, alice), await login(app, bob)]
    await realm.admin('DELETE', `/sessions/${first.sid}`)
    await until(async () => (await getStatus(first)) === 401, 'the login has ended')
    expect([await getStatus(second), await getStatus(other)]).toEqual([200, 200])
    expect(reasons(app)).toEqual(['back_channel'])
  })

  it('ending all sessions of a user logs them out here, and the user may log in again at once', async () => {
    const app = await started()
    const [alice, bob] = [await realm.newUser(), await realm.newUser()]
    const [first, second, other] = [await login(app, alice), await login(app, alice), await login(app, bob)]
    await realm.admin('POST', `/users/${first.sub}/logout`)
    for (const one of [first, second]) await until(async () => (await getStatus(one)) === 401, 'the login has ended')
    expect(await getStatus(other)).toBe(200)
    expect(reasons(app)).toEqual(['back_channel', 'back_channel'])
    expect(await getStatus(await login(app, alice))).toBe(200)
  })

  it('logging out a whole realm sends no logout token, and the login ends at its next refresh', async () => {
    const app = await started()
    const agent = app.agent()
    await realm.logInAndOutlive(agent, await realm.newUser())
    await realm.admin('POST', '/logout-all')
    expect((await agent.fetch('/profile')).status).toBe(200)
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect(reasons(app)).toEqual(['refresh_refused'])
  })

  it('a logout in another application also logs the user out of this one', async () => {
    const app = await started()
    const alice = await realm.newUser()
    const client = await realm.client({ secret: 'other-secret' })
    const other = await startOther(client)
    const here = await login(app, alice)
    // The same browser has a session at Keycloak, which asks for nothing.
    expect((await here.agent.get(`${other.url}/profile`)).status).toBe(200)
    await here.agent.get(`${other.url}/logout`)
    await until(async () => (await getStatus(here)) === 401, 'the login has ended')
    expect(reasons(app)).toEqual(['back_channel'])
  })

  it('a logout here ends the login once, whether or not Keycloak sends a logout token too', async () => {
    const app = await started()
    const alice = await login(app, await realm.newUser())
    // Its tokens are revoked first, after which Keycloak usually forgets that this application took part.
    await alice.agent.get('/logout')
    expect(app.events.map(({ name }) => name)).toEqual(['login', 'logout'])
    expect(reasons(app)).toEqual(['user'])
    expect(asksForPassword(await alice.agent.get('/profile'), realm.name)).toBe(true)
  })

  describe.each<[string, RequestListener, number]>([
    ['rejects the logout token', (_req, res) => void res.writeHead(400).end(), 0],
    ['does not answer', () => {}, 4],
  ])('a logout while another application %s', (_what, listener, leastSeconds) => {
    /** A user who is logged in to both applications. */
    async function loggedIn(app: TestApp): Promise<Login & { reported: () => number }> {
      const client = await realm.client({ secret: 'other-secret' })
      let reported = 0
      const server = createServer((req, res) => {
        reported++
        listener(req, res)
      })
      const url = await listen(server)
      realm.later(() => close(server))
      await tellsAt(`${url}/bcl`, client)
      const other = await startOther(client)
      const here = await login(app, await realm.newUser())
      expect((await here.agent.get(`${other.url}/profile`)).status).toBe(200)
      return { ...here, reported: () => reported }
    }

    it('a session that the administrator ends is logged out here, despite the other application', async () => {
      const app = await started()
      const here = await loggedIn(app)
      await realm.admin('DELETE', `/sessions/${here.sid}`)
      await until(async () => (await getStatus(here)) === 401, 'the login has ended', 30)
      expect(reasons(app)).toEqual(['back_channel'])
      await until(() => here.reported() === 1, 'the other application received the logout token')
    })

    it('a logout here succeeds, and Keycloak calls the other application once', async () => {
      const app = await started()
      const here = await loggedIn(app)
      const startedAt = performance.now()
      const page = await here.agent.get('/logout')
      expect((performance.now() - startedAt) / 1000).toBeGreaterThan(leastSeconds)
      expect(new URL(page.url).origin).toBe(app.url)
      expect(here.reported()).toBe(1)
      expect(await getStatus(here)).toBe(401)
    })
  })
})
