/** The guards as functions: `oidc.authorize`, `api.authorize` and `verifyToken`. */
import { createServer, request, ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import express, { type Express, type Request, type RequestHandler } from 'express'
import session from 'express-session'
import {
  BearerError,
  createBearer,
  OidcError,
  type OidcAuthRule,
  type OidcAuthorized,
  type Bearer,
  type OidcNotAuthorized,
  type Oidc,
} from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { getContext, close, listen, secret, type TestApp } from '../support/app.ts'
import { flow, catchRejection } from '../support/flow.ts'
import { waiting } from '../support/waiting.ts'

const world = flow()
function token(changes: Record<string, unknown> = {}): Promise<string> {
  const { provider } = world
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: provider.issuer, aud: 'orders', sub: 'bob', scope: 'orders:read', iat, exp: iat + 300 }
  return provider.sign({ ...claims, jti: crypto.randomUUID(), ...changes })
}

function guard(): Bearer {
  return createBearer({ issuer: world.provider.issuer, audience: 'orders', baseUrl: 'https://api.example.com' })
}

/** The part of an outcome that a GraphQL context would keep. */
function reported(outcome: OidcAuthorized | OidcNotAuthorized): object {
  if (!outcome.ok) return outcome
  return { ok: true, user: outcome.user?.sub ?? null, auth: outcome.auth?.sub ?? null }
}

