import type { Request } from 'express'
import { OidcError, type BearerRule } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { bearerAuth } from '../../lib/guard/bearer-auth.ts'
import type { Refusal } from '../../lib/guard/bearer-error.ts'
import { compileBearerRule } from '../../lib/guard/bearer-rule.ts'
import { evaluateToken } from '../../lib/guard/token-decision.ts'
import { TokenRejected } from '../../lib/tokens/token-rejected.ts'
import { rejection } from '../support/flow.ts'

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
  auth_time: now - 100,
}

function judged(
  rule: BearerRule,
  claims: object = {},
  tolerance = 30,
  request: Request | undefined = req,
): Promise<Refusal | undefined> {
  const auth = bearerAuth('token', 'https://id.example.com', { ...good, ...claims }, undefined)
  return evaluateToken(auth, compileBearerRule(rule, 'requireBearer()', { hasAudience: true }), request, tolerance)
}

describe('a token meets a rule', async () => {
  const met: BearerRule[] = [
    {},
    { scope: 'orders:read' },
    { scope: ['openid', 'orders:read'] },
    { anyScope: 'orders:write openid' },
    { roles: ['editor', 'user'] },
    { anyRole: ['admin', 'editor'] },
    { claims: { tenant: 'acme', groups: 'b', level: 3 } },
    { audience: 'billing' },
    { audience: ['other', 'orders'] },
    { acr: 'silver' },
    { acr: 'gold silver' },
    { maxAuthAgeSeconds: 100 },
  ]
  it.each(met)('with %j', async (rule) => expect(await judged(rule)).toBeUndefined())

  it('with scp in the place of scope, a text or a list (RFC 9068 2.2.3, Entra)', async () => {
    expect(await judged({ scope: 'orders:read' }, { scope: undefined, scp: 'orders:read' })).toBeUndefined()
    expect(await judged({ scope: 'orders:read' }, { scope: ['orders:read'] })).toBeUndefined()
    expect(await judged({ scope: 'a b' }, { scope: 'a', scp: ['b'] })).toBeUndefined()
  })
})

describe('a token does not meet a rule', async () => {
  it.each([
    [{ scope: 'orders:read orders:write' }, 'scope orders:write', 'orders:read orders:write'],
    [
      { anyScope: 'orders:write orders:admin' },
      'one of the scopes orders:write orders:admin',
      'orders:write orders:admin',
    ],
    [{ roles: ['editor', 'admin'] }, 'role admin', undefined],
    [{ anyRole: ['admin', 'owner'] }, 'one of the roles admin, owner', undefined],
    [{ claims: { tenant: 'globex' } }, 'claim tenant', undefined],
    [{ claims: { groups: 'c' } }, 'claim groups', undefined],
    [{ claims: { level: '3' } }, 'claim level', undefined],
    // Not its own: what every object has is no claim.
    [{ claims: { constructor: 'Object' } }, 'claim constructor', undefined],
  ] as [BearerRule, string, string | undefined][])('with %j: it lacks the %s', async (rule, lacking, scope) => {
    expect(await judged(rule)).toEqual({
      code: 'not_allowed',
      status: 403,
      error: 'insufficient_scope',
      message: `The access token lacks what this needs: ${lacking}.`,
      detail: `lacking: ${lacking}`,
      needed: scope === undefined ? {} : { scope },
    })
  })

  it('and what is said of it fits into a header (RFC 6750 3)', async () => {
    const refusal = (await judged({ roles: 'caf\u00e9 "a\\b"\r\nX-Injected: 1' })) as Refusal
    expect(refusal.message).toBe('The access token lacks what this needs: role caf? ?a?b???X-Injected: 1.')
    expect(refusal.detail).toContain('caf\u00e9')
  })
})

describe('another audience', async () => {
  it.each([
    [{}, 'its aud is ["orders","billing"], not "shop"'],
    [{ aud: 'orders' }, 'its aud is ["orders"], not "shop"'],
    [{ aud: undefined }, 'it has no aud, not "shop"'],
    [{ aud: [] }, 'it has no aud, not "shop"'],
    [{ aud: ['shop', 7] }, 'it has no aud, not "shop"'],
    [{ aud: { shop: true } }, 'it has no aud, not "shop"'],
  ])('of %j is a rejected token, and the event says how to mend it', async (claims, detail) => {
    const error: unknown = await judged({ audience: 'shop' }, claims).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(TokenRejected)
    expect(error).toMatchObject({ kind: 'audience', message: expect.stringContaining(detail) as string })
    expect((error as Error).message).toMatch(/in Keycloak an Audience mapper in a client scope/)
  })

  it('comes before all else, and nothing of the application runs for it', async () => {
    const check = vi.fn(() => true)
    await expect(judged({ audience: 'shop', acr: 'gold', scope: 'none', check })).rejects.toThrow(TokenRejected)
    expect(check).not.toHaveBeenCalled()
  })
})

