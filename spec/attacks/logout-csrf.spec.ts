/** Logout CSRF: another site logs the user out through a response of ours that looks like the user's own click. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'
import { navigation, rawRequest } from './raw-http.ts'

const world = flow()

/** An application whose pages are all public and start a silent login. */
function start(responseMode: 'query' | 'form_post'): Promise<TestApp> {
  return world.start({ options: { responseMode }, routes: (express, oidc) => void express.use(oidc.trySilentLogin()) })
}

/** The `state` of the attacker's own silent login, which returns to a path that the attacker chose. */
async function plantedState(app: TestApp, target: string): Promise<string> {
  const answer = await rawRequest(app.url, { target, headers: navigation })
  expect(answer.status).toBe(302)
  return new URL(answer.get('location') ?? '').searchParams.get('state') ?? ''
}

async function logInVictim(app: TestApp): Promise<UserAgent> {
  const victim = app.agent({ site: (url) => url.origin })
  expect((await victim.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  return victim
}

describe("a cross-site form that posts the attacker's silent login to the callback", () => {
  // A raw request with this path does not match the logout route; browsers normalize it to /logout.
  const target = '/x/../logout'

  it.each(['query', 'form_post'] as const)(
    'a cross-site POST of a silent login logs nobody out, with response mode %s',
    async (responseMode) => {
      const app = await start(responseMode)
      const state = await plantedState(app, target)
      const victim = await logInVictim(app)
      world.provider.forget()
      const page = await victim.post('/callback', { state, error: 'login_required' }, { crossSite: true })
      expect(page.status).toBe(200)
      expect((await victim.get('/')).text()).toBe('hello alice')
      expect(listEvents(app, 'logout')).toEqual([])
      expect(world.provider.requestsTo('end_session')).toEqual([])
    },
  )

  it('a cross-site POST is answered with a redirect, so that the next request remains cross-site', async () => {
    const app = await start('query')
    const state = await plantedState(app, target)
    const victim = await logInVictim(app)
    const answer = await victim.post('/callback', { state }, { crossSite: true, redirect: 'manual' })
    expect(answer.status).toBe(303)
    expect(new URL(answer.headers.get('location') ?? '', app.url).pathname).toBe('/logout')
    const page = await victim.post('/callback', { state }, { crossSite: true })
    expect(page.url).toContain('/logout')
    expect(page.text()).toContain('<button>Log out</button>')
  })
})
