import { createBearer, createOidc, customProvider, entra, keycloak, type OidcIssuerRules } from 'express-session-oidc'
import { afterEach, describe, expect, it } from 'vitest'
import { issuerRules } from '../../lib/config/issuer-rules.ts'
import { resolveBearer } from '../../lib/config/resolve-bearer.ts'
import { resolveOptions, type ResolvedOptions } from '../../lib/config/resolve.ts'
import { findFaults } from '../support/find-faults.ts'

const issuer = 'https://id.example.com/realms/acme'
const realm = { url: 'https://id.example.com', realm: 'acme' }
const tenant = '11111111-1111-4111-8111-111111111111'
const login = {
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
}

/** One value for each rule, which accepts every token. */
const weakRules: Required<{ [Name in keyof OidcIssuerRules]: NonNullable<OidcIssuerRules[Name]> }> = {
  metadataIssuer: 'https://evil.example',
  tokenIssuer: ({ iss }) => iss as string,
  accept: () => true,
  distributedClaims: () => ({ roles: ['admin'] }),
  codeScope: (scope) => scope,
}

/** The faults of the same options in each place that takes a provider. */
function faultsEverywhere(options: object): Record<'login' | 'api' | 'entry', string[]> {
  const entry = findFaults(() => createBearer({ issuer: [options], audience: 'orders' } as never))
  return {
    login: findFaults(() => createOidc({ ...login, ...options } as never)),
    api: findFaults(() => createBearer({ audience: 'orders', ...options } as never)),
    entry,
  }
}

function everywhere(faults: readonly unknown[]): object {
  return { login: faults, api: faults, entry: faults }
}

