/**
 * Two unnamed instances in two applications share Redis, the session cookie and the secret. Customers log in to the shop
 * with one provider, and staff to the back office with another. Neither can use the logins of the other.
 */
import { createOidc, LoginNeeded, type OidcOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { getContext, secret, type TestApp } from '../support/app.ts'
import {
  flow,
  readLocation,
  noteRoutes,
  listNotes,
  readAuthorizationRequest,
  response,
  listEvents,
} from '../support/flow.ts'
import { makeIdentity } from '../support/identity.ts'
import { deliver, logoutToken } from '../support/logout-token.ts'
import { waiting } from '../support/waiting.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 60 })
let staff: TestProvider
beforeAll(async () => {
  staff = await startTestProvider({ hostname: 'localhost', refreshTokens: 'rotating', algorithm: 'ES256' })
})
afterAll(() => staff.stop())
beforeEach(() => {
  staff.signIn('bob')
  staff.forget()
})
afterEach(() => {
  staff.behave()
})

const manual = { redirect: 'manual' } as const

function shop(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return start(world.provider, options)
}

function backOffice(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return start(staff, options)
}

function start(provider: TestProvider, options: Partial<OidcOptions>): Promise<TestApp> {
  const sessionStore = world.store()
  return world.start({
    provider,
    options: { sessionStore, ...options },
    session: { store: sessionStore },
    routes(app, oidc) {
      noteRoutes(app)
      app.get('/admin', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('the back office'))
      app.get('/strong', oidc.requireAuth({ acr: 'gold' }), (_req, res) => void res.send('strong'))
      app.get(
        '/token',
        oidc.requireAuth(),
        waiting(async (req, res) => void res.send(await getContext(req).accessToken({ minValidSeconds: 600 }))),
      )
    },
  })
}

/** The endpoints of a provider that received requests, without metadata and keys. */
function requested(provider: TestProvider): string[] {
  return provider.requests.map(({ endpoint }) => endpoint).filter((name) => !['discovery', 'jwks'].includes(name))
}

/** The browser of a customer with a login at the shop. */
async function customer(app: TestApp): Promise<UserAgent> {
  const agent = app.agent()
  await agent.get('/note/apples')
  expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  return agent
}

function at(app: TestApp, path: string): string {
  return app.url + path
}

describe('a login with one provider', { meta: { id: 'owners-1' } }, () => {
  it('a login is not valid with the other instance, which sends its tokens nowhere', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const [one, other] = [await shop(), await backOffice({ recheckSeconds: 1 })]
    const agent = await customer(one)
    vi.setSystemTime(Date.now() + 5000)
    for (const path of ['/admin', '/profile', '/token']) {
      expect((await agent.fetch(at(other, path))).json()).toMatchObject({ status: 401, code: 'login_required' })
    }
    expect((await agent.get(at(other, '/'))).text()).toBe('hello stranger')
    expect(requested(staff)).toEqual([])
    // The login is still valid with its own instance.
    expect((await agent.fetch(at(one, '/admin'))).text()).toBe('the back office')
    expect((await agent.fetch(at(one, '/token'))).status).toBe(200)
  })

  it('a login ends when the option issuer changes, and the new provider receives nothing', async () => {
    const before = await shop()
    const agent = await customer(before)
    const after = await backOffice({ recheckSeconds: 1 })
    const page = await agent.get(at(after, '/profile'), manual)
    expect(readLocation(page)).toContain(`${staff.issuer}/authorize`)
    expect(requested(staff)).toEqual([])
  })

  it('a login ends when the option clientId changes', async () => {
    const agent = await customer(await shop())
    const settings = world.provider.settings('public-name') as Partial<OidcOptions>
    const after = await start(world.provider, settings)
    world.provider.forget()
    expect((await agent.fetch(at(after, '/token'))).json()).toMatchObject({ code: 'login_required' })
    expect(requested(world.provider)).toEqual([])
  })

  it('a logout with one instance keeps the login with the other', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = await customer(one)
    world.provider.forget()
    const answer = await agent.fetch(at(other, '/logout'), { method: 'POST' })
    expect(answer.status).toBe(200)
    expect(listEvents(other, 'logout')).toEqual([])
    expect([requested(world.provider), requested(staff)]).toEqual([[], []])
    expect((await agent.fetch(at(one, '/profile'))).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('oidc.logins of one instance can neither use, list nor end the login of the other', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = await customer(one)
    const id = String(listEvents(one, 'login')[0]?.['loginId'])
    await expect(other.oidc.logins.accessToken({ id })).rejects.toMatchObject({ code: 'login_required' })
    expect(await other.oidc.logins.end({ id })).toBe(0)
    expect(await other.oidc.logins.list({ sub: 'alice' })).toEqual([])
    expect(await other.oidc.logins.end({ sub: 'alice' })).toBe(0)
    expect(requested(staff)).toEqual([])
    expect(await one.oidc.logins.list({ sub: 'alice' })).toContainEqual(expect.objectContaining({ id }))
    expect((await agent.fetch(at(one, '/profile'))).status).toBe(200)
  })
})

describe('a login with the other provider in the same session', { meta: { id: 'owners-2' } }, () => {
  it('a login with the other instance counts as another user: no data are kept, and no tokens are sent', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = await customer(one)
    const former = await listNotes(agent, one)
    const { client } = world.redis
    const tokens = `oidc:{sess:${former.id}}:tokens:default`
    expect(await client.get(tokens)).not.toBeNull()
    world.provider.forget()
    expect((await agent.get(at(other, '/profile'))).json()).toMatchObject({ user: { sub: 'bob' } })
    expect(await listNotes(agent, other)).toMatchObject({ notes: [], sub: 'bob' })
    expect(await client.get(tokens)).toBeNull()
    expect(requested(world.provider)).toEqual([])
    expect(staff.requestsTo('token').map(({ params }) => params.get('grant_type'))).toEqual(['authorization_code'])
    // The shop has lost its login, which causes one warning.
    expect((await agent.fetch(at(one, '/profile'))).json()).toMatchObject({ code: 'login_required' })
    const shared = other.log.filter(({ code }) => code === 'OIDC_NAME_SHARED')
    expect(shared).toMatchObject([
      { level: 'warn', fix: expect.stringContaining("createOidc({ name: 'staff' })") as string },
    ])
  })

  it('two instances with different names keep both logins, without a warning', async () => {
    const [one, other] = [await shop(), await backOffice({ name: 'staff' })]
    const agent = await customer(one)
    expect((await agent.get(at(other, '/profile'))).json()).toMatchObject({ user: { sub: 'bob' } })
    expect((await agent.fetch(at(one, '/profile'))).json()).toMatchObject({ user: { sub: 'alice' } })
    expect([...one.log, ...other.log].filter(({ code }) => code === 'OIDC_NAME_SHARED')).toEqual([])
  })
})

