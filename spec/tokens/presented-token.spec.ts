import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { OidcError, providerUnavailable } from '../../lib/core/errors.ts'
import { TokenRejected } from '../../lib/tokens/token-rejected.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import {
  checkAnsweredClaims,
  checkAudience,
  checkPresentedClaims,
  verifyPresentedToken,
  type PresentedTokenChecks,
} from '../../lib/tokens/presented-token.ts'

const issuer = 'https://id.example.com'
/** When all tokens here are presented, unless a spec says otherwise. */
const now = 1_800_000_000
const checks: PresentedTokenChecks = {
  issuer,
  audience: ['orders'],
  algorithms: ['ES256'],
  clockToleranceSeconds: 30,
}
const claims = { iss: issuer, aud: 'orders', sub: 'alice', iat: now, exp: now + 300 }

let key: CryptoKey
let jwk: JWK
let foreign: CryptoKey
let fetches = 0

beforeAll(async () => {
  const [own, other] = await Promise.all([generateKeyPair('ES256', { extractable: true }), generateKeyPair('ES256')])
  key = own.privateKey
  jwk = { ...(await exportJWK(own.publicKey)), kid: 'ours' }
  foreign = other.privateKey
})
beforeEach(() => {
  fetches = 0
  vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 })
})

function keysOf(set: () => unknown = () => ({ keys: [jwk] })): Keys {
  return new Keys(
    async () => {
      fetches += 1
      return set()
    },
    () => {},
  )
}

function sign(given: object | string, header: object = {}, by = key): Promise<string> {
  const payload = typeof given === 'string' ? given : JSON.stringify(given)
  return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'ES256', kid: 'ours', ...header }).sign(by)
}

/** The claims of a token, or why it is refused. */
async function outcome(token: string, given: Partial<PresentedTokenChecks> = {}, keys = keysOf()): Promise<unknown> {
  try {
    await verifyPresentedToken(token, keys, { ...checks, ...given })
    return 'good'
  } catch (error) {
    if (error instanceof TokenRejected) return `${error.kind}: ${error.message}`
    throw error
  }
}

