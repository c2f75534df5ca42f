/** HTTP responses of `requireBearer()` (RFC 6750, RFC 9470, RFC 9728), on Express 4 and 5. */
import { createServer, request } from 'node:http'
import { createRequire } from 'node:module'
import express, { type Express } from 'express'
import {
  BearerError,
  createBearer,
  createOidc,
  type Bearer,
  type BearerOptions,
  type BearerRule,
  type OidcError,
} from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { close, listen, secret, until } from '../support/app.ts'

const require = createRequire(import.meta.url)
const { version } = require('express/package.json') as { version: string }
const express4 = require('express4') as typeof express
/** The version matrix also installs Express 4 under the name `express`. */
const expresses: [number, typeof express][] = [
  [version.startsWith('4.') ? 4 : 5, express],
  [4, express4],
]

const baseUrl = 'https://api.example.com/v1'
const metadata = 'https://api.example.com/.well-known/oauth-protected-resource/v1'

let provider: TestProvider
let stops: (() => Promise<void>)[] = []
beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())
afterEach(async () => {
  await provider.start()
  provider.behave()
  for (const stop of stops) await stop()
  stops = []
})
const seconds = (): number => Math.floor(Date.now() / 1000)

/** An access token of Alice for the audience `orders`; `changes` overrides claims. */
function token(changes: Record<string, unknown> = {}): Promise<string> {
  const iat = seconds()
  const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', scope: 'orders:read', iat, exp: iat + 300 }
  return provider.sign({ ...claims, jti: crypto.randomUUID(), ...changes })
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

interface Call {
  readonly method?: string
  /** An array sends a header several times. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string
}

/** Sends one request, without any header that `fetch` would add. */
function call(url: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject).on('end', () => {
        const found = new Headers()
        for (const [name, values] of Object.entries(response.headersDistinct)) {
          for (const value of values ?? []) found.append(name, value)
        }
        resolve({ status: response.statusCode ?? 0, headers: found, body: text })
      })
    })
    sent.on('error', reject).end(body)
  })
}

