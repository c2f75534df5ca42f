/** Logins with a session at Keycloak, and how an application requests more or less than such a login. */
import { createUserAgent } from 'express-session-oidc/testing'
import { expect, it } from 'vitest'
import { until, type AppSetup } from '../support/app.ts'
import { asksForPassword, keycloakFlow, logIn, visitsTo } from './support.ts'

const flow = keycloakFlow()

const routes: NonNullable<AppSetup['routes']> = (app, oidc) => {
  app.get('/again', oidc.login({ prompt: 'login', returnTo: '/profile' }))
  app.get('/fresh', oidc.login({ maxAuthAgeSeconds: 0, returnTo: '/profile' }))
  app.get('/silent', oidc.login({ prompt: 'none', returnTo: '/' }))
  app.get('/for-bob', oidc.login({ loginHint: 'bob', returnTo: '/profile' }))
}

it('a browser that lost its session is logged in again without a page', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const first = (await logIn(agent, '/profile', 'alice')).json()
  agent.jar.delete('connect.sid')
  expect((await agent.fetch('/profile')).status).toBe(401)

  const profile = await agent.get('/profile')
  expect(profile.url).toBe(`${app.url}/profile`)
  expect(profile.json()).toMatchObject({ user: { sub: (first['user'] as { sub: string }).sub } })
  expect(visitsTo(profile, flow.url)).toBe(1)
})

it('a user is logged in to another application of the same client without a page', async () => {
  const [one, other] = [await flow.start(), await flow.start({ session: { name: 'other.sid' } })]
  const agent = createUserAgent()
  await logIn(agent, `${one.url}/profile`, 'alice')
  const profile = await agent.get(`${other.url}/profile`)
  expect(profile.url).toBe(`${other.url}/profile`)
  expect((await agent.get(`${one.url}/profile`)).hops).toHaveLength(1)
})

it.each(['/again', '/fresh'])(
  'the login route %s asks for the password despite the session at Keycloak',
  async (path) => {
    const app = await flow.start({ routes })
    const agent = app.agent()
    const { user } = (await logIn(agent, '/profile', 'alice')).json() as { user: { auth_time: number } }
    // Keycloak counts in whole seconds: an age of 0 is exceeded once the next second has begun.
    await until(() => Date.now() / 1000 > user.auth_time + 1, 'the first login is at least two seconds ago')
    const requested = await agent.get(path)
    expect(asksForPassword(requested)).toBe(true)
    // Keycloak knows the user, so that only the password is missing.
    const profile = await agent.submit(requested, { form: 'kc-form-login', fields: { password: 'alice-pw' } })
    const after = (profile.json() as { user: { auth_time: number } }).user
    expect(after).toMatchObject({ preferred_username: 'alice' })
    expect(after.auth_time).toBeGreaterThan(user.auth_time)
    expect(app.events.map(({ name }) => name)).toEqual(['login', 'login'])
  },
)

it('prompt=none uses an existing session', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  await logIn(agent, '/profile', 'alice')
  agent.jar.delete('connect.sid')
  const page = await agent.get('/silent')
  expect(page.url).toBe(`${app.url}/`)
  expect(page.text()).toMatch(/^hello [0-9a-f-]{36}$/)
})

it('prompt=none without a session returns anonymously, with 303 and without an error page', async () => {
  const app = await flow.start({ routes })
  const page = await app.agent().get('/silent')
  expect(page.url).toBe(`${app.url}/`)
  expect(page.text()).toBe('hello stranger')
  const callback = page.hops.find(({ url }) => new URL(url).pathname === '/callback')
  expect(callback).toMatchObject({ status: 303 })
  expect(new URL(callback?.url ?? '').searchParams.get('error')).toBe('login_required')
  expect(app.events).toEqual([])
})

it('loginHint fills in the user name', async () => {
  const app = await flow.start({ routes })
  const requested = await app.agent().get('/for-bob')
  expect(requested.text()).toMatch(/<input id="username" name="username" value="bob"/)
})
