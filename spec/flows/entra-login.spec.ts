/** Logins at Entra, by its documents and under its own host names. */
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

/** Goes to a guarded page as the user at the keyboard. */
async function logIn(app: TestApp, user: string, path = '/profile'): Promise<UserAgentResponse> {
  entraId.id.signIn(user)
  const proxies = entraId.id.proxies('shop.ciamlogin.com', 'shop.b2clogin.com')
  return await createUserAgent({ baseUrl: app.url, proxies }).get(path)
}

interface Profile {
  user: Record<string, unknown>
  roles: string[]
}

function profileOf(page: UserAgentResponse): Profile {
  return page.json() as unknown as Profile
}

function details(app: TestApp): unknown[] {
  return app.events
    .filter(({ name }) => name === 'login_failed')
    .map(({ event }) => (event as { detail?: string }).detail)
}

describe('a login', () => {
  it.each<[string, EntraOptions, string, { iss: string; tid: string; host: string }]>([
    [
      'one tenant',
      { tenant: contoso },
      'alice',
      { iss: `https://login.microsoftonline.com/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.com' },
    ],
    [
      withId('entra-login-2', 'a list'),
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
      'US Government',
      { tenant: contoso, cloud: 'us' },
      'alice',
      { iss: `https://login.microsoftonline.us/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.us' },
    ],
    [
      'several of US Government',
      { tenant: [contoso, fabrikam], cloud: 'us' },
      'alice',
      { iss: `https://login.microsoftonline.us/${contoso}/v2.0`, tid: contoso, host: 'login.microsoftonline.us' },
    ],
    [
      'several of China',
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
  ])('with %s', { meta: { id: 'entra-login-1' } }, async (_name, options, user, { iss, tid, host }) => {
    const app = await entraId.login(options)
    const page = await logIn(app, user)
    expect(details(app)).toEqual([])
    expect(page.status).toBe(200)
    expect(profileOf(page).user).toMatchObject({
      iss,
      tid,
      oid: expect.any(String) as string,
      name: 'Alice Adams',
    })
    expect(entraId.id.requestsTo('authorize').map(({ url }) => new URL(url).host)).toEqual([host])
  })

  it('with B2C, which has no tid', async () => {
    const app = await entraId.login({ tenant: contoso, b2c: { name: 'shop', policy: 'B2C_1_signin' } })
    const { user } = profileOf(await logIn(app, 'alice'))
    expect(user).toMatchObject({
      iss: `https://shop.b2clogin.com/${contoso}/v2.0/`,
      sub: alice.oid,
      tfp: 'B2C_1_signin',
    })
    expect(user).not.toHaveProperty('tid')
  })

  it('has roles and groups of the ID token, and says nothing of the access token, which is for Graph', async () => {
    const warned: string[] = []
    const listen = (warning: Error): void => void warned.push(warning.message)
    process.on('warning', listen)
    const app = await entraId.login({ tenant: contoso })
    const { user, roles } = profileOf(await logIn(app, 'alice'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', listen)
    expect(roles).toEqual(['Admin'])
    expect(user['groups']).toEqual(['group-1'])
    expect(warned.filter((text) => text.includes('access token'))).toEqual([])
  })

  it('goes by pages on loopback where browsers are to find no other', async () => {
    await using other = await startTestEntra({ pages: 'loopback', signIn: 'alice' })
    for (const tenant of [contoso, [contoso, fabrikam]]) {
      const app = await entraId.login({ tenant }, other.settings())
      const page = await createUserAgent({ baseUrl: app.url }).get('/profile')
      expect(page.hops.some(({ url }) => url.startsWith(`${other.url}/login.microsoftonline.com/`))).toBe(true)
      expect(profileOf(page).user).toMatchObject({ tid: contoso })
    }
  })

  it('ends at Entra too', async () => {
    const app = await entraId.login({ tenant: [contoso, fabrikam] })
    entraId.id.signIn('alice')
    const agent = createUserAgent({ baseUrl: app.url, proxies: entraId.id.proxies() })
    await agent.get('/profile')
    const out = await agent.get('/logout')
    expect(out.url.startsWith(app.url)).toBe(true)
    expect(entraId.id.requestsTo('end_session')).toHaveLength(1)
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('takes a guest of the tenant, unless the rule says otherwise', async () => {
    const open = await entraId.login({ tenant: contoso })
    expect(profileOf(await logIn(open, 'bob')).user).toMatchObject({
      tid: contoso,
      idp: `https://sts.windows.net/${fabrikam}/`,
    })
    const closed = await entraId.login({ tenant: contoso, allow: ({ idp }) => idp === undefined })
    expect((await logIn(closed, 'bob')).status).toBe(403)
    expect((await logIn(closed, 'alice')).status).toBe(200)
  })

  it(
    'fetches groups that do not fit into the token from Graph, with the access token of the login',
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
      const { user } = profileOf(await logIn(app, 'joiner'))
      expect(user['groups']).toEqual(groups)
      expect(user).not.toHaveProperty('_claim_names')
      expect(user).not.toHaveProperty('_claim_sources')
    },
  )

  it('is refused rather than taken for one with no groups', async () => {
    const app = await entraId.login({ tenant: contoso })
    expect((await logIn(app, 'joiner')).status).toBe(403)
    expect(details(app)).toEqual([expect.stringContaining('pass groups: a function')])
    const without = await entraId.login({ tenant: contoso, groups: false })
    expect(profileOf(await logIn(without, 'joiner')).user).not.toHaveProperty('groups')
  })

  it('tells a user whose tenant is not let in, and in the log what to do', async () => {
    const app = await entraId.login({ tenant: [contoso, '33333333-3333-4333-8333-333333333333'] })
    const page = await logIn(app, 'bob')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('This account cannot be used here.')
    expect(page.text()).not.toContain(fabrikam)
    expect(details(app)).toEqual([
      `tid is ${fabrikam}, which is none of the tenants of the option tenant: list it there to let its users in`,
    ])
    expect(app.events).toEqual([expect.objectContaining({ name: 'login_failed' })])
  })

  it('tells who has not asked for the scope profile', async () => {
    const app = await entraId.login({ tenant: contoso }, { scope: 'openid' })
    expect((await logIn(app, 'alice')).status).toBe(403)
    expect(details(app)).toEqual([expect.stringContaining('ask for the scope profile')])
  })
})

describe('a rule that does not say true lets nobody in', () => {
  it.each<[string, unknown]>([
    ['false', false],
    ['1', 1],
    ['a text', 'yes'],
    ['nothing', undefined],
    ['a promise of an object', Promise.resolve({})],
  ])('%s', async (_name, verdict) => {
    const app = await entraId.login({ tenant: 'common', allow: () => verdict as boolean })
    expect((await logIn(app, 'alice')).status).toBe(403)
  })

  it('an error', async () => {
    const app = await entraId.login({
      tenant: 'common',
      allow: () => {
        throw new Error('no database')
      },
    })
    expect((await logIn(app, 'alice')).status).toBe(500)
    expect(details(app)).toEqual(['accept failed: Error: no database'])
  })
})

describe('attacks on a login', { meta: { id: 'entra-login-4' } }, () => {
  const guards: [string, EntraOptions][] = [
    ['one', { tenant: contoso }],
    ['list', { tenant: [contoso, fabrikam] }],
    ['organizations', { tenant: 'organizations', allow }],
    ['common', { tenant: 'common', allow }],
    ['us', { tenant: 'common', allow, cloud: 'us' }],
  ]
  const attacks: [string, NonNullable<TestEntraFaults['idToken']>][] = [
    ['the tid of another tenant', { claims: { tid: fabrikam } }],
    ['the issuer of another tenant', { claims: { iss: `https://login.microsoftonline.com/${fabrikam}/v2.0` } }],
    ['the issuer of version 1', { claims: { iss: `https://sts.windows.net/${contoso}/` } }],
    ['the template as the issuer', { claims: { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0' } }],
    [
      'the template as issuer and tid',
      { claims: { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0', tid: '{tenantid}' } },
    ],
    [
      'the template of another cloud',
      { claims: { iss: 'https://login.microsoftonline.us/{tenantid}/v2.0', tid: '{tenantid}' } },
    ],
    ['no tid', { claims: { tid: undefined } }],
    [
      'no tid, and an issuer made of none',
      { claims: { tid: undefined, iss: 'https://login.microsoftonline.com/undefined/v2.0' } },
    ],
    ['a list of tids', { claims: { tid: [contoso] } }],
    ['a word for a tid', { claims: { tid: 'common', iss: 'https://login.microsoftonline.com/common/v2.0' } }],
    ['no oid', { claims: { oid: undefined } }],
    ['the key of personal accounts', { key: 'consumers' }],
    ['another client', { claims: { aud: 'c0000000-0000-4000-8000-00000000000f' } }],
    ['another nonce', { claims: { nonce: 'another' } }],
    ['no kid', { header: { kid: undefined } }],
  ]
  it.each(guards.flatMap(([guard, options]) => attacks.map((attack) => [guard, ...attack, options] as const)))(
    '%s: %s',
    async (_guard, _name, idToken, options) => {
      const app = await entraId.login(options)
      entraId.id.misbehave({ idToken })
      const page = await logIn(app, 'alice')
      expect([403, 502]).toContain(page.status)
      expect(app.events.map(({ name }) => name)).toEqual(['login_failed'])
    },
  )

  it.each(guards)('%s: none of it, as it is without', async (_guard, options) => {
    expect((await logIn(await entraId.login(options), 'alice')).status).toBe(200)
  })

  it.each([
    ['one', { tenant: contoso }, `https://login.microsoftonline.com/${fabrikam}/v2.0`],
    ['common', { tenant: 'common', allow }, 'https://evil.example/{tenantid}/v2.0'],
    ['common', { tenant: 'common', allow }, `https://login.microsoftonline.com/${contoso}/v2.0`],
  ] satisfies [string, EntraOptions, string][])('metadata of another issuer: %s', async (_name, options, issuer) => {
    entraId.id.misbehave({ metadata: { issuer } })
    const app = await entraId.login(options)
    expect((await logIn(app, 'alice')).status).toBe(503)
  })
})