describe('a login in progress with one provider', { meta: { id: 'owners-3' } }, () => {
  it('a callback of the other instance is answered 400, and sends neither code nor verifier', async () => {
    // Like many providers, these send no `iss` in the response (RFC 9207).
    for (const provider of [world.provider, staff]) {
      provider.misbehave({
        metadata: (metadata) => ({ ...metadata, authorization_response_iss_parameter_supported: undefined }),
        authorizationResponse: (parameters) => ({ ...parameters, iss: undefined }),
      })
    }
    const [one, other] = [await shop(), await backOffice()]
    const agent = one.agent()
    const callback = await response(agent, '/profile')
    const page = await agent.get(callback.replace(one.url, other.url), manual)
    expect(page.status).toBe(400)
    expect(listEvents(other, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])
    expect(requested(staff)).toEqual([])
    expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('each instance has its own cookies, and does not clear those of the other', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = one.agent()
    const callbacks: string[] = []
    for (let n = 0; n < 4; n++) callbacks.push(await response(agent, '/profile'))
    // If the limit of five applied to both together, the oldest cookies would be cleared.
    for (let n = 0; n < 4; n++) await agent.get(at(other, '/login'), manual)
    for (const callback of callbacks) {
      agent.jar.delete(one.cookie('finished'))
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
    }
    const names = ['finished', 'silent', 'bye'].flatMap((name) => [one.cookie(name), other.cookie(name)])
    expect(new Set(names).size).toBe(6)
  })
})

describe('a URL with sealed parameters of one instance', { meta: { id: 'owners-4' } }, () => {
  it('a step-up URL of one instance requests no step-up with the other', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = await customer(one)
    const { login } = (await agent.fetch(at(one, '/strong'))).json() as { login: string }
    const path = login.slice(one.url.length)
    expect(path).toContain('ask=')
    expect((await readAuthorizationRequest(agent, at(one, path))).get('acr_values')).toBe('gold')
    expect((await readAuthorizationRequest(agent, at(other, path))).get('acr_values')).toBeNull()
  })

  it('a post-logout state of one instance does not redirect with the other', async () => {
    const [one, other] = [await shop(), await backOffice()]
    const agent = await customer(one)
    one.app.get(
      '/end',
      (req, res, next) =>
        void getContext(req)
          .logout({ returnTo: '/goodbye' })
          .catch(next)
          .then(() => res),
    )
    const end = new URL(readLocation(await agent.get(at(one, '/end'), manual)))
    const back = `/?state=${end.searchParams.get('state')}`
    expect((await agent.get(at(one, back), manual)).headers.get('location')).toBe('/goodbye')
    expect((await agent.get(at(other, back), manual)).headers.get('location')).toBeNull()
  })
})

