/** OpenID Connect Front-Channel Logout 1.0. */
import helmet from 'helmet'
import { describe, expect, it } from 'vitest'
import type { UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, noteRoutes, listNotes, listEvents } from '../support/flow.ts'
import { sidRoute } from '../support/sid-route.ts'

const world = flow()
const start = (setup: Parameters<typeof world.start>[0] = {}): Promise<TestApp> =>
  world.start({
    ...setup,
    routes: (app) => {
      noteRoutes(app)
      sidRoute(app)
    },
  })

/** The request of an iframe in a page of the provider. */
async function framed(agent: UserAgent, app: TestApp, parameters: Record<string, string>) {
  const query = new URLSearchParams(parameters).toString()
  return agent.get(`${app.oidc.paths.frontchannelLogout}?${query}`, {
    headers: { 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' },
  })
}

async function loggedIn(app: TestApp): Promise<{ agent: UserAgent; sid: string }> {
  const agent = app.agent()
  await agent.get('/profile')
  return { agent, sid: (await agent.fetch('/sid')).json() as unknown as string }
}

describe('a front-channel logout', () => {
  it(
    "a request with the issuer and the sid of the browser's login ends that login",
    { meta: { id: 'frontchannel-logout-1' } },
    async () => {
      const app = await start()
      const { agent, sid } = await loggedIn(app)
      const page = await framed(agent, app, { iss: world.provider.issuer, sid })
      expect(page.status).toBe(200)
      expect(page.headers.get('cache-control')).toBe('no-store')
      expect(await listNotes(agent, app)).toMatchObject({ sub: null })
      expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'front_channel' }])
    },
  )

  it.each<[string, (given: Record<string, string>) => Record<string, string>]>([
    ['another sid', (given) => ({ ...given, sid: 'another' })],
    ['a truncated sid', (given) => ({ ...given, sid: String(given['sid']).slice(0, -1) })],
    ['another issuer', (given) => ({ ...given, iss: 'https://evil.example' })],
  ])('a request with %s keeps the login', { meta: { id: 'frontchannel-logout-2' } }, async (_what, change) => {
    const app = await start()
    const { agent, sid } = await loggedIn(app)
    const page = await framed(agent, app, change({ iss: world.provider.issuer, sid }))
    expect(page.status).toBe(200)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it(
    'a request of another browser ends no login and revokes no token',
    { meta: { id: 'frontchannel-logout-3' } },
    async () => {
      const app = await start()
      const alice = await loggedIn(app)
      world.provider.signIn('bob')
      const bob = await loggedIn(app)
      for (const agent of [bob.agent, app.agent()]) {
        expect((await framed(agent, app, { iss: world.provider.issuer, sid: alice.sid })).status).toBe(200)
      }
      expect(await listNotes(alice.agent, app)).toMatchObject({ sub: 'alice' })
      expect(await listNotes(bob.agent, app)).toMatchObject({ sub: 'bob' })
      expect(listEvents(app, 'logout')).toEqual([])
      expect(world.provider.requestsTo('revocation')).toEqual([])
    },
  )

  it.each([{}, { iss: 'x' }, { sid: 'x' }])(
    'a request with only the parameters %j is answered 400 and keeps the login',
    async (parameters) => {
      const app = await start()
      const { agent } = await loggedIn(app)
      expect((await framed(agent, app, parameters as Record<string, string>)).status).toBe(400)
      expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
    },
  )

  it('the response can be framed only by the provider, overriding the headers of helmet', async () => {
    const app = await start({ before: (made) => void made.use(helmet()) })
    const { agent, sid } = await loggedIn(app)
    const page = await framed(agent, app, { iss: world.provider.issuer, sid })
    expect(page.headers.get('x-frame-options')).toBeNull()
    expect(page.headers.get('cross-origin-resource-policy')).toBeNull()
    const { origin } = new URL(world.provider.issuer)
    expect(page.headers.get('content-security-policy')).toBe(`default-src 'none'; frame-ancestors ${origin}`)
  })
})

describe('a session cookie that is not sent in cross-site frames', () => {
  it('an unsuitable session cookie causes one warning, since front-channel logout would have no effect', async () => {
    const app = await start()
    const { agent, sid } = await loggedIn(app)
    for (let n = 0; n < 2; n++) await framed(agent, app, { iss: world.provider.issuer, sid })
    const codes = app.log.map(({ code }) => code)
    expect(codes.filter((code) => code === 'OIDC_FRONTCHANNEL_COOKIE')).toHaveLength(1)
  })
})