describe('an authentication that will not do (RFC 9470)', async () => {
  const weak = {
    code: 'authentication_insufficient',
    status: 401,
    error: 'insufficient_user_authentication',
    message: 'A different authentication level is required.',
    detail: 'acr is none of gold platinum',
    needed: { acr_values: 'gold platinum' },
  }

  it.each([{}, { acr: undefined }, { acr: ['gold'] }, { acr: 'GOLD' }, { acr: 'gold platinum' }, { acr: '' }])(
    '%j is none of the classes',
    async (claims) => {
      expect(await judged({ acr: ['gold', 'platinum'] }, claims)).toEqual(weak)
    },
  )

  it('is asked for before scope and role, which a stronger login may bring, and before the check', async () => {
    const check = vi.fn(() => true)
    expect(await judged({ acr: 'gold platinum', scope: 'none', roles: 'none', check })).toEqual(weak)
    expect(check).not.toHaveBeenCalled()
  })

  it('names all that is needed, also where one of the two is met', async () => {
    const needed = { acr_values: 'silver', max_age: '10' }
    expect(await judged({ acr: 'silver', maxAuthAgeSeconds: 10 }, { auth_time: now - 1000 })).toMatchObject({
      message: 'More recent authentication is required.',
      detail: 'auth_time is too long ago, or missing',
      needed,
    })
    expect(await judged({ acr: 'silver', maxAuthAgeSeconds: 10 }, { acr: 'none', auth_time: now })).toMatchObject({
      message: 'A different authentication level is required.',
      needed,
    })
  })

  it.each([
    [300, 30, 330, true],
    [300, 30, 331, false],
    [300, 0, 300, true],
    [300, 0, 301, false],
    [0, 0, 0, true],
    [0, 0, 1, false],
    [0, 300, 300, true],
    [0, 300, 301, false],
    [0.5, 0, 1, false],
    // Clocks differ: a login may seem to lie ahead.
    [0, 0, -5, false],
    [0, 30, -30, true],
    [300, 30, -31, false],
  ])('at most %d s ago, with %d s of tolerance: one of %d s ago will do: %s', async (most, tolerance, age, passes) => {
    const refusal = await judged({ maxAuthAgeSeconds: most }, { auth_time: now - age }, tolerance)
    if (passes) expect(refusal).toBeUndefined()
    else {
      expect(refusal).toEqual({
        code: 'authentication_insufficient',
        status: 401,
        error: 'insufficient_user_authentication',
        message: 'More recent authentication is required.',
        detail: 'auth_time is too long ago, or missing',
        needed: { max_age: String(Math.floor(most)) },
      })
    }
  })

  it('grows old with the clock', async () => {
    const rule = { maxAuthAgeSeconds: 200 }
    expect(await judged(rule)).toBeUndefined()
    vi.setSystemTime((now + 130) * 1000)
    expect(await judged(rule)).toBeUndefined()
    vi.setSystemTime((now + 131) * 1000)
    expect(await judged(rule)).toMatchObject({ error: 'insufficient_user_authentication' })
  })

  it.each([undefined, null, String(now), [now], {}])('auth_time %j is no time, and so too long ago', async (time) => {
    expect(await judged({ maxAuthAgeSeconds: 300 }, { auth_time: time })).toMatchObject({ needed: { max_age: '300' } })
  })
})

describe('the check of a rule', async () => {
  it('gets the claims and the request, after everything else is met', async () => {
    const check = vi.fn(() => true)
    expect(await judged({ scope: 'none', check })).toMatchObject({ detail: 'lacking: scope none' })
    expect(check).not.toHaveBeenCalled()
    expect(await judged({ scope: 'openid', check })).toBeUndefined()
    expect(check.mock.calls).toEqual([[expect.objectContaining({ tenant: 'acme' }), req]])
    expect((check.mock.calls as unknown[][])[0]?.[1]).toBe(req)
  })

  it.each([
    ['at once', () => true, () => false],
    ['later', async () => true, async () => false],
  ] as [string, () => boolean | Promise<boolean>, () => boolean | Promise<boolean>][])(
    'may answer %s',
    async (_when, yes, no) => {
      expect(await judged({ check: yes })).toBeUndefined()
      expect(await judged({ check: no })).toMatchObject({
        status: 403,
        error: 'insufficient_scope',
        detail: "lacking: the route's own check",
        needed: {},
      })
    },
  )

  it.each([1, 'true', {}, [], undefined, null])('passes only true, and not %j', async (answer) => {
    const check = (() => answer) as unknown as () => boolean
    expect(await judged({ check })).toMatchObject({ status: 403 })
    expect(await judged({ check: (async () => answer) as unknown as () => Promise<boolean> })).toMatchObject({
      status: 403,
    })
  })

  it('that throws is a fault of the application and lets nobody in', async () => {
    const failing = (): never => {
      throw new Error('no database')
    }
    const fault = { code: 'hook_failed', status: 500, detail: 'check failed: Error: no database' }
    expect(await rejection(judged({ check: failing }))).toMatchObject(fault)
    expect(await rejection(judged({ check: async (): Promise<boolean> => failing() }))).toMatchObject(fault)
  })

  it('that runs into a provider that is down says so', async () => {
    const down = new OidcError('provider_unavailable', 'Down.', { status: 503, headers: { 'Retry-After': '5' } })
    const check = async (): Promise<boolean> => {
      throw down
    }
    expect(await rejection(judged({ check }))).toBe(down)
  })
})
