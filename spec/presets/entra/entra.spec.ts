import { entra, type EntraOptions, type OidcIssuerRules, type OidcTokenContext } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { OidcProvider } from '../../../lib/config/oidc-provider.ts'
import { resolveBearer } from '../../../lib/config/resolve-bearer.ts'
import { resolveOptions } from '../../../lib/config/resolve.ts'
import { findFaults } from '../../support/find-faults.ts'

/** The settings that a provider of `entra()` holds. */
function settings(
  options: EntraOptions,
): { issuer: string } & { [Name in keyof OidcIssuerRules]-?: NonNullable<OidcIssuerRules[Name]> } {
  return OidcProvider.reveal(entra(options)) as never
}

const contoso = '11111111-1111-4111-8111-111111111111'
const fabrikam = '22222222-2222-4222-8222-222222222222'
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const oid = 'aaaaaaaa-0000-4000-8000-000000000001'
const allow = (): boolean => true
const host = 'https://login.microsoftonline.com'

/** A key that is valid for all tenants, as in the metadata of several tenants. */
const key = { kid: 'a', issuer: `${host}/{tenantid}/v2.0` }
const atLogin: OidcTokenContext = { token: 'id', keys: [key] }
const atApi: OidcTokenContext = { token: 'access', keys: [key] }

