import { createBearer, createOidc, type BearerIssuer, type BearerOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { acceptedAlgorithms } from '../../lib/config/algorithms.ts'
import { resolveBearer } from '../../lib/config/resolve-bearer.ts'
import { findFaults } from '../support/find-faults.ts'

const issuer = 'https://id.example.com/realms/acme'
const partner = 'https://partner.example.com'
const valid = { issuer, audience: 'orders' } satisfies BearerOptions
const keySet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] }

function faults(options: Record<string, unknown>, without: readonly string[] = []): string[] {
  const given: Record<string, unknown> = { ...valid, ...options }
  for (const key of without) delete given[key]
  return findFaults(() => createBearer(given as unknown as BearerOptions))
}

/** The faults of an entry as the second of two issuers, and as the only issuer. */
function faultsOfEntry(entry: Record<string, unknown>): { alone: string[]; second: string[] } {
  const given = { issuer: partner, ...entry }
  return { alone: faults({ issuer: given }), second: faults({ issuer: [issuer, given] }) }
}

describe('the options of createBearer()', () => {
  it('requires only issuer and audience, and applies the documented defaults', () => {
    expect(resolveBearer(valid)).toEqual({
      name: 'bearer',
      audience: ['orders'],
      algorithms: acceptedAlgorithms,
      cacheSeconds: 60,
      issuers: [{ issuer, audience: ['orders'], algorithms: acceptedAlgorithms, keys: undefined, roles: undefined }],
      origin: undefined,
      basePath: '',
      onError: undefined,
      log: undefined,
      providerTimeoutSeconds: 5,
      clockToleranceSeconds: 30,
      fetch: undefined,
      allowInsecureIssuer: false,
    })
    expect(Object.isFrozen(resolveBearer(valid))).toBe(true)
  })

  it('treats undefined as not given, except where that would weaken security', () => {
    const optional = {
      algorithms: undefined,
      cacheSeconds: undefined,
      baseUrl: undefined,
      roles: undefined,
      name: undefined,
      onError: undefined,
      log: undefined,
      providerTimeoutSeconds: undefined,
      clockToleranceSeconds: undefined,
      fetch: undefined,
      allowInsecureIssuer: undefined,
    } satisfies Partial<BearerOptions>
    expect(resolveBearer({ ...valid, ...optional })).toEqual(resolveBearer(valid))
    const entry = { algorithms: undefined, keys: undefined, roles: undefined } satisfies Partial<BearerIssuer>
    expect(resolveBearer({ ...valid, issuer: { issuer, ...entry } })).toEqual(resolveBearer(valid))
  })

  it('keeps every given value', () => {
    const roles = () => []
    const onError = () => {}
    const { fetch } = globalThis
    const given = {
      issuer: new URL(issuer),
      audience: ['orders', 'orders', 'billing'],
      algorithms: ['ES256', 'PS512'],
      cacheSeconds: 0,
      baseUrl: 'https://api.example.com/v1/',
      roles,
      name: 'api',
      onError,
      providerTimeoutSeconds: 2,
      clockToleranceSeconds: 0,
      fetch,
      allowInsecureIssuer: true,
    } satisfies BearerOptions
    const algorithms = ['ES256', 'PS512']
    const audience = ['orders', 'billing']
    expect(resolveBearer(given)).toEqual({
      name: 'api',
      audience,
      algorithms,
      cacheSeconds: 0,
      issuers: [{ issuer, audience, algorithms, keys: undefined, roles }],
      origin: 'https://api.example.com',
      basePath: '/v1',
      onError,
      providerTimeoutSeconds: 2,
      clockToleranceSeconds: 0,
      fetch,
      allowInsecureIssuer: true,
    })
  })

  const right: [keyof BearerOptions, unknown[]][] = [
    [
      'issuer',
      [`${issuer}/`, new URL(issuer), 'http://localhost:8080', { issuer }, [issuer], [issuer, { issuer: partner }]],
    ],
    ['audience', ['https://api.example.com/orders', ['orders'], ['orders', 'billing'], 'caf\u00e9']],
    ['algorithms', [['RS256'], [...acceptedAlgorithms]]],
    ['cacheSeconds', [0, 0.5, 3600]],
    ['baseUrl', ['https://api.example.com', 'http://localhost:3000/v1/', new URL('https://api.example.com/v1')]],
    ['roles', [() => []]],
    ['name', ['api']],
    ['onError', [() => {}]],
    ['providerTimeoutSeconds', [0.1, 300]],
    ['clockToleranceSeconds', [0, 300]],
    ['fetch', [globalThis.fetch]],
    ['allowInsecureIssuer', [true, false]],
  ]
  it.each(right)('accepts the valid values of %s', (option, values) => {
    for (const value of values) expect(faults({ [option]: value })).toEqual([])
  })

  const wrong: [keyof BearerOptions, unknown[], RegExp][] = [
    ['issuer', ['id.example.com', '', '/realms/acme'], /^`issuer` must be an absolute URL/],
    ['issuer', ['ftp://id.example.com', 'javascript:alert(1)'], /^`issuer` must be an https: URL/],
    ['issuer', ['https://user:password@id.example.com'], /^`issuer` must not contain a user name or password/],
    ['issuer', ['https://id.example.com/?a=1', 'https://id.example.com/#a'], /^`issuer` must not have a query/],
    ['issuer', [`${issuer}/.well-known/openid-configuration`], /^`issuer` .* remove '\/\.well-known/],
    ['issuer', ['http://id.example.com'], /^`issuer` uses http: and is not on loopback; use https:/],
    [
      'issuer',
      [undefined, []],
      /^`provider` or `issuer` is missing; pass `provider: keycloak\(.* or the provider's issuer identifier/,
    ],
    [
      'issuer',
      [[issuer, new URL(issuer)]],
      /^`issuer` lists https:.* twice; list it once, with all audiences in its `audience`/,
    ],
    [
      'audience',
      ['', ' ', 42, null, [], [''], ['orders', 7], {}],
      /^`audience` must be a non-empty string or array; pass this API's identifier, as in/,
    ],
    ['algorithms', ['RS256', [], 42, null, {}], /^`algorithms` must be a non-empty array of RS256/],
    [
      'algorithms',
      [['RS256', 'HS256'], ['none'], ['rs256'], [7]],
      /^`algorithms` has .*, which is not supported; use RS256, PS256/,
    ],
    ['cacheSeconds', [-1, 3601, Number.NaN, '60', null], /^`cacheSeconds` must be a number of seconds from 0 to 3600/],
    ['baseUrl', ['api.example.com', '', '/v1', 42, null], /^`baseUrl` must be an absolute URL such as/],
    ['baseUrl', ['ftp://api.example.com'], /^`baseUrl` must be an https: or http: URL/],
    ['baseUrl', ['https://user@api.example.com'], /^`baseUrl` must not contain a user name/],
    ['baseUrl', ['https://api.example.com/?a=1'], /^`baseUrl` must not have a query/],
    ['roles', [['admin'], 'roles', null], /^`roles` must be a function/],
    [
      'name',
      ['', ' ', 42, null],
      /^`name` must be a non-empty string; pass a short word that names this guard in events/,
    ],
    ['onError', ['next', {}, null], /^`onError` must be a function/],
    ['log', [true, 'stderr', null], /^`log` must be a function or false/],
    [
      'providerTimeoutSeconds',
      [0, 301, '5', null],
      /^`providerTimeoutSeconds` must be a number of seconds from 0.1 to 300/,
    ],
    ['clockToleranceSeconds', [-1, 300.5, 301, Infinity, '30'], /^`clockToleranceSeconds` must be .* from 0 to 300/],
    ['fetch', ['fetch', {}], /^`fetch` must be a function/],
    ['allowInsecureIssuer', ['yes', 1, null], /^`allowInsecureIssuer` must be true or false/],
  ]
  it.each(wrong)('rejects %s with the values %j, and says what to pass', (option, values, message) => {
    for (const value of values) {
      const found = faults({ [option]: value })
      expect(found, JSON.stringify(value)).not.toEqual([])
      expect(found[0]).toMatch(message)
    }
  })

  it.each([
    ['HS256', 'a secret that several parties know'],
    ['HS384', 'a secret that several parties know'],
    ['HS512', 'a secret that several parties know'],
    ['none', 'no signature'],
    ['RSA1_5', 'encryption'],
    ['RSA-OAEP', 'encryption'],
    ['PBES2-HS256+A128KW', 'a password'],
    ['dir', 'encryption'],
    ['ES256K', 'a curve that is not supported'],
  ])('rejects the algorithm %s: %s', (algorithm) => {
    const message = new RegExp(
      `^\`algorithms\` has "${algorithm.replace('+', '\\+')}", which is not supported; use RS256, PS256, ES256, EdDSA`,
    )
    expect(faults({ algorithms: ['RS256', algorithm] })).toEqual([expect.stringMatching(message)])
    expect(faults({ issuer: { issuer, algorithms: [algorithm] } })).toEqual([expect.stringMatching(message)])
  })

  it('rejects a list with an undefined algorithm, such as from an unset environment variable', () => {
    expect(faults({ algorithms: [undefined] })).toEqual([expect.stringMatching(/^`algorithms`/)])
    expect(faults({ algorithms: ['RS256', undefined] })).toEqual([expect.stringMatching(/^`algorithms`/)])
  })

  it('permits plain http for an issuer and its keys with allowInsecureIssuer', () => {
    const plain = { issuer: 'http://id.example.com', keys: new URL('http://id.example.com/jwks') }
    expect(faults({ issuer: plain, allowInsecureIssuer: true })).toEqual([])
    expect(faults({ issuer: plain })).toEqual([
      expect.stringMatching(/^`issuer` uses http:/),
      expect.stringMatching(/^`keys` uses http:/),
    ])
  })

  it.each([
    ['issuers', '`issuers` is not an option; did you mean `issuer`?'],
    ['audiences', '`audiences` is not an option; did you mean `audience`?'],
    ['algorithm', '`algorithm` is not an option; did you mean `algorithms`?'],
    ['base_url', '`base_url` is not an option; did you mean `baseUrl`?'],
    ['cacheSecond', '`cacheSecond` is not an option; did you mean `cacheSeconds`?'],
    ['jwksUri', '`jwksUri` is not an option'],
  ])('reports the unknown option %s, and suggests a similar one', (key, message) => {
    expect(faults({ [key]: 'https://id.example.com' })).toEqual([expect.stringContaining(message)])
  })

  it.each([undefined, null, 'https://id.example.com', 42, [valid]])(
    'rejects %j, which is not an object of options',
    (given) => {
      const found = findFaults(() => createBearer(given as unknown as BearerOptions))
      expect(found[0]).toBe('the options of createBearer() must be an object')
    },
  )

  it('checks the options without a request to the provider', () => {
    let requested = 0
    const fetch = (() => {
      requested++
      throw new Error('no request is expected')
    }) as typeof globalThis.fetch
    createBearer({ ...valid, fetch })
    expect(requested).toBe(0)
  })

  it('lists all faults of the options in one error', () => {
    const message = (() => {
      try {
        createBearer({
          issuer: [
            { issuer: 'ftp://id.example.com', keys: {} },
            { issuer: partner, audiences: 'a' },
          ],
          audience: 'orders',
          algorithms: ['HS256'],
          cacheSeconds: -1,
          baseUrl: '/v1',
          clockToleranceSeconds: 301,
          onErorr: () => {},
        } as unknown as BearerOptions)
      } catch (error) {
        return (error as Error).message
      }
      return ''
    })()
    expect(message.split('\n')).toEqual([
      'createBearer() received invalid options:',
      '  - `onErorr` is not an option; did you mean `onError`?',
      expect.stringContaining('  - `algorithms` has "HS256", which is not supported'),
      expect.stringContaining('  - `cacheSeconds` must be'),
      expect.stringContaining('  - `baseUrl` must be'),
      expect.stringContaining('  - `issuer` 1 of 2: `issuer` must be an https: URL'),
      expect.stringContaining('  - `issuer` 1 of 2: `keys` must be'),
      '  - `issuer` 2 of 2: `audiences` is not an option; did you mean `audience`?',
      expect.stringContaining('  - `clockToleranceSeconds` must be'),
    ])
  })
})

