/** A logout that ends the login here and the session at Keycloak (OIDC RP-Initiated Logout 1.0). */
import { createUserAgent } from 'express-session-oidc/testing'
import { expect, it } from 'vitest'
import type { AppSetup } from '../support/app.ts'
import {
  asksForPassword,
  askUserInfo,
  keycloakFlow,
  listKeys,
  logIn,
  signIn,
  tokenRoute,
  getTokens,
  visitsTo,
} from './support.ts'
import { getContext } from '../support/app.ts'

const flow = keycloakFlow()

const routes: NonNullable<AppSetup['routes']> = (app, oidc) => {
  app.get('/goodbye', (req, res) => void res.send(getContext(req).isAuthenticated ? 'still here' : 'goodbye'))
  tokenRoute(app, oidc)
}

it.each(['GET', 'POST'] as const)(
  'a logout by %s ends the login here and the session at Keycloak, without confirmation',
  async (method) => {
    const app = await flow.start({ routes, options: { postLogoutRedirect: '/goodbye' } })
    const agent = app.agent()
    await logIn(agent, '/profile', 'alice')
    const { accessToken } = await getTokens(agent)
    const session = agent.jar.get('connect.sid')?.value
    expect(session).toBeTruthy()

    const goodbye = method === 'GET' ? await agent.get('/logout') : await agent.post('/logout')
    const landed = new URL(goodbye.url)
    expect(landed.origin + landed.pathname).toBe(`${app.url}/goodbye`)
    expect(landed.searchParams.get('state')).toMatch(/^[\w-]{22,}$/)
    expect(goodbye.text()).toBe('goodbye')
    expect(visitsTo(goodbye, flow.url)).toBe(1)

    // Here: nobody is logged in, not even a thief with the cookie of the session.
    const thief = createUserAgent({ baseUrl: app.url })
    thief.jar.set(`connect.sid=${session}; Path=/`, app.url)
    expect((await thief.fetch('/profile')).status).toBe(401)
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect(await flow.redis.client.exists(listKeys(session))).toBe(0)
    // There: neither the tokens nor the browser's session are valid.
    expect((await askUserInfo(flow.url, accessToken)).status).toBe(401)
    const requested = await agent.get('/profile')
    expect(asksForPassword(requested)).toBe(true)
    expect((await signIn(agent, requested, 'alice')).json()).toMatchObject({ user: { preferred_username: 'alice' } })
    expect((await askUserInfo(flow.url, (await getTokens(agent)).accessToken)).status).toBe(200)
    expect(app.events.map(({ name }) => name)).toEqual(['login', 'logout', 'login'])
  },
)

it('after a logout, another user can log in and sees no data of the first user', async () => {
  const app = await flow.start({
    options: {
      afterLogin: (req, { user }) => {
        req.session.keycloakNotes = [...(req.session.keycloakNotes ?? []), String(user.preferred_username)]
      },
    },
    routes: (app, oidc) =>
      app.get('/seen', oidc.requireAuth(), (req, res) => {
        res.json({ seen: req.session.keycloakNotes })
      }),
  })
  const agent = app.agent()
  expect((await logIn(agent, '/seen', 'alice')).json()).toEqual({ seen: ['alice'] })
  await agent.get('/logout')
  expect((await logIn(agent, '/seen', 'bob')).json()).toEqual({ seen: ['bob'] })
})

it(
  'a logout without stored tokens continues, and Keycloak asks the user to confirm it',
  { meta: { id: 'logout-9' } },
  async () => {
    const app = await flow.start({ routes, options: { postLogoutRedirect: '/goodbye' } })
    const agent = app.agent()
    await logIn(agent, '/profile', 'alice')
    const [, , tokens = ''] = listKeys(agent.jar.get('connect.sid')?.value)
    expect(await flow.redis.client.del(tokens)).toBe(1)

    const question = await agent.get('/logout')
    expect(new URL(question.url).origin).toBe(new URL(flow.url).origin)
    expect((await agent.fetch('/profile')).status).toBe(401)
    const goodbye = await agent.submit(question, { button: 'confirmLogout' })
    expect(new URL(goodbye.url).pathname).toBe('/goodbye')
    expect(asksForPassword(await agent.get('/profile'))).toBe(true)
  },
)