describe('the option provider', () => {
  it('names the issuer of a login, of an API, and of one of several issuers', () => {
    const provider = keycloak(realm)
    expect(faultsEverywhere({ provider })).toEqual(everywhere([]))
    expect(resolveOptions({ ...login, provider }).issuer).toBe(issuer)
    expect(resolveBearer({ provider, audience: 'orders' }).issuers).toMatchObject([{ issuer }])
    const { issuers } = resolveBearer({
      issuer: [provider, { provider: entra({ tenant }), audience: 'b' }, 'https://id.example.org'],
      audience: 'a',
    })
    expect(issuers).toMatchObject([
      { issuer, audience: ['a'] },
      { issuer: `https://login.microsoftonline.com/${tenant}/v2.0`, audience: ['b'] },
      { issuer: 'https://id.example.org', audience: ['a'], rules: undefined, roles: undefined },
    ])
  })

  it('treats undefined as not given, in both options', () => {
    expect(faultsEverywhere({ provider: keycloak(realm), issuer: undefined })).toEqual(everywhere([]))
    expect(faultsEverywhere({ provider: undefined, issuer })).toEqual(everywhere([]))
  })

  it('is rejected beside issuer, with a single fault that names both', () => {
    const both = '`provider` and `issuer` are both given; pass one of them: a provider has its own issuer'
    for (const other of [issuer, new URL(issuer), 'no URL', keycloak(realm)]) {
      expect(faultsEverywhere({ provider: keycloak(realm), issuer: other })).toEqual(everywhere([both]))
      expect(faultsEverywhere({ provider: 'keycloak', issuer: other })).toEqual(everywhere([both]))
    }
    for (const list of [[], [issuer]])
      expect(findFaults(() => createBearer({ provider: keycloak(realm), issuer: list, audience: 'a' }))).toEqual([both])
  })

  it('is reported as missing together with issuer, in a single fault that names both', () => {
    const missing = [expect.stringMatching(/^`provider` or `issuer` is missing; pass `provider: keycloak\(/)]
    for (const none of [{}, { provider: undefined }, { issuer: undefined, provider: undefined }])
      expect(faultsEverywhere(none)).toEqual(everywhere(missing))
  })

  it.each<[string, unknown]>([
    ['a name', 'keycloak'],
    ['a URL', new URL(issuer)],
    ['null', null],
    ['the function', keycloak],
    ['a plain object', { issuer, roles: () => [] }],
    ['a list of providers', [keycloak(realm)]],
    ['a spread copy', Object.assign({}, keycloak(realm))],
    ['an object that inherits from a provider', Object.create(keycloak(realm))],
    ['a provider behind a Proxy', new Proxy(keycloak(realm), {})],
    ['an object of the same class without settings', Object.create(Object.getPrototypeOf(keycloak(realm)) as object)],
  ])('rejects %s, and says what to pass', (_what, provider) => {
    const fault =
      '`provider` is not a provider; pass what `keycloak()`, `entra()` or `customProvider()` returned, itself and not a copy'
    expect(faultsEverywhere({ provider })).toEqual(everywhere([fault]))
  })

  it('rejects a provider as the value of issuer, and says where to pass it', () => {
    const fault = '`issuer` is a provider; pass it as `provider`'
    expect(faultsEverywhere({ issuer: keycloak(realm) })).toEqual(everywhere([fault]))
  })

  it('suggests provider for a misspelt option', () => {
    const { login: first, api, entry } = faultsEverywhere({ provdier: keycloak(realm), issuer })
    for (const found of [first, api, entry])
      expect(found).toEqual(['`provdier` is not an option; did you mean `provider`?'])
  })

  it('is reported together with the faults of other options', () => {
    const found = findFaults(() =>
      createOidc({ provider: 'keycloak', clientId: '', baseUrl: 'x', scope: 'a' } as never),
    )
    expect(found.map((fault) => fault.split(' ')[0])).toEqual([
      '`provider`',
      '`clientId`',
      '`clientSecret`',
      '`baseUrl`',
      '`scope`',
    ])
    const both = findFaults(() => createBearer({ provider: 'keycloak', cacheSeconds: -1 } as never))
    expect(both.map((fault) => fault.split(' ')[0])).toEqual(['`cacheSeconds`', '`provider`', '`audience`'])
  })

  it('rejects a provider with http: off loopback, unless allowInsecureIssuer permits it', () => {
    const provider = keycloak({ url: 'http://id.internal', realm: 'acme' })
    const insecure = [expect.stringMatching(/^`provider.issuer` uses http: and is not on loopback/)]
    expect(faultsEverywhere({ provider })).toEqual(everywhere(insecure))
    expect(faultsEverywhere({ provider: keycloak({ url: 'http://localhost:8080', realm: 'a' }) })).toEqual(
      everywhere([]),
    )
    const allowed = { allowInsecureIssuer: true, provider }
    expect(findFaults(() => createOidc({ ...login, ...allowed }))).toEqual([])
    expect(findFaults(() => createBearer({ audience: 'orders', ...allowed }))).toEqual([])
    const renamed = customProvider({ issuer, metadataIssuer: 'http://id.internal', tokenIssuer: () => issuer })
    const fault = [expect.stringMatching(/^`provider.metadataIssuer` uses http:/)]
    expect(faultsEverywhere({ provider: renamed })).toEqual(everywhere(fault))
  })
})

describe('the rules of a provider', () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>
  afterEach(() => {
    for (const name of [...issuerRules, 'provider', 'issuer', 'roles', 'scope']) delete polluted[name]
  })

  /** The rules that apply to tokens, in each place that takes a provider. */
  function findRules(options: object): (OidcIssuerRules | undefined)[] {
    return [
      resolveOptions({ ...login, ...options }).rules,
      resolveBearer({ ...options, audience: 'orders' }).issuers[0]?.rules,
      resolveBearer({ issuer: [{ ...options, audience: 'orders' }] }).issuers[0]?.rules,
    ]
  }

  it.each(issuerRules)('rejects %s beside a provider or an issuer: no option replaces a rule', (rule) => {
    for (const chosen of [{ provider: entra({ tenant }) }, { provider: keycloak(realm) }, { issuer }]) {
      const faults = faultsEverywhere({ ...chosen, [rule]: weakRules[rule] })
      for (const found of Object.values(faults))
        expect(found).toEqual([expect.stringMatching(`^\`${rule}\` is not an option`)])
    }
  })

  it.each(issuerRules)('ignores %s on a polluted Object.prototype', (rule) => {
    const before = [keycloak(realm), entra({ tenant })]
    polluted[rule] = weakRules[rule]
    for (const provider of [...before, keycloak(realm), entra({ tenant }), customProvider({ issuer })]) {
      for (const rules of findRules({ provider })) expect(rules?.[rule]).not.toBe(weakRules[rule])
    }
  })

  it('ignores a provider and an issuer on a polluted Object.prototype', () => {
    polluted['provider'] = keycloak(realm)
    polluted['issuer'] = 'https://evil.example'
    polluted['roles'] = () => ['admin']
    expect(entra({ tenant }).roles).toBeUndefined()
    const missing = [expect.stringMatching(/^`provider` or `issuer` is missing/)]
    expect(faultsEverywhere({})).toEqual(everywhere(missing))
    expect(resolveOptions({ ...login, issuer }).issuer).toBe(issuer)
  })

  it('the rules of a provider cannot be lost, because spreading it into the options leaves no issuer', () => {
    for (const provider of [keycloak(realm), entra({ tenant }), customProvider({ issuer, accept: () => false })]) {
      expect(Reflect.ownKeys(provider)).toEqual([])
      expect(JSON.stringify(provider)).toBe('{}')
      const missing = [expect.stringMatching(/^`provider` or `issuer` is missing; .*, not spread,/)]
      expect(faultsEverywhere(Object.assign({}, provider))).toEqual(everywhere(missing))
    }
  })

  it('the rules of a provider cannot be changed, because it is frozen and keeps a copy of its options', () => {
    const options: { issuer: string; accept: () => boolean; scope: string[] } = {
      issuer,
      accept: () => false,
      scope: ['openid', 'groups'],
    }
    const provider = customProvider(options)
    const expected = resolveOptions({ ...login, provider })
    options.accept = () => true
    options.issuer = 'https://evil.example'
    options.scope.push('admin')
    for (const name of [...issuerRules, 'issuer', 'roles', 'scope'])
      expect(() => Object.assign(provider, { [name]: 'x' }), name).toThrow(TypeError)
    expect(() => Object.defineProperty(provider, 'accept', { value: () => true })).toThrow(TypeError)
    const { rules, scope, issuer: kept } = resolveOptions({ ...login, provider })
    expect({ rules, scope, kept }).toEqual({ rules: expected.rules, scope: ['openid', 'groups'], kept: issuer })
    expect(rules?.accept).toBe(expected.rules?.accept)
  })

  it('the rules of a provider apply to every token, whatever the other options are', async () => {
    const reported: string[] = []
    const fetch = (async () =>
      Response.json({ active: true, iss: issuer, aud: 'orders', sub: 'alice' })) as typeof globalThis.fetch
    const api = createBearer({
      provider: customProvider({ issuer: metadata, accept: () => 'not this one' }),
      audience: 'orders',
      roles: () => ['admin'],
      introspection: { clientId: 'orders', clientSecret: 'a client secret', tokens: 'all' },
      fetch,
    })
    api.on('token_rejected', ({ detail }) => reported.push(detail ?? ''))
    await expect(api.verifyToken('opaque')).rejects.toMatchObject({ code: 'token_invalid' })
    expect(reported).toEqual(['not this one'])
  })
})

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  introspection_endpoint: `${issuer}/introspect`,
  jwks_uri: `${issuer}/jwks`,
}

