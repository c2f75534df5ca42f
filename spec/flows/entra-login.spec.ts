/** Logins at a simulated Entra with the metadata and host names of the real one. */
import type { EntraOptions } from 'express-session-oidc'
import {
  createUserAgent,
  startTestEntra,
  testTenants,
  type TestEntraFaults,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { entraForFile } from '../support/entra.ts'
import { withId } from '../support/ids.ts'

const { contoso, fabrikam, consumers } = testTenants
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
    { ...alice, roles: ['Admin'], groups: ['group-1'] },
    { ...alice, name: 'bob', tenant: fabrikam, guestIn: { [contoso]: 'aaaaaaaa-0000-4000-8000-000000000002' } },
    { ...alice, name: 'carol', tenant: consumers, oid: '00000000-0000-0000-cccc-000000000001' },
    { ...alice, name: 'joiner', groups },
  ],
})
const allow = (): boolean => true

/** Opens a guarded page in a new browser and logs in as that user. */
async function logIn(app: TestApp, user: string, path = '/profile'): Promise<UserAgentResponse> {
  entraId.id.signIn(user)
  const proxies = entraId.id.proxies('shop.ciamlogin.com', 'shop.b2clogin.com')
  return await createUserAgent({ baseUrl: app.url, proxies }).get(path)
}

interface Profile {
  user: Record<string, unknown>
  roles: string[]
}

function getProfile(page: UserAgentResponse): Profile {
  return page.json() as unknown as Profile
}

function details(app: TestApp): unknown[] {
  return app.events
    .filter(({ name }) => name === 'login_failed')
    .map(({ event }) => (event as { detail?: string }).detail)
}

