/** One user through a session and through a Bearer token: the roles are the same, wherever the provider puts them. */
import type { Express } from 'express'
import type { Oidc } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { flow } from '../support/flow.ts'
import { pass, stillClock } from '../support/tokens-app.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const test = flow({ audience: 'orders', users: [{ sub: 'alice' }] })
stillClock()
const warnings = warningsOfSpecs()

function routes(app: Express, oidc: Oidc): void {
  app.get('/session', oidc.requireAuth(), (req, res, next) => {
    const { roles } = oidc.context(req)
    req.oidc.accessToken().then((token) => res.json({ roles, token }), next)
  })
  app.get('/token', oidc.requireBearer(), (req, res) => void res.json({ roles: req.auth.roles }))
}

/** The roles of Alice in a session, and those of the session's access token at an API. */
async function rolesWith(
  claims: object,
  { access = claims }: { access?: object } = {},
): Promise<{ session: unknown; token: unknown }> {
  const faults: TestFaults = { idToken: { claims: { ...claims } }, accessToken: { claims: { ...access } } }
  const app = await test.start({ options: { bearer: { audience: 'orders' } }, routes })
  test.provider.misbehave(faults)
  const page = await app.agent().get('/session')
  expect(page.status).toBe(200)
  const { roles: session, token } = page.json()
  const answer = await fetch(`${app.url}/token`, { headers: { authorization: `Bearer ${String(token)}` } })
  expect(answer.status).toBe(200)
  return { session, token: ((await answer.json()) as { roles: unknown }).roles }
}

const keycloak = { realm_access: { roles: ['admin', 'user'] }, resource_access: { orders: { roles: ['read'] } } }
const deep: unknown = JSON.parse(`${'['.repeat(1900)}"admin"${']'.repeat(1900)}`)

describe('the roles of one user in a session and in a token', () => {
  it.each<[string, object, string[]]>([
    ['of Keycloak', keycloak, ['admin', 'user', 'orders:read']],
    ['in the claim roles', { roles: ['admin', 'user'] }, ['admin', 'user']],
    ['in both', { roles: ['admin', 'owner'], ...keycloak }, ['admin', 'owner', 'user', 'orders:read']],
    ['missing', {}, []],
    ['null', { roles: null, realm_access: null, resource_access: null }, []],
    ['numbers', { roles: 5, realm_access: 5, resource_access: 5 }, []],
    ['strings', { roles: 'admin', realm_access: 'admin', resource_access: 'admin' }, []],
    ['objects', { roles: { admin: true }, realm_access: { roles: { 0: 'admin' } } }, []],
    ['nested', { roles: [['admin'], { admin: true }], resource_access: { orders: { roles: [['admin']] } } }, []],
    [
      'huge and nested',
      { roles: deep, realm_access: { roles: deep }, resource_access: { orders: { roles: deep } } },
      [],
    ],
    ['of a client with a huge id', { resource_access: { ['c'.repeat(256)]: { roles: ['admin'] } } }, []],
    ['one huge text', { roles: 'admin '.repeat(700), realm_access: { roles: 'admin '.repeat(50) } }, []],
  ])('the session and the token have the same roles if the roles are %s', async (_name, claims, expected) => {
    const { session, token } = await rolesWith(claims)
    expect(new Set(session as string[])).toEqual(new Set(expected))
    expect(session).toEqual(token)
    expect(warnings).toEqual([])
  })

  it('the session and the token have the roles of the access token if the ID token has none', async () => {
    expect(await rolesWith({}, { access: keycloak })).toEqual({
      session: ['admin', 'user', 'orders:read'],
      token: ['admin', 'user', 'orders:read'],
    })
  })

  it('the session and the token have the roles of the access token if the ID token has others', async () => {
    const { session, token } = await rolesWith({ roles: ['former'] }, { access: { roles: ['current'] } })
    expect([session, token]).toEqual([['current'], ['current']])
  })
})

