import type { Request } from 'express'
import { OidcError, type BearerRule } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { makeBearerAuth } from '../../lib/guard/bearer-auth.ts'
import type { Refusal } from '../../lib/guard/bearer-error.ts'
import { tokenRule } from '../../lib/guard/bearer-rule.ts'
import { compileRule } from '../../lib/guard/rule-options.ts'
import { evaluateToken } from '../../lib/guard/token-decision.ts'
import { TokenRejected } from '../../lib/tokens/token-rejected.ts'
import { catchRejection } from '../support/flow.ts'

const now = 1_800_000_000
const req = {} as Request

beforeEach(() => void vi.useFakeTimers({ now: now * 1000, toFake: ['Date'] }))

const good = {
  aud: ['orders', 'billing'],
  sub: 'alice',
  scope: 'orders:read openid',
  roles: ['editor', 'user'],
  tenant: 'acme',
  groups: ['a', 'b'],
  level: 3,
  acr: 'silver',
  amr: ['pwd', 'mfa'],
  auth_time: now - 100,
}

function evaluated(
  rule: BearerRule,
  claims: object = {},
  tolerance = 30,
  request: Request | undefined = req,
): Promise<Refusal | undefined> {
  const auth = makeBearerAuth('token', 'https://id.example.com', { ...good, ...claims }, undefined)
  return evaluateToken(auth, compileRule(tokenRule, rule, 'requireBearer()', { hasAudience: true }), request, tolerance)
}

describe('a token that meets a rule', () => {
  const met: BearerRule[] = [
    {},
    { scope: 'orders:read' },
    { scope: ['openid', 'orders:read'] },
    { anyScope: 'orders:write openid' },
    { roles: ['editor', 'user'] },
    { anyRole: ['admin', 'editor'] },
    { claims: { tenant: 'acme', groups: 'b', level: 3 } },
    { claims: { amr: 'mfa' } },
    { audience: 'billing' },
    { audience: ['other', 'orders'] },
    { acr: 'silver' },
    { acr: 'gold silver' },
    { maxAuthAgeSeconds: 100 },
  ]
  it.each(met)('accepts a token that meets the rule %j', async (rule) => expect(await evaluated(rule)).toBeUndefined())

  it('reads the scope from scope or scp, as a string or an array (RFC 9068 2.2.3, Entra)', async () => {
    expect(await evaluated({ scope: 'orders:read' }, { scope: undefined, scp: 'orders:read' })).toBeUndefined()
    expect(await evaluated({ scope: 'orders:read' }, { scope: ['orders:read'] })).toBeUndefined()
    expect(await evaluated({ scope: 'a b' }, { scope: 'a', scp: ['b'] })).toBeUndefined()
  })
})

describe('a token that does not meet a rule', () => {
  it.each([
    [{ scope: 'orders:read orders:write' }, 'missing scope: orders:write', 'orders:read orders:write'],
    [
      { anyScope: 'orders:write orders:admin' },
      'missing scope: one of orders:write, orders:admin',
      'orders:write orders:admin',
    ],
    [{ roles: ['editor', 'admin'] }, 'missing role: admin', undefined],
    [{ anyRole: ['admin', 'owner'] }, 'missing role: one of admin, owner', undefined],
    [{ claims: { tenant: 'globex' } }, 'missing claim: tenant', undefined],
    [{ claims: { groups: 'c' } }, 'missing claim: groups', undefined],
    [{ claims: { level: '3' } }, 'missing claim: level', undefined],
    // An inherited member of the object is not a claim.
    [{ claims: { constructor: 'Object' } }, 'missing claim: constructor', undefined],
  ] as [BearerRule, string, string | undefined][])(
    'refuses a token with 403 by the rule %j, with the detail %s',
    async (rule, detail, scope) => {
      expect(await evaluated(rule)).toEqual({
        code: 'not_allowed',
        status: 403,
        error: 'insufficient_scope',
        message: `The access token does not grant this request (${detail}).`,
        detail,
        needed: scope === undefined ? {} : { scope },
      })
    },
  )

  it('refuses a token with a message that fits into a header (RFC 6750 3)', async () => {
    const refusal = (await evaluated({ roles: 'caf\u00e9 "a\\b"\r\nX-Injected: 1' })) as Refusal
    expect(refusal.message).toBe(
      'The access token does not grant this request (missing role: caf? ?a?b???X-Injected: 1).',
    )
    expect(refusal.detail).toContain('caf\u00e9')
  })
})

describe('a token for another audience', () => {
  it.each([
    [{}, 'aud is ["orders","billing"]; expected "shop"'],
    [{ aud: 'orders' }, 'aud is ["orders"]; expected "shop"'],
    [{ aud: undefined }, 'aud is missing; expected "shop"'],
    [{ aud: [] }, 'aud is missing; expected "shop"'],
    [{ aud: ['shop', 7] }, 'aud is missing; expected "shop"'],
    [{ aud: { shop: true } }, 'aud is missing; expected "shop"'],
  ])('rejects a token with the claims %j, and explains how to fix the audience', async (claims, detail) => {
    const error: unknown = await evaluated({ audience: 'shop' }, claims).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(TokenRejected)
    expect(error).toMatchObject({ kind: 'audience', message: expect.stringContaining(detail) as string })
    expect((error as Error).message).toMatch(/in Keycloak with an Audience mapper in a client scope/)
  })

  it('checks the audience before anything else, and before it calls the check of the rule', async () => {
    const check = vi.fn(() => true)
    await expect(evaluated({ audience: 'shop', acr: 'gold', scope: 'none', check })).rejects.toThrow(TokenRejected)
    expect(check).not.toHaveBeenCalled()
  })
})