describe('the option audience', () => {
  const missing = /^`audience` is missing; pass this API's identifier, as in the `aud` of its tokens .*RFC 8725 3\.9/

  it('requires an audience', { meta: { id: 'bearer-options-1' } }, () => {
    expect(faults({}, ['audience'])).toEqual([expect.stringMatching(missing)])
    expect(faults({ issuer: { issuer } }, ['audience'])).toEqual([expect.stringMatching(missing)])
  })

  it('reports a missing audience even if other options are wrong', () => {
    expect(faults({ issuer: 'id.example.com' }, ['audience'])).toEqual([
      expect.stringMatching(/^`issuer` must be/),
      expect.stringMatching(missing),
    ])
    expect(faults({}, ['issuer', 'audience'])).toEqual([
      expect.stringMatching(/^`provider` or `issuer` is missing/),
      expect.stringMatching(missing),
    ])
  })

  it('rejects an audience that is present but undefined, with a single fault', () => {
    const unset = '`audience` is undefined; set the environment variable or remove the option'
    expect(faults({ audience: undefined })).toEqual([unset])
    expect(faults({ issuer: { issuer, audience: undefined } })).toEqual([unset])
    expect(faults({ issuer: [issuer, { issuer: partner, audience: undefined }] })).toEqual([
      `\`issuer\` 2 of 2: ${unset}`,
    ])
  })

  it('accepts an audience for each issuer instead, and then requires one for all of them', () => {
    const entry = { issuer: partner, audience: 'partner-orders' }
    expect(faults({ issuer: entry }, ['audience'])).toEqual([])
    expect(faults({ issuer: [entry, issuer] }, ['audience'])).toEqual([
      expect.stringMatching(/^`issuer` 2 of 2: `audience` is missing/),
    ])
  })
})

