/** A login that is refreshed at a real Keycloak, or that Keycloak ends. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { askToken, shownToken } from '../support/tokens-app.ts'
import { getContent, type TokenAnswer } from './api-realm.ts'
import { loginRealm, refreshed, type LoginRealm } from './login-realm.ts'
import { asksForPassword, listKeys, getTokens, visitsTo } from './support.ts'

const rotating = { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }

interface Ended {
  readonly app: TestApp
  readonly agent: UserAgent
  /** The refresh token that Keycloak issued at the login. */
  readonly first: string
}

/** A login with an expired access token. */
async function ended(realm: LoginRealm, fetch?: typeof globalThis.fetch): Promise<Ended> {
  const app = await realm.start(fetch && { fetch })
  const agent = app.agent()
  await realm.logInAndOutlive(agent, 'alice')
  return { app, agent, first: (await getTokens(agent)).refreshToken ?? '' }
}

function send(realm: LoginRealm, refreshToken: string): Promise<TokenAnswer> {
  return realm.ask(realm.web, { grant_type: 'refresh_token', refresh_token: refreshToken })
}

/** The names of an application's events, without provider faults. */
function listReports({ events }: TestApp): string[] {
  return events.map(({ name }) => name).filter((name) => name !== 'provider_fault')
}

/** Forwards requests, but loses the first response to a refresh, which Keycloak has processed. */
function cutting(): { fetch: typeof fetch; cuts: () => number } {
  let cuts = 0
  return {
    cuts: () => cuts,
    async fetch(input, init) {
      const sent = await new Response(init?.body ?? '').text()
      const answer = await fetch(input, { ...init, ...(init?.body && { body: sent }) })
      if (cuts > 0 || !sent.includes('grant_type=refresh_token')) return answer
      cuts++
      throw new TypeError('the connection was cut')
    },
  }
}

describe('a realm with rotating refresh tokens', () => {
  const realm = loginRealm('refreshes with rotation', rotating)

  it.skipIf(!realm.isThere)('a login uses each new refresh token once', async () => {
    const login = await ended(realm)
    const tokens = [await shownToken(login.agent, login.app.url)]
    const seen = [login.first, (await getTokens(login.agent)).refreshToken]
    for (let times = 0; times < 2; times++) {
      await refreshed(login.app, login.agent)
      tokens.push(await shownToken(login.agent, login.app.url))
      seen.push((await getTokens(login.agent)).refreshToken)
    }
    expect(new Set(seen).size).toBe(4)
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(3)
    expect(tokens.map(({ roles }) => roles.includes('admin'))).toEqual([true, true, true])
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN', 'REFRESH_TOKEN'])
  })

  it.skipIf(!realm.isThere)('a login ends if somebody else uses its refresh token too', async () => {
    const login = await ended(realm)
    const { app, agent } = login
    await shownToken(agent, app.url)
    expect((await send(realm, login.first)).status).toBe(400)
    const late = '?minValidSeconds=599'
    await until(async () => (await askToken(agent, app.url, late)).status === 401, 'the login has ended')
    expect((await agent.fetch('/profile')).status).toBe(401)
    // Only the client session has ended: the user is still logged in at Keycloak, which asks for nothing.
    const again = await agent.get('/profile')
    expect(again.status).toBe(200)
    expect(visitsTo(again, realm.url)).toBe(1)
  })

  it.skipIf(!realm.isThere)(
    'a lost response to a refresh ends the login, and one new login follows without a password',
    async () => {
      const cut = cutting()
      const { app, agent } = await ended(realm, cut.fetch)
      expect((await askToken(agent, app.url)).status).toBe(503)
      expect(cut.cuts()).toBe(1)
      await until(async () => (await askToken(agent, app.url)).status !== 503, 'the refresh is attempted again')
      expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN_ERROR: invalid_token'])
      expect((await askToken(agent, app.url)).status).toBe(401)
      const again = await agent.get('/profile')
      expect(again.status).toBe(200)
      expect(visitsTo(again, realm.url)).toBe(1)
      expect((await askToken(agent, app.url)).status).toBe(200)
      expect(await realm.refreshes()).toEqual([])
    },
  )
})