describe('the issuers of entra()', () => {
  const v2 = (tid: string): string => `${host}/${tid}/v2.0`
  const v1 = (tid: string): string => `https://sts.windows.net/${tid}/`
  const template = `${host}/{tenantid}/v2.0`

  it.each<
    [string, EntraOptions, { issuer: string; metadataIssuer?: string }, Record<string, readonly string[] | undefined>]
  >([
    [
      'one tenant',
      { tenant: contoso.toUpperCase() },
      { issuer: v2(contoso) },
      { [contoso]: [v2(contoso), v1(contoso)], [fabrikam]: undefined, [consumers]: undefined },
    ],
    [
      'a list of one tenant',
      { tenant: [contoso, contoso] },
      { issuer: v2(contoso) },
      { [contoso]: [v2(contoso), v1(contoso)], [fabrikam]: undefined },
    ],
    [
      'a list of tenants',
      { tenant: [contoso, fabrikam] },
      { issuer: v2('organizations'), metadataIssuer: template },
      {
        [contoso]: [v2(contoso), v1(contoso)],
        [fabrikam]: [v2(fabrikam), v1(fabrikam)],
        [consumers]: undefined,
        [oid]: undefined,
      },
    ],
    [
      'a list of tenants with personal accounts',
      { tenant: [contoso, consumers] },
      { issuer: v2('common'), metadataIssuer: template },
      { [consumers]: [v2(consumers), v1(consumers)], [fabrikam]: undefined },
    ],
    [
      'organizations',
      { tenant: 'organizations', allow },
      { issuer: v2('organizations'), metadataIssuer: template },
      { [contoso]: [v2(contoso), v1(contoso)], [consumers]: undefined },
    ],
    [
      'common',
      { tenant: 'common', allow },
      { issuer: v2('common'), metadataIssuer: template },
      { [contoso]: [v2(contoso), v1(contoso)], [consumers]: [v2(consumers), v1(consumers)] },
    ],
    [
      'consumers',
      { tenant: 'consumers', allow },
      { issuer: v2('consumers'), metadataIssuer: v2(consumers) },
      { [consumers]: [v2(consumers), v1(consumers)], [contoso]: undefined },
    ],
    [
      'the US Government cloud',
      { tenant: contoso, cloud: 'us' },
      { issuer: `https://login.microsoftonline.us/${contoso}/v2.0` },
      { [contoso]: [`https://login.microsoftonline.us/${contoso}/v2.0`, v1(contoso)] },
    ],
    [
      'the China cloud',
      { tenant: [contoso, fabrikam], cloud: 'china' },
      {
        issuer: 'https://login.partner.microsoftonline.cn/organizations/v2.0',
        metadataIssuer: 'https://login.partner.microsoftonline.cn/{tenantid}/v2.0',
      },
      {
        [contoso]: [
          `https://login.partner.microsoftonline.cn/${contoso}/v2.0`,
          `https://sts.chinacloudapi.cn/${contoso}/`,
        ],
      },
    ],
    [
      'External ID',
      { tenant: contoso, externalId: 'shop' },
      {
        issuer: `https://shop.ciamlogin.com/${contoso}/v2.0`,
        metadataIssuer: `https://${contoso}.ciamlogin.com/${contoso}/v2.0`,
      },
      { [contoso]: [`https://${contoso}.ciamlogin.com/${contoso}/v2.0`], [fabrikam]: undefined },
    ],
    [
      'External ID with a custom domain',
      { tenant: contoso, externalId: 'Login.Shop.Example' },
      {
        issuer: `https://login.shop.example/${contoso}/v2.0`,
        metadataIssuer: `https://${contoso}.ciamlogin.com/${contoso}/v2.0`,
      },
      {},
    ],
    [
      'B2C',
      { tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } },
      {
        issuer: `https://shop.b2clogin.com/${contoso}/B2C_1_signin/v2.0`,
        metadataIssuer: `https://shop.b2clogin.com/${contoso}/v2.0/`,
      },
      { [contoso]: [`https://shop.b2clogin.com/${contoso}/v2.0/`], [fabrikam]: undefined },
    ],
  ])('returns the issuers of logins and tokens for %s', (_name, options, where, issuers) => {
    const { issuer, metadataIssuer, tokenIssuer } = settings(options)
    expect({ issuer, metadataIssuer }).toEqual(where)
    for (const [tid, expected] of Object.entries(issuers)) {
      const found = tokenIssuer({ tid })
      expect(found === undefined ? found : [found].flat(), tid).toEqual(expected)
    }
    for (const tid of [
      undefined,
      null,
      '',
      '{tenantid}',
      'contoso.example',
      [contoso],
      { tid: contoso },
      `${contoso}/`,
      contoso.replace('1', 'A'),
    ]) {
      if (tid === undefined && options.b2c) continue
      expect(tokenIssuer({ tid }), JSON.stringify(tid)).toBeUndefined()
    }
  })

  it('returns a provider that createOidc() and createBearer() accept', () => {
    for (const options of [
      { tenant: contoso },
      { tenant: [contoso, fabrikam] },
      { tenant: contoso, externalId: 'shop' },
    ]) {
      const provider = entra(options)
      const expected = OidcProvider.reveal(provider)
      const { rules, issuer, isApplicationToken } = resolveOptions({
        provider,
        clientId: 'web',
        clientAuth: 'none',
        baseUrl: 'https://app.example.com',
        secret: 'a secret of more than thirty-two characters',
      })
      expect({ issuer, ...rules, isApplicationToken }).toEqual(expected)
      const entries = [{ provider }, { issuer: [{ provider }] }].map((given) => {
        const [entry] = resolveBearer({ ...given, audience: 'orders' }).issuers
        return { issuer: entry?.issuer, ...entry?.rules, isApplicationToken: entry?.isApplicationToken }
      })
      expect(entries).toEqual([expected, expected])
    }
  })
})