describe('a login at Entra', () => {
  it.each<[string, EntraOptions, string, { iss: string; tid: string; host: string }]>([
    [
      'one tenant',
      { tenant: contoso },
      'alice',
      { iss: `https://login.microsoftonline.com/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.com' },
    ],
    [
      withId('entra-login-2', 'a list of tenants'),
      { tenant: [contoso, fabrikam] },
      'bob',
      { iss: `https://login.microsoftonline.com/${fabrikam}/v2.0`, tid: fabrikam, host: 'login.microsoftonline.com' },
    ],
    [
      'organizations',
      { tenant: 'organizations', allow },
      'bob',
      { iss: `https://login.microsoftonline.com/${fabrikam}/v2.0`, tid: fabrikam, host: 'login.microsoftonline.com' },
    ],
    [
      'common',
      { tenant: 'common', allow },
      'carol',
      { iss: `https://login.microsoftonline.com/${consumers}/v2.0`, tid: consumers, host: 'login.microsoftonline.com' },
    ],
    [
      'consumers',
      { tenant: 'consumers', allow },
      'carol',
      { iss: `https://login.microsoftonline.com/${consumers}/v2.0`, tid: consumers, host: 'login.microsoftonline.com' },
    ],
    [
      'one tenant of US Government',
      { tenant: contoso, cloud: 'us' },
      'alice',
      { iss: `https://login.microsoftonline.us/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.us' },
    ],
    [
      'several tenants of US Government',
      { tenant: [contoso, fabrikam], cloud: 'us' },
      'alice',
      { iss: `https://login.microsoftonline.us/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.us' },
    ],
    [
      'several tenants of China',
      { tenant: 'organizations', allow, cloud: 'china' },
      'alice',
      {
        iss: `https://login.partner.microsoftonline.cn/${contoso}/v2.0`,
        tid: contoso,
        host: 'login.partner.microsoftonline.cn',
      },
    ],
    [
      'External ID',
      { tenant: contoso, externalId: 'shop' },
      'alice',
      { iss: `https://${contoso}.ciamlogin.com/${contoso}/v2.0`, tid: contoso, host: 'shop.ciamlogin.com' },
    ],
  ])(
    'a user of %s logs in at its host, with the iss and tid of the tenant',
    { meta: { id: 'entra-login-1' } },
    async (_name, options, user, { iss, tid, host }) => {
      const app = await entraId.login(options)
      const page = await logIn(app, user)
      expect(details(app)).toEqual([])
      expect(page.status).toBe(200)
      expect(getProfile(page).user).toMatchObject({
        iss,
        tid,
        oid: expect.any(String) as string,
        name: 'Alice Adams',
      })
      expect(entraId.id.requestsTo('authorize').map(({ url }) => new URL(url).host)).toEqual([host])
    },
  )

  it('a B2C user logs in, without a tid', async () => {
    const app = await entraId.login({ tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } })
    const { user } = getProfile(await logIn(app, 'alice'))
    expect(user).toMatchObject({
      iss: `https://shop.b2clogin.com/${contoso}/v2.0/`,
      sub: alice.oid,
      tfp: 'B2C_1_signin',
    })
    expect(user).not.toHaveProperty('tid')
  })

  it('roles and groups come from the ID token, without a warning about the access token for Graph', async () => {
    const warned: string[] = []
    const listen = (warning: Error): void => void warned.push(warning.message)
    process.on('warning', listen)
    const app = await entraId.login({ tenant: contoso })
    const { user, roles } = getProfile(await logIn(app, 'alice'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', listen)
    expect(roles).toEqual(['Admin'])
    expect(user['groups']).toEqual(['group-1'])
    expect(warned.filter((text) => text.includes('access token'))).toEqual([])
  })

  it('the simulated Entra can serve its pages on loopback', async () => {
    await using other = await startTestEntra({ pages: 'loopback', signIn: 'alice' })
    for (const tenant of [contoso, [contoso, fabrikam]]) {
      const app = await entraId.login({ tenant }, other.settings())
      const page = await createUserAgent({ baseUrl: app.url }).get('/profile')
      expect(page.hops.some(({ url }) => url.startsWith(`${other.url}/login.microsoftonline.com/`))).toBe(true)
      expect(getProfile(page).user).toMatchObject({ tid: contoso })
    }
  })

  it('a logout also ends the session at Entra', async () => {
    const app = await entraId.login({ tenant: [contoso, fabrikam] })
    entraId.id.signIn('alice')
    const agent = createUserAgent({ baseUrl: app.url, proxies: entraId.id.proxies() })
    await agent.get('/profile')
    const out = await agent.get('/logout')
    expect(out.url.startsWith(app.url)).toBe(true)
    expect(entraId.id.requestsTo('end_session')).toHaveLength(1)
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('a guest of the tenant can log in unless `allow` rejects guests', async () => {
    const open = await entraId.login({ tenant: contoso })
    expect(getProfile(await logIn(open, 'bob')).user).toMatchObject({
      tid: contoso,
      idp: `https://sts.windows.net/${fabrikam}/`,
    })
    const closed = await entraId.login({ tenant: contoso, allow: ({ idp }) => idp === undefined })
    expect((await logIn(closed, 'bob')).status).toBe(403)
    expect((await logIn(closed, 'alice')).status).toBe(200)
  })

  it(
    'on group overage, `groups` can fetch them from Graph with the access token of the login',
    { meta: { id: 'entra-login-3' } },
    async () => {
      const app = await entraId.login({
        tenant: contoso,
        groups: async (_claims, accessToken) => {
          const url = 'https://graph.microsoft.com/v1.0/me/getMemberObjects'
          const response = await entraId.id.fetch(url, {
            method: 'POST',
            headers: { authorization: `Bearer ${accessToken}` },
          })
          return ((await response.json()) as { value: string[] }).value
        },
      })
      const { user } = getProfile(await logIn(app, 'joiner'))
      expect(user['groups']).toEqual(groups)
      expect(user).not.toHaveProperty('_claim_names')
      expect(user).not.toHaveProperty('_claim_sources')
    },
  )

  it('a user with group overage gets 403 without a `groups` function', async () => {
    const app = await entraId.login({ tenant: contoso })
    expect((await logIn(app, 'joiner')).status).toBe(403)
    expect(details(app)).toEqual([expect.stringContaining('pass `groups`, a function')])
    const without = await entraId.login({ tenant: contoso, groups: false })
    expect(getProfile(await logIn(without, 'joiner')).user).not.toHaveProperty('groups')
  })

  it('a user of a tenant that is not listed gets 403, and the event names the fix', async () => {
    const app = await entraId.login({ tenant: [contoso, '33333333-3333-4333-8333-333333333333'] })
    const page = await logIn(app, 'bob')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('This account cannot be used here.')
    expect(page.text()).not.toContain(fabrikam)
    expect(details(app)).toEqual([`tid ${fabrikam} is not in the option \`tenant\`; add it there to accept its users`])
    expect(app.events).toEqual([expect.objectContaining({ name: 'login_failed' })])
  })

  it('a login without the scope profile is rejected, and the event names the fix', async () => {
    const app = await entraId.login({ tenant: contoso }, { scope: 'openid' })
    expect((await logIn(app, 'alice')).status).toBe(403)
    expect(details(app)).toEqual([expect.stringContaining('request the scope profile')])
  })
})

describe('`allow` at a login', () => {
  it.each<[string, unknown]>([
    ['false', false],
    ['1', 1],
    ['a string', 'yes'],
    ['undefined', undefined],
    ['a promise of an object', Promise.resolve({})],
  ])('`allow` rejects the login unless it returns true: %s', async (_name, verdict) => {
    const app = await entraId.login({ tenant: 'common', allow: () => verdict as boolean })
    expect((await logIn(app, 'alice')).status).toBe(403)
  })

  it('an `allow` that throws is answered 500', async () => {
    const app = await entraId.login({
      tenant: 'common',
      allow: () => {
        throw new Error('no database')
      },
    })
    expect((await logIn(app, 'alice')).status).toBe(500)
    expect(details(app)).toEqual(['`accept` failed: Error: no database'])
  })
})

describe('attacks on a login', { meta: { id: 'entra-login-4' } }, () => {
  const guards: [string, EntraOptions][] = [
    ['one tenant', { tenant: contoso }],
    ['a list of tenants', { tenant: [contoso, fabrikam] }],
    ['organizations', { tenant: 'organizations', allow }],
    ['common', { tenant: 'common', allow }],
    ['common in US Government', { tenant: 'common', allow, cloud: 'us' }],
  ]
  const attacks: [string, NonNullable<TestEntraFaults['idToken']>][] = [
    ['the tid of another tenant', { claims: { tid: fabrikam } }],
    ['the issuer of another tenant', { claims: { iss: `https://login.microsoftonline.com/${fabrikam}/v2.0` } }],
    ['the issuer of version 1', { claims: { iss: `https://sts.windows.net/${contoso}/` } }],
    ['the issuer template as the issuer', { claims: { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0' } }],
    [
      'the issuer template as the issuer and the placeholder as tid',
      { claims: { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0', tid: '{tenantid}' } },
    ],
    [
      'the template of another cloud as the issuer and the placeholder as tid',
      { claims: { iss: 'https://login.microsoftonline.us/{tenantid}/v2.0', tid: '{tenantid}' } },
    ],
    ['no tid', { claims: { tid: undefined } }],
    [
      'no tid, and undefined as the tenant of the issuer',
      { claims: { tid: undefined, iss: 'https://login.microsoftonline.com/undefined/v2.0' } },
    ],
    ['a list as tid', { claims: { tid: [contoso] } }],
    ['the word common as tid', { claims: { tid: 'common', iss: 'https://login.microsoftonline.com/common/v2.0' } }],
    ['no oid', { claims: { oid: undefined } }],
    ['a signature by the key of personal accounts', { key: 'consumers' }],
    ['the audience of another client', { claims: { aud: 'c0000000-0000-4000-8000-00000000000f' } }],
    ['another nonce', { claims: { nonce: 'another' } }],
    ['no kid', { header: { kid: undefined } }],
  ]
  it.each(guards.flatMap(([guard, options]) => attacks.map((attack) => [guard, ...attack, options] as const)))(
    'a login of %s rejects an ID token with %s',
    async (_guard, _name, idToken, options) => {
      const app = await entraId.login(options)
      entraId.id.misbehave({ idToken })
      const page = await logIn(app, 'alice')
      expect([403, 502]).toContain(page.status)
      expect(app.events.map(({ name }) => name)).toEqual(['login_failed'])
    },
  )

  it.each(guards)('a login of %s accepts the unmodified ID token', async (_guard, options) => {
    expect((await logIn(await entraId.login(options), 'alice')).status).toBe(200)
  })

  it.each([
    ['one tenant with another', { tenant: contoso }, `https://login.microsoftonline.com/${fabrikam}/v2.0`],
    ['common with another host', { tenant: 'common', allow }, 'https://evil.example/{tenantid}/v2.0'],
    ['common with one tenant', { tenant: 'common', allow }, `https://login.microsoftonline.com/${contoso}/v2.0`],
  ] satisfies [string, EntraOptions, string][])(
    'a login fails with 500 if the metadata has another issuer: %s',
    async (_name, options, issuer) => {
      entraId.id.misbehave({ metadata: { issuer } })
      const app = await entraId.login(options)
      expect((await logIn(app, 'alice')).status).toBe(500)
    },
  )
})