describe('an insufficient authentication (RFC 9470)', () => {
  const weak = {
    code: 'authentication_insufficient',
    status: 401,
    error: 'insufficient_user_authentication',
    message: 'A different authentication level is required.',
    detail: 'acr is not one of gold platinum',
    needed: { acr_values: 'gold platinum' },
  }

  it.each([{}, { acr: undefined }, { acr: ['gold'] }, { acr: 'GOLD' }, { acr: 'gold platinum' }, { acr: '' }])(
    'requires a stronger login if acr is in none of the required classes: %j',
    async (claims) => {
      expect(await evaluated({ acr: ['gold', 'platinum'] }, claims)).toEqual(weak)
    },
  )

  it('reports a weak authentication before a missing scope or role, which a stronger login may provide', async () => {
    const check = vi.fn(() => true)
    expect(await evaluated({ acr: 'gold platinum', scope: 'none', roles: 'none', check })).toEqual(weak)
    expect(check).not.toHaveBeenCalled()
  })

  it('lists both acr_values and max_age, even if one of them is met', async () => {
    const needed = { acr_values: 'silver', max_age: '10' }
    expect(await evaluated({ acr: 'silver', maxAuthAgeSeconds: 10 }, { auth_time: now - 1000 })).toMatchObject({
      message: 'More recent authentication is required.',
      detail: 'auth_time is missing or too old',
      needed,
    })
    expect(await evaluated({ acr: 'silver', maxAuthAgeSeconds: 10 }, { acr: 'none', auth_time: now })).toMatchObject({
      message: 'A different authentication level is required.',
      needed,
    })
  })

  it.each([
    [60, 30, 60, true],
    [60, 30, 61, false],
    [300, 0, 300, true],
    [300, 0, 301, false],
    [0, 0, 0, true],
    [0, 0, 1, false],
    [0, 300, 1, false],
    [0.5, 0, 1, false],
    // Clocks differ: auth_time may be in the future.
    [0, 0, -5, false],
    [0, 30, -30, true],
    [300, 30, -31, false],
  ])(
    'with a maximum age of %d s and a tolerance of %d s, an age of %d s is sufficient: %s',
    async (most, tolerance, age, passes) => {
      const refusal = await evaluated({ maxAuthAgeSeconds: most }, { auth_time: now - age }, tolerance)
      if (passes) expect(refusal).toBeUndefined()
      else {
        expect(refusal).toEqual({
          code: 'authentication_insufficient',
          status: 401,
          error: 'insufficient_user_authentication',
          message: 'More recent authentication is required.',
          detail: 'auth_time is missing or too old',
          needed: { max_age: String(Math.floor(most)) },
        })
      }
    },
  )

  it('requires a new login once the clock passes the maximum age', async () => {
    const rule = { maxAuthAgeSeconds: 200 }
    expect(await evaluated(rule)).toBeUndefined()
    vi.setSystemTime((now + 100) * 1000)
    expect(await evaluated(rule)).toBeUndefined()
    vi.setSystemTime((now + 101) * 1000)
    expect(await evaluated(rule)).toMatchObject({ error: 'insufficient_user_authentication' })
  })

  it.each([undefined, null, String(now), [now], {}])(
    'requires a new login if auth_time is not a time: %j',
    async (time) => {
      expect(await evaluated({ maxAuthAgeSeconds: 300 }, { auth_time: time })).toMatchObject({
        needed: { max_age: '300' },
      })
    },
  )
})

describe('the check of a rule', () => {
  it('calls the check with the claims and the request, only if everything else is met', async () => {
    const check = vi.fn(() => true)
    expect(await evaluated({ scope: 'none', check })).toMatchObject({ detail: 'missing scope: none' })
    expect(check).not.toHaveBeenCalled()
    expect(await evaluated({ scope: 'openid', check })).toBeUndefined()
    expect(check.mock.calls).toEqual([[expect.objectContaining({ tenant: 'acme' }), req]])
    expect((check.mock.calls as unknown[][])[0]?.[1]).toBe(req)
  })

  it.each([
    ['synchronously', () => true, () => false],
    ['with a promise', async () => true, async () => false],
  ] as [string, () => boolean | Promise<boolean>, () => boolean | Promise<boolean>][])(
    'accepts a check that returns its result %s',
    async (_when, yes, no) => {
      expect(await evaluated({ check: yes })).toBeUndefined()
      expect(await evaluated({ check: no })).toMatchObject({
        status: 403,
        error: 'insufficient_scope',
        detail: '`check` did not return true',
        needed: {},
      })
    },
  )

  it.each([1, 'true', {}, [], undefined, null])(
    'refuses a token if the check returns %j, which is not true',
    async (answer) => {
      const check = (() => answer) as unknown as () => boolean
      expect(await evaluated({ check })).toMatchObject({ status: 403 })
      expect(await evaluated({ check: (async () => answer) as unknown as () => Promise<boolean> })).toMatchObject({
        status: 403,
      })
    },
  )

  it('throws hook_failed if the check throws or rejects', async () => {
    const failing = (): never => {
      throw new Error('no database')
    }
    const fault = { code: 'hook_failed', status: 500, detail: '`check` failed: Error: no database' }
    expect(await catchRejection(evaluated({ check: failing }))).toMatchObject(fault)
    expect(await catchRejection(evaluated({ check: async (): Promise<boolean> => failing() }))).toMatchObject(fault)
  })

  it('passes on an OidcError that the check rejects with', async () => {
    const down = new OidcError('provider_unavailable', 'Down.', { status: 503, headers: { 'Retry-After': '5' } })
    const check = async (): Promise<boolean> => {
      throw down
    }
    expect(await catchRejection(evaluated({ check }))).toBe(down)
  })
})
