import { describe, expect, it } from 'vitest'
import type { TokenSet } from '../../lib/config/claims.ts'
import { sealsOf } from '../../lib/core/seals.ts'
import { openTokens, sealTokens, tokenSetOf, type KeptTokens } from '../../lib/store/tokens.ts'

const secret = 'a secret of more than thirty-two characters'
const another = 'another secret, of more than thirty-two characters'
const { tokens: sealer } = sealsOf({ secrets: [secret], owner: 'owner' })
const tokens: TokenSet = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: undefined,
  expiresAt: 1_900_000_000,
  refreshToken: 'refresh-token',
  idToken: 'id-token',
  scope: ['openid', 'profile'],
}

describe('the tokens of a login', () => {
  it('open as they were, and cannot be changed', () => {
    const opened = openTokens(sealer, sealTokens(sealer, tokens, 'login-1'), 'login-1')
    expect(opened).toEqual(tokens)
    expect(Object.isFrozen(opened)).toBe(true)
  })

  it('have the same members where the provider gave no refresh token and no end', () => {
    const few = { ...tokens, refreshToken: undefined, expiresAt: undefined }
    const opened = openTokens(sealer, sealTokens(sealer, few, 'login-1'), 'login-1')
    expect(opened).toEqual(few)
    const full = openTokens(sealer, sealTokens(sealer, tokens, 'login-1'), 'login-1')
    expect(Object.keys(opened as object)).toEqual(Object.keys(full as object))
  })

  it('are nowhere in what is stored', { meta: { id: 'vault-1' } }, () => {
    const sealed = sealTokens(sealer, tokens, 'login-1')
    const stored = sealed + Buffer.from(sealed, 'base64url').toString('latin1')
    for (const token of ['access-token', 'refresh-token', 'id-token']) expect(stored).not.toContain(token)
  })

  it('open with the others of the login and with its key, which the application is not shown', () => {
    const { refreshToken: _refreshToken, idToken: _idToken, ...other } = tokens
    const kept = { ...tokens, others: { other }, dpopKey: 'private-key' }
    const sealed = sealTokens(sealer, kept, 'login-1')
    expect(sealed + Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('private-key')
    const opened = openTokens(sealer, sealed, 'login-1') as KeptTokens
    expect(opened).toEqual(kept)
    expect(tokenSetOf(opened)).toStrictEqual(tokens)
  })

  it('open for their own login and instance alone', () => {
    const sealed = sealTokens(sealer, tokens, 'login-1')
    expect(openTokens(sealer, sealed, 'login-2')).toBeUndefined()
    expect(openTokens(sealsOf({ secrets: [secret], owner: 'other' }).tokens, sealed, 'login-1')).toBeUndefined()
  })

  it('are unreadable, rather than a fault, where they were sealed otherwise', () => {
    const other = sealsOf({ secrets: [another], owner: 'owner' }).tokens
    expect(openTokens(sealer, sealTokens(other, tokens, 'login-1'), 'login-1')).toBeUndefined()
    for (const garbage of ['', 'garbage', '{"accessToken":"x"}', 'A'.repeat(200)]) {
      expect(openTokens(sealer, garbage, 'login-1')).toBeUndefined()
    }
  })

  it('of a newer version are left alone', { meta: { id: 'vault-2' } }, () => {
    const newer = sealer.seal(JSON.stringify({ format: 2, ...tokens }), 'login-1')
    expect(openTokens(sealer, newer, 'login-1')).toBeUndefined()
  })

  it('outlive a change of the secret, while the former one is on the list', { meta: { id: 'vault-3' } }, () => {
    const rotated = sealsOf({ secrets: [another, secret], owner: 'owner' }).tokens
    expect(openTokens(rotated, sealTokens(sealer, tokens, 'login-1'), 'login-1')).toEqual(tokens)
  })
})
