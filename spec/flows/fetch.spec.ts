/** `req.oidc.fetch()`: API calls with the access token of a login. */
import type { Express, NextFunction, Request, Response } from 'express'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OidcError, OidcOptions } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { startApiServer, type ApiServer } from '../support/api-server.ts'
import type { TestApp } from '../support/app.ts'
import { flow, readLocation, listEvents } from '../support/flow.ts'
import { pass } from '../support/tokens-app.ts'
import { getContext } from '../support/app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })

let api: ApiServer
let other: ApiServer

beforeAll(async () => {
  ;[api, other] = await Promise.all([startApiServer(), startApiServer()])
})
afterAll(() => Promise.all([api.stop(), other.stop()]))
beforeEach(() => [api, other].forEach((each) => each.reset()))

type Call = (req: Request) => Promise<globalThis.Response>

/** A route `/call` that makes the given API call for the logged-in user and returns its response. */
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
  it('fetch() sends the access token of the login with the given request', async () => {
    api.answer({ status: 201, body: 'made' })
    const init = { method: 'POST', body: new URLSearchParams({ a: '1' }), headers: { 'x-trace': '7' } }
    const { app, agent } = await start((req) => getContext(req).fetch(`${api.origin}/orders?id=7`, init))
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

  it('fetch() refreshes an expired token first, and can use a token for another scope', async () => {
    const { app, agent } = await start((req) =>
      getContext(req).fetch(api.origin, {}, req.query['scope'] ? { scope: 'openid' } : {}),
    )
    await agent.fetch(`${app.url}/call`)
    pass(301)
    await agent.fetch(`${app.url}/call`)
    await agent.fetch(`${app.url}/call?scope=1`)
    expect(new Set(api.authorizations).size).toBe(3)
    expect(world.provider.requestsTo('token').map(({ params }) => params.get('scope'))).toEqual([null, 'openid'])
  })

  it('fetch() refreshes a token that the API rejects, and repeats the call', async () => {
    api.answerOnce(refused)
    api.answer({ body: 'orders' })
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin, { method: 'PUT', body: 'x' }))
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('orders')
    expect(api.requests.map(({ body }) => body)).toEqual(['x', 'x'])
    expect(new Set(api.authorizations).size).toBe(2)
    expect(listEvents(app, 'refresh')).toMatchObject([{ reason: 'rejected' }])
  })

  it('fetch() returns the 401 response if the API rejects the new token as well', async () => {
    api.answer(refused)
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toHaveLength(2)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('10 concurrent calls whose token is rejected cause one refresh', async () => {
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    await agent.fetch(`${app.url}/call`)
    const [revoked] = api.authorizations
    api.answer(({ headers }) => (headers.authorization === revoked ? refused : { body: 'orders' }))
    const answers = await Promise.all(Array.from({ length: 10 }, () => agent.fetch(`${app.url}/call`)))
    expect(answers.map((answer) => answer.text())).toEqual(answers.map(() => 'orders'))
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a call whose body is a stream is not repeated', async () => {
    api.answer(refused)
    const { app, agent } = await start((req) =>
      getContext(req).fetch(api.origin, { method: 'POST', body: new Blob(['once']).stream() }),
    )
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests.map(({ body }) => body)).toEqual(['once'])
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('fetch() returns the 401 response if there is no refresh token', async () => {
    api.answer(refused)
    const app = await world.start({
      options: { fetchOrigins: [api.origin] },
      routes: calling((req) => getContext(req).fetch(api.origin)),
    })
    world.provider.misbehave({ tokenResponse: { refresh_token: undefined } })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toHaveLength(1)
  })

  it.each([
    ['401 response with another scheme', { status: 401, headers: { 'www-authenticate': 'Basic realm="api"' } }],
    ['401 response without a challenge', { status: 401 }],
    ['404 response', { status: 404 }],
    ['500 response', { status: 500 }],
  ])('fetch() returns a %s unchanged', async (_, answer) => {
    api.answer(answer)
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`)).status).toBe(answer.status)
    expect(api.requests).toHaveLength(1)
  })

  it('fetch() rejects like the global fetch if the connection drops or the call is aborted', async () => {
    api.answer({ drop: true })
    const { app, agent } = await start(async (req) => {
      const signal = req.query['late'] ? AbortSignal.abort(new Error('given up')) : null
      return getContext(req)
        .fetch(api.origin, { signal })
        .catch((error: Error) => new Response(`${error.name} ${error.message}`))
    })
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('TypeError fetch failed')
    expect((await agent.fetch(`${app.url}/call?late=1`)).text()).toBe('Error given up')
  })

  it('an anonymous request gets 401, and the API is not called', async () => {
    const { app } = await start((req) => getContext(req).fetch(api.origin))
    expect((await app.agent().fetch(`${app.url}/call`)).status).toBe(401)
    expect(api.requests).toEqual([])
  })
})

describe('the destination of an access token', () => {
  it.each([
    ['another origin', () => `${other.origin}/`],
    ['another port', () => api.origin.replace(/\d+$/, '1')],
    ['another scheme', () => api.origin.replace('http:', 'https:')],
    ['another name of the same host', () => api.origin.replace('127.0.0.1', 'localhost')],
    ['an origin with the allowed origin as its prefix', () => `${api.origin}.evil.example/`],
    ['an origin with the allowed host as its user name', () => `http://${new URL(api.origin).host}@evil.example/`],
    ['a URL with credentials', () => api.origin.replace('//', '//user:word@')],
    ['a path', () => '/orders'],
    ['an invalid URL', () => 'http://'],
    ['a file', () => 'file:///etc/passwd'],
  ])('an access token is not sent to %s', async (_, url) => {
    const { app, agent } = await start((req) => getContext(req).fetch(url()))
    const answer = await agent.fetch(`${app.url}/call`)
    expect(answer.status).toBe(500)
    expect(answer.json()).toMatchObject({ code: 'destination_refused' })
    expect([...api.requests, ...other.requests]).toEqual([])
  })

  const redirects = [301, 302, 303, 307, 308].flatMap((status) => [false, true].map((dpop) => ({ status, dpop })))

  it.each(redirects)(
    'a $status redirect to an origin that is not listed is refused: DPoP $dpop',
    async ({ status, dpop }) => {
      api.answer({ status, headers: { location: `${other.origin}/landing` } })
      const init = { method: 'POST', body: 'private' }
      const { app, agent } = await start((req) => getContext(req).fetch(api.origin, init), { dpop })
      const answer = await agent.fetch(`${app.url}/call`)
      expect(answer.json()).toMatchObject({ code: 'destination_refused', status: 500 })
      expect(api.requests).toHaveLength(1)
      expect(other.requests).toEqual([])
    },
  )

  it('the error of a refused call has the origin to list', async () => {
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(`${other.origin}/orders?secret=1`)
        .catch((error: OidcError) => new Response(error.detail)),
    )
    const text = (await agent.fetch(`${app.url}/call`)).text()
    expect(text).toContain(`add '${other.origin}' to it`)
    expect(text).not.toContain('secret')
  })

  it('the error of a refused redirect names the option and the origins', async () => {
    api.answer({ status: 302, headers: { location: `${other.origin}/landing?secret=1` } })
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(api.origin)
        .catch((error: OidcError) => new Response(error.detail)),
    )
    const detail = (await agent.fetch(`${app.url}/call`)).text()
    for (const part of ['`fetchOrigins`', api.origin, other.origin]) expect(detail).toContain(part)
    expect(detail).not.toContain('secret')
  })

  it('the error of a listed origin with a user name says to remove the user name', async () => {
    const named = api.origin.replace('//', '//user@')
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(req.query['direct'] ? named : api.origin)
        .catch((error: OidcError) => new Response(error.detail)),
    )
    api.answer({ status: 302, headers: { location: `${named}/next` } })
    for (const query of ['', '?direct=1']) {
      const detail = (await agent.fetch(`${app.url}/call${query}`)).text()
      expect(detail).toContain('with a user name or a password; remove them from the URL')
      expect(detail).not.toContain('does not list')
    }
  })

  it('the error of a URL that is not absolute says to pass an absolute URL', async () => {
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch('/orders')
        .catch((error: OidcError) => new Response(error.detail)),
    )
    const detail = (await agent.fetch(`${app.url}/call`)).text()
    expect(detail).toBe('`req.oidc.fetch()` was called for a URL, which is not absolute; pass an absolute URL')
  })

  it.each(redirects)(
    'a $status redirect to a listed origin is followed without the token: DPoP $dpop',
    async ({ status, dpop }) => {
      api.answer({ status, headers: { location: `${other.origin}/landing` } })
      other.answer({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }, body: 'landed' })
      const headers = { 'x-own': '1', cookie: 'a=b', 'content-language': 'de' }
      const init = { method: 'POST', body: 'x', headers }
      const options = { dpop, fetchOrigins: [api.origin, other.origin] }
      const { app, agent } = await start((req) => getContext(req).fetch(api.origin, init), options)
      expect((await agent.fetch(`${app.url}/call`)).text()).toBe('landed')
      expect(other.requests).toHaveLength(1)
      const [landed] = other.requests
      const keeps = status > 303
      expect(landed).toMatchObject({ method: keeps ? 'POST' : 'GET', path: '/landing', body: keeps ? 'x' : '' })
      expect(landed?.headers).toMatchObject({ 'x-own': '1' })
      for (const name of ['authorization', 'dpop', 'cookie']) expect(landed?.headers[name]).toBeUndefined()
      expect(landed?.headers['content-language']).toBe(keeps ? 'de' : undefined)
      expect(world.provider.requestsTo('token')).toEqual([])
    },
  )

  it('a redirect back to the first origin stays without the token', async () => {
    api.answerOnce({ status: 307, headers: { location: `${other.origin}/landing` } })
    other.answer({ status: 307, headers: { location: `${api.origin}/back` } })
    const options = { fetchOrigins: [api.origin, other.origin] }
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin), options)
    await agent.fetch(`${app.url}/call`)
    expect(api.requests.map(({ path }) => path)).toEqual(['/', '/back'])
    expect(api.authorizations[1]).toBeUndefined()
  })

  it.each([
    ['an endless chain of redirects', '/again', 21],
    ['a redirect to another scheme', 'ftp://127.0.0.1/', 1],
    ['a redirect to no URL', 'http://', 1],
  ])('fetch() rejects like the global fetch after %s', async (_, location, count) => {
    api.answer({ status: 302, headers: { location } })
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(api.origin)
        .catch((error: Error) => new Response(`${error.name} ${error.message}`)),
    )
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('TypeError fetch failed')
    expect(api.requests).toHaveLength(count)
  })

  it('a redirect that requires a stream again rejects like the global fetch', async () => {
    api.answer({ status: 307, headers: { location: '/there' } })
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(api.origin, { method: 'POST', body: new Blob(['once']).stream() })
        .catch((error: Error) => new Response(`${error.name} ${error.message}`)),
    )
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('TypeError fetch failed')
    expect(api.requests).toHaveLength(1)
  })

  it('a redirect without a location is returned', async () => {
    api.answer({ status: 302, body: 'nowhere' })
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    expect((await agent.fetch(`${app.url}/call`, { redirect: 'manual' })).status).toBe(302)
  })

  it('fetch() with redirect: error rejects at a redirect', async () => {
    api.answer({ status: 302, headers: { location: '/there' } })
    const { app, agent } = await start((req) =>
      getContext(req)
        .fetch(api.origin, { redirect: 'error' })
        .catch((error: Error) => new Response(`${error.name} ${error.message}`)),
    )
    expect((await agent.fetch(`${app.url}/call`)).text()).toBe('TypeError fetch failed')
    expect(api.requests).toHaveLength(1)
  })

  it('the proof of each redirected request names its URL, and the response says that it was redirected', async () => {
    api.answerOnce({ status: 302, headers: { location: '/there' } })
    const { app, agent } = await start(
      async (req) => {
        const { redirected, url } = await getContext(req).fetch(`${api.origin}/here`)
        return Response.json([redirected, url])
      },
      { dpop: true },
    )
    expect((await agent.fetch(`${app.url}/call`)).json()).toEqual([true, `${api.origin}/there`])
    const proofs = api.requests.map(({ headers }) => decodeJwt(String(headers['dpop'])))
    expect(proofs.map((proof) => proof['htu'])).toEqual([`${api.origin}/here`, `${api.origin}/there`])
  })

  it('a redirect within the origin is followed with the access token', async () => {
    api.answerOnce({ status: 302, headers: { location: '/there' } })
    const { app, agent } = await start((req) => getContext(req).fetch(`${api.origin}/here`))
    await agent.fetch(`${app.url}/call`)
    expect(api.requests.map(({ path }) => path)).toEqual(['/here', '/there'])
    expect(api.authorizations[1]).toBe(api.authorizations[0])
  })

  it('a redirect is not followed with redirect: manual', async () => {
    api.answer({ status: 302, headers: { location: `${other.origin}/landing` } })
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin, { redirect: 'manual' }))
    expect((await agent.fetch(`${app.url}/call`, { redirect: 'manual' })).status).toBe(302)
    expect(other.requests).toEqual([])
  })
})