describe('invalid options of entra()', () => {
  it.each<[string, unknown, readonly RegExp[]]>([
    [
      'missing options',
      undefined,
      [/must be an object/, /^`tenant` is missing; pass the tenant ID, a GUID, from the Overview page/],
    ],
    ['a missing tenant', {}, [/^`tenant` is missing; .*openid-configuration/]],
    ['an empty list of tenants', { tenant: [] }, [/^`tenant` is an empty list/]],
    [
      'a domain as the tenant',
      { tenant: 'contoso.onmicrosoft.com' },
      [/^`tenant` has "contoso.onmicrosoft.com", which is not a tenant ID; pass the tenant ID, a GUID/],
    ],
    ['a list with an invalid tenant', { tenant: [contoso, 'x'] }, [/^`tenant` has "x", which is not/]],
    ['a list with common', { tenant: [contoso, 'common'] }, [/^`tenant` has "common", which is not/]],
    ['a number as the tenant', { tenant: 7 }, [/^`tenant` has 7, which is not/]],
    ['organizations without allow', { tenant: 'organizations' }, [/^`allow` is missing, .*let anyone in/]],
    ['common without allow', { tenant: 'common' }, [/^`allow` is missing/]],
    ['consumers without allow', { tenant: 'consumers' }, [/^`allow` is missing/]],
    ['common with an undefined allow', { tenant: 'common', allow: undefined }, [/^`allow` is missing/]],
    ['an allow that is not a function', { tenant: 'common', allow: true }, [/^`allow` must be a function/]],
    ['an unknown cloud', { tenant: contoso, cloud: 'germany' }, [/^`cloud` must be one of 'global', 'us', 'china'/]],
    [
      'External ID with several tenants',
      { tenant: [contoso, fabrikam], externalId: 'shop' },
      [/^`externalId` requires one tenant/],
    ],
    ['External ID with common', { tenant: 'common', allow, externalId: 'shop' }, [/^`externalId` requires one tenant/]],
    [
      'External ID with a URL',
      { tenant: contoso, externalId: 'https://shop.ciamlogin.com' },
      [/^`externalId` must be the name before .ciamlogin.com/],
    ],
    ['External ID with a path', { tenant: contoso, externalId: 'evil.example/' }, [/^`externalId` must be the name/]],
    [
      'External ID with a cloud',
      { tenant: contoso, externalId: 'shop', cloud: 'us' },
      [/^`cloud` does not apply to `externalId`/],
    ],
    [
      'External ID with B2C',
      { tenant: contoso, externalId: 'shop', b2c: { name: 'shop', policy: 'B2C_1_a' } },
      [/^`externalId` and `b2c` are different kinds/],
    ],
    [
      'B2C without members',
      { tenant: contoso, b2c: {} },
      [/^`b2c.name` must be the name before .b2clogin.com/, /^`b2c.policy` must be the name/],
    ],
    [
      'B2C with a path as its policy',
      { tenant: contoso, b2c: { name: 'shop', policy: '../x' } },
      [/^`b2c.policy` must be/],
    ],
    [
      'appTokens with B2C',
      { tenant: contoso, appTokens: true, b2c: { name: 'shop', policy: 'B2C_1_a' } },
      [/^`appTokens` is not supported with `b2c`/],
    ],
    ['a string as appTokens', { tenant: contoso, appTokens: 'yes' }, [/^`appTokens` must be true or false/]],
    ['true as groups', { tenant: contoso, groups: true }, [/^`groups` must be a function/]],
    [
      'an unknown option',
      { tenant: contoso, tenantId: contoso },
      [/^`tenantId` is not an option; did you mean `tenant`\?/],
    ],
  ])('throws for %s', (_name, options, expected) => {
    const found = findFaults(() => entra(options as EntraOptions))
    expect(found).toHaveLength(expected.length)
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern)
  })
})

/** The claims of a user's access token, version 2. */
const user = { tid: contoso, oid, sub: 'pairwise', scp: 'Orders.Read', ver: '2.0' }
/** The claims of a token that an application requested for itself. */
const app = { tid: contoso, oid, sub: oid, ver: '2.0' }

