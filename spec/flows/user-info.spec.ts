/** Requests to the userinfo endpoint after the login (OIDC Core 5.3). */
import type { Express } from 'express'
import { describe, expect, it } from 'vitest'
import type { Oidc } from 'express-session-oidc'
import type { TestFaults, UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, catchRejection, listEvents } from '../support/flow.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { shownToken } from '../support/tokens-app.ts'
import { getContext } from '../support/app.ts'

const world = flow({ refreshTokens: 'rotating' })

function infoRoutes(app: Express, _oidc?: Oidc): void {
  tokenRoutes(app)
  app.get('/info', (req, res, next) => {
    getContext(req)
      .userInfo()
      .then((info) => res.json({ info, isAuthenticated: getContext(req).isAuthenticated }), next)
  })
}

async function start(): Promise<{ app: TestApp; agent: UserAgent; token: string }> {
  const app = await world.start({ routes: infoRoutes })
  const agent = app.agent()
  await agent.get('/profile')
  const { token } = await shownToken(agent, app.url)
  world.provider.forget()
  return { app, agent, token }
}

const wrong: [string, TestFaults, number, string][] = [
  ['of another subject', { userInfo: { claims: { sub: 'bob' } } }, 502, 'token_invalid'],
  ['without a subject', { userInfo: { claims: { sub: undefined } } }, 502, 'token_invalid'],
  ['signed with another key', { userInfo: { signed: true, signature: 'other-key' } }, 502, 'token_invalid'],
  ['signed with the algorithm none', { userInfo: { signed: true, signature: 'none' } }, 502, 'token_invalid'],
  ['signed for another client', { userInfo: { signed: true, claims: { aud: 'another' } } }, 502, 'token_invalid'],
  ['that is not an object', { endpoints: { userinfo: { body: '["alice"]' } } }, 502, 'provider_response_invalid'],
  ['larger than a megabyte', { endpoints: { userinfo: { bytes: 2_000_000 } } }, 503, 'provider_unavailable'],
  ['that is an HTML page', { endpoints: { userinfo: { html: true } } }, 503, 'provider_unavailable'],
  ['of a provider that is down', { endpoints: { userinfo: { status: 503 } } }, 503, 'provider_unavailable'],
  ['whose connection is closed', { endpoints: { userinfo: { drop: true } } }, 503, 'provider_unavailable'],
]

describe('req.oidc.userInfo()', () => {
  it.each([[{}], [{ userInfo: { signed: true } }]])('returns the current claims of the user (%j)', async (faults) => {
    const { app, agent } = await start()
    world.provider.misbehave(faults)
    const { info } = (await agent.fetch(`${app.url}/info`)).json() as { info: Record<string, unknown> }
    expect(info).toMatchObject({ sub: 'alice', email: 'alice@example.com' })
  })

  it.each(wrong)('rejects a response %s and keeps the login', async (_, faults, status, code) => {
    const { app, agent } = await start()
    world.provider.misbehave(faults)
    const answer = await agent.fetch(`${app.url}/info`)
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([status, code])
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  })

  it('refreshes an access token that the provider rejects, once', async () => {
    const { app, agent, token } = await start()
    const challenge = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }, times: 1 }
    world.provider.misbehave({ endpoints: { userinfo: challenge } })
    expect((await agent.fetch(`${app.url}/info`)).json()).toMatchObject({ info: { sub: 'alice' } })
    expect((await shownToken(agent, app.url)).token).not.toBe(token)
    expect(listEvents(app, 'refresh')).toMatchObject([{ reason: 'rejected' }])
  })

  it('answers 401 and ends the login if the session at the provider has ended', async () => {
    const { app, agent } = await start()
    world.provider.endSession('alice')
    const answer = await agent.fetch(`${app.url}/info`)
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'login_required' })
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
  })

  it('answers 401 if nobody is logged in', async () => {
    const { app } = await start()
    expect((await app.agent().fetch(`${app.url}/info`)).status).toBe(401)
  })
})

describe('oidc.userInfo()', () => {
  it('returns the claims of the user of an access token', async () => {
    const { app, token } = await start()
    expect(await app.oidc.userInfo(token, 'alice')).toMatchObject({ sub: 'alice' })
  })

  it('rejects a response about another user than the expected one', async () => {
    const { app, token } = await start()
    const error = await catchRejection(app.oidc.userInfo(token, 'bob'))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
  })

  it('fails with 401 for a token that the provider rejects, and does not reveal the token', async () => {
    const { app } = await start()
    const error = await catchRejection(app.oidc.userInfo('a-token-of-nobody', 'alice'))
    expect(error).toMatchObject({ code: 'token_invalid', status: 401 })
    expect(`${error.message} ${error.detail ?? ''}`).not.toContain('a-token-of-nobody')
  })

  it.each([[undefined], [''], ['with\nline'], [5]])(
    'rejects %j, which is not a token, without a request',
    async (token) => {
      const { app } = await start()
      expect(await catchRejection(app.oidc.userInfo(token as string, 'alice'))).toMatchObject({
        code: 'token_invalid',
        status: 401,
      })
      expect(world.provider.requestsTo('userinfo')).toEqual([])
    },
  )

  it.each([[undefined], ['']])('rejects %j as the expected subject', async (sub) => {
    const { app, token } = await start()
    world.provider.misbehave({ userInfo: { claims: { sub: undefined } } })
    expect(await catchRejection(app.oidc.userInfo(token, sub as string))).toMatchObject({ code: 'options_invalid' })
  })
})