const challenge = (more = ''): string =>
  `Bearer realm="orders"${more}, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
const invalid = {
  ok: false,
  status: 401,
  code: 'token_invalid',
  headers: { 'WWW-Authenticate': expect.stringMatching(/error="invalid_token"/) as string },
}

describe('oidc.authorize behind the router', () => {
  let oidc: Oidc
  const rejected: string[] = []

  async function start(rule?: OidcAuthRule): Promise<TestApp> {
    rejected.length = 0
    return world.start({
      options: { bearer: { audience: 'orders' } },
      routes: (app, made) => {
        oidc = made
        oidc.on('token_rejected', ({ code }) => rejected.push(code))
        app.all(
          '/graphql',
          waiting(async (req, res) => {
            const outcome = await oidc.authorize(req, rule)
            res.json({ ...reported(outcome), oidc: getContext(req).isAuthenticated })
          }),
        )
      },
    })
  }

  it('returns the user of the session', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.fetch('/graphql')).json()).toEqual({ ok: true, user: 'alice', auth: null, oidc: true })
  })

  it('returns status and code for an anonymous request, and sends no response itself', async () => {
    const app = await start()
    const nobody = { ok: false, status: 401, code: 'login_required', headers: {}, oidc: false }
    expect((await app.agent().fetch('/graphql')).json()).toEqual(nobody)
    // It does not redirect a navigation either.
    const page = await app.agent().get('/graphql', { redirect: 'manual' })
    expect(page.status).toBe(200)
    expect(page.json()).toEqual(nobody)
  })

  it('returns 403 for a login without the role, and emits the same event as the guard', async () => {
    const app = await start({ roles: 'owner' })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.fetch('/graphql')).json()).toMatchObject({ ok: false, status: 403, code: 'not_allowed' })
    expect(app.events).toMatchObject([
      { name: 'login' },
      { name: 'denied', event: { sub: 'alice', detail: 'missing role: owner' } },
    ])
  })

  it('rejects a cross-site POST that is authenticated by its session', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
    const answer = await agent.fetch('/graphql', { method: 'POST', headers })
    expect(answer.json()).toMatchObject({ ok: false, status: 403, code: 'cross_site_request' })
  })

  it('ignores access tokens unless the rule has `bearer`', async () => {
    const app = await start()
    const answer = await app.agent().fetch('/graphql', { headers: { authorization: `Bearer ${await token()}` } })
    expect(answer.json()).toMatchObject({ ok: false, code: 'login_required' })
  })

  it('evaluates only the token of a request that carries one, if the rule has `bearer`', async () => {
    const app = await start({ bearer: true, scope: 'orders:read' })
    const agent = app.agent()
    await agent.get('/profile')
    const withToken = async (authorization: string) =>
      (await agent.fetch('/graphql', { headers: { authorization } })).json()
    expect(await withToken(`Bearer ${await token()}`)).toEqual({ ok: true, user: null, auth: 'bob', oidc: false })
    expect(await withToken('Bearer abc')).toMatchObject({ ...invalid, oidc: false })
    expect(await withToken('Bearer')).toMatchObject({ ok: false, status: 400, code: 'request_invalid' })
    expect(await withToken(`Bearer ${await token({ scope: 'other' })}`)).toMatchObject({ ok: false, status: 403 })
    expect(rejected).toEqual(['token_invalid', 'request_invalid'])
    // A Basic header leaves the decision to Alice's login, which lacks that scope.
    expect(await withToken('Basic d2ViOg==')).toMatchObject({ ok: false, status: 403, headers: {}, oidc: true })
  })

  it('returns 503 session_missing in an application without sessions', async () => {
    const app = await start()
    const { oidc: made } = app
    const bare = { headers: {}, rawHeaders: [], method: 'GET', url: '/' } as unknown as Request
    expect(await made.authorize(bare)).toMatchObject({ ok: false, status: 503, code: 'session_missing' })
  })

  it('rejects an invalid rule with options_invalid', async () => {
    const { oidc: made } = await start()
    const req = { headers: {}, rawHeaders: [] } as unknown as Request
    await expect(made.authorize(req, { role: 'a' } as OidcAuthRule)).rejects.toMatchObject({
      code: 'options_invalid',
    })
  })
})

describe('an HTTP upgrade outside Express', () => {
  /** Requests an upgrade with a cookie or a token, and resolves with the outcome of `evaluate`. */
  async function upgrade(
    evaluate: (req: Request) => Promise<OidcAuthorized | OidcNotAuthorized>,
    headers: Record<string, string>,
    runSession?: RequestHandler,
  ): Promise<Record<string, unknown>> {
    const server = createServer()
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => {
      const req = incoming as Request
      const decide = (): void =>
        void evaluate(req).then(
          (outcome) => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${JSON.stringify(reported(outcome))}`),
          () => socket.destroy(),
        )
      if (runSession) runSession(req, new ServerResponse(incoming) as never, decide)
      else decide()
    })
    const url = await listen(server)
    try {
      const body = await new Promise<string>((resolve, reject) => {
        const sent = request(url, {
          headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
          agent: false,
        })
        sent.on('response', (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve(text)).on('error', reject)
        })
        sent.on('error', reject).end()
      })
      return JSON.parse(body) as Record<string, unknown>
    } finally {
      await close(server)
    }
  }

  async function loggedIn(): Promise<{ app: TestApp; cookie: string; runSession: RequestHandler }> {
    const store = world.store()
    const app = await world.start({ options: { bearer: { audience: 'orders' } }, session: { store } })
    const agent = app.agent()
    await agent.get('/profile')
    const cookie = `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`
    return { app, cookie, runSession: session({ store, secret, resave: false, saveUninitialized: false }) }
  }

  it("an upgrade is authorized by its session if its Origin is the application's or absent", async () => {
    const { app, cookie, runSession } = await loggedIn()
    const evaluate = (req: Request) => app.oidc.authorize(req)
    expect(await upgrade(evaluate, { cookie, origin: app.url }, runSession)).toEqual({
      ok: true,
      user: 'alice',
      auth: null,
    })
    expect(await upgrade(evaluate, { cookie }, runSession)).toMatchObject({ ok: true })
    expect(await upgrade(evaluate, {}, runSession)).toMatchObject({ ok: false, status: 401, code: 'login_required' })
    expect(await upgrade(evaluate, { cookie })).toMatchObject({ ok: false, status: 503, code: 'session_missing' })
  })

  it.each([
    { origin: 'https://elsewhere.example' },
    { origin: 'null' },
    { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[])('a cross-origin upgrade cannot use the session, only a token: %j', async (headers) => {
    const { app, cookie, runSession } = await loggedIn()
    const refused = { ok: false, status: 403, code: 'cross_site_request' }
    const evaluate = (req: Request) => app.oidc.authorize(req, { bearer: true })
    expect(await upgrade(evaluate, { cookie, ...headers }, runSession)).toMatchObject(refused)
    // Only a page of the token's own client can send the token.
    const authorization = `Bearer ${await token()}`
    expect(await upgrade(evaluate, { cookie, authorization, ...headers }, runSession)).toMatchObject({
      ok: true,
      auth: 'bob',
    })
  })

  it('an upgrade with a token is evaluated by that token alone, and has no logged-in user', async () => {
    const { app, cookie, runSession } = await loggedIn()
    const users: unknown[] = []
    const evaluate = async (req: Request): Promise<OidcAuthorized | OidcNotAuthorized> => {
      const outcome = await app.oidc.authorize(req, { bearer: true })
      try {
        users.push(app.oidc.user(req).sub)
      } catch (error) {
        users.push((error as OidcError).code)
      }
      return outcome
    }
    const good = `Bearer ${await token()}`
    expect(await upgrade(evaluate, { cookie, authorization: good }, runSession)).toMatchObject({ ok: true, user: null })
    expect(await upgrade(evaluate, { cookie, authorization: 'Bearer abc' }, runSession)).toMatchObject(invalid)
    expect(await upgrade(evaluate, { cookie, authorization: 'Bearer' }, runSession)).toMatchObject({ status: 400 })
    expect(users).toEqual(['login_required', 'login_required', 'login_required'])
    expect(await upgrade(evaluate, { cookie }, runSession)).toMatchObject({ ok: true, user: 'alice' })
    expect(users.at(-1)).toBe('alice')
  })

  it('an upgrade is authorized by createBearer() without any session', async () => {
    const api = guard()
    const evaluate = async (req: Request) =>
      (await api.authorize(req, { scope: 'orders:read' })) as OidcAuthorized | OidcNotAuthorized
    expect(await upgrade(evaluate, { authorization: `Bearer ${await token()}` })).toMatchObject({
      ok: true,
      auth: 'bob',
    })
    expect(await upgrade(evaluate, {})).toEqual({
      ok: false,
      status: 401,
      code: 'token_required',
      headers: { 'WWW-Authenticate': challenge() },
    })
  })
})