describe('the roles of a session', () => {
  /** The roles in a session, whose access token no API of this application accepts. */
  async function sessionRoles(idToken: object, accessToken: TestFaults['accessToken']): Promise<unknown> {
    const app = await test.start({ options: { bearer: { audience: 'orders' } }, routes })
    test.provider.behave()
    test.provider.misbehave({ idToken: { claims: { ...idToken } }, accessToken })
    const page = await app.agent().get('/session')
    expect(page.status).toBe(200)
    return page.json()['roles']
  }

  it.each<[string, TestFaults['accessToken']]>([
    ['opaque', { raw: 'opaque' }],
    ['for another API', { claims: { aud: 'billing', roles: ['admin'] } }],
    ['for several other APIs', { claims: { aud: ['billing', 'shop'], roles: ['admin'] } }],
    ['for no API', { claims: { aud: undefined, roles: ['admin'] } }],
    ['with an odd audience', { claims: { aud: [['orders'], { orders: true }, 5, null], roles: ['admin'] } }],
    ['for another API and of an unknown key', { claims: { aud: 'billing', roles: ['admin'] }, signature: 'other-key' }],
    ['without roles and of an unknown key', { signature: 'other-key' }],
    ['with null for roles', { claims: { roles: null, realm_access: null, resource_access: null } }],
  ])(
    'the roles of a session are those of the ID token, without a warning, if the access token is %s',
    async (_name, accessToken) => {
      expect(await sessionRoles({ roles: ['user'] }, accessToken)).toEqual(['user'])
      expect(await sessionRoles({}, accessToken)).toEqual([])
      expect(warnings).toEqual([])
    },
  )

  it('the roles of a session include those of Keycloak from an access token for another API', async () => {
    const claims = { aud: 'billing', roles: ['owner'], ...keycloak }
    expect(await sessionRoles({ roles: ['user'] }, { claims })).toEqual(['user', 'admin', 'orders:read'])
  })

  it('the roles of a session include the claim roles of an access token for the client itself', async () => {
    expect(await sessionRoles({}, { claims: { aud: 'web', roles: ['admin'] } })).toEqual(['admin'])
  })

  it.each<[string, object, TestFaults['accessToken']]>([
    ['of an unknown key', {}, { signature: 'other-key' }],
    ['with a corrupt signature', {}, { signature: 'corrupt' }],
    ['of another issuer', { iss: 'https://other.example' }, {}],
    ['of another client', { azp: 'other' }, {}],
    ['of another user', { sub: 'bob' }, {}],
    ['that has expired', { exp: 1000 }, {}],
  ])(
    'the roles of a session do not come from an access token %s, and a warning says so',
    async (_name, changed, fault) => {
      const claims = { ...keycloak, roles: ['admin'], ...changed }
      expect(await sessionRoles({ roles: ['user'] }, { ...fault, claims })).toEqual(['user'])
      expect(warnings).toMatchObject([{ code: 'OIDC_ACCESS_TOKEN_UNVERIFIED' }])
    },
  )

  it('the roles of a session do not come from an access token without a signature', async () => {
    expect(await sessionRoles({}, { claims: { roles: ['admin'], ...keycloak }, signature: 'none' })).toEqual([])
  })

  it('the roles of a session follow the access token at a refresh', async () => {
    const app = await test.start({ options: { bearer: { audience: 'orders' } }, routes })
    const agent = app.agent()
    const shown = async (): Promise<unknown> => (await agent.get('/session')).json()['roles']
    const undo = test.provider.misbehave({ accessToken: { claims: { roles: ['admin', 'user'] } } })
    expect(await shown()).toEqual(['admin', 'user'])
    undo()
    test.provider.misbehave({ accessToken: { claims: { roles: ['user'] } } })
    pass(301)
    await shown()
    expect(await shown()).toEqual(['user'])
  })
})
