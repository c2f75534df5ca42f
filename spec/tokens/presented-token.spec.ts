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
/** The time at which tokens are presented, unless a spec changes it. */
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

function listKeys(set: () => unknown = () => ({ keys: [jwk] })): Keys {
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

/** `good`, or why the token is rejected. */
async function outcome(token: string, given: Partial<PresentedTokenChecks> = {}, keys = listKeys()): Promise<unknown> {
  try {
    await verifyPresentedToken(token, keys, { ...checks, ...given })
    return 'good'
  } catch (error) {
    if (error instanceof TokenRejected) return `${error.kind}: ${error.message}`
    throw error
  }
}

describe('a presented token', () => {
  it('returns the claims of a presented token', async () => {
    const { claims: given } = await verifyPresentedToken(await sign({ ...claims, x: [1] }), listKeys(), checks)
    expect(given).toEqual({ ...claims, x: [1] })
  })

  it.each([
    [30, 29_999, true],
    [30, 30_000, false],
    [0, -1, true],
    [0, 0, false],
    [300, 299_999, true],
    [300, 300_000, false],
  ])(
    'with a tolerance of %i s, accepts a token %i ms after it expires: %s',
    async (clockToleranceSeconds, late, isGood) => {
      const token = await sign(claims)
      vi.setSystemTime(claims.exp * 1000 + late)
      const expected = isGood ? 'good' : expect.stringMatching(/^expired: .*"exp" claim timestamp check failed/)
      expect(await outcome(token, { clockToleranceSeconds })).toEqual(expected)
    },
  )

  it.each([
    ['nbf', 30, 'good'],
    ['nbf', 31, expect.stringMatching(/^other: .*"nbf" claim timestamp check failed/)],
    ['nbf', -1e6, 'good'],
    ['iat', 30, 'good'],
    ['iat', 30.001, 'other: iat is in the future'],
    ['iat', 31, 'other: iat is in the future'],
    ['iat', -1e6, 'good'],
  ])('for %s %d s in the future, with a tolerance of 30 s, the outcome is %s', async (name, ahead, expected) => {
    expect(await outcome(await sign({ ...claims, [name]: now + ahead }))).toEqual(expected)
  })

  it.each([
    ['exp', '1e999', 'other: exp is not a time'],
    ['iat', '1e999', 'other: iat is in the future'],
    ['exp', '4e9', 'good'],
    ['exp', `${now + 0.5}`, 'good'],
  ])('for the claim %s with the value %s, the outcome is %s', async (name, json, expected) => {
    const { [name as 'exp']: _taken, ...rest } = claims
    const payload = `${JSON.stringify(rest).slice(0, -1)},"${name}":${json}}`
    expect(await outcome(await sign(payload))).toBe(expected)
  })

  it('rejects a token without exp', async () => {
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
  ])('accepts a token with the subject %j: %s', async (sub, isGood) => {
    expect(await outcome(await sign({ ...claims, sub }))).toBe(isGood ? 'good' : 'other: sub is not a valid subject')
  })

  it.each([[`${issuer}/`], [issuer.toUpperCase()], [[issuer]], [undefined], [null], ['']])(
    'rejects a token with the issuer %j',
    async (iss) => {
      expect(await outcome(await sign({ ...claims, iss }))).toBe('other: iss is not the expected issuer')
    },
  )

  it('checks the audience only if one is configured', async () => {
    const token = await sign({ ...claims, aud: 'accounts' })
    expect(await outcome(token)).toMatch(/^audience: aud is \["accounts"\]; expected "orders"/)
    expect(await outcome(token, { audience: [] })).toBe('good')
    expect(await outcome(token, { audience: ['orders', 'accounts'] })).toBe('good')
  })

  it('accepts a token that is bound to a key, without checking the proof', async () => {
    expect(await outcome(await sign({ ...claims, cnf: { jkt: 'x' } }))).toBe('good')
  })

  it('checks the purpose of a token by its signed header', async () => {
    expect(await outcome(await sign(claims, { typ: 'logout+jwt' }))).toBe(
      'other: the header typ is "logout+jwt", not that of an access token',
    )
    expect(() => checkPresentedClaims({ typ: 'dpop+jwt' }, claims, checks)).toThrow(
      'the header typ is "dpop+jwt", not that of an access token',
    )
  })

  it('rejects a token whose algorithm is not allowed, even if everything else is valid', async () => {
    expect(await outcome(await sign(claims), { algorithms: ['RS256'] })).toMatch(/^other: .*not allowed/)
    expect(await outcome(await sign(claims), { algorithms: [] })).toMatch(/^other: .*not allowed/)
  })

  it('reports only the invalid signature, even if the expiry, audience or issuer is invalid too', async () => {
    for (const change of [{ exp: 1 }, { aud: 'accounts' }, { iss: 'x' }]) {
      expect(await outcome(await sign({ ...claims, ...change }, {}, foreign))).toMatch(
        /^other: .*signature verification failed/,
      )
    }
  })
})

describe('the keys for a presented token', () => {
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
  ])('does not fetch keys for %j, which is not a canonical JWT', async (token) => {
    expect(await outcome(token)).toBe('other: the token is not a canonically encoded JWT')
    expect(fetches).toBe(0)
  })

  it.each<[what: string, header: object, by: () => CryptoKey, change: object, times: number]>([
    ['a valid token', {}, () => key, {}, 1],
    ['a valid token without kid', { kid: undefined }, () => key, {}, 1],
    ['a token with an unknown kid', { kid: 'new' }, () => key, {}, 2],
    ['a token without kid that no key fits', { kid: undefined }, () => foreign, {}, 2],
    ['a forged token with a known kid', {}, () => foreign, {}, 1],
    ['an expired token', {}, () => key, { exp: 1 }, 1],
    ['an expired token without kid', { kid: undefined }, () => key, { exp: 1 }, 1],
    ['a token for another audience', {}, () => key, { aud: 'x' }, 1],
    ['an ID token', {}, () => key, { typ: 'ID' }, 1],
  ])('fetches the keys a second time for %s only if a new key could help', async (_what, header, by, change, times) => {
    await outcome(await sign({ ...claims, ...change }, header, by()))
    expect(fetches).toBe(times)
  })

  it('uses the keys of the second fetch, whose result is final', async () => {
    const sets = [{ keys: [] }, { keys: [jwk] }]
    const later = (): Keys => listKeys(() => sets[Math.min(fetches, 2) - 1])
    expect(await outcome(await sign(claims), {}, later())).toBe('good')
    fetches = 0
    expect(await outcome(await sign({ ...claims, exp: 1 }), {}, later())).toMatch(/^expired: /)
    fetches = 0
    expect(await outcome(await sign(claims, {}, foreign), {}, later())).toMatch(/^other: .*verification failed/)
  })

  it('throws an OidcError, not TokenRejected, if the keys cannot be fetched', async () => {
    const down = listKeys(() => {
      throw providerUnavailable('down')
    })
    await expect(verifyPresentedToken(await sign(claims), down, checks)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    const downLater = listKeys(() => {
      if (fetches > 1) throw providerUnavailable('down')
      return { keys: [] }
    })
    await expect(verifyPresentedToken(await sign(claims), downLater, checks)).rejects.toBeInstanceOf(OidcError)
  })
})

