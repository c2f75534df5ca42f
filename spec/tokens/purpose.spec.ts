import { describe, expect, it } from 'vitest'
import { purposeFault } from '../../lib/tokens/purpose.ts'

const scoped = { scope: 'orders:read' }

describe('purposeFault()', () => {
  it.each([[undefined], ['JWT'], ['jwt'], ['at+jwt'], ['AT+JWT'], ['application/at+jwt'], ['APPLICATION/JWT']])(
    'accepts a token with the header typ %j as an access token',
    (typ) => {
      expect(purposeFault({ typ }, scoped)).toBeUndefined()
    },
  )

  it.each([
    ['logout+jwt', 'logout+jwt'],
    ['Application/DPoP+JWT', 'dpop+jwt'],
    ['', ''],
    ['jwt ', 'jwt '],
    ['application/application/jwt', 'application/jwt'],
    ['x-application/jwt', 'x-application/jwt'],
    ['at+jwt;x=y', 'at+jwt;x=y'],
    ['a"b', 'a\\"b'],
    ['x'.repeat(60), 'x'.repeat(50)],
    [null, 'not a string'],
    [5, 'not a string'],
    [['JWT'], 'not a string'],
  ])('rejects a token with the header typ %j', (typ, told) => {
    expect(purposeFault({ typ }, scoped)).toBe(`the header typ is "${told}", not that of an access token`)
  })

  it.each([['Bearer'], ['bearer'], ['DPoP'], ['JWT'], ['at+jwt'], ['access_token'], ['application/at+jwt']])(
    'accepts a token with the claim typ %j as an access token',
    (typ) => {
      expect(purposeFault({ typ: 'JWT' }, { typ })).toBeUndefined()
    },
  )

  it.each([
    ['ID', 'id'],
    ['Refresh', 'refresh'],
    ['Offline', 'offline'],
    ['Logout', 'logout'],
    ['', ''],
    [null, 'not a string'],
    [['Bearer'], 'not a string'],
  ])('rejects a token with the claim typ %j', (typ, told) => {
    for (const header of [{}, { typ: 'JWT' }, { typ: 'at+jwt' }])
      expect(purposeFault(header, { ...scoped, typ })).toBe(`the claim typ is "${told}", not that of an access token`)
  })

  it.each([
    [{ events: {} }, 'events is a claim of logout tokens'],
    [{ events: null }, 'events is a claim of logout tokens'],
    [{ htm: 'GET' }, 'htm and htu are claims of DPoP proofs'],
    [{ htu: '' }, 'htm and htu are claims of DPoP proofs'],
  ])('rejects a token with the claims %j, whatever its header typ', (claims, told) => {
    for (const typ of [undefined, 'JWT', 'at+jwt']) expect(purposeFault({ typ }, { ...scoped, ...claims })).toBe(told)
  })

  it.each(['at_hash', 'c_hash', 's_hash'])('accepts a token with %s only if its header typ is at+jwt', (name) => {
    for (const claims of [{ [name]: 'x' }, { ...scoped, [name]: null }]) {
      for (const typ of [undefined, 'JWT'])
        expect(purposeFault({ typ }, claims)).toBe(`${name} is a claim of ID tokens`)
      expect(purposeFault({ typ: 'Application/AT+JWT' }, claims)).toBeUndefined()
    }
  })

  it('accepts login claims for the client itself only with a scope or an access token type', () => {
    const idToken = { aud: 'web', azp: 'web', auth_time: 1 }
    const told = 'auth_time without a scope, with the client as audience, marks an ID token'
    expect(purposeFault({ typ: 'JWT' }, idToken)).toBe(told)
    expect(purposeFault({}, { ...idToken, aud: ['api', 'web'] })).toBe(told)
    expect(purposeFault({}, { aud: 'web', azp: 'web', amr: [] })).toContain('amr without a scope')
    expect(purposeFault({}, { aud: 'web', azp: 'web', acr: '1' })).toContain('acr without a scope')
    expect(purposeFault({}, { aud: 'web', azp: 'web' })).toBeUndefined()
    expect(purposeFault({}, { ...idToken, aud: 'orders' })).toBeUndefined()
    expect(purposeFault({}, { aud: undefined, auth_time: 1 })).toBeUndefined()
    expect(purposeFault({ typ: 'at+jwt' }, idToken)).toBeUndefined()
    for (const claims of [{ scope: '' }, { scp: 'a' }, { typ: 'Bearer' }]) {
      expect(purposeFault({}, { ...idToken, ...claims })).toBeUndefined()
    }
  })

  it('rejects a token with a code claim as an authorization response', () => {
    expect(purposeFault({}, { aud: 'web', code: 'c', state: 's' })).toBe('code is a claim of authorization responses')
  })

  it('accepts a token with a nonce only with a scope or an access token type', () => {
    const told = 'nonce without a scope marks an ID token'
    expect(purposeFault({}, { nonce: 'n' })).toBe(told)
    expect(purposeFault({ typ: 'JWT' }, { nonce: '' })).toBe(told)
    expect(purposeFault({ typ: 'at+jwt' }, { nonce: 'n' })).toBeUndefined()
    for (const claims of [{ scope: '' }, { scp: 'x' }, { scp: [] }, { typ: 'Bearer' }])
      expect(purposeFault({}, { nonce: 'n', ...claims })).toBeUndefined()
  })

  it('accepts a token with an empty header and no claims', () => {
    expect(purposeFault({}, {})).toBeUndefined()
  })
})
