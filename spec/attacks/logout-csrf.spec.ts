/** Logout CSRF: another site logs the user out, by making one of our own answers look like the user's click. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, told } from '../support/flow.ts'
import { navigation, rawRequest } from './raw-http.ts'

const world = flow()

/** An application whose pages are all open, and which asks for a silent login at each. */
function start(responseMode: 'query' | 'form_post'): Promise<TestApp> {
  return world.start({ options: { responseMode }, routes: (express, oidc) => void express.use(oidc.trySilentLogin()) })
}

/** A `state` of the attacker's own silent login, which leads back to a path of his choice. */
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

describe('a form of another site that posts a silent login to the callback', () => {
  // A raw request passes the route of the logout, and its path is normalized afterwards.
  const target = '/x/../logout'

  it.each(['query', 'form_post'] as const)('logs nobody out, with the response mode %s', async (responseMode) => {
    const app = await start(responseMode)
    const state = await plantedState(app, target)
    const victim = await logInVictim(app)
    world.provider.forget()
    const page = await victim.post('/callback', { state, error: 'login_required' }, { crossSite: true })
    expect(page.status).toBe(200)
    expect((await victim.get('/')).text()).toBe('hello alice')
    expect(told(app, 'logout')).toEqual([])
    expect(world.provider.requestsTo('end_session')).toEqual([])
  })

  it('is redirected, so that the request that follows stays cross-site', async () => {
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
