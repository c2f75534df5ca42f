import { X509Certificate, createHash, createPublicKey, type JsonWebKey } from 'node:crypto'
import { startTestEntra, testTenants, type TestEntra, type TestEntraOptions } from 'express-session-oidc/testing'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { entraAuthorize, entraLogin, entraTokens, type EntraAnswer } from './support/entra-raw.ts'

const { contoso, fabrikam, consumers } = testTenants
const groups = Array.from({ length: 201 }, (_, index) => `group-${index}`)

let id: TestEntra
beforeAll(async () => {
  id = await startTestEntra()
})
afterAll(() => id.stop())
beforeEach(() => {
  id.forget()
  id.misbehave()
  id.signIn(undefined)
})

type Members = Record<string, unknown>

async function get(url: string, entra = id): Promise<Members> {
  const response = await entra.fetch(url)
  expect(response.status, url).toBe(200)
  return (await response.json()) as Members
}

describe('the metadata of the simulated Entra', () => {
  const login = 'https://login.microsoftonline.com'
  it.each([
    [`${login}/${contoso}/v2.0`, `${login}/${contoso}/v2.0`, `${login}/${contoso}/oauth2/v2.0`],
    [`${login}/organizations/v2.0`, `${login}/{tenantid}/v2.0`, `${login}/organizations/oauth2/v2.0`],
    [`${login}/common/v2.0`, `${login}/{tenantid}/v2.0`, `${login}/common/oauth2/v2.0`],
    [`${login}/consumers/v2.0`, `${login}/${consumers}/v2.0`, `${login}/consumers/oauth2/v2.0`],
    [`${login}/${contoso}`, `https://sts.windows.net/${contoso}/`, `${login}/${contoso}/oauth2`],
    [`${login}/common`, 'https://sts.windows.net/{tenantid}/', `${login}/common/oauth2`],
    [
      'https://login.microsoftonline.us/common/v2.0',
      'https://login.microsoftonline.us/{tenantid}/v2.0',
      'https://login.microsoftonline.us/common/oauth2/v2.0',
    ],
    [
      `https://login.partner.microsoftonline.cn/${contoso}`,
      `https://sts.chinacloudapi.cn/${contoso}/`,
      `https://login.partner.microsoftonline.cn/${contoso}/oauth2`,
    ],
    [
      `https://shop.ciamlogin.com/${contoso}/v2.0`,
      `https://${contoso}.ciamlogin.com/${contoso}/v2.0`,
      `https://shop.ciamlogin.com/${contoso}/oauth2/v2.0`,
    ],
    [
      `https://shop.b2clogin.com/${contoso}/B2C_1_signin/v2.0`,
      `https://shop.b2clogin.com/${contoso}/v2.0/`,
      `https://shop.b2clogin.com/${contoso}/B2C_1_signin/oauth2/v2.0`,
    ],
  ])('serves the metadata of %s with its issuer and endpoints', async (authority, issuer, endpoints) => {
    const metadata = await get(`${authority}/.well-known/openid-configuration`)
    expect(metadata).toMatchObject({
      issuer,
      authorization_endpoint: `${endpoints}/authorize`,
      token_endpoint: `${endpoints}/token`,
      end_session_endpoint: `${endpoints}/logout`,
      id_token_signing_alg_values_supported: ['RS256'],
      subject_types_supported: ['pairwise'],
    })
    expect(await get(metadata['jwks_uri'] as string)).toHaveProperty('keys')
    expect(id.requests.map(({ url }) => url)).toEqual([
      `${authority}/.well-known/openid-configuration`,
      metadata['jwks_uri'],
    ])
  })

  it.each([
    `${login}/contoso.example/v2.0/.well-known/openid-configuration`,
    `${login}/${contoso}/B2C_1_signin/v2.0/.well-known/openid-configuration`,
    `https://shop.b2clogin.com/${contoso}/v2.0/.well-known/openid-configuration`,
    'https://evil.example/common/v2.0/.well-known/openid-configuration',
  ])('serves no metadata at %s', async (url) => {
    expect((await id.fetch(url)).status).toBeGreaterThanOrEqual(400)
  })

  it('sends real browsers to an authorization endpoint on loopback if pages is loopback', async () => {
    await using other = await startTestEntra({ pages: 'loopback' })
    const metadata = await get(`${login}/${contoso}/v2.0/.well-known/openid-configuration`, other)
    expect(metadata).toMatchObject({
      issuer: `${login}/${contoso}/v2.0`,
      authorization_endpoint: `${other.url}/login.microsoftonline.com/${contoso}/oauth2/v2.0/authorize`,
      token_endpoint: `${login}/${contoso}/oauth2/v2.0/token`,
    })
  })

  it('fetch rejects a URL of plain http instead of sending a request', async () => {
    await expect(id.fetch('http://login.microsoftonline.com/')).rejects.toThrow(/use https:/)
  })
})

