import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { looksLikeJwt, verifyOwnAccessToken } from '../../lib/tokens/access-token.ts'
import { Keys } from '../../lib/tokens/keys.ts'
import { rejection } from '../support/flow.ts'

let provider: TestProvider
beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())

const now = (): number => Math.floor(Date.now() / 1000)

function verify(token: string): Promise<Readonly<Record<string, unknown>>> {
  const keys = new Keys(
    async () => provider.keys,
    () => {},
  )
  const checks = { issuer: provider.issuer, clientId: 'web', sub: 'alice', clockToleranceSeconds: 30 }
  return verifyOwnAccessToken(token, keys, checks)
}

function token(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
  const good = { iss: provider.issuer, aud: 'account', sub: 'alice', azp: 'web', iat: now(), exp: now() + 300 }
  return provider.sign({ ...good, ...claims }, header)
}

describe('the access token of a login', () => {
  it.each([
    ['as Keycloak makes it', {}, {}],
    ['of RFC 9068', { client_id: 'web', azp: undefined }, { typ: 'at+jwt' }],
    ['that names neither client nor subject', { azp: undefined, sub: undefined }, {}],
    ['without typ', {}, { typ: undefined }],
  ])('%s is read once verified', async (_name, claims, header) => {
    expect(await verify(await token({ ...claims, roles: ['x'] }, header))).toMatchObject({ roles: ['x'] })
  })

  it.each([
    ['of another issuer', { iss: 'https://other.example' }, 'iss'],
    ['without issuer', { iss: undefined }, 'iss'],
    ['for another client', { azp: 'other' }, 'azp is another client'],
    ['for another client, in the words of RFC 9068', { azp: undefined, client_id: 'other' }, 'client_id is another'],
    ['of another subject', { sub: 'bob' }, 'sub is another'],
    ['that has expired', { exp: now() - 60 }, 'exp'],
    ['without end', { exp: undefined }, 'exp'],
  ])('%s is not read', async (_name, claims, why) => {
    const error = await rejection(verify(await token(claims)))
    expect(error).toMatchObject({ code: 'token_invalid' })
    expect(error.detail).toMatch(new RegExp(`^access token: .*${why}`))
  })

  it('that is not signed, or by somebody else, is not read', async () => {
    const body = (await token()).split('.')[1] as string
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    const foreign = await startTestProvider()
    const forged = await foreign.sign({ iss: provider.issuer, sub: 'alice', exp: now() + 300 })
    await foreign.stop()
    for (const bad of [none, forged, `${(await token()).slice(0, -6)}AAAAAA`]) {
      expect((await rejection(verify(bad))).code).toBe('token_invalid')
    }
  })

  it('cannot be told while there are no keys', async () => {
    const keys = new Keys(
      () => Promise.reject(new Error('no')),
      () => {},
    )
    const checks = { issuer: provider.issuer, clientId: 'web', sub: 'alice', clockToleranceSeconds: 30 }
    const error = await rejection(verifyOwnAccessToken(await token(), keys, checks))
    expect(error.code).toBe('provider_unavailable')
  })

  it('is opaque where it is no JWT', async () => {
    expect(looksLikeJwt(await token())).toBe(true)
    for (const text of ['', 'opaque', 'a.b', 'a.b.c.d.e', 'a.b.', 'a b.c.d']) expect(looksLikeJwt(text)).toBe(false)
  })
})