describe('checkAudience()', () => {
  const fault = (aud: unknown, wanted: readonly string[]): unknown => {
    try {
      checkAudience({ aud }, wanted)
      return undefined
    } catch (error) {
      return error
    }
  }

  it.each([['orders'], [['orders']], [['a', 'orders']], [['orders', 'orders']]])(
    'accepts the aud %j for the audience orders',
    (aud) => {
      expect(fault(aud, ['orders'])).toBeUndefined()
      expect(fault(aud, ['x', 'orders'])).toBeUndefined()
    },
  )

  it.each([[undefined], [null], [5], [true], [{}], [[]], [['orders', 5]], [[['orders']]]])(
    'treats the aud %j as missing',
    (aud) => {
      expect(fault(aud, ['orders'])).toMatchObject({
        kind: 'audience',
        message: expect.stringMatching(/^aud is missing; expected/),
      })
    },
  )

  it('explains how to fix a token that is for another audience', () => {
    const error = fault(['accounts', 'x'], ['orders', 'https://api.example.com']) as TokenRejected
    expect(error.kind).toBe('audience')
    expect(error.message).toMatch(
      /^aud is \["accounts","x"\]; expected "orders" or "https:\/\/api.example.com"\. .*Keycloak with an Audience mapper/,
    )
  })

  it('limits the length of the message about the audience', () => {
    const error = fault(Array(1000).fill('accounts'), ['orders']) as TokenRejected
    expect(error.message.length).toBeLessThan(700)
  })
})

describe('checkAnsweredClaims()', () => {
  it.each<[token: string, change: object, isGood: boolean]>([
    ['opaque', {}, true],
    ['a.b.c', {}, false],
    ['a.b.c', { token_type: 'Bearer' }, false],
    ['a.b.c', { scope: 'openid' }, false],
    ['a.b.c', { scope: 'orders:read' }, true],
    ['opaque', { scope: 'openid' }, true],
    ['opaque', { nonce: 'n' }, false],
  ])('for the token %s of the client itself, accepts a response with %j: %s', (token, change, isGood) => {
    const check = (): void =>
      checkAnsweredClaims(token, { aud: 'orders', ...change }, { ...checks, clientId: 'orders' })
    if (isGood) expect(check).not.toThrow()
    else expect(check).toThrow(TokenRejected)
  })

  const fault = (change: object): unknown => {
    try {
      checkAnsweredClaims('opaque', { aud: 'orders', ...change }, checks)
      return undefined
    } catch (error) {
      return `${(error as TokenRejected).kind}: ${(error as TokenRejected).message}`
    }
  }

  it.each<[object, unknown]>([
    [{}, undefined],
    [{ iss: issuer, sub: 'alice', exp: now + 1, iat: now, nbf: now, token_type: 'Bearer' }, undefined],
    [{ token_type: 'access_token' }, undefined],
    [{ token_type: 'refresh_token' }, 'other: introspection: token_type is not that of an access token'],
    [{ token_type: 5 }, 'other: introspection: token_type is not that of an access token'],
    [{ exp: now - 29 }, undefined],
    [{ exp: now - 30 }, 'expired: introspection: the token has expired'],
    [{ exp: 'soon' }, 'other: exp is not a time'],
    [{ nbf: now + 30 }, undefined],
    [{ nbf: now + 31 }, 'other: nbf is in the future'],
    [{ nbf: 'now' }, 'other: nbf is in the future'],
    [{ iss: 'https://evil.example' }, 'other: iss is not the expected issuer'],
    [{ sub: '' }, 'other: sub is not a valid subject'],
    [{ aud: 'accounts' }, expect.stringMatching(/^audience: /)],
    [{ events: {} }, 'other: events is a claim of logout tokens'],
  ])('for an introspection response with %j, the fault is %s', (change, expected) => {
    expect(fault(change)).toEqual(expected)
  })
})
