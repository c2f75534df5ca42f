/** Scope beyond that of the first login, requested when it is needed. */
import type { AppSetup } from '../support/app.ts'
import { expect, it } from 'vitest'
import { asksForPassword, keycloakFlow, logIn, signIn, visitsTo } from './support.ts'

const flow = keycloakFlow()

const routes: NonNullable<AppSetup['routes']> = (app, oidc) => {
  app.get('/connect', oidc.login({ scope: ['openid', 'calendar.read'], returnTo: '/calendar' }))
  app.get('/connect/nonesuch', oidc.login({ scope: 'openid nonesuch', returnTo: '/calendar' }))
  app.get('/calendar', oidc.requireAuth({ scope: 'calendar.read' }), (req, res) => {
    res.json({ sub: oidc.user(req).sub, scope: req.oidc.scope })
  })
}

it('a page requests the scope that it needs, within the session at Keycloak', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const { user, scope } = (await logIn(agent, '/profile', 'alice')).json() as { user: object; scope: string[] }
  expect(scope).not.toContain('calendar.read')
  expect((await agent.fetch('/calendar')).status).toBe(403)

  const calendar = await agent.get('/calendar')
  expect(calendar.url).toBe(`${app.url}/calendar`)
  expect(visitsTo(calendar, flow.url)).toBe(1)
  const granted = calendar.json()
  expect(user).toMatchObject({ sub: granted['sub'] })
  expect(granted['scope']).toEqual(expect.arrayContaining(['openid', 'calendar.read']))
  expect((await agent.fetch('/calendar')).status).toBe(200)
})

it('a route of the application can request scope, which opens a page that was 403 before', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  await logIn(agent, '/profile', 'alice')
  expect((await agent.fetch('/calendar')).status).toBe(403)
  const calendar = await agent.get('/connect')
  expect(calendar.url).toBe(`${app.url}/calendar`)
  expect(visitsTo(calendar, flow.url)).toBe(1)
  expect(calendar.json()['scope']).toEqual(expect.arrayContaining(['openid', 'calendar.read']))
  const again = await agent.get('/calendar')
  expect(again.status).toBe(200)
  expect(visitsTo(again, flow.url)).toBe(0)
})

it('the first login may request additional scope', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const requested = await agent.get('/connect')
  expect(asksForPassword(requested)).toBe(true)
  const calendar = await signIn(agent, requested, 'bob')
  expect(calendar.url).toBe(`${app.url}/calendar`)
  expect(calendar.json()['scope']).toContain('calendar.read')
})

it('scope that Keycloak does not know causes an error page, and keeps the existing login', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  await logIn(agent, '/profile', 'alice')
  const page = await agent.get('/connect/nonesuch')
  expect(page.status).toBe(400)
  expect(page.text()).toContain('invalid_scope')
  expect(app.events.at(-1)).toMatchObject({
    name: 'login_failed',
    event: { code: 'authorization_failed', detail: expect.stringContaining('invalid_scope') },
  })
  expect((await agent.get('/profile')).status).toBe(200)
})
