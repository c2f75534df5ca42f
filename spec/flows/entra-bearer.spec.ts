/** The access tokens of Entra that an API accepts, and those that it must reject. */
import { createOidc, entra, type EntraOptions } from 'express-session-oidc'
import { testTenants, type TestEntraTokenRequest } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { entraForFile } from '../support/entra.ts'

const { contoso, fabrikam, consumers } = testTenants
const appId = 'd0000000-0000-4000-8000-000000000001'
const audience = [appId, 'api://orders']
/** A tenant whose ID has letters, unlike those of `testTenants`. */
const lettered = 'abcdefab-cdef-4abc-8def-abcdefabcdef'
const groups = Array.from({ length: 201 }, (_, index) => `group-${index}`)
const alice = {
  name: 'alice',
  tenant: contoso,
  oid: 'aaaaaaaa-0000-4000-8000-000000000001',
  displayName: 'Alice Adams',
  upn: 'alice@contoso.example',
}
const entraId = entraForFile({
  users: [
    { ...alice, roles: ['Admin'] },
    { ...alice, name: 'bob', tenant: fabrikam, guestIn: { [contoso]: 'aaaaaaaa-0000-4000-8000-000000000002' } },
    { ...alice, name: 'carol', tenant: consumers, oid: '00000000-0000-0000-cccc-000000000001' },
    { ...alice, name: 'member', groups: ['group-1'] },
    { ...alice, name: 'joiner', groups },
    { ...alice, name: 'dora', tenant: lettered },
  ],
})

const allow = (): boolean => true

describe('an API for one tenant', () => {
  it.each([1, 2] as const)(
    'an API accepts Entra tokens of version %i, with user, scope and roles',
    { meta: { id: 'entra-bearer-1' } },
    async (version) => {
      const api = await entraId.api({ audience }, { tenant: contoso })
      const token = await entraId.id.accessToken({ user: 'alice', version, scope: 'Orders.Read Orders.Write' })
      const { status, auth } = await api.call(token)
      expect(status).toBe(200)
      expect(auth).toMatchObject({
        issuer:
          version === 1 ? `https://sts.windows.net/${contoso}/` : `https://login.microsoftonline.com/${contoso}/v2.0`,
        scope: ['Orders.Read', 'Orders.Write'],
        roles: ['Admin'],
        claims: { oid: alice.oid, tid: contoso, ver: `${version}.0` },
      })
      expect((await api.call(token, '/read')).status).toBe(200)
      expect((await api.call(token, '/admin')).status).toBe(200)
      expect(
        (await api.call(await entraId.id.accessToken({ user: 'member', version, scope: 'Else' }), '/read')).status,
      ).toBe(403)
      expect((await api.call(await entraId.id.accessToken({ user: 'member', version }), '/admin')).status).toBe(403)
      expect(api.details).toEqual([])
    },
  )

  it('an API accepts a guest of the tenant unless `allow` rejects guests', async () => {
    const token = await entraId.id.accessToken({ user: 'bob', tenant: contoso })
    const open = await entraId.api({ audience }, { tenant: contoso })
    expect(await open.call(token)).toMatchObject({
      status: 200,
      auth: { claims: { tid: contoso, idp: `https://sts.windows.net/${fabrikam}/` } },
    })
    const closed = await entraId.api({ audience }, { tenant: contoso, allow: ({ idp }) => idp === undefined })
    expect((await closed.call(token)).status).toBe(401)
    expect((await closed.call(await entraId.id.accessToken({ user: 'alice' }))).status).toBe(200)
    expect(closed.details).toEqual([
      expect.stringMatching(/^`allow` returned false for user aaaaaaaa-.*2 of tenant 1111/),
    ])
  })

  it('an API accepts an audience only in the form in which the token names it', async () => {
    const api = await entraId.api({ audience: appId }, { tenant: contoso })
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', version: 2 }))).status).toBe(200)
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', version: 1 }))).status).toBe(401)
    expect(api.details).toEqual([expect.stringContaining('aud is ["api://orders"]')])
  })

  it('after a key rotation an API accepts the new key and rejects the old one', async () => {
    const api = await entraId.api({ audience }, { tenant: contoso })
    expect((await api.call(await entraId.id.accessToken({ user: 'alice' }))).status).toBe(200)
    const former = await entraId.id.accessToken({ user: 'alice' })
    await entraId.id.rotateKeys()
    expect((await api.call(await entraId.id.accessToken({ user: 'alice' }))).status).toBe(200)
    expect((await api.call(former)).status).toBe(401)
  })
})