describe('a logout token', { meta: { id: 'owners-5' } }, () => {
  it('a logout token for two clients of one provider is accepted once by each', async () => {
    const settings = world.provider.settings('public-name') as Partial<OidcOptions>
    const [one, other] = [await shop(), await start(world.provider, settings)]
    await customer(one)
    const [latest] = await one.oidc.logins.list({ sub: 'alice' })
    const token = await logoutToken(world.provider, { sid: latest?.sid, aud: ['web', 'public-name'] })
    const statuses: number[] = []
    for (const app of [one, other, one, other]) {
      statuses.push((await deliver(at(app, '/backchannel-logout'), { logout_token: token })).status)
    }
    expect(statuses).toEqual([200, 200, 400, 400])
    expect(listEvents(one, 'logout')).toHaveLength(1)
  })
})

describe('a step-up error (LoginNeeded)', { meta: { id: 'owners-6' } }, () => {
  const needs = { provider: 'default', scope: ['orders'], parameters: {}, detail: 'the scope orders' }

  it('a step-up URL is offered only by the owner of the login, not by another instance of its name', async () => {
    const app = await shop()
    const fault = { owner: app.owner }
    app.app.get('/orders', (_req, _res, next) => next(new LoginNeeded('not_allowed', { ...needs, ...fault })))
    app.app.use(app.oidc.errorHandler())
    const agent = await customer(app)
    expect((await readAuthorizationRequest(agent, '/orders')).get('scope')).toContain('orders')
    expect((await agent.fetch('/orders')).json()).toMatchObject({ login: expect.stringContaining('ask=') as string })

    fault.owner = (await backOffice()).owner
    const page = await agent.get('/orders', manual)
    expect(page.status).toBe(403)
    expect(page.text()).toContain('Go to the start page')
    expect(page.text()).not.toContain('/login')
    expect((await agent.fetch('/orders')).json()).toEqual({
      title: expect.any(String) as string,
      status: 403,
      code: 'not_allowed',
    })
  })

  it('the login URL of a step-up error is that of its own instance, even if another answers it', async () => {
    const app = await shop()
    const partner = createOidc({ ...staff.settings(), name: 'partner', baseUrl: app.url, secret })
    const { owner } = makeIdentity({ ...staff.settings(), name: 'partner', baseUrl: app.url })
    const error = (): LoginNeeded => new LoginNeeded('not_allowed', { ...needs, provider: 'partner', owner })
    app.app.use(partner.router)
    app.app.get('/orders', (_req, _res, next) => next(error()))
    app.app.use(app.oidc.errorHandler())
    const { login } = (await (await customer(app)).fetch('/orders')).json() as { login: string }
    expect(login).toContain(`${app.url}/partner/login?`)
  })
})
