import { keycloak, type OidcOptions } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { collectLog } from '../support/log.ts'
import { meets, patience, startForFaults } from '../support/misbehaviour.ts'

// Issues tokens as a Keycloak realm does.
const realm = flow({
  path: '/realms/acme',
  users: [
    {
      sub: 'alice',
      claims: { name: 'Alice', roles: ['claimed'] },
      accessTokenClaims: {
        realm_access: { roles: ['admin', 'user'] },
        resource_access: { orders: { roles: ['read', 'write'] }, web: { roles: ['tester'] }, odd: 5, empty: {} },
      },
      userInfoClaims: { groups: ['staff'] },
    },
    { sub: 'bob', claims: { name: 'Bob', realm_access: { roles: ['from the ID token'] } } },
  ],
})

async function rolesWith(
  options: Partial<OidcOptions>,
  faults?: TestFaults,
): Promise<{ roles: unknown; app: TestApp }> {
  const app = await realm.start({ options })
  if (faults) realm.provider.misbehave(faults)
  return { roles: (await app.agent().get('/profile')).json()['roles'], app }
}

function preset(client?: string): Partial<OidcOptions> {
  return { provider: keycloak({ url: realm.provider.url, realm: 'acme', client }) }
}

/** What instances log while `run` runs. */
async function warnings(run: () => Promise<unknown>): Promise<string[]> {
  const said: string[] = []
  const stop = collectLog(({ code, message, fix }) => void said.push(`${code}: ${message}; ${fix}`))
  await run()
  stop()
  return said
}

describe('default roles', () => {
  /** Whatever the access token says, the ID token alone counts, because the access token is opaque. */
  const opaque: TestFaults = { accessToken: { raw: 'opaque' } }

  it('default roles are the roles claim of the ID token, and the roles of Keycloak in the access token', async () => {
    const { roles } = await rolesWith({})
    expect(roles).toEqual(['claimed', 'admin', 'user', 'orders:read', 'orders:write', 'web:tester'])
  })

  it.each([
    ['a string', 'admin'],
    ['missing', undefined],
    ['null', null],
    ['an object', { admin: true }],
  ])('there are no default roles if the roles claim is %s', async (_name, roles) => {
    expect((await rolesWith({}, { ...opaque, idToken: { claims: { roles } } })).roles).toEqual([])
  })

  it('default roles are the strings in the roles claim', async () => {
    const idToken = { claims: { roles: ['a', 5, null, 'b'] } }
    expect((await rolesWith({}, { ...opaque, idToken })).roles).toEqual(['a', 'b'])
  })

  it('default roles are those of userinfo if it is requested and the ID token has none', async () => {
    const faults = { ...opaque, idToken: { claims: { roles: undefined } } }
    expect((await rolesWith({ userInfo: true }, faults)).roles).toEqual(['claimed'])
  })

  it('default roles do not come from an access token that is not verified, and a warning says so', async () => {
    const faults: TestFaults = { accessToken: { claims: { roles: ['forged'] }, signature: 'other-key' } }
    const said = await warnings(async () => expect((await rolesWith({}, faults)).roles).toEqual(['claimed']))
    expect(said).toEqual([expect.stringMatching(/^OIDC_ACCESS_TOKEN_UNVERIFIED: /)])
  })
})

