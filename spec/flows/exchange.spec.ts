/** `req.oidc.exchange()`: token exchange for another service (RFC 8693). */
import type { Express, NextFunction, Request, Response } from 'express'
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import type { TestApp } from '../support/app.ts'
import { flow, readLocation, listEvents } from '../support/flow.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { pass, shownToken, stillClock } from '../support/tokens-app.ts'
import { getContext } from '../support/app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()

const exchangeType = 'urn:ietf:params:oauth:grant-type:token-exchange'

function exchangeRoutes(app: Express): void {
  tokenRoutes(app)
  app.get('/exchange', (req: Request, res: Response, next: NextFunction) => {
    const wanted = JSON.parse((req.query['wanted'] as string | undefined) ?? '{"audience":"orders"}') as {
      audience: string
    }
    getContext(req)
      .exchange(wanted)
      .then((token) => res.json(token), next)
  })
}

async function start(): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({ routes: exchangeRoutes })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  return { app, agent }
}

function exchange(agent: UserAgent, app: TestApp, wanted?: object): Promise<UserAgentResponse> {
  const query = wanted ? `?wanted=${encodeURIComponent(JSON.stringify(wanted))}` : ''
  return agent.fetch(`${app.url}/exchange${query}`)
}

function readClaims(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] as string, 'base64url').toString()) as Record<
    string,
    unknown
  >
}

const grants = (): (string | null)[] => world.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))

describe('exchange()', () => {
  it('exchange() returns a token for the audience and the same user', async () => {
    const { app, agent } = await start()
    const token: unknown = (await exchange(agent, app)).json()
    expect(readClaims(token)).toMatchObject({ aud: 'orders', sub: 'alice' })
    expect(token).not.toBe((await shownToken(agent, app.url)).token)
    const [sent] = world.provider.requestsTo('token')
    expect(sent?.params.get('subject_token_type')).toBe('urn:ietf:params:oauth:token-type:access_token')
  })

  it('an exchanged token is stored until it expires, per audience and scope, for all processes', async () => {
    const { app, agent } = await start()
    const other = await world.start({ routes: exchangeRoutes })
    const first: unknown = (await exchange(agent, app)).json()
    expect((await exchange(agent, other)).json()).toBe(first)
    expect((await exchange(agent, app, { audience: ['orders'] })).json()).toBe(first)
    const others = [
      { audience: 'billing' },
      { audience: 'orders', scope: 'openid' },
      { audience: ['orders', 'billing'] },
    ]
    for (const wanted of others) expect((await exchange(agent, app, wanted)).json()).not.toBe(first)
    expect(grants()).toEqual([exchangeType, exchangeType, exchangeType, exchangeType])
    // The access token of the login has expired as well and is refreshed first.
    pass(301)
    expect((await exchange(agent, app)).json()).not.toBe(first)
    expect(grants().slice(4)).toEqual(['refresh_token', exchangeType])
  })

  it('an exchange leaves the tokens of the login unchanged, and its token survives a refresh', async () => {
    const { app, agent } = await start()
    const before = await shownToken(agent, app.url)
    const token: unknown = (await exchange(agent, app, { audience: 'orders', scope: 'openid' })).json()
    expect(await shownToken(agent, app.url)).toEqual(before)
    pass(200)
    await shownToken(agent, app.url, '?minValidSeconds=200')
    expect((await exchange(agent, app, { audience: 'orders', scope: 'openid', minValidSeconds: 30 })).json()).toBe(
      token,
    )
  })

  it('concurrent calls cause one exchange per login, and each login gets its own token', async () => {
    const { app, agent } = await start()
    world.provider.signIn('bob')
    const bob = app.agent()
    await bob.get('/profile')
    world.provider.forget()
    const requested = [agent, bob].flatMap((each) => Array.from({ length: 5 }, () => exchange(each, app)))
    const tokens = (await Promise.all(requested)).map((answer) => answer.json() as unknown)
    expect(tokens.map((token) => readClaims(token)['sub'])).toEqual([
      ...Array.from({ length: 5 }, () => 'alice'),
      ...Array.from({ length: 5 }, () => 'bob'),
    ])
    expect(grants()).toHaveLength(2)
  })

  it('an exchange during which the user logs out is answered 401', async () => {
    const { app, agent } = await start()
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true, afterProcessing: true } } })
    const requested = exchange(agent, app)
    await world.provider.waitForRequest('token')
    await agent.fetch(`${app.url}/logout`, { method: 'POST', headers: { accept: 'application/json' } })
    undo()
    expect((await requested).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
  })
})

