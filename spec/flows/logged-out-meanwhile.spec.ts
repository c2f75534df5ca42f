/** Logouts of a user while a login is in progress: the logout is final, but a login that follows it is kept. */
import { describe, expect, it } from 'vitest'
import { MemoryStore } from 'express-session'
import type { Oidc } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, readLocation, noteRoutes, listNotes, response, listEvents } from '../support/flow.ts'
import { deliver, logoutToken } from '../support/logout-token.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'

const world = flow({ refreshTokens: 'rotating' })
const partner = partnerOfFile()

/** Ways to end all logins of Alice. */
const ways: Record<string, (app: TestApp) => Promise<unknown>> = {
  'a logout token with a sub': async (app) => {
    const token = await logoutToken(world.provider, { sub: 'alice' })
    const answer = await deliver(app.url + app.oidc.paths.backchannelLogout, { logout_token: token })
    expect(answer.status).toBe(200)
  },
  'logins.end({ sub })': (app) => app.oidc.logins.end({ sub: 'alice' }),
}

function start(store = world.store()): Promise<TestApp> {
  return world.start({ session: { store }, options: { sessionStore: store }, routes: noteRoutes })
}

/** Requests a callback without following its redirect, and returns where that leads. */
async function finish(agent: UserAgent, callback: string): Promise<string> {
  const answer = await agent.get(callback, { redirect: 'manual' })
  expect(answer.status).toBeGreaterThanOrEqual(302)
  return readLocation(answer)
}

describe.each(Object.entries(ways))('a logout through %s', (_what, logOut) => {
  it(
    'a logout restarts a login in progress once, and the restarted login succeeds',
    { meta: { id: 'logged-out-meanwhile-2' } },
    async () => {
      const app = await start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      await logOut(app)
      const again = await finish(agent, callback)
      expect(new URL(again).pathname).toBe('/authorize')
      expect(await listNotes(agent, app)).toMatchObject({ sub: null })
      const done = await agent.get(again)
      expect(done.url).toBe(`${app.url}/profile`)
      expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
      expect(listEvents(app, 'login')).toHaveLength(1)
    },
  )

  it('a logout keeps a login that begins after it', async () => {
    const app = await start()
    await logOut(app)
    const agent = app.agent()
    expect((await agent.get('/profile')).hops.filter((hop) => hop.url.includes('/callback'))).toHaveLength(1)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it('a logout keeps a login in progress of another user', async () => {
    const app = await start()
    world.provider.signIn('bob')
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await logOut(app)
    expect(await finish(agent, callback)).toBe(`${app.url}/profile`)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'bob' })
  })

  it('a logout that restarts a login in progress keeps the data of the former session', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/note/apples')
    const callback = await response(agent, '/profile')
    await logOut(app)
    await finish(agent, callback)
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: null })
  })

  it('a logout ends logins and restarts logins in progress with MemoryStore too', async () => {
    const app = await start(new MemoryStore() as never)
    const agent = app.agent()
    await agent.get('/profile')
    const underWay = app.agent()
    const callback = await response(underWay, '/profile')
    await logOut(app)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    expect(new URL(await finish(underWay, callback)).pathname).toBe('/authorize')
  })
})

describe('a login with a second instance that is logged out while it is in progress', () => {
  it(
    'a login with a second instance that is logged out keeps the first login, which can still be ended',
    { meta: { id: 'logged-out-meanwhile-1' } },
    async () => {
      const store = world.store()
      let linked: Oidc | undefined
      const app = await world.start({
        session: { store },
        options: { sessionStore: store },
        routes: (express, oidc, url) => void (linked = partner.routes(express, oidc, url, { sessionStore: store })),
      })
      const agent = app.agent()
      await agent.get('/profile')
      const callback = await response(agent, '/partner-profile')
      await linked?.logins.end({ sub: 'bob' })
      await finish(agent, callback)
      expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: null })
      // The rollback removed what the failed login had written, and nothing else.
      expect(await app.oidc.logins.list({ sub: 'alice' })).toHaveLength(1)
      expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
      expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: null })
    },
  )
})

describe('a late logout token', () => {
  it('a late logout token keeps a login whose ID token was issued after it', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    const iat = Math.floor(Date.now() / 1000) - 60
    const token = await logoutToken(world.provider, { sub: 'alice', iat })
    expect((await deliver(app.url + app.oidc.paths.backchannelLogout, { logout_token: token })).status).toBe(200)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
    // The next logout token still finds the login that the first one skipped.
    const next = await logoutToken(world.provider, { sub: 'alice', iat: iat + 61 })
    expect((await deliver(app.url + app.oidc.paths.backchannelLogout, { logout_token: next })).status).toBe(200)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })

  it('a late logout token keeps a login in progress whose user authenticated after it', async () => {
    const app = await start()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const iat = Math.floor(Date.now() / 1000) - 60
    const token = await logoutToken(world.provider, { sub: 'alice', iat })
    expect((await deliver(app.url + app.oidc.paths.backchannelLogout, { logout_token: token })).status).toBe(200)
    expect(await finish(agent, callback)).toBe(`${app.url}/profile`)
  })
})
