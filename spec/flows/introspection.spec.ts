/** Token introspection (RFC 7662), beside JWTs that are verified locally. */
import express from 'express'
import { createBearer, createOidc, type Bearer, type BearerOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { close, listen, secret } from '../support/app.ts'
import { findFaults } from '../support/find-faults.ts'
import { createServer } from 'node:http'
import { passMs, stopClocks } from '../support/clocks.ts'

const undo: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const stop of undo.splice(0).toReversed()) await stop()
})

async function start(accessTokens: 'opaque' | 'jwt' = 'opaque'): Promise<TestProvider> {
  const provider = await startTestProvider({
    // Generating RSA keys would take most of the time.
    algorithm: 'ES256',
    audience: 'orders',
    accessTokens,
    clients: [
      { clientId: 'web', clientSecret: 'web-secret' },
      { clientId: 'orders', clientSecret: 'odd secret: +/&%' },
    ],
  })
  undo.push(() => provider.stop())
  return provider
}

const client = { clientId: 'orders', clientSecret: 'odd secret: +/&%' }

function makeGuard(provider: TestProvider, options: Partial<BearerOptions> = {}): Bearer {
  return createBearer({ issuer: provider.issuer, audience: 'orders', introspection: client, ...options })
}

async function getToken(provider: TestProvider, sub = 'alice', scope = 'openid orders:read'): Promise<string> {
  return (await provider.issueTokens(sub, { scope }))['access_token'] as string
}

/** Status, code and detail of the error that rejects a token, or `good`. */
async function refusal(bearer: Pick<Bearer, 'verifyToken'>, token: string): Promise<unknown> {
  return bearer.verifyToken(token).then(
    () => 'good',
    (error: { code: string; status: number; detail: string }) => `${error.status} ${error.code} ${error.detail}`,
  )
}

describe('an opaque token', () => {
  it('an opaque token is rejected without introspection', async () => {
    const provider = await start()
    const bearer = createBearer({ issuer: provider.issuer, audience: 'orders' })
    expect(await refusal(bearer, await getToken(provider))).toContain(
      '401 token_invalid the token is not a canonically encoded JWT',
    )
    expect(provider.requestsTo('introspection')).toHaveLength(0)
  })

  it('an opaque token is introspected with client authentication, and the response is its claims', async () => {
    const provider = await start()
    const token = await getToken(provider)
    const auth = await makeGuard(provider).verifyToken(token, { scope: 'orders:read', roles: 'admin' })
    expect(auth).toMatchObject({ sub: 'alice', scope: ['openid', 'orders:read'], roles: ['admin', 'user'], token })
    expect(auth.claims).toMatchObject({ aud: 'orders', client_id: 'web', iss: provider.issuer })
    expect(auth.claims).not.toHaveProperty('active')
    const [request] = provider.requestsTo('introspection')
    expect(request?.params.get('token_type_hint')).toBe('access_token')
    expect(request?.headers.authorization).toMatch(/^Basic /)
  })

  it('an opaque token is introspected at each request, so that a revocation takes effect', async () => {
    const provider = await start()
    const bearer = makeGuard(provider)
    const token = await getToken(provider)
    await bearer.verifyToken(token)
    provider.endSession('alice')
    expect(await refusal(bearer, token)).toMatch(/^401 token_invalid the token is not active: .* Audience mapper/)
    expect(provider.requestsTo('introspection')).toHaveLength(2)
  })

  it('an introspection response is cached for `cacheSeconds`, but not beyond its exp', async () => {
    stopClocks()
    const provider = await start()
    const bearer = makeGuard(provider, { introspection: { ...client, cacheSeconds: 3600 }, clockToleranceSeconds: 0 })
    const token = await getToken(provider)
    await bearer.verifyToken(token)
    provider.endSession('alice')
    passMs(299_000)
    await bearer.verifyToken(token)
    expect(provider.requestsTo('introspection')).toHaveLength(1)
    passMs(2000)
    expect(await refusal(bearer, token)).toContain('not active')
  })

  it('concurrent requests cause one introspection per token', async () => {
    const provider = await start()
    const bearer = makeGuard(provider)
    const [alices, bobs] = [await getToken(provider), await getToken(provider, 'bob')]
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, index) => bearer.verifyToken(index % 2 === 0 ? alices : bobs)),
    )
    expect(seen.map(({ sub }) => sub)).toEqual(seen.map((_, index) => (index % 2 === 0 ? 'alice' : 'bob')))
    expect(provider.requestsTo('introspection')).toHaveLength(2)
  })

  it('a failed introspection is repeated at the next request', async () => {
    const provider = await start()
    const bearer = makeGuard(provider)
    const token = await getToken(provider)
    const repair = provider.misbehave({ endpoints: { introspection: { status: 500 } } })
    expect(await refusal(bearer, token)).toContain('503 provider_unavailable introspection')
    repair()
    expect(await refusal(bearer, token)).toBe('good')
  })
})

