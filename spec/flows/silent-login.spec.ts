import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, noteRoutes, listNotes, readAuthorizationRequest, response, listEvents } from '../support/flow.ts'

const world = flow()

function start(responseMode: 'query' | 'form_post' = 'query'): Promise<TestApp> {
  return world.start({
    options: { responseMode },
    routes: (express, oidc) => {
      noteRoutes(express)
      express.get('/silent', oidc.login({ prompt: 'none', returnTo: '/notes?silent' }))
    },
  })
}

describe('prompt=none', () => {
  it(
    'prompt=none logs in without a page if there is a session at the provider',
    { meta: { id: 'silent-login-1' } },
    async () => {
      const app = await start()
      const agent = app.agent()
      await agent.get('/profile')
      agent.jar.delete('connect.sid')
      world.provider.signIn(undefined)
      expect((await readAuthorizationRequest(agent, '/silent')).get('prompt')).toBe('none')
      const page = await agent.get('/silent')
      expect(page.url).toBe(`${app.url}/notes?silent`)
      expect(page.json()).toMatchObject({ sub: 'alice' })
    },
  )

  it.each(['login_required', 'interaction_required', 'consent_required', 'account_selection_required'])(
    'prompt=none with the error %s leads back anonymously and keeps the session data',
    async (error) => {
      const app = await start()
      const agent = app.agent()
      await agent.get('/note/apples')
      const former = await listNotes(agent, app)
      world.provider.deny(error, 'nobody is logged in')
      const page = await agent.get('/silent')
      expect(page.status).toBe(200)
      expect(page.url).toBe(`${app.url}/notes?silent`)
      const callback = page.hops.at(-2)
      expect(callback?.status).toBe(303)
      expect(callback?.headers.get('cache-control')).toBe('no-store')
      expect(await listNotes(agent, app)).toEqual(former)
      expect(former.sub).toBeNull()
      expect(agent.jar.cookies(app.url).map(({ name }) => name)).toEqual(['connect.sid'])
      expect(world.provider.requestsTo('token')).toEqual([])
      expect(listEvents(app, 'login_failed')).toEqual([])
    },
  )

  it(
    'prompt=none with the error login_required keeps an existing login',
    { meta: { id: 'silent-login-2' } },
    async () => {
      const app = await start()
      const agent = app.agent()
      await agent.get('/profile')
      const former = await listNotes(agent, app)
      world.provider.deny('login_required')
      await agent.get('/silent')
      expect(await listNotes(agent, app)).toEqual(former)
      expect(former.sub).toBe('alice')
    },
  )

  it('prompt=none works with form_post too', async () => {
    const app = await start('form_post')
    const agent = app.agent({ site: (url) => url.origin })
    await agent.get('/note/apples')
    world.provider.signIn(undefined)
    const page = await agent.get('/silent')
    expect(page.url).toBe(`${app.url}/notes?silent`)
    expect(page.json()).toMatchObject({ notes: ['apples'], sub: null })
  })

  it('prompt=none with the error invalid_request is answered with 400', async () => {
    const app = await start()
    world.provider.deny('invalid_request')
    expect((await app.agent().get('/silent')).status).toBe(400)
  })

  it('the error login_required is answered with 400 without prompt=none', async () => {
    const app = await start()
    world.provider.deny('login_required')
    expect((await app.agent().get('/profile')).status).toBe(400)
  })

  it('a repeated response to prompt=none logs nobody in and sends no token request', async () => {
    const app = await start()
    const agent = app.agent()
    world.provider.signIn(undefined)
    const callback = await response(agent, '/silent')
    await agent.get(callback)
    const again = await agent.get(callback, { redirect: 'manual' })
    expect([303, 400]).toContain(again.status)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    expect(world.provider.requestsTo('token')).toEqual([])
  })
})
