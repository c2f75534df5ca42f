/** ID tokens at a guard whose audience is the client itself. ID tokens pass through the browser at each logout. */
import { createBearer, createOidc } from 'express-session-oidc'
import { startTestProvider } from 'express-session-oidc/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { secret } from '../support/app.ts'

const provider = await startTestProvider({ algorithm: 'ES256', audience: 'web' })
afterAll(() => provider.stop())

const login = { ...provider.settings(), baseUrl: 'https://app.example.com', secret }
const introspection = { clientId: 'web', clientSecret: 'web-secret' }
type Guard = (token: string) => Promise<unknown>

/** Every way to configure `web`, the client of the logins, as the audience. */
const guards: Record<string, Guard> = {
  'the option `bearer.audience`': (token) => createOidc({ ...login, bearer: { audience: 'web' } }).verifyToken(token),
  'a list in the option `bearer.audience`': (token) =>
    createOidc({ ...login, bearer: { audience: ['orders', 'web'] } }).verifyToken(token),
  'the audience of the rule': (token) => createOidc(login).verifyToken(token, { audience: 'web' }),
  'the client of introspection': (token) =>
    createBearer({ issuer: provider.issuer, audience: 'web', introspection }).verifyToken(token),
}

const now = Math.floor(Date.now() / 1000)
const common = { iss: provider.issuer, sub: 'alice', aud: 'web', iat: now, exp: now + 300 }
const profile = { name: 'Alice', email: 'alice@example.com', roles: ['admin'] }
const authenticated = { sid: 'abc', auth_time: now - 5, acr: '1', amr: ['pwd'] }

const idTokens: Record<string, object> = {
  'with a nonce': { ...profile, nonce: 'n' },
  'of a refresh, without nonce, azp and at_hash': { ...profile, ...authenticated },
  'of a refresh, with azp': { ...profile, ...authenticated, azp: 'web' },
  'with azp, but without auth_time, acr and amr': { ...profile, azp: 'web' },
  'with a few claims of the profile': { sid: 'x', nickname: 'a', email_verified: true },
  'with the required claims only': {},
  'with azp null': { azp: null },
  'for several audiences': { aud: ['orders', 'web'], azp: 'web' },
  'for several audiences, the first of them a guard': { aud: ['web', 'orders'] },
  'with the claim typ JWT': { typ: 'JWT' },
  'with the claim typ JWT and a nonce': { typ: 'JWT', nonce: 'n' },
  'with the scope openid': { ...profile, scope: 'openid' },
  'as of Cloud Foundry UAA': {
    azp: 'web',
    client_id: 'web',
    scope: ['openid'],
    nonce: 'n',
    auth_time: 1,
    amr: ['pwd'],
  },
  'with a scope that is null': { scope: null, scp: null },
  'with a scope that is no scope': { scope: true, scp: 5 },
  "with Entra's claims of an application token": { idtyp: 'app', oid: 'alice' },
}

const accessTokens: Record<string, readonly [claims: object, header?: { typ: string }]> = {
  'with the header typ at+jwt': [{}, { typ: 'at+jwt' }],
  'with the header typ application/at+jwt': [{ ...authenticated }, { typ: 'Application/AT+JWT' }],
  'with a scope': [{ ...authenticated, azp: 'web', scope: 'openid orders' }],
  'with a scope in a list': [{ scope: ['orders'] }],
  'with scp': [{ scp: 'orders' }],
  'with scp in a list': [{ scp: ['orders'] }],
  'of Keycloak': [{ ...authenticated, azp: 'web', typ: 'Bearer' }],
  'of Keycloak, bound to a key': [{ azp: 'web', typ: 'DPoP' }],
}

async function refusal(guard: Guard, token: string): Promise<unknown> {
  return guard(token).then(
    () => 'accepted',
    ({ code, detail }: { code: string; detail: string }) => `${code}: ${detail}`,
  )
}

describe.each(Object.entries(guards))('a guard with the client as audience, by %s', (_where, guard) => {
  it.each(Object.entries(idTokens))('rejects an ID token %s', async (_what, claims) => {
    for (const typ of [undefined, 'JWT']) {
      const token = await provider.sign({ ...common, ...claims }, { typ })
      expect(await refusal(guard, token)).toMatch(/^token_invalid: /)
    }
  })

  it.each(Object.entries(accessTokens))('accepts an access token %s', async (_what, [claims, header]) => {
    expect(await refusal(guard, await provider.sign({ ...common, ...claims }, header))).toBe('accepted')
  })

  it('accepts the access token of a login, and rejects its ID token', async () => {
    const tokens = await provider.issueTokens('alice')
    expect(await refusal(guard, tokens['access_token'] as string)).toBe('accepted')
    expect(await refusal(guard, tokens['id_token'] as string)).toMatch(/^token_invalid: /)
    provider.misbehave({ idToken: { claims: { at_hash: undefined, azp: undefined } } })
    const { id_token: bare } = await provider.issueTokens('alice')
    expect(await refusal(guard, bare as string)).toMatch(/^token_invalid: .*nothing marks the token as an access token/)
  })
})

describe('a guard with an audience of its own', () => {
  const guard: Guard = (token) => createOidc({ ...login, bearer: { audience: 'orders' } }).verifyToken(token)

  it('accepts an access token that nothing marks as one', async () => {
    for (const claims of [{}, { azp: 'web' }, { client_id: 'web', auth_time: now }, { aud: ['orders', 'billing'] }])
      expect(await refusal(guard, await provider.sign({ ...common, aud: 'orders', ...claims }))).toBe('accepted')
  })

  it('rejects an ID token for several audiences, one of which is the guard', async () => {
    const token = await provider.sign({ ...common, aud: ['orders', 'web'], name: 'Alice' })
    expect(await refusal(guard, token)).toMatch(/^token_invalid: the audience is the client itself/)
  })
})

describe('a guard that knows no client', () => {
  const guard: Guard = (token) => createBearer({ issuer: provider.issuer, audience: 'web' }).verifyToken(token)

  it.each([
    ['azp', { azp: 'web' }],
    ['client_id', { client_id: 'web' }],
    ['azp in a list of audiences', { aud: ['orders', 'web'], azp: 'orders' }],
    ['auth_time and no client', { auth_time: now }],
    ['acr and an azp that is not a string', { acr: '1', azp: 5 }],
    ['amr and a client_id that is null', { amr: ['pwd'], client_id: null }],
  ])('rejects an ID token by its %s', async (_what, claims) => {
    expect(await refusal(guard, await provider.sign({ ...common, ...claims }))).toMatch(/^token_invalid: /)
  })

  it('accepts an access token for another client, and one that names none', async () => {
    for (const claims of [{}, { azp: 'spa', auth_time: now }, { client_id: 'spa' }])
      expect(await refusal(guard, await provider.sign({ ...common, ...claims }))).toBe('accepted')
  })
})
