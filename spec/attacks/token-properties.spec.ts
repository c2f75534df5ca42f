/** Properties of arbitrary credentials: only a valid token is accepted, and everything else is cleanly rejected. */
import { createServer } from 'node:http'
import express, { type Request } from 'express'
import { createBearer, type Bearer } from 'express-session-oidc'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { close, listen } from '../support/app.ts'
import { depth, runs } from '../support/depth.ts'
import { catchRejection } from '../support/flow.ts'
import { audience, base64url, Mint } from './forged-tokens.ts'
import { rawRequest } from './raw-http.ts'

let mint: Mint
let bearer: Bearer
let good: readonly string[]
let url: string
const app = express()
const server = createServer({ maxHeaderSize: 65_536 }, app)
const thrown: unknown[] = []

beforeAll(async () => {
  mint = await Mint.open()
  const { provider, keys } = mint
  // The keys are given, so that tokens with an unknown kid cause no key fetches.
  const set = { keys: [keys.ec, keys.open, keys.main].map(({ jwk }) => jwk) }
  bearer = createBearer({ issuer: [{ issuer: provider.issuer, keys: set }], audience })
  good = [mint.good, mint.signedBy(keys.ec), mint.withHeader({ kid: undefined })]
  app.get('/', bearer.requireBearer(), (_req, res) => void res.send('in'))
  app.use(((error, _req, res, _next) => {
    thrown.push(error)
    res.status(500).end()
  }) satisfies express.ErrorRequestHandler)
  url = await listen(server)
})
afterAll(() => Promise.all([mint.provider.stop(), close(server)]))

const base64urlCharacters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const seed = 20_261_123

/** A request object as Node parses it, with the given Authorization header. */
function requestWith(authorization: string): Request {
  const rawHeaders = ['Host', 'api.example.com', 'Authorization', authorization]
  return { method: 'GET', url: '/', headers: { authorization }, rawHeaders } as unknown as Request
}

async function isRefused(token: string): Promise<void> {
  expect(await catchRejection(bearer.verifyToken(token))).toMatchObject({ code: 'token_invalid', status: 401 })
}

describe('a modified valid token', () => {
  it('a token with one character replaced, removed or doubled at any position is rejected', async () => {
    for (const token of good) {
      expect((await bearer.verifyToken(token)).sub).toBe('alice')
      for (let at = 0; at < token.length; at++) {
        const own = token.charAt(at)
        const next = base64urlCharacters[(base64urlCharacters.indexOf(own) + 1) % 64] as string
        // One of the three changes at each position; all three in the deep run.
        const changes = [next, '', own + own]
        for (const other of depth() === 'deep' ? changes : changes.slice(at % 3, (at % 3) + 1)) {
          await isRefused(token.slice(0, at) + other + token.slice(at + 1))
        }
      }
      expect((await bearer.verifyToken(token)).sub).toBe('alice')
    }
  })

  it('a token with zero to three characters replaced by an arbitrary one is rejected', async () => {
    const character = fc.oneof(
      fc.constantFrom(...`${base64urlCharacters}.=+/~ %"\\\t\n\0`.split('')),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    )
    const change = fc.tuple(
      fc.nat(2),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.nat(3),
      character,
    )
    await fc.assert(
      fc.asyncProperty(change, async ([which, where, removed, put]) => {
        const token = good[which] as string
        const at = Math.floor(where * (token.length + 1))
        const changed = token.slice(0, at) + put + token.slice(at + removed)
        fc.pre(changed !== token)
        await isRefused(changed)
      }),
      { seed, numRuns: runs(2000) },
    )
  })

  it('a token with one flipped bit in any decoded byte is rejected', async () => {
    const [header, payload, signed] = (good[1] as string).split('.').map((part) => Buffer.from(part, 'base64url'))
    const parts = [header, payload, signed] as [Buffer, Buffer, Buffer]
    for (const part of parts) {
      for (let at = 0; at < part.length; at++) {
        const byte = part.readUInt8(at)
        part.writeUInt8(byte ^ (1 << (at % 8)), at)
        await isRefused(parts.map(base64url).join('.'))
        part.writeUInt8(byte, at)
      }
    }
    expect((await bearer.verifyToken(parts.map(base64url).join('.'))).sub).toBe('alice')
  })

  it('a token with its parts reordered, repeated, removed or mixed is rejected', async () => {
    const pieces = good.flatMap((token) => token.split('.'))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...pieces, ''), { maxLength: 6 }), async (parts) => {
        const token = parts.join('.')
        fc.pre(!good.includes(token))
        await isRefused(token)
      }),
      { seed, numRuns: runs(1000) },
    )
  })
})

