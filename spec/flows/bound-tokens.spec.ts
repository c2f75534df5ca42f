/** Sender-constrained access tokens, bound by DPoP (RFC 9449) or to a client certificate (RFC 8705). */
import { X509Certificate, createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import { createServer as createTlsServer, request as tlsRequest } from 'node:https'
import express, { type Express } from 'express'
import { generateKeyPair } from 'jose'
import {
  createBearer,
  createOidc,
  type Bearer,
  type BearerOptions,
  type BearerRule,
  type OidcRecords,
} from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { close, listen, secret } from '../support/app.ts'
import { dpopClient, type DpopClient, type ProofParts } from '../support/dpop.ts'
import { untrustedCertificate } from '../support/fault-certificate.ts'
import { findFaults } from '../support/find-faults.ts'
import { redisForFile } from '../support/redis.ts'

const redis = redisForFile()
const baseUrl = 'https://api.example.com/v1'
const url = `${baseUrl}/orders`

let provider: TestProvider
let client: DpopClient
let bound: string
beforeAll(async () => {
  provider = await startTestProvider()
  client = await dpopClient()
  bound = await getToken({ cnf: { jkt: client.thumbprint } })
})
afterAll(() => provider.stop())

const undo: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const stop of undo.splice(0)) await stop()
})

function getToken(changes: Record<string, unknown> = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', scope: 'orders:read', iat, exp: iat + 300 }
  return provider.sign({ ...claims, jti: crypto.randomUUID(), ...changes })
}

function makeGuard(options: Partial<BearerOptions> = {}): { bearer: Bearer; details: (string | undefined)[] } {
  const bearer = createBearer({
    issuer: provider.issuer,
    audience: 'orders',
    baseUrl,
    dpop: { replay: 'memory' },
    ...options,
  })
  const details: (string | undefined)[] = []
  bearer.on('token_rejected', ({ detail }) => details.push(detail))
  return { bearer, details }
}

interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: Record<string, unknown>
}

/** An application behind a proxy that strips `/v1`. */
async function serve(
  bearer: Pick<Bearer, 'requireBearer'>,
  more?: (app: Express) => void,
  rule: BearerRule & { optional?: false } = {},
) {
  const app = express()
  more?.(app)
  app.all('/orders', bearer.requireBearer(rule), (req, res) => void res.json({ sub: req.auth.sub }))
  const server = createServer(app)
  const origin = await listen(server)
  undo.push(() => close(server))
  return async (headers: Record<string, string>, init: RequestInit & { path?: string } = {}): Promise<Answer> => {
    const response = await fetch(origin + (init.path ?? '/orders'), { ...init, headers })
    const challenge = response.headers.get('www-authenticate') ?? ''
    return { status: response.status, challenge, body: (await response.json()) as Record<string, unknown> }
  }
}

async function dpop(changes: Partial<ProofParts> = {}, token = bound): Promise<Record<string, string>> {
  return { authorization: `DPoP ${token}`, dpop: await client.proof({ url, token, ...changes }) }
}

