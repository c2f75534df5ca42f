/** What the options say of an issuer's tokens beside the specifications: held to fail closed. */
import { describe, expect, it } from 'vitest'
import type { IssuerRules, TokenContext } from '../../lib/config/issuer-rules.ts'
import { issuersOf, keysWithKidOf, ruleFault, withDistributedClaims } from '../../lib/tokens/issuer-checks.ts'
import { createLocalJWKSet } from 'jose'
import { rejection, thrown } from '../support/flow.ts'

const context: TokenContext = { token: 'access', keys: [] }
const claims = { iss: 'https://a.example', sub: 'alice' }
const boom = (): never => {
  throw new Error('boom')
}

describe('the issuer of a token', () => {
  it.each<[string, unknown, boolean]>([
    ['a text', 'https://a.example', true],
    ['a list', ['https://b.example', 'https://a.example'], true],
    ['another text', 'https://a.example/', false],
    ['another list', ['https://b.example'], false],
    ['an empty list', [], false],
    ['nothing', undefined, false],
    ['null', null, false],
    ['a list of others', [undefined, 7, ['https://a.example']], false],
    ['true', true, false],
    ['a promise', Promise.resolve('https://a.example'), false],
  ])('is what tokenIssuer gives: %s', { meta: { id: 'issuer-rules-1' } }, async (_name, given, fits) => {
    const rules = { tokenIssuer: () => given } as unknown as IssuerRules
    const fault = await ruleFault(claims, rules, context)
    if (fits) expect(fault).toBeUndefined()
    else expect(fault).toMatchObject({ isRefusal: false })
  })

  it.each([undefined, null, ['https://a.example'], { 0: 'https://a.example' }])('is a text: %j', async (iss) => {
    const rules = { tokenIssuer: () => ['https://a.example', undefined as unknown as string] }
    expect(await ruleFault({ ...claims, iss }, rules, context)).toMatchObject({ isRefusal: false })
  })

  it('is a fault of the application where the function fails', async () => {
    expect(await rejection(ruleFault(claims, { tokenIssuer: boom }, context))).toMatchObject({
      code: 'hook_failed',
      detail: 'tokenIssuer failed: Error: boom',
    })
    expect(thrown(() => issuersOf(boom, claims)).code).toBe('hook_failed')
  })
})

describe('what accept says', () => {
  it.each<[string, unknown, string | undefined]>([
    ['true', true, undefined],
    ['a promise of true', Promise.resolve(true), undefined],
    ['false', false, 'accept said no'],
    ['1', 1, 'accept gave number, and nothing but true accepts a token'],
    ['nothing', undefined, 'accept gave undefined, and nothing but true accepts a token'],
    ['an object', {}, 'accept gave object, and nothing but true accepts a token'],
    ['a text', 'not today', 'not today'],
    ['an empty text', '', ''],
    ['a promise of a text', Promise.resolve('not today'), 'not today'],
    ['a long text', 'x'.repeat(10_000), 'x'.repeat(500)],
  ])('%s', async (_name, verdict, reason) => {
    const fault = await ruleFault(claims, { accept: () => verdict as boolean }, context)
    expect(fault).toEqual(reason === undefined ? undefined : { reason, isRefusal: true })
  })

  it('is asked with the claims and what else is known', async () => {
    const asked: unknown[] = []
    await ruleFault(claims, { accept: (...given) => asked.push(given) > 0 }, context)
    expect(asked).toEqual([[claims, context]])
  })

  it('is not asked of a token of another issuer, and may say why there is none', async () => {
    const accept = (): string => 'list its tenant'
    expect(await ruleFault(claims, { accept, tokenIssuer: () => 'https://b.example' }, context)).toMatchObject({
      isRefusal: false,
    })
    expect(await ruleFault(claims, { accept, tokenIssuer: () => undefined }, context)).toEqual({
      reason: 'list its tenant',
      isRefusal: true,
    })
    expect(await ruleFault(claims, { accept: () => true, tokenIssuer: () => undefined }, context)).toMatchObject({
      isRefusal: false,
    })
  })

  it.each([boom, () => Promise.reject(new Error('boom'))])(
    'is a fault of the application where it fails',
    async (accept) => {
      expect(await rejection(ruleFault(claims, { accept }, context))).toMatchObject({
        code: 'hook_failed',
        detail: 'accept failed: Error: boom',
      })
    },
  )
})

describe('claims that a token refers to', () => {
  it('take the place of its own, and are taken away as undefined', async () => {
    const rules = { distributedClaims: () => ({ groups: ['a'], hint: undefined }) }
    expect(await withDistributedClaims({ ...claims, groups: 'src', hint: 1 }, rules, 'token')).toEqual({
      ...claims,
      groups: ['a'],
    })
    expect(await withDistributedClaims(claims, {}, 'token')).toBe(claims)
  })

  it.each([undefined, null, 7, 'text'])('are an object, not %j', async (more) => {
    const rules = { distributedClaims: () => more as unknown as Record<string, unknown> }
    expect(await rejection(withDistributedClaims(claims, rules, 'token'))).toMatchObject({ code: 'hook_failed' })
  })

  it('are a fault that does not repeat the token where they cannot be had', async () => {
    const rules = { distributedClaims: (_claims: object, token: string) => Promise.reject(new Error(`no ${token}`)) }
    expect((await rejection(withDistributedClaims(claims, rules, 'the-token'))).detail).toBe(
      'distributedClaims failed: Error: no [secret]',
    )
  })
})

describe('the published keys of a token', () => {
  const token = (header: object): string => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.x`
  const keys = [
    { kty: 'RSA', kid: 'a', n: 'AQAB', e: 'AQAB', issuer: 'one' },
    { kty: 'RSA', kid: 'a', n: 'AQAB', e: 'AQAB', issuer: 'two' },
    { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
  ]
  const lookup = createLocalJWKSet({ keys })

  it('are those of its kid, with all their members', () => {
    expect(keysWithKidOf(token({ alg: 'RS256', kid: 'a' }), lookup)).toEqual(keys.slice(0, 2))
    expect(keysWithKidOf(token({ alg: 'RS256', kid: 'b' }), lookup)).toEqual([])
    expect(keysWithKidOf(token({ alg: 'RS256' }), lookup)).toEqual([])
  })
})
