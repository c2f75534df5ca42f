import { describe, expect, it } from 'vitest'
import { nowSeconds } from '../../../lib/core/clock.ts'
import { checkMaxAge, findStaleness, ReturnedLate } from '../../../lib/logins/login/max-age.ts'
import type { StartedLogin } from '../../../lib/session/login-in-progress.ts'
import { catchError } from '../../support/flow.ts'
import { instanceWith } from '../support/stage.ts'

const instance = instanceWith({ clockToleranceSeconds: 30 })

function fault(authTime: unknown, maxAge: string | undefined = '60', ago = 100): string | undefined {
  const startedAt = nowSeconds() - ago + 0.5
  const parameters = maxAge === undefined ? {} : { max_age: maxAge }
  return findStaleness(instance, { startedAt, scope: [], parameters }, authTime)
}

describe('auth_time of a login with max_age', () => {
  it('auth_time may precede the beginning of the login by max_age and the clock tolerance', () => {
    const begun = nowSeconds() - 100
    expect(fault(begun)).toBeUndefined()
    expect(fault(begun - 90)).toBeUndefined()
    expect(fault(begun - 91)).toBe('auth_time is older than max_age permits')
    expect(fault(begun - 30, '0')).toBeUndefined()
    expect(fault(begun - 31, '0')).toBe('auth_time is older than max_age permits')
  })

  it.each([undefined, null, '1800000000', [1_800_000_000]])('an auth_time of %j counts as missing', (authTime) => {
    expect(fault(authTime)).toBe('auth_time is missing, although max_age was requested')
  })

  it('auth_time must not be in the future', () => {
    expect(fault(nowSeconds() + 30)).toBeUndefined()
    expect(fault(nowSeconds() + 32)).toBe('auth_time is in the future, so max_age cannot be checked')
  })

  it('auth_time is ignored if no max_age was requested', () => {
    const none: StartedLogin = { startedAt: nowSeconds(), scope: [], parameters: {} }
    for (const authTime of [undefined, 1, 'x']) expect(findStaleness(instance, none, authTime)).toBeUndefined()
  })
})

describe('an authorization response with max_age that is used late', () => {
  function use(age: unknown, maxAge: string | undefined, ago = 800): void {
    const parameters = maxAge === undefined ? {} : { max_age: maxAge }
    const authTime = typeof age === 'number' ? nowSeconds() - age : age
    checkMaxAge(instance, { startedAt: nowSeconds() - ago, scope: [], parameters }, authTime)
  }

  it.each([
    ['0', 90],
    ['60', 90],
    ['600', 630],
    ['0.5', 90],
    [undefined, 10_000],
  ])('max_age %s permits an authentication of at most %i s ago, with the clock tolerance', (maxAge, age) => {
    expect(() => use(age, maxAge)).not.toThrow()
    if (maxAge !== undefined) expect(() => use(age + 1, maxAge)).toThrow(ReturnedLate)
  })

  it('a response that the provider answers wrongly is invalid, not late', () => {
    for (const age of [831, undefined, null, -31, Infinity]) {
      expect([age, catchError(() => use(age, '0'))]).toMatchObject([age, { code: 'token_invalid' }])
    }
  })
})
