/** Changes by the administrator of a real Keycloak reach a login in use although its access token is still valid. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, describe } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { getContent } from './api-realm.ts'
import { loginRealm } from './login-realm.ts'
import { logIn, getTokens } from './support.ts'

const recheckSeconds = 2
/** Seconds: more than a loaded machine needs, and far less than the lifetime of the access tokens. */
const patience = 50

const realm = loginRealm('rechecks', {
  accessTokenLifespan: 3600,
  revokeRefreshToken: true,
  refreshTokenMaxReuse: 0,
})

interface Login {
  readonly app: TestApp
  readonly agent: UserAgent
  readonly sid: string
  /** Path of the user in the administration API. */
  readonly user: string
}

/** Logs in a user that no other test uses. */
async function login(options: { recheckSeconds: number } = { recheckSeconds }): Promise<Login> {
  const username = await realm.newUser()
  const app = await realm.start(options, {
    routes: (express, oidc) => {
      express.get('/staff', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('hello'))
    },
  })
  const agent = app.agent()
  await logIn(agent, '/profile', username, realm.name)
  const { claims } = getContent((await getTokens(agent)).accessToken)
  return { app, agent, sid: String(claims['sid']), user: `/users/${String(claims['sub'])}` }
}

/** Repeats a request until the response has this status. Resolves to the seconds that this took. */
async function secondsUntil(status: number, open: () => Promise<UserAgentResponse>): Promise<number> {
  const startedAt = performance.now()
  const isSo = async (): Promise<boolean> => {
    await pause(20)
    return (await open()).status === status
  }
  await until(isSo, `the status is ${status}`, patience)
  return (performance.now() - startedAt) / 1000
}

/** Repeats a request until the login has been refreshed. */
async function untilRefreshed(app: TestApp, agent: UserAgent): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    await agent.fetch('/profile')
    return app.events.some(({ name }) => name === 'refresh')
  }
  await until(isSo, 'the login is refreshed', patience)
}

/** Adds a realm role to a user, or removes it. */
async function change(method: 'POST' | 'DELETE', user: string, role: string): Promise<void> {
  await realm.admin(method, `${user}/role-mappings/realm`, [await realm.admin('GET', `/roles/${role}`)])
}

describe.skipIf(!realm.isThere)(`a login with recheckSeconds: ${recheckSeconds}`, () => {
  it('logs out a user who was disabled', async () => {
    const seconds: number[] = []
    for (let round = 0; round < 3; round++) {
      const { app, agent, user } = await login()
      // The user was rechecked a moment ago, so that the next recheck takes as long as possible.
      await untilRefreshed(app, agent)
      await realm.admin('PUT', user, { enabled: false })
      seconds.push(await secondsUntil(401, () => agent.fetch('/profile')))
      expect(app.events.at(-1)).toMatchObject({ name: 'logout', event: { reason: 'refresh_refused' } })
    }
    const list = seconds.map((each) => each.toFixed(1)).join(', ')
    console.info(`seconds from disabling a user to his first 401, recheckSeconds being ${recheckSeconds}: ${list}`)
  })

  it.each([
    ['whose session the administrator has ended', ({ sid }: Login) => realm.admin('DELETE', `/sessions/${sid}`)],
    ['who was logged out everywhere', ({ user }: Login) => realm.admin('POST', `${user}/logout`)],
    ['who was deleted', ({ user }: Login) => realm.admin('DELETE', user)],
  ])('logs out a user %s', async (_, end) => {
    const found = await login()
    await end(found)
    await secondsUntil(401, () => found.agent.fetch('/profile'))
    expect((await found.agent.get('/')).text()).toBe('hello stranger')
  })

  it('a user gets access by a new role, and loses it once the role is removed', async () => {
    const { agent, user } = await login()
    expect((await agent.fetch('/staff')).status).toBe(403)
    await change('POST', user, 'admin')
    await secondsUntil(200, () => agent.fetch('/staff'))
    expect((await agent.fetch('/profile')).json()['roles']).toContain('admin')
    await change('DELETE', user, 'admin')
    await secondsUntil(403, () => agent.fetch('/staff'))
    expect((await agent.fetch('/profile')).status).toBe(200)
  })

  it('a user gets a new name that was set in Keycloak', async () => {
    const { agent, user } = await login()
    await realm.admin('PUT', user, { firstName: 'Ursula' })
    await until(
      async () => (await agent.fetch('/profile')).text().includes('"name":"Ursula User"'),
      'the new name is shown',
      patience,
    )
  })

  it('a login in use in many tabs is refreshed once at a time, and an unused login not at all', async () => {
    const { app, agent } = await login()
    const isDue = Date.now() + recheckSeconds * 1000
    await until(() => Date.now() > isDue, 'a recheck is due')
    await realm.refreshes()
    const refreshes = (): number => app.events.filter(({ name }) => name === 'refresh').length
    expect(refreshes()).toBe(0)
    while (refreshes() < 3) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => agent.fetch('/profile')))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN', 'REFRESH_TOKEN', 'REFRESH_TOKEN'])
  })
})

it.skipIf(!realm.isThere)(
  'with recheckSeconds: 0, a disabled user stays logged in while the access token is valid',
  async () => {
    const { agent, user } = await login({ recheckSeconds: 0 })
    await realm.admin('PUT', user, { enabled: false })
    const isLate = Date.now() + 2 * recheckSeconds * 1000
    await until(
      async () => (await agent.fetch('/profile')).status !== 200 || Date.now() > isLate,
      'the waiting time has passed',
    )
    expect((await agent.fetch('/profile')).status).toBe(200)
    expect(await realm.refreshes()).toEqual([])
  },
)
