/** What users and operators see if an application and its Keycloak do not match, or Keycloak is unreachable. */
import { customProvider, keycloak } from 'express-session-oidc'
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { until } from '../support/app.ts'
import { administrator, asksForPassword, keycloakFlow, logIn, signIn } from './support.ts'

const flow = keycloakFlow()

it('a wrong client secret is answered with a 500 page; the event says why, without the secret', async () => {
  const clientSecret = 'not-the-secret-of-web'
  const app = await flow.start({ options: { clientSecret } })
  const agent = app.agent()
  const page = await logIn(agent, '/profile', 'alice')
  expect(page.status).toBe(500)
  expect(new URL(page.url).pathname).toBe('/callback')
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(page.text()).not.toContain(clientSecret)
  expect(app.events).toMatchObject([
    {
      name: 'login_failed',
      event: { code: 'client_rejected', status: 500, detail: expect.stringContaining('unauthorized_client') },
    },
  ])
  expect(JSON.stringify(app.events)).not.toContain(clientSecret)
  expect((await agent.fetch('/profile')).status).toBe(401)
})

it('a login works with client_secret_post', async () => {
  const app = await flow.start({ options: { clientAuth: 'client_secret_post' } })
  expect((await logIn(app.agent(), '/profile', 'alice')).status).toBe(200)
})

it('a login works with form_post', async () => {
  const app = await flow.start({ options: { responseMode: 'form_post' } })
  const page = await logIn(app.agent(), '/profile', 'alice')
  expect(page.url).toBe(`${app.url}/profile`)
  expect(page.hops.some(({ method, url }) => method === 'POST' && url === `${app.url}/callback`)).toBe(true)
})

it('the option par pushes the authorization request (RFC 9126)', async () => {
  const app = await flow.start({ options: { par: true } })
  const agent = app.agent()
  const requested = await agent.get('/profile')
  expect(asksForPassword(requested)).toBe(true)
  const request = requested.hops.find(({ url }) => new URL(url).pathname.endsWith('/protocol/openid-connect/auth'))
  const parameters = new URL(request?.url ?? '').searchParams
  expect([...parameters.keys()].toSorted()).toEqual(['client_id', 'request_uri'])
  expect((await signIn(agent, requested, 'alice')).url).toBe(`${app.url}/profile`)
})

it('an issuer with a different spelling is answered with 503, and the event has the right one', async () => {
  const issuer = `${flow.url}/realms/acme`
  const app = await flow.start({ options: { provider: customProvider({ issuer: `${issuer}/` }) } })
  const page = await app.agent().get('/profile')
  expect(page.status).toBe(503)
  expect(page.headers.get('retry-after')).toMatch(/^\d+$/)
  // As in `issuer is "http://..."; set `issuer` to exactly this value`.
  const detail = expect.stringContaining(JSON.stringify(issuer))
  expect(app.events).toMatchObject([{ name: 'provider_fault', event: { detail } }, { name: 'login_failed' }])
  await expect(app.oidc.ready()).rejects.toMatchObject({ code: 'provider_unavailable', detail })
  expect(app.oidc.health()).toMatchObject({ ok: false, provider: { fault: detail } })
})

it('a realm that does not exist causes 503 only when a login is needed', async () => {
  const app = await flow.start({ options: { provider: keycloak({ url: flow.url, realm: `none-${randomUUID()}` }) } })
  const agent = app.agent()
  expect((await agent.get('/')).text()).toBe('hello stranger')
  const page = await agent.get('/profile')
  expect(page.status).toBe(503)
  expect(page.headers.get('retry-after')).toMatch(/^\d+$/)
  expect((await agent.fetch('/profile')).status).toBe(401)
  expect(app.events).toMatchObject([
    { name: 'provider_fault', event: { detail: expect.stringContaining('404') } },
    { name: 'login_failed' },
  ])
})

const admin = administrator(flow.url, 'a realm that comes into being')

it.skipIf(!admin)('a realm that is created later is used without a restart', async () => {
  if (!admin) return
  const realm = `late-${randomUUID()}`
  const app = await flow.start({ options: { provider: keycloak({ url: flow.url, realm }) } })
  const agent = app.agent()
  expect((await agent.get('/login')).status).toBe(503)

  flow.later(() => admin.dropRealm(realm))
  await admin.makeRealm({
    realm,
    enabled: true,
    clients: [{ clientId: 'web', secret: 'web-secret', redirectUris: ['http://127.0.0.1/*', 'http://localhost/*'] }],
    users: [
      {
        username: 'dave',
        enabled: true,
        email: 'dave@example.test',
        firstName: 'Dave',
        lastName: 'Dyer',
        credentials: [{ type: 'password', value: 'dave-pw' }],
      },
    ],
  })
  await until(async () => (await agent.get('/login')).status !== 503, 'the new realm is discovered')
  expect(app.oidc.health().ok).toBe(true)
  expect((await logIn(agent, '/profile', 'dave', realm)).json()).toMatchObject({ user: { name: 'Dave Dyer' } })
})

it('an unreachable Keycloak logs nobody out and lets nobody in', async () => {
  let isDown = false
  const app = await flow.start({
    options: {
      fetch: (...given) => (isDown ? Promise.reject(new TypeError('connection refused')) : fetch(...given)),
    },
  })
  const alice = app.agent()
  await logIn(alice, '/profile', 'alice')
  const bob = app.agent()
  const requested = await bob.get('/profile')

  isDown = true
  expect((await alice.get('/profile')).status).toBe(200)
  const page = await bob.submit(requested, { form: 'kc-form-login', fields: { username: 'bob', password: 'bob-pw' } })
  expect(page.status).toBe(503)
  expect((await bob.fetch('/profile')).status).toBe(401)

  isDown = false
  // The code may have reached Keycloak, so a new login follows, for which Keycloak has a session already.
  const again = await bob.get(page.url)
  expect(again.url).toBe(`${app.url}/profile`)
  expect(again.json()).toMatchObject({ user: { preferred_username: 'bob' } })
})
