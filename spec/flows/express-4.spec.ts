/** The central flows on Express 4. */
import express, { type Express } from 'express'
import { LoginRefused } from 'express-session-oidc'
import { describe, expect, it, vi } from 'vitest'
import { flow, forgetTransactions, noteRoutes, listNotes, response, listEvents } from '../support/flow.ts'

// In production the package imports the Express of its application; here both get Express 4.
vi.mock('express', async () => {
  const { createRequire } = await import('node:module')
  return { default: createRequire(import.meta.url)('express4') as unknown }
})

const world = flow()

describe('an application on Express 4', () => {
  it('the application of this file runs on Express 4', { meta: { id: 'express-4-1' } }, async () => {
    const app = await world.start()
    // Express 5 removed `app.del()`.
    expect(app.app).toHaveProperty('del')
  })

  it('a login starts at a guarded page and returns to it', async () => {
    const app = await world.start({ routes: noteRoutes })
    const agent = app.agent()
    await agent.get('/note/apples')
    const page = await agent.get('/profile?tab=2&a[b]=c')
    expect(page.url).toBe(`${app.url}/profile?tab=2&a[b]=c`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
  })

  it('a form can start a login, and a hostile returnTo leads to the base path', async () => {
    const app = await world.start({
      routes: (express, oidc) => void express.post('/connect', oidc.login({ scope: 'openid x', returnTo: '/profile' })),
    })
    expect((await app.agent().post('/connect')).json()).toMatchObject({ scope: ['openid', 'x'] })
    expect((await app.agent().get('/login?returnTo=//evil.example')).url).toBe(`${app.url}/`)
    expect((await app.agent().get('/login?returnTo[x]=/profile')).url).toBe(`${app.url}/`)
  })

  it('a reloaded callback, a lost cookie and a foreign state are handled as on Express 5', async () => {
    const app = await world.start()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await agent.get(callback)
    expect((await agent.get(callback, { redirect: 'manual' })).headers.get('location')).toBe('/profile')
    const other = app.agent()
    const lost = await response(other, '/profile')
    forgetTransactions(other)
    expect((await other.get(lost)).url).toBe(`${app.url}/profile`)
    const foreign = await app.agent().get('/callback?code=x&state=foreign')
    expect(foreign.status).toBe(400)
    expect(foreign.headers.get('cache-control')).toBe('no-store')
  })

  it('each failed login is answered, and no request hangs', async () => {
    let fault: Error | undefined
    const app = await world.start({
      options: {
        afterLogin: () => {
          if (fault) throw fault
        },
      },
    })
    fault = new LoginRefused('Not you.')
    const refused = await app.agent().get('/profile')
    expect([refused.status, refused.text().includes('Not you.')]).toEqual([403, true])
    fault = new Error('broken')
    expect((await app.agent().get('/profile')).status).toBe(500)
    fault = undefined
    world.provider.deny()
    expect((await app.agent().get('/profile')).status).toBe(403)
    world.provider.misbehave({ endpoints: { token: { status: 500 } } })
    expect((await app.agent().get('/profile')).status).toBe(503)
    world.provider.misbehave({ idToken: { signature: 'none' }, endpoints: { token: { times: 0 } } })
    world.provider.behave()
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(listEvents(app, 'login_failed').map(({ status }) => status)).toEqual([403, 500, 403, 503])
  })

  it('an error that onError passes on or throws reaches the application', async () => {
    const app = await world.start({
      options: { onError: (error, _req, _res, next) => next(error) },
    })
    const page = await app.agent().get('/callback?state=foreign')
    expect(page.status).toBe(400)
    const other = await world.start({
      options: {
        onError: async () => {
          throw new Error('broken too')
        },
      },
    })
    expect((await other.agent().get('/callback?state=foreign')).status).toBe(500)
  })

  it('a logout ends the login', async () => {
    const app = await world.start()
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.post('/logout')).text()).toBe('hello stranger')
  })

  it('form_post logs in, even behind a JSON parser that leaves an empty body', async () => {
    for (const before of [() => {}, (app: Express) => void app.use(express.json())]) {
      const app = await world.start({ before, options: { responseMode: 'form_post' } })
      const page = await app.agent({ site: (url) => url.origin }).get('/profile')
      expect(page.url).toBe(`${app.url}/profile`)
    }
  })
})
