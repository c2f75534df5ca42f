import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { looksLikeJwt, verifyOwnAccessToken, type OwnAccessTokenChecks } from '../../lib/tokens/access-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { catchRejection } from '../support/flow.ts'

let provider: TestProvider
beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())

const now = (): number => Math.floor(Date.now() / 1000)

function makeChecks(thumbprint?: string): OwnAccessTokenChecks {
  return { issuer: provider.issuer, clientId: 'web', sub: 'alice', thumbprint, clockToleranceSeconds: 30 }
}

function verify(token: string, thumbprint?: string): Promise<Readonly<Record<string, unknown>>> {
  const keys = new Keys(
    async () => provider.keys,
    () => {},
  )
  return verifyOwnAccessToken(token, keys, makeChecks(thumbprint))
}

function token(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
  const good = { iss: provider.issuer, aud: 'account', sub: 'alice', azp: 'web', iat: now(), exp: now() + 300 }
  return provider.sign({ ...good, ...claims }, header)
}

describe('the access token of a login', () => {
  it.each([
    ['as Keycloak issues it', {}, {}],
    ['as RFC 9068 defines it', { client_id: 'web', azp: undefined }, { typ: 'at+jwt' }],
    ['that names neither client nor subject', { azp: undefined, sub: undefined }, {}],
    ['without typ', {}, { typ: undefined }],
  ])('accepts an access token %s', { meta: { id: 'access-token-1' } }, async (_name, claims, header) => {
    expect(await verify(await token({ ...claims, roles: ['x'] }, header))).toMatchObject({ roles: ['x'] })
  })

  it.each([
    ['from another issuer', { iss: 'https://other.example' }, 'iss'],
    ['without an issuer', { iss: undefined }, 'iss'],
    ['for another client (azp)', { azp: 'other' }, 'azp is not this client'],
    [
      'for another client (client_id, RFC 9068)',
      { azp: undefined, client_id: 'other' },
      'client_id is not this client',
    ],
    ['about another subject', { sub: 'bob' }, 'sub differs from that of the ID token'],
    ['that has expired', { exp: now() - 60 }, 'exp'],
    ['without exp', { exp: undefined }, 'exp'],
  ])('rejects an access token %s', async (_name, claims, why) => {
    const error = await catchRejection(verify(await token(claims)))
    expect(error).toMatchObject({ code: 'token_invalid' })
    expect(error.detail).toMatch(new RegExp(`^access token: .*${why}`))
  })

  it.each([
    ['the key of the login (RFC 9449 6.1)', { jkt: 'own', 'kc-jkt-type': 'DPoP' }, 'own'],
    ['a certificate (RFC 8705)', { 'x5t#S256': 'certificate' }, undefined],
    ['no key, in a login with a key', undefined, 'own'],
  ])('accepts an access token that is bound to %s', async (_name, cnf, thumbprint) => {
    expect(await verify(await token({ cnf }), thumbprint)).toMatchObject({ sub: 'alice' })
  })

  it.each([
    ['a key other than that of the login', { jkt: 'another' }, 'own'],
    ['a key, in a login without one', { jkt: 'own' }, undefined],
    ['an invalid thumbprint (jkt)', { jkt: null }, 'own'],
  ])('rejects an access token that is bound to %s', async (_name, cnf, thumbprint) => {
    const error = await catchRejection(verify(await token({ cnf }), thumbprint))
    expect(error.code).toBe('token_invalid')
    expect(error.detail).toBe('access token: cnf is not the key of the login')
  })

  it('rejects an access token with no signature, a foreign one or a corrupted one', async () => {
    const body = (await token()).split('.')[1] as string
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    const foreign = await startTestProvider()
    const forged = await foreign.sign({ iss: provider.issuer, sub: 'alice', exp: now() + 300 })
    await foreign.stop()
    for (const bad of [none, forged, `${(await token()).slice(0, -6)}AAAAAA`]) {
      expect((await catchRejection(verify(bad))).code).toBe('token_invalid')
    }
  })

  it('throws provider_unavailable while the keys cannot be fetched', async () => {
    const keys = new Keys(
      () => Promise.reject(new Error('no')),
      () => {},
    )
    const error = await catchRejection(verifyOwnAccessToken(await token(), keys, makeChecks()))
    expect(error.code).toBe('provider_unavailable')
  })

  it('treats a token that is not a JWT as opaque', async () => {
    expect(looksLikeJwt(await token())).toBe(true)
    for (const text of ['', 'opaque', 'a.b', 'a.b.c.d.e', 'a.b.', 'a b.c.d']) expect(looksLikeJwt(text)).toBe(false)
  })
})
