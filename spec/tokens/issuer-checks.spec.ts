/** The options that set rules for the tokens of an issuer: they must fail closed. */
import { describe, expect, it } from 'vitest'
import type { OidcIssuerRules, OidcTokenContext } from '../../lib/config/issuer-rules.ts'
import { listIssuers, findKeysWithKid, findRuleFault, addDistributedClaims } from '../../lib/tokens/issuer-checks.ts'
import { createLocalJWKSet } from 'jose'
import { catchRejection, catchError } from '../support/flow.ts'

const context: OidcTokenContext = { token: 'access', keys: [] }
const claims = { iss: 'https://a.example', sub: 'alice' }
const boom = (): never => {
  throw new Error('boom')
}

describe('the option tokenIssuer', () => {
  it.each<[string, unknown, boolean]>([
    ['the issuer', 'https://a.example', true],
    ['a list with the issuer', ['https://b.example', 'https://a.example'], true],
    ['another issuer', 'https://a.example/', false],
    ['a list without the issuer', ['https://b.example'], false],
    ['an empty list', [], false],
    ['undefined', undefined, false],
    ['null', null, false],
    ['a list of other types', [undefined, 7, ['https://a.example']], false],
    ['true', true, false],
    ['a promise of the issuer', Promise.resolve('https://a.example'), false],
  ])(
    'accepts a token only if tokenIssuer returns its issuer; here it returns %s',
    { meta: { id: 'issuer-rules-1' } },
    async (_name, given, fits) => {
      const rules = { tokenIssuer: () => given } as unknown as OidcIssuerRules
      const fault = await findRuleFault(claims, rules, context)
      if (fits) expect(fault).toBeUndefined()
      else expect(fault).toMatchObject({ isRefusal: false })
    },
  )

  it.each([undefined, null, ['https://a.example'], { 0: 'https://a.example' }])(
    'rejects a token whose iss is not a string: %j',
    async (iss) => {
      const rules = { tokenIssuer: () => ['https://a.example', undefined as unknown as string] }
      expect(await findRuleFault({ ...claims, iss }, rules, context)).toMatchObject({ isRefusal: false })
    },
  )

  it('throws hook_failed if tokenIssuer throws', async () => {
    expect(await catchRejection(findRuleFault(claims, { tokenIssuer: boom }, context))).toMatchObject({
      code: 'hook_failed',
      detail: '`tokenIssuer` failed: Error: boom',
    })
    expect(catchError(() => listIssuers(boom, claims)).code).toBe('hook_failed')
  })
})

describe('the option accept', () => {
  it.each<[string, unknown, string | undefined]>([
    ['true', true, undefined],
    ['a promise of true', Promise.resolve(true), undefined],
    ['false', false, '`accept` returned false'],
    ['1', 1, '`accept` returned a value of type number; only true accepts a token'],
    ['undefined', undefined, '`accept` returned a value of type undefined; only true accepts a token'],
    ['an object', {}, '`accept` returned a value of type object; only true accepts a token'],
    ['a string', 'not today', 'not today'],
    ['an empty string', '', ''],
    ['a promise of a string', Promise.resolve('not today'), 'not today'],
    ['a long string', 'x'.repeat(10_000), 'x'.repeat(500)],
  ])('accepts a token only if accept returns true; here it returns %s', async (_name, verdict, reason) => {
    const fault = await findRuleFault(claims, { accept: () => verdict as boolean }, context)
    expect(fault).toEqual(reason === undefined ? undefined : { reason, isRefusal: true })
  })

  it('calls accept with the claims and the context', async () => {
    const requested: unknown[] = []
    await findRuleFault(claims, { accept: (...given) => requested.push(given) > 0 }, context)
    expect(requested).toEqual([[claims, context]])
  })

  it('calls accept if tokenIssuer returns no issuer, but not if it returns another one', async () => {
    const accept = (): string => 'list its tenant'
    expect(await findRuleFault(claims, { accept, tokenIssuer: () => 'https://b.example' }, context)).toMatchObject({
      isRefusal: false,
    })
    expect(await findRuleFault(claims, { accept, tokenIssuer: () => undefined }, context)).toEqual({
      reason: 'list its tenant',
      isRefusal: true,
    })
    expect(await findRuleFault(claims, { accept: () => true, tokenIssuer: () => undefined }, context)).toMatchObject({
      isRefusal: false,
    })
  })

  it.each([boom, () => Promise.reject(new Error('boom'))])(
    'throws hook_failed if accept throws or rejects',
    async (accept) => {
      expect(await catchRejection(findRuleFault(claims, { accept }, context))).toMatchObject({
        code: 'hook_failed',
        detail: '`accept` failed: Error: boom',
      })
    },
  )
})

describe('the option distributedClaims', () => {
  it('replaces claims of the token, and removes those that are undefined', async () => {
    const rules = { distributedClaims: () => ({ groups: ['a'], hint: undefined }) }
    expect(await addDistributedClaims({ ...claims, groups: 'src', hint: 1 }, rules, 'token')).toEqual({
      ...claims,
      groups: ['a'],
    })
    expect(await addDistributedClaims(claims, {}, 'token')).toBe(claims)
  })

  it.each([undefined, null, 7, 'text'])(
    'throws hook_failed if distributedClaims returns %j instead of an object',
    async (more) => {
      const rules = { distributedClaims: () => more as unknown as Record<string, unknown> }
      expect(await catchRejection(addDistributedClaims(claims, rules, 'token'))).toMatchObject({ code: 'hook_failed' })
    },
  )

  it('masks the access token in the error if distributedClaims rejects', async () => {
    const rules = { distributedClaims: (_claims: object, token: string) => Promise.reject(new Error(`no ${token}`)) }
    expect((await catchRejection(addDistributedClaims(claims, rules, 'the-token'))).detail).toBe(
      '`distributedClaims` failed: Error: no [secret]',
    )
  })
})

describe('findKeysWithKid()', () => {
  const token = (header: object): string => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.x`
  const keys = [
    { kty: 'RSA', kid: 'a', n: 'AQAB', e: 'AQAB', issuer: 'one' },
    { kty: 'RSA', kid: 'a', n: 'AQAB', e: 'AQAB', issuer: 'two' },
    { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
  ]
  const lookup = createLocalJWKSet({ keys })

  it('returns the published keys with the kid of the token, with all their members', () => {
    expect(findKeysWithKid(token({ alg: 'RS256', kid: 'a' }), lookup)).toEqual(keys.slice(0, 2))
    expect(findKeysWithKid(token({ alg: 'RS256', kid: 'b' }), lookup)).toEqual([])
    expect(findKeysWithKid(token({ alg: 'RS256' }), lookup)).toEqual([])
  })
})
