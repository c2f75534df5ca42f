import { describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import {
  findAuthTime,
  hasRequestedMaxAge,
  hasReturnedLate,
  listResources,
  recordRequest,
  wasRequestedRecently,
} from '../../lib/session/step-up-history.ts'
import { makeLoginEntry } from '../support/login-entries.ts'

const parameters = {
  acr_values: 'gold silver',
  max_age: '60',
  claims: '{"id_token":{}}',
  resource: 'https://a.example.com https://b.example.com',
}

describe('the request that a login remembers', () => {
  it('a login remembers the time, the scope and only the parameters that a step-up is compared with', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const request = { scope: ['openid', 'orders'], parameters: { ...parameters, prompt: 'login', ui_locales: 'fr' } }
    expect(recordRequest(request)).toEqual({ at: nowSeconds(), scope: ['openid', 'orders'], parameters })
  })

  it('a login remembers each of its resources', () => {
    const requested = recordRequest({ scope: [], parameters })
    expect(listResources(requested)).toEqual(['https://a.example.com', 'https://b.example.com'])
    expect(listResources(recordRequest({ scope: [], parameters: {} }))).toEqual([])
  })
})

describe('a step-up of a login', () => {
  const entry = makeLoginEntry('alice', { requested: recordRequest({ scope: ['openid', 'orders'], parameters }) })
  const asks = (scope: string[], wanted: Record<string, string> = {}): boolean =>
    wasRequestedRecently(entry, { scope, parameters: wanted })

  it.each<[string, string[], Record<string, string>]>([
    ['a scope', ['orders'], {}],
    ['every scope', ['orders', 'openid'], {}],
    ['an acr', [], { acr_values: 'gold silver' }],
    ['a max_age', [], { max_age: '60' }],
    ['all parameters at once', ['orders'], parameters],
    ['one of two resources', [], { resource: 'https://b.example.com' }],
    ['two resources in another order', [], { resource: 'https://b.example.com https://a.example.com' }],
  ])('a step-up for %s counts as requested recently', (_what, scope, wanted) => {
    expect(asks(scope, wanted)).toBe(true)
  })

  it.each<[string, string[], Record<string, string>]>([
    ['nothing at all', [], {}],
    ['another scope', ['mail'], {}],
    ['a requested scope and another', ['orders', 'mail'], {}],
    ['another acr', [], { acr_values: 'gold' }],
    ['the requested acr and another max_age', [], { acr_values: 'gold silver', max_age: '30' }],
    ['another resource', [], { resource: 'https://c.example.com' }],
    ['a requested resource and another', [], { resource: 'https://a.example.com https://c.example.com' }],
    ['a prefix of a requested resource', [], { resource: 'https://a' }],
    ['a parameter that was not requested', [], { login_hint: 'alice' }],
    ['a requested scope and another acr', ['orders'], { acr_values: 'bronze' }],
  ])('a step-up for %s does not count as requested recently', (_what, scope, wanted) => {
    expect(asks(scope, wanted)).toBe(false)
  })

  it('a step-up does not count as requested if the login requested no resource', () => {
    const plain = makeLoginEntry('alice', { requested: recordRequest({ scope: ['openid'], parameters: {} }) })
    expect(wasRequestedRecently(plain, { scope: [], parameters: { resource: 'https://a.example.com' } })).toBe(false)
  })

  it('a step-up can be requested again after five minutes', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: entry.requested.at * 1000 })
    vi.setSystemTime(Date.now() + 299_000)
    expect(asks(['orders'])).toBe(true)
    vi.setSystemTime(Date.now() + 1000)
    expect(asks(['orders'])).toBe(false)
  })
})

describe('a step-up for max_age', () => {
  const makeEntry = (maxAge: string | undefined, age: number | undefined): ReturnType<typeof makeLoginEntry> => {
    const requested = recordRequest({ scope: [], parameters: maxAge === undefined ? {} : { max_age: maxAge } })
    return makeLoginEntry('alice', { requested, ...(age !== undefined && { authTime: requested.at - age }) })
  }

  it('a login has requested a maximum age if it requested the same or a smaller one', () => {
    const { requested } = makeEntry('60', 0)
    expect([59, 60, 61].map((age) => hasRequestedMaxAge(requested, age))).toEqual([false, true, true])
    expect(hasRequestedMaxAge(makeEntry(undefined, 0).requested, 60)).toBe(false)
  })

  it.each<[string | undefined, number | undefined, number, boolean]>([
    ['0', 60, 0, false],
    ['0', 61, 0, true],
    ['60', 61, 60, true],
    ['60', 61, 59, false],
    ['600', 600, 600, false],
    ['600', 601, 600, true],
    ['0', 61, 600, false],
    ['0', undefined, 0, false],
    ['0', -30, 0, false],
    [undefined, 1000, 0, false],
  ])('a login that requested max_age %s, %s s after auth_time, is late for %i s: %s', (maxAge, age, rule, isLate) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const entry = makeEntry(maxAge, age)
    expect(hasReturnedLate(entry, rule)).toBe(isLate)
    vi.setSystemTime(Date.now() + 299_000)
    expect(hasReturnedLate(entry, rule)).toBe(isLate)
    vi.setSystemTime(Date.now() + 1000)
    expect(hasReturnedLate(entry, rule)).toBe(false)
  })

  it('an authentication counts as one of the login that brought it, whatever later time the provider states', () => {
    for (const [age, expected] of [
      [10, 10],
      [0, 0],
      [-30, 0],
      [undefined, undefined],
    ] as const) {
      const entry = makeEntry('60', age)
      const time = findAuthTime(entry)
      expect(time === undefined ? undefined : entry.requested.at - time).toBe(expected)
    }
  })

  it('a max_age can be requested again in time if the clock of the provider is ahead', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const entry = makeEntry('60', -200)
    vi.setSystemTime(Date.now() + 61_000)
    expect(wasRequestedRecently(entry, { scope: [], parameters: { max_age: '60' } })).toBe(false)
  })

  it('a max_age can be requested again once the authentication is older, and at least a minute old', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    for (const [maxAge, longest] of [
      ['0', 60],
      ['120', 120],
    ] as const) {
      const entry = makeEntry(maxAge, 10)
      const isRepeat = (): boolean => wasRequestedRecently(entry, { scope: [], parameters: { max_age: maxAge } })
      vi.setSystemTime(Date.now() + (longest - 10) * 1000)
      expect([maxAge, isRepeat()]).toEqual([maxAge, true])
      vi.setSystemTime(Date.now() + 1000)
      expect([maxAge, isRepeat()]).toEqual([maxAge, false])
    }
  })
})
