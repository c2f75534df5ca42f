import { describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { listResources, recordRequest, wasRequestedRecently } from '../../lib/session/step-up-history.ts'
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
