import { describe, expect, it } from 'vitest'
import { getContext } from '../support/app.ts'
import { passMs } from '../support/clocks.ts'
import { flow, listEvents, noteRoutes } from '../support/flow.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { askToken, pass, stillClock } from '../support/tokens-app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()

/** What a provider answers while it is deployed, and what an issuer with a typing error answers forever. */
const missing = { endpoints: { discovery: { status: 404, body: { error: 'Realm does not exist' } } } }

describe('an application whose issuer has no metadata', () => {
  it('answers a page and a script with 500, without Retry-After, and never says to try again', async () => {
    const app = await world.start({ routes: noteRoutes })
    world.provider.misbehave(missing)
    for (let times = 0; times < 2; times++) {
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(500)
      expect(page.headers.get('retry-after')).toBeNull()
      expect(page.text()).toContain('This application is misconfigured. Contact its operator.')
      expect(page.text()).not.toMatch(/again|moment/i)
      const answer = await app.agent().fetch('/login')
      expect(answer.headers.get('retry-after')).toBeNull()
      expect(answer.text()).not.toMatch(/again|moment|Realm/i)
    }
    await expect(app.oidc.ready()).rejects.toMatchObject({ code: 'provider_misconfigured', status: 500, headers: {} })
    const events = listEvents(app, 'provider_fault')
    expect(events.length).toBeGreaterThan(0)
    for (const { detail } of events)
      expect(detail).toContain('"Realm does not exist" (status 404); there are no metadata at this URL')
    expect(listEvents(app, 'login_failed')[0]).toMatchObject({ code: 'provider_misconfigured', status: 500 })
  })

  it('logs in once the provider has the metadata, since discovery is retried', async () => {
    const app = await world.start()
    const agent = app.agent()
    world.provider.misbehave(missing)
    expect((await agent.get('/profile')).status).toBe(500)
    world.provider.behave()
    passMs(1000)
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('answers 302 to the provider if this process has read the metadata before', async () => {
    const app = await world.start()
    await app.oidc.ready()
    world.provider.misbehave(missing)
    passMs(2 * 3600_000)
    expect((await app.agent().get('/login', { redirect: 'manual' })).status).toBe(302)
    await expect.poll(() => app.oidc.health().provider.fault).toContain('status 404')
    expect((await app.agent().get('/login', { redirect: 'manual' })).status).toBe(302)
  })
})

describe('a logged-in user whose process has no metadata', () => {
  it.each(['/token?', '/exchange?'])(
    'gets 503 from %s, since a deployment of the provider looks the same',
    async (path) => {
      const setup = {
        routes: (app: Parameters<typeof tokenRoutes>[0]): void => {
          tokenRoutes(app)
          app.get('/exchange', (req, res, next) => {
            getContext(req)
              .exchange({ audience: 'orders' })
              .then((token) => res.json(token), next)
          })
        },
      }
      const first = await world.start(setup)
      const agent = first.agent()
      await agent.get('/profile')
      const second = await world.start({ ...setup, options: { baseUrl: first.url } })
      world.provider.misbehave(missing)
      pass(301)
      const answer = await agent.fetch(second.url + path)
      expect(answer.status).toBe(503)
      expect(answer.json()).toMatchObject({ code: 'provider_unavailable' })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      world.provider.behave()
      passMs(10_000)
      expect(listEvents(second, 'logout')).toEqual([])
    },
  )

  it('stays logged in if the provider rejects the client at a refresh', async () => {
    const app = await world.start({ routes: tokenRoutes })
    const agent = app.agent()
    await agent.get('/profile')
    pass(301)
    const body = { error: 'unauthorized_client', error_description: 'Invalid client or Invalid client credentials' }
    world.provider.misbehave({ endpoints: { token: { status: 401, body } } })
    for (let times = 0; times < 2; times++) {
      const answer = await askToken(agent, app.url)
      expect(answer.status).toBe(500)
      expect(answer.json()).toMatchObject({ code: 'client_rejected' })
      expect(answer.headers.get('retry-after')).toBeNull()
    }
    expect(listEvents(app, 'refresh_failed')).toMatchObject([{ code: 'client_rejected' }])
    expect(listEvents(app, 'logout')).toEqual([])
    expect((await agent.get('/')).text()).toBe('hello alice')
  })
})
