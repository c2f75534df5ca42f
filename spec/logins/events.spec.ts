import { channel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { OidcError } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { changeUrl, flow, forgetTransactions, response, listEvents } from '../support/flow.ts'
import { keepsSecrets } from '../support/misbehaviour.ts'

const world = flow()

describe('events of logins', { meta: { id: 'events-1' } }, () => {
  it('events are also published to diagnostics_channel', async () => {
    const seen: unknown[] = []
    const listen = (event: unknown): void => void seen.push(event)
    channel('express-session-oidc:login').subscribe(listen)
    channel('express-session-oidc:login_failed').subscribe(listen)
    const app = await world.start()
    await app.agent().get('/profile')
    world.provider.deny()
    await app.agent().get('/profile')
    channel('express-session-oidc:login').unsubscribe(listen)
    channel('express-session-oidc:login_failed').unsubscribe(listen)
    expect(seen).toMatchObject([
      { provider: 'default', sub: 'alice' },
      { provider: 'default', code: 'authorization_denied' },
    ])
    expect(seen).toEqual(app.events.map(({ event }) => event))
  })

  it('login_begun is emitted for each redirect to the provider, with the number of the attempt', async () => {
    const app = await world.start({
      routes: (app, oidc) => void app.get('/silent', oidc.login({ prompt: 'none' })),
    })
    const begun: object[] = []
    app.oidc.on('login_begun', ({ at, ...event }) => {
      expect(at).toBeGreaterThan(0)
      begun.push(event)
    })
    const agent = app.agent()
    // HEAD requests, scripts and public pages are not sent to the provider.
    await fetch(`${app.url}/login`, { method: 'HEAD' })
    await agent.fetch(`${app.url}/login`)
    await agent.get('/')
    expect(begun).toEqual([])
    const callback = await response(agent, '/profile')
    forgetTransactions(agent)
    expect((await agent.get(callback)).status).toBe(200)
    await agent.get('/silent')
    expect(begun).toEqual([
      { provider: 'default', prompt: undefined, attempt: 0 },
      { provider: 'default', prompt: undefined, attempt: 1 },
      { provider: 'default', prompt: 'none', attempt: 0 },
    ])
    expect(listEvents(app, 'login')).toHaveLength(2)
  })

  it('login_begun is not emitted for a login that cannot begin', async () => {
    const app = await world.start({ options: { par: true } })
    const begun = vi.fn<() => void>()
    app.oidc.on('login_begun', begun)
    world.provider.misbehave({ endpoints: { par: { status: 401, body: { error: 'invalid_client' } } } })
    expect((await app.agent().get('/login')).status).toBe(500)
    expect(begun).not.toHaveBeenCalled()
    expect(listEvents(app, 'login_failed')).toHaveLength(1)
  })

  it('a removed listener gets no more events, and a listener that throws fails no login', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const app = await world.start()
    let heard = 0
    const off = app.oidc.on('login', () => {
      heard++
      throw new Error('the log is full')
    })
    expect((await app.agent().get('/profile')).status).toBe(200)
    off()
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(heard).toBe(1)
    expect(listEvents(app, 'login')).toHaveLength(2)
    warned.mockRestore()
  })

  it.each<[string, TestFaults]>([
    ['an ID token with a corrupt signature', { idToken: { signature: 'corrupt' } }],
    ['an ID token with another nonce', { idToken: { claims: { nonce: 'x' } } }],
    ['a truncated ID token', { idToken: { raw: (token) => token.slice(0, 40) } }],
    ['tokens of another type', { tokenResponse: { token_type: 'mac' } }],
    [
      'a response that is not JSON',
      { endpoints: { token: { body: '{"access_token":"eyJhbGciOiJSUzI1NiJ9.x', contentType: 'application/json' } } },
    ],
    ['a missing access token', { accessToken: { omit: true } }],
    ['a response of another issuer', { authorizationResponse: { iss: 'https://other.example' } }],
    ['userinfo of another user', { userInfo: { claims: { sub: 'mallory' } } }],
    ['an error of the token endpoint', { endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } }],
  ])('events and errors contain no token, code or secret after %s', async (_name, faults) => {
    const errors: OidcError[] = []
    const app = await world.start({
      options: {
        userInfo: true,
        onError: (error, _req, res) => {
          errors.push(error)
          res.status(error.status).send(error.message)
        },
      },
    })
    world.provider.misbehave(faults)
    const page = await app.agent().get('/profile')
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(errors).toHaveLength(1)
    const [error] = errors
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: error?.code, status: error?.status }])
    keepsSecrets(
      world,
      app,
      `${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)} ${page.text()}`,
    )
  })

  it('events about a response with a forged state reveal neither the state nor the code', async () => {
    const app = await world.start()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await agent.get(changeUrl(callback, { state: 'planted-by-somebody' }))
    const text = JSON.stringify(app.events)
    expect(text).not.toContain('planted')
    expect(text).not.toContain(new URL(callback).searchParams.get('code'))
  })
})