describe('introspection responses', () => {
  const now = (): number => Math.floor(Date.now() / 1000)
  const answers: [string, Record<string, unknown>, string][] = [
    ['another audience', { aud: 'billing' }, '401 token_invalid aud is ["billing"]'],
    ['no audience', { aud: undefined }, '401 token_invalid aud is missing'],
    ['another issuer', { iss: 'https://evil.example' }, '401 token_invalid iss is not the expected issuer'],
    ['an exp in the past', { exp: now() - 31 }, '401 token_invalid introspection: the token has expired'],
    ['an exp that is a string', { exp: '2099' }, '401 token_invalid exp is not a time'],
    ['an nbf in the future', { nbf: now() + 100 }, '401 token_invalid nbf is in the future'],
    [
      'a refresh token as its token_type',
      { token_type: 'refresh_token' },
      '401 token_invalid introspection: token_type is not that of an access token',
    ],
    [
      "Keycloak's typ of a refresh token",
      { typ: 'Refresh' },
      '401 token_invalid the claim typ is "refresh", not that of an access token',
    ],
    [
      "Keycloak's typ of an ID token",
      { typ: 'ID' },
      '401 token_invalid the claim typ is "id", not that of an access token',
    ],
    ['a cnf claim', { cnf: { jkt: 'x' } }, '401 token_invalid the token is bound to a key'],
    ['an active member that is a string', { active: 'true' }, '502 provider_response_invalid introspection'],
    ['an active member that is false', { active: false }, '401 token_invalid the token is not active'],
    ['neither iss nor exp', { iss: undefined, exp: undefined, token_type: undefined }, 'good'],
    ['the token_type DPoP but no cnf', { token_type: 'DPoP' }, 'good'],
    ['login claims and no scope', { client_id: 'orders', auth_time: 1, acr: '1' }, 'good'],
  ]

  it.each(answers)(
    'an introspection response with %s is accepted or rejected as listed',
    async (_, changes, expected) => {
      const issuer = await startTestProvider({ algorithm: 'ES256' })
      const endpoint = createServer((_req, res) => {
        const claims = { active: true, iss: issuer.issuer, aud: 'orders', sub: 'alice', exp: now() + 60, ...changes }
        res.setHeader('content-type', 'application/json').end(JSON.stringify(claims))
      })
      const url = await listen(endpoint)
      undo.push(
        () => issuer.stop(),
        () => close(endpoint),
      )
      issuer.misbehave({ metadata: { introspection_endpoint: url } })
      expect(await refusal(makeGuard(issuer), 'opaque')).toContain(expected)
    },
  )

  it('an introspection that rejects the client is answered 500 and emits provider_fault', async () => {
    const provider = await start()
    const bearer = makeGuard(provider, { introspection: { clientId: 'orders', clientSecret: 'a wrong secret' } })
    const faults: unknown[] = []
    bearer.on('provider_fault', ({ detail }) => faults.push(detail))
    const said = await refusal(bearer, await getToken(provider))
    expect(said).toContain('500 client_rejected introspection')
    expect(said).not.toContain('a wrong secret')
    // No login fails because of it, so this event is the only report.
    expect(faults).toEqual([expect.stringContaining('introspection')])
  })
})

describe('a JWT', () => {
  it('a JWT is verified locally, without introspection', async () => {
    const provider = await start('jwt')
    await makeGuard(provider).verifyToken(await getToken(provider))
    expect(provider.requestsTo('introspection')).toHaveLength(0)
  })

  it("a JWT is introspected with tokens: 'all' after its signature was verified", async () => {
    const provider = await start('jwt')
    const bearer = makeGuard(provider, { introspection: { ...client, tokens: 'all' } })
    const token = await getToken(provider)
    await bearer.verifyToken(token)
    provider.endSession('alice')
    expect(await refusal(bearer, token)).toContain('not active')
    expect(provider.requestsTo('introspection')).toHaveLength(2)
    expect(provider.requestsTo('jwks')).toHaveLength(1)
  })
})

