import { createBearer, customProvider, type Bearer, type BearerOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import { makeBearerAuth, type BearerAuth } from '../../lib/guard/bearer-auth.ts'
import { RememberedTokens } from '../../lib/guard/remembered-tokens.ts'
import { until } from '../support/app.ts'
import { catchRejection } from '../support/flow.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { oneProvider } from '../support/one-provider.ts'

const start = 1_800_000_000_000
const auth = (sub: string): BearerAuth => makeBearerAuth('token', 'https://id.example.com', { sub }, undefined)
const seconds = (ms: number): number => ms / 1000

beforeEach(() => stopClocks(start))

describe('RememberedTokens', () => {
  const [former, current, next] = [{}, {}, {}]
  const keys: { atHand: object | undefined } = { atHand: current }
  const by = { keys, lookup: current }
  const later = seconds(start) + 3600
  beforeEach(() => void (keys.atHand = current))

  it('finds a token only by its exact text', { meta: { id: 'remembered-tokens-1' } }, () => {
    const tokens = new RememberedTokens(60)
    const alice = auth('alice')
    tokens.set('a.b.c', alice, later, by)
    expect(tokens.get('a.b.c')).toBe(alice)
    for (const other of [
      'a.b.C',
      'a.b.c ',
      ' a.b.c',
      'a.b.c=',
      'a.b',
      'a.b.cc',
      '',
      '__proto__',
      'constructor',
      'a.b.c\0',
    ])
      expect(tokens.get(other)).toBeUndefined()
  })

  it(
    'keeps tokens apart whose texts could collide in a hash table or an object',
    { meta: { id: 'remembered-tokens-2' } },
    () => {
      const tokens = new RememberedTokens(60)
      const names = ['Aa', 'BB', '__proto__', 'hasOwnProperty', '1', '01', '1.0']
      for (const name of names) tokens.set(name, auth(name), later, by)
      expect(names.map((name) => tokens.get(name)?.sub)).toEqual(names)
    },
  )

  it.each([100, 200, 201, 1000, 16_000])(
    'finds a token of %d characters only if all characters are equal',
    (length) => {
      const tokens = new RememberedTokens(60)
      const token = `${'x'.repeat(length - 50)}.${'y'.repeat(49)}`
      const alice = auth('alice')
      tokens.set(token, alice, later, by)
      expect(tokens.get(token)).toBe(alice)
      // As with a request: another string object with the same text.
      expect(tokens.get(Buffer.from(token).toString('latin1'))).toBe(alice)
      for (let at = 0; at < length; at += Math.ceil(length / 100)) {
        expect(tokens.get(`${token.slice(0, at)}z${token.slice(at + 1)}`)).toBeUndefined()
        expect(tokens.get(token.slice(0, at) + token.slice(at + 1))).toBeUndefined()
        expect(tokens.get(`${token.slice(0, at)}x${token.slice(at)}x`)).toBeUndefined()
      }
      expect(tokens.get(token.slice(-43))).toBeUndefined()
      expect(tokens.get(`x${token}`)).toBeUndefined()
    },
  )

  it('replaces a token with one that has the same end, and never mistakes one for the other', () => {
    const tokens = new RememberedTokens(60)
    const end = 'y'.repeat(100)
    const names = ['alice', 'bob'].map((sub) => [sub, `${sub.padEnd(200, 'x')}${end}`] as const)
    for (const [sub, token] of names) tokens.set(token, auth(sub), later, by)
    expect(names.map(([, token]) => tokens.get(token)?.sub)).toEqual([undefined, 'bob'])
  })

  it.each([
    [60, 3600, 60],
    [3600, 10, 10],
    [0.5, 3600, 0.5],
    [60, 60, 60],
  ])('if configured for %d s, caches a token that expires in %d s for %d s', (cacheSeconds, left, lasts) => {
    const tokens = new RememberedTokens(cacheSeconds)
    tokens.set('t', auth('alice'), seconds(start) + left, by)
    passMs(lasts * 1000 - 1)
    expect(tokens.get('t')?.sub).toBe('alice')
    passMs(1)
    expect(tokens.get('t')).toBeUndefined()
    expect(tokens.size).toBe(0)
  })

  it('caches nothing if configured for 0 s, and no expired token', () => {
    const none = new RememberedTokens(0)
    none.set('t', auth('alice'), later, by)
    expect(none.size).toBe(0)
    const over = new RememberedTokens(60)
    over.set('t', auth('alice'), seconds(start), by)
    expect(over.get('t')).toBeUndefined()
  })

  it('does not extend the lifetime of an entry when it is read', () => {
    const tokens = new RememberedTokens(60)
    tokens.set('t', auth('alice'), later, by)
    for (let passed = 0; passed < 59; passed++) {
      passMs(1000)
      expect(tokens.get('t')?.sub).toBe('alice')
    }
    passMs(1000)
    expect(tokens.get('t')).toBeUndefined()
  })

  it('drops an entry after 60 s even if the wall clock is set back', () => {
    const tokens = new RememberedTokens(60)
    tokens.set('t', auth('alice'), later, by)
    vi.setSystemTime(start - 3600_000)
    passMs(59_999)
    expect(tokens.get('t')?.sub).toBe('alice')
    passMs(1)
    expect(tokens.get('t')).toBeUndefined()
  })

  it('drops an entry whose token has expired by the wall clock', () => {
    const tokens = new RememberedTokens(60)
    tokens.set('t', auth('alice'), later, by)
    vi.setSystemTime(later * 1000 - 1)
    expect(tokens.get('t')?.sub).toBe('alice')
    vi.setSystemTime(later * 1000)
    expect(tokens.get('t')).toBeUndefined()
  })

  it('drops an entry whose keys have changed or may not be used anymore', () => {
    for (const change of [next, former, undefined]) {
      const tokens = new RememberedTokens(60)
      tokens.set('t', auth('alice'), later, by)
      tokens.set('u', auth('bob'), later, { keys: { atHand: former }, lookup: former })
      keys.atHand = change
      expect(tokens.get('t')).toBeUndefined()
      expect(tokens.get('u')?.sub).toBe('bob')
      keys.atHand = current
      expect(tokens.get('t')).toBeUndefined()
    }
  })

  it('drops an entry whose keys changed while the token was verified', () => {
    const tokens = new RememberedTokens(60)
    keys.atHand = next
    tokens.set('t', auth('alice'), later, by)
    expect(tokens.get('t')).toBeUndefined()
    expect(tokens.size).toBe(0)
  })

  it('caches an introspected token for the given time, whatever the keys are', () => {
    const tokens = new RememberedTokens(0)
    tokens.setAnswered('t', auth('alice'), Infinity, 5)
    tokens.setAnswered('u', auth('bob'), later, 0)
    keys.atHand = next
    passMs(4999)
    expect(tokens.get('t')?.sub).toBe('alice')
    expect(tokens.get('u')).toBeUndefined()
    passMs(1)
    expect(tokens.get('t')).toBeUndefined()
  })

  it.each([
    ['number of tokens', { tokens: 100, bytes: Infinity }],
    ['size in bytes', { tokens: Infinity, bytes: 100 * 80 }],
  ])('limits the %s, however many tokens are added', (_name, most) => {
    const tokens = new RememberedTokens(60, most)
    for (let index = 0; index < 10_000; index++) {
      const token = String(index).padStart(20, 'x')
      tokens.set(token, auth(token), later, by)
      expect(tokens.size).toBeLessThanOrEqual(100)
      for (let back = 0; back < Math.min(49, index + 1); back += 12) {
        const recent = String(index - back).padStart(20, 'x')
        expect(tokens.get(recent)?.sub).toBe(recent)
      }
    }
    expect(tokens.get('0'.padStart(20, 'x'))).toBeUndefined()
  })

  it.each<[string, (tokens: RememberedTokens, name: string, large: BearerAuth) => void]>([
    ['introspection', (tokens, name, large) => tokens.setAnswered(name, large, later, 60)],
    ['distributed claims', (tokens, name, large) => tokens.set(name, large, later, { ...by, hasOtherClaims: true })],
  ])('counts the claims of a short token that come from %s', (_what, set) => {
    const tokens = new RememberedTokens(60, { tokens: Infinity, bytes: 1_000_000 })
    const large = makeBearerAuth('token', 'https://id.example.com', { groups: 'x'.repeat(50_000) }, undefined)
    for (let index = 0; index < 100; index++) {
      set(tokens, `token-${index}`, large)
      expect(tokens.size * 50_000 * 4).toBeLessThanOrEqual(1_000_000)
    }
    expect(tokens.get('token-98')).toBe(large)
  })

  it('caches claims that JSON cannot represent', () => {
    const tokens = new RememberedTokens(60)
    const odd = makeBearerAuth('token', 'https://id.example.com', { big: 1n }, undefined)
    tokens.setAnswered('t', odd, later, 60)
    expect(tokens.get('t')).toBe(odd)
  })

  it('holds at most 10,000 tokens and 32 MB by default', () => {
    const many = new RememberedTokens(60)
    const one = auth('alice')
    for (let index = 0; index < 30_000; index++) many.set(String(index), one, later, by)
    expect(many.size).toBeGreaterThanOrEqual(5000)
    expect(many.size).toBeLessThanOrEqual(10_000)
    const long = new RememberedTokens(60)
    const text = 'x'.repeat(16_000)
    for (let index = 0; index < 3000; index++) long.set(`${text}.${index}`, one, later, by)
    expect(long.size * text.length * 4).toBeLessThanOrEqual(32 * 1024 * 1024)
    expect(long.size * text.length * 4).toBeGreaterThanOrEqual(15 * 1024 * 1024)
  })
})

describe('a guard that caches tokens', () => {
  let provider: TestProvider
  let verify: MockInstance<typeof crypto.subtle.verify>
  beforeAll(async () => {
    provider = await startTestProvider({ audience: 'orders', accessTokenSeconds: 300, now: () => Date.now() })
  })
  afterAll(() => provider.stop())
  beforeEach(async () => {
    provider.behave()
    provider.forget()
    verify = vi.spyOn(crypto.subtle, 'verify')
  })

  const good = async (): Promise<string> => (await provider.issueTokens('alice'))['access_token'] as string

  /** A guard that has fetched its keys. */
  async function guard(options: Partial<BearerOptions> = {}): Promise<Bearer> {
    const made = createBearer(oneProvider({ issuer: provider.issuer, audience: 'orders', ...options }))
    await made.ready()
    return made
  }

  /** How many signatures are verified for a token. */
  async function verified(bearer: Bearer, token: string): Promise<number> {
    const before = verify.mock.calls.length
    await bearer.verifyToken(token).catch(() => {})
    return verify.mock.calls.length - before
  }

  /** Has a token cached, which happens at its second request. */
  async function remember(bearer: Bearer, token: string): Promise<void> {
    for (let time = 0; time < 2; time++) expect(await verified(bearer, token)).toBe(1)
  }

  it('verifies a token at its first two requests, then once a minute, and reuses the result in between', async () => {
    const bearer = await guard()
    const token = await good()
    await bearer.verifyToken(token)
    const second = await bearer.verifyToken(token)
    for (let time = 0; time < 5; time++) expect(await bearer.verifyToken(token)).toBe(second)
    expect(verify).toHaveBeenCalledTimes(2)
    passMs(59_999)
    expect(await verified(bearer, token)).toBe(0)
    passMs(1)
    expect(await verified(bearer, token)).toBe(1)
    expect(await verified(bearer, token)).toBe(0)
  })

  it('does not cache tokens that are presented once, so they evict no other', async () => {
    const bearer = await guard()
    const token = await good()
    await remember(bearer, token)
    const set = vi.spyOn(RememberedTokens.prototype, 'set')
    for (let time = 0; time < 20; time++) expect(await verified(bearer, await good())).toBe(1)
    expect(set).not.toHaveBeenCalled()
    expect(await verified(bearer, token)).toBe(0)
  })

  it('caches a token at its first request if the option accept was called for it', async () => {
    const accept = vi.fn<() => boolean>(() => true)
    const bearer = await guard({ provider: customProvider({ issuer: provider.issuer, accept }) })
    const token = await good()
    expect(await verified(bearer, token)).toBe(1)
    expect(await verified(bearer, token)).toBe(0)
    expect(accept).toHaveBeenCalledTimes(1)
  })

  it('verifies a token at each request if cacheSeconds is 0', async () => {
    const bearer = await guard({ cacheSeconds: 0 })
    const token = await good()
    for (let time = 0; time < 3; time++) expect(await verified(bearer, token)).toBe(1)
  })

  it('rejects a cached token once it expires, after the clock tolerance', async () => {
    const bearer = await guard({ cacheSeconds: 3600 })
    const token = await good()
    await remember(bearer, token)
    passMs(300_000 + 29_999)
    expect((await bearer.verifyToken(token)).sub).toBe('alice')
    expect(verify).toHaveBeenCalledTimes(2)
    passMs(1)
    expect((await catchRejection(bearer.verifyToken(token))).message).toBe('The access token has expired.')
  })

  it('verifies a cached token again after the keys change, but not after the same keys are fetched', async () => {
    const bearer = await guard({ cacheSeconds: 3600 })
    const token = await good()
    await remember(bearer, token)
    passMs(200_000)
    await bearer.verifyToken(await provider.sign({}, { kid: 'unknown' })).catch(() => {})
    expect(provider.requestsTo('jwks')).toHaveLength(2)
    expect(await verified(bearer, token)).toBe(0)
    await provider.rotateKeys()
    expect(await verified(bearer, token)).toBe(0)
    expect((await bearer.verifyToken(await good())).sub).toBe('alice')
    expect((await catchRejection(bearer.verifyToken(token))).code).toBe('token_invalid')
  })

  it('does not verify a cached token again if only unusable keys change', async () => {
    const bearer = await guard()
    const token = await good()
    await remember(bearer, token)
    const other = { ...provider.keys.keys[0], kid: 'other', use: 'enc' }
    provider.misbehave({ jwks: ({ keys: own }) => ({ keys: [...own, other, { kty: 'oct', k: 'AAAA' }] }) })
    await bearer.verifyToken(await provider.sign({}, { kid: 'unknown' })).catch(() => {})
    expect(provider.requestsTo('jwks')).toHaveLength(2)
    expect(await verified(bearer, token)).toBe(0)
  })

  it('refreshes the keys in the background of cached tokens, so that removing a key rejects them', async () => {
    const bearer = await guard({ cacheSeconds: 3600 })
    const { iss, aud } = { iss: provider.issuer, aud: 'orders' }
    const token = await provider.sign({ iss, aud, sub: 'alice', exp: seconds(start) + 7200 })
    await remember(bearer, token)
    await provider.rotateKeys()
    passMs(600_000)
    expect(await verified(bearer, token)).toBe(0)
    await until(
      async () => (await bearer.verifyToken(token).catch(() => undefined)) === undefined,
      'the token is rejected',
    )
  })

  it('caches a token that caused a fetch of the keys: the first one, and one with a new key', async () => {
    const accepting = customProvider({ issuer: provider.issuer, accept: () => true })
    const bearer = createBearer({ provider: accepting, audience: 'orders' })
    const token = await good()
    expect(await verified(bearer, token)).toBe(1)
    expect(await verified(bearer, token)).toBe(0)
    await provider.rotateKeys()
    const newer = await good()
    expect((await bearer.verifyToken(newer)).sub).toBe('alice')
    expect(await verified(bearer, newer)).toBe(0)
  })

  it('caches no rejected token, and verifies it each time', async () => {
    const set = vi.spyOn(RememberedTokens.prototype, 'set')
    const bearer = await guard()
    const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', exp: seconds(start) + 300 }
    const bad = [
      await provider.sign({ ...claims, exp: 1 }),
      await provider.sign({ ...claims, aud: 'accounts' }),
      await provider.sign({ ...claims, iss: 'x' }),
      await provider.sign({ ...claims, typ: 'ID' }),
      await provider.sign(claims, { typ: 'logout+jwt' }),
      (await provider.sign(claims)).replace(/\.[^.]+$/, `.${'A'.repeat(342)}`),
    ]
    for (const token of bad) for (let time = 0; time < 2; time++) expect(await verified(bearer, token)).toBe(1)
    expect(set).not.toHaveBeenCalled()
  })

  it('does not share cached tokens with a guard or rule for another audience', async () => {
    const [orders, accounts] = [await guard(), await guard({ audience: 'accounts' })]
    const token = await good()
    await orders.verifyToken(token)
    expect((await catchRejection(accounts.verifyToken(token))).code).toBe('token_invalid')
    expect((await catchRejection(orders.verifyToken(token, { audience: 'accounts' }))).code).toBe('token_invalid')
    expect((await orders.verifyToken(token)).sub).toBe('alice')
  })

  it('checks a cached token against the rule of each request', async () => {
    const bearer = await guard()
    const token = await good()
    await remember(bearer, token)
    expect((await catchRejection(bearer.verifyToken(token, { scope: 'orders:write' }))).code).toBe('not_allowed')
    expect((await bearer.verifyToken(token, { scope: 'openid' })).sub).toBe('alice')
    expect(verify).toHaveBeenCalledTimes(2)
  })

  it('caches a token that is presented in 10 concurrent requests', async () => {
    const bearer = await guard()
    const token = await good()
    const all = await Promise.all(Array.from({ length: 10 }, () => bearer.verifyToken(token)))
    expect(all.map(({ sub }) => sub)).toEqual(Array(10).fill('alice'))
    expect(await verified(bearer, token)).toBe(0)
  })
})