describe('an API that requires a step-up', () => {
  const challenge = (text: string, status = 401): object => ({
    status,
    headers: { 'www-authenticate': `Bearer ${text}` },
  })
  const claims = { access_token: { acrs: { essential: true, value: 'c1' } } }

  it.each<[string, object, Record<string, string>]>([
    [
      'more scope',
      challenge('error="insufficient_scope", scope="openid orders:write"', 403),
      { scope: 'openid profile email orders:write' },
    ],
    [
      'stronger authentication (RFC 9470)',
      challenge('error="insufficient_user_authentication", acr_values="gold silver"'),
      { scope: 'openid profile email', acr_values: 'gold silver' },
    ],
    [
      'more recent authentication',
      challenge('error="insufficient_user_authentication", max_age="5"'),
      { scope: 'openid profile email', max_age: '5' },
    ],
    [
      "the claims of Entra's claims challenge",
      challenge(`error="insufficient_claims", claims="${Buffer.from(JSON.stringify(claims)).toString('base64')}"`),
      { scope: 'openid profile email', claims: JSON.stringify(claims) },
    ],
  ])('a navigation is redirected to the provider once, to request %s', async (_, answer, requested) => {
    api.answer(answer)
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    const begun = await agent.get('/call', { redirect: 'manual' })
    expect(begun.status).toBe(302)
    const { searchParams } = new URL(readLocation(begun))
    for (const [name, value] of Object.entries(requested)) expect([name, searchParams.get(name)]).toEqual([name, value])
    // The API still rejects the new login, so the answer is 403 instead of a loop.
    const back = await agent.get('/call')
    expect(back.status).toBe(403)
    expect(back.url).toBe(`${app.url}/call`)
    expect(listEvents(app, 'login')).toHaveLength(2)
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('a login that returns too late for the max_age of an API gets a page instead of a redirect loop', async () => {
    api.answer(challenge('error="insufficient_user_authentication", max_age="60"'))
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    world.provider.misbehave({ idToken: { claims: { auth_time: Math.floor(Date.now() / 1000) - 75 } } })
    const page = await agent.get('/call')
    expect([page.status, page.url]).toEqual([401, `${app.url}/call`])
    expect(listEvents(app, 'login')).toHaveLength(2)
    // For `max_age=60`, the provider could again consider its authentication recent, and show no page.
    const begun = await agent.click(page, 'Continue', { redirect: 'manual' })
    expect(new URL(readLocation(begun)).searchParams.get('max_age')).toBe('0')
  })

  it('a fetch gets 401 with the URL of the step-up login', async () => {
    api.answer(challenge('error="insufficient_user_authentication", acr_values="gold"'))
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    const answer = await agent.fetch(`${app.url}/call`)
    expect(answer.status).toBe(401)
    const { code, login } = answer.json() as { code: string; login: string }
    expect(code).toBe('authentication_insufficient')
    const begun = await agent.get(login, { redirect: 'manual' })
    expect(new URL(readLocation(begun)).searchParams.get('acr_values')).toBe('gold')
  })

  it.each([
    ['scope that is already granted', challenge('error="insufficient_scope", scope="openid"', 403), 403],
    ['unspecified scope', challenge('error="insufficient_scope"', 403), 403],
    ['malformed claims', challenge('error="insufficient_claims", claims="bm9uZQ=="'), 401],
    ['scope that is too long', challenge(`error="insufficient_scope", scope="${'x'.repeat(1501)}"`, 403), 403],
  ])('the response of an API that requires %s is returned to the application', async (_, answer, status) => {
    api.answer(answer)
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin))
    const back = await agent.get('/call', { redirect: 'manual' })
    expect([back.status, back.text()]).toEqual([status, ''])
    expect(listEvents(app, 'login')).toHaveLength(1)
  })
})

