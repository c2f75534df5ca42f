import { entra, type EntraOptions, type TokenContext } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { resolveBearer } from '../../../lib/config/resolve-bearer.ts'
import { resolveOptions } from '../../../lib/config/resolve.ts'
import { faultsOf } from '../../support/faults-of.ts'

const contoso = '11111111-1111-4111-8111-111111111111'
const fabrikam = '22222222-2222-4222-8222-222222222222'
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const oid = 'aaaaaaaa-0000-4000-8000-000000000001'
const allow = (): boolean => true
const host = 'https://login.microsoftonline.com'

/** A key that is good for all tenants, as the metadata of several have it. */
const key = { kid: 'a', issuer: `${host}/{tenantid}/v2.0` }
const atLogin: TokenContext = { token: 'id', keys: [key] }
const atApi: TokenContext = { token: 'access', keys: [key] }

describe('where entra() sends to log in, and whose tokens have which issuer', () => {
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
      'a list of one',
      { tenant: [contoso, contoso] },
      { issuer: v2(contoso) },
      { [contoso]: [v2(contoso), v1(contoso)], [fabrikam]: undefined },
    ],
    [
      'a list',
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
      'a list with personal accounts',
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
      'US Government',
      { tenant: contoso, cloud: 'us' },
      { issuer: `https://login.microsoftonline.us/${contoso}/v2.0` },
      { [contoso]: [`https://login.microsoftonline.us/${contoso}/v2.0`, v1(contoso)] },
    ],
    [
      'China',
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
      'External ID with a domain',
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
  ])('%s', (_name, options, where, issuers) => {
    const { issuer, metadataIssuer, tokenIssuer } = entra(options)
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

  it('gives options that createOidc and createBearer take', () => {
    for (const options of [
      { tenant: contoso },
      { tenant: [contoso, fabrikam] },
      { tenant: contoso, externalId: 'shop' },
    ]) {
      const settings = entra(options)
      const { rules, issuer } = resolveOptions({
        ...settings,
        clientId: 'web',
        clientAuth: 'none',
        baseUrl: 'https://app.example.com',
        secret: 'a secret of more than thirty-two characters',
      })
      expect({ issuer, ...rules }).toEqual(settings)
      const [first] = resolveBearer({ ...settings, audience: 'orders' }).issuers
      expect({ issuer: first?.issuer, ...first?.rules }).toEqual(settings)
      const [only] = resolveBearer({ issuer: [{ ...settings, audience: 'orders' }] }).issuers
      expect({ issuer: only?.issuer, ...only?.rules }).toEqual(settings)
    }
  })
})