describe('a DPoP-bound token', () => {
  it(
    'a DPoP-bound token is accepted with a new proof for each request',
    { meta: { id: 'bound-tokens-1' } },
    async () => {
      const { bearer } = makeGuard()
      const ask = await serve(bearer)
      expect(await ask(await dpop())).toMatchObject({ status: 200, body: { sub: 'alice' } })
      expect(await ask(await dpop())).toMatchObject({ status: 200 })
      expect(await ask(await dpop({ method: 'POST' }), { method: 'POST' })).toMatchObject({ status: 200 })
      // RFC 9449 4.3: query and fragment are ignored.
      expect(await ask(await dpop(), { path: '/orders?page=2' })).toMatchObject({ status: 200 })
      expect(await ask(await dpop({ url: `${url}?page=1#top` }))).toMatchObject({ status: 200 })
    },
  )

  it.each(['RS256', 'PS256', 'EdDSA', 'ES384'])('accepts proofs signed with %s', async (alg) => {
    const other = await dpopClient(alg)
    const token = await getToken({ cnf: { jkt: other.thumbprint } })
    const ask = await serve(makeGuard().bearer)
    const proof = await other.proof({ url, token })
    expect(await ask({ authorization: `dpop ${token}`, dpop: proof })).toMatchObject({ status: 200 })
  })

  const now = (): number => Math.floor(Date.now() / 1000)
  const bad: [string, () => Partial<ProofParts> | Promise<Partial<ProofParts>>, RegExp][] = [
    ['for another method', () => ({ method: 'POST' }), /htm is not the method of the request/],
    ['for the method in lowercase', () => ({ method: 'get' }), /htm is not the method of the request/],
    ['for another path', () => ({ url: `${baseUrl}/orders/1` }), /htu is not https:\/\/api\.example\.com\/v1\/orders$/],
    ['for another host', () => ({ url: 'https://evil.example/v1/orders' }), /htu is not https:/],
    ['for plain http', () => ({ url: 'http://api.example.com/v1/orders' }), /htu is not https:/],
    ['for another port', () => ({ url: 'https://api.example.com:8443/v1/orders' }), /htu is not https:/],
    ['whose htu is not a URL', () => ({ claims: { htu: 'orders' } }), /htu is not https:/],
    ['without htu', () => ({ claims: { htu: undefined } }), /htu is not https:/],
    ['for another token', () => ({ token: 'another' }), /ath is not the hash of the access token/],
    ['without ath', () => ({ claims: { ath: undefined } }), /ath is not the hash of the access token/],
    ['without jti', () => ({ claims: { jti: undefined } }), /jti is not a valid identifier/],
    ['with a numeric jti', () => ({ claims: { jti: 1 } }), /jti is not a valid identifier/],
    ['with an empty jti', () => ({ claims: { jti: '' } }), /jti is not a valid identifier/],
    ['with a jti of 257 characters', () => ({ claims: { jti: 'x'.repeat(257) } }), /jti is not a valid identifier/],
    ['whose iat is too old', () => ({ claims: { iat: now() - 100 } }), /"iat" claim timestamp check failed/],
    ['whose iat is in the future', () => ({ claims: { iat: now() + 100 } }), /"iat" claim timestamp check failed/],
    ['without iat', () => ({ claims: { iat: undefined } }), /"iat"/],
    ['that has expired', () => ({ claims: { exp: now() - 100 } }), /"exp" claim timestamp check failed/],
    ['of another typ', () => ({ header: { typ: 'JWT' } }), /"typ"/],
    ['without typ', () => ({ header: { typ: undefined } }), /"typ"/],
    ['without jwk', () => ({ header: { jwk: undefined } }), /its header has no valid jwk/],
    ['whose jwk is null', () => ({ header: { jwk: null } }), /its header has no valid jwk/],
    ['whose jwk is a list', () => ({ header: { jwk: [client.jwk] } }), /its header has no valid jwk/],
    ['whose jwk has another kty', () => ({ header: { jwk: { ...client.jwk, kty: 'OKP' } } }), /its key is not the one/],
    ['whose jwk has no kty', () => ({ header: { jwk: { ...client.jwk, kty: undefined } } }), /has no valid jwk/],
    ['whose jwk is a secret', () => ({ header: { jwk: { kty: 'oct', k: 'AAAA' } } }), /its key is not the one/],
    ['whose jwk is a private key', () => ({ header: { jwk: client.privateJwk } }), /must be a public key/],
    ['whose jwk did not sign it', async () => ({ key: (await generateKeyPair('ES256')).privateKey }), /signature/],
    [
      'with the jwk of another key',
      async () => ({ header: { jwk: (await dpopClient()).jwk } }),
      /its key is not the one/,
    ],
    [
      'with foreign keys for signature and jwk',
      async () => {
        const { privateKey } = await generateKeyPair('ES256')
        const other = await dpopClient()
        return { key: privateKey, header: { jwk: other.jwk } }
      },
      // The key is compared first: verifying a signature by a key of the client's choice can be expensive.
      /its key is not the one/,
    ],
  ]
  it.each(bad)('a DPoP-bound token is rejected with a proof %s', async (_, changes, reason) => {
    const { bearer, details } = makeGuard()
    const ask = await serve(bearer)
    // The proof must be checked even if the token itself is cached.
    for (let time = 0; time < 2; time++) expect(await ask(await dpop())).toMatchObject({ status: 200 })
    const answer = await ask(await dpop(await changes()))
    expect(answer).toMatchObject({ status: 401, body: { code: 'token_invalid', error: 'invalid_dpop_proof' } })
    expect(details.join()).toMatch(reason)
    expect(answer.body['error_description']).toBe('The proof in the DPoP header is missing or invalid.')
  })

  /** An answer to a valid proof that is signed with `alg`. */
  async function askWith(alg: string, guard: Pick<Bearer, 'requireBearer'>): Promise<Answer> {
    const signer = await dpopClient(alg)
    const token = await getToken({ cnf: { jkt: signer.thumbprint } })
    const ask = await serve(guard)
    return ask({ authorization: `DPoP ${token}`, dpop: await signer.proof({ url, token }) })
  }

  it.each([
    ['ES256', 200],
    ['PS256', 200],
    ['RS256', 401],
    ['EdDSA', 401],
  ])('answers a proof signed with %s by %i if `algorithms` are ES256 and PS256', async (alg, status) => {
    // This provider signs its tokens with RS256.
    const issuer = { issuer: provider.issuer, algorithms: ['RS256'] }
    const { bearer, details } = makeGuard({ issuer, algorithms: ['ES256', 'PS256'] })
    const answer = await askWith(alg, bearer)
    expect(answer.status).toBe(status)
    if (status === 200) return
    expect(answer.challenge).toContain('algs="ES256 PS256"')
    expect(details).toEqual([
      expect.stringContaining(
        'its alg is not in `algorithms` of the guard (ES256, PS256), which also applies to proofs; add',
      ),
    ])
  })

  it.each([
    ['RS256', 200],
    ['ES256', 401],
  ])('answers a proof signed with %s by %i if the option `bearer.algorithms` is RS256', async (alg, status) => {
    const bearer = { audience: 'orders', dpop: { replay: 'memory' }, algorithms: ['RS256'] } as const
    const answer = await askWith(alg, createOidc({ ...provider.settings(), baseUrl, secret, bearer }))
    expect(answer.status).toBe(status)
    if (status === 401) expect(answer.challenge).toContain('algs="RS256"')
  })

  it.each([
    ['/files/../orders', '/orders'],
    ['/files/%2e%2e/orders', '/orders'],
    ['/files/.%2E/orders', '/orders'],
    ['/files/a/../../orders', '/orders'],
    ['/files/./orders', '/files/orders'],
    ['/files/..', '/'],
    ['/files/%2e%2e', '/'],
    ['/files/..\\orders', '/orders'],
    ['/files/"', '/files/%22'],
    ['http://api.example.com/v1/orders', '/orders'],
  ])('a request for %s is answered 400 under the scheme DPoP, whatever its proof', async (path, normalized) => {
    const { bearer, details } = makeGuard()
    const app = express()
    const seen: string[] = []
    app.use(bearer.requireBearer(), (req, res) => {
      seen.push(req.originalUrl)
      res.json({})
    })
    const server = createServer(app)
    const { port } = new URL(await listen(server))
    undo.push(() => close(server))
    const send = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, headers }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode))
        })
          .on('error', reject)
          .end()
      })
    for (const target of [normalized, path]) {
      const proof = { url: `${baseUrl}${target}` }
      expect(await send(await dpop(proof))).toBe(400)
    }
    expect(seen).toEqual([])
    expect(new Set(details)).toEqual(new Set(['With the scheme DPoP, the path of the request must be normalized.']))
    // The URL has no part in the check of other tokens.
    expect(await send({ authorization: `Bearer ${await getToken()}` })).toBe(200)
    expect(seen).toHaveLength(1)
  })

  it.each(['/orders', '/orders/', '//orders', '/orders/%2Fa', '/orders/a%20b;c=d', '/orders/%7Ea/~b', '/orders/|'])(
    'a request for the normalized path %s is accepted with its proof',
    async (path) => {
      const app = express()
      app.use(makeGuard().bearer.requireBearer(), (_req, res) => void res.json({}))
      const server = createServer(app)
      const origin = await listen(server)
      undo.push(() => close(server))
      const headers = await dpop({ url: `${baseUrl}${path}` })
      expect((await fetch(`${origin}${path}?x=/../y`, { headers })).status).toBe(200)
    },
  )

  it('a DPoP-bound token is rejected with a valid proof of another client', async () => {
    const { bearer, details } = makeGuard()
    const ask = await serve(bearer)
    const thief = await dpopClient()
    const proof = await thief.proof({ url, token: bound })
    expect(await ask({ authorization: `DPoP ${bound}`, dpop: proof })).toMatchObject({ status: 401 })
    expect(details).toEqual(['DPoP proof: its key is not the one that the token is bound to'])
  })

  it('a DPoP-bound token is rejected without a proof, with two proofs, and with a malformed one', async () => {
    const { bearer, details } = makeGuard()
    const ask = await serve(bearer)
    const { dpop: proof = '', authorization = '' } = await dpop()
    expect(await ask({ authorization })).toMatchObject({ status: 401 })
    expect(await ask({ authorization, dpop: `${proof}, ${(await dpop())['dpop']}` })).toMatchObject({ status: 401 })
    expect(await ask({ authorization, dpop: `${proof}.${proof}` })).toMatchObject({ status: 401 })
    expect(await ask({ authorization, dpop: `${'x'.repeat(8200)}.x.x` })).toMatchObject({ status: 401 })
    expect(details).toEqual([
      'DPoP proof: the DPoP header is missing',
      ...Array(3).fill('DPoP proof: the DPoP header is not a JWT'),
    ])
  })

  it(
    'a DPoP-bound token is rejected under the Bearer scheme, with and without its proof',
    { meta: { id: 'bound-tokens-2' } },
    async () => {
      const ask = await serve(makeGuard().bearer)
      const { dpop: proof = '' } = await dpop()
      expect(await ask({ authorization: `Bearer ${bound}` })).toMatchObject({ status: 401 })
      expect(await ask({ authorization: `Bearer ${bound}`, dpop: proof })).toMatchObject({ status: 401 })
    },
  )

  it(
    'a DPoP-bound token is rejected without the `dpop` option, and by verifyToken()',
    { meta: { id: 'bound-tokens-3' } },
    async () => {
      const { bearer, details } = makeGuard({ dpop: undefined })
      const ask = await serve(bearer)
      expect(await ask(await dpop())).toMatchObject({ status: 401 })
      expect(await ask({ authorization: `Bearer ${bound}` })).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      })
      await expect(bearer.verifyToken(bound)).rejects.toMatchObject({ status: 401 })
      await expect(makeGuard().bearer.verifyToken(bound)).rejects.toMatchObject({
        detail: 'the token is bound to a key (cnf), and there is no request that proves possession',
      })
      expect(new Set(details)).toEqual(
        new Set([
          'the token is bound to a key (cnf); set `dpop` to accept such tokens',
          'the token is bound to a key (cnf), and there is no request that proves possession',
        ]),
      )
    },
  )

  it('the 401 response has a DPoP challenge with error and algorithms', async () => {
    const ask = await serve(makeGuard().bearer)
    const { challenge } = await ask({ authorization: `DPoP ${bound}` })
    expect(challenge).toMatch(
      /^Bearer realm="orders", resource_metadata="[^"]+", DPoP realm="orders", error="invalid_dpop_proof"/,
    )
    expect(challenge).toMatch(/algs="RS256 PS256 ES256 /)
    expect((await ask({})).challenge).toMatch(/^Bearer realm="orders", [^,]+, DPoP realm="orders", algs="/)
  })
})

