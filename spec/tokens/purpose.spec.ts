import { describe, expect, it } from 'vitest'
import { findPurposeFault } from '../../lib/tokens/purpose.ts'

const scoped = { scope: 'orders:read' }

describe('findPurposeFault()', () => {
  it.each([[undefined], ['JWT'], ['jwt'], ['at+jwt'], ['AT+JWT'], ['application/at+jwt'], ['APPLICATION/JWT']])(
    'accepts a token with the header typ %j as an access token',
    (typ) => {
      expect(findPurposeFault({ typ }, scoped)).toBeUndefined()
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
  ])('rejects a token with the header typ %j', (typ, reported) => {
    expect(findPurposeFault({ typ }, scoped)).toBe(`the header typ is "${reported}", not that of an access token`)
  })

  it.each([['Bearer'], ['bearer'], ['DPoP'], ['JWT'], ['at+jwt'], ['access_token'], ['application/at+jwt']])(
    'accepts a token with the claim typ %j as an access token',
    (typ) => {
      expect(findPurposeFault({ typ: 'JWT' }, { typ })).toBeUndefined()
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
  ])('rejects a token with the claim typ %j', (typ, reported) => {
    for (const header of [{}, { typ: 'JWT' }, { typ: 'at+jwt' }])
      expect(findPurposeFault(header, { ...scoped, typ })).toBe(
        `the claim typ is "${reported}", not that of an access token`,
      )
  })

  it.each([
    [{ events: {} }, 'events is a claim of logout tokens'],
    [{ events: null }, 'events is a claim of logout tokens'],
    [{ htm: 'GET' }, 'htm and htu are claims of DPoP proofs'],
    [{ htu: '' }, 'htm and htu are claims of DPoP proofs'],
  ])('rejects a token with the claims %j, whatever its header typ', (claims, reported) => {
    for (const typ of [undefined, 'JWT', 'at+jwt'])
      expect(findPurposeFault({ typ }, { ...scoped, ...claims })).toBe(reported)
  })

  it.each(['at_hash', 'c_hash', 's_hash'])('accepts a token with %s only if its header typ is at+jwt', (name) => {
    for (const claims of [{ [name]: 'x' }, { ...scoped, [name]: null }]) {
      for (const typ of [undefined, 'JWT'])
        expect(findPurposeFault({ typ }, claims)).toBe(`${name} is a claim of ID tokens`)
      expect(findPurposeFault({ typ: 'Application/AT+JWT' }, claims)).toBeUndefined()
    }
  })

  it('accepts a token for the client itself only with a scope or an access token type', () => {
    const idToken = { aud: 'web', azp: 'web' }
    const reported = expect.stringMatching(
      /^the audience is the client itself, and nothing marks the token as an access/,
    )
    for (const header of [{}, { typ: 'JWT' }]) {
      expect(findPurposeFault(header, idToken)).toEqual(reported)
      expect(findPurposeFault(header, { ...idToken, aud: ['api', 'web'] })).toEqual(reported)
      expect(findPurposeFault(header, { aud: 'web', client_id: 'web' })).toEqual(reported)
      expect(findPurposeFault(header, { aud: 'web', azp: 'spa', client_id: 'web' })).toEqual(reported)
      expect(findPurposeFault(header, { aud: 'web' }, { clientId: 'web' })).toEqual(reported)
      expect(findPurposeFault(header, { aud: 'web', azp: 'spa' }, { clientId: 'web' })).toEqual(reported)
      for (const claims of [{ typ: 'JWT' }, { scope: null }, { scp: 5 }])
        expect(findPurposeFault(header, { ...idToken, ...claims })).toEqual(reported)
    }
    expect(findPurposeFault({ typ: 'at+jwt' }, idToken, { clientId: 'web' })).toBeUndefined()
    expect(findPurposeFault({}, idToken, { clientId: 'web', isAccessToken: true })).toBeUndefined()
    for (const claims of [
      { scope: 'openid a' },
      { scp: 'a' },
      { scp: ['openid', 'a'] },
      { typ: 'Bearer' },
      { typ: 'DPoP' },
    ]) {
      expect(findPurposeFault({}, { ...idToken, auth_time: 1, ...claims }, { clientId: 'web' })).toBeUndefined()
    }
    for (const claims of [{ scope: '' }, { scope: 'openid' }, { scp: [] }, { scp: ['openid', '', 5] }, { scope: ' ' }])
      expect(findPurposeFault({}, { ...idToken, ...claims })).toEqual(reported)
  })

  it('rejects a token for the client itself that has a nonce or a code, whatever its scope', () => {
    for (const scope of ['orders', ['openid', 'orders']]) {
      expect(findPurposeFault({}, { aud: 'web', azp: 'web', nonce: 'n', scope })).toBe(
        'nonce in a token for the client itself marks an ID token',
      )
      expect(findPurposeFault({}, { aud: ['web'], code: 'c', scope }, { clientId: 'web' })).toBe(
        'code is a claim of authorization responses',
      )
      expect(findPurposeFault({}, { aud: 'orders', azp: 'web', nonce: 'n', scope })).toBeUndefined()
    }
    expect(findPurposeFault({}, { aud: 'web', azp: 'web', nonce: 'n', typ: 'Bearer' })).toBeUndefined()
  })

  it('rejects the ID token of Cloud Foundry UAA, which has the scope openid', () => {
    const uaa = {
      aud: ['web'],
      azp: 'web',
      scope: ['openid'],
      client_id: 'web',
      cid: 'web',
      jti: 'j',
      email: 'a@b.test',
    }
    for (const claims of [{}, { nonce: 'n' }, { auth_time: 1, amr: ['pwd'] }])
      for (const hints of [{}, { clientId: 'web' }])
        expect(findPurposeFault({}, { ...uaa, ...claims }, hints)).toEqual(expect.any(String))
  })

  it('accepts a token that a client got for itself, as of Spring Authorization Server', () => {
    const token = { sub: 'web', aud: ['web'], jti: 'j', nbf: 1 }
    expect(findPurposeFault({}, token, { clientId: 'web' })).toBeUndefined()
    expect(findPurposeFault({}, { ...token, client_id: 'web' })).toBeUndefined()
    const marks = ['azp', 'auth_time', 'acr', 'amr', 'sid', 'name', 'email', 'preferred_username', 'nonce']
    for (const name of marks) {
      const value = name === 'azp' ? 'web' : 'x'
      expect(findPurposeFault({}, { ...token, [name]: value }, { clientId: 'web' })).toEqual(expect.any(String))
    }
    expect(findPurposeFault({}, { ...token, sub: 'alice' }, { clientId: 'web' })).toEqual(expect.any(String))
    expect(findPurposeFault({}, { ...token, client_id: 'spa' }, { clientId: 'web' })).toEqual(expect.any(String))
  })

  it('accepts a token for an API and the client that names the client in client_id only, as of ZITADEL', () => {
    const token = { sub: 'alice', aud: ['web', 'orders'], client_id: 'web', jti: 'j' }
    for (const hints of [{}, { clientId: 'web' }]) expect(findPurposeFault({}, token, hints)).toBeUndefined()
    for (const change of [
      { azp: 'web' },
      { auth_time: 1 },
      { nonce: 'n' },
      { jti: undefined },
      { aud: ['web'] },
      { aud: 'web' },
      { client_id: undefined },
    ])
      expect(findPurposeFault({}, { ...token, ...change }, { clientId: 'web' })).toEqual(expect.any(String))
  })

  it('accepts amr without a scope and without a client unless it is that of an ID token', () => {
    const token = { aud: 'authenticated', role: 'authenticated', aal: 'aal1', session_id: 's' }
    expect(findPurposeFault({}, { ...token, amr: [{ method: 'password', timestamp: 1 }] })).toBeUndefined()
    for (const amr of [['pwd'], [], 'pwd', [{ method: 'password' }, 'otp'], null])
      expect(findPurposeFault({}, { ...token, amr })).toMatch(/^amr without a scope/)
  })

  it.each([
    { aud: 'orders', azp: 'web' },
    { aud: 'orders' },
    { aud: undefined },
    { aud: null, azp: null },
    { aud: ['a', 5, null] },
    {},
  ])('accepts the token %j, whose audience is not the client itself', (claims) => {
    expect(findPurposeFault({}, claims)).toBeUndefined()
    expect(findPurposeFault({}, claims, { clientId: 'web' })).toBeUndefined()
    expect(findPurposeFault({}, claims, { clientId: undefined })).toBeUndefined()
  })

  it.each(['auth_time', 'acr', 'amr', 'sid'])(
    'accepts %s without a scope only if the token names another client',
    (name) => {
      const reported = `${name} without a scope and without a client (azp, client_id) marks an ID token. Have the provider add one of them, or the header typ at+jwt`
      for (const claims of [{}, { azp: null }, { azp: 5, client_id: ['web'] }])
        expect(findPurposeFault({}, { aud: 'orders', [name]: 1, ...claims })).toBe(reported)
      for (const claims of [{ azp: 'web' }, { client_id: 'web' }, { scope: '' }, { typ: 'Bearer' }])
        expect(findPurposeFault({}, { aud: 'orders', [name]: 1, ...claims })).toBeUndefined()
      expect(findPurposeFault({}, { aud: 'orders', [name]: 1 }, { isAccessToken: true })).toBeUndefined()
    },
  )

  it('rejects a token with a code claim as an authorization response', () => {
    expect(findPurposeFault({}, { aud: 'web', code: 'c', state: 's' })).toBe(
      'code is a claim of authorization responses',
    )
  })

  it('accepts a token with a nonce only with a scope or an access token type', () => {
    const reported = 'nonce without a scope marks an ID token'
    expect(findPurposeFault({}, { nonce: 'n' })).toBe(reported)
    expect(findPurposeFault({ typ: 'JWT' }, { nonce: '' })).toBe(reported)
    expect(findPurposeFault({}, { nonce: 'n', typ: 'JWT' })).toBe(reported)
    expect(findPurposeFault({ typ: 'at+jwt' }, { nonce: 'n' })).toBeUndefined()
    for (const claims of [{ scope: '' }, { scp: 'x' }, { scp: [] }, { typ: 'Bearer' }])
      expect(findPurposeFault({}, { nonce: 'n', ...claims })).toBeUndefined()
  })

  it('accepts a token with an empty header and no claims', () => {
    expect(findPurposeFault({}, {})).toBeUndefined()
  })
})
