/** A login through Keycloak's own pages, and the user and roles that the application gets. */
import { keycloak } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import {
  asksForPassword,
  askUserInfo,
  authorizationResponse,
  keycloakFlow,
  logIn,
  signIn,
  tokenRoute,
  getTokens,
  visitsTo,
} from './support.ts'

const flow = keycloakFlow()

describe('a login at Keycloak', () => {
  it(
    'rejects a wrong password, and opens the requested page with the right one',
    { meta: { id: 'login-12' } },
    async () => {
      const app = await flow.start()
      const agent = app.agent()
      const requested = await agent.get('/profile?tab=2')
      expect(asksForPassword(requested)).toBe(true)

      const again = await signIn(agent, requested, 'alice', 'not her password')
      expect(asksForPassword(again)).toBe(true)
      expect(again.text()).toContain('Invalid username or password')
      expect((await agent.fetch('/profile')).status).toBe(401)

      const profile = await signIn(agent, again, 'alice')
      expect(profile.url).toBe(`${app.url}/profile?tab=2`)
      expect(profile.json()).toMatchObject({
        provider: 'default',
        user: {
          iss: `${flow.url}/realms/acme`,
          sub: expect.stringMatching(/^[0-9a-f-]{36}$/),
          name: 'Alice Archer',
          preferred_username: 'alice',
          email: 'alice@example.test',
        },
        scope: expect.arrayContaining(['openid', 'profile', 'email']),
      })
      expect(app.events.map(({ name }) => name)).toEqual(['login'])
    },
  )

  it('changes the session id, and keeps the data of the session', async () => {
    const app = await flow.start({
      routes: (app) =>
        app.get('/basket', (req, res) => {
          req.session.keycloakNotes ??= ['pears']
          res.json({ id: req.sessionID, basket: req.session.keycloakNotes })
        }),
    })
    const agent = app.agent()
    const before = (await agent.fetch('/basket')).json()
    await logIn(agent, '/profile', 'alice')
    const after = (await agent.fetch('/basket')).json()
    expect(after).toMatchObject({ basket: ['pears'] })
    expect(after['id']).not.toBe(before['id'])
    expect(await flow.redis.client.exists(`sess:${String(before['id'])}`)).toBe(0)
  })

  it('calls the userinfo endpoint only with the option userInfo', async () => {
    const requested: string[] = []
    const counting: typeof fetch = (input, init) => {
      requested.push(input instanceof Request ? input.url : String(input))
      return fetch(input, init)
    }
    const endpoint = `${flow.url}/realms/acme/protocol/openid-connect/userinfo`
    const without = await flow.start({ options: { fetch: counting } })
    const { user } = (await logIn(without.agent(), '/profile', 'bob')).json()
    expect(requested).not.toContain(endpoint)

    const reported = await flow.start({ options: { userInfo: true, fetch: counting } })
    const profile = (await logIn(reported.agent(), '/profile', 'bob')).json()
    expect(requested.filter((url) => url === endpoint)).toHaveLength(1)
    const { sub, name, email } = user as Record<string, string>
    expect(profile).toMatchObject({ user: { sub, name, email } })
  })

  it('uses the code once, however often the callback is opened', async () => {
    const app = await flow.start({ routes: tokenRoute })
    const agent = app.agent()
    const callback = await authorizationResponse(agent, await agent.get('/profile'), 'alice')

    const twice = await Promise.all([agent.get(callback), agent.get(callback)])
    const later = await agent.get(callback)
    for (const page of [...twice, later]) expect(page.url).toBe(`${app.url}/profile`)
    expect(app.events.map(({ name }) => name)).toEqual(['login'])
    // Keycloak revokes the tokens of a code that is used twice.
    const { accessToken } = await getTokens(agent)
    expect((await askUserInfo(flow.url, accessToken)).status).toBe(200)
  })
})

describe('roles from Keycloak', () => {
  it('roles come from the realm and, as client:role, from the client', { meta: { id: 'login-13' } }, async () => {
    const app = await flow.start()
    const { roles } = (await logIn(app.agent(), '/profile', 'alice')).json()
    expect(roles).toEqual(expect.arrayContaining(['admin', 'user', 'web:editor']))
    expect(roles).not.toContain('editor')
  })

  it('roles are not in the claims of the user, because the ID token does not have them', async () => {
    const app = await flow.start()
    const profile = (await logIn(app.agent(), '/profile', 'alice')).json()
    expect(profile['user']).not.toHaveProperty('realm_access')
    expect(profile['user']).not.toHaveProperty('resource_access')
  })

  it.each([
    { username: 'alice', admin: 200, editor: 200 },
    { username: 'bob', admin: 403, editor: 403 },
  ])('answers $username $admin at /admin and $editor at /editor', async ({ username, admin, editor }) => {
    const app = await flow.start({
      routes: (app, oidc) => {
        app.get('/admin', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('for admins'))
        app.get('/editor', oidc.requireAuth({ roles: ['web:editor'] }), (_req, res) => void res.send('for editors'))
        app.get('/plain', oidc.requireAuth({ roles: ['editor'] }), (_req, res) => void res.send('for editors'))
        app.get('/any', oidc.requireAuth({ anyRole: ['admin', 'user'] }), (_req, res) => void res.send('for users'))
      },
    })
    const agent = app.agent()
    const requested = await logIn(agent, '/admin', username)
    expect(requested.url).toBe(`${app.url}/admin`)
    expect(requested.status).toBe(admin)

    const page = await agent.get('/admin')
    expect(page.status).toBe(admin)
    // A missing role causes no redirect to Keycloak.
    expect(page.hops).toHaveLength(1)
    expect(visitsTo(page, flow.url)).toBe(0)
    expect((await agent.fetch('/admin')).status).toBe(admin)
    expect((await agent.get('/editor')).status).toBe(editor)
    expect((await agent.get('/plain')).status).toBe(403)
    expect((await agent.get('/any')).status).toBe(200)
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('roles of the client are also available without a prefix if the preset names the client', async () => {
    const app = await flow.start({
      options: { provider: keycloak({ url: flow.url, realm: 'acme', client: 'web' }) },
      routes: (app, oidc) =>
        app.get('/editor', oidc.requireAuth({ roles: ['editor', 'web:editor'] }), (_req, res) => {
          res.send('for editors')
        }),
    })
    expect((await logIn(app.agent(), '/editor', 'alice')).text()).toBe('for editors')
    expect((await logIn(app.agent(), '/editor', 'bob')).status).toBe(403)
  })
})