describe('a realm with reusable refresh tokens', () => {
  const realm = loginRealm('refreshes without rotation', { revokeRefreshToken: false })

  it.skipIf(!realm.isThere)('a login stores the new refresh token that Keycloak issues nevertheless', async () => {
    const login = await ended(realm)
    await shownToken(login.agent, login.app.url)
    const second = (await getTokens(login.agent)).refreshToken ?? ''
    expect(second).not.toBe(login.first)
    expect((await send(realm, login.first)).status).toBe(200)
    expect((await send(realm, second)).status).toBe(200)
    const token = await refreshed(login.app, login.agent)
    expect(getContent(token).claims['sid']).toBe(getContent(second).claims['sid'])
  })

  it.skipIf(!realm.isThere)('a lost response to a refresh does not end the login', async () => {
    const cut = cutting()
    const { app, agent } = await ended(realm, cut.fetch)
    expect((await askToken(agent, app.url)).status).toBe(503)
    await until(async () => (await askToken(agent, app.url)).status === 200, 'a refresh succeeds')
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN'])
    expect(listReports(app)).toEqual(['login', 'refresh_failed', 'refresh'])
  })
})

describe('a login that Keycloak ends', () => {
  const realm = loginRealm('logins that Keycloak ends', rotating)

  const ends: [string, (sid: string, user: string) => Promise<unknown>][] = [
    ['whose session the administrator ended', (sid) => realm.admin('DELETE', `/sessions/${sid}`)],
    ['whose user the administrator logged out everywhere', (_, user) => realm.admin('POST', `${user}/logout`)],
    ['of a realm that was logged out as a whole', () => realm.admin('POST', '/logout-all')],
    ['whose user was disabled', (_, user) => realm.admin('PUT', user, { enabled: false })],
    ['whose user was deleted', (_, user) => realm.admin('DELETE', user)],
  ]
  it.skipIf(!realm.isThere).each(ends)(
    'the next refresh ends a login %s: 401, then anonymous, and a new login needs a password',
    async (_, end) => {
      const username = await realm.newUser()
      const app = await realm.start()
      const agent = app.agent()
      await realm.logInAndOutlive(agent, username)
      const { claims } = getContent((await getTokens(agent)).accessToken)
      const [, ...records] = listKeys(agent.jar.get('connect.sid')?.value)
      expect(await realm.redis.client.exists(records)).toBe(2)
      await end(String(claims['sid']), `/users/${String(claims['sub'])}`)

      const answers = await Promise.all(Array.from({ length: 10 }, () => askToken(agent, app.url)))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401))
      expect(await realm.redis.client.exists(records)).toBe(0)
      expect(await realm.refreshes()).toEqual([expect.stringContaining('REFRESH_TOKEN_ERROR')])
      expect((await agent.fetch('/profile')).status).toBe(401)
      expect((await agent.get('/')).text()).toBe('hello stranger')
      expect(asksForPassword(await agent.get('/profile'), realm.name)).toBe(true)
      expect(listReports(app)).toEqual(['login', 'refresh_failed', 'logout'])
      expect(app.events.at(-1)?.event).toMatchObject({ reason: 'refresh_refused', sub: claims['sub'] })
    },
  )

  it.skipIf(!realm.isThere)('a refresh does not end a login while its client is temporarily disabled', async () => {
    const { app, agent } = await ended(realm)
    const path = `/clients/${realm.web.id}`
    await realm.admin('PUT', path, { enabled: false })
    expect((await askToken(agent, app.url)).status).toBe(500)
    expect((await agent.fetch('/profile')).status).toBe(200)
    await realm.admin('PUT', path, { enabled: true })
    await until(async () => (await askToken(agent, app.url)).status === 200, 'the login is refreshed')
    expect(listReports(app)).toEqual(['login', 'refresh_failed', 'refresh'])
  })
})