describe('an arbitrary Authorization header', () => {
  const scheme = fc.constantFrom(
    'Bearer',
    'bearer',
    'BEARER',
    'DPoP',
    'Basic',
    'Bearer:',
    'Bear',
    '',
    'Token',
    'Negotiate',
  )
  const gap = fc.constantFrom(' ', '', '  ', '\t', ',', '=', ', Bearer ', '\u00a0')
  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
    fc.base64String({ maxLength: 200 }),
    fc.array(fc.json({ maxDepth: 3 }).map(base64url), { maxLength: 5 }).map((parts) => parts.join('.')),
    fc.constantFrom('.', '..', '...', 'a.b.c', 'e30.e30.e30', 'W10.W10.W10', 'bnVsbA.bnVsbA.bnVsbA', '='.repeat(9)),
  )
  const authorization = fc.oneof(
    junk,
    fc.tuple(scheme, gap, junk, gap, junk).map((parts) => parts.join('')),
  )

  it('the guard answers token_required, request_invalid or token_invalid to any header', async () => {
    await fc.assert(
      fc.asyncProperty(authorization, async (text) => {
        const outcome = await bearer.authorize(requestWith(text))
        const { ok, status, code } = outcome as { ok: boolean; status: number; code: string }
        expect(ok).toBe(false)
        expect(['401 token_required', '400 request_invalid', '401 token_invalid']).toContain(`${status} ${code}`)
      }),
      { seed, numRuns: runs(3000) },
    )
  })

  it('any header is answered with 400 or 401 over HTTP', { meta: { id: 'token-properties-1' } }, async () => {
    // Node itself rejects octets that no header line may contain.
    const line = authorization.map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?'))
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        const answer = await rawRequest(url, { target: '/', headers: [['Authorization', text]], encoding: 'latin1' })
        expect([400, 401]).toContain(answer.status)
        expect(answer.get('www-authenticate')).toMatch(
          /^Bearer realm="orders"(?:, error="invalid_(?:token|request)", [\x20-\x7e]+)?$/,
        )
      }),
      { seed, numRuns: runs(300) },
    )
    expect(thrown).toEqual([])
  })

  it('headers of 60,000 characters are processed without excessive backtracking', async () => {
    const long = 60_000
    const texts = [' ', '=', '.', 'a.', 'a', '-', 'a=', ' a', '~+/', 'e30.', 'Bearer ', ',', '\t', '%2e'].flatMap(
      (unit) => {
        const run = unit.repeat(long / unit.length)
        return [`Bearer ${run}`, `Bearer ${run}!`, `Bearer a${run}`, `Bearer ${run}=a`, `DPoP ${run} `, `Bearer${run}x`]
      },
    )
    for (const text of texts) {
      const outcome = await bearer.authorize(requestWith(text))
      expect(outcome).toMatchObject({
        ok: false,
        code: expect.stringMatching(/^(?:request_invalid|token_invalid|token_required)$/),
      })
    }
  })
})

describe('a token with arbitrary content and a valid signature', () => {
  /** Claims that the guard reads. */
  const names = [
    'iss',
    'aud',
    'exp',
    'nbf',
    'iat',
    'sub',
    'cnf',
    'typ',
    'events',
    'htm',
    'nonce',
    'at_hash',
    'scope',
    'scp',
    'roles',
    'realm_access',
    'resource_access',
    '__proto__',
    'constructor',
    'toJSON',
    'length',
  ]
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.constantFrom<unknown>(
      'alice',
      'orders',
      ['orders'],
      1,
      0,
      -1,
      0.5,
      1e300,
      'Bearer',
      { roles: ['x'] },
      { roles: 'x' },
      { a: { roles: [1] } },
    ),
  )
  const changes = fc.array(fc.tuple(fc.constantFrom(...names), odd), { maxLength: 4 })

  it('an accepted token has all required claims, and any other is rejected as token_invalid', async () => {
    let passed = 0
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), async (changed, hasType) => {
        const claims = { ...mint.claims } as Record<string, unknown>
        for (const [name, value] of changed)
          Object.defineProperty(claims, name, { value, enumerable: true, configurable: true })
        const token = mint.sign({
          header: { ...mint.header, ...(hasType && { typ: 'at+jwt' }) },
          claims: JSON.stringify({ ...claims }),
        })
        const outcome = await bearer.verifyToken(token).catch((error: unknown) => error)
        if (outcome instanceof OidcError) {
          expect(outcome.code).toBe('token_invalid')
          return
        }
        passed += 1
        const auth = outcome as Awaited<ReturnType<Bearer['verifyToken']>>
        const { iss, aud, exp, cnf, events, htm, sub = 'nobody' } = auth.claims
        expect([aud].flat()).toContain(audience)
        expect({ iss, cnf, events, htm }).toEqual({
          iss: mint.provider.issuer,
          cnf: undefined,
          events: undefined,
          htm: undefined,
        })
        expect(Number.isFinite(exp)).toBe(true)
        expect(typeof sub === 'string' && sub !== '').toBe(true)
        for (const list of [auth.scope, auth.roles]) expect(list.every((each) => typeof each === 'string')).toBe(true)
        expect(Object.isFrozen(auth.claims)).toBe(true)
      }),
      { seed, numRuns: runs(600) },
    )
    expect(passed).toBeGreaterThan(runs(50))
  })

  it('a token with an arbitrary header or payload is rejected as token_invalid', async () => {
    const text = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('{}', '[]', 'null', '', '{"exp":4e9}'),
    )
    await fc.assert(
      fc.asyncProperty(text, text, async (header, claims) => {
        await isRefused(mint.sign({ claims }))
        await isRefused(mint.sign({ header }))
      }),
      { seed, numRuns: runs(300) },
    )
  })
})