describe('the preset keycloak()', () => {
  it(
    'keycloak() reads realm and client roles from the verified access token',
    { meta: { id: 'roles-1' } },
    async () => {
      const { roles } = await rolesWith(preset())
      expect((roles as string[]).toSorted()).toEqual(['admin', 'orders:read', 'orders:write', 'user', 'web:tester'])
    },
  )

  it('keycloak({ client }) also returns the roles of that client without a prefix', async () => {
    const { roles } = await rolesWith(preset('web'))
    expect(roles).toContain('tester')
    expect(roles).toContain('web:tester')
    expect(roles).not.toContain('read')
  })

  it(
    'keycloak() reads roles from the ID token if the access token is opaque',
    { meta: { id: 'roles-2' } },
    async () => {
      const opaque: TestFaults = { accessToken: { raw: 'opaque' } }
      realm.provider.signIn('bob')
      const said = await warnings(async () => {
        expect((await rolesWith(preset(), opaque)).roles).toEqual(['from the ID token'])
      })
      expect(said).toEqual([])
    },
  )

  it.each<[string, TestFaults['accessToken']]>([
    ['signed with another key', { signature: 'other-key' }],
    ['without a signature', { signature: 'none' }],
    ['signed with the client secret', { signature: 'hs256' }],
    ['with a corrupt signature', { signature: 'corrupt' }],
    ['of another issuer', { claims: { iss: 'https://other.example' } }],
    ['for another client', { claims: { azp: 'other' } }],
    ['for another client_id', { claims: { azp: undefined, client_id: 'other' } }],
    ['of another user', { claims: { sub: 'bob' } }],
    ['that has expired', { claims: { exp: 1000 } }],
  ])('keycloak() returns no roles of an access token %s and warns at most once', async (_name, accessToken) => {
    const forged = { realm_access: { roles: ['forged'] }, resource_access: {} }
    const faults: TestFaults[] = [{ accessToken: { claims: forged } }, { accessToken }]
    const said = await warnings(async () => {
      const app = await realm.start({ options: preset() })
      for (const fault of faults) realm.provider.misbehave(fault)
      for (let n = 0; n < 2; n++) {
        const page = await app.agent().get('/profile')
        expect(page.status).toBe(200)
        expect(page.json()['roles']).toEqual([])
      }
    })
    // An unsigned token counts as opaque.
    if (accessToken?.signature === 'none') return
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^OIDC_ACCESS_TOKEN_UNVERIFIED: /)
    expect(said[0]).not.toMatch(/eyJ/)
  })

  it('keycloak() answers 503 if the keys of the access token cannot be fetched', async () => {
    const app = await realm.start({ options: preset() })
    await app.agent().get('/profile')
    // The key of the access token is new and cannot be fetched, so the roles are unknown.
    realm.provider.misbehave({
      accessToken: { header: { kid: 'unknown' } },
      endpoints: { jwks: { status: 500 } },
    })
    const page = await app.agent().get('/profile')
    expect(page.status).toBe(503)
    expect(listEvents(app, 'login')).toHaveLength(1)
  })
})

describe('the roles option', () => {
  it('the roles function gets the verified claims', async () => {
    const seen: unknown[] = []
    const { roles } = await rolesWith({
      userInfo: true,
      roles: ({ idToken, accessToken, userInfo }) => {
        seen.push([idToken['sub'], accessToken?.['azp'], userInfo?.['groups']])
        return ['one', 'two']
      },
    })
    expect(seen).toEqual([['alice', 'web', ['staff']]])
    expect(roles).toEqual(['one', 'two'])
  })

  it('the roles function gets no userinfo unless it is requested, and no opaque access token', async () => {
    const seen: unknown[] = []
    const read: OidcOptions['roles'] = (sources) => {
      seen.push(sources.accessToken, sources.userInfo)
      return []
    }
    await rolesWith({ roles: read }, { accessToken: { raw: 'opaque' } })
    expect(seen).toEqual([undefined, undefined])
    expect(realm.provider.requestsTo('userinfo')).toEqual([])
  })

  it.each([
    ['throws', () => assertNever('no such group: 4711')],
    ['returns no array', () => 'admin' as never],
    ['returns nothing', () => undefined as never],
    ['returns an array of numbers', () => [1] as never],
  ])('a roles function that %s fails the login with 500 and keeps the former session', async (_name, roles) => {
    let broken = false
    const app = await startForFaults(realm, {
      options: { roles: (sources) => (broken ? roles() : [sources.idToken.sub as string]) },
    })
    const agent = app.agent()
    expect((await agent.get('/profile')).json()['roles']).toEqual(['alice'])
    broken = true
    const page = await agent.get('/switch')
    expect(page.status).toBe(500)
    expect(page.text()).not.toContain('4711')
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'hook_failed', status: 500 }])
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' }, roles: ['alice'] })
  })
})