describe('the options scope and roles beside a provider', () => {
  const ofProvider = (): string[] => ['of the provider']
  const own = (): string[] => ['of the application']
  const provider = customProvider({ issuer, scope: 'openid groups', roles: ofProvider })
  const resolve = (options: object): Pick<ResolvedOptions, 'scope' | 'roles'> => {
    const { scope, roles } = resolveOptions({ ...login, ...options })
    return { scope, roles }
  }

  it('scope and roles replace those of the provider in createOidc(), and do not add to them', () => {
    expect(resolve({ provider })).toEqual({ scope: ['openid', 'groups'], roles: ofProvider })
    expect(resolve({ provider, scope: 'openid email', roles: own })).toEqual({ scope: ['openid', 'email'], roles: own })
    expect(resolve({ provider, scope: undefined, roles: undefined })).toEqual(resolve({ provider }))
    expect(resolve({ provider: keycloak(realm) }).scope).toEqual(['openid', 'profile', 'email'])
    expect(resolve({ provider: entra({ tenant }) }).roles).toBeUndefined()
  })

  it('scope and roles must be valid even if a provider has its own', () => {
    expect(findFaults(() => createOidc({ ...login, provider, scope: 'email', roles: 'admin' } as never))).toEqual([
      expect.stringMatching(/^`scope` has no 'openid'/),
      '`roles` must be a function',
    ])
    expect(findFaults(() => createBearer({ provider, audience: 'orders', roles: 'admin' } as never))).toEqual([
      '`roles` must be a function',
    ])
  })

  it('createBearer() prefers the roles of the entry, then those of its provider, then those of the options', () => {
    const find = (options: object): unknown => resolveBearer({ audience: 'orders', ...options }).issuers[0]?.roles
    expect(find({ provider })).toBe(ofProvider)
    expect(find({ provider, roles: own })).toBe(own)
    expect(find({ issuer: [provider], roles: own })).toBe(ofProvider)
    expect(find({ issuer: [{ provider, roles: own }], roles: () => [] })).toBe(own)
    expect(find({ issuer: [{ issuer }], roles: own })).toBe(own)
  })
})
