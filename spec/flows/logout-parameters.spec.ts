/** `logout({ returnTo, local, all })`: where it redirects, what it ends, and how the browser returns. */
import type { Express } from 'express'
import type { OidcLogoutParameters, Oidc, OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { flow, catchRejection, listEvents } from '../support/flow.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'
import { getContext } from '../support/app.ts'

const world = flow({ refreshTokens: 'rotating' })
const partner = partnerOfFile()

async function start(
  parameters: OidcLogoutParameters,
  options: Partial<OidcOptions> = {},
  partnerOptions: Partial<OidcOptions> = {},
) {
  let failed: unknown
  const routes = (express: Express, oidc: Oidc, url: string): void => {
    partner.routes(express, oidc, url, partnerOptions)
    express.post('/out', oidc.logout(parameters))
    express.get('/out', (req, _res, next) => {
      getContext(req)
        .logout(parameters)
        .catch((error: unknown) => {
          failed = error
          next(error)
        })
    })
    express.get('/goodbye', (_req, res) => void res.send('goodbye'))
  }
  const app = await world.start({ routes, options })
  const agent = app.agent()
  await agent.get('/profile')
  return { app, agent, failed: () => failed }
}

const listed = 'https://www.example.com'

const revoked = (): (string | null)[] =>
  world.provider.requestsTo('revocation').map(({ params }) => params.get('token_type_hint'))

describe('logout()', () => {
  it('logout() revokes the refresh token and the access token (RFC 7009)', async () => {
    const { agent } = await start({})
    const page = await agent.post('/out', {}, { followRefresh: false })
    expect(page.status).toBe(200)
    expect(new Set(revoked())).toEqual(new Set(['access_token', 'refresh_token']))
    expect(revoked()).toHaveLength(2)
  })

  it.each(['GET', 'POST'] as const)(
    'logout() by %s ends the login here and the session at the provider, which prompts at the next login',
    async (method) => {
      const { app, agent } = await start({})
      world.provider.signIn(undefined)
      // Nobody is at the keyboard, so this succeeds only because the provider has a session of the browser.
      expect((await agent.get('/login?returnTo=/profile')).url).toBe(`${app.url}/profile`)
      const page = await (method === 'GET' ? agent.get('/out') : agent.post('/out'))
      expect(new URL('/', page.url).href).toBe(`${app.url}/`)
      expect(new URL(page.url).pathname).toBe('/')
      expect(page.text()).toBe('hello stranger')
      expect(world.provider.requestsTo('end_session')).toHaveLength(1)
      expect(await whoIs(agent, app)).toMatchObject({ default: null })
      expect((await agent.get('/profile')).text()).toContain('Who are you?')
    },
  )

  it('logout() waits no longer than one request for a revocation endpoint that never answers', async () => {
    const { app, agent } = await start({}, { providerTimeoutSeconds: 2 })
    world.provider.misbehave({ endpoints: { revocation: { hang: true } } })
    const begun = performance.now()
    const page = await agent.post('/out', {}, { followRefresh: false })
    const seconds = (performance.now() - begun) / 1000
    // Two requests one after the other would take twice the time limit.
    expect(seconds).toBeGreaterThan(1.9)
    expect(seconds).toBeLessThan(3.9)
    // Both requests were sent, at the same time.
    expect(revoked()).toHaveLength(2)
    expect(page.status).toBe(200)
    expect(page.text()).toContain(new URL('/logout', world.provider.issuer).href)
    expect(await whoIs(agent, app)).toMatchObject({ default: null })
    expect(listEvents(app, 'logout')).toHaveLength(1)
    // The page sends the browser to the provider, where the login ends too.
    await agent.click(page, 'Continue')
    world.provider.signIn(undefined)
    expect((await agent.get('/profile')).text()).toContain('Who are you?')
  })

  it('logout() in a new process waits no longer than one request for a provider that never answers', async () => {
    const { agent } = await start({})
    const restarted = await world.start({
      options: { providerTimeoutSeconds: 2 },
      routes: (express, oidc) => express.post('/out', oidc.logout()),
    })
    world.provider.misbehave({
      endpoints: { discovery: { hang: true }, revocation: { hang: true }, end_session: { hang: true } },
    })
    const begun = performance.now()
    const page = await agent.post(`${restarted.url}/out`, {}, { followRefresh: false })
    const seconds = (performance.now() - begun) / 1000
    // Two requests one after the other would take twice the time limit.
    expect(seconds).toBeGreaterThan(1.9)
    expect(seconds).toBeLessThan(3.9)
    expect(listEvents(restarted, 'logout')).toHaveLength(1)
    const after = await agent.click(page, 'Continue')
    expect([after.url, after.text()]).toEqual([`${restarted.url}/`, 'hello stranger'])
  })

  it('logout({ local }) ends the login and revokes its tokens, but keeps the session at the provider', async () => {
    const { app, agent } = await start({ local: true, returnTo: '/goodbye' })
    const page = await agent.post('/out')
    expect(page.url).toBe(`${app.url}/goodbye`)
    expect(page.hops.map(({ url }) => new URL(url).origin)).not.toContain(new URL(world.provider.issuer).origin)
    expect(revoked()).toHaveLength(2)
    expect(await whoIs(agent, app)).toMatchObject({ default: null })
    world.provider.signIn(undefined)
    // The provider asks for no password.
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('logout() ends only the login of its own instance', async () => {
    const { app, agent } = await start({})
    await agent.get('/partner-profile')
    await agent.post('/out', {}, { followRefresh: false })
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
  })

  it('logout({ all }) ends the logins with all instances and deletes the session data', async () => {
    const { app, agent } = await start({ all: true })
    await agent.get('/partner-profile')
    await agent.get('/cart/apples')
    await agent.post('/out', {}, { followRefresh: false })
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: null, cart: null })
  })

  it('logout({ all }) ends the logins with other instances even without one of its own', async () => {
    const { app, agent } = await start({ all: true })
    await agent.get('/partner-profile')
    await agent.post('/logout', {}, { followRefresh: false })
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'bob' })
    await agent.post('/out')
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: null })
  })

  it.each([
    ['keeps the login with an instance that does not list the origin', [], 'bob'],
    ['ends the login with an instance that lists the origin', [listed], null],
  ])('logout({ all }) from an origin that its own instance lists %s', async (_, allowedOrigins, left) => {
    const { app, agent } = await start({ all: true }, { allowedOrigins: [listed] }, { allowedOrigins })
    await agent.get('/partner-profile')
    await agent.post('/out', {}, { headers: { origin: listed, 'sec-fetch-site': 'cross-site' }, redirect: 'manual' })
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: left })
  })

  it.each([
    [{ local: 'yes' }, '`local` must be true or false'],
    [{ all: 1 }, '`all` must be true or false'],
    [{ returnTo: 'https://evil.example' }, '`returnTo` must be a path on this origin'],
    [{ localOnly: true }, '`localOnly` is not an option'],
  ])('logout() rejects %j and logs nobody out', async (parameters, message) => {
    const { app, agent } = await start({})
    expect(() => app.oidc.logout(parameters as OidcLogoutParameters)).toThrow(message)
    const own = await world.start({
      routes: (express) => {
        express.get('/out', (req, res) => {
          void catchRejection(getContext(req).logout(parameters as OidcLogoutParameters)).then((error) =>
            res.send(error.message),
          )
        })
      },
    })
    const there = own.agent()
    await there.get('/profile')
    expect((await there.get('/out')).text()).toContain(message)
    expect((await there.fetch('/profile')).status).toBe(200)
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice' })
  })
})