describe('the keys of the simulated Entra', () => {
  it('publishes keys with a certificate and an issuer, and without alg', async () => {
    const { keys } = (await get('https://login.microsoftonline.com/common/discovery/v2.0/keys')) as { keys: Members[] }
    expect(keys.map((key) => key['issuer'])).toEqual([
      'https://login.microsoftonline.com/{tenantid}/v2.0',
      `https://login.microsoftonline.com/${consumers}/v2.0`,
    ])
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual([
        'cloud_instance_name',
        'e',
        'issuer',
        'kid',
        'kty',
        'n',
        'use',
        'x5c',
        'x5t',
      ])
      const der = Buffer.from((key['x5c'] as string[])[0] as string, 'base64')
      const certificate = new X509Certificate(der)
      expect(certificate.verify(certificate.publicKey)).toBe(true)
      const published = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
      expect(certificate.publicKey.equals(published)).toBe(true)
      expect(key['x5t']).toBe(createHash('sha1').update(der).digest('base64url'))
    }
  })

  it('publishes keys without an issuer in version 1, and with the issuer of the tenant for one tenant', async () => {
    const old = (await get('https://login.microsoftonline.com/common/discovery/keys')) as { keys: Members[] }
    for (const key of old.keys) expect(key).not.toHaveProperty('issuer')
    const own = (await get(`https://login.microsoftonline.com/${contoso}/discovery/v2.0/keys`)) as { keys: Members[] }
    expect(own.keys[0]?.['issuer']).toBe(`https://login.microsoftonline.com/${contoso}/v2.0`)
  })

  it('rotateKeys() replaces all keys', async () => {
    const url = 'https://login.microsoftonline.com/common/discovery/v2.0/keys'
    const kids = async (): Promise<unknown[]> => ((await get(url)) as { keys: Members[] }).keys.map(({ kid }) => kid)
    const before = await kids()
    await id.rotateKeys()
    const after = await kids()
    expect(after).toHaveLength(2)
    expect(after.some((kid) => before.includes(kid))).toBe(false)
    const set = createLocalJWKSet((await get(url)) as unknown as JSONWebKeySet)
    for (const user of ['alice', 'carol'])
      await jwtVerify(await id.accessToken({ user }), set, { algorithms: ['RS256'] })
  })
})