describe('userinfo at the login', () => {
  it('userinfo adds its claims to those of the ID token, which take precedence', async () => {
    realm.provider.misbehave({ userInfo: { claims: { name: 'Another', nickname: 'Al', iat: 5, nonce: 'x' } } })
    const app = await realm.start({ options: { userInfo: true } })
    const { user } = (await app.agent().get('/profile')).json() as { user: Record<string, unknown> }
    expect(user).toMatchObject({ sub: 'alice', name: 'Alice', nickname: 'Al', groups: ['staff'] })
    expect(user).not.toHaveProperty('nonce')
    const [request] = realm.provider.requestsTo('userinfo')
    expect(request?.headers['authorization']).toMatch(/^Bearer /)
    expect(request?.url).not.toContain('token')
  })

  it('userinfo is not requested by default', async () => {
    const app = await realm.start()
    const { user } = (await app.agent().get('/profile')).json() as { user: Record<string, unknown> }
    expect(user).not.toHaveProperty('groups')
    expect(realm.provider.requestsTo('userinfo')).toEqual([])
  })

  it.each<[string, TestFaults, number]>([
    [withId('roles-4', 'of another subject'), { userInfo: { claims: { sub: 'mallory' } } }, 502],
    [withId('roles-5', 'without a subject'), { userInfo: { claims: { sub: undefined } } }, 502],
    ['that is an array', { endpoints: { userinfo: { body: [] } } }, 502],
    ['that is an HTML page', { endpoints: { userinfo: { html: true } } }, 503],
    ['that is truncated', { endpoints: { userinfo: { truncate: true } } }, 503],
    ['with status 500', { endpoints: { userinfo: { status: 500 } } }, 503],
    ['with status 429', { endpoints: { userinfo: { status: 429 } } }, 503],
    [withId('roles-6', 'with status 403'), { endpoints: { userinfo: { status: 403 } } }, 502],
    ['that never arrives', { endpoints: { userinfo: { hang: true } } }, 503],
    ['that never ends', { endpoints: { userinfo: { bytes: Number.POSITIVE_INFINITY } } }, 503],
    ['that is signed for another client', { userInfo: { signed: true, claims: { aud: 'other' } } }, 502],
    ['with the algorithm none', { userInfo: { signature: 'none' } }, 502],
    ['with a corrupt signature', { userInfo: { signature: 'corrupt' } }, 502],
    ['with a signature of another key', { userInfo: { signature: 'other-key' } }, 502],
  ])('a userinfo response %s fails the login', { meta: { id: 'roles-3' } }, async (_name, faults, status) => {
    const app = await startForFaults(realm, {
      options: { userInfo: true, providerTimeoutSeconds: patience(faults) },
    })
    const code = status === 502 ? ['provider_response_invalid', 'token_invalid'] : 'provider_unavailable'
    await meets(realm, app, faults, { status, code })
  })

  it('a userinfo endpoint that rejects the access token fails the login with 502', async () => {
    const app = await startForFaults(realm, { options: { userInfo: true } })
    const challenge = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
    await meets(realm, app, { endpoints: { userinfo: challenge } }, { status: 502, code: 'token_invalid' })
  })

  it('a signed userinfo response is accepted', async () => {
    realm.provider.misbehave({ userInfo: { signed: true, claims: { nickname: 'Al' } } })
    const app = await realm.start({ options: { userInfo: true } })
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { nickname: 'Al' } })
  })

  it('a provider without a userinfo endpoint fails the login with 502, and the detail names it', async () => {
    const app = await startForFaults(realm, { options: { userInfo: true } })
    realm.provider.misbehave({ metadata: { userinfo_endpoint: undefined } })
    const page = await app.agent().get('/profile')
    expect(page.status).toBe(502)
    expect((listEvents(app, 'login_failed')[0] as { detail: string }).detail).toContain('userinfo')
  })
})

function assertNever(message: string): never {
  throw new Error(message)
}
