import { decodeJwt, decodeProtectedHeader } from 'jose'
import { fetchUserInfo, refreshTokenGrant } from 'openid-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type TestBadSignature,
  createUserAgent,
  startTestProvider,
  type TestProvider,
  type TestTokenFault,
} from '../../lib/testing.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty

beforeEach(async () => {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice' })
  app = await startRelyingParty(provider)
})

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

async function logIn(): Promise<Record<string, unknown>> {
  return (await createUserAgent().get(`${app.url}/login`)).json()
}

async function logInWith(idToken: TestTokenFault): Promise<Record<string, unknown>> {
  const undo = provider.misbehave({ idToken })
  const answer = await logIn()
  undo()
  return answer
}

function inAnHour(): number {
  return Math.floor(Date.now() / 1000) + 3600
}

describe('a fault in the claims of the ID token', () => {
  it.each<[string, TestTokenFault['claims']]>([
    ['another issuer', ({ iss, ...claims }) => ({ ...claims, iss: `${String(iss)}1` })],
    ['no subject', { sub: undefined }],
    ['a subject of the wrong type', { sub: 7 }],
    ['another audience', { aud: 'web1' }],
    ['no audience', { aud: undefined }],
    ['no iat', { iat: undefined }],
    ['no exp', { exp: undefined }],
    ['an exp in the past', { exp: 1 }],
    ['an nbf in the future', { nbf: inAnHour() }],
    ['another nonce', ({ nonce, ...claims }) => ({ ...claims, nonce: `${String(nonce)}1` })],
    ['no nonce', { nonce: undefined }],
    ['several audiences and the azp of another client', { aud: ['web', 'other'], azp: 'other' }],
  ])('makes a client reject an ID token with %s', async (_name, claims) => {
    expect(await logInWith({ claims })).not.toHaveProperty('claims')
    expect(await logIn()).toHaveProperty('claims')
  })

  it('a fault can make a claim huge, repeat it, or break the JSON', async () => {
    const huge = 'x'.repeat(100_000)
    const answer = await logInWith({ claims: async (claims) => await Promise.resolve({ ...claims, huge }) })
    expect(answer).toMatchObject({ claims: { huge } })
    const twice = await logInWith({ payload: (json) => json.replace('{', '{"sub":"bob",') })
    expect(twice).toMatchObject({ claims: { sub: 'alice' } })
    const [, payload = ''] = (app.tokens().id_token ?? '').split('.')
    expect(Buffer.from(payload, 'base64url').toString()).toMatch(/^\{"sub":"bob",.*"sub":"alice"/)
    expect(await logInWith({ payload: () => '{"unfinished' })).not.toHaveProperty('claims')
  })
})

describe('a fault in the signature or header of the ID token', () => {
  it.each<TestBadSignature>(['corrupt', 'none', 'other-key', 'wrong-alg', 'hs256', 'hs256-public-key'])(
    'makes a client reject the signature %s',
    async (signature) => {
      expect(await logInWith({ signature })).not.toHaveProperty('claims')
      expect(await logIn()).toHaveProperty('claims')
    },
  )

  it('a signature or header fault produces the specified header', async () => {
    const header = async (fault: TestTokenFault): Promise<unknown> => {
      const undo = provider.misbehave({ idToken: fault })
      const { id_token } = await provider.issueTokens('alice')
      undo()
      return decodeProtectedHeader(id_token as string)
    }
    const kid = provider.keys.keys[0]?.kid
    expect(await header({})).toEqual({ alg: 'ES256', kid, typ: 'JWT' })
    expect(await header({ signature: 'none' })).toEqual({ alg: 'none', typ: 'JWT' })
    expect(await header({ signature: 'other-key' })).toEqual({ alg: 'ES256', kid, typ: 'JWT' })
    expect(await header({ signature: 'hs256' })).toEqual({ alg: 'HS256', kid, typ: 'JWT' })
    expect(await header({ signature: 'hs256-public-key' })).toEqual({ alg: 'HS256', kid, typ: 'JWT' })
    expect(await header({ signature: 'wrong-alg' })).toEqual({
      alg: 'RS256',
      kid: provider.keys.keys[1]?.kid,
      typ: 'JWT',
    })
    expect(await header({ header: { kid: undefined, typ: undefined } })).toEqual({ alg: 'ES256' })
    expect(await header({ header: (header) => ({ ...header, crit: ['x'], x: 1 }) })).toMatchObject({ crit: ['x'] })
    await provider.rotateKeys({ algorithm: 'RS256' })
    expect(await header({ signature: 'wrong-alg' })).toMatchObject({ alg: 'ES256' })
    expect(await header({ signature: 'other-key' })).toMatchObject({ alg: 'RS256' })
  })

  it('a client accepts an ID token without typ, and rejects one with another alg', async () => {
    expect(await logInWith({ header: { typ: undefined } })).toHaveProperty('claims')
    expect(await logInWith({ header: { alg: 'ES512' } })).not.toHaveProperty('claims')
  })
})

describe('a fault of a token', () => {
  it('a fault can omit a token or replace it with another text', async () => {
    expect(await logInWith({ omit: true })).not.toHaveProperty('claims')
    expect(await logInWith({ raw: 'no.jwt' })).not.toHaveProperty('claims')
    expect(await logInWith({ raw: (token) => `${token}.more` })).not.toHaveProperty('claims')
    provider.misbehave({ accessToken: { omit: true } })
    expect(await logIn()).not.toHaveProperty('claims')
  })

  it('a fault can be limited to a number of tokens, and to refreshes', async () => {
    provider.misbehave({ idToken: { claims: { sub: 'mallory' }, grant: 'refresh_token', times: 1 } })
    expect(await logIn()).toMatchObject({ claims: { sub: 'alice' } })
    const config = await app.config()
    const refresh = async (): Promise<unknown> =>
      (await refreshTokenGrant(config, app.tokens().refresh_token ?? '')).claims()?.sub
    expect(await refresh()).toBe('mallory')
    expect(await refresh()).toBe('alice')
  })

  it('several faults alter a token in the order of their calls', async () => {
    provider.misbehave({ accessToken: { claims: { realm_access: { roles: ['owner'] }, one: 1 } } })
    provider.misbehave({ accessToken: { claims: ({ one, ...claims }) => ({ ...claims, two: one }) } })
    await logIn()
    const { access_token } = app.tokens()
    expect(decodeJwt(access_token)).toMatchObject({ realm_access: { roles: ['owner'] }, two: 1 })
    expect(await fetchUserInfo(await app.config(), access_token, 'alice')).toMatchObject({ sub: 'alice' })
  })
})

describe('a fault of the userinfo response', () => {
  const ask = async (): Promise<unknown> => {
    await logIn()
    return await fetchUserInfo(await app.config(), app.tokens().access_token, 'alice')
  }

  it('a fault can change the subject of the userinfo response', async () => {
    provider.misbehave({ userInfo: { claims: { sub: 'aliceinvalid' }, times: 1 } })
    await expect(ask()).rejects.toMatchObject({ code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' })
    await expect(ask()).resolves.toMatchObject({ sub: 'alice' })
  })

  it('a fault can sign the userinfo response, with a valid or an invalid signature', async () => {
    provider.misbehave({ userInfo: { signed: true } })
    expect(await ask()).toMatchObject({ iss: provider.issuer, aud: 'web', sub: 'alice' })
    provider.misbehave({ userInfo: { signature: 'corrupt' } })
    await expect(ask()).rejects.toBeDefined()
  })
})