describe('an API for several tenants', () => {
  it.each<[string, EntraOptions, readonly TestEntraTokenRequest[], readonly TestEntraTokenRequest[]]>([
    [
      'a list of tenants',
      { tenant: [contoso, fabrikam] },
      [{ user: 'alice' }, { user: 'bob' }, { user: 'bob', version: 1 }],
      [{ user: 'carol' }, { user: 'alice', tenant: contoso, claims: { tid: consumers } }],
    ],
    [
      'organizations',
      { tenant: 'organizations', allow },
      [{ user: 'alice' }, { user: 'bob', version: 1 }],
      [{ user: 'carol' }],
    ],
    ['common', { tenant: 'common', allow }, [{ user: 'alice' }, { user: 'bob' }, { user: 'carol' }], []],
    ['consumers', { tenant: 'consumers', allow }, [{ user: 'carol' }], [{ user: 'alice' }]],
    [
      'tenants that `allow` accepts',
      { tenant: 'common', allow: async ({ tid }) => tid === contoso },
      [{ user: 'alice' }],
      [{ user: 'bob' }, { user: 'carol' }],
    ],
  ])('an API accepts the tokens of %s and no others', async (_name, options, taken, refused) => {
    const api = await entraId.api({ audience }, options)
    for (const request of taken) {
      const answer = await api.call(await entraId.id.accessToken(request))
      expect({ ...request, status: answer.status, details: api.details }).toEqual({
        ...request,
        status: 200,
        details: [],
      })
    }
    for (const request of refused) {
      expect({ ...request, status: (await api.call(await entraId.id.accessToken(request))).status }).toEqual({
        ...request,
        status: 401,
      })
    }
    // All tenants share one metadata document and one key set.
    expect(entraId.id.requestsTo('discovery')).toHaveLength(1)
    expect(entraId.id.requestsTo('jwks')).toHaveLength(1)
  })

  it('an API selects one of several issuers by the `iss` of the token', async () => {
    const api = await entraId.api({
      issuer: [
        { provider: entra({ tenant: contoso }), audience: 'api://orders' },
        { provider: entra({ tenant: fabrikam }), audience: appId },
        { issuer: 'https://id.example.com', audience: 'x', keys: { keys: [{ kty: 'RSA' }] } },
      ],
    })
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', version: 1 }))).status).toBe(200)
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', version: 2 }))).status).toBe(401)
    expect((await api.call(await entraId.id.accessToken({ user: 'bob', version: 2 }))).status).toBe(200)
    expect((await api.call(await entraId.id.accessToken({ user: 'bob', version: 1 }))).status).toBe(401)
    expect((await api.call(await entraId.id.accessToken({ user: 'carol' }))).status).toBe(401)
    expect(api.details.at(-1)).toBe('iss is not a trusted issuer of this guard')
  })

  it.each<[string, EntraOptions, string, string]>([
    [
      'one tenant of US Government',
      { tenant: contoso, cloud: 'us' },
      'login.microsoftonline.us',
      'https://login.microsoftonline.us/',
    ],
    [
      'several tenants of US Government',
      { tenant: [contoso, fabrikam], cloud: 'us' },
      'login.microsoftonline.us',
      'https://login.microsoftonline.us/organizations/',
    ],
    [
      'one tenant of China',
      { tenant: contoso, cloud: 'china' },
      'login.partner.microsoftonline.cn',
      'https://login.partner.microsoftonline.cn/',
    ],
    ['External ID', { tenant: contoso, externalId: 'shop' }, 'shop.ciamlogin.com', 'https://shop.ciamlogin.com/'],
  ])('an API accepts tokens of %s and none of the global cloud', async (_name, options, host, requested) => {
    const api = await entraId.api({ audience }, options)
    expect(await api.call(await entraId.id.accessToken({ user: 'alice', host }))).toMatchObject({ status: 200 })
    expect((await api.call(await entraId.id.accessToken({ user: 'alice' }))).status).toBe(401)
    expect(entraId.id.requestsTo('discovery').map(({ url }) => url)).toEqual([expect.stringMatching(`^${requested}`)])
    expect(api.details).toEqual(['iss is not an issuer that `tokenIssuer` returned'])
  })

  it('an API accepts tokens in version 1 format from the cloud in China', async () => {
    const api = await entraId.api({ audience }, { tenant: contoso, cloud: 'china' })
    const host = 'login.partner.microsoftonline.cn'
    const { auth } = await api.call(await entraId.id.accessToken({ user: 'alice', version: 1, host }))
    expect(auth['issuer']).toBe(`https://sts.chinacloudapi.cn/${contoso}/`)
  })

  it('an API accepts B2C tokens only of the configured policy', async () => {
    const api = await entraId.api({ audience }, { tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } })
    const host = 'shop.b2clogin.com'
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', host, policy: 'B2C_1_signin' }))).status).toBe(
      200,
    )
    expect((await api.call(await entraId.id.accessToken({ user: 'alice', host, policy: 'B2C_1_edit' }))).status).toBe(
      401,
    )
    expect(api.details).toEqual(['tfp or acr is not the policy B2C_1_signin'])
  })
})