describe('an unbound token', () => {
  it('an unbound token is accepted under the Bearer scheme and rejected under DPoP', async () => {
    const { bearer, details } = makeGuard()
    const ask = await serve(bearer)
    const token = await getToken()
    expect(await ask({ authorization: `Bearer ${token}` })).toMatchObject({ status: 200 })
    expect(await ask(await dpop({ token }, token))).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(details).toEqual(['the token is not bound to a key (cnf is missing); present it with the scheme Bearer'])
  })

  it('an unbound token is refused by a rule whose `check` requires cnf, and a bound token needs its proof', async () => {
    const { bearer } = makeGuard()
    const ask = await serve(bearer, undefined, { check: (claims) => claims['cnf'] !== undefined })
    expect(await ask({ authorization: `Bearer ${await getToken()}` })).toMatchObject({ status: 403 })
    expect(await ask({ authorization: `Bearer ${bound}` })).toMatchObject({ status: 401 })
    expect(await ask(await dpop())).toMatchObject({ status: 200 })
  })

  it.each([null, 'x', [], {}, 1, { kid: 'a' }, { 'jkt#S512': 'x' }])(
    'a token with the invalid cnf %j is rejected',
    async (cnf) => {
      const ask = await serve(makeGuard({ mtls: true }).bearer)
      const token = await getToken({ cnf })
      expect(await ask({ authorization: `Bearer ${token}` })).toMatchObject({ status: 401 })
      expect(await ask(await dpop({ token }, token))).toMatchObject({ status: 401 })
    },
  )

  it('additional members of cnf beside jkt are ignored', { meta: { id: 'bound-tokens-4' } }, async () => {
    const ask = await serve(makeGuard().bearer)
    const token = await getToken({ cnf: { jkt: client.thumbprint, 'kc-jkt-type': 'access' } })
    expect(await ask(await dpop({ token }, token))).toMatchObject({ status: 200 })
  })
})