describe('several issuers', () => {
  it('gives each issuer its own audience, algorithms, keys and roles, or the common ones', () => {
    const roles = () => []
    const own = () => ['own']
    const { issuers } = resolveBearer({
      issuer: [
        issuer,
        { issuer: new URL(`${partner}/`), audience: ['a', 'b', 'a'], algorithms: ['ES256'], keys: keySet, roles: own },
        { issuer: 'https://third.example.com', keys: new URL('https://keys.example.com/third') },
      ],
      audience: 'orders',
      algorithms: ['RS256'],
      roles,
    } satisfies BearerOptions)
    expect(issuers).toEqual([
      { issuer, audience: ['orders'], algorithms: ['RS256'], keys: undefined, roles },
      { issuer: partner, audience: ['a', 'b'], algorithms: ['ES256'], keys: keySet, roles: own },
      {
        issuer: 'https://third.example.com',
        audience: ['orders'],
        algorithms: ['RS256'],
        keys: 'https://keys.example.com/third',
        roles,
      },
    ])
  })

  it('rejects an issuer that is listed twice, because the order would decide which settings apply', () => {
    const twice = (one: unknown, other: unknown): string[] => faults({ issuer: [one, other] })
    const message = `\`issuer\` lists ${issuer} twice; list it once, with all audiences in its \`audience\``
    expect(twice(issuer, issuer)).toEqual([message])
    expect(twice({ issuer, audience: 'a' }, { issuer, audience: 'b' })).toEqual([message])
    expect(twice(partner, new URL(partner))).toEqual([message.replace(issuer, partner)])
    // Issuers are compared character by character (OIDC Discovery 4.3).
    expect(twice(issuer, `${issuer}/`)).toEqual([])
  })

  it('identifies an issuer with a fault by its position in the list', () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ issuer: 'partner' }, /^(`issuer` 2 of 2: )?`issuer` must be an absolute URL/],
      [
        { audience: '' },
        /^(`issuer` 2 of 2: )?`audience` must be a non-empty string or array; pass this API's identifier/,
      ],
      [{ algorithms: ['none'] }, /^(`issuer` 2 of 2: )?`algorithms` has "none", which is not supported/],
      [{ roles: 'admin' }, /^(`issuer` 2 of 2: )?`roles` must be a function/],
      [{ keys: 'https://keys.example.com' }, /^(`issuer` 2 of 2: )?`keys` must be a URL object/],
      [{ audiences: 'a' }, /^(`issuer` 2 of 2: )?`audiences` is not an option; did you mean `audience`\?/],
      [{ name: 'partner' }, /^(`issuer` 2 of 2: )?`name` is not an option/],
    ]
    for (const [entry, message] of wrong) {
      const { alone, second } = faultsOfEntry(entry)
      expect(alone).toEqual([expect.stringMatching(message)])
      expect(second).toEqual([expect.stringMatching(message)])
      expect(alone[0]).not.toMatch(/^issuer \d/)
      expect(second[0]).toMatch(/^`issuer` 2 of 2: /)
    }
  })

  it.each([[null], [42], [true], [[]]])('rejects %j, which is not an issuer', (entry) => {
    expect(faults({ issuer: [issuer, entry] })[0]).toBe(
      '`issuer` 2 of 2: an issuer, unless a string or URL, must be an object',
    )
  })

  it('accepts at most 1000 issuers', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `https://id-${index}.example.com`)
    expect(faults({ issuer: many(1000) })).toEqual([])
    expect(faults({ issuer: many(1001) })).toEqual(['`issuer` has 1001 entries; pass at most 1000'])
    expect(faults({ audience: many(1001) })[0]).toMatch(/^`audience` must be/)
  })
})

