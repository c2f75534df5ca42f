import session, { MemoryStore } from 'express-session'
import { createOidc, type OidcOptions, type OidcRecords } from 'express-session-oidc'
import { describe, expect, it, vi } from 'vitest'
import { acceptedAlgorithms } from '../../lib/config/algorithms.ts'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { findFaults } from '../support/find-faults.ts'

const valid = {
  issuer: 'https://id.example.com',
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
} satisfies OidcOptions

function faults(options: Record<string, unknown>, without: readonly string[] = []): string[] {
  const given: Record<string, unknown> = { ...valid, ...options }
  for (const key of without) delete given[key]
  return findFaults(() => createOidc(given as unknown as OidcOptions))
}

const records: OidcRecords = {
  get: async () => undefined,
  set: async () => {},
  add: async () => true,
  replace: async () => true,
  getAndDelete: async () => undefined,
  delete: async () => {},
  addToSet: async () => {},
  members: async () => [],
  removeFromSet: async () => {},
}

describe('the options of createOidc()', () => {
  it(
    'requires only issuer, client, baseUrl and secret, and applies the documented defaults',
    { meta: { id: 'options-1' } },
    () => {
      expect(resolveOptions(valid)).toEqual({
        name: 'default',
        issuer: 'https://id.example.com',
        metadata: undefined,
        clientId: 'web',
        clientSecret: 'a client secret',
        clientAuth: 'client_secret_basic',
        origin: 'https://app.example.com',
        basePath: '',
        isLocal: false,
        routes: {
          login: '/login',
          callback: '/callback',
          logout: '/logout',
          backchannelLogout: '/backchannel-logout',
          frontchannelLogout: '/frontchannel-logout',
        },
        scope: ['openid', 'profile', 'email'],
        resource: [],
        secrets: [valid.secret],
        isSecretDerived: false,
        afterLogin: undefined,
        onError: undefined,
        log: undefined,
        loginPage: undefined,
        roles: undefined,
        userInfo: false,
        maxLoginSeconds: 28_800,
        recheckSeconds: 300,
        providerTimeoutSeconds: 5,
        clockToleranceSeconds: 30,
        idTokenSignedResponseAlg: undefined,
        logoutTokenType: 'optional',
        allowedOrigins: [],
        fetchOrigins: [],
        postLogoutRedirect: '/',
        logoutHint: true,
        responseMode: 'query',
        par: false,
        dpop: false,
        records: undefined,
        sessionStore: undefined,
        storeDevice: false,
        fetch: undefined,
        allowInsecureIssuer: false,
        bearer: {
          audience: [],
          algorithms: acceptedAlgorithms,
          cacheSeconds: 60,
          dpop: undefined,
          mtls: undefined,
          introspection: undefined,
        },
      })
    },
  )

  it('treats undefined as not given, except where that would weaken security', () => {
    const optional = {
      clientAuth: undefined,
      name: undefined,
      routes: undefined,
      scope: undefined,
      afterLogin: undefined,
      onError: undefined,
      log: undefined,
      loginPage: undefined,
      roles: undefined,
      userInfo: undefined,
      maxLoginSeconds: undefined,
      providerTimeoutSeconds: undefined,
      clockToleranceSeconds: undefined,
      allowedOrigins: undefined,
      postLogoutRedirect: undefined,
      logoutHint: undefined,
      responseMode: undefined,
      par: false,
      dpop: undefined,
      records: undefined,
      sessionStore: undefined,
      fetch: undefined,
      allowInsecureIssuer: undefined,
    } satisfies Partial<OidcOptions>
    expect(resolveOptions({ ...valid, ...optional })).toEqual(resolveOptions(valid))
  })

  const right: [keyof OidcOptions, unknown[]][] = [
    ['issuer', ['https://id.example.com/', new URL('https://id.example.com/realms/acme'), 'http://localhost:8080']],
    ['clientAuth', ['client_secret_basic', 'client_secret_post']],
    ['baseUrl', ['http://localhost:3000', new URL('https://app.example.com/shop/')]],
    ['name', ['entra', 'Entra', 'a', `n${'1'.repeat(31)}`, 'two-words']],
    ['routes', [{}, { login: '/auth/log-in' }, { login: undefined }]],
    ['scope', ['openid', 'openid profile', ['openid', 'a:b/c']]],
    ['secret', ['xy'.repeat(16), ['xy'.repeat(16), 'yz'.repeat(20)]]],
    ['afterLogin', [() => {}]],
    ['onError', [() => {}]],
    ['log', [false, () => {}]],
    ['loginPage', ['/signin', '/signin?tab=1#form']],
    ['roles', [() => []]],
    ['userInfo', [true, false]],
    ['maxLoginSeconds', [1, 0.5 + 1, 400 * 86_400]],
    ['providerTimeoutSeconds', [0.1, 300]],
    ['clockToleranceSeconds', [0, 300]],
    ['allowedOrigins', [[], ['https://www.example.com', 'http://localhost:5173']]],
    ['postLogoutRedirect', ['/goodbye']],
    ['responseMode', ['query', 'form_post']],
    ['par', [true, false]],
    ['dpop', [true, false]],
    ['records', [records]],
    ['sessionStore', [new MemoryStore()]],
    ['fetch', [globalThis.fetch]],
    ['allowInsecureIssuer', [true, false]],
  ]
  it.each(right)('accepts the valid values of %s', (option, values) => {
    for (const value of values) expect(faults({ [option]: value })).toEqual([])
  })

  const wrong: [keyof OidcOptions, unknown[], RegExp][] = [
    ['issuer', ['id.example.com', '', '/realms/acme'], /^`issuer` must be an absolute URL/],
    ['issuer', ['ftp://id.example.com', 'javascript:alert(1)'], /^`issuer` must be an https: URL/],
    ['issuer', ['https://user:password@id.example.com'], /^`issuer` must not contain a user name or password/],
    ['issuer', ['https://id.example.com/?a=1', 'https://id.example.com/#a'], /^`issuer` must not have a query/],
    ['issuer', ['https://id.example.com/.well-known/openid-configuration'], /^`issuer` .* remove '\/\.well-known/],
    [
      'issuer',
      [42, null, true, [valid.issuer], () => {}],
      /^`issuer` must be the provider's issuer identifier, its metadata/,
    ],
    ['clientId', ['', '  ', 42, null], /^`clientId` must be a non-empty string; pass the client identifier from/],
    ['clientSecret', ['', ' ', 42, null], /^`clientSecret` must be a non-empty string; pass the secret registered/],
    ['clientAuth', ['basic', '', null, 'private_key_jwt'], /^`clientAuth` must be one of 'client_secret_basic', /],
    ['baseUrl', ['app.example.com', '', '/shop', 42, null], /^`baseUrl` must be an absolute URL such as/],
    ['baseUrl', ['ftp://app.example.com', 'file:///srv'], /^`baseUrl` must be an https: or http: URL/],
    ['baseUrl', ['https://user@app.example.com', 'https://u:p@app.example.com'], /^`baseUrl` must not contain a user/],
    ['baseUrl', ['https://app.example.com/?a=1', 'https://app.example.com/#a'], /^`baseUrl` must not have a query/],
    [
      'baseUrl',
      ['https://app.example.com//evil.example', 'https://app.example.com/%5cevil'],
      /^`baseUrl` has a path that/,
    ],
    [
      'name',
      ['-a', '1a', 'a b', 'a/b', 'a.b', `n${'1'.repeat(32)}`, 'caf\u00e9'],
      /^`name` must have at most 32 letters, digits and hyphens/,
    ],
    ['name', ['', 42, null], /^`name` must be a non-empty string/],
    ['name', ['default'], /^`name` 'default' is reserved for an instance without a name; pass another/],
    ['routes', ['/login', [], null, 42], /^`routes` must be an object/],
    [
      'scope',
      ['', [], 42, null, ['openid', ''], ['openid', 'a b'], ['openid', 7], 'openid \u00e9', 'openid "a"'],
      /^`scope` must be words separated by spaces, or an array of words; pass for example 'openid profile email'/,
    ],
    ['scope', ['profile email', ['profile']], /^`scope` has no 'openid'/],
    [
      'secret',
      ['xy'.repeat(15), '', 42, null, ['xy'.repeat(16), 'short'], [42]],
      /^`secret` must be a string of at least 32 random characters, or a list of such strings/,
    ],
    ['secret', [[]], /^`secret` is an empty list/],
    ['afterLogin', ['hook', {}, null], /^`afterLogin` must be a function/],
    ['onError', ['page', null], /^`onError` must be a function/],
    ['log', [true, 'stderr', null], /^`log` must be a function or false/],
    ['roles', [['admin'], 'admin', null], /^`roles` must be a function/],
    ['fetch', [{}, null], /^`fetch` must be a function/],
    [
      'loginPage',
      ['signin', 'https://evil.example/', '//evil.example', '/\\evil.example', '/a%0d%0ab', 42, null],
      /^`loginPage` must be a path on this origin, such as/,
    ],
    [
      'postLogoutRedirect',
      ['goodbye', 'https://app.example.com/goodbye', '///evil.example', '', 42],
      /^`postLogoutRedirect` must be a path on this origin/,
    ],
    ['userInfo', ['login', 'never', 1, null], /^`userInfo` must be true or false/],
    [
      'maxLoginSeconds',
      [0, -1, Number.NaN, Infinity, '3600', 400 * 86_400 + 1, null],
      /^`maxLoginSeconds` must be a number of seconds from 1 to/,
    ],
    [
      'providerTimeoutSeconds',
      [0, -1, 301, '5', Number.NaN],
      /^`providerTimeoutSeconds` must be a number of seconds from 0.1 to 300/,
    ],
    [
      'clockToleranceSeconds',
      [-1, 301, Infinity, '30'],
      /^`clockToleranceSeconds` must be a number of seconds from 0 to 300/,
    ],
    ['allowedOrigins', ['https://www.example.com', {}, null], /^`allowedOrigins` must be an array of origins such as/],
    [
      'allowedOrigins',
      [
        ['https://www.example.com/'],
        ['https://www.example.com/a'],
        ['www.example.com'],
        ['*'],
        ['null'],
        [42],
        ['https://www.example.com:443'],
      ],
      /^`allowedOrigins` has .*, which is not an origin; pass scheme, host and port only, such as/,
    ],
    ['responseMode', ['fragment', 'form-post', null], /^`responseMode` must be one of 'query', 'form_post'/],
    ['par', ['yes', 1, null], /^`par` must be true or false/],
    ['dpop', ['ES256', 1, { replay: 'shared' }, null], /^`dpop` must be true or false/],
    ['allowInsecureIssuer', ['true', 1, null], /^`allowInsecureIssuer` must be true or false/],
    [
      'records',
      [{}, null, 'redis', { ...records, getAndDelete: undefined }, () => {}],
      /^`records` must have the methods get, set, add, replace, getAndDelete, delete, addToSet, members and removeFromSet; pass `redisRecords/,
    ],
    ['storeDevice', ['yes', 1, null], /^`storeDevice` must be true or false/],
    ['logoutHint', ['no', 0, null, []], /^`logoutHint` must be true or false/],
    [
      'idTokenSignedResponseAlg',
      ['none', 'HS256', 'rs256', '', 256, null, ['RS256']],
      /^`idTokenSignedResponseAlg` must be one of RS256, PS256, ES256, .*, as registered for the client$/,
    ],
    [
      'logoutTokenType',
      ['logout+jwt', true, null, 'Required'],
      /^`logoutTokenType` must be one of 'optional', 'required'/,
    ],
    [
      'sessionStore',
      [
        {},
        null,
        'redis',
        7,
        { get: () => {}, set: () => {} },
        session({ secret: 'x', resave: false, saveUninitialized: false }),
      ],
      /^`sessionStore` must have the methods get, set and destroy; pass the store that `session\(\)` has/,
    ],
  ]
  it.each(wrong)(
    'rejects %s with the values %j, and says what to pass',
    { meta: { id: 'options-2' } },
    (option, values, message) => {
      for (const value of values) {
        const found = faults({ [option]: value })
        expect(found, JSON.stringify(value)).toHaveLength(1)
        expect(found[0], JSON.stringify(value)).toMatch(message)
      }
    },
  )

  it('rejects a pattern as an allowed origin, because it would match nothing', { meta: { id: 'options-3' } }, () => {
    expect(faults({ allowedOrigins: ['https://*.example.com'] })).toHaveLength(1)
  })

  it.each(['clientId', 'clientSecret', 'baseUrl', 'secret'])('reports %s as missing if it is left out', (option) => {
    const found = faults({}, [option])
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(new RegExp(`^\`${option}\` is missing; pass `))
  })

  it('reports provider and issuer as missing, in one fault, if both are left out', () => {
    expect(faults({}, ['issuer'])).toEqual([expect.stringMatching(/^`provider` or `issuer` is missing; pass /)])
  })

  const sample = 'replace this by 32 random characters'
  const guessable: [string, string, RegExp][] = [
    ['the sample of a former README', sample, /^`secret` is the sample from the documentation, which is public; pass /],
    ['that sample surrounded by white space', ` ${sample}\n`, /^`secret` is the sample from the documentation/],
    ['one repeated character', 'x'.repeat(32), /^`secret` is one repeated character; pass /],
    [
      'one repeated character outside the Basic Multilingual Plane',
      '\u{1f511}'.repeat(16),
      /^`secret` is one repeated character/,
    ],
    ['spaces', ' '.repeat(32), /^`secret` has only white space; pass /],
    ['white space of several kinds', ' \t\n\u00a0'.repeat(8), /^`secret` has only white space/],
  ]
  it.each(guessable)('rejects %s as a secret off loopback, even in a list', (_, secret, message) => {
    for (const given of [secret, [secret], [valid.secret, secret], [secret, valid.secret]]) {
      const found = faults({ secret: given })
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(message)
      expect(found[0]).toMatch(/; pass 32 random characters or more, such as the output of `openssl rand -base64 32`$/)
    }
    expect(faults({ secret, baseUrl: 'http://app.example.com' })).toHaveLength(1)
  })

  it.each(guessable)('accepts %s as a secret on loopback', (_, secret) => {
    for (const baseUrl of ['http://localhost:3000', 'http://127.0.0.1:3000', 'https://[::1]', 'http://app.localhost']) {
      expect(faults({ secret, baseUrl })).toEqual([])
    }
  })

  it('rejects options that are not an object', () => {
    for (const options of [undefined, null, 'https://id.example.com', []]) {
      expect(findFaults(() => createOidc(options as unknown as OidcOptions))).toContain(
        'the options of createOidc() must be an object',
      )
    }
  })

  it('lists all faults of the options in one error', () => {
    const found = faults(
      {
        issuer: 'id',
        clientSecret: undefined,
        scope: 'email',
        maxLoginSeconds: 0,
        userinfo: 'login',
        routes: { login: 'x' },
      },
      ['clientId', 'baseUrl'],
    )
    expect(found.map((fault) => fault.split('`', 2)[1])).toEqual([
      'userinfo',
      'issuer',
      'clientId',
      'clientSecret',
      'baseUrl',
      'routes.login',
      'scope',
      'maxLoginSeconds',
    ])
  })

  it('suggests a similar option for an unknown one', { meta: { id: 'options-4' } }, () => {
    expect(faults({ clientID: 'web' })).toEqual(['`clientID` is not an option; did you mean `clientId`?'])
    expect(faults({ client_secret: 'x' })).toEqual(['`client_secret` is not an option; did you mean `clientSecret`?'])
    expect(faults({ scopes: 'openid' })).toEqual(['`scopes` is not an option; did you mean `scope`?'])
    expect(faults({ 'post-logout-redirect': '/' })).toEqual([
      '`post-logout-redirect` is not an option; did you mean `postLogoutRedirect`?',
    ])
    expect(faults({ routes: { callbak: '/cb' } })).toEqual([
      '`routes.callbak` is not an option; did you mean `callback`?',
    ])
  })

  it('suggests nothing for an unknown option that resembles no other', { meta: { id: 'options-5' } }, () => {
    expect(faults({ attemptSilentLogin: true })).toEqual(['`attemptSilentLogin` is not an option'])
  })

  it('freezes the resolved options, and does not change the given object', () => {
    const given = { ...valid, scope: ['openid', 'openid'], routes: { login: '/in' } }
    const resolved = resolveOptions(given)
    expect(Object.isFrozen(resolved)).toBe(true)
    expect(given).toEqual({ ...valid, scope: ['openid', 'openid'], routes: { login: '/in' } })
    expect(resolved.scope).toEqual(['openid'])
    const oidc = createOidc(given)
    expect(Object.isFrozen(oidc)).toBe(true)
    expect(Object.isFrozen(oidc.paths)).toBe(true)
  })

  it('copies arrays and objects, so that later changes have no effect', () => {
    const given = {
      ...valid,
      scope: ['openid'],
      secret: ['xy'.repeat(16)],
      allowedOrigins: ['https://www.example.com'],
      routes: { login: '/in' },
    }
    const resolved = resolveOptions(given)
    const before = structuredClone(resolved)
    given.scope.push('admin')
    given.secret.unshift('yz'.repeat(16))
    given.allowedOrigins.push('https://evil.example')
    given.routes.login = '/elsewhere'
    expect(resolved).toEqual(before)
  })

  it('resolves the options without reading the environment and without a request', () => {
    const { env } = process
    const fetch = vi.spyOn(globalThis, 'fetch')
    const requested: PropertyKey[] = []
    const watch = (_: object, key: PropertyKey): void => void requested.push(key)
    process.env = new Proxy(env, {
      get: (target, key) => (watch(target, key), Reflect.get(target, key) as unknown),
      has: (target, key) => (watch(target, key), Reflect.has(target, key)),
      ownKeys: (target) => (watch(target, '*'), Reflect.ownKeys(target)),
    })
    try {
      createOidc(valid)
      faults({}, ['secret', 'clientSecret', 'issuer'])
    } finally {
      process.env = env
    }
    expect(requested).toEqual([])
    expect(fetch).not.toHaveBeenCalled()
    fetch.mockRestore()
  })
})