describe('a browser that returns from a logout at the provider', () => {
  it('the browser reaches returnTo through the one registered post-logout redirect URI', async () => {
    const { app, agent } = await start({ returnTo: '/goodbye?from=out' })
    const page = await agent.post('/out')
    expect(page.url).toBe(`${app.url}/goodbye?from=out`)
    const requested = world.provider.requestsTo('end_session').at(-1)?.params
    expect(requested?.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
  })

  it.each<[string, (state: string) => string | undefined]>([
    ['an altered state', (state) => `${state}_INVALID`],
    ['no state', () => undefined],
    ['a forged state', () => 'x'],
  ])('a return with %s stays at the post-logout redirect URI, which answers as usual', async (_what, change) => {
    const { app, agent } = await start({ returnTo: '/goodbye' })
    const undo = world.provider.misbehave({
      logoutResponse: ({ state, ...others }) => {
        const changed = change(String(state))
        return changed === undefined ? others : { ...others, state: changed }
      },
    })
    const page = await agent.post('/out')
    undo()
    expect(new URL(page.url).pathname).toBe('/')
    expect(page.status).toBe(200)
    expect(page.text()).toContain('hello')
    expect(await whoIs(agent, app)).toMatchObject({ default: null })
  })

  it('the state of a login causes no redirect at the post-logout redirect URI', async () => {
    const { app, agent } = await start({})
    const login = await app.agent().get('/login', { redirect: 'manual' })
    const state = new URL(login.headers.get('location') ?? '').searchParams.get('state') ?? ''
    expect((await agent.get(`/?state=${encodeURIComponent(state)}`)).text()).toContain('hello')
  })
})
