import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Keys } from '../../lib/tokens/key-set.ts'
import { verifyUserInfo, type UserInfoChecks } from '../../lib/tokens/user-info-response.ts'
import { catchRejection } from '../support/flow.ts'

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

describe('verifyUserInfo()', () => {
  it('accepts a userinfo response about the user, plain or signed', async () => {
    expect(await verifyUserInfo({ sub: 'alice', x: 1 }, keys(), checks)).toEqual({ sub: 'alice', x: 1 })
    expect(await verifyUserInfo(await signed({ x: 1 }), keys(), checks)).toMatchObject({ sub: 'alice', x: 1 })
  })

  it.each([[{ sub: 'mallory' }], [{}], [{ sub: ['alice'] }]])(
    'rejects a plain userinfo response with the claims %j',
    async (claims) => {
      const error = await catchRejection(verifyUserInfo(claims, keys(), checks))
      expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
      expect(error.detail).toBe('userinfo: sub differs from that of the ID token')
    },
  )

  it.each([
    ['from another issuer', { iss: 'https://other.example' }],
    ['for another client', { aud: 'other' }],
    ['without an audience', { aud: undefined }],
    ['without an issuer', { iss: undefined }],
    ['without a subject', { sub: undefined }],
    ['about another user', { sub: 'mallory' }],
    ['that has expired', { exp: 1 }],
  ])('rejects a signed userinfo response %s', async (_name, claims) => {
    const error = await catchRejection(verifyUserInfo(await signed(claims), keys(), checks))
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
    expect(error.detail).toMatch(/^userinfo: ./)
  })

  it('rejects a userinfo response that is an unsigned JWT', async () => {
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const token = `${none}.${(await signed()).split('.')[1]}.`
    expect((await catchRejection(verifyUserInfo(token, keys(), checks))).code).toBe('token_invalid')
  })

  it('throws provider_unavailable while the keys cannot be fetched', async () => {
    const none = new Keys(
      () => Promise.reject(new Error('no')),
      () => {},
    )
    expect((await catchRejection(verifyUserInfo(await signed(), none, checks))).code).toBe('provider_unavailable')
  })
})