describe('api.authorize', () => {
  async function outcomes(evaluate: (req: Request) => Promise<unknown>, headers: object[]): Promise<unknown[]> {
    const app: Express = express()
    app.get(
      '/graphql',
      waiting(async (req, res) => {
        const outcome = (await evaluate(req)) as { auth?: { sub: string } | undefined }
        res.json('auth' in outcome ? { ok: true, sub: outcome.auth?.sub ?? null, req: req.auth ?? null } : outcome)
      }),
    )
    const server = createServer(app)
    const url = await listen(server)
    const found: unknown[] = []
    try {
      for (const each of headers) {
        found.push(await (await fetch(`${url}/graphql`, { headers: each as Record<string, string> })).json())
      }
    } finally {
      await close(server)
    }
    return found
  }

  it('returns the status, code and challenge that the guard would answer', async () => {
    const api = guard()
    const events: string[] = []
    api.on('token_rejected', ({ code }) => events.push(code))
    api.on('denied', ({ code }) => events.push(code))
    const found = await outcomes(
      (req) => api.authorize(req, { scope: 'orders:read' }),
      [
        { authorization: `Bearer ${await token()}` },
        {},
        { authorization: 'Bearer a b' },
        { authorization: `Bearer ${await token({ exp: 1 })}` },
        { authorization: `Bearer ${await token({ scope: 'other' })}` },
      ],
    )
    const described = (error: string, description: string, more = ''): string =>
      challenge(`, error="${error}", error_description="${description}"${more}`)
    const refused = (status: number, code: string, text: string): object => ({
      ok: false,
      status,
      code,
      headers: { 'WWW-Authenticate': text },
    })
    expect(found).toEqual([
      { ok: true, sub: 'bob', req: null },
      refused(401, 'token_required', challenge()),
      refused(
        400,
        'request_invalid',
        described('invalid_request', 'The Authorization header must have the form: Bearer, a space, the access token.'),
      ),
      refused(401, 'token_invalid', described('invalid_token', 'The access token has expired.')),
      refused(
        403,
        'not_allowed',
        described(
          'insufficient_scope',
          'The access token does not grant this request (missing scope: orders:read).',
          ', scope="orders:read"',
        ),
      ),
    ])
    expect(events).toEqual(['request_invalid', 'token_invalid', 'not_allowed'])
  })

  it('with `optional`, allows a request without a token and rejects an invalid token', async () => {
    const api = guard()
    const found = await outcomes((req) => api.authorize(req, { optional: true }), [{}, { authorization: 'Bearer abc' }])
    expect(found).toMatchObject([{ ok: true, sub: null }, invalid])
  })

  it('returns 503 with Retry-After while the signing keys cannot be fetched', async () => {
    const api = guard()
    await world.provider.stop()
    const found = await outcomes((req) => api.authorize(req), [{ authorization: `Bearer ${await token()}` }])
    expect(found).toEqual([
      {
        ok: false,
        status: 503,
        code: 'provider_unavailable',
        headers: { 'Retry-After': expect.stringMatching(/^[1-9]/) as string },
      },
    ])
  })

  it('passes the request to `check`, and returns 500 if `check` throws', async () => {
    const api = guard()
    const check = (_claims: object, req: Request): boolean => {
      if (req.get('x-fail')) throw new Error('no database')
      return req.path === '/graphql'
    }
    const authorization = `Bearer ${await token()}`
    const found = await outcomes(
      (req) => api.authorize(req, { check }),
      [{ authorization }, { authorization, 'x-fail': '1' }],
    )
    expect(found).toMatchObject([{ ok: true }, { ok: false, status: 500, code: 'hook_failed' }])
  })
})

