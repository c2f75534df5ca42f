/** `req.oidc.fetch()`: calls of an API with the access token of a login. */
import type { Express, NextFunction, Request, Response } from 'express'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { startApiServer, type ApiServer } from '../support/api-server.ts'
import type { TestApp } from '../support/app.ts'
import { flow, location, told } from '../support/flow.ts'
import { pass } from '../support/tokens-app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })

let api: ApiServer
let other: ApiServer

beforeAll(async () => {
  ;[api, other] = await Promise.all([startApiServer(), startApiServer()])
})
afterAll(() => Promise.all([api.stop(), other.stop()]))
beforeEach(() => [api, other].forEach((each) => each.reset()))

type Call = (req: Request) => Promise<globalThis.Response>

/** `/call` does what it is told, for whoever is logged in, and shows what came of it. */
function calling(call: Call): (app: Express) => void {
  return (app) => {
    app.all('/call', (req: Request, res: Response, next: NextFunction) => {
      call(req)
        .then(async (answer) => res.status(answer.status).send(await answer.text()))
        .catch(next)
    })
  }
}

async function start(call: Call, options: Partial<OidcOptions> = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({ options: { fetchOrigins: [api.origin], ...options }, routes: calling(call) })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  return { app, agent }
}

const refused = { status: 401, headers: { 'www-authenticate': 'Bearer realm="api", error="invalid_token"' } }

