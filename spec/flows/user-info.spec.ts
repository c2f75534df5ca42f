/** What the userinfo endpoint says of a user after the login (OIDC Core 5.3). */
import type { Express } from 'express'
import { describe, expect, it } from 'vitest'
import type { Oidc } from 'express-session-oidc'
import type { TestFaults, UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, rejection, told } from '../support/flow.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { shownToken } from '../support/tokens-app.ts'

const world = flow({ refreshTokens: 'rotating' })

function infoRoutes(app: Express, _oidc?: Oidc): void {
  tokenRoutes(app)
  app.get('/info', (req, res, next) => {
    req.oidc.userInfo().then((info) => res.json({ info, isAuthenticated: req.oidc.isAuthenticated }), next)
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
  ['signed by another', { userInfo: { signed: true, signature: 'other-key' } }, 502, 'token_invalid'],
  ['signed by nobody', { userInfo: { signed: true, signature: 'none' } }, 502, 'token_invalid'],
  ['signed for another client', { userInfo: { signed: true, claims: { aud: 'another' } } }, 502, 'token_invalid'],
  ['that is no object', { endpoints: { userinfo: { body: '["alice"]' } } }, 502, 'provider_response_invalid'],
  ['larger than a megabyte', { endpoints: { userinfo: { bytes: 2_000_000 } } }, 503, 'provider_unavailable'],
  ['that is a page', { endpoints: { userinfo: { html: true } } }, 503, 'provider_unavailable'],
  ['of a provider that is down', { endpoints: { userinfo: { status: 503 } } }, 503, 'provider_unavailable'],
  ['that is cut', { endpoints: { userinfo: { drop: true } } }, 503, 'provider_unavailable'],
]

describe('req.oidc.userInfo()', () => {
  it.each([[{}], [{ userInfo: { signed: true } }]])(
    'is what the provider says of the user now (%j)',
    async (faults) => {
      const { app, agent } = await start()
      world.provider.misbehave(faults)
      const { info } = (await agent.fetch(`${app.url}/info`)).json() as { info: Record<string, unknown> }
      expect(info).toMatchObject({ sub: 'alice', email: 'alice@example.com' })
    },
  )

  it.each(wrong)('refuses an answer %s, and the login stays', async (_, faults, status, code) => {
    const { app, agent } = await start()
    world.provider.misbehave(faults)
    const answer = await agent.fetch(`${app.url}/info`)
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([status, code])
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  })

  it('refreshes a token that the provider does not accept, once', async () => {
    const { app, agent, token } = await start()
    const challenge = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }, times: 1 }
    world.provider.misbehave({ endpoints: { userinfo: challenge } })
    expect((await agent.fetch(`${app.url}/info`)).json()).toMatchObject({ info: { sub: 'alice' } })
    expect((await shownToken(agent, app.url)).token).not.toBe(token)
    expect(told(app, 'refresh')).toMatchObject([{ reason: 'rejected' }])
  })

  it('finds out that the session has ended at the provider', async () => {
    const { app, agent } = await start()
    world.provider.endSession('alice')
    const answer = await agent.fetch(`${app.url}/info`)
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'login_required' })
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
  })

  it('is refused where nobody is logged in', async () => {
    const { app } = await start()
    expect((await app.agent().fetch(`${app.url}/info`)).status).toBe(401)
  })
})

describe('oidc.userInfo()', () => {
  it('is what the provider says of the user of a token', async () => {
    const { app, token } = await start()
    expect(await app.oidc.userInfo(token, 'alice')).toMatchObject({ sub: 'alice' })
  })

  it('refuses an answer about somebody else than who was expected', async () => {
    const { app, token } = await start()
    const error = await rejection(app.oidc.userInfo(token, 'bob'))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
  })

  it('refuses a token that the provider does not accept as that: 401, and says nothing of it', async () => {
    const { app } = await start()
    const error = await rejection(app.oidc.userInfo('a-token-of-nobody', 'alice'))
    expect(error).toMatchObject({ code: 'token_invalid', status: 401 })
    expect(`${error.message} ${error.detail ?? ''}`).not.toContain('a-token-of-nobody')
  })

  it.each([[undefined], [''], ['with\nline'], [5]])('refuses %j, which is no token', async (token) => {
    const { app } = await start()
    expect(await rejection(app.oidc.userInfo(token as string, 'alice'))).toMatchObject({
      code: 'token_invalid',
      status: 401,
    })
    expect(world.provider.requestsTo('userinfo')).toEqual([])
  })

  it.each([[undefined], ['']])('takes no user for whoever comes: %j is no subject', async (sub) => {
    const { app, token } = await start()
    world.provider.misbehave({ userInfo: { claims: { sub: undefined } } })
    expect(await rejection(app.oidc.userInfo(token, sub as string))).toMatchObject({ code: 'options_invalid' })
  })
})
