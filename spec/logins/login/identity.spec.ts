import { beforeEach, describe, expect, it, vi } from 'vitest'
import { customProvider, type OidcOptions } from 'express-session-oidc'
import { nowSeconds } from '../../../lib/core/clock.ts'
import { LoginRefused } from '../../../lib/core/errors.ts'
import { identify, identifyUser, type Identity } from '../../../lib/logins/login/identity.ts'
import type { LoginTokens } from '../../../lib/provider/authorization-code.ts'
import { tokenInvalid } from '../../../lib/tokens/token-rejected.ts'
import { catchRejection } from '../../support/flow.ts'
import { warningsOfSpecs } from '../../support/warnings.ts'
import { instanceWith } from '../support/stage.ts'

const verified = vi.hoisted(() => ({ claims: {}, accessToken: (): unknown => ({}) }))
vi.mock('../../../lib/tokens/id-token.ts', () => ({ verifyIdToken: () => Promise.resolve(verified.claims) }))
vi.mock('../../../lib/tokens/access-token.ts', () => ({
  looksLikeJwt: () => true,
  verifyOwnAccessToken: () => Promise.resolve().then(() => verified.accessToken()),
}))

const issuer = 'https://id.example.com'
const warnings = warningsOfSpecs()
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  verified.claims = { iss: issuer, sub: 'alice', iat: nowSeconds() }
  verified.accessToken = () => ({})
})

function identified(response: Partial<LoginTokens> = {}, options: Partial<OidcOptions> = {}): Promise<Identity> {
  const whole: LoginTokens = {
    accessToken: 'access-token',
    tokenType: 'bearer',
    idToken: 'id-token',
    refreshToken: undefined,
    expiresIn: undefined,
    scope: undefined,
    ...response,
  }
  return identify(instanceWith(options), whole, { nonce: 'nonce', scope: ['openid', 'requested'], dpop: undefined })
}

describe('the tokens of a login', () => {
  it('the tokens of a login are those of the token response', async () => {
    const { tokens } = await identified({ refreshToken: 'refresh-token' })
    expect(tokens).toMatchObject({ accessToken: 'access-token', idToken: 'id-token', refreshToken: 'refresh-token' })
  })

  it.each([
    [300, 300],
    [300.9, 300],
    [0, 0],
    [undefined, undefined],
  ])('an access token with expires_in %s expires after %s whole seconds', async (expiresIn, seconds) => {
    const end = seconds === undefined ? undefined : nowSeconds() + seconds
    expect((await identified({ expiresIn })).tokens.expiresAt).toBe(end)
  })

  it.each([
    [undefined, ['openid', 'requested']],
    ['openid granted', ['openid', 'granted']],
    ['', []],
    ['"', []],
  ])(
    'the scope %j of a token response grants %j (RFC 6749 5.1: omitted means as requested)',
    async (scope, granted) => {
      expect((await identified({ scope })).tokens.scope).toEqual(granted)
    },
  )
})

describe('the user of a login', () => {
  it('the user has the claims about the user and not those about the token', async () => {
    verified.claims = { ...verified.claims, aud: 'web', nonce: 'nonce', name: 'Alice', email: undefined, picture: null }
    const { user } = await identified()
    expect(user).toStrictEqual({ iss: issuer, sub: 'alice', name: 'Alice', picture: null })
  })

  it('claims that cannot be serialized fail the login', async () => {
    // Like deeply nested arrays, which JSON.stringify writes by recursion up to Node 24.
    const unwritable = {
      toJSON() {
        throw new RangeError('Maximum call stack size exceeded')
      },
    }
    verified.claims = { ...verified.claims, unwritable }
    expect(await catchRejection(identified())).toMatchObject({
      code: 'token_invalid',
      detail: 'claims: the nesting is too deep to be stored',
    })
  })

  it.each([
    ['arrays', (inner: unknown): unknown => [inner]],
    ['objects', (inner: unknown): unknown => ({ inner })],
  ])('claims may have at most 1999 levels of %s, however deep JSON could be written', async (_what, around) => {
    const nested = (levels: number): unknown => {
      let value: unknown = 'x'
      for (let level = 0; level < levels; level++) value = around(value)
      return value
    }
    verified.claims = { ...verified.claims, groups: nested(1999) }
    const { groups } = (await identified()).user
    expect(JSON.stringify(groups)).toBe(JSON.stringify(nested(1999)))
    for (const levels of [2000, 5000, 200_000]) {
      verified.claims = { ...verified.claims, groups: nested(levels) }
      expect(await catchRejection(identified())).toMatchObject({
        code: 'token_invalid',
        detail: 'claims: the nesting is too deep to be stored',
      })
    }
  })
})