describe('access tokens of the simulated Entra', () => {
  it.each<[string, Parameters<TestEntra['accessToken']>[0], Members, readonly string[]]>([
    [
      'of a user, version 2',
      { user: 'alice' },
      {
        ver: '2.0',
        aud: 'd0000000-0000-4000-8000-000000000001',
        iss: `https://login.microsoftonline.com/${contoso}/v2.0`,
        tid: contoso,
        scp: 'Orders.Read',
        roles: ['Admin'],
        azpacr: '1',
      },
      ['appid', 'upn', 'idtyp', 'idp', 'groups'],
    ],
    [
      'of a user, version 1',
      { user: 'alice', version: 1, scope: 'a b' },
      {
        ver: '1.0',
        aud: 'api://orders',
        iss: `https://sts.windows.net/${contoso}/`,
        scp: 'a b',
        upn: 'alice@contoso.example',
        appidacr: '1',
      },
      ['azp', 'preferred_username'],
    ],
    [
      'of a guest',
      { user: 'greta', tenant: contoso },
      { tid: contoso, oid: 'aaaaaaaa-0000-4000-8000-000000000002', idp: `https://sts.windows.net/${fabrikam}/` },
      ['upn'],
    ],
    [
      'of a personal account',
      { user: 'carol' },
      { tid: consumers, iss: `https://login.microsoftonline.com/${consumers}/v2.0` },
      [],
    ],
    [
      'of an application',
      { roles: ['All'], idtyp: true },
      { tid: contoso, roles: ['All'], idtyp: 'app' },
      ['scp', 'name', 'preferred_username'],
    ],
    ['of an application, version 1', { version: 1 }, { appidacr: '1' }, ['scp', 'roles', 'idtyp', 'upn']],
  ])('issues an access token %s', async (_name, request, members, missing) => {
    const token = await id.accessToken(request)
    const claims = decodeJwt(token) as Members
    expect(claims).toMatchObject(members)
    for (const member of missing) expect(claims).not.toHaveProperty(member)
    expect(claims['sub'] === claims['oid']).toBe(request?.user === undefined)
    const header = decodeProtectedHeader(token)
    expect(header).toMatchObject({ typ: 'JWT', alg: 'RS256', kid: expect.any(String) as string })
    expect('x5t' in header).toBe(claims['ver'] === '1.0')
  })

  it('lists up to 200 groups in a token, and refers to Microsoft Graph for more', async () => {
    const base = { tenant: contoso, displayName: 'A B', upn: 'a@b.example' }
    await using other = await startTestEntra({
      users: [
        { ...base, name: 'few', oid: 'aaaaaaaa-0000-4000-8000-00000000000a', groups: groups.slice(1) },
        { ...base, name: 'many', oid: 'aaaaaaaa-0000-4000-8000-00000000000b', groups },
      ],
    })
    expect(decodeJwt(await other.accessToken({ user: 'few' }))).toMatchObject({ groups: groups.slice(1) })
    const claims = decodeJwt(await other.accessToken({ user: 'many' }))
    expect(claims).not.toHaveProperty('groups')
    expect(claims).toMatchObject({
      _claim_names: { groups: 'src1' },
      _claim_sources: {
        src1: {
          endpoint: `https://graph.windows.net/${contoso}/users/aaaaaaaa-0000-4000-8000-00000000000b/getMemberObjects`,
        },
      },
    })
  })

  it('changes the claims and the header of a token as requested', async () => {
    const token = await id.accessToken({
      user: 'alice',
      claims: { tid: undefined, x: 1 },
      header: { kid: undefined, y: 2 },
    })
    expect(decodeJwt(token)).not.toHaveProperty('tid')
    expect(decodeJwt(token)).toMatchObject({ x: 1 })
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'JWT', alg: 'RS256', y: 2 })
  })

  it.each<[object, RegExp]>([
    [{ user: 'nobody' }, /user "nobody" does not exist/],
    [{ user: 'bob', tenant: contoso }, /bob has no account in the tenant/],
    [{ tenant: 'contoso.example' }, /tenant must be a GUID/],
    [{ api: 'api://other' }, /API "api:\/\/other" does not exist/],
    [{ users: 'alice' }, /"users" is not a member/],
  ])('rejects the token request %j', async (request, message) => {
    await expect(id.accessToken(request)).rejects.toThrow(message)
  })
})