describe('requireBearer() of createOidc() with entra()', () => {
  it('requireBearer() beside a login accepts and rejects the same tokens as createBearer()', async () => {
    const app = await entraId.login(
      { tenant: contoso },
      {},
      {
        routes: (routes, oidc) => {
          routes.get('/api', oidc.requireBearer({ audience }), (req, res) => void res.json(req.auth))
        },
      },
    )
    const call = async (request: TestEntraTokenRequest): Promise<number> => {
      const headers = { authorization: `Bearer ${await entraId.id.accessToken(request)}` }
      return (await fetch(`${app.url}/api`, { headers })).status
    }
    expect(await call({ user: 'alice', version: 1 })).toBe(200)
    expect(await call({ user: 'alice', version: 2 })).toBe(200)
    expect(await call({ user: 'bob' })).toBe(401)
    expect(await call({ user: 'alice', claims: { tid: fabrikam } })).toBe(401)
    expect(await call({ user: 'joiner' })).toBe(401)
    expect(await call({})).toBe(401)
  })
})

describe('application tokens', () => {
  it.each([1, 2] as const)('application tokens of version %i are rejected without `appTokens`', async (version) => {
    const users = await entraId.api({ audience }, { tenant: contoso })
    const all = await entraId.api({ audience }, { tenant: contoso, appTokens: true })
    for (const idtyp of [false, true]) {
      const token = await entraId.id.accessToken({ version, idtyp, roles: ['Orders.Read.All', 'Admin'] })
      expect((await users.call(token)).status).toBe(401)
      expect(await all.call(token, '/admin')).toMatchObject({
        status: 200,
        auth: { roles: ['Orders.Read.All', 'Admin'], scope: [] },
      })
      expect((await all.call(token, '/read')).status).toBe(403)
    }
    expect(users.details).toHaveLength(2)
    for (const detail of users.details) expect(detail).toMatch(/pass `appTokens: true`/)
    expect((await all.call(await entraId.id.accessToken({ user: 'alice', version }))).status).toBe(200)
  })
})

