import { describe, expect, it } from 'vitest'
import type { OidcTokenSet } from '../../lib/config/claims.ts'
import { deriveSeals } from '../../lib/core/seals.ts'
import { openTokens, sealTokens, toTokenSet, type StoredTokens } from '../../lib/store/tokens.ts'

const secret = 'a secret of more than thirty-two characters'
const another = 'another secret, of more than thirty-two characters'
const { tokens: sealer } = deriveSeals({ secrets: [secret], owner: 'owner' })
const tokens: OidcTokenSet = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: 1_800_000_000,
  expiresAt: 1_900_000_000,
  refreshToken: 'refresh-token',
  idToken: 'id-token',
  scope: ['openid', 'profile'],
}

describe('sealTokens() and openTokens()', () => {
  it('returns the tokens as they were sealed, and frozen', () => {
    const opened = openTokens(sealer, sealTokens(sealer, tokens, 'login-1'), 'login-1')
    expect(opened).toEqual(tokens)
    expect(Object.isFrozen(opened)).toBe(true)
  })

  it('returns the same members if there is no refresh token and no expiry', () => {
    const few = { ...tokens, refreshToken: undefined, expiresAt: undefined }
    const opened = openTokens(sealer, sealTokens(sealer, few, 'login-1'), 'login-1')
    expect(opened).toEqual(few)
    const full = openTokens(sealer, sealTokens(sealer, tokens, 'login-1'), 'login-1')
    expect(Object.keys(opened as object)).toEqual(Object.keys(full as object))
  })

  it('stores no token in clear', { meta: { id: 'vault-1' } }, () => {
    const sealed = sealTokens(sealer, tokens, 'login-1')
    const stored = sealed + Buffer.from(sealed, 'base64url').toString('latin1')
    for (const token of ['access-token', 'refresh-token', 'id-token']) expect(stored).not.toContain(token)
  })

  it('keeps additional tokens and the DPoP key, which the application does not get', () => {
    const { refreshToken: _refreshToken, idToken: _idToken, ...other } = tokens
    const stored = { ...tokens, additional: { other }, dpopKey: 'private-key' }
    const sealed = sealTokens(sealer, stored, 'login-1')
    expect(sealed + Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('private-key')
    const opened = openTokens(sealer, sealed, 'login-1') as StoredTokens
    expect(opened).toEqual(stored)
    expect(toTokenSet(opened)).toStrictEqual(tokens)
  })

  it('opens tokens only for their own login and instance', () => {
    const sealed = sealTokens(sealer, tokens, 'login-1')
    expect(openTokens(sealer, sealed, 'login-2')).toBeUndefined()
    expect(openTokens(deriveSeals({ secrets: [secret], owner: 'other' }).tokens, sealed, 'login-1')).toBeUndefined()
  })

  it('returns undefined rather than throwing for tokens under another secret and for garbage', () => {
    const other = deriveSeals({ secrets: [another], owner: 'owner' }).tokens
    expect(openTokens(sealer, sealTokens(other, tokens, 'login-1'), 'login-1')).toBeUndefined()
    for (const garbage of ['', 'garbage', '{"accessToken":"x"}', 'A'.repeat(200)]) {
      expect(openTokens(sealer, garbage, 'login-1')).toBeUndefined()
    }
  })

  it('does not open tokens of a newer version', { meta: { id: 'vault-2' } }, () => {
    const newer = sealer.seal(JSON.stringify({ format: 2, ...tokens }), 'login-1')
    expect(openTokens(sealer, newer, 'login-1')).toBeUndefined()
  })

  it(
    'opens tokens after a change of the secret while the former one is in the list',
    { meta: { id: 'vault-3' } },
    () => {
      const rotated = deriveSeals({ secrets: [another, secret], owner: 'owner' }).tokens
      expect(openTokens(rotated, sealTokens(sealer, tokens, 'login-1'), 'login-1')).toEqual(tokens)
    },
  )
})
