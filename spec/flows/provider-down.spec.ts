import { describe, expect, it } from 'vitest'
import { flow, noteRoutes, listNotes, response, listEvents } from '../support/flow.ts'

const world = flow()

describe('while the provider is down', () => {
  it(
    'the application starts, serves public pages, and logs in once the provider is up',
    { meta: { id: 'provider-down-1' } },
    async () => {
      await world.provider.stop()
      const app = await world.start({ routes: noteRoutes, options: { providerTimeoutSeconds: 1 } })
      const agent = app.agent()
      expect((await agent.get('/')).text()).toBe('hello stranger')
      await agent.get('/note/apples')
      expect(app.oidc.health()).toMatchObject({ ok: false, provider: { discovered: false } })

      const page = await agent.get('/profile')
      expect(page.status).toBe(503)
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(page.headers.get('cache-control')).toBe('no-store')
      expect(page.headers.get('content-type')).toContain('text/html')
      expect(page.cookiesSet).toEqual([])
      expect(listEvents(app, 'provider_fault').length).toBeGreaterThan(0)

      await world.provider.start()
      let after = await agent.get('/profile')
      // Discovery is retried after a short delay.
      for (
        const end = Date.now() + 5000;
        after.status === 503 && Date.now() < end;
        after = await agent.get('/profile')
      ) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(after.json()).toMatchObject({ user: { sub: 'alice' } })
      expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'] })
    },
  )

  it('a logged-in user stays logged in and can log out while the provider is down', async () => {
    const app = await world.start({ options: { providerTimeoutSeconds: 1 } })
    const agent = app.agent()
    await agent.get('/profile')
    await world.provider.stop()
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    const out = await agent.post('/logout', {}, { followRefresh: false })
    expect(out.status).toBe(200)
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('a script gets 401 at once, because that response needs no provider', async () => {
    await world.provider.stop()
    const app = await world.start()
    const answer = await app.agent().fetch('/profile')
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'login_required', login: `${app.url}/login?returnTo=%2F` })
  })

  it('a login in progress is answered with 503, keeps the former session, and succeeds on a retry', async () => {
    const app = await world.start({ routes: noteRoutes, options: { providerTimeoutSeconds: 1 } })
    const agent = app.agent()
    await agent.get('/note/apples')
    const former = await listNotes(agent, app)
    const callback = await response(agent, '/profile')
    await world.provider.stop()
    const page = await agent.get(callback)
    expect(page.status).toBe(503)
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await listNotes(agent, app)).toEqual(former)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'provider_unavailable', status: 503 }])
    await world.provider.start()
    expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
  })

  it('a logged-in user causes no request to the provider, whether the route is guarded or not', async () => {
    const app = await world.start({ routes: noteRoutes })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.forget()
    await agent.get('/')
    await agent.get('/profile')
    await agent.get('/notes')
    expect(world.provider.requests).toEqual([])
  })
})