describe('a replayed DPoP proof', () => {
  it('a replayed proof is rejected within the process', async () => {
    const { bearer, details } = makeGuard()
    const ask = await serve(bearer)
    const headers = await dpop()
    expect(await ask(headers)).toMatchObject({ status: 200 })
    // By the third request the token itself is cached.
    for (let time = 0; time < 3; time++) {
      expect(await ask(headers)).toMatchObject({ status: 401, body: { error: 'invalid_dpop_proof' } })
    }
    expect(details).toEqual(Array(3).fill('DPoP proof: jti was used before'))
  })

  it('two clients may use the same jti', async () => {
    const ask = await serve(makeGuard().bearer)
    const other = await dpopClient()
    const token = await getToken({ cnf: { jkt: other.thumbprint } })
    const claims = { jti: 'the same' }
    expect(await ask(await dpop({ claims }))).toMatchObject({ status: 200 })
    const proof = await other.proof({ url, token, claims })
    expect(await ask({ authorization: `DPoP ${token}`, dpop: proof })).toMatchObject({ status: 200 })
  })

  it('the jti is stored for as long as the proof could be valid, clock tolerance included', async () => {
    const add = vi.fn<OidcRecords['add']>(async () => true)
    const records = { ...redisRecords({ client: redis.client }), add }
    const ask = await serve(makeGuard({ dpop: { replay: records }, clockToleranceSeconds: 20 }).bearer)
    expect(await ask(await dpop())).toMatchObject({ status: 200 })
    const [key, , seconds] = add.mock.calls[0] as Parameters<OidcRecords['add']>
    expect(seconds).toBe(100)
    expect(key).toMatchObject({ kind: 'dpop' })
  })

  it('eight guards that share their records accept a proof once in total', async () => {
    const asks = await Promise.all(
      Array.from({ length: 8 }, () =>
        serve(makeGuard({ dpop: { replay: redisRecords({ client: redis.client }) } }).bearer),
      ),
    )
    for (let round = 0; round < 5; round++) {
      const headers = await dpop()
      const answers = await Promise.all(asks.map((ask) => ask(headers)))
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, ...Array(7).fill(401)])
    }
  })

  it(
    'a DPoP request is answered 503 while the replay records are unavailable',
    { meta: { id: 'bound-tokens-8' } },
    async () => {
      const records = redisRecords({ client: redis.client })
      const broken = { ...records, add: () => Promise.reject(new Error('connection lost')) }
      const { bearer } = makeGuard({ dpop: { replay: broken } })
      const faults: unknown[] = []
      bearer.on('store_fault', ({ detail }) => faults.push(detail))
      const ask = await serve(bearer)
      expect(await ask(await dpop())).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
      expect(faults).toEqual(['Error: connection lost'])
    },
  )
})

