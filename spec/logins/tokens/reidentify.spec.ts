/** How a refresh updates a login: the user is identified again, and what cannot be verified at the moment is kept. */
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { customProvider, type OidcOptions } from 'express-session-oidc'
import { beforeAll, describe, expect, it } from 'vitest'
import { nowSeconds } from '../../../lib/core/clock.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { addOtherToken, reidentify } from '../../../lib/logins/tokens/reidentify.ts'
import type { IssuedTokens } from '../../../lib/provider/token-response.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import type { StoredTokens } from '../../../lib/store/tokens.ts'
import { Keys } from '../../../lib/tokens/key-set.ts'
import { catchRejection } from '../../support/flow.ts'
import { makeLoginEntry } from '../../support/login-entries.ts'
import { heard, instanceWith, stageMetadata } from '../support/stage.ts'

const issuer = 'https://id.example.com'
const pair = { key: undefined as CryptoKey | undefined, keys: undefined as Keys | undefined }
beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  pair.key = privateKey
  pair.keys = Keys.of({ keys: [{ ...(await exportJWK(publicKey)), alg: 'RS256', kid: 'a' }] })
})

function made(more: Partial<OidcOptions> = {}): Instance {
  return { ...instanceWith(more), keys: pair.keys as Keys }
}

function idToken(claims: object = {}): Promise<string> {
  const now = nowSeconds()
  const whole = { iss: issuer, sub: 'alice', aud: 'web', iat: now, exp: now + 300, ...claims }
  return new SignJWT(whole).setProtectedHeader({ alg: 'RS256', kid: 'a' }).sign(pair.key as CryptoKey)
}

const alice = makeLoginEntry('alice', { accessTokenEndsAt: 1000, acr: 'silver', roles: ['member'] })

async function former(more: Partial<StoredTokens> = {}): Promise<StoredTokens> {
  return {
    accessToken: 'old',
    tokenType: 'bearer',
    obtainedAt: 1,
    expiresAt: 1000,
    refreshToken: 'old refresh',
    idToken: await idToken({ nonce: 'that of the login', name: 'Alice' }),
    scope: ['openid', 'orders'],
    ...more,
  }
}

const response = (more: Partial<IssuedTokens> = {}): IssuedTokens => ({
  accessToken: 'new',
  tokenType: 'bearer',
  expiresIn: 300,
  refreshToken: undefined,
  idToken: undefined,
  scope: undefined,
  ...more,
})

/** Tokens and entry after a refresh. */
async function after(
  instance: Instance,
  answer: IssuedTokens,
  { entry = alice, before }: { entry?: LoginEntry; before?: StoredTokens } = {},
): Promise<{ tokens: StoredTokens; entry: LoginEntry }> {
  const there = before ?? (await former())
  const { tokens, makeEntry } = (await reidentify(instance, answer, there, { entry, dpop: undefined }))(there)
  return { tokens, entry: makeEntry(entry) }
}