describe('attacks on APIs for one tenant, a list, organizations and common', { meta: { id: 'entra-bearer-2' } }, () => {
  const guards: [string, EntraOptions][] = [
    ['one tenant', { tenant: contoso }],
    ['a list of tenants', { tenant: [contoso, fabrikam] }],
    ['organizations', { tenant: 'organizations', allow }],
    ['common', { tenant: 'common', allow }],
  ]
  const v2 = (tid: string): string => `https://login.microsoftonline.com/${tid}/v2.0`
  const v1 = (tid: string): string => `https://sts.windows.net/${tid}/`
  const attacks: [string, TestEntraTokenRequest, RegExp][] = [
    [
      'a tid that differs from the tenant of its issuer',
      { claims: { tid: fabrikam } },
      /^iss is not an issuer|not in the option `tenant`/,
    ],
    ['an issuer whose tenant differs from its tid', { claims: { iss: v2(fabrikam) } }, /^iss is not an issuer/],
    [
      'a version 1 issuer whose tenant differs from its tid',
      { claims: { iss: v1(fabrikam) } },
      /^iss is not an issuer/,
    ],
    [
      'a version 1 issuer without the trailing slash',
      { claims: { iss: v1(contoso).slice(0, -1) } },
      /^iss is not an issuer/,
    ],
    ['a version 2 issuer with a trailing slash', { claims: { iss: `${v2(contoso)}/` } }, /^iss is not an issuer/],
    [
      'an issuer in another letter case',
      { claims: { iss: v2(contoso).replace('login', 'LOGIN') } },
      /^iss is not an issuer/,
    ],
    ['the issuer template as its issuer', { claims: { iss: v2('{tenantid}') } }, /^iss is not an issuer/],
    [
      'the issuer template as its issuer and the placeholder as its tid',
      { claims: { iss: v2('{tenantid}'), tid: '{tenantid}' } },
      /^tid is not a tenant ID/,
    ],
    [
      'the version 1 template as its issuer and the placeholder as its tid',
      { claims: { iss: v1('{tenantid}'), tid: '{tenantid}' } },
      /^tid is not a tenant ID/,
    ],
    ['the word common as its tid', { claims: { iss: v2('common'), tid: 'common' } }, /^tid is not a tenant ID/],
    [
      'a foreign issuer that contains its tid',
      { claims: { iss: `https://evil.example/${contoso}/v2.0` } },
      /^iss is not an issuer/,
    ],
    [
      'the issuer of another cloud',
      { claims: { iss: `https://login.microsoftonline.us/${contoso}/v2.0` } },
      /^iss is not an issuer/,
    ],
    ['no issuer', { claims: { iss: undefined } }, /^iss is not an issuer/],
    ['a list of issuers', { claims: { iss: [v2(contoso)] } }, /iss/],
    ['no tid', { claims: { tid: undefined } }, /^tid is missing/],
    [
      'no tid, and undefined as the tenant of its issuer',
      { claims: { tid: undefined, iss: v2('undefined') } },
      /^tid is missing/,
    ],
    ['a list with its tid', { claims: { tid: [contoso] } }, /^tid is not a tenant ID/],
    ['a list of two tids', { claims: { tid: [fabrikam, contoso] } }, /^tid is not a tenant ID/],
    ['an object as tid', { claims: { tid: { toString: contoso } } }, /^tid is not a tenant ID/],
    ['a tid that contains a path', { claims: { tid: `${contoso}/../x` } }, /^tid is not a tenant ID/],
    ['no oid', { claims: { oid: undefined } }, /^oid is missing/],
    ['a list with its oid', { claims: { oid: [alice.oid] } }, /^oid is not a user ID/],
    ['a signature by the key of personal accounts', { key: 'consumers' }, /key of another tenant/],
    ['no scope', { claims: { scp: undefined } }, /neither a user token/],
    [
      'the idtyp of a user on an application token',
      { user: undefined, claims: { idtyp: 'user' } },
      /neither a user token/,
    ],
    ['another audience', { claims: { aud: '00000003-0000-0000-c000-000000000000' } }, /aud is/],
  ]
  it.each(guards.flatMap(([guard, options]) => attacks.map((attack) => [guard, ...attack, options] as const)))(
    'an API for %s rejects a token with %s',
    async (_guard, _name, request, detail, options) => {
      const api = await entraId.api({ audience }, options)
      const { status, body } = await api.call(await entraId.id.accessToken({ user: 'alice', ...request }))
      expect(status).toBe(401)
      expect(body['error']).toBe('invalid_token')
      // The response does not give the reason.
      expect(JSON.stringify(body)).not.toMatch(/tid|iss |oid|tenant|key/)
      expect(api.details).toEqual([expect.stringMatching(detail)])
    },
  )

  describe.each<[string, EntraOptions]>([
    ['one tenant', { tenant: lettered }],
    ['a list of tenants', { tenant: [lettered, fabrikam] }],
    ...guards.slice(2),
  ])('an API for %s', (guard, options) => {
    const upper = lettered.toUpperCase()
    it.each<[string, Record<string, unknown>, RegExp]>([
      ['tid', { tid: upper }, /^tid is not a tenant ID/],
      ['tid and version 1 issuer', { tid: upper, iss: v1(upper) }, /^tid is not a tenant ID/],
      ['tid and version 2 issuer', { tid: upper, iss: v2(upper) }, /^tid is not a tenant ID/],
      ['version 1 issuer', { iss: v1(upper) }, /^iss is not an issuer/],
      ['version 2 issuer', { iss: v2(upper) }, /^iss is not an issuer/],
    ])(
      `an API for ${guard} rejects a token with the tenant ID in uppercase in its %s`,
      async (_where, claims, detail) => {
        const api = await entraId.api({ audience }, options)
        expect((await api.call(await entraId.id.accessToken({ user: 'dora' }))).status).toBe(200)
        const { status, body } = await api.call(await entraId.id.accessToken({ user: 'dora', claims }))
        expect([status, body['error']]).toEqual([401, 'invalid_token'])
        expect(api.details).toEqual([expect.stringMatching(detail)])
      },
    )
  })

  it.each(guards.slice(1, 3))(
    'an API for %s rejects personal accounts, signed with their own key or that of all tenants',
    async (_guard, options) => {
      const api = await entraId.api({ audience }, options)
      expect((await api.call(await entraId.id.accessToken({ user: 'carol' }))).status).toBe(401)
      expect((await api.call(await entraId.id.accessToken({ user: 'carol', key: 'organizations' }))).status).toBe(401)
      expect(api.details[0]).toMatch(/9188040d-.* is not in the option `tenant`/)
    },
  )

  it('an API that shares its registration with the login rejects ID tokens', async () => {
    const users = await entraId.api({ audience: entraId.id.clientId }, { tenant: contoso })
    const all = await entraId.api({ audience: entraId.id.clientId }, { tenant: contoso, appTokens: true })
    const claims = { aud: entraId.id.clientId, scp: undefined, azp: undefined, azpacr: undefined, name: 'Alice' }
    const token = await entraId.id.accessToken({ user: 'alice', claims })
    expect((await users.call(token)).status).toBe(401)
    expect((await all.call(token)).status).toBe(401)
    expect(
      (await all.call(await entraId.id.accessToken({ user: 'alice', claims: { ...claims, nonce: 'n' } }))).status,
    ).toBe(401)
  })

  it.each<[string, object]>([
    ['an idtyp', { idtyp: 'app', sub: 'x' }],
    ['equal oid and sub', { sub: alice.oid }],
  ])(
    'an API accepts a token that its own application obtained for itself, by %s, with `appTokens`',
    async (_by, own) => {
      const { clientId } = entraId.id
      const token = (claims: object): Promise<string> =>
        entraId.id.accessToken({ user: 'alice', claims: { aud: clientId, azp: clientId, scp: undefined, ...claims } })
      for (const appTokens of [true, false]) {
        const provider = entra({ tenant: contoso, appTokens })
        const { bearer } = await entraId.api({ audience: clientId }, { tenant: contoso, appTokens })
        const base = { baseUrl: 'https://app.example.com', secret: 'a secret of more than thirty-two characters' }
        const oidc = createOidc({ ...entraId.id.settings(), ...base, provider, bearer: { audience: clientId } })
        for (const guard of [bearer, oidc]) {
          const verified = guard.verifyToken(await token(own))
          if (appTokens) expect((await verified).claims).toMatchObject(own)
          else
            await expect(verified).rejects.toMatchObject({ detail: expect.stringContaining('pass `appTokens: true`') })
          await expect(guard.verifyToken(await token({ ...own, idtyp: 'user', sub: 'x' }))).rejects.toThrow()
          await expect(guard.verifyToken(await token({ ...own, idtyp: undefined, sub: 'x' }))).rejects.toThrow()
        }
      }
    },
  )
})

