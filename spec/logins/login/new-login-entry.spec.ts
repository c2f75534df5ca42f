import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { OidcTokenSet } from '../../../lib/config/claims.ts'
import { nowSeconds } from '../../../lib/core/clock.ts'
import type { Identity } from '../../../lib/logins/login/identity.ts'
import { makeLoginEntry } from '../../../lib/logins/login/new-login-entry.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import type { StartedLogin } from '../../../lib/session/login-in-progress.ts'
import { instanceWith } from '../support/stage.ts'

const instance = instanceWith({ maxLoginSeconds: 7200, clockToleranceSeconds: 30 })
const issuer = 'https://id.example.com'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

function made(claims: object = {}, tokens: Partial<OidcTokenSet> = {}): LoginEntry {
  const login: StartedLogin = { startedAt: nowSeconds() - 5.25, scope: ['openid', 'requested'], parameters: {} }
  const identity: Identity = {
    claims: { iss: issuer, sub: 'alice', iat: nowSeconds(), ...claims },
    user: { iss: issuer, sub: 'alice', name: 'Alice' },
    roles: ['admin'],
    tokens: {
      accessToken: 'access-token',
      tokenType: 'bearer',
      obtainedAt: 1_800_000_000,
      expiresAt: undefined,
      refreshToken: undefined,
      idToken: 'id-token',
      scope: ['openid', 'granted'],
      ...tokens,
    },
  }
  return makeLoginEntry(instance, login, identity)
}

describe('the entry of a new login', () => {
  it('an entry has the user, the grant and the times of its login, and no claims that the provider omitted', () => {
    const now = nowSeconds()
    const entry = made()
    expect(entry).toStrictEqual({
      loginId: entry.loginId,
      owner: instance.owner,
      issuer,
      sub: 'alice',
      user: { iss: issuer, sub: 'alice', name: 'Alice' },
      roles: ['admin'],
      scope: ['openid', 'granted'],
      startedAt: now - 5.25,
      issuedAt: now,
      checkedAt: now,
      endsAt: now + 7200,
      requested: { at: now, scope: ['openid', 'requested'], parameters: {} },
    })
    expect(entry.loginId).toMatch(/^[\w-]{22}$/)
    expect(made().loginId).not.toBe(entry.loginId)
  })

  it('an entry has sid, acr, auth_time and the expiry of the access token if the provider sends them', () => {
    const now = nowSeconds()
    expect(made({ sid: 'sid-1', acr: 'urn:gold', auth_time: now - 60 }, { expiresAt: now + 300 })).toMatchObject({
      sid: 'sid-1',
      acr: 'urn:gold',
      authTime: now - 60,
      accessTokenEndsAt: now + 300,
    })
  })

  it.each([[5], [null], [['sid-1']], [{ a: 1 }], [true]])('an entry omits a sid and an acr of %j', (value) => {
    const entry = made({ sid: value, acr: value })
    expect(entry).not.toHaveProperty('sid')
    expect(entry).not.toHaveProperty('acr')
  })

  it('an entry has sid and acr independently of each other, even if they are empty', () => {
    expect(made({ sid: '', acr: 1 })).toMatchObject({ sid: '' })
    expect(made({ sid: 1, acr: '' })).toMatchObject({ acr: '' })
    expect(made({ sid: 'sid-1' })).not.toHaveProperty('acr')
    expect(made({ acr: '1' })).not.toHaveProperty('sid')
  })

  it.each([['1'], [null], [[1]], [true], [undefined]])('an entry omits an auth_time of %j', (value) => {
    expect(made({ auth_time: value })).not.toHaveProperty('authTime')
  })

  it('an entry omits an auth_time that is ahead by more than the clock tolerance', () => {
    const now = nowSeconds()
    expect(made({ auth_time: now + 30 })).toMatchObject({ authTime: now + 30 })
    expect(made({ auth_time: now + 31 })).not.toHaveProperty('authTime')
  })
})
