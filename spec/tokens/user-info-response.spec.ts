import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Keys } from '../../lib/tokens/key-set.ts'
import { verifyUserInfo, type UserInfoChecks } from '../../lib/tokens/user-info-response.ts'
import { rejection } from '../support/flow.ts'

let provider: TestProvider
let checks: UserInfoChecks
beforeAll(async () => {
  provider = await startTestProvider()
  checks = {
    issuer: provider.issuer,
    clientId: 'web',
    sub: 'alice',
    algorithms: ['RS256'],
    clockToleranceSeconds: 30,
  }
})
afterAll(() => provider.stop())

const keys = (): Keys =>
  new Keys(
    async () => provider.keys,
    () => {},
  )

function signed(claims: Record<string, unknown> = {}): Promise<string> {
  return provider.sign({ iss: provider.issuer, aud: 'web', sub: 'alice', ...claims })
}

describe('a userinfo answer', () => {
  it('about the user is taken, plain and signed', async () => {
    expect(await verifyUserInfo({ sub: 'alice', x: 1 }, keys(), checks)).toEqual({ sub: 'alice', x: 1 })
    expect(await verifyUserInfo(await signed({ x: 1 }), keys(), checks)).toMatchObject({ sub: 'alice', x: 1 })
  })

  it.each([[{ sub: 'mallory' }], [{}], [{ sub: ['alice'] }]])('about %j is not taken', async (claims) => {
    const error = await rejection(verifyUserInfo(claims, keys(), checks))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
    expect(error.detail).toBe('userinfo: sub is another than that of the ID token')
  })

  it.each([
    ['of another issuer', { iss: 'https://other.example' }],
    ['for another client', { aud: 'other' }],
    ['for nobody', { aud: undefined }],
    ['of nobody', { iss: undefined }],
    ['about nobody', { sub: undefined }],
    ['about another user', { sub: 'mallory' }],
    ['that has expired', { exp: 1 }],
  ])('signed, %s, is not taken', async (_name, claims) => {
    const error = await rejection(verifyUserInfo(await signed(claims), keys(), checks))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
    expect(error.detail).toMatch(/^userinfo: ./)
  })

  it('that says to be signed, and is not, is not taken', async () => {
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const token = `${none}.${(await signed()).split('.')[1]}.`
    expect((await rejection(verifyUserInfo(token, keys(), checks))).code).toBe('token_invalid')
  })

  it('cannot be told while there are no keys', async () => {
    const none = new Keys(
      () => Promise.reject(new Error('no')),
      () => {},
    )
    expect((await rejection(verifyUserInfo(await signed(), none, checks))).code).toBe('provider_unavailable')
  })
})