describe('accept() of entra() for an access token', () => {
  const one = { tenant: contoso }
  it.each<[string, EntraOptions, Record<string, unknown>, true | RegExp]>([
    ['accepts a user with a scope', one, user, true],
    ['accepts a user with idtyp user', one, { ...user, idtyp: 'user' }, true],
    ['rejects a user of another tenant', one, { ...user, tid: fabrikam }, /not in the option `tenant`/],
    ['rejects a user without a tenant', one, { ...user, tid: undefined }, /^tid is missing/],
    ['rejects a user whose tid is a list', one, { ...user, tid: [contoso] }, /^tid is not a tenant ID/],
    ['rejects a user without an oid', one, { ...user, oid: undefined }, /^oid is missing/],
    ['rejects a user whose oid is a list', one, { ...user, oid: [oid] }, /^oid is not a user ID/],
    ['rejects a user without a scope', one, { ...user, scp: undefined }, /neither a user token/],
    ['rejects a user with an empty scope', one, { ...user, scp: '' }, /neither a user token/],
    ['rejects a user whose scope is a list', one, { ...user, scp: ['Orders.Read'] }, /neither a user token/],
    ['rejects an application', one, app, /^the token belongs to an application, not to a user; pass `appTokens: true`/],
    ['rejects an application with idtyp app', one, { ...app, idtyp: 'app' }, /^the token belongs to an application/],
    ['rejects an application with a scope', one, { ...user, idtyp: 'app' }, /neither a user token/],
    ['rejects a device', one, { ...user, idtyp: 'device' }, /neither a user token/],
    ['accepts an application with appTokens', { ...one, appTokens: true }, app, true],
    [
      'accepts an application with idtyp app and appTokens',
      { ...one, appTokens: true },
      { ...app, sub: 'x', idtyp: 'app' },
      true,
    ],
    [
      'rejects an ID token with appTokens',
      { ...one, appTokens: true },
      { ...app, sub: 'pairwise' },
      /neither a user token/,
    ],
    [
      'rejects a device with appTokens',
      { ...one, appTokens: true },
      { ...app, idtyp: 'device' },
      /neither a user token/,
    ],
    [
      'rejects an application without a subject with appTokens',
      { ...one, appTokens: true },
      { tid: contoso, oid },
      /neither a user token/,
    ],
  ])('%s', async (_name, options, claims, expected) => {
    const verdict = await settings(options).accept(claims, atApi)
    if (expected === true) expect(verdict).toBe(true)
    else expect(verdict).toMatch(expected)
  })

  it.each<[string, readonly Record<string, unknown>[], true | RegExp]>([
    ['accepts a key of all tenants', [key], true],
    ['accepts a key without an issuer', [{ kid: 'a' }], true],
    ['accepts a key of the tenant of the token', [{ issuer: `${host}/${contoso}/v2.0` }], true],
    ['accepts one of two keys with the same kid', [{ issuer: `${host}/${fabrikam}/v2.0` }, key], true],
    ['rejects a key of another tenant', [{ issuer: `${host}/${consumers}/v2.0` }], /key of another tenant/],
    ['rejects a key whose issuer is a list', [{ issuer: [`${host}/${contoso}/v2.0`] }], /key of another tenant/],
    ['rejects a key that is not published', [], /no longer published/],
  ])('%s', async (_name, keys, expected) => {
    const verdict = await settings({ tenant: contoso }).accept(user, { token: 'access', keys })
    if (expected === true) expect(verdict).toBe(true)
    else expect(verdict).toMatch(expected)
  })

  it('accepts tokens of External ID and B2C, whose keys do not name a tenant', async () => {
    const none = { token: 'access', keys: [] } as const
    expect(await settings({ tenant: contoso, externalId: 'shop' }).accept(user, none)).toBe(true)
    const { accept } = settings({ tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } })
    expect(await accept({ sub: oid, scp: 'read', tfp: 'B2C_1_signin' }, none)).toBe(true)
    expect(await accept({ sub: oid, scp: 'read', acr: 'b2c_1_signin' }, none)).toBe(true)
    expect(await accept({ sub: oid, scp: 'read', tfp: 'B2C_1_other', acr: 'B2C_1_signin' }, none)).toMatch(/policy/)
    expect(await accept({ sub: oid, scp: 'read' }, none)).toMatch(/not the policy B2C_1_signin/)
    expect(await accept({ sub: oid, scp: 'read', tid: fabrikam, tfp: 'B2C_1_signin' }, none)).toMatch(
      /not in the option `tenant`/,
    )
    expect(await accept({ sub: oid, tfp: 'B2C_1_signin' }, none)).toMatch(/neither a user token/)
    expect(await accept({ sub: oid, tfp: 'B2C_1_signin' }, { token: 'id', keys: [] })).toBe(true)
  })
})