describe.each(expresses)('requireBearer() on Express %d', (major, make) => {
  let url: string
  let events: { name: string; event: Record<string, unknown> }[]
  let reached: number

  async function serve(setUp: (app: Express) => void): Promise<void> {
    const app = make()
    app.set('env', 'test')
    setUp(app)
    const server = createServer(app)
    url = await listen(server)
    stops.push(() => close(server))
  }

  /** Starts an API with the single route `/orders`. */
  async function start(rule?: BearerRule, options: Partial<BearerOptions> = {}): Promise<Bearer> {
    const api = createBearer({ issuer: provider.issuer, audience: 'orders', baseUrl, log: false, ...options })
    events = []
    reached = 0
    for (const name of ['token_rejected', 'denied', 'provider_fault'] as const) {
      api.on(name, (event) => events.push({ name, event: event }))
    }
    await serve((app) => {
      app.use(make.urlencoded({ extended: false }))
      app.use(api.router)
      app.all('/orders', api.requireBearer(rule), (req, res) => {
        reached++
        const { sub, scope, roles, issuer, claims } = req.auth ?? {}
        res.json({ sub: sub ?? null, scope, roles, issuer, tenant: claims?.['tenant'] })
      })
    })
    return api
  }

  const withToken = (value: string, more: Record<string, string> = {}): Call => ({
    headers: { authorization: `Bearer ${value}`, ...more },
  })
  const orders = (given?: Call): Promise<Answer> => call(`${url}/orders`, given)

  /** Checks status, headers and body of a rejection, and that the route was not reached. */
  function expectRefusal(answer: Answer, status: number, challenge: string | null, body: object): void {
    expect(answer.headers.get('www-authenticate')).toBe(challenge)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(JSON.parse(answer.body)).toEqual(body)
    expect(reached).toBe(0)
  }

  /** Checks a rejection whose challenge has an error code. */
  function expectError(
    answer: Answer,
    status: number,
    code: string,
    error: string,
    description: string,
    needed = {},
  ): void {
    const parameters = { error, error_description: description, ...needed }
    const text = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
    const challenge = `Bearer realm="orders", ${text.join(', ')}, resource_metadata="${metadata}"`
    expectRefusal(answer, status, challenge, { title: description, status, code, ...parameters })
  }

  it('the application of this test runs on that version of Express', async () => {
    await serve((app) => expect('del' in app).toBe(major === 4))
  })

  it('accepts a valid token and exposes its contents as req.auth', async () => {
    await start({ scope: 'orders:read' })
    const answer = await orders(withToken(await token({ roles: ['editor'], tenant: 'acme' })))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual({
      sub: 'alice',
      scope: ['orders:read'],
      roles: ['editor'],
      issuer: provider.issuer,
      tenant: 'acme',
    })
    expect(answer.headers.get('www-authenticate')).toBeNull()
    expect(events).toEqual([])
  })

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('accepts the scheme spelled %s (RFC 9110 11.1)', async (scheme) => {
    await start()
    expect((await orders({ headers: { authorization: `${scheme} ${await token()}` } })).status).toBe(200)
    expect((await orders({ headers: { authorization: `${scheme}   ${await token()}` } })).status).toBe(200)
  })

  describe('a request without an access token', () => {
    const challenge = `Bearer realm="orders", resource_metadata="${metadata}"`
    const body = {
      title: 'An access token is required in the Authorization header.',
      status: 401,
      code: 'token_required',
    }

    it(
      'a request without a token is answered 401 without an error code or event (RFC 6750 3.1)',
      { meta: { id: 'bearer-answers-1' } },
      async () => {
        await start({ scope: 'orders:read', acr: 'gold', maxAuthAgeSeconds: 60 })
        expectRefusal(await orders(), 401, challenge, body)
        expect(events).toEqual([])
      },
    )

    it.each(['Basic d2ViOnNlY3JldA==', 'Negotiate abc', 'Bearerx abc', 'Bearer-Token abc', 'Digest username="bearer"'])(
      'a header of another scheme does not count as an access token: %s',
      async (authorization) => {
        await start()
        expectRefusal(await orders({ headers: { authorization } }), 401, challenge, body)
        expect(events).toEqual([])
      },
    )

    it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])(
      'the method %s without a token is answered 401, even from a page of another site',
      async (method) => {
        await start()
        const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site', accept: 'text/html' }
        expectRefusal(await orders({ method, headers }), 401, challenge, body)
      },
    )

    it('a HEAD request is answered with the same challenge and no body', async () => {
      await start()
      const answer = await orders({ method: 'HEAD' })
      expect(answer).toMatchObject({ status: 401, body: '' })
      expect(answer.headers.get('www-authenticate')).toBe(challenge)
    })

    it('the challenge has no resource_metadata without a baseUrl', async () => {
      await start({}, { baseUrl: undefined })
      expectRefusal(await orders(), 401, 'Bearer realm="orders"', body)
    })

    it('the realm is the first audience, with its quotes and backslashes escaped', async () => {
      await start({}, { baseUrl: undefined, audience: ['the "orders"\\', 'billing'] })
      expectRefusal(await orders(), 401, 'Bearer realm="the \\"orders\\"\\\\"', body)
    })

    it('a request without a token reaches an `optional` route without req.auth', async () => {
      await start({ optional: true })
      expect(JSON.parse((await orders()).body)).toEqual({ sub: null })
      expect(JSON.parse((await orders({ headers: { authorization: 'Basic d2ViOg==' } })).body)).toEqual({ sub: null })
      expect(JSON.parse((await orders(withToken(await token()))).body)).toMatchObject({ sub: 'alice' })
    })
  })

  describe('a malformed request', () => {
    const form = 'The Authorization header must have the form: Bearer, a space, the access token.'
    const twice = 'The request has more than one Authorization header.'
    const elsewhere = 'Send the access token in the Authorization header only.'

    async function expectMalformed(given: Call, description: string, path = '/orders'): Promise<void> {
      expectError(await call(url + path, given), 400, 'request_invalid', 'invalid_request', description)
      expect(events).toEqual([
        {
          name: 'token_rejected',
          event: {
            provider: 'bearer',
            at: expect.any(Number),
            code: 'request_invalid',
            status: 400,
            detail: description,
          },
        },
      ])
    }

    it.each([
      'Bearer',
      'Bearer a b',
      'Bearer a, Bearer b',
      'Bearer,abc',
      'Bearer=abc',
      'Bearer "abc"',
      'Bearer a=b',
      'Bearer caf\u00e9',
      'bearer\tabc',
      'dpop',
    ])('a malformed Authorization header is answered 400: %s', async (authorization) => {
      await start()
      await expectMalformed({ headers: { authorization } }, form)
    })

    it('two Authorization headers are answered 400, even with the same valid token', async () => {
      await start()
      const good = `Bearer ${await token()}`
      await expectMalformed({ headers: { authorization: [good, good] } }, twice)
    })

    it.each([0, 1])(
      'an additional Authorization header is answered 400, with the Basic header at index %d',
      async (place) => {
        await start()
        const both = [`Bearer ${await token()}`]
        both.splice(place, 0, 'Basic d2ViOg==')
        await expectMalformed({ headers: { authorization: both } }, twice)
      },
    )

    it('a token in the query is answered 400, with or without an Authorization header', async () => {
      await start()
      const good = await token()
      await expectMalformed({}, elsewhere, `/orders?access_token=${good}`)
      events.length = 0
      await expectMalformed(withToken(good), elsewhere, `/orders?page=2&access_token=${good}`)
      events.length = 0
      await expectMalformed(withToken(good), elsewhere, '/orders?%61ccess_token=')
    })

    it('a token in a form body is answered 400, with or without an Authorization header', async () => {
      await start()
      const good = await token()
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = `page=2&access_token=${good}`
      await expectMalformed({ method: 'POST', headers, body }, elsewhere)
      events.length = 0
      await expectMalformed(
        { method: 'POST', headers: { ...headers, authorization: `Bearer ${good}` }, body },
        elsewhere,
      )
    })

    it('a malformed request is answered 400 even where the token is optional', async () => {
      await start({ optional: true })
      await expectMalformed({ headers: { authorization: 'Bearer' } }, form)
      events.length = 0
      await expectMalformed({}, elsewhere, '/orders?access_token=a')
    })

    it('a malformed request causes no request to the provider', async () => {
      provider.forget()
      await start()
      await expectMalformed({ headers: { authorization: 'Bearer a b' } }, form)
      expect(provider.requests).toEqual([])
    })
  })

  describe('an invalid token', () => {
    const bad = 'The access token is invalid.'

    async function expectBad(value: string, description: string, detail: RegExp): Promise<void> {
      expectError(await orders(withToken(value)), 401, 'token_invalid', 'invalid_token', description)
      const event = { provider: 'bearer', at: expect.any(Number), code: 'token_invalid', status: 401 }
      expect(events).toEqual([
        { name: 'token_rejected', event: { ...event, detail: expect.stringMatching(detail) as string } },
      ])
      expect(JSON.stringify(events)).not.toMatch(/eyJ[\w-]{10,}/)
    }

    it.each([
      ['a value that is not a JWT', () => 'abc', /not a canonically encoded JWT/],
      [
        'a token without a signature',
        async () => (await token()).replace(/[^.]+$/, ''),
        /not a canonically encoded JWT/,
      ],
      [
        'a token signed with another key',
        async () => {
          const undo = provider.misbehave({ accessToken: { signature: 'other-key', claims: { aud: 'orders' } } })
          const { access_token } = await provider.issueTokens('alice')
          undo()
          return String(access_token)
        },
        /signature/,
      ],
      [
        'a token of another issuer',
        () => token({ iss: 'https://elsewhere.example' }),
        /^iss is not the expected issuer$/,
      ],
      ['a token without exp', () => token({ exp: undefined }), /"exp"/],
      ['a token whose nbf is in the future', () => token({ nbf: seconds() + 100 }), /"nbf"/],
      ['a token whose iat is in the future', () => token({ iat: seconds() + 100 }), /^iat is in the future$/],
      ['an ID token', () => token({ nonce: 'n', scope: undefined }), /^nonce without a scope marks an ID token$/],
      ['a token bound to a key', () => token({ cnf: { jkt: 'a' } }), /^the token is bound to a key \(cnf\)/],
    ] as [string, () => string | Promise<string>, RegExp][])(
      'an invalid token is answered 401, and only the event has the reason: %s',
      async (_what, make, detail) => {
        await start()
        await expectBad(await make(), bad, detail)
      },
    )

    it('an expired token is answered 401 once the clock tolerance is over', async () => {
      await start()
      expect((await orders(withToken(await token({ exp: seconds() - 20 })))).status).toBe(200)
      reached = 0
      await expectBad(await token({ exp: seconds() - 40 }), 'The access token has expired.', /"exp"/)
    })

    it(
      'a token for another audience is answered 401, and the event tells how to fix it',
      { meta: { id: 'bearer-answers-2' } },
      async () => {
        await start()
        const audience = 'The audience (aud) of the access token is not this API.'
        await expectBad(
          await token({ aud: 'account' }),
          audience,
          /^aud is \["account"\]; expected "orders"\. .*Audience mapper/,
        )
        events.length = 0
        await expectBad(await token({ aud: undefined }), audience, /^aud is missing; expected "orders"\. /)
      },
    )

    it('a token must name the audience of the options and that of the rule', async () => {
      await start({ audience: 'billing' })
      const audience = 'The audience (aud) of the access token is not this API.'
      await expectBad(await token(), audience, /^aud is \["orders"\]; expected "billing"\. /)
      expect((await orders(withToken(await token({ aud: ['orders', 'billing'] })))).status).toBe(200)
      reached = 0
      events.length = 0
      await expectBad(await token({ aud: 'billing' }), audience, /^aud is \["billing"\]; expected "orders"\. /)
    })

    it('an invalid token is answered 401 even where the token is optional', async () => {
      await start({ optional: true })
      await expectBad(await token({ exp: 1 }), 'The access token has expired.', /"exp"/)
      events.length = 0
      await expectBad('abc', bad, /not a canonically encoded JWT/)
    })
  })

  describe('a valid token that does not satisfy the rule', () => {
    async function expectDenied(rule: BearerRule, claims: object, detail: string, needed = {}): Promise<void> {
      await start(rule)
      const answer = await orders(withToken(await token({ ...claims })))
      const description = `The access token does not grant this request (${detail}).`
      expectError(answer, 403, 'not_allowed', 'insufficient_scope', description, needed)
      const event = { code: 'not_allowed', status: 403, sub: 'alice', detail }
      expect(events).toEqual([{ name: 'denied', event: { provider: 'bearer', at: expect.any(Number), ...event } }])
    }

    it('a missing scope is answered 403 with all required scopes', { meta: { id: 'bearer-answers-3' } }, () =>
      expectDenied({ scope: ['orders:read', 'orders:write'] }, {}, 'missing scope: orders:write', {
        scope: 'orders:read orders:write',
      }),
    )
    it('a token with none of several accepted scopes is answered 403 with all of them', () =>
      expectDenied({ anyScope: 'a b' }, {}, 'missing scope: one of a, b', { scope: 'a b' }))
    it('a missing role is answered 403', () =>
      expectDenied({ roles: 'admin' }, { roles: ['editor'] }, 'missing role: admin'))
    it('a token with none of several accepted roles is answered 403', () =>
      expectDenied({ anyRole: ['admin', 'owner'] }, { roles: ['editor'] }, 'missing role: one of admin, owner'))
    it('a token whose claim has another value is answered 403', () =>
      expectDenied({ claims: { tenant: 'acme' } }, { tenant: 'globex' }, 'missing claim: tenant'))
    it('a check that returns false is answered 403', () =>
      expectDenied({ check: () => false }, {}, '`check` did not return true'))
    it('a check that resolves to false is answered 403', () =>
      expectDenied({ check: async ({ sub }) => sub === 'bob' }, {}, '`check` did not return true'))
    it('a missing scope is answered 403 even where the token is optional', () =>
      expectDenied({ optional: true, scope: 'b' }, {}, 'missing scope: b', { scope: 'b' }))

    it('the rule is evaluated at each request, although the token is cached', async () => {
      let tenant = 'acme'
      await start({ check: (claims, req) => req.path === '/orders' && claims['tenant'] === tenant })
      const good = withToken(await token({ tenant: 'acme' }))
      for (let time = 0; time < 3; time++) expect((await orders(good)).status).toBe(200)
      tenant = 'globex'
      expect((await orders(good)).status).toBe(403)
    })

    it.each([
      ['synchronously', () => fail()],
      ['asynchronously', async () => fail()],
    ])('a check that throws %s is answered 500 without the reason', async (_when, check) => {
      await start({ check })
      const answer = await orders(withToken(await token()))
      const title = 'The application could not complete the request. If this happens again, contact its operator.'
      expectRefusal(answer, 500, null, { title, status: 500, code: 'hook_failed' })
      expect(events).toEqual([])
    })
  })

  describe('step-up authentication (RFC 9470)', () => {
    const level = 'A different authentication level is required.'
    const recent = 'More recent authentication is required.'

    it.each([
      [{ acr: 'gold' }, { acr: 'silver' }, level, { acr_values: 'gold' }],
      [{ acr: ['gold', 'platinum'] }, {}, level, { acr_values: 'gold platinum' }],
      [{ maxAuthAgeSeconds: 300 }, { auth_time: 1 }, recent, { max_age: '300' }],
      [{ maxAuthAgeSeconds: 300 }, {}, recent, { max_age: '300' }],
      [
        { acr: 'gold', maxAuthAgeSeconds: 0 },
        { acr: 'gold', auth_time: 1 },
        recent,
        { acr_values: 'gold', max_age: '0' },
      ],
    ] as [BearerRule, object, string, object][])(
      'a guard that requires %j answers 401 to a token with %j',
      async (rule, claims, description, needed) => {
        await start({ ...rule, scope: 'orders:write' })
        const answer = await orders(withToken(await token({ ...claims })))
        expectError(answer, 401, 'authentication_insufficient', 'insufficient_user_authentication', description, needed)
        expect(events).toMatchObject([
          { name: 'token_rejected', event: { code: 'authentication_insufficient', status: 401 } },
        ])
      },
    )

    it('a token with the required acr and a recent auth_time is accepted', async () => {
      await start({ acr: 'gold', maxAuthAgeSeconds: 300 })
      expect((await orders(withToken(await token({ acr: 'gold', auth_time: seconds() - 10 })))).status).toBe(200)
    })
  })

  describe('while the signing keys cannot be fetched', () => {
    const down = {
      title: 'The login service cannot be reached. Please try again in a moment.',
      status: 503,
      code: 'provider_unavailable',
    }

    it('the guard answers 503 with Retry-After to every token, and recovers by itself', async () => {
      await provider.stop()
      await start()
      const good = withToken(await token())
      for (const given of [good, withToken(await token({ exp: 1 })), good]) {
        const answer = await orders(given)
        expectRefusal(answer, 503, null, down)
        expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      }
      expect(events.length).toBeGreaterThan(0)
      expect(events.every(({ name }) => name === 'provider_fault')).toBe(true)
      // Requests that need no key get their usual answers.
      expect((await orders()).status).toBe(401)
      expect((await orders({ headers: { authorization: 'Bearer' } })).status).toBe(400)
      await provider.start()
      await until(async () => (await orders(good)).status === 200, 'the guard accepts a valid token again')
    })

    it('the guard answers 503 to a token even where tokens are optional', async () => {
      await provider.stop()
      await start({ optional: true })
      expectRefusal(await orders(withToken(await token())), 503, null, down)
      expect((await orders()).status).toBe(200)
    })

    it.each([{ status: 500 }, { html: true }, { body: { keys: 'none' } }])(
      'the guard answers 503 if the key set is %j',
      async (fault) => {
        await start()
        const undo = provider.misbehave({ endpoints: { jwks: fault } })
        const good = withToken(await token())
        expectRefusal(await orders(good), 503, null, down)
        undo()
        await until(async () => (await orders(good)).status === 200, 'the guard accepts a valid token again')
      },
    )

    it('the guard accepts tokens during an outage after the first fetch of the keys', async () => {
      const api = await start({}, { cacheSeconds: 0 })
      await api.ready()
      await provider.stop()
      expect((await orders(withToken(await token()))).status).toBe(200)
    })
  })

  describe('onError', () => {
    it('onError replaces the built-in response, with Cache-Control: no-store already set', async () => {
      const seen: OidcError[] = []
      await start(
        { scope: 'orders:write' },
        {
          onError(error, _req, res) {
            seen.push(error)
            res.status(error.status).set(error.headers).json({ mine: error.code })
          },
        },
      )
      const answers = [
        await orders(),
        await orders({ headers: { authorization: 'Bearer' } }),
        await orders(withToken('abc')),
        await orders(withToken(await token())),
      ]
      expect(answers.map(({ status, body }) => [status, body])).toEqual([
        [401, '{"mine":"token_required"}'],
        [400, '{"mine":"request_invalid"}'],
        [401, '{"mine":"token_invalid"}'],
        [403, '{"mine":"not_allowed"}'],
      ])
      for (const { headers } of answers) {
        expect(headers.get('cache-control')).toBe('no-store')
        expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="orders", /)
      }
      expect(seen.every((error) => error instanceof BearerError)).toBe(true)
      expect(seen.map((error) => (error as BearerError).error)).toEqual([
        undefined,
        'invalid_request',
        'invalid_token',
        'insufficient_scope',
      ])
      expect(seen.at(-1)).toMatchObject({ needed: { scope: 'orders:write' }, sub: 'alice' })
      expect(events.map(({ name }) => name)).toEqual(['token_rejected', 'token_rejected', 'denied'])
      expect(reached).toBe(0)
    })

    it('onError can pass the error to the error handlers of the application', async () => {
      const api = createBearer({
        issuer: provider.issuer,
        audience: 'orders',
        onError: (error, _req, _res, next) => next(error),
      })
      await serve((app) => {
        app.get('/orders', api.requireBearer(), (_req, res) => void res.send('in'))
      })
      // Express's default handler takes status and headers from the error.
      const answer = await orders()
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="orders"')
      expect(answer.body).not.toBe('in')
    })

    it('an onError that throws is answered 500', async () => {
      await start({}, { onError: async () => fail() })
      const title = 'The application could not complete the request. If this happens again, contact its operator.'
      expectRefusal(await orders(), 500, null, { title, status: 500, code: 'hook_failed' })
    })
  })

  describe('the protected resource metadata (RFC 9728)', () => {
    const members = (resource: string): object => ({
      resource,
      authorization_servers: [provider.issuer],
      bearer_methods_supported: ['header'],
    })

    it.each([
      ['https://api.example.com', '/.well-known/oauth-protected-resource', 'https://api.example.com'],
      ['https://api.example.com/', '/.well-known/oauth-protected-resource', 'https://api.example.com'],
      [baseUrl, '/.well-known/oauth-protected-resource/v1', baseUrl],
      [`${baseUrl}/`, '/.well-known/oauth-protected-resource/v1', baseUrl],
    ])('the metadata of %s is served at %s to any origin', async (base, path, resource) => {
      await start({}, { baseUrl: base })
      const answer = await call(`${url}${path}?a=1`, { headers: { host: 'elsewhere.example' } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(JSON.parse(answer.body)).toEqual(members(resource))
      const challenge = (await orders()).headers.get('www-authenticate')
      expect(challenge).toContain(`resource_metadata="https://api.example.com${path}"`)
    })

    it('the metadata is served only for GET and HEAD', async () => {
      await start()
      const place = `${url}/.well-known/oauth-protected-resource/v1`
      expect(await call(place, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
      for (const method of ['POST', 'PUT', 'DELETE']) expect((await call(place, { method })).status).toBe(404)
    })

    it.each(['', '/', '/v1/', '/v2', '/V1'])(
      'the metadata is not served at the path of another resource: %j',
      async (path) => {
        await start()
        expect((await call(`${url}/.well-known/oauth-protected-resource${path}`)).status).toBe(404)
      },
    )

    it('the metadata is not served without a baseUrl', async () => {
      await start({}, { baseUrl: undefined })
      expect((await call(`${url}/.well-known/oauth-protected-resource`)).status).toBe(404)
      expect((await orders()).headers.get('www-authenticate')).not.toContain('resource_metadata')
    })

    it('the metadata lists all issuers', async () => {
      const others = ['https://a.example.com', 'https://b.example.com/realms/acme']
      await start({}, { issuer: [others[0] as string, { issuer: others[1] as string }] })
      const answer = await call(`${url}/.well-known/oauth-protected-resource/v1`)
      expect(JSON.parse(answer.body)).toMatchObject({ authorization_servers: others })
    })

    /** The metadata that the router of `createOidc()` serves, and the challenge of its guard. */
    async function besideLogin(path: string): Promise<{ metadata: Answer; posted: Answer; challenge: string | null }> {
      await serve((app) => {
        const oidc = createOidc({
          ...provider.settings(),
          baseUrl: `https://app.example.com${path}`,
          secret,
          bearer: { audience: 'orders' },
        })
        const mount = path || '/'
        app.use(mount, oidc.router)
        app.use(mount, oidc.requireBearer())
      })
      const place = `${url}/.well-known/oauth-protected-resource`
      return {
        metadata: await call(place),
        posted: await call(place, { method: 'POST' }),
        challenge: (await call(`${url}${path}/orders`)).headers.get('www-authenticate'),
      }
    }

    it('the router of createOidc() serves the metadata', async () => {
      const found = await besideLogin('')
      expect(found.metadata.status).toBe(200)
      expect(JSON.parse(found.metadata.body)).toEqual(members('https://app.example.com'))
      expect(found.posted.status).toBe(405)
      expect(found.posted.headers.get('allow')).toBe('GET, HEAD')
      expect(found.challenge).toBe(
        'Bearer realm="orders", resource_metadata="https://app.example.com/.well-known/oauth-protected-resource"',
      )
    })

    it('createOidc() with a base path neither serves nor announces the metadata', async () => {
      const found = await besideLogin('/shop')
      expect(found.metadata.status).toBe(404)
      expect(found.challenge).toBe('Bearer realm="orders"')
    })
  })
})

function fail(): never {
  throw new Error('no database')
}