describe('the option keys of an issuer', () => {
  it('accepts the URL object of a key set or the set itself', () => {
    for (const keys of [
      keySet,
      new URL('https://keys.example.com/jwks?tenant=acme'),
      new URL('http://127.0.0.1/jwks'),
    ]) {
      expect(faultsOfEntry({ keys })).toEqual({ alone: [], second: [] })
    }
  })

  it.each([
    ['a string, which could be either', 'https://keys.example.com'],
    ['a set without keys', { keys: [] }],
    ['a set whose keys are strings', { keys: ['key'] }],
    ['a set that contains null', { keys: [null] }],
    ['an array of keys', keySet.keys],
    ['a key', keySet.keys[0]],
    ['null', null],
    ['a function', () => keySet],
  ])('rejects keys that are %s', (_what, keys) => {
    expect(faultsOfEntry({ keys }).alone).toEqual([
      '`keys` must be a URL object, or a key set such as `{ keys: [...] }` (RFC 7517 5)',
    ])
  })

  it('accepts only a key set URL with https or on loopback', () => {
    expect(faultsOfEntry({ keys: new URL('http://keys.example.com') }).alone[0]).toMatch(/^`keys` uses http:/)
    expect(faultsOfEntry({ keys: new URL('file:///etc/keys') }).alone[0]).toMatch(/^`keys` must be an https: URL/)
    expect(faultsOfEntry({ keys: new URL('https://a:b@keys.example.com') }).alone[0]).toMatch(
      /^`keys` must not contain/,
    )
  })

  it('copies a key set, so that a later change of the set changes no key', () => {
    const given = structuredClone(keySet)
    const [resolved] = resolveBearer({ ...valid, issuer: { issuer, keys: given } }).issuers
    given.keys[0] = { kty: 'OKP', crv: 'Ed25519', x: 'BBBB' }
    expect(resolved?.keys).toEqual(keySet)
  })
})

