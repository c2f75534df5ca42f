import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OidcUnknownClaims } from '../../../lib/config/claims.ts'
import { FailureLog } from '../../../lib/core/failure-log.ts'
import { limitClaims } from '../../../lib/logins/login/limit-claims.ts'
import { runs } from '../../support/depth.ts'
import { recordLog } from '../../support/log.ts'
import { warningsOfSpecs } from '../../support/warnings.ts'

const most = 64 * 1024
const warnings = warningsOfSpecs()

const limited = (user: OidcUnknownClaims, log = new FailureLog('default', recordLog)): OidcUnknownClaims =>
  limitClaims(user, JSON.stringify(user), log)
const size = (user: object): number => Buffer.byteLength(JSON.stringify(user))

/** Claims whose JSON has this many bytes. */
function sized(bytes: number): OidcUnknownClaims {
  const user = { iss: 'i', sub: 's', picture: '' }
  return { ...user, picture: 'x'.repeat(bytes - size(user)) }
}

describe('limitClaims()', () => {
  it('returns claims of up to 64 kB unchanged, and counts bytes instead of characters', async () => {
    const fitting = sized(most)
    expect(limited(fitting)).toBe(fitting)
    expect(limited(sized(most + 1))).toEqual({ iss: 'i', sub: 's' })
    const wide = { iss: 'i', sub: 's', name: '\u20ac'.repeat(30_000) }
    expect(limited(wide)).toEqual({ iss: 'i', sub: 's' })
  })

  it('drops no more claims than necessary, the largest first', () => {
    const [a, b, c] = [40_000, 30_000, 20_000].map((length) => 'x'.repeat(length))
    expect(limited({ iss: 'i', sub: 's', c, a, b })).toEqual({ iss: 'i', sub: 's', b, c })
  })

  it('keeps the claims that the package reads, among any number of others', () => {
    const own = {
      iss: 'https://id.example.com',
      sub: 's'.repeat(255),
      acr: 'a'.repeat(900),
      auth_time: 1_800_000_000,
      login_hint: 'h'.repeat(500),
      preferred_username: 'alice',
      email: 'alice@example.com',
    }
    const others = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`c${index}`, 1]))
    const user = limited({ ...others, ...own })
    expect(user).toMatchObject(own)
    expect(size(user)).toBeLessThanOrEqual(most)
    expect(size(user)).toBeGreaterThan(most - 100)
  })

  it('drops claims that the package reads if they are large, but never iss and sub', () => {
    const large = 'x'.repeat(100_000)
    const names = ['acr', 'auth_time', 'login_hint', 'preferred_username', 'email']
    const user = { iss: 'i', sub: 's', ...Object.fromEntries(names.map((name) => [name, large])) }
    expect(limited(user)).toEqual({ iss: 'i', sub: 's' })
    expect(limited({ ...user, iss: large, sub: large })).toEqual({ iss: large, sub: large })
  })

  it('names at most ten claims in one warning for each instance, and none of their values', async () => {
    const user = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`claim-${index}`, 'v'.repeat(70_000 + index)]),
    )
    const log = new FailureLog('default', recordLog)
    limited(user, log)
    limited(user, log)
    limited(sized(100_000))
    expect(warnings.map(({ code }) => code)).toEqual(['OIDC_CLAIMS_DROPPED', 'OIDC_CLAIMS_DROPPED'])
    expect(warnings[0]?.message).toMatch(
      /^the user of a login has 821 kB of claims, .* "claim-11", .*"claim-2" and 2 more; have the provider send fewer or smaller claims in the ID token and userinfo$/,
    )
    expect(warnings[0]?.message).not.toContain('vvv')
    expect(warnings[1]?.message).toContain('"picture"; have')
  })

  it('cuts long names, and escapes invisible characters in them', async () => {
    limited({ iss: 'i', sub: 's', ['\u202e\n' + 'n'.repeat(100_000)]: 'x' })
    expect(warnings[0]?.message.length).toBeLessThan(600)
    expect(warnings[0]?.message).not.toMatch(/[\u202e\n]/)
  })

  it('ignores values that JSON leaves out, and keeps claims with names such as __proto__ apart', () => {
    const user = limited({ iss: 'i', sub: 's', big: 'x'.repeat(most), run: () => 1, ['constructor']: 'c' })
    expect(Object.keys(user)).toEqual(['iss', 'sub', 'run', 'constructor'])
  })

  it('has a result of at most 64 kB for any claims, and changes none', () => {
    const text = '\u00e9"\u{1F511}\n'
    const claim = fc.record({ name: fc.string(), times: fc.nat(12_000), isList: fc.boolean() })
    fc.assert(
      fc.property(fc.uniqueArray(claim, { maxLength: 12, selector: ({ name }) => name }), (claims) => {
        const others = claims.map(({ name, times, isList }) => {
          const value = text.repeat(times)
          return [name, isList ? [value, null] : value]
        })
        const user = { ...(Object.fromEntries(others) as OidcUnknownClaims), iss: 'i', sub: 's' }
        const result = limited(user)
        const isSame = Object.keys(result).every((name) => result[name] === (user as OidcUnknownClaims)[name])
        return isSame && size(result) <= most && (size(user) > most || result === user)
      }),
      { numRuns: runs(50) },
    )
  })
})
