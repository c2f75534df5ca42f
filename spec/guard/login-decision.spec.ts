import type { Request } from 'express'
import type { OidcAuthRule } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { sessionRule } from '../../lib/guard/rule.ts'
import { compileRule } from '../../lib/guard/rule-options.ts'
import { evaluateLogin } from '../../lib/guard/login-decision.ts'
import type { LoginEntry } from '../../lib/store/login-entry.ts'

const req = { method: 'GET', url: '/orders' } as Request

const alice: LoginEntry = {
  loginId: 'a',
  owner: 'owner',
  issuer: 'https://id.example.com',
  sub: 'alice',
  user: {
    iss: 'https://id.example.com',
    sub: 'alice',
    tenant: 'acme',
    level: 3,
    email_verified: true,
    groups: ['staff', 'ops'],
    nothing: null,
    nested: { tenant: 'acme' },
  },
  roles: ['admin', 'user'],
  scope: ['openid', 'orders:read'],
  startedAt: 0,
  issuedAt: 0,
  checkedAt: 0,
  endsAt: 1,
  requested: { at: 0, scope: ['openid'], parameters: {} },
}

function decide(rule: OidcAuthRule<Record<string, unknown>>): ReturnType<typeof evaluateLogin> {
  return evaluateLogin(alice, compileRule(sessionRule, rule, 'requireAuth()'), req, 30)
}

describe('evaluateLogin()', () => {
  const passes: OidcAuthRule<Record<string, unknown>>[] = [
    {},
    { roles: 'admin' },
    { roles: ['admin', 'user'] },
    { anyRole: ['editor', 'user'] },
    { scope: 'orders:read' },
    { scope: ['openid', 'orders:read'] },
    { anyScope: 'orders:write orders:read' },
    { claims: { tenant: 'acme', level: 3, email_verified: true } },
    { claims: { groups: 'ops' } },
    { roles: 'admin', anyRole: ['user'], scope: 'openid', anyScope: ['openid'], claims: { tenant: 'acme' } },
  ]
  it.each(passes)('accepts a login that meets the rule %j', async (rule) => {
    expect(await decide(rule)).toBeUndefined()
  })

  const fails: [OidcAuthRule<Record<string, unknown>>, string][] = [
    [{ roles: 'editor' }, 'missing role: editor'],
    [{ roles: ['admin', 'editor'] }, 'missing role: editor'],
    [{ roles: 'Admin' }, 'missing role: Admin'],
    [{ anyRole: ['editor', 'author'] }, 'missing role: one of editor, author'],
    [{ scope: 'orders:read orders:write' }, 'missing scope: orders:write'],
    [{ scope: 'orders' }, 'missing scope: orders'],
    [{ anyScope: 'a b' }, 'missing scope: one of a, b'],
    [{ claims: { tenant: 'other' } }, 'missing claim: tenant'],
    [{ claims: { level: '3' } }, 'missing claim: level'],
    [{ claims: { level: 4 } }, 'missing claim: level'],
    [{ claims: { email_verified: false } }, 'missing claim: email_verified'],
    [{ claims: { groups: 'admins' } }, 'missing claim: groups'],
    [{ claims: { groups: 'staff,ops' } }, 'missing claim: groups'],
    [{ claims: { missing: 'x' } }, 'missing claim: missing'],
    [{ claims: { nothing: 'null' } }, 'missing claim: nothing'],
    [{ claims: { toString: 'x' } }, 'missing claim: toString'],
    [{ claims: { constructor: 'Object' } }, 'missing claim: constructor'],
    [{ roles: 'admin', claims: { tenant: 'other' } }, 'missing claim: tenant'],
    [{ roles: 'editor', check: () => true }, 'missing role: editor'],
  ]
  it.each(fails)(
    'refuses a login that does not meet the rule %j',
    { meta: { id: 'session-verdict-1' } },
    async (rule, missing) => {
      expect(await decide(rule)).toMatchObject({ missing })
    },
  )

  it('calls the check with the user and the request, only if the other conditions are met', async () => {
    const seen: unknown[] = []
    const check = (...given: unknown[]): boolean => seen.push(given) > 0
    await decide({ roles: 'nobody', check })
    expect(seen).toEqual([])
    expect(await decide({ roles: 'admin', check })).toBeUndefined()
    expect(seen).toEqual([[alice.user, req]])
  })

  it(
    'accepts a login if the check returns true or a promise of true',
    { meta: { id: 'session-verdict-2' } },
    async () => {
      expect(await decide({ check: () => true })).toBeUndefined()
      expect(await decide({ check: async () => true })).toBeUndefined()
    },
  )

  it.each([false, undefined, null, 0, 1, 'yes', {}, []])(
    'refuses a login if the check returns %j, which is not true',
    async (said) => {
      const refused = { missing: '`check` did not return true' }
      expect(await decide({ check: () => said as boolean })).toEqual(refused)
      expect(await decide({ check: async () => said as boolean })).toEqual(refused)
    },
  )

  it('passes on the error of a check that throws or rejects', { meta: { id: 'session-verdict-3' } }, async () => {
    const fault = new Error('the database is away')
    const throwing = (): boolean => {
      throw fault
    }
    for (const check of [throwing, async () => throwing()]) {
      await expect(decide({ check })).rejects.toMatchObject({
        code: 'hook_failed',
        cause: fault,
        detail: '`check` failed: Error: the database is away',
      })
    }
  })

  it('ignores changes of the rule after the route is defined', async () => {
    const rule = { roles: ['editor'], claims: { tenant: 'other' } }
    const compiled = compileRule(sessionRule, rule, 'requireAuth()')
    rule.roles.pop()
    rule.claims.tenant = 'acme'
    expect(await evaluateLogin(alice, compiled, req, 30)).toEqual({ missing: 'missing role: editor' })
    expect(Object.isFrozen(compiled)).toBe(true)
  })
})
