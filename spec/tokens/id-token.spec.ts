import { oddKeys, startTestProvider, type TestFaults, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { listProviderAlgorithms } from '../../lib/config/algorithms.ts'
import { verifyIdToken, type IdTokenChecks, type IdTokenClaims } from '../../lib/tokens/id-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow, catchRejection, listEvents } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { meets, startForFaults } from '../support/misbehaviour.ts'
import { directLogins, directNonce, type DirectLogins } from './support/direct-login.ts'

const now = (): number => Math.floor(Date.now() / 1000)

/** Runs the verifier alone, with the keys that the provider publishes. */
async function verified(provider: TestProvider, token: string): Promise<IdTokenClaims> {
  const keys = new Keys(
    async () => provider.keys,
    () => {},
  )
  return verifyIdToken(token, keys, {
    issuer: provider.issuer,
    clientId: 'web',
    nonce: directNonce,
    algorithms: ['RS256'],
    clockToleranceSeconds: 30,
  })
}

describe('an invalid ID token', { meta: { id: 'id-token-1' } }, () => {
  const world = flow({ algorithm: 'RS256' })
  let direct: DirectLogins
  beforeAll(() => {
    direct = directLogins(world.provider, { options: { userInfo: true } })
  })

  const invalid: [string, TestFaults['idToken']][] = [
    ['from another issuer', { claims: (claims) => ({ ...claims, iss: `${String(claims['iss'])}1` }) }],
    ['whose issuer has an extra slash', { claims: (claims) => ({ ...claims, iss: `${String(claims['iss'])}/` }) }],
    ['without an issuer', { claims: { iss: undefined } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['with an empty subject', { claims: { sub: '' } }],
    ['whose subject is a number', { claims: { sub: 5 } }],
    ['with a subject of 256 characters', { claims: { sub: 'x'.repeat(256) } }],
    ['for another audience', { claims: { aud: 'web1' } }],
    ['for other audiences', { claims: { aud: ['other', 'another'] } }],
    ['for several audiences, with another authorized party', { claims: { aud: ['web', 'other'], azp: 'other' } }],
    ['for several audiences, without an authorized party', { claims: { aud: ['web', 'other'], azp: undefined } }],
    ['without an audience', { claims: { aud: undefined } }],
    ['with another authorized party', { claims: { azp: 'other' } }],
    ['with another nonce', { claims: (claims) => ({ ...claims, nonce: `${String(claims['nonce'])}1` }) }],
    ['with an empty nonce', { claims: { nonce: '' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['without iat', { claims: { iat: undefined } }],
    ['issued in the future', { claims: (claims) => ({ ...claims, iat: now() + 120, exp: now() + 600 }) }],
    ['whose iat is a string', { claims: { iat: 'yesterday' } }],
    ['without exp', { claims: { exp: undefined } }],
    ['that has expired', { claims: (claims) => ({ ...claims, exp: now() - 60, iat: now() - 360 }) }],
    ['that is not valid yet', { claims: (claims) => ({ ...claims, nbf: now() + 120 }) }],
    [withId('id-token-2', 'that is not signed'), { signature: 'none' }],
    ['signed with the client secret', { signature: 'hs256' }],
    [withId('id-token-3', 'signed with the public key as an HMAC secret'), { signature: 'hs256-public-key' }],
    ['with a corrupted signature', { signature: 'corrupt' }],
    ['signed with a key that is not published', { signature: 'other-key' }],
    [withId('id-token-4', 'signed with an algorithm that the metadata does not list'), { signature: 'wrong-alg' }],
    ['whose payload is an array', { payload: () => '[]' }],
    ['that is not a JWT', { raw: 'not a token' }],
    ['that is empty', { raw: '' }],
    [withId('id-token-5', 'that is encrypted'), { raw: 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA' }],
    [withId('id-token-6', 'with an unknown critical header parameter'), { header: { crit: ['urn:x'], 'urn:x': true } }],
    ['that is missing', { omit: true }],
  ]
  it.each(invalid)('rejects an ID token %s', { meta: { id: 'id-token-7' } }, async (_name, idToken) => {
    const token = await direct.idToken({ idToken })
    if (token !== undefined) {
      expect(await catchRejection(verified(world.provider, token))).toMatchObject({
        code: 'token_invalid',
        status: 502,
      })
    }
    // Either provider/ or tokens/ may reject it first.
    const outcome = await direct.login({ idToken })
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
    expect(outcome).toMatchObject({ code: expect.stringMatching(/^(?:token_invalid|provider_response_invalid)$/) })
    expect(world.provider.requestsTo('userinfo')).toEqual([])
  })

  // One of each kind of fault: a claim about the token, the user or a time; a signature; a payload; no token.
  const wired = [
    'from another issuer',
    'with a subject of 256 characters',
    'for several audiences, without an authorized party',
    'with another nonce',
    'that has expired',
    'that is not signed',
    'signed with a key that is not published',
    'whose payload is an array',
    'that is empty',
    'that is missing',
  ]
  const inBrowser = depth() === 'deep' ? invalid : invalid.filter(([name]) => wired.includes(name))
  it.each(inBrowser)('does not log a browser in with an ID token %s, and keeps its session', async (_name, idToken) => {
    const app = await startForFaults(world, { options: { userInfo: true } })
    const outcome = await direct.login({ idToken })
    if (outcome.how !== 'refused') throw new Error('it is a login')
    await meets(world, app, { idToken }, { status: 502, code: outcome.code, not: ['userinfo'] })
  })

  it('rejects an ID token whose payload is truncated JSON', async () => {
    const app = await startForFaults(world)
    world.provider.misbehave({ idToken: { payload: (json) => json.slice(0, -5) } })
    const page = await app.agent().get('/profile')
    expect([502, 503]).toContain(page.status)
    expect(listEvents(app, 'login')).toEqual([])
  })

  it('rejects an access token in place of the ID token', { meta: { id: 'id-token-8' } }, async () => {
    const app = await startForFaults(world)
    const faults: TestFaults = { tokenResponse: (body) => ({ ...body, id_token: body['access_token'] }) }
    await meets(world, app, faults, { status: 502, code: await getCode(world.provider, faults) })
  })

  it('rejects the ID token of another login', async () => {
    const app = await startForFaults(world)
    const { id_token: stolen } = await world.provider.issueTokens('alice')
    const faults: TestFaults = { idToken: { raw: String(stolen) } }
    await meets(world, app, faults, { status: 502, code: await getCode(world.provider, faults) })
  })

  it(
    'rejects an ID token whose auth_time is missing or older than max_age allows',
    { meta: { id: 'id-token-9' } },
    async () => {
      const app = await world.start({
        routes: (express, oidc) => void express.get('/fresh', oidc.login({ maxAuthAgeSeconds: 60, returnTo: '/' })),
      })
      world.provider.misbehave({ idToken: { claims: (claims) => ({ ...claims, auth_time: now() - 600 }) } })
      expect((await app.agent().get('/fresh')).status).toBe(502)
      world.provider.behave()
      world.provider.misbehave({ idToken: { claims: { auth_time: undefined } } })
      expect((await app.agent().get('/fresh')).status).toBe(502)
      world.provider.behave()
      expect((await app.agent().get('/fresh')).text()).toBe('hello alice')
    },
  )

  /** The code of the same login in another application: either provider/ or tokens/ may reject it first. */
  async function getCode(provider: TestProvider, faults: TestFaults): Promise<string> {
    const probe = await world.start()
    const undo = provider.misbehave(faults)
    await probe.agent().get('/profile')
    undo()
    const code = listEvents(probe, 'login_failed')[0]?.['code'] as string
    expect(['token_invalid', 'provider_response_invalid']).toContain(code)
    return code
  }
})

describe('an unusual but valid ID token', { meta: { id: 'id-token-10' } }, () => {
  const world = flow({ algorithm: 'RS256' })

  const odd: [string, TestFaults][] = [
    ['without typ', { idToken: { header: { typ: undefined } } }],
    ['with another typ', { idToken: { header: { typ: 'id_token+jwt' } } }],
    ['with its audience in an array', { idToken: { claims: { aud: ['web'] } } }],
    [
      'with its audience in an array, without an authorized party',
      { idToken: { claims: { aud: ['web'], azp: undefined } } },
    ],
    ['without an authorized party', { idToken: { claims: { azp: undefined } } }],
    [
      'for several audiences, with this client as authorized party',
      { idToken: { claims: { aud: ['web', 'api'], azp: 'web' } } },
    ],
    [
      withId('id-token-12', 'from a clock that is slightly ahead'),
      { idToken: { claims: (claims) => ({ ...claims, iat: now() + 20 }) } },
    ],
    [
      withId('id-token-13', 'from a clock that is slightly behind'),
      { idToken: { claims: (claims) => ({ ...claims, exp: now() - 20 }) } },
    ],
    ['with a subject of 255 characters', { idToken: { claims: { sub: 's'.repeat(255) } } }],
    [
      withId('id-token-14', 'whose key is among keys of all kinds'),
      { jwks: async ({ keys }) => ({ keys: [...(await oddKeys()), ...keys] }) },
    ],
    [
      'whose key is among invalid keys',
      { jwks: ({ keys }) => ({ keys: [null, 5, {}, { kty: 'RSA' }, ...keys] as never }) },
    ],
    [withId('id-token-15', 'with at_hash and unknown claims'), { idToken: { claims: { 'urn:x': { y: [1] } } } }],
  ]

  it.each(odd)('logs in with an ID token %s', { meta: { id: 'id-token-11' } }, async (_name, faults) => {
    // A new instance fetches its keys while the provider has the faults.
    const outcome = await directLogins(world.provider).login(faults)
    const sub = outcome.how === 'login' ? outcome.entry.sub : outcome.detail
    expect(sub).toMatch(/^(?:alice|s{255})$/)
  })

  const wired = [
    'with its audience in an array',
    'from a clock that is slightly behind',
    'whose key is among keys of all kinds',
  ]
  const inBrowser = depth() === 'deep' ? odd : odd.filter(([name]) => wired.includes(name))
  it.each(inBrowser)('logs a browser in with an ID token %s', async (_name, faults) => {
    world.provider.misbehave(faults)
    const app = await world.start()
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('gives the application the claims about the user, but not those about the token', async () => {
    const app = await world.start()
    const { user } = (await app.agent().get('/profile')).json() as { user: Record<string, unknown> }
    expect(Object.keys(user).toSorted()).toEqual(
      ['acr', 'auth_time', 'email', 'email_verified', 'iss', 'name', 'preferred_username', 'roles', 'sub'].toSorted(),
    )
  })
})

describe('key rotation by the provider', { meta: { id: 'id-token-16' } }, () => {
  let provider: TestProvider
  let app: TestApp
  beforeEach(async () => {
    // Elliptic curves, because generating RSA keys would take most of the time.
    provider = await startTestProvider({ signIn: 'alice', algorithm: 'ES256' })
    app = await startApp({ provider })
    return async () => {
      await app.stop()
      await provider.stop()
    }
  })

  it(
    'fetches the new key at once if the keys are rotated just before the ID token is signed',
    { meta: { id: 'id-token-17' } },
    async () => {
      await app.agent().get('/profile')
      provider.misbehave({ rotateKeys: 'before-signing' })
      expect((await app.agent().get('/profile')).status).toBe(200)
      expect((await app.agent().get('/profile')).status).toBe(200)
      expect(provider.requestsTo('jwks')).toHaveLength(3)
    },
  )

  it('verifies with a cached key if the keys are rotated just after the ID token is signed', async () => {
    await app.agent().get('/profile')
    provider.misbehave({ rotateKeys: { when: 'after-signing' } })
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('rejects a login whose key is replaced before the first fetch, and the next login works', async () => {
    const undo = provider.misbehave({ rotateKeys: 'after-signing' })
    expect((await app.agent().get('/profile')).status).toBe(502)
    undo()
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('logs in after keys are rotated between logins', async () => {
    await app.agent().get('/profile')
    await provider.rotateKeys()
    expect((await app.agent().get('/profile')).status).toBe(200)
    await provider.rotateKeys({ keepOld: true })
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(provider.requestsTo('jwks')).toHaveLength(3)
  })

  it('logs in after a key is replaced under the same kid', async () => {
    await provider.rotateKeys({ kid: 'the-key' })
    await app.agent().get('/profile')
    await provider.rotateKeys({ kid: 'the-key' })
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('finds a key without a kid among unusual keys', async () => {
    await provider.rotateKeys({ kid: null })
    provider.misbehave({ jwks: async ({ keys }) => ({ keys: [...(await oddKeys()), ...keys] }) })
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('tries each of several keys without a kid', async () => {
    for (let n = 0; n < 3; n++) await provider.rotateKeys({ kid: null, keepOld: n > 0 })
    provider.misbehave({ jwks: ({ keys }) => ({ keys: keys.toReversed() }) })
    expect((await app.agent().get('/profile')).status).toBe(200)
    provider.misbehave({ idToken: { signature: 'corrupt' } })
    expect((await app.agent().get('/profile')).status).toBe(502)
    provider.behave()
    await provider.rotateKeys({ kid: null })
    expect((await app.agent().get('/profile')).status).toBe(200)
  })
})

describe.each(['ES256', 'PS384', 'EdDSA'])('a provider that signs with %s', (algorithm) => {
  it('verifies the ID token and logs the user in', async () => {
    const provider = await startTestProvider({ signIn: 'alice', algorithm })
    const app = await startApp({ provider })
    const page = await app.agent().get('/profile')
    await app.stop()
    await provider.stop()
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
  })
})

describe('verifyIdToken()', () => {
  let provider: TestProvider
  let checks: IdTokenChecks
  const keys = (): Keys =>
    new Keys(
      async () => provider.keys,
      () => {},
    )
  beforeAll(async () => {
    provider = await startTestProvider()
    checks = {
      issuer: provider.issuer,
      clientId: 'web',
      nonce: 'n-1',
      algorithms: ['RS256'],
      clockToleranceSeconds: 30,
    }
  })
  afterAll(() => provider.stop())

  function token(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
    const good = { iss: provider.issuer, aud: 'web', sub: 'alice', nonce: 'n-1', iat: now(), exp: now() + 300 }
    return provider.sign({ ...good, ...claims }, header)
  }

  it('returns the claims of a valid ID token', async () => {
    expect(await verifyIdToken(await token({ x: 1 }), keys(), checks)).toMatchObject({ sub: 'alice', x: 1 })
  })

  // Each fault alone must reject the token: openid-client also checks some of them, which must not hide a gap here.
  it.each<[string, Record<string, unknown>]>([
    ['another iss', { iss: 'https://other.example' }],
    ['no iss', { iss: undefined }],
    ['another aud', { aud: 'other' }],
    ['no aud', { aud: undefined }],
    ['another azp', { azp: 'other' }],
    ['several aud and no azp', { aud: ['web', 'other'] }],
    ['another nonce', { nonce: 'n-2' }],
    ['no nonce', { nonce: undefined }],
    ['no sub', { sub: undefined }],
    ['an empty sub', { sub: '' }],
    ['a sub that is too long', { sub: 's'.repeat(256) }],
    ['a sub of another type', { sub: { a: 1 } }],
    ['no iat', { iat: undefined }],
    ['an iat in the future', { iat: now() + 1000, exp: now() + 2000 }],
    ['no exp', { exp: undefined }],
    ['an exp in the past', { exp: now() - 31 }],
    ['an nbf in the future', { nbf: now() + 120 }],
  ])('rejects an ID token with %s', { meta: { id: 'id-token-18' } }, async (_name, claims) => {
    const error = await catchRejection(verifyIdToken(await token(claims), keys(), checks))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
    expect(error.detail).toMatch(/^ID token: /)
    expect(error.message).not.toContain('other')
  })

  it(
    'rejects an algorithm that is not in the list, without fetching the keys again',
    { meta: { id: 'id-token-19' } },
    async () => {
      let requested = 0
      const counted = new Keys(
        async () => {
          requested++
          return provider.keys
        },
        () => {},
      )
      const error = await catchRejection(verifyIdToken(await token(), counted, { ...checks, algorithms: ['ES256'] }))
      expect(error.code).toBe('token_invalid')
      expect(error.detail).toContain('the token has the alg "RS256"; accepted are ES256')
      expect(requested).toBe(1)
    },
  )

  it.each([
    ['ahead of', { iat: now() + 3600, exp: now() + 3900 }],
    ['behind', { iat: now() - 3600, exp: now() - 3300 }],
    ['ahead of', { iat: now() + 3600, nbf: now() + 3600, exp: now() + 3900 }],
  ])('says by how much the clock of the provider is %s that of this machine', async (which, claims) => {
    const { detail } = await catchRejection(verifyIdToken(await token(claims), keys(), checks))
    expect(detail).toMatch(/; the clocks differ by about 3,(?:6|5)\d\d s: /)
    expect(detail).toContain(`that of the provider is ${which} that of this machine; synchronize both`)
  })

  it('reports a failure to fetch the keys as such, not as an invalid token', async () => {
    const broken = new Keys(
      () => Promise.reject(new Error('no')),
      () => {},
    )
    expect(await catchRejection(verifyIdToken(await token(), broken, checks))).toMatchObject({
      code: 'provider_unavailable',
      status: 503,
    })
    const fault = new OidcError('provider_response_invalid', 'x', { status: 502 })
    const refused = new Keys(
      () => Promise.reject(fault),
      () => {},
    )
    expect(await catchRejection(verifyIdToken(await token(), refused, checks))).toBe(fault)
  })

  it.each(['', 'x', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.'])('rejects %j, which is not a signed token', async (text) => {
    expect((await catchRejection(verifyIdToken(text, keys(), checks))).code).toBe('token_invalid')
  })

  it('rejects claims that are not an object', async () => {
    const text = await provider.sign('text' as never)
    expect((await catchRejection(verifyIdToken(text, keys(), checks))).code).toBe('token_invalid')
  })

  it('keeps the token and its claims out of the error', { meta: { id: 'id-token-20' } }, async () => {
    const bad = await token({ aud: 'other', email: 'alice@example.com' })
    const error = await catchRejection(verifyIdToken(bad, keys(), checks))
    expect(error.cause).toBeUndefined()
    expect(JSON.stringify(error) + String(error.stack) + String(error.detail)).not.toContain('alice@example.com')
    expect(JSON.stringify(error) + String(error.stack) + String(error.detail)).not.toContain(bad.slice(-20))
  })
})

describe('listProviderAlgorithms()', () => {
  it('returns only the asymmetric signature algorithms of the list', { meta: { id: 'id-token-21' } }, () => {
    expect(listProviderAlgorithms(['none', 'HS256', 'HS512', 'ES256', 'RS256', 'RSA-OAEP'])).toEqual(['RS256', 'ES256'])
  })

  it('defaults to RS256 if the metadata has no list of algorithms', () => {
    expect(listProviderAlgorithms(undefined)).toEqual(['RS256'])
    expect(listProviderAlgorithms('HS256')).toEqual(['RS256'])
  })

  it('returns an empty list if no listed algorithm is accepted', () => {
    expect(listProviderAlgorithms(['none', 'HS256'])).toEqual([])
  })
})