describe('the option bearer of createOidc()', () => {
  const login = {
    issuer,
    clientId: 'web',
    clientSecret: 'a client secret',
    baseUrl: 'https://app.example.com',
    secret: 'a secret of more than thirty-two characters',
  }
  const faultsWith = (bearer: unknown): string[] => findFaults(() => createOidc({ ...login, bearer: bearer as object }))

  it('accepts the option bearer with any of its members left out', () => {
    for (const bearer of [undefined, {}, { audience: 'orders' }, { audience: ['a'], algorithms: ['ES256'] }]) {
      expect(faultsWith(bearer)).toEqual([])
    }
  })

  it.each([
    ['orders', /^`bearer` must be an object/],
    [null, /^`bearer` must be an object/],
    [[], /^`bearer` must be an object/],
    [{ audience: undefined }, /^`bearer.audience` is undefined; set the environment variable or remove the option/],
    [{ audience: '' }, /^`bearer.audience` must be a non-empty string or array; pass this API's identifier/],
    [{ algorithms: ['HS256'] }, /^`bearer.algorithms` has "HS256", which is not supported/],
    [{ cacheSeconds: 3601 }, /^`bearer.cacheSeconds` must be/],
    [{ audiences: 'orders' }, /^`bearer\.audiences` is not an option; did you mean `audience`\?/],
    // The guard beside a login accepts only tokens of the issuer of that login.
    [{ issuer }, /^`bearer\.issuer` is not an option/],
    [{ bearer: {} }, /^`bearer\.bearer` is not an option/],
    [{ introspection: 5 }, /^`bearer\.introspection`, unless true, must be an object/],
  ])('rejects %j as the option bearer, and reports it with the faults of other options', (bearer, message) => {
    expect(faultsWith(bearer)).toEqual([expect.stringMatching(message)])
    const all = findFaults(() => createOidc({ ...login, clientId: '', bearer: bearer as object }))
    expect(all).toEqual([expect.stringMatching(/^`clientId`/), expect.stringMatching(message)])
  })
})