describe('a presented token', () => {
  it('gives its claims', async () => {
    const { claims: given } = await verifyPresentedToken(await sign({ ...claims, x: [1] }), keysOf(), checks)
    expect(given).toEqual({ ...claims, x: [1] })
  })

  it.each([
    [30, 29_999, true],
    [30, 30_000, false],
    [0, -1, true],
    [0, 0, false],
    [300, 299_999, true],
    [300, 300_000, false],
  ])('with a tolerance of %i s is good %i ms after its end: %s', async (clockToleranceSeconds, late, isGood) => {
    const token = await sign(claims)
    vi.setSystemTime(claims.exp * 1000 + late)
    const expected = isGood ? 'good' : expect.stringMatching(/^expired: .*"exp" claim timestamp check failed/)
    expect(await outcome(token, { clockToleranceSeconds })).toEqual(expected)
  })

  it.each([
    ['nbf', 30, 'good'],
    ['nbf', 31, expect.stringMatching(/^other: .*"nbf" claim timestamp check failed/)],
    ['nbf', -1e6, 'good'],
    ['iat', 30, 'good'],
    ['iat', 30.001, 'other: iat is in the future'],
    ['iat', 31, 'other: iat is in the future'],
    ['iat', -1e6, 'good'],
  ])('with %s %d s ahead, 30 s tolerated: %s', async (name, ahead, expected) => {
    expect(await outcome(await sign({ ...claims, [name]: now + ahead }))).toEqual(expected)
  })

  it.each([
    ['exp', '1e999', 'other: exp is no time'],
    ['iat', '1e999', 'other: iat is in the future'],
    ['exp', '4e9', 'good'],
    ['exp', `${now + 0.5}`, 'good'],
  ])('with %s of %s: %s', async (name, json, expected) => {
    const { [name as 'exp']: _taken, ...rest } = claims
    const payload = `${JSON.stringify(rest).slice(0, -1)},"${name}":${json}}`
    expect(await outcome(await sign(payload))).toBe(expected)
  })

  it('must have an end', async () => {
    const { exp: _exp, ...rest } = claims
    expect(await outcome(await sign(rest))).toMatch(/^other: .*missing required "exp" claim/)
  })

  it.each([
    [undefined, true],
    ['a', true],
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    ['', false],
    [5, false],
    [null, false],
    [['alice'], false],
  ])('with the subject %j is good: %s', async (sub, isGood) => {
    expect(await outcome(await sign({ ...claims, sub }))).toBe(isGood ? 'good' : 'other: sub is not a subject')
  })

  it.each([[`${issuer}/`], [issuer.toUpperCase()], [[issuer]], [undefined], [null], ['']])(
    'of the issuer %j is refused',
    async (iss) => {
      expect(await outcome(await sign({ ...claims, iss }))).toBe('other: iss is another issuer')
    },
  )

  it('names its audience only where one is asked for', async () => {
    const token = await sign({ ...claims, aud: 'accounts' })
    expect(await outcome(token)).toMatch(/^audience: its aud is \["accounts"\], not "orders"/)
    expect(await outcome(token, { audience: [] })).toBe('good')
    expect(await outcome(token, { audience: ['orders', 'accounts'] })).toBe('good')
  })

  it('that is bound to a key is good as far as it goes: the proof is for another to check', async () => {
    expect(await outcome(await sign({ ...claims, cnf: { jkt: 'x' } }))).toBe('good')
  })

  it('is looked at for its purpose, by the header that was signed', async () => {
    expect(await outcome(await sign(claims, { typ: 'logout+jwt' }))).toBe('other: its typ is "logout+jwt"')
    expect(() => checkPresentedClaims({ typ: 'dpop+jwt' }, claims, checks)).toThrow('its typ is "dpop+jwt"')
  })

  it('is refused where its algorithm is not taken, whatever else is right', async () => {
    expect(await outcome(await sign(claims), { algorithms: ['RS256'] })).toMatch(/^other: .*not allowed/)
    expect(await outcome(await sign(claims), { algorithms: [] })).toMatch(/^other: .*not allowed/)
  })

  it('says nothing of its end or its audience where its signature is not good', async () => {
    for (const change of [{ exp: 1 }, { aud: 'accounts' }, { iss: 'x' }]) {
      expect(await outcome(await sign({ ...claims, ...change }, {}, foreign))).toMatch(
        /^other: .*signature verification failed/,
      )
    }
  })
})

