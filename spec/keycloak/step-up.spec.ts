/** Routes that request a stronger or more recent authentication from a real Keycloak than a login has. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type AppSetup, type TestApp } from '../support/app.ts'
import { getContent } from './api-realm.ts'
import { loginRealm, refreshed } from './login-realm.ts'
import { oneTimePassword, stepUpRealm } from './step-up-realm.ts'
import { asksForPassword, logIn, signIn, getTokens, visitsTo } from './support.ts'

const realm = loginRealm('step-up', stepUpRealm)

const routes: NonNullable<AppSetup['routes']> = (app, oidc) => {
  for (const [path, rule] of Object.entries({
    '/gold': { acr: 'gold' },
    '/silver': { acr: ['silver', 'gold'] },
    '/platinum': { acr: 'platinum' },
    '/now': { maxAuthAgeSeconds: 0 },
  })) {
    app.get(path, oidc.requireAuth(rule), (_req, res) => void res.send(`welcome to ${path}`))
  }
}

async function start(): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await realm.start({}, { routes })
  return { app, agent: app.agent() }
}

async function silver(): Promise<{ app: TestApp; agent: UserAgent }> {
  const started = await start()
  await logIn(started.agent, '/profile', 'alice', realm.name)
  expect(await getAcr(started.agent)).toBe('silver')
  return started
}

async function idToken(agent: UserAgent): Promise<Record<string, unknown>> {
  return getContent((await getTokens(agent)).idToken).claims
}

async function getAcr(agent: UserAgent): Promise<unknown> {
  return (await idToken(agent))['acr']
}

function asksForOneTimePassword(page: UserAgentResponse): boolean {
  return page.status === 200 && /<input[^>]* name="otp"/.test(page.text()) && !asksForPassword(page, realm.name)
}

function enter(agent: UserAgent, page: UserAgentResponse): Promise<UserAgentResponse> {
  expect(asksForOneTimePassword(page), `a page for a one-time password at ${page.url}`).toBe(true)
  return agent.submit(page, { form: 'kc-otp-login-form', fields: { otp: oneTimePassword() } })
}

describe.skipIf(!realm.isThere)("requireAuth({ acr: 'gold' })", () => {
  it('a login by password needs only the one-time password to open the route', async () => {
    const { app, agent } = await silver()
    const page = await enter(agent, await agent.get('/gold'))
    expect(page.url).toBe(`${app.url}/gold`)
    expect(page.text()).toBe('welcome to /gold')
    expect(await getAcr(agent)).toBe('gold')
    for (const path of ['/gold', '/silver']) expect(visitsTo(await agent.get(path), realm.url)).toBe(0)
  })

  it('a browser without a login needs the password and the one-time password', async () => {
    const { app, agent } = await start()
    const page = await enter(agent, await logIn(agent, '/gold', 'alice', realm.name))
    expect(page.url).toBe(`${app.url}/gold`)
    expect(await getAcr(agent)).toBe('gold')
  })

  it('a script gets 401 with the login URL, and is let in after that login', async () => {
    const { app, agent } = await silver()
    const refused = await agent.fetch('/gold')
    expect(refused.status).toBe(401)
    const { code, login } = refused.json() as { code: string; login: string }
    expect(code).toBe('authentication_insufficient')
    const page = await enter(agent, await agent.get(login))
    expect(new URL(page.url).origin).toBe(app.url)
    expect((await agent.fetch('/gold')).status).toBe(200)
  })

  it('a wrong one-time password does not open the route, and leaves the login unchanged', async () => {
    const { agent } = await silver()
    const requested = await agent.get('/gold')
    const page = await agent.submit(requested, { form: 'kc-otp-login-form', fields: { otp: '000000' } })
    expect(asksForOneTimePassword(page)).toBe(true)
    expect((await agent.fetch('/gold')).status).toBe(401)
    expect((await agent.fetch('/silver')).status).toBe(200)
  })

  it('the route stays open after refreshes', async () => {
    const { app, agent } = await silver()
    await enter(agent, await agent.get('/gold'))
    const before = await idToken(agent)
    for (let times = 0; times < 2; times++) {
      await refreshed(app, agent)
      expect((await agent.fetch('/gold')).status).toBe(200)
    }
    const after = await idToken(agent)
    expect(after['jti']).not.toBe(before['jti'])
    expect(after).toMatchObject({ acr: 'gold', auth_time: before['auth_time'] })
  })
})

it.skipIf(!realm.isThere)(
  'an acr that Keycloak does not know is requested once and then answered with 403',
  async () => {
    const { app, agent } = await silver()
    const page = await agent.get('/platinum')
    expect(page.status).toBe(403)
    expect(page.url).toBe(`${app.url}/platinum`)
    expect(visitsTo(page, realm.url)).toBe(1)
    const again = await agent.get('/platinum')
    expect(again.status).toBe(403)
    expect(visitsTo(again, realm.url)).toBe(0)
    expect((await agent.get('/silver')).status).toBe(200)
  },
)

it.skipIf(!realm.isThere)('requireAuth({ maxAuthAgeSeconds: 0 }) asks for the password again', async () => {
  const { app, agent } = await silver()
  const { auth_time: first } = await idToken(agent)
  await until(() => Date.now() / 1000 > Number(first) + 2, 'the authentication is two seconds ago', 60)
  expect((await agent.fetch('/now')).status).toBe(401)
  const requested = await agent.get('/now')
  expect(asksForPassword(requested, realm.name)).toBe(true)
  expect((await agent.fetch('/silver')).status).toBe(200)
  const page = await signIn(agent, requested, 'alice')
  expect(page.url).toBe(`${app.url}/now`)
  expect(page.text()).toBe('welcome to /now')
  expect((await idToken(agent))['auth_time']).toBeGreaterThan(Number(first))
  // Up to a minute, the time to return from Keycloak does not count.
  expect(visitsTo(await agent.get('/now'), realm.url)).toBe(0)
})
