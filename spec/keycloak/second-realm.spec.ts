/** Two realms of one Keycloak as two instances in one application. */
import { createOidc, requireAnyAuth, type OidcContext } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { expect, it } from 'vitest'
import { profile, type AppSetup, type TestApp } from '../support/app.ts'
import { asksForPassword, askUserInfo, authorizationResponse, keycloakFlow, logIn, partners } from './support.ts'

const flow = keycloakFlow()

const routes: NonNullable<AppSetup['routes']> = (app, oidc, url) => {
  const second = createOidc(partners(flow.url, url))
  app.use(second.router)
  app.get('/partners', second.requireAuth({ roles: 'partner' }), (req, res) => void res.json(profile(req)))
  app.get('/either', requireAnyAuth([oidc, second]), (req, res) => void res.json(profile(req)))
  app.get('/both', (req, res, next) => {
    const seen = async (context: OidcContext) =>
      context.isAuthenticated && { ...(await context.tokens()), name: context.user.name }
    Promise.all([seen(oidc.context(req)), seen(second.context(req))]).then(
      ([acme, partners]) => res.json({ acme, partners }),
      next,
    )
  })
}

async function both(
  agent: UserAgent,
): Promise<Record<'acme' | 'partners', false | { name: string; accessToken: string }>> {
  return (await agent.fetch('/both')).json() as never
}

async function inBoth(): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await flow.start({ routes })
  const agent = app.agent()
  await logIn(agent, '/profile', 'alice')
  await logIn(agent, '/partners', 'carol', 'partners')
  return { app, agent }
}

it('a browser is logged in with both realms, each login with its own user, roles and tokens', async () => {
  const { agent } = await inBoth()
  expect((await agent.get('/profile')).json()).toMatchObject({
    provider: 'default',
    user: { iss: `${flow.url}/realms/acme`, name: 'Alice Archer' },
    roles: expect.arrayContaining(['admin']),
  })
  const { roles, ...theirs } = (await agent.get('/partners')).json()
  expect(theirs).toMatchObject({
    provider: 'partners',
    user: { iss: `${flow.url}/realms/partners`, name: 'Carol Cook' },
  })
  expect(roles).toContain('partner')
  expect(roles).not.toContain('admin')

  const now = await both(agent)
  expect(now).toMatchObject({ acme: { name: 'Alice Archer' }, partners: { name: 'Carol Cook' } })
  if (!now.acme || !now.partners) return
  expect((await askUserInfo(flow.url, now.acme.accessToken)).claims).toMatchObject({ preferred_username: 'alice' })
  expect((await askUserInfo(flow.url, now.partners.accessToken, 'partners')).claims).toMatchObject({
    preferred_username: 'carol',
  })
  expect((await askUserInfo(flow.url, now.acme.accessToken, 'partners')).status).toBe(401)
})

it.each([
  { out: '/logout', left: 'partners', open: '/partners', shut: '/profile', realm: 'acme' },
  { out: '/partners/logout', left: 'acme', open: '/profile', shut: '/partners', realm: 'partners' },
] as const)('a logout at $out leaves only the login with $left', async ({ out, left, open, shut, realm }) => {
  const { agent } = await inBoth()
  const before = await both(agent)
  await agent.get(out)
  expect(await both(agent)).toEqual({ acme: false, partners: false, [left]: before[left] })
  expect((await agent.get(open)).status).toBe(200)
  expect((await agent.get('/either')).json()).toMatchObject({ provider: left === 'acme' ? 'default' : left })
  expect(asksForPassword(await agent.get(shut), realm)).toBe(true)
  const tokens = before[left]
  expect((await askUserInfo(flow.url, tokens ? tokens.accessToken : '', left)).status).toBe(200)
})

it('a logout from each realm leaves no login', async () => {
  const { agent } = await inBoth()
  await agent.get('/logout')
  await agent.get('/partners/logout')
  expect(await both(agent)).toEqual({ acme: false, partners: false })
  expect(asksForPassword(await agent.get('/profile'))).toBe(true)
  expect(asksForPassword(await agent.get('/partners'), 'partners')).toBe(true)
})

it('two logins in progress can finish in the reverse order of their start', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const [ours, theirs] = [await agent.get('/profile'), await agent.get('/partners')]
  const toPartners = await authorizationResponse(agent, theirs, 'carol')
  const toAcme = await authorizationResponse(agent, ours, 'alice')
  expect((await agent.get(toPartners)).json()).toMatchObject({ user: { name: 'Carol Cook' } })
  expect((await agent.get(toAcme)).json()).toMatchObject({ user: { name: 'Alice Archer' } })
  expect(await both(agent)).toMatchObject({ acme: { name: 'Alice Archer' }, partners: { name: 'Carol Cook' } })
})

it('the authorization response of a realm is accepted only at the callback of its instance', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const answer = new URL(await authorizationResponse(agent, await agent.get('/partners'), 'carol'))
  expect(answer.pathname).toBe('/partners/callback')

  const stray = await agent.get(`/callback${answer.search}`)
  expect(stray.status).toBe(400)
  expect(app.events.at(-1)).toMatchObject({ name: 'login_failed', event: { code: 'state_unknown' } })
  expect(await both(agent)).toEqual({ acme: false, partners: false })
  expect((await agent.get(answer)).json()).toMatchObject({ user: { name: 'Carol Cook' } })
})

it('an authorization response that names the other realm as its issuer is rejected (RFC 9207)', async () => {
  const app = await flow.start({ routes })
  const agent = app.agent()
  const answer = new URL(await authorizationResponse(agent, await agent.get('/profile'), 'alice'))
  expect(answer.searchParams.get('iss')).toBe(`${flow.url}/realms/acme`)
  answer.searchParams.set('iss', `${flow.url}/realms/partners`)
  expect((await agent.get(answer)).status).toBe(502)
  expect((await agent.fetch('/profile')).status).toBe(401)
})