describe('a rejected exchange', () => {
  const answering = (status: number, error: string): { endpoints: object } => ({
    endpoints: { token: { status, body: { error, error_description: 'not for you' }, when: isExchange } },
  })
  const isExchange = ({ params }: { params: URLSearchParams }): boolean => params.get('grant_type') === exchangeType

  it.each([
    ['rejects the client', 400, 'unauthorized_client', 500, 'client_rejected'],
    ['rejects the audience', 400, 'invalid_target', 500, 'client_rejected'],
    ['rejects the user', 403, 'access_denied', 403, 'not_allowed'],
    ['is down', 503, 'server_error', 503, 'provider_unavailable'],
  ])('a provider that %s causes an error, and the login is kept', async (_, status, error, answered, code) => {
    const { app, agent } = await start()
    world.provider.misbehave(answering(status, error))
    const answer = await exchange(agent, app)
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([answered, code])
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect(grants()).toEqual([exchangeType])
    expect(listEvents(app, 'provider_fault')).toHaveLength(code === 'not_allowed' ? 0 : 1)
  })

  it('an exchange whose access token is rejected refreshes that token and is repeated', async () => {
    const { app, agent } = await start()
    pass(60)
    const refused = answering(400, 'invalid_request').endpoints as { token: object }
    world.provider.misbehave({ endpoints: { token: { ...refused.token, times: 1 } } })
    expect((await exchange(agent, app)).status).toBe(200)
    expect(grants()).toEqual([exchangeType, 'refresh_token', exchangeType])
    expect(listEvents(app, 'refresh')).toMatchObject([{ reason: 'rejected' }])
  })

  it('repeated rejections cause only one refresh', async () => {
    const { app, agent } = await start()
    pass(60)
    world.provider.misbehave(answering(400, 'invalid_request'))
    for (let time = 0; time < 3; time++) expect((await exchange(agent, app)).status).toBe(500)
    expect(grants().filter((grant) => grant === 'refresh_token')).toHaveLength(1)
  })

  it('an exchange ends the login if the session at the provider has ended', async () => {
    const { app, agent } = await start()
    pass(60)
    world.provider.endSession('alice')
    expect((await exchange(agent, app)).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
  })

  it.each([
    ['another type of token', { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['no token type', { issued_token_type: undefined }],
  ])('a token response with %s is answered 502', async (_, tokenResponse) => {
    const { app, agent } = await start()
    world.provider.misbehave({ tokenResponse })
    expect((await exchange(agent, app)).status).toBe(502)
  })

  it('a navigation whose exchange lacks scope is redirected to the provider to request it', async () => {
    const { agent } = await start()
    world.provider.misbehave({ tokenResponse: { scope: 'openid' } })
    const wanted = encodeURIComponent(JSON.stringify({ audience: 'orders', scope: 'orders:write' }))
    const begun = await agent.get(`/exchange?wanted=${wanted}`, { redirect: 'manual' })
    expect(begun.status).toBe(302)
    expect(new URL(readLocation(begun)).searchParams.get('scope')).toContain('orders:write')
  })

  it.each([
    ['{}', '`audience`, `resource` and `scope` are missing'],
    ['{"audience":""}', '`audience` must be a non-empty string'],
    ['{"audiense":"orders"}', 'did you mean `audience`?'],
    ['{"audience":"orders","resource":"orders"}', '`resource` must be an absolute URI'],
  ])('invalid parameters are reported without a request: %s', async (wanted, message) => {
    const { app, agent } = await start()
    const answer = await agent.fetch(`${app.url}/exchange?wanted=${encodeURIComponent(wanted)}`)
    expect(answer.status).toBe(500)
    expect(answer.text()).toContain(message)
    expect(grants()).toEqual([])
  })
})

it('an exchange of a DPoP-bound login sends a proof, and its token is bound to the same key', async () => {
  const app = await world.start({ options: { dpop: true }, routes: exchangeRoutes })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  const token: unknown = (await exchange(agent, app)).json()
  const [{ headers } = { headers: {} as Record<string, string> }] = world.provider.requestsTo('token')
  const { jwk } = decodeProtectedHeader(String(headers['dpop']))
  expect(readClaims(token)['cnf']).toEqual({ jkt: await calculateJwkThumbprint(jwk as JWK) })
})