describe('DPoP with createOidc()', () => {
  it(
    'the htu of a proof is compared with baseUrl, not with Host or forwarded headers',
    { meta: { id: 'bound-tokens-5' } },
    async () => {
      const options = { ...provider.settings(), baseUrl: 'https://shop.example.com', secret }
      const oidc = createOidc({ ...options, bearer: { audience: 'orders', dpop: { replay: 'memory' } } })
      const ask = await serve(oidc, (app) => app.set('trust proxy', true))
      const good = await dpop({ url: 'https://shop.example.com/orders' })
      expect(await ask({ ...good, 'x-forwarded-host': 'evil.example', host: 'evil.example' })).toMatchObject({
        status: 200,
      })
      const evil = await dpop({ url: 'https://evil.example/orders' })
      expect(await ask({ ...evil, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' })).toMatchObject({
        status: 401,
      })
    },
  )
})

describe('checks of the `dpop` and `mtls` options', () => {
  it('invalid `dpop` and `mtls` options are reported with what is missing', () => {
    const faults = (options: object): string[] =>
      findFaults(() => createBearer({ issuer: provider.issuer, audience: 'orders', ...options }))
    expect(faults({ dpop: { replay: 'memory' } })).toEqual([
      '`dpop` requires `baseUrl`; pass the URL at which clients reach this API (RFC 9449 4.2)',
    ])
    expect(faults({ baseUrl, dpop: {} })).toEqual([
      "`dpop.replay` is missing; pass 'memory' for one process, or records that all processes share",
    ])
    expect(faults({ baseUrl, dpop: { replay: redis.client } })[0]).toContain(
      "`dpop.replay`, unless 'memory', must have",
    )
    expect(faults({ baseUrl, dpop: true })).toEqual(['`dpop` must be an object'])
    expect(faults({ mtls: {} })).toEqual(['`mtls.certificate` must be a function'])
    expect(faults({ mtls: false })).toEqual(['`mtls`, unless true, must be an object'])
  })
})

describe('a certificate-bound token', () => {
  async function certificate(): Promise<{ key: string; pem: string; der: Uint8Array; thumbprint: string }> {
    const { key, cert } = await untrustedCertificate()
    const der = new X509Certificate(cert).raw
    return { key, pem: cert, der, thumbprint: createHash('sha256').update(der).digest('base64url') }
  }

  it(
    'a certificate-bound token is accepted only on a TLS connection with that certificate',
    { meta: { id: 'bound-tokens-6' } },
    async () => {
      const [server, own, thiefs] = [await certificate(), await certificate(), await certificate()]
      const app = express()
      app.get('/orders', makeGuard({ mtls: true }).bearer.requireBearer(), (_req, res) => void res.send('orders'))
      const tls = createTlsServer({ ...server, cert: server.pem, requestCert: true, rejectUnauthorized: false }, app)
      const origin = (await listen(tls)).replace('http:', 'https:')
      undo.push(() => close(tls))
      const token = await getToken({ cnf: { 'x5t#S256': own.thumbprint } })
      const ask = (client: object, scheme = 'Bearer'): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const headers = { authorization: `${scheme} ${token}` }
          tlsRequest(
            `${origin}/orders`,
            { headers, agent: false, rejectUnauthorized: false, ...client },
            (response) => {
              response.resume().on('end', () => resolve(response.statusCode))
            },
          )
            .on('error', reject)
            .end()
        })
      expect(await ask({ key: own.key, cert: own.pem })).toBe(200)
      expect(await ask({ key: own.key, cert: own.pem })).toBe(200)
      expect(await ask({ key: thiefs.key, cert: thiefs.pem })).toBe(401)
      expect(await ask({})).toBe(401)
      expect(await ask({ key: own.key, cert: own.pem }, 'DPoP')).toBe(401)
    },
  )

  it('a certificate-bound token is accepted if the proxy reports that certificate', async () => {
    const { pem, der, thumbprint } = await certificate()
    const token = await getToken({ cnf: { 'x5t#S256': thumbprint } })
    const authorization = `Bearer ${token}`
    const given: { value: string | Uint8Array | undefined } = { value: undefined }
    const { bearer, details } = makeGuard({ mtls: { certificate: () => given.value } })
    const ask = await serve(bearer)
    for (const value of [pem, der]) {
      given.value = value
      expect(await ask({ authorization })).toMatchObject({ status: 200 })
    }
    given.value = (await certificate()).pem
    expect(await ask({ authorization })).toMatchObject({ status: 401 })
    given.value = undefined
    expect(await ask({ authorization })).toMatchObject({ status: 401 })
    expect(details).toEqual([
      'the certificate of the client is not the one in cnf',
      'the token is bound to a certificate (cnf), and the client presented none',
    ])
    given.value = 'no certificate'
    expect(await ask({ authorization })).toMatchObject({ status: 500, body: { code: 'hook_failed' } })
  })

  it(
    'a certificate-bound token is rejected without the `mtls` option and without TLS',
    { meta: { id: 'bound-tokens-7' } },
    async () => {
      const { thumbprint } = await certificate()
      const token = await getToken({ cnf: { 'x5t#S256': thumbprint } })
      const headers = { authorization: `Bearer ${token}` }
      expect(await (await serve(makeGuard().bearer))(headers)).toMatchObject({ status: 401 })
      expect(await (await serve(makeGuard({ mtls: true }).bearer))(headers)).toMatchObject({ status: 401 })
    },
  )
})