describe('entra() refuses', () => {
  it.each<[string, unknown, readonly RegExp[]]>([
    [
      'no options',
      undefined,
      [/must be an object/, /^tenant is missing: pass the ID of the tenant, a GUID, .* under Overview/],
    ],
    ['no tenant', {}, [/^tenant is missing: .*openid-configuration/]],
    ['an empty list', { tenant: [] }, [/^tenant is an empty list/]],
    [
      'a domain',
      { tenant: 'contoso.onmicrosoft.com' },
      [/^tenant: "contoso.onmicrosoft.com" is not the ID of a tenant: .*tokens name no domain/],
    ],
    ['a domain in a list', { tenant: [contoso, 'x'] }, [/^tenant: "x" is not/]],
    ['a word in a list', { tenant: [contoso, 'common'] }, [/^tenant: "common" is not/]],
    ['no text', { tenant: 7 }, [/^tenant: 7 is not/]],
    ['organizations without a rule', { tenant: 'organizations' }, [/^allow is missing: .*anyone in the world/]],
    ['common without a rule', { tenant: 'common' }, [/^allow is missing/]],
    ['consumers without a rule', { tenant: 'consumers' }, [/^allow is missing/]],
    ['common with a rule that is undefined', { tenant: 'common', allow: undefined }, [/^allow is missing/]],
    ['a rule that is no function', { tenant: 'common', allow: true }, [/^allow must be a function/]],
    ['another cloud', { tenant: contoso, cloud: 'germany' }, [/^cloud must be one of 'global', 'us', 'china'/]],
    [
      'External ID of several tenants',
      { tenant: [contoso, fabrikam], externalId: 'shop' },
      [/^externalId needs the ID of one tenant/],
    ],
    ['External ID of any', { tenant: 'common', allow, externalId: 'shop' }, [/^externalId needs the ID of one tenant/]],
    [
      'External ID by a URL',
      { tenant: contoso, externalId: 'https://shop.ciamlogin.com' },
      [/^externalId must be the name before .ciamlogin.com/],
    ],
    ['External ID with a path', { tenant: contoso, externalId: 'evil.example/' }, [/^externalId must be the name/]],
    [
      'External ID in a cloud',
      { tenant: contoso, externalId: 'shop', cloud: 'us' },
      [/^cloud is of no use with externalId/],
    ],
    [
      'two kinds',
      { tenant: contoso, externalId: 'shop', b2c: { name: 'shop', policy: 'B2C_1_a' } },
      [/^externalId and b2c are two kinds/],
    ],
    [
      'B2C without members',
      { tenant: contoso, b2c: {} },
      [/^b2c.name must be the name before .b2clogin.com/, /^b2c.policy must be the name/],
    ],
    [
      'B2C with a path as its policy',
      { tenant: contoso, b2c: { name: 'shop', policy: '../x' } },
      [/^b2c.policy must be/],
    ],
    [
      'applications of B2C',
      { tenant: contoso, appTokens: true, b2c: { name: 'shop', policy: 'B2C_1_a' } },
      [/^appTokens cannot be had with b2c/],
    ],
    ['appTokens of text', { tenant: contoso, appTokens: 'yes' }, [/^appTokens must be true or false/]],
    ['groups of true', { tenant: contoso, groups: true }, [/^groups must be a function/]],
    [
      'an unknown option',
      { tenant: contoso, tenantId: contoso },
      [/^unknown option 'tenantId'; did you mean 'tenant'\?/],
    ],
  ])('%s', (_name, options, expected) => {
    const found = faultsOf(() => entra(options as EntraOptions))
    expect(found).toHaveLength(expected.length)
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern)
  })
})

describe('the rules of an issuer', () => {
  const bearer = { issuer: `${host}/common/v2.0`, audience: 'orders' }
  const tokenIssuer = (): string => 'x'

  it.each<[string, object, RegExp]>([
    [
      'metadata of another issuer, with nothing said of the tokens',
      { metadataIssuer: `${host}/{tenantid}/v2.0` },
      /^metadataIssuer needs tokenIssuer/,
    ],
    [
      'metadata whose issuer is no URL',
      { metadataIssuer: 'x', tokenIssuer },
      /^metadataIssuer must be an absolute URL/,
    ],
    ['metadata whose issuer is no text', { metadataIssuer: 7, tokenIssuer }, /^metadataIssuer must be an absolute URL/],
    [
      'metadata whose issuer is plain http',
      { metadataIssuer: 'http://id.example.com', tokenIssuer },
      /^metadataIssuer is plain http/,
    ],
    ['tokenIssuer', { tokenIssuer: 'x' }, /^tokenIssuer must be a function/],
    ['accept', { accept: true }, /^accept must be a function/],
    ['distributedClaims', { distributedClaims: {} }, /^distributedClaims must be a function/],
  ])('must be what they are: %s', (_name, rules, message) => {
    for (const options of [{ ...bearer, ...rules }, { issuer: { ...bearer, ...rules } }]) {
      const found = faultsOf(() => resolveBearer(options))
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(message)
    }
  })

  it.each<[string, unknown]>([
    ['a list', ['https://a.example', 'https://b.example']],
    ['an entry of its own', { issuer: 'https://a.example' }],
  ])('belong to one issuer: %s', (_name, issuer) => {
    const found = faultsOf(() => resolveBearer({ audience: 'x', issuer, tokenIssuer, accept: allow }))
    expect(found).toEqual([
      'tokenIssuer, accept: give them with the issuer that they are of: issuer: [{ issuer, tokenIssuer, accept }]',
    ])
  })
})

/** The claims of a user's access token, as of version 2. */
const user = { tid: contoso, oid, sub: 'pairwise', scp: 'Orders.Read', ver: '2.0' }
/** Those of a token that an application got for itself. */
const app = { tid: contoso, oid, sub: oid, ver: '2.0' }