describe('the keys', () => {
  it.each([
    '',
    'x',
    'a.b',
    'a.b.c.d',
    'a.b.c',
    'ab.cd=.ef',
    'AB.CD.EF',
    'AAB.AAA.AAA',
    'AAA.AAA.AAB',
    `${'A'.repeat(9)}.AA.AA`,
  ])('are not asked for where what is presented is no JWT: %j', async (token) => {
    expect(await outcome(token)).toBe('other: it is no JWT in base64url as it is to be written')
    expect(fetches).toBe(0)
  })

  it.each<[what: string, header: object, by: () => CryptoKey, change: object, times: number]>([
    ['a good one', {}, () => key, {}, 1],
    ['a good one without kid', { kid: undefined }, () => key, {}, 1],
    ['one with an unknown kid', { kid: 'new' }, () => key, {}, 2],
    ['one without kid that no key fits', { kid: undefined }, () => foreign, {}, 2],
    ['a forged one with a known kid', {}, () => foreign, {}, 1],
    ['one that is over', {}, () => key, { exp: 1 }, 1],
    ['one that is over, without kid', { kid: undefined }, () => key, { exp: 1 }, 1],
    ['one for others', {}, () => key, { aud: 'x' }, 1],
    ['one of an ID', {}, () => key, { typ: 'ID' }, 1],
  ])('are fetched for %s as often as a new key may help', async (_what, header, by, change, times) => {
    await outcome(await sign({ ...claims, ...change }, header, by()))
    expect(fetches).toBe(times)
  })

  it('that come with the second fetch are used, and what they say is final', async () => {
    const sets = [{ keys: [] }, { keys: [jwk] }]
    const later = (): Keys => keysOf(() => sets[Math.min(fetches, 2) - 1])
    expect(await outcome(await sign(claims), {}, later())).toBe('good')
    fetches = 0
    expect(await outcome(await sign({ ...claims, exp: 1 }), {}, later())).toMatch(/^expired: /)
    fetches = 0
    expect(await outcome(await sign(claims, {}, foreign), {}, later())).toMatch(/^other: .*verification failed/)
  })

  it('that cannot be had are no fault of the token', async () => {
    const down = keysOf(() => {
      throw providerUnavailable('down')
    })
    await expect(verifyPresentedToken(await sign(claims), down, checks)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    const downLater = keysOf(() => {
      if (fetches > 1) throw providerUnavailable('down')
      return { keys: [] }
    })
    await expect(verifyPresentedToken(await sign(claims), downLater, checks)).rejects.toBeInstanceOf(OidcError)
  })
})

describe('the audience', () => {
  const fault = (aud: unknown, wanted: readonly string[]): unknown => {
    try {
      checkAudience({ aud }, wanted)
      return undefined
    } catch (error) {
      return error
    }
  }

  it.each([['orders'], [['orders']], [['a', 'orders']], [['orders', 'orders']]])('%j is that of orders', (aud) => {
    expect(fault(aud, ['orders'])).toBeUndefined()
    expect(fault(aud, ['x', 'orders'])).toBeUndefined()
  })

  it.each([[undefined], [null], [5], [true], [{}], [[]], [['orders', 5]], [[['orders']]]])('%j is none', (aud) => {
    expect(fault(aud, ['orders'])).toMatchObject({
      kind: 'audience',
      message: expect.stringMatching(/^it has no aud, not/),
    })
  })

  it('that is another one is told with how to put it right', () => {
    const error = fault(['accounts', 'x'], ['orders', 'https://api.example.com']) as TokenRejected
    expect(error.kind).toBe('audience')
    expect(error.message).toMatch(
      /^its aud is \["accounts","x"\], not "orders" or "https:\/\/api.example.com": .*Keycloak an Audience mapper/,
    )
  })

  it('is told in bounded length', () => {
    const error = fault(Array(1000).fill('accounts'), ['orders']) as TokenRejected
    expect(error.message.length).toBeLessThan(700)
  })
})

describe('what an issuer answers of a token', () => {
  const fault = (change: object): unknown => {
    try {
      checkAnsweredClaims({ aud: 'orders', ...change }, checks)
      return undefined
    } catch (error) {
      return `${(error as TokenRejected).kind}: ${(error as TokenRejected).message}`
    }
  }

  it.each<[object, unknown]>([
    [{}, undefined],
    [{ iss: issuer, sub: 'alice', exp: now + 1, iat: now, nbf: now, token_type: 'Bearer' }, undefined],
    [{ token_type: 'access_token' }, undefined],
    [{ token_type: 'refresh_token' }, 'other: its issuer says that it is another kind of token'],
    [{ token_type: 5 }, 'other: its issuer says that it is another kind of token'],
    [{ exp: now - 29 }, undefined],
    [{ exp: now - 30 }, 'expired: its issuer says that it has ended'],
    [{ exp: 'soon' }, 'other: exp is no time'],
    [{ nbf: now + 30 }, undefined],
    [{ nbf: now + 31 }, 'other: nbf is in the future'],
    [{ nbf: 'now' }, 'other: nbf is in the future'],
    [{ iss: 'https://evil.example' }, 'other: iss is another issuer'],
    [{ sub: '' }, 'other: sub is not a subject'],
    [{ aud: 'accounts' }, expect.stringMatching(/^audience: /)],
    [{ events: {} }, 'other: events is a claim of logout tokens'],
  ])('%j: %s', (change, expected) => {
    expect(fault(change)).toEqual(expected)
  })
})
