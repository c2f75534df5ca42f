/** What a guard of access tokens answers over HTTP (RFC 6750, RFC 9470, RFC 9728), in either Express. */
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
/** The matrix has Express 4 under the name of 5 too. */
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

/** An access token of Alice for the orders, with claims changed. */
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
  /** A list sends a header more than once. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string
}

/** One request with nothing but what it is given. */
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

describe.each(expresses)('a guard of tokens on Express %d', (major, make) => {
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

  /** An API with one route, `/orders`. */
  async function start(rule?: BearerRule, options: Partial<BearerOptions> = {}): Promise<Bearer> {
    const api = createBearer({ issuer: provider.issuer, audience: 'orders', baseUrl, ...options })
    events = []
    reached = 0
    for (const name of ['token_rejected', 'denied', 'provider_fault'] as const) {
      api.on(name, (event) => events.push({ name, event: event as unknown as Record<string, unknown> }))
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

  /** A refusal, whole: status, headers and body, and that the route was not reached. */
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

  /** A refusal whose challenge has an error code. */
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

  it('is one of that Express', async () => {
    await serve((app) => expect('del' in app).toBe(major === 4))
  })

  it('lets a good token in, with what it says in req.auth', async () => {
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

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('takes the scheme as %s (RFC 9110 11.1)', async (scheme) => {
    await start()
    expect((await orders({ headers: { authorization: `${scheme} ${await token()}` } })).status).toBe(200)
    expect((await orders({ headers: { authorization: `${scheme}   ${await token()}` } })).status).toBe(200)
  })

  describe('nothing presented', () => {
    const challenge = `Bearer realm="orders", resource_metadata="${metadata}"`
    const body = { title: 'An access token is required.', status: 401, code: 'token_required' }

    it('401 without an error code, and no event (RFC 6750 3.1)', { meta: { id: 'bearer-answers-1' } }, async () => {
      await start({ scope: 'orders:read', acr: 'gold', maxAuthAgeSeconds: 60 })
      expectRefusal(await orders(), 401, challenge, body)
      expect(events).toEqual([])
    })

    it.each(['Basic d2ViOnNlY3JldA==', 'Negotiate abc', 'Bearerx abc', 'Bearer-Token abc', 'Digest username="bearer"'])(
      'a header of another scheme presents none: %s',
      async (authorization) => {
        await start()
        expectRefusal(await orders({ headers: { authorization } }), 401, challenge, body)
        expect(events).toEqual([])
      },
    )

    it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('nor does a %s, whatever page it comes from', async (method) => {
      await start()
      const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site', accept: 'text/html' }
      expectRefusal(await orders({ method, headers }), 401, challenge, body)
    })

    it('a HEAD gets the same without a body', async () => {
      await start()
      const answer = await orders({ method: 'HEAD' })
      expect(answer).toMatchObject({ status: 401, body: '' })
      expect(answer.headers.get('www-authenticate')).toBe(challenge)
    })

    it('without a baseUrl the challenge names no metadata', async () => {
      await start({}, { baseUrl: undefined })
      expectRefusal(await orders(), 401, 'Bearer realm="orders"', body)
    })

    it('the realm is the audience, in quotes that it cannot end', async () => {
      await start({}, { baseUrl: undefined, audience: ['the "orders"\\', 'billing'] })
      expectRefusal(await orders(), 401, 'Bearer realm="the \\"orders\\"\\\\"', body)
    })

    it('optional: it passes, with no req.auth', async () => {
      await start({ optional: true })
      expect(JSON.parse((await orders()).body)).toEqual({ sub: null })
      expect(JSON.parse((await orders({ headers: { authorization: 'Basic d2ViOg==' } })).body)).toEqual({ sub: null })
      expect(JSON.parse((await orders(withToken(await token()))).body)).toMatchObject({ sub: 'alice' })
    })
  })

  describe('malformed', () => {
    const form = 'The Authorization header is not of the form: Bearer, a space, the access token.'
    const twice = 'There is more than one Authorization header.'
    const elsewhere = 'An access token belongs into the Authorization header and nowhere else.'

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
    ])('400: %s', async (authorization) => {
      await start()
      await expectMalformed({ headers: { authorization } }, form)
    })

    it('400: two headers, even with the same good token', async () => {
      await start()
      const good = `Bearer ${await token()}`
      await expectMalformed({ headers: { authorization: [good, good] } }, twice)
    })

    it.each([0, 1])('400: a second header of another scheme, at place %d', async (place) => {
      await start()
      const both = [`Bearer ${await token()}`]
      both.splice(place, 0, 'Basic d2ViOg==')
      await expectMalformed({ headers: { authorization: both } }, twice)
    })

    it('400: a token in the query, alone or beside a header', async () => {
      await start()
      const good = await token()
      await expectMalformed({}, elsewhere, `/orders?access_token=${good}`)
      events.length = 0
      await expectMalformed(withToken(good), elsewhere, `/orders?page=2&access_token=${good}`)
      events.length = 0
      await expectMalformed(withToken(good), elsewhere, '/orders?%61ccess_token=')
    })

    it('400: a token in a form, alone or beside a header', async () => {
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

    it('also where a token is optional', async () => {
      await start({ optional: true })
      await expectMalformed({ headers: { authorization: 'Bearer' } }, form)
      events.length = 0
      await expectMalformed({}, elsewhere, '/orders?access_token=a')
    })

    it('and the provider is not asked for it', async () => {
      provider.forget()
      await start()
      await expectMalformed({ headers: { authorization: 'Bearer a b' } }, form)
      expect(provider.requests).toEqual([])
    })
  })

  describe('a token that is not good', () => {
    const bad = 'The access token is not valid.'

    async function expectBad(value: string, description: string, detail: RegExp): Promise<void> {
      expectError(await orders(withToken(value)), 401, 'token_invalid', 'invalid_token', description)
      const event = { provider: 'bearer', at: expect.any(Number), code: 'token_invalid', status: 401 }
      expect(events).toEqual([
        { name: 'token_rejected', event: { ...event, detail: expect.stringMatching(detail) as string } },
      ])
      expect(JSON.stringify(events)).not.toMatch(/eyJ[\w-]{10,}/)
    }

    it.each([
      ['no JWT', () => 'abc', /no JWT/],
      ['one unsigned', async () => (await token()).replace(/[^.]+$/, ''), /no JWT/],
      [
        'one signed with another key',
        async () => {
          const undo = provider.misbehave({ accessToken: { signature: 'other-key', claims: { aud: 'orders' } } })
          const { access_token } = await provider.issueTokens('alice')
          undo()
          return String(access_token)
        },
        /signature/,
      ],
      ['one of another issuer', () => token({ iss: 'https://elsewhere.example' }), /^iss is another issuer$/],
      ['one of no end', () => token({ exp: undefined }), /"exp"/],
      ['one that is not good yet', () => token({ nbf: seconds() + 100 }), /"nbf"/],
      ['one issued in the future', () => token({ iat: seconds() + 100 }), /^iat is in the future$/],
      ['an ID token', () => token({ nonce: 'n', scope: undefined }), /^nonce without a scope is that of an ID token$/],
      ['one bound to a key', () => token({ cnf: { jkt: 'a' } }), /^it is bound to a key \(cnf\)/],
    ] as [string, () => string | Promise<string>, RegExp][])(
      '401, and the wire does not say why: %s',
      async (_what, make, detail) => {
        await start()
        await expectBad(await make(), bad, detail)
      },
    )

    it('401: one that has expired, after the tolerance', async () => {
      await start()
      expect((await orders(withToken(await token({ exp: seconds() - 20 })))).status).toBe(200)
      reached = 0
      await expectBad(await token({ exp: seconds() - 40 }), 'The access token has expired.', /"exp"/)
    })

    it(
      '401: one for another audience; the event says how to mend it',
      { meta: { id: 'bearer-answers-2' } },
      async () => {
        await start()
        const audience = 'The access token is for another audience.'
        await expectBad(
          await token({ aud: 'account' }),
          audience,
          /^its aud is \["account"\], not "orders": .*Audience mapper/,
        )
        events.length = 0
        await expectBad(await token({ aud: undefined }), audience, /^it has no aud, not "orders": /)
      },
    )

    it('401: one for another audience than that of the rule', async () => {
      await start({ audience: 'billing' })
      const audience = 'The access token is for another audience.'
      await expectBad(await token(), audience, /^its aud is \["orders"\], not "billing": /)
      expect((await orders(withToken(await token({ aud: ['orders', 'billing'] })))).status).toBe(200)
      // Both must be named, that of the options and that of the rule.
      reached = 0
      events.length = 0
      await expectBad(await token({ aud: 'billing' }), audience, /^its aud is \["billing"\], not "orders": /)
    })

    it('401 also where a token is optional', async () => {
      await start({ optional: true })
      await expectBad(await token({ exp: 1 }), 'The access token has expired.', /"exp"/)
      events.length = 0
      await expectBad('abc', bad, /no JWT/)
    })
  })

  describe('a good token that may not', () => {
    async function expectDenied(rule: BearerRule, claims: object, lacking: string, needed = {}): Promise<void> {
      await start(rule)
      const answer = await orders(withToken(await token({ ...claims })))
      const description = `The access token lacks what this needs: ${lacking}.`
      expectError(answer, 403, 'not_allowed', 'insufficient_scope', description, needed)
      const event = { code: 'not_allowed', status: 403, sub: 'alice', detail: `lacking: ${lacking}` }
      expect(events).toEqual([{ name: 'denied', event: { provider: 'bearer', at: expect.any(Number), ...event } }])
    }

    it('403 with the scope that is needed', { meta: { id: 'bearer-answers-3' } }, () =>
      expectDenied({ scope: ['orders:read', 'orders:write'] }, {}, 'scope orders:write', {
        scope: 'orders:read orders:write',
      }),
    )
    it('403 with the scopes of which one is needed', () =>
      expectDenied({ anyScope: 'a b' }, {}, 'one of the scopes a b', { scope: 'a b' }))
    it('403: a role', () => expectDenied({ roles: 'admin' }, { roles: ['editor'] }, 'role admin'))
    it('403: any of several roles', () =>
      expectDenied({ anyRole: ['admin', 'owner'] }, { roles: ['editor'] }, 'one of the roles admin, owner'))
    it('403: a claim', () => expectDenied({ claims: { tenant: 'acme' } }, { tenant: 'globex' }, 'claim tenant'))
    it('403: a check that says no at once', () => expectDenied({ check: () => false }, {}, "the route's own check"))
    it('403: a check that says no later', () =>
      expectDenied({ check: async ({ sub }) => sub === 'bob' }, {}, "the route's own check"))
    it('403 also where a token is optional', () =>
      expectDenied({ optional: true, scope: 'b' }, {}, 'scope b', { scope: 'b' }))

    it('is judged anew at each request, though the token is remembered', async () => {
      let tenant = 'acme'
      await start({ check: (claims, req) => req.path === '/orders' && claims['tenant'] === tenant })
      const good = withToken(await token({ tenant: 'acme' }))
      for (let time = 0; time < 3; time++) expect((await orders(good)).status).toBe(200)
      tenant = 'globex'
      expect((await orders(good)).status).toBe(403)
    })

    it.each([
      ['at once', () => fail()],
      ['later', async () => fail()],
    ])('500: a check that throws %s lets nobody in, and says nothing of why', async (_when, check) => {
      await start({ check })
      const answer = await orders(withToken(await token()))
      const title = 'The application could not complete the request.'
      expectRefusal(answer, 500, null, { title, status: 500, code: 'hook_failed' })
      expect(events).toEqual([])
    })
  })

  describe('a user who has to authenticate better (RFC 9470)', () => {
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
    ] as [BearerRule, object, string, object][])('401 for %j of %j', async (rule, claims, description, needed) => {
      await start({ ...rule, scope: 'orders:write' })
      const answer = await orders(withToken(await token({ ...claims })))
      expectError(answer, 401, 'authentication_insufficient', 'insufficient_user_authentication', description, needed)
      expect(events).toMatchObject([
        { name: 'token_rejected', event: { code: 'authentication_insufficient', status: 401 } },
      ])
    })

    it('passes once they have', async () => {
      await start({ acr: 'gold', maxAuthAgeSeconds: 300 })
      expect((await orders(withToken(await token({ acr: 'gold', auth_time: seconds() - 10 })))).status).toBe(200)
    })
  })

  describe('the keys cannot be had', () => {
    const down = {
      title: 'The login service cannot be reached. Please try again in a moment.',
      status: 503,
      code: 'provider_unavailable',
    }

    it('503 with Retry-After, nobody is let in, and it heals by itself', async () => {
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
      // What needs no key is answered as ever.
      expect((await orders()).status).toBe(401)
      expect((await orders({ headers: { authorization: 'Bearer' } })).status).toBe(400)
      await provider.start()
      await until(async () => (await orders(good)).status === 200, 'the guard lets a good token in again')
    })

    it('503 too where a token is optional', async () => {
      await provider.stop()
      await start({ optional: true })
      expectRefusal(await orders(withToken(await token())), 503, null, down)
      expect((await orders()).status).toBe(200)
    })

    it.each([{ status: 500 }, { html: true }, { body: { keys: 'none' } }])('503: the key set is %j', async (fault) => {
      await start()
      const undo = provider.misbehave({ endpoints: { jwks: fault } })
      const good = withToken(await token())
      expectRefusal(await orders(good), 503, null, down)
      undo()
      await until(async () => (await orders(good)).status === 200, 'the guard lets a good token in again')
    })

    it('an outage after the first fetch is not noticed', async () => {
      const api = await start({}, { rememberSeconds: 0 })
      await api.ready()
      await provider.stop()
      expect((await orders(withToken(await token()))).status).toBe(200)
    })
  })

  describe('onError', () => {
    it('answers in our place, with the error and nothing sent yet but that it is not to be stored', async () => {
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

    it('may pass it on to the handlers of the application', async () => {
      const api = createBearer({
        issuer: provider.issuer,
        audience: 'orders',
        onError: (error, _req, _res, next) => next(error),
      })
      await serve((app) => {
        app.get('/orders', api.requireBearer(), (_req, res) => void res.send('in'))
      })
      // Express's own handler takes status and headers from the error.
      const answer = await orders()
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="orders"')
      expect(answer.body).not.toBe('in')
    })

    it('that fails is a 500, and lets nobody in', async () => {
      await start({}, { onError: async () => fail() })
      const title = 'The application could not complete the request.'
      expectRefusal(await orders(), 500, null, { title, status: 500, code: 'hook_failed' })
    })
  })

  describe('the metadata of the API (RFC 9728)', () => {
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
    ])('of %s are at %s, for anyone', async (base, path, resource) => {
      await start({}, { baseUrl: base })
      const answer = await call(`${url}${path}?a=1`, { headers: { host: 'elsewhere.example' } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(JSON.parse(answer.body)).toEqual(members(resource))
      const challenge = (await orders()).headers.get('www-authenticate')
      expect(challenge).toContain(`resource_metadata="https://api.example.com${path}"`)
    })

    it('are there for GET and HEAD alone', async () => {
      await start()
      const place = `${url}/.well-known/oauth-protected-resource/v1`
      expect(await call(place, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
      for (const method of ['POST', 'PUT', 'DELETE']) expect((await call(place, { method })).status).toBe(404)
    })

    it.each(['', '/', '/v1/', '/v2', '/V1'])('are not at the place of another resource: %j', async (path) => {
      await start()
      expect((await call(`${url}/.well-known/oauth-protected-resource${path}`)).status).toBe(404)
    })

    it('are nowhere without a baseUrl', async () => {
      await start({}, { baseUrl: undefined })
      expect((await call(`${url}/.well-known/oauth-protected-resource`)).status).toBe(404)
      expect((await orders()).headers.get('www-authenticate')).not.toContain('resource_metadata')
    })

    it('name all issuers', async () => {
      const others = ['https://a.example.com', 'https://b.example.com/realms/acme']
      await start({}, { issuer: [others[0] as string, { issuer: others[1] as string }] })
      const answer = await call(`${url}/.well-known/oauth-protected-resource/v1`)
      expect(JSON.parse(answer.body)).toMatchObject({ authorization_servers: others })
    })

    /** Beside a login: what the router of an instance answers, and what its guard says of it. */
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

    it('beside a login are answered by its router', async () => {
      const found = await besideLogin('')
      expect(found.metadata.status).toBe(200)
      expect(JSON.parse(found.metadata.body)).toEqual(members('https://app.example.com'))
      expect(found.posted.status).toBe(405)
      expect(found.posted.headers.get('allow')).toBe('GET, HEAD')
      expect(found.challenge).toBe(
        'Bearer realm="orders", resource_metadata="https://app.example.com/.well-known/oauth-protected-resource"',
      )
    })

    it('beside a login are not told of where its router is mounted below them', async () => {
      const found = await besideLogin('/shop')
      expect(found.metadata.status).toBe(404)
      expect(found.challenge).toBe('Bearer realm="orders"')
    })
  })
})

function fail(): never {
  throw new Error('no database')
}