describe('`allow`', () => {
  it.each<[string, unknown]>([
    ['false', false],
    ['1', 1],
    ['a string', 'true'],
    ['an object', {}],
    ['undefined', undefined],
    ['a promise of 1', Promise.resolve(1)],
  ])('`allow` rejects the token unless it returns true: %s', async (_name, verdict) => {
    const api = await entraId.api({ audience }, { tenant: 'common', allow: () => verdict as boolean })
    expect((await api.call(await entraId.id.accessToken({ user: 'alice' }))).status).toBe(401)
  })

  it('an `allow` that throws is answered 500 hook_failed', async () => {
    const api = await entraId.api(
      { audience },
      {
        tenant: 'common',
        allow: () => {
          throw new Error('no database')
        },
      },
    )
    const { status, body } = await api.call(await entraId.id.accessToken({ user: 'alice' }))
    expect(status).toBe(500)
    expect(body['code']).toBe('hook_failed')
  })

  it('`allow` is called once per token while the token is cached', async () => {
    let requested = 0
    const api = await entraId.api({ audience }, { tenant: 'common', allow: () => ++requested > 0 })
    await api.bearer.ready()
    const token = await entraId.id.accessToken({ user: 'alice' })
    for (let count = 0; count < 3; count++) expect((await api.call(token)).status).toBe(200)
    expect(requested).toBe(1)
  })
})

