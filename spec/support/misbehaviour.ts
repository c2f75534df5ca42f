/** One fault of a provider during a login, and everything that must hold then. */
import type { TestEndpointFault, TestFaults } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import type { TestApp } from './app.ts'
import { noteRoutes, listNotes, listEvents, type Flow } from './flow.ts'

/** An application in which a logged-in user can start another login. */
export function startForFaults(world: Flow, setup: Parameters<Flow['start']>[0] = {}): Promise<TestApp> {
  return world.start({
    ...setup,
    routes: (express, oidc) => {
      noteRoutes(express)
      express.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
    },
  })
}

export interface Expected {
  readonly status: number
  /** Several codes, if the test does not determine which check fails first. */
  readonly code: string | readonly string[]
  /** Endpoints that must not be called. Default: none. */
  readonly not?: readonly ('userinfo' | 'token')[]
}

/**
 * Bob logs in over the login of Alice while the faults are active. The response is as expected, nobody is logged in, the
 * former session is unchanged, no token is disclosed, and the next attempt succeeds.
 */
export async function meets(world: Flow, app: TestApp, faults: TestFaults, expected: Expected): Promise<void> {
  const { provider } = world
  const agent = app.agent()
  await agent.get('/profile')
  await agent.get('/note/apples')
  const former = await listNotes(agent, app)
  expect(former).toMatchObject({ sub: 'alice', notes: ['apples'] })
  app.events.length = 0
  provider.forget()
  provider.signIn('bob')

  provider.misbehave(faults)
  const page = await agent.get('/switch')
  const code = String(listEvents(app, 'login_failed')[0]?.['code'])
  const codes = [expected.code].flat()
  expect({ status: page.status, code }).toEqual({ status: expected.status, code: codes.includes(code) ? code : codes })
  expect(page.headers.get('cache-control')).toBe('no-store')
  if (expected.status === 503) expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
  for (const endpoint of expected.not ?? []) expect(provider.requestsTo(endpoint)).toEqual([])
  expect(listEvents(app, 'login')).toEqual([])
  expect(await listNotes(agent, app)).toEqual(former)
  keepsSecrets(world, app, page.text())

  const visitor = app.agent()
  expect((await visitor.get('/profile')).status).toBe(expected.status)
  expect(await listNotes(visitor, app)).toMatchObject({ sub: null })

  provider.behave()
  expect((await agent.get('/switch')).json()).toMatchObject({ user: { sub: 'bob' } })
  expect((await visitor.get('/profile')).json()).toMatchObject({ user: { sub: 'bob' } })
}

/** A `providerTimeoutSeconds` that is short if the test waits for it, and otherwise long enough for a busy machine. */
export function patience(faults: TestFaults | TestEndpointFault): number {
  return /"(?:hang|stall)":true/.test(JSON.stringify(faults)) ? 1 : 10
}

/** Checks that neither events nor a page contain a code, a verifier, a nonce, a state or a secret. */
export function keepsSecrets(world: Flow, app: TestApp, page = ''): void {
  const { provider } = world
  const text = `${JSON.stringify(app.events)} ${page}`
  const secrets = provider.requests.flatMap(({ params, headers }) => [
    ...['code', 'code_verifier', 'nonce', 'state', 'client_secret'].map((name) => params.get(name)),
    headers['authorization']?.split(' ')[1],
  ])
  for (const one of [...secrets, provider.clientSecret]) {
    if (one) expect(text).not.toContain(one)
  }
  // Access and ID tokens, whole or in part, which are JWTs here.
  expect(text).not.toMatch(/eyJ[\w-]{10,}/)
}