describe('a user with more than 64 kB of claims', () => {
  const size = (value: object): number => Buffer.byteLength(JSON.stringify(value))

  it('loses the largest claims, and a warning names them and the fix', async () => {
    verified.claims = { ...verified.claims, name: 'Alice', picture: 'x'.repeat(600_000), sid: 's', acr: 'gold' }
    const { user, claims } = await identified()
    expect(user).toStrictEqual({ iss: issuer, sub: 'alice', name: 'Alice', acr: 'gold' })
    // What the login itself reads is complete.
    expect(claims).toMatchObject({ sid: 's', acr: 'gold' })
    expect(warnings).toMatchObject([
      { code: 'OIDC_CLAIMS_DROPPED', message: expect.stringMatching(/"picture"; have the provider send fewer/) },
    ])
    expect(warnings[0]?.message).not.toContain('xxx')
  })

  it('keeps its roles, even if the claim that they come from is left out', async () => {
    const roles = Array.from({ length: 5000 }, (_, index) => `role-${index}-of-the-application`)
    verified.claims = { ...verified.claims, roles }
    const identity = await identified()
    expect(identity.roles).toEqual(roles)
    expect(identity.user).toStrictEqual({ iss: issuer, sub: 'alice' })
  })

  it('has at most 64 kB with distributed claims', async () => {
    const provider = customProvider({
      issuer,
      distributedClaims: () =>
        Promise.resolve({ groups: Array.from({ length: 5000 }, (_, index) => `group-${index}-x`) }),
    })
    const instance = instanceWith({ provider })
    const claims = { iss: issuer, sub: 'alice', iat: nowSeconds(), name: 'Alice' }
    const { user } = await identifyUser(instance, { accessToken: 'access-token', dpop: undefined }, claims)
    expect(size(user)).toBeLessThanOrEqual(64 * 1024)
    expect(user).toMatchObject({ name: 'Alice' })
    expect(user).not.toHaveProperty('groups')
  })
})

describe('the roles of a login', () => {
  it('roles come from the roles option, or else from the roles claim', async () => {
    verified.claims = { ...verified.claims, roles: ['claimed'] }
    verified.accessToken = () => ({ groups: ['staff'] })
    expect((await identified()).roles).toEqual(['claimed'])
    const roles: OidcOptions['roles'] = ({ accessToken }) => accessToken?.['groups'] as string[]
    expect((await identified({}, { roles })).roles).toEqual(['staff'])
  })

  it('roles are read without an access token that cannot be verified, and a warning names the cause', async () => {
    verified.accessToken = () => {
      throw tokenInvalid('access token', 'it is for somebody else')
    }
    const { roles } = await identified({}, { roles: ({ accessToken }) => [typeof accessToken] })
    expect(roles).toEqual(['undefined'])
    expect(warnings).toMatchObject([
      {
        code: 'OIDC_ACCESS_TOKEN_UNVERIFIED',
        message:
          'the roles are read without the access token of https://id.example.com, which failed verification ' +
          '(access token: it is for somebody else); have the provider put them into the ID token or userinfo',
      },
    ])
  })

  it('a failing roles function fails the login with hook_failed, but a LoginRefused passes through', async () => {
    const failing = (roles: () => unknown): ReturnType<typeof catchRejection> =>
      catchRejection(identified({}, { roles: roles as NonNullable<OidcOptions['roles']> }))
    const thrown = await failing(() => {
      throw new Error('no such group')
    })
    expect(thrown).toMatchObject({ code: 'hook_failed', detail: '`roles` failed: Error: no such group' })
    for (const wrong of ['admin', undefined, { 0: 'admin' }, ['admin', 5]]) {
      expect(await failing(() => wrong)).toMatchObject({
        code: 'hook_failed',
        detail: '`roles` failed: TypeError: the returned value is not an array of strings',
      })
    }
    const refusal = new LoginRefused('not today')
    expect(
      await failing(() => {
        throw refusal
      }),
    ).toBe(refusal)
  })
})