describe('a login at the simulated Entra', () => {
  async function tokens(scope: string, authority: string, user: string): Promise<EntraAnswer> {
    id.signIn(user)
    return await entraLogin(id, authority, scope)
  }
  const common = 'https://login.microsoftonline.com/common'

  it('sends no iss in the authorization response', async () => {
    id.signIn('alice')
    const back = await entraAuthorize(id, common, 'openid')
    expect(Object.keys(back).toSorted()).toEqual(['code', 'session_state', 'state'])
  })

  it('issues an ID token, and an access token that only Microsoft Graph can verify', async () => {
    const { body } = await tokens('openid profile email', common, 'alice')
    expect(decodeJwt(body['id_token'] as string)).toMatchObject({
      ver: '2.0',
      aud: id.clientId,
      nonce: 'n',
      tid: contoso,
      email: 'alice@contoso.example',
    })
    expect(body).not.toHaveProperty('refresh_token')
    const accessToken = body['access_token'] as string
    expect(decodeJwt(accessToken)).toMatchObject({ aud: '00000003-0000-0000-c000-000000000000', ver: '1.0' })
    const set = createLocalJWKSet((await get(`${common}/discovery/v2.0/keys`)) as unknown as JSONWebKeySet)
    await expect(jwtVerify(accessToken, set, { algorithms: ['RS256'] })).rejects.toThrow('signature')
    const info = await id.fetch('https://graph.microsoft.com/oidc/userinfo', {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    expect(await info.json()).toMatchObject({ name: 'Alice Adams' })
    expect((await id.fetch('https://graph.microsoft.com/oidc/userinfo')).status).toBe(401)
  })

  it('issues an access token for the API of the requested scope', async () => {
    const { body } = await tokens('openid offline_access api://orders/Orders.Read', common, 'bob')
    expect(decodeJwt(body['access_token'] as string)).toMatchObject({ scp: 'Orders.Read', tid: fabrikam, ver: '2.0' })
    expect(body).toHaveProperty('refresh_token')
    // Without the scope profile, only sub identifies the user.
    expect(decodeJwt(body['id_token'] as string)).not.toHaveProperty('oid')
  })

  it.each([
    ['organizations', 'carol'],
    ['consumers', 'alice'],
    [contoso, 'bob'],
  ])('a login at %s fails for %s', async (tenant, user) => {
    const { status, body } = await tokens('openid', `https://login.microsoftonline.com/${tenant}`, user)
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: 'invalid_grant', error_codes: [50_020] })
  })

  it('rejects a token exchange', async () => {
    const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const { status, body } = await entraTokens(id, common, { grant_type: grantType, subject_token: 'x' })
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: 'unsupported_grant_type', error_codes: [70_003] })
  })
})

describe('the arguments of the simulated Entra', () => {
  const user = { name: 'a', tenant: contoso, oid: contoso, displayName: 'A', upn: 'a@b.example' }
  it.each<[object, RegExp]>([
    [{ tenants: [] }, /"tenants" is not a member/],
    [{ users: [] }, /users must be a non-empty array/],
    [{ users: [{ ...user, oid: 'x' }] }, /users\[0\].oid must be a GUID/],
    [{ users: [{ ...user, guestIn: { x: contoso } }] }, /users\[0\].guestIn must be a GUID/],
    [{ users: [{ ...user, role: [] }] }, /"role" is not a member/],
    [{ users: [{ ...user, upn: '' }] }, /upn must be a non-empty string/],
    [{ users: [{ ...user, groups: 'x' }] }, /groups must be an array/],
    [{ apis: 'x' }, /apis must be an array/],
    [{ apis: [{ appId: contoso, uri: 'x', version: 3 }] }, /apis\[0\].version must be 1 or 2/],
    [{ pages: 'x' }, /pages must be one of real, loopback/],
    [{ port: -1 }, /port must be a whole number/],
    [{ now: 1 }, /now must be a function/],
    [{ tokenSeconds: 0 }, /tokenSeconds must be a whole number/],
    [{ signIn: 'nobody' }, /user "nobody" does not exist/],
    [{ signIn: 7 }, /signIn must be a non-empty string/],
  ])('startTestEntra() rejects the options %j', async (options, message) => {
    await expect(startTestEntra(options as TestEntraOptions)).rejects.toThrow(message)
  })

  it.each<[object, RegExp]>([
    [{ token: {} }, /"token" is not a member/],
    [{ idToken: { payload: {} } }, /"payload" is not a member/],
    [{ idToken: { key: 'other' } }, /must be one of consumers, organizations/],
  ])('misbehave() rejects the faults %j', (faults, message) => {
    expect(() => id.misbehave(faults)).toThrow(message)
  })

  it('sign() signs claims without changes', async () => {
    expect(decodeJwt(await id.sign({ x: 1 }))).toEqual({ x: 1 })
  })
})