describe('fetch()', () => {
  it('sends the access token of the login, and what it is told to', async () => {
    api.answer({ status: 201, body: 'made' })
    const init = { method: 'POST', body: new URLSearchParams({ a: '1' }), headers: { 'x-trace': '7' } }
    const { app, agent } = await start((req) => req.oidc.fetch(`${api.origin}/orders?id=7`, init))
    const answer = await agent.fetch(`${app.url}/call`)
    expect([answer.status, answer.text()]).toEqual([201, 'made'])
    expect(api.requests).toMatchObject([
      {
        method: 'POST',
        path: '/orders?id=7',
        body: 'a=1',
        headers: { 'x-trace': '7', 'content-type': expect.stringContaining('x-www-form-urlencoded') as string },
      },
    ])
    expect(api.authorizations[0]).toMatch(/^Bearer eyJ/)
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('refreshes one that has ended before, and may take another that is asked for', async () => {
    const { app, agent } = await start((req) =>
      req.oidc.fetch(api.origin, {}, req.query['scope'] ? { scope: 'openid' } : {}),
    )
    await agent.fetch(`${app.url}/call`)
    pass(301)
    await agent.fetch(`${app.url}/call`)
    await agent.fetch(`${app.url}/call?scope=1`)
    expect(new Set(api.authorizations).size).toBe(3)
    expect(world.provider.requestsTo('token').map(({ params }) => params.get('scope'))).toEqual([null, 'openid'])
  })

  it('refreshes one that the API refuses once, and repeats the call', async () => {
    api.answerOnce(refused)
    api.answer({ body: 'orders' })
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin, { method: 'PUT', body: 'x' }))
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('orders')
    expect(api.requests.map(({ body }) => body)).toEqual(['x', 'x'])
    expect(new Set(api.authorizations).size).toBe(2)
    expect(told(app, 'refresh')).toMatchObject([{ reason: 'rejected' }])
  })

  it('goes no further where the API refuses that one too', async () => {
    api.answer(refused)
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toHaveLength(2)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('refreshes once for many calls whose token was refused', async () => {
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    await agent.fetch(`${app.url}/call`)
    const [revoked] = api.authorizations
    api.answer(({ headers }) => (headers.authorization === revoked ? refused : { body: 'orders' }))
    const answers = await Promise.all(Array.from({ length: 10 }, () => agent.fetch(`${app.url}/call`)))
    expect(answers.map((answer) => answer.text())).toEqual(answers.map(() => 'orders'))
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('does not repeat what cannot be: a stream has been read', async () => {
    api.answer(refused)
    const { app, agent } = await start((req) =>
      req.oidc.fetch(api.origin, { method: 'POST', body: new Blob(['once']).stream() }),
    )
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests.map(({ body }) => body)).toEqual(['once'])
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('gives the answer back where a token was refused that nothing can be done about', async () => {
    api.answer(refused)
    const app = await world.start({
      options: { fetchOrigins: [api.origin] },
      routes: calling((req) => req.oidc.fetch(api.origin)),
    })
    world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toHaveLength(1)
  })

  it.each([
    ['401 of another kind', { status: 401, headers: { 'www-authenticate': 'Basic realm="api"' } }],
    ['401 without a challenge', { status: 401 }],
    ['404', { status: 404 }],
    ['500', { status: 500 }],
  ])('gives a %s back as it is', async (_, answer) => {
    api.answer(answer)
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(answer.status)
    expect(api.requests).toHaveLength(1)
  })

  it('rejects as fetch does where the API is not there, or the call is given up', async () => {
    api.answer({ drop: true })
    const { app, agent } = await start(async (req) => {
      const signal = req.query['late'] ? AbortSignal.abort(new Error('given up')) : null
      return req.oidc
        .fetch(api.origin, { signal })
        .catch((error: Error) => new Response(`${error.name} ${error.message}`))
    })
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('TypeError fetch failed')
    expect((await agent.fetch(`${app.url}/call?late=1`)).text()).toBe('Error given up')
  })

  it('is refused where nobody is logged in, and the API is not called', async () => {
    const { app } = await start((req) => req.oidc.fetch(api.origin))
    expect((await app.agent().fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toEqual([])
  })
})

describe('a token', () => {
  it.each([
    ['another origin', () => `${other.origin}/`],
    ['another port', () => api.origin.replace(/\d+$/, '1')],
    ['another scheme', () => api.origin.replace('http:', 'https:')],
    ['another name of the same host', () => api.origin.replace('127.0.0.1', 'localhost')],
    ['an origin that begins as the right one does', () => `${api.origin}.evil.example/`],
    ['one with the right one as user', () => `http://${new URL(api.origin).host}@evil.example/`],
    ['one with a user', () => api.origin.replace('//', '//user:word@')],
    ['a path', () => '/orders'],
    ['what is no URL', () => 'http://'],
    ['a file', () => 'file:///etc/passwd'],
  ])('does not go to %s', async (_, url) => {
    const { app, agent } = await start((req) => req.oidc.fetch(url()))
    const answer = await agent.fetch(`${app.url}/call`)
    expect(answer.status).toBe(500)
    expect(answer.json()).toMatchObject({ code: 'destination_refused' })
    expect([...api.requests, ...other.requests]).toEqual([])
  })

  it('does not go along with a redirect to another origin, which is followed without it', async () => {
    api.answer({ status: 307, headers: { location: `${other.origin}/landing` } })
    other.answer({ body: 'landed' })
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('landed')
    expect(other.requests).toHaveLength(1)
    expect(JSON.stringify(other.requests)).not.toMatch(/authorization|eyJ/)
  })

  it('goes along with one on the same origin', async () => {
    api.answerOnce({ status: 302, headers: { location: '/there' } })
    const { app, agent } = await start((req) => req.oidc.fetch(`${api.origin}/here`))
    await agent.fetch(`${app.url}/call`)
    expect(api.requests.map(({ path }) => path)).toEqual(['/here', '/there'])
    expect(api.authorizations[1]).toBe(api.authorizations[0])
  })

  it('stays where it is with redirect: manual', async () => {
    api.answer({ status: 302, headers: { location: `${other.origin}/landing` } })
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin, { redirect: 'manual' }))
    expect((await agent.fetch(`${app.url}/call`, { redirect: 'manual' })).status).toBe(302)
    expect(other.requests).toEqual([])
  })
})

describe('an API that takes more', () => {
  const challenge = (text: string, status = 401): object => ({
    status,
    headers: { 'www-authenticate': `Bearer ${text}` },
  })
  const claims = { access_token: { acrs: { essential: true, value: 'c1' } } }

  it.each<[string, object, Record<string, string>]>([
    [
      'scope',
      challenge('error="insufficient_scope", scope="openid orders:write"', 403),
      { scope: 'openid profile email orders:write' },
    ],
    [
      'a stronger authentication (RFC 9470)',
      challenge('error="insufficient_user_authentication", acr_values="gold silver"'),
      { scope: 'openid profile email', acr_values: 'gold silver' },
    ],
    [
      'a fresher one',
      challenge('error="insufficient_user_authentication", max_age="5"'),
      { scope: 'openid profile email', max_age: '5' },
    ],
    [
      "what Entra's claims challenge says",
      challenge(`error="insufficient_claims", claims="${Buffer.from(JSON.stringify(claims)).toString('base64')}"`),
      { scope: 'openid profile email', claims: JSON.stringify(claims) },
    ],
  ])('%s has a navigation go to the provider for it, once', async (_, answer, asked) => {
    api.answer(answer)
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    const begun = await agent.get('/call', { redirect: 'manual' })
    expect(begun.status).toBe(302)
    const { searchParams } = new URL(location(begun))
    for (const [name, value] of Object.entries(asked)) expect([name, searchParams.get(name)]).toEqual([name, value])
    // Who comes back with what was asked for, and it is not enough, is not sent there again.
    const back = await agent.get('/call')
    expect(back.status).toBe(403)
    expect(back.url).toBe(`${app.url}/call`)
    expect(told(app, 'login')).toHaveLength(2)
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('tells clients so, with where to go', async () => {
    api.answer(challenge('error="insufficient_user_authentication", acr_values="gold"'))
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    const answer = await agent.fetch(`${app.url}/call`)
    expect(answer.status).toBe(401)
    const { code, login } = answer.json() as { code: string; login: string }
    expect(code).toBe('authentication_insufficient')
    const begun = await agent.get(login, { redirect: 'manual' })
    expect(new URL(location(begun)).searchParams.get('acr_values')).toBe('gold')
  })

  it.each([
    ['scope that was granted already', challenge('error="insufficient_scope", scope="openid"', 403), 403],
    ['scope without saying which', challenge('error="insufficient_scope"', 403), 403],
    ['claims that are none', challenge('error="insufficient_claims", claims="bm9uZQ=="'), 401],
    ['more than has room', challenge(`error="insufficient_scope", scope="${'x'.repeat(1501)}"`, 403), 403],
  ])('%s gets its answer back to the application', async (_, answer, status) => {
    api.answer(answer)
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin))
    const back = await agent.get('/call', { redirect: 'manual' })
    expect([back.status, back.text()]).toEqual([status, ''])
    expect(told(app, 'login')).toHaveLength(1)
  })
})

describe('a bound login', () => {
  it('proves its key to the API, anew for each request, with the nonce that the API wants (RFC 9449 9)', async () => {
    const nonce = {
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-of-the-api' },
    }
    api.answerOnce(nonce)
    api.answer({ body: 'orders' })
    const { app, agent } = await start((req) => req.oidc.fetch(`${api.origin}/orders`), { dpop: true })
    for (const time of [1, 2]) expect([time, (await agent.fetch(`${app.url}/call`)).text()]).toEqual([time, 'orders'])
    expect(api.authorizations.every((authorization) => authorization?.startsWith('DPoP '))).toBe(true)
    const proofs = api.requests.map(({ headers }) => decodeJwt(String(headers['dpop'])))
    expect(proofs.map((proof) => proof['nonce'])).toEqual([undefined, 'nonce-of-the-api', 'nonce-of-the-api'])
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3)
    expect(proofs[0]).toMatchObject({ htm: 'GET', htu: `${api.origin}/orders`, ath: expect.any(String) as string })
    expect(JSON.stringify(app.events)).not.toContain('nonce-of-the-api')
  })

  it('refreshes a token that is refused with the same key', async () => {
    api.answerOnce({ status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } })
    const { app, agent } = await start((req) => req.oidc.fetch(api.origin), { dpop: true })
    await agent.fetch(`${app.url}/call`)
    const keys = api.requests.map(({ headers }) => decodeProtectedHeader(String(headers['dpop'])).jwk)
    expect(api.requests).toHaveLength(2)
    expect(keys[1]).toEqual(keys[0])
    expect(new Set(api.authorizations).size).toBe(2)
  })
})