describe('an ID token that is introspected', () => {
  const now = Math.floor(Date.now() / 1000)

  async function judge(own: object, answer: object, header: { typ?: string } = {}): Promise<unknown> {
    const provider = await start()
    const claims = { iss: provider.issuer, sub: 'alice', aud: 'orders', iat: now, exp: now + 300 }
    provider.misbehave({
      respond: ({ url }) => (url.includes('introspect') ? Response.json({ active: true, ...answer }) : undefined),
    })
    const guard = makeGuard(provider, { introspection: { ...client, tokens: 'all' } })
    return refusal(guard, await provider.sign({ ...claims, ...own }, header))
  }

  it('an ID token is rejected although the introspection response has a token_type', async () => {
    const user = { name: 'Alice', email: 'alice@example.com', roles: ['admin'] }
    const answer = { token_type: 'Bearer', aud: 'orders', sub: 'alice', ...user }
    expect(await judge(user, answer)).toMatch(/^401 token_invalid the audience is the client itself/)
  })

  it.each([
    [{ nonce: 'n', scope: 'orders:read' }, /^401 token_invalid nonce /],
    [{ at_hash: 'h' }, /^401 token_invalid at_hash /],
    [{ typ: 'ID' }, /^401 token_invalid the claim typ is "id"/],
  ])('an ID token with %j is rejected although the introspection response has a scope', async (own, expected) => {
    const answer = { token_type: 'Bearer', aud: 'orders', scope: 'orders:read' }
    expect(await judge(own, answer)).toMatch(expected)
  })

  it('the claim typ of an ID token counts although the introspection response has another', async () => {
    expect(await judge({ typ: 'ID' }, { aud: 'orders', typ: 'Bearer' })).toMatch(/the claim typ is "id"/)
  })

  it('the type in the header of an introspected JWT counts', async () => {
    expect(await judge({}, { aud: 'orders' }, { typ: 'at+jwt' })).toBe('good')
    expect(await judge({}, { aud: 'orders', scope: 'orders:read' }, { typ: 'logout+jwt' })).toMatch(/the header typ is/)
  })

  it('an access token whose scope is only in itself, or only in the introspection response, is accepted', async () => {
    expect(await judge({ scp: ['orders:read'] }, { token_type: 'Bearer', aud: 'orders' })).toBe('good')
    expect(await judge({}, { scope: 'orders:read', aud: 'orders' })).toBe('good')
  })

  it('the audience of a JWT does not replace that of the introspection response', async () => {
    expect(await judge({ scope: 'orders:read' }, { scope: 'orders:read' })).toMatch(/aud is missing/)
  })
})

describe('the option introspection', () => {
  it('introspection: true authenticates as the client of the login', async () => {
    const provider = await start()
    const options = { ...provider.settings(), baseUrl: 'http://127.0.0.1:3000', secret }
    const oidc = createOidc({ ...options, bearer: { audience: 'orders', introspection: true } })
    expect(await oidc.verifyToken(await getToken(provider))).toMatchObject({ sub: 'alice' })
  })

  it('only one of several issuers can have introspection, and opaque tokens belong to it', async () => {
    const [other, provider] = [await startTestProvider({ algorithm: 'ES256' }), await start()]
    undo.push(() => other.stop())
    const bearer = createBearer({
      audience: 'orders',
      issuer: [other.issuer, { issuer: provider.issuer, introspection: client }],
    })
    expect(await bearer.verifyToken(await getToken(provider))).toMatchObject({ issuer: provider.issuer })
    expect(other.requests).toHaveLength(0)
    const both = { audience: 'orders', issuer: [other.issuer, provider.issuer], introspection: client }
    expect(findFaults(() => createBearer(both))).toEqual([
      '`introspection` is set for several issuers, but an opaque token names no issuer; set it for one only',
    ])
  })

  it('invalid introspection options are reported', () => {
    const faults = (introspection: unknown): string[] =>
      findFaults(() =>
        createBearer({ issuer: 'https://id.example.com', audience: 'a', introspection } as BearerOptions),
      )
    expect(faults({ clientSecret: 's' })).toEqual([
      "`introspection.clientId` is missing; pass this API's client identifier at the provider",
    ])
    expect(faults({ clientId: 'a', clientSecret: undefined })).toEqual([
      '`introspection.clientSecret` is undefined; set the environment variable or remove the option',
    ])
    expect(faults({ ...client, tokens: 'some', cacheSeconds: -1, token: 1 })).toEqual([
      '`introspection.token` is not an option; did you mean `tokens`?',
      "`introspection.tokens` must be one of 'opaque', 'all'",
      '`introspection.cacheSeconds` must be a number of seconds from 0 to 3600',
    ])
    expect(faults(true)).toEqual(['`introspection` must be an object'])
  })
})

describe('requireBearer() with introspection', () => {
  it('requireBearer() answers 503 with Retry-After while introspection fails, and recovers by itself', async () => {
    const provider = await start()
    const bearer = makeGuard(provider)
    const app = express()
    app.get('/orders', bearer.requireBearer(), (req, res) => void res.json({ sub: req.auth.sub }))
    const server = createServer(app)
    const url = await listen(server)
    undo.push(() => close(server))
    const headers = { authorization: `Bearer ${await getToken(provider)}` }
    await bearer.ready()
    await provider.stop()
    const down = await fetch(`${url}/orders`, { headers })
    expect([down.status, down.headers.get('retry-after')]).toEqual([503, '5'])
    await provider.start()
    expect(await (await fetch(`${url}/orders`, { headers })).json()).toEqual({ sub: 'alice' })
  })
})