describe('entra() accepts at an API', () => {
  const one = { tenant: contoso }
  it.each<[string, EntraOptions, Record<string, unknown>, true | RegExp]>([
    ['a user with a scope', one, user, true],
    ['a user that says so', one, { ...user, idtyp: 'user' }, true],
    ['no user of another tenant', one, { ...user, tid: fabrikam }, /none of the tenants of the option tenant/],
    ['no user of no tenant', one, { ...user, tid: undefined }, /^tid is missing/],
    ['no user of several tenants', one, { ...user, tid: [contoso] }, /^tid is no ID/],
    ['no user without an oid', one, { ...user, oid: undefined }, /^oid is missing/],
    ['no user with another kind of oid', one, { ...user, oid: [oid] }, /^oid is no ID/],
    ['no scope', one, { ...user, scp: undefined }, /neither a user's/],
    ['no empty scope', one, { ...user, scp: '' }, /neither a user's/],
    ['no list for a scope', one, { ...user, scp: ['Orders.Read'] }, /neither a user's/],
    ['no application', one, app, /^it is that of an application and no user: pass appTokens: true/],
    ['no application that says so', one, { ...app, idtyp: 'app' }, /^it is that of an application/],
    ['no application with a scope', one, { ...user, idtyp: 'app' }, /neither a user's/],
    ['no device', one, { ...user, idtyp: 'device' }, /neither a user's/],
    ['an application where they are taken', { ...one, appTokens: true }, app, true],
    ['an application that says so', { ...one, appTokens: true }, { ...app, sub: 'x', idtyp: 'app' }, true],
    [
      'no ID token for one of an application',
      { ...one, appTokens: true },
      { ...app, sub: 'pairwise' },
      /neither a user's/,
    ],
    ['no device for an application', { ...one, appTokens: true }, { ...app, idtyp: 'device' }, /neither a user's/],
    ['nobody without ID for an application', { ...one, appTokens: true }, { tid: contoso, oid }, /neither a user's/],
  ])('%s', async (_name, options, claims, expected) => {
    const verdict = await entra(options).accept(claims, atApi)
    if (expected === true) expect(verdict).toBe(true)
    else expect(verdict).toMatch(expected)
  })

  it.each<[string, readonly Record<string, unknown>[], true | RegExp]>([
    ['the key of all tenants', [key], true],
    ['a key without an issuer', [{ kid: 'a' }], true],
    ['the key of the very tenant', [{ issuer: `${host}/${contoso}/v2.0` }], true],
    ['one of two keys with the same name', [{ issuer: `${host}/${fabrikam}/v2.0` }, key], true],
    ['no key of another tenant', [{ issuer: `${host}/${consumers}/v2.0` }], /key of another tenant/],
    ['no key with another kind of issuer', [{ issuer: [`${host}/${contoso}/v2.0`] }], /key of another tenant/],
    ['no key that is not published', [], /published no more/],
  ])('%s', async (_name, keys, expected) => {
    const verdict = await entra({ tenant: contoso }).accept(user, { token: 'access', keys })
    if (expected === true) expect(verdict).toBe(true)
    else expect(verdict).toMatch(expected)
  })

  it('tokens of External ID and B2C, whose keys say nothing of tenants', async () => {
    const none = { token: 'access', keys: [] } as const
    expect(await entra({ tenant: contoso, externalId: 'shop' }).accept(user, none)).toBe(true)
    const { accept } = entra({ tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } })
    expect(await accept({ sub: oid, scp: 'read', tfp: 'B2C_1_signin' }, none)).toBe(true)
    expect(await accept({ sub: oid, scp: 'read', acr: 'b2c_1_signin' }, none)).toBe(true)
    expect(await accept({ sub: oid, scp: 'read', tfp: 'B2C_1_other', acr: 'B2C_1_signin' }, none)).toMatch(/policy/)
    expect(await accept({ sub: oid, scp: 'read' }, none)).toMatch(/not by the policy B2C_1_signin/)
    expect(await accept({ sub: oid, scp: 'read', tid: fabrikam, tfp: 'B2C_1_signin' }, none)).toMatch(/tenants/)
    expect(await accept({ sub: oid, tfp: 'B2C_1_signin' }, none)).toMatch(/neither a user's/)
    expect(await accept({ sub: oid, tfp: 'B2C_1_signin' }, { token: 'id', keys: [] })).toBe(true)
  })
})

describe('entra() accepts at a login', () => {
  const claims = { tid: contoso, oid, sub: 'pairwise', ver: '2.0' }

  it('an ID token, which has no scope', async () => {
    expect(await entra({ tenant: contoso }).accept(claims, atLogin)).toBe(true)
    expect(await entra({ tenant: contoso }).accept({ ...claims, oid: undefined }, atLogin)).toMatch(/scope profile/)
  })

  it.each<[string, unknown, true | RegExp]>([
    ['true', true, true],
    ['a promise of true', Promise.resolve(true), true],
    ['false', false, /^allow said no to the user aaaaaaaa.* of the tenant 1111/],
    ['a promise of false', Promise.resolve(false), /^allow said no/],
    ['1', 1, /only true lets in/],
    ['a text', 'yes', /only true lets in/],
    ['an object', { tenant: contoso }, /only true lets in/],
    ['nothing', undefined, /only true lets in/],
  ])('whom the rule says %s of', async (_name, verdict, expected) => {
    const options = { tenant: 'common', allow: () => verdict as boolean }
    const found = await entra(options).accept(claims, atLogin)
    if (expected === true) expect(found).toBe(true)
    else expect(found).toMatch(expected)
  })

  it('nobody where the rule fails', async () => {
    const fails = (): never => {
      throw new Error('no database')
    }
    await expect(entra({ tenant: 'common', allow: fails }).accept(claims, atLogin)).rejects.toThrow('no database')
  })

  it('asks the rule of nobody whom it refuses anyway', async () => {
    const asked: unknown[] = []
    const { accept } = entra({ tenant: [contoso], allow: ({ tid }) => asked.push(tid) > 0 })
    await accept({ ...claims, tid: fabrikam }, atLogin)
    await accept({ ...claims, hasgroups: true }, atLogin)
    await accept({ ...claims, oid: 7 }, atLogin)
    expect(asked).toEqual([])
    await accept(claims, atLogin)
    expect(asked).toEqual([contoso])
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
    ['hasgroups as text', { hasgroups: 'true' }],
    ['groups that are no list', { groups: 'src1' }],
  ]

  it.each(markers)(
    'are refused where they do not fit into the token and nobody fetches them: %s',
    async (_name, marker) => {
      const { accept } = entra({ tenant: contoso })
      expect(await accept({ ...claims, ...marker }, atLogin)).toMatch(/more groups than .*: pass groups: a function/)
    },
  )

  it.each(markers)('are fetched where they do not fit: %s', async (_name, marker) => {
    const asked: unknown[] = []
    const { accept, distributedClaims } = entra({
      tenant: contoso,
      groups: async (given, token) => {
        asked.push([given['oid'], token])
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
    expect(asked).toEqual([[oid, 'the token']])
  })

  it.each([
    {},
    { groups: ['g1'] },
    { groups: [] },
    { hasgroups: false },
    { _claim_names: { roles: 'src1' } },
    { _claim_names: null },
  ])('are as the token has them: %j', async (given) => {
    const asked: unknown[] = []
    const { accept, distributedClaims } = entra({
      tenant: contoso,
      groups: () => {
        asked.push(given)
        return []
      },
    })
    expect(await accept({ ...claims, ...given }, atLogin)).toBe(true)
    expect(await distributedClaims({ ...claims, ...given }, '')).toEqual({})
    expect(await entra({ tenant: contoso }).accept({ ...claims, ...given }, atLogin)).toBe(true)
    expect(await entra({ tenant: contoso }).distributedClaims({ ...claims, ...given }, '')).toEqual({})
    expect(asked).toEqual([])
  })

  it('are left out where the application looks at none', async () => {
    const { accept, distributedClaims } = entra({ tenant: contoso, groups: false })
    expect(await accept({ ...claims, hasgroups: true }, atLogin)).toBe(true)
    const more = await distributedClaims({ ...claims, groups: ['g1'] }, '')
    expect(Object.hasOwn(more, 'groups')).toBe(true)
    expect(more['groups']).toBeUndefined()
  })

  it.each([undefined, 'g1', [1], null, { groups: [] }])('must be a list of texts, not %j', async (found) => {
    const { distributedClaims } = entra({ tenant: contoso, groups: () => found as unknown as string[] })
    await expect(async () => distributedClaims({ hasgroups: true }, '')).rejects.toThrow('array of strings')
  })
})