describe('accept() of entra() for an ID token', () => {
  const claims = { tid: contoso, oid, sub: 'pairwise', ver: '2.0' }

  it('accepts an ID token, which has no scope', async () => {
    expect(await settings({ tenant: contoso }).accept(claims, atLogin)).toBe(true)
    expect(await settings({ tenant: contoso }).accept({ ...claims, oid: undefined }, atLogin)).toMatch(/scope profile/)
  })

  it.each<[string, unknown, true | RegExp]>([
    ['true', true, true],
    ['a promise of true', Promise.resolve(true), true],
    ['false', false, /^`allow` returned false for user aaaaaaaa.* of tenant 1111/],
    ['a promise of false', Promise.resolve(false), /^`allow` returned false/],
    ['1', 1, /only true accepts the user/],
    ['a string', 'yes', /only true accepts the user/],
    ['an object', { tenant: contoso }, /only true accepts the user/],
    ['undefined', undefined, /only true accepts the user/],
  ])('accepts a user only if allow returns true; here it returns %s', async (_name, verdict, expected) => {
    const options = { tenant: 'common', allow: () => verdict as boolean }
    const found = await settings(options).accept(claims, atLogin)
    if (expected === true) expect(found).toBe(true)
    else expect(found).toMatch(expected)
  })

  it('passes on the error of allow', async () => {
    const fails = (): never => {
      throw new Error('no database')
    }
    await expect(settings({ tenant: 'common', allow: fails }).accept(claims, atLogin)).rejects.toThrow('no database')
  })

  it('does not call allow for a user that it rejects anyway', async () => {
    const requested: unknown[] = []
    const { accept } = settings({ tenant: [contoso], allow: ({ tid }) => requested.push(tid) > 0 })
    await accept({ ...claims, tid: fabrikam }, atLogin)
    await accept({ ...claims, hasgroups: true }, atLogin)
    await accept({ ...claims, oid: 7 }, atLogin)
    expect(requested).toEqual([])
    await accept(claims, atLogin)
    expect(requested).toEqual([contoso])
  })
})

describe('the groups of a user', () => {
  const claims = { tid: contoso, oid, sub: 'pairwise' }
  const markers: [string, Record<string, unknown>][] = [
    [
      '_claim_names',
      { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } } },
    ],
    ['hasgroups', { hasgroups: true }],
    ['hasgroups as a string', { hasgroups: 'true' }],
    ['groups that is not a list', { groups: 'src1' }],
  ]

  it.each(markers)('rejects a user on group overage if there is no groups function: %s', async (_name, marker) => {
    const { accept } = settings({ tenant: contoso })
    expect(await accept({ ...claims, ...marker }, atLogin)).toMatch(/too many groups .*; pass `groups`, a function/)
  })

  it.each(markers)('calls the groups function on group overage: %s', async (_name, marker) => {
    const requested: unknown[] = []
    const { accept, distributedClaims } = settings({
      tenant: contoso,
      groups: async (given, token) => {
        requested.push([given['oid'], token])
        return ['g1', 'g2']
      },
    })
    expect(await accept({ ...claims, ...marker }, atLogin)).toBe(true)
    expect(await distributedClaims({ ...claims, ...marker }, 'the token')).toEqual({
      groups: ['g1', 'g2'],
      hasgroups: undefined,
      _claim_names: undefined,
      _claim_sources: undefined,
    })
    expect(requested).toEqual([[oid, 'the token']])
  })

  it.each([
    {},
    { groups: ['g1'] },
    { groups: [] },
    { hasgroups: false },
    { _claim_names: { roles: 'src1' } },
    { _claim_names: null },
  ])('takes the groups from the token without group overage: %j', async (given) => {
    const requested: unknown[] = []
    const { accept, distributedClaims } = settings({
      tenant: contoso,
      groups: () => {
        requested.push(given)
        return []
      },
    })
    expect(await accept({ ...claims, ...given }, atLogin)).toBe(true)
    expect(await distributedClaims({ ...claims, ...given }, '')).toEqual({})
    expect(await settings({ tenant: contoso }).accept({ ...claims, ...given }, atLogin)).toBe(true)
    expect(await settings({ tenant: contoso }).distributedClaims({ ...claims, ...given }, '')).toEqual({})
    expect(requested).toEqual([])
  })

  it('removes the groups if the option groups is false', async () => {
    const { accept, distributedClaims } = settings({ tenant: contoso, groups: false })
    expect(await accept({ ...claims, hasgroups: true }, atLogin)).toBe(true)
    const more = await distributedClaims({ ...claims, groups: ['g1'] }, '')
    expect(Object.hasOwn(more, 'groups')).toBe(true)
    expect(more['groups']).toBeUndefined()
  })

  it.each([undefined, 'g1', [1], null, { groups: [] }])(
    'throws if the groups function returns %j instead of an array of strings',
    async (found) => {
      const { distributedClaims } = settings({ tenant: contoso, groups: () => found as unknown as string[] })
      await expect(async () => distributedClaims({ hasgroups: true }, '')).rejects.toThrow('array of strings')
    },
  )
})
