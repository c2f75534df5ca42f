/** Logouts that a real Keycloak's server tells (OpenID Connect Back-Channel Logout 1.0). */
import type { UserAgent } from 'express-session-oidc/testing'
import { createServer, type RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { close, listen, until, type TestApp } from '../support/app.ts'
import { contentOf, type Client } from './api-realm.ts'
import { loginRealm } from './login-realm.ts'
import { asksForPassword, logIn, tokensOf } from './support.ts'

const realm = loginRealm('backchannel')

/** Has Keycloak tell an address of the ends of sessions. */
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
  const { claims } = contentOf((await tokensOf(agent)).idToken)
  return { agent, sid: String(claims['sid']), sub: String(claims['sub']) }
}

async function statusOf({ agent }: Login): Promise<number> {
  return (await agent.fetch('/profile')).status
}

async function started(): Promise<TestApp> {
  const app = await realm.start()
  await tellsAt(app.url + app.oidc.paths.backchannelLogout)
  return app
}

/** Another application of the realm, in the same browser: cookies take no notice of ports. */
function startOther({ clientId }: Client): Promise<TestApp> {
  return realm.start({ clientId, clientSecret: 'other-secret' }, { session: { name: 'other.sid' } })
}

const reasons = (app: TestApp): unknown[] =>
  app.events.filter(({ name }) => name === 'logout').map(({ event }) => (event as { reason: string }).reason)

describe.skipIf(!realm.isThere)('a session that ends at Keycloak', () => {
  it('by its administrator, alone, is logged out here, and no other', async () => {
    const app = await started()
    const [alice, bob] = [await realm.newUser(), await realm.newUser()]
    const [first, second, other] = [await login(app, alice), await login(app, alice), await login(app, bob)]
    await realm.admin('DELETE', `/sessions/${first.sid}`)
    await until(async () => (await statusOf(first)) === 401, 'the login has ended')
    expect([await statusOf(second), await statusOf(other)]).toEqual([200, 200])
    expect(reasons(app)).toEqual(['back_channel'])
  })

  it('with all of its user is logged out here, and the user may log in again at once', async () => {
    const app = await started()
    const [alice, bob] = [await realm.newUser(), await realm.newUser()]
    const [first, second, other] = [await login(app, alice), await login(app, alice), await login(app, bob)]
    await realm.admin('POST', `/users/${first.sub}/logout`)
    for (const one of [first, second]) await until(async () => (await statusOf(one)) === 401, 'the login has ended')
    expect(await statusOf(other)).toBe(200)
    expect(reasons(app)).toEqual(['back_channel', 'back_channel'])
    expect(await statusOf(await login(app, alice))).toBe(200)
  })

  it('by a logout in another application is logged out here too', async () => {
    const app = await started()
    const alice = await realm.newUser()
    const client = await realm.client({ secret: 'other-secret' })
    const other = await startOther(client)
    const here = await login(app, alice)
    // In the same browser: Keycloak knows who it is.
    expect((await here.agent.get(`${other.url}/profile`)).status).toBe(200)
    await here.agent.get(`${other.url}/logout`)
    await until(async () => (await statusOf(here)) === 401, 'the login has ended')
    expect(reasons(app)).toEqual(['back_channel'])
  })

  it('by a logout here is told here while the browser waits, which changes nothing', async () => {
    const app = await started()
    const alice = await login(app, await realm.newUser())
    await alice.agent.get('/logout')
    expect(reasons(app)).toEqual(['user'])
    expect(app.events.map(({ name }) => name)).toEqual(['login', 'logout'])
    expect(asksForPassword(await alice.agent.get('/profile'), realm.name)).toBe(true)
  })

  it.each<[string, RequestListener, number]>([
    ['refuses', (_req, res) => void res.writeHead(400).end(), 0],
    ['does not answer', () => {}, 4],
  ])('ends also where another application %s', async (_what, listener, leastSeconds) => {
    const app = await started()
    const client = await realm.client({ secret: 'other-secret' })
    const server = createServer(listener)
    const url = await listen(server)
    realm.later(() => {
      server.closeAllConnections()
      return close(server)
    })
    await tellsAt(`${url}/bcl`, client)
    const other = await startOther(client)
    const here = await login(app, await realm.newUser())
    expect((await here.agent.get(`${other.url}/profile`)).status).toBe(200)
    const startedAt = performance.now()
    await here.agent.get('/logout')
    expect((performance.now() - startedAt) / 1000).toBeGreaterThan(leastSeconds)
    expect(await statusOf(here)).toBe(401)
  })
})
