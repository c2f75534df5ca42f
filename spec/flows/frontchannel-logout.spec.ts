/** OpenID Connect Front-Channel Logout 1.0: logouts that a page of the provider tells through the browser. */
import helmet from 'helmet'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { forgetWarnings } from '../../lib/core/warnings.ts'
import type { UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, noteRoutes, notesOf, told } from '../support/flow.ts'
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

/** What a frame in a page of the provider asks for. */
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
  it('with issuer and session of this browser ends its login', async () => {
    const app = await start()
    const { agent, sid } = await loggedIn(app)
    const page = await framed(agent, app, { iss: world.provider.issuer, sid })
    expect(page.status).toBe(200)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(await notesOf(agent, app)).toMatchObject({ sub: null })
    expect(told(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'front_channel' }])
  })

  it.each<[string, (given: Record<string, string>) => Record<string, string>]>([
    ['another session', (given) => ({ ...given, sid: 'another' })],
    ['a session that is cut off', (given) => ({ ...given, sid: String(given['sid']).slice(0, -1) })],
    ['another issuer', (given) => ({ ...given, iss: 'https://evil.example' })],
  ])('with %s ends nothing', async (_what, change) => {
    const app = await start()
    const { agent, sid } = await loggedIn(app)
    const page = await framed(agent, app, change({ iss: world.provider.issuer, sid }))
    expect(page.status).toBe(200)
    expect(await notesOf(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it.each([{}, { iss: 'x' }, { sid: 'x' }])('with %j alone is 400, and ends nothing', async (parameters) => {
    const app = await start()
    const { agent } = await loggedIn(app)
    expect((await framed(agent, app, parameters as Record<string, string>)).status).toBe(400)
    expect(await notesOf(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it('may be framed by pages of the provider alone, whatever helmet says of other pages', async () => {
    const app = await start({ before: (made) => void made.use(helmet()) })
    const { agent, sid } = await loggedIn(app)
    const page = await framed(agent, app, { iss: world.provider.issuer, sid })
    expect(page.headers.get('x-frame-options')).toBeNull()
    expect(page.headers.get('cross-origin-resource-policy')).toBeNull()
    const { origin } = new URL(world.provider.issuer)
    expect(page.headers.get('content-security-policy')).toBe(`default-src 'none'; frame-ancestors ${origin}`)
  })
})

describe('a session cookie that is not for frames of other sites', () => {
  beforeEach(() => forgetWarnings())

  it('is told of once, since a front-channel logout would end nothing', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const app = await start()
    const { agent, sid } = await loggedIn(app)
    for (let n = 0; n < 2; n++) await framed(agent, app, { iss: world.provider.issuer, sid })
    const codes = warned.mock.calls.map(([, options]) => (options as { code?: string }).code)
    expect(codes.filter((code) => code === 'OIDC_FRONTCHANNEL_COOKIE')).toHaveLength(1)
  })
})
