/** A login through Keycloak's own pages, and who the application then takes the user for. */
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
  tokensOf,
  visitsTo,
} from './support.ts'

const flow = keycloakFlow()

describe('a login at Keycloak', () => {
  it(
    'lets a wrong password in nowhere, and the right one to the page that was asked for',
    { meta: { id: 'login-12' } },
    async () => {
      const app = await flow.start()
      const agent = app.agent()
      const asked = await agent.get('/profile?tab=2')
      expect(asksForPassword(asked)).toBe(true)

      const again = await signIn(agent, asked, 'alice', 'not her password')
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

  it('is made under a new session id, and keeps what the visitor had', async () => {
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

  it('asks the userinfo endpoint where it is told to, and only there', async () => {
    const asked: string[] = []
    const counting: typeof fetch = (input, init) => {
      asked.push(input instanceof Request ? input.url : String(input))
      return fetch(input, init)
    }
    const endpoint = `${flow.url}/realms/acme/protocol/openid-connect/userinfo`
    const without = await flow.start({ options: { fetch: counting } })
    const { user } = (await logIn(without.agent(), '/profile', 'bob')).json()
    expect(asked).not.toContain(endpoint)

    const told = await flow.start({ options: { userInfo: 'login', fetch: counting } })
    const profile = (await logIn(told.agent(), '/profile', 'bob')).json()
    expect(asked.filter((url) => url === endpoint)).toHaveLength(1)
    const { sub, name, email } = user as Record<string, string>
    expect(profile).toMatchObject({ user: { sub, name, email } })
  })

  it('uses the code once, however often its address is opened', async () => {
    const app = await flow.start({ routes: tokenRoute })
    const agent = app.agent()
    const callback = await authorizationResponse(agent, await agent.get('/profile'), 'alice')

    const twice = await Promise.all([agent.get(callback), agent.get(callback)])
    const later = await agent.get(callback)
    for (const page of [...twice, later]) expect(page.url).toBe(`${app.url}/profile`)
    expect(app.events.map(({ name }) => name)).toEqual(['login'])
    // Keycloak ends what a code was good for when the code comes a second time.
    const { accessToken } = await tokensOf(agent)
    expect((await askUserInfo(flow.url, accessToken)).status).toBe(200)
  })
})

describe('roles from Keycloak', () => {
  it('come from the realm and, as client:role, from the client', { meta: { id: 'login-13' } }, async () => {
    const app = await flow.start()
    const { roles } = (await logIn(app.agent(), '/profile', 'alice')).json()
    expect(roles).toEqual(expect.arrayContaining(['admin', 'user', 'web:editor']))
    expect(roles).not.toContain('editor')
  })

  it('are not taken from what is in the ID token alone', async () => {
    const app = await flow.start()
    const profile = (await logIn(app.agent(), '/profile', 'alice')).json()
    expect(profile['user']).not.toHaveProperty('realm_access')
    expect(profile['user']).not.toHaveProperty('resource_access')
  })

  it.each([
    { username: 'alice', admin: 200, editor: 200 },
    { username: 'bob', admin: 403, editor: 403 },
  ])('open $username /admin with $admin and /editor with $editor', async ({ username, admin, editor }) => {
    const app = await flow.start({
      routes: (app, oidc) => {
        app.get('/admin', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('for admins'))
        app.get('/editor', oidc.requireAuth({ roles: ['web:editor'] }), (_req, res) => void res.send('for editors'))
        app.get('/plain', oidc.requireAuth({ roles: ['editor'] }), (_req, res) => void res.send('for editors'))
        app.get('/any', oidc.requireAuth({ anyRole: ['admin', 'user'] }), (_req, res) => void res.send('for users'))
      },
    })
    const agent = app.agent()
    const asked = await logIn(agent, '/admin', username)
    expect(asked.url).toBe(`${app.url}/admin`)
    expect(asked.status).toBe(admin)

    const page = await agent.get('/admin')
    expect(page.status).toBe(admin)
    // A user who lacks a role is not sent away to fetch it.
    expect(page.hops).toHaveLength(1)
    expect(visitsTo(page, flow.url)).toBe(0)
    expect((await agent.fetch('/admin')).status).toBe(admin)
    expect((await agent.get('/editor')).status).toBe(editor)
    expect((await agent.get('/plain')).status).toBe(403)
    expect((await agent.get('/any')).status).toBe(200)
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('of the own client are plain too where the preset is told its name', async () => {
    const app = await flow.start({
      options: keycloak({ url: flow.url, realm: 'acme', client: 'web' }),
      routes: (app, oidc) =>
        app.get('/editor', oidc.requireAuth({ roles: ['editor', 'web:editor'] }), (_req, res) => {
          res.send('for editors')
        }),
    })
    expect((await logIn(app.agent(), '/editor', 'alice')).text()).toBe('for editors')
    expect((await logIn(app.agent(), '/editor', 'bob')).status).toBe(403)
  })
})