describe('fetch() of a DPoP-bound login', () => {
  it('each request has a new DPoP proof, with the nonce that the API requires (RFC 9449 9)', async () => {
    const nonce = {
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-of-the-api' },
    }
    api.answerOnce(nonce)
    api.answer({ body: 'orders' })
    const { app, agent } = await start((req) => getContext(req).fetch(`${api.origin}/orders`), { dpop: true })
    for (const time of [1, 2]) expect([time, (await agent.fetch(`${app.url}/call`)).text()]).toEqual([time, 'orders'])
    expect(api.authorizations.every((authorization) => authorization?.startsWith('DPoP '))).toBe(true)
    const proofs = api.requests.map(({ headers }) => decodeJwt(String(headers['dpop'])))
    expect(proofs.map((proof) => proof['nonce'])).toEqual([undefined, 'nonce-of-the-api', 'nonce-of-the-api'])
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3)
    expect(proofs[0]).toMatchObject({ htm: 'GET', htu: `${api.origin}/orders`, ath: expect.any(String) as string })
    expect(JSON.stringify(app.events)).not.toContain('nonce-of-the-api')
  })

  it('a rejected token is refreshed and presented with the same key', async () => {
    api.answerOnce({ status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } })
    const { app, agent } = await start((req) => getContext(req).fetch(api.origin), { dpop: true })
    await agent.fetch(`${app.url}/call`)
    const keys = api.requests.map(({ headers }) => decodeProtectedHeader(String(headers['dpop'])).jwk)
    expect(api.requests).toHaveLength(2)
    expect(keys[1]).toEqual(keys[0])
    expect(new Set(api.authorizations).size).toBe(2)
  })
})