describe('groups of an access token', () => {
  it('groups are taken from the token', async () => {
    const api = await entraId.api({ audience }, { tenant: contoso })
    expect((await api.call(await entraId.id.accessToken({ user: 'member' }))).auth).toMatchObject({
      claims: { groups: ['group-1'] },
    })
  })

  it('a token with group overage is rejected without a `groups` function, and the event names the fix', async () => {
    const api = await entraId.api({ audience }, { tenant: contoso })
    expect((await api.call(await entraId.id.accessToken({ user: 'joiner' }))).status).toBe(401)
    expect(api.details).toEqual([expect.stringContaining('pass `groups`, a function')])
  })

  it('on group overage, `groups` is called with the token and its result is cached', async () => {
    const tokens: string[] = []
    const api = await entraId.api(
      { audience },
      {
        tenant: contoso,
        groups: async (_claims, token) => {
          tokens.push(token)
          return groups
        },
      },
    )
    await api.bearer.ready()
    const token = await entraId.id.accessToken({ user: 'joiner' })
    for (let count = 0; count < 2; count++) {
      const claims = (await api.call(token)).auth['claims'] as Record<string, unknown>
      expect(claims['groups']).toEqual(groups)
      expect(claims).not.toHaveProperty('_claim_names')
    }
    expect(tokens).toEqual([token])
  })

  it('a `groups` function that fails is answered 500, and the detail does not contain the token', async () => {
    const token = await entraId.id.accessToken({ user: 'joiner' })
    const api = await entraId.api(
      { audience },
      { tenant: contoso, groups: () => Promise.reject(new Error(`no Graph for ${token}`)) },
    )
    const error = await api.bearer.verifyToken(token).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'hook_failed',
      detail: '`distributedClaims` failed: Error: no Graph for [secret]',
    })
    expect((await api.call(token)).status).toBe(500)
  })
})

describe('provider metadata of another issuer', () => {
  it.each<[string, EntraOptions, string]>([
    ['another tenant for one tenant', { tenant: contoso }, `https://login.microsoftonline.com/${fabrikam}/v2.0`],
    ['the issuer template for one tenant', { tenant: contoso }, 'https://login.microsoftonline.com/{tenantid}/v2.0'],
    ['one tenant for common', { tenant: 'common', allow }, `https://login.microsoftonline.com/${contoso}/v2.0`],
    ['a template of another host for common', { tenant: 'common', allow }, 'https://evil.example/{tenantid}/v2.0'],
    [
      'the template of another cloud for common',
      { tenant: 'common', allow, cloud: 'us' },
      'https://login.microsoftonline.com/{tenantid}/v2.0',
    ],
    [
      'the name instead of the tenant for External ID',
      { tenant: contoso, externalId: 'shop' },
      `https://shop.ciamlogin.com/${contoso}/v2.0`,
    ],
  ])('metadata with the wrong issuer is rejected: %s', async (_name, options, issuer) => {
    entraId.id.misbehave({ metadata: { issuer } })
    const api = await entraId.api({ audience }, options)
    const error = await api.bearer
      .verifyToken(await entraId.id.accessToken({ user: 'alice' }))
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'provider_misconfigured' })
  })
})