describe('verifyToken', () => {
  it('returns deeply frozen data of a valid token, and leaves the token out of its JSON', async () => {
    const api = guard()
    const good = await token({ roles: ['editor'], nested: { list: [{ a: 1 }] } })
    const auth = await api.verifyToken<{ nested: { list: { a: number }[] } }>(good, { scope: 'orders:read' })
    expect(auth).toMatchObject({ sub: 'bob', scope: ['orders:read'], roles: ['editor'], issuer: world.provider.issuer })
    expect(auth.token).toBe(good)
    expect(JSON.stringify(auth)).not.toContain(good)
    const { claims, scope, roles } = auth
    for (const each of [auth, claims, scope, roles, claims.nested, claims.nested.list, claims.nested.list[0]]) {
      expect(Object.isFrozen(each)).toBe(true)
    }
  })

  it.each([
    ['an expired token', () => token({ exp: 1 }), 'token_invalid', 401, 'invalid_token'],
    ['a token for another audience', () => token({ aud: 'account' }), 'token_invalid', 401, 'invalid_token'],
    ['a token without the scope', () => token({ scope: 'other' }), 'not_allowed', 403, 'insufficient_scope'],
    [
      'a token without the required acr',
      () => token({ acr: '0' }),
      'authentication_insufficient',
      401,
      'insufficient_user_authentication',
    ],
    [
      'a key-bound token without proof of possession',
      () => token({ acr: '1', cnf: { jkt: 'a' } }),
      'token_invalid',
      401,
      'invalid_token',
    ],
    ['an empty string', () => '', 'token_invalid', 401, 'invalid_token'],
    ['undefined', () => undefined, 'token_invalid', 401, 'invalid_token'],
    ['a number', () => 7, 'token_invalid', 401, 'invalid_token'],
    ['a whole Authorization header', async () => `Bearer ${await token()}`, 'token_invalid', 401, 'invalid_token'],
  ] as [string, () => unknown, string, number, string][])('rejects %s', async (_what, make, code, status, error) => {
    const api = guard()
    const events: string[] = []
    api.on('token_rejected', (event) => events.push(event.code))
    api.on('denied', (event) => events.push(event.code))
    const given = (await make()) as string
    const rejected = await catchRejection(
      api.verifyToken(given, { acr: '1', scope: 'orders:read' }).catch((reason: unknown) => {
        // A token without the scope has no acr either, and the acr is checked first.
        if (code !== 'not_allowed') throw reason
        return api.verifyToken(given, { scope: 'orders:read' })
      }),
    )
    expect(rejected).toBeInstanceOf(BearerError)
    expect(rejected).toMatchObject({ name: 'BearerError', code, status, error, expose: true })
    expect(rejected.headers['WWW-Authenticate']).toContain(`error="${error}"`)
    expect(events.at(-1)).toBe(code)
  })

  it('throws a 503 error that is not a BearerError while the signing keys cannot be fetched', async () => {
    await world.provider.stop()
    const error = await catchRejection(guard().verifyToken(await token()))
    expect(error).not.toBeInstanceOf(BearerError)
    expect(error).toMatchObject({ code: 'provider_unavailable', status: 503 })
    expect(error.headers['Retry-After']).toMatch(/^[1-9]/)
  })

  it('errors pass through oidc.errorHandler(): problem+json or a page, both with a challenge', async () => {
    const rejected: string[] = []
    const app = await world.start({
      options: { bearer: { audience: 'orders' } },
      routes: (made, oidc) => {
        oidc.on('token_rejected', ({ code }) => rejected.push(code))
        made.get(
          '/webhook/:token',
          waiting(async (req, res) => {
            const { sub } = await oidc.verifyToken(String(req.params['token']), { scope: 'orders:read' })
            res.json({ sub })
          }),
        )
      },
    })
    const agent = app.agent()
    expect((await agent.fetch(`/webhook/${await token()}`)).json()).toEqual({ sub: 'bob' })
    const denied = await agent.fetch(`/webhook/${await token({ scope: 'other' })}`)
    expect(denied.status).toBe(403)
    expect(denied.headers.get('cache-control')).toBe('no-store')
    expect(denied.json()).toMatchObject({ code: 'not_allowed', error: 'insufficient_scope', scope: 'orders:read' })
    const page = await agent.get('/webhook/abc')
    expect(page.status).toBe(401)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.text()).toContain('The access token is invalid.')
    for (const answer of [denied, page])
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="orders", error=/)
    // One event for each error: the error handler does not emit a second one.
    expect(rejected).toEqual(['token_invalid'])
    expect(app.events.map(({ name }) => name)).toEqual(['denied'])
  })
})