describe('a refresh', () => {
  it('a refresh updates the access token, its expiry, the ID token and the claims about the user', async () => {
    const next = await idToken({ name: 'Alice the Second', acr: 'gold' })
    const { tokens, entry } = await after(made(), response({ idToken: next, refreshToken: 'next refresh' }))
    expect(tokens).toMatchObject({ accessToken: 'new', refreshToken: 'next refresh', idToken: next })
    expect(entry).toMatchObject({ user: { name: 'Alice the Second' }, acr: 'gold' })
    expect(entry.accessTokenEndsAt).toBe(tokens.expiresAt)
    expect(entry.accessTokenEndsAt).toBeGreaterThan(nowSeconds())
    expect(entry.checkedAt).toBeGreaterThanOrEqual(nowSeconds() - 1)
  })

  it('a refresh without ID token, refresh token and scope keeps the former ones', async () => {
    const before = await former()
    const { tokens, entry } = await after(made(), response(), { before })
    expect(tokens).toMatchObject({
      accessToken: 'new',
      refreshToken: 'old refresh',
      idToken: before.idToken,
      scope: ['openid', 'orders'],
    })
    expect(entry).toMatchObject({ user: { name: 'Alice' }, acr: 'silver' })
  })

  it('a refresh limits the claims about the user to 64 kB', async () => {
    const next = response({ idToken: await idToken({ name: 'Alice', picture: 'x'.repeat(70_000) }) })
    const { entry } = await after(made(), next)
    expect(entry.user).toEqual({ iss: issuer, sub: 'alice', name: 'Alice' })
  })

  it.each<[former: number | undefined, refreshed: number | undefined, expected: number | undefined]>([
    [100, 200, 100],
    [200, 100, 100],
    [100, undefined, 100],
    [undefined, 100, 100],
    [undefined, undefined, undefined],
  ])('a refresh of a login with auth_time %s keeps the earlier one if the ID token has %s', async (...times) => {
    const [authTime, refreshed, expected] = times
    const entry = { ...alice, ...(authTime !== undefined && { authTime }) }
    const next = response({ idToken: await idToken({ auth_time: refreshed }) })
    expect((await after(made(), next, { entry })).entry.authTime).toBe(expected)
  })

  it('a refresh without expires_in removes the former expiry', async () => {
    const { entry } = await after(made(), response({ expiresIn: undefined }))
    expect(entry).not.toHaveProperty('accessTokenEndsAt')
  })

  it.each([{ sid: 'the first' }, {}])('a refresh keeps the sid of the login (%j)', async (session) => {
    const next = response({ idToken: await idToken({ sid: 'another', acr: 'gold' }) })
    const { entry } = await after(made(), next, { entry: { ...alice, ...session } })
    expect([entry.sid, entry.acr]).toEqual([session.sid, 'gold'])
  })

  it.each([
    ['of another subject', { sub: 'bob' }, 'ID token: sub differs from that of the login'],
    ['with another nonce', { nonce: 'another' }, 'ID token: nonce mismatch'],
  ])(
    'a refresh with an ID token %s is rejected (OIDC Core 12.2)',
    { meta: { id: 'reidentify-1' } },
    async (_what, claims, detail) => {
      const error = await catchRejection(after(made(), response({ idToken: await idToken(claims) })))
      expect(error).toMatchObject({ code: 'token_invalid', detail })
    },
  )

  it(
    'a refresh with an ID token of another accepted issuer than that of the login is rejected',
    { meta: { id: 'reidentify-2' } },
    async () => {
      const tokenIssuer = (): string[] => [issuer, 'https://other.example.com']
      const instance = made({ provider: customProvider({ issuer: stageMetadata, tokenIssuer }) })
      const other = await idToken({ iss: 'https://other.example.com' })
      const refused = { code: 'token_invalid', detail: 'ID token: iss differs from that of the login' }
      expect(await catchRejection(after(instance, response({ idToken: other })))).toMatchObject(refused)
      const entry = { ...alice, issuer: 'https://other.example.com' }
      expect((await after(instance, response({ idToken: other }), { entry })).tokens.idToken).toBe(other)
    },
  )

  it('a refresh with an ID token with the nonce of the login, or without one, is accepted', async () => {
    for (const claims of [{ nonce: 'that of the login' }, {}]) {
      const next = await idToken(claims)
      expect((await after(made(), response({ idToken: next }))).tokens.idToken).toBe(next)
    }
  })

  it('a refresh fails with login_refused if accept() now returns false for the user', async () => {
    const instance = made({ provider: customProvider({ issuer: stageMetadata, accept: () => false }) })
    const refused = await catchRejection(after(instance, response({ idToken: await idToken() })))
    expect(refused).toMatchObject({ code: 'login_refused', status: 403 })
  })

  it('a refresh keeps the former ID token if the new one cannot be verified, and emits the cause', async () => {
    const instance = instanceWith()
    const faults = heard(instance, 'provider_fault')
    const before = await former()
    const { tokens, entry } = await after(instance, response({ idToken: await idToken({ acr: 'gold' }) }), { before })
    expect(tokens).toMatchObject({ accessToken: 'new', idToken: before.idToken })
    expect(entry).toMatchObject({ acr: 'silver', user: { name: 'Alice' } })
    expect(faults).toMatchObject([{ detail: expect.stringMatching(/^after a refresh: key set: /) }])
  })

  it('a refresh keeps the former roles if the roles function throws, and emits the cause', async () => {
    const roles = (): never => {
      throw new TypeError('no roles')
    }
    const instance = made({ roles })
    const faults = heard(instance, 'provider_fault')
    const { tokens, entry } = await after(instance, response({ idToken: await idToken({ acr: 'gold' }) }))
    expect(tokens.accessToken).toBe('new')
    expect(entry).toMatchObject({ roles: ['member'], acr: 'gold' })
    expect(faults).toMatchObject([{ detail: expect.stringMatching(/^after a refresh: .*no roles/) }])
  })
})

describe('a refresh for another API', () => {
  const target = { scope: ['calendar'], resource: [] }

  it('a refresh for another API adds one access token and does not change the entry', async () => {
    const before = await former()
    const change = await addOtherToken(made(), response({ refreshToken: 'next refresh' }), {
      sent: before,
      entry: alice,
      target,
    })
    const { tokens, makeEntry } = change(before)
    expect(tokens).toMatchObject({ accessToken: 'old', refreshToken: 'next refresh', idToken: before.idToken })
    expect(Object.values(tokens.additional ?? {})).toMatchObject([{ accessToken: 'new', scope: ['calendar'] }])
    expect(makeEntry(alice)).toBe(alice)
  })

  it('a refresh for another API with an ID token of another subject is rejected', async () => {
    const answer = response({ idToken: await idToken({ sub: 'bob' }) })
    const refused = addOtherToken(made(), answer, { sent: await former(), entry: alice, target })
    expect(await catchRejection(refused)).toMatchObject({ code: 'token_invalid' })
  })
})
