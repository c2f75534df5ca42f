import type { Request } from 'express'
import type { AuthRule } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { compileRule } from '../../lib/guard/rule.ts'
import { judge } from '../../lib/guard/session-verdict.ts'
import type { Verdict } from '../../lib/guard/verdict.ts'
import type { Slot } from '../../lib/store/slot.ts'

const req = { method: 'GET', url: '/orders' } as Request

const alice: Slot = {
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
  checkedAt: 0,
  endsAt: 1,
}

function verdict(rule: AuthRule<Record<string, unknown>>): Verdict | Promise<Verdict> {
  return judge(alice, compileRule(rule, 'requireAuth()'), req, 30) as Verdict | Promise<Verdict>
}

describe('a login, judged against a rule', () => {
  const passes: AuthRule<Record<string, unknown>>[] = [
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
  it.each(passes)('passes %j, at once', (rule) => {
    expect(verdict(rule)).toEqual({ ok: true })
  })

  const fails: [AuthRule<Record<string, unknown>>, string][] = [
    [{ roles: 'editor' }, 'role editor'],
    [{ roles: ['admin', 'editor'] }, 'role editor'],
    [{ roles: 'Admin' }, 'role Admin'],
    [{ anyRole: ['editor', 'author'] }, 'one of the roles editor, author'],
    [{ scope: 'orders:read orders:write' }, 'scope orders:write'],
    [{ scope: 'orders' }, 'scope orders'],
    [{ anyScope: 'a b' }, 'one of the scopes a b'],
    [{ claims: { tenant: 'other' } }, 'claim tenant'],
    [{ claims: { level: '3' as unknown as number } }, 'claim level'],
    [{ claims: { level: 4 } }, 'claim level'],
    [{ claims: { email_verified: false } }, 'claim email_verified'],
    [{ claims: { groups: 'admins' } }, 'claim groups'],
    [{ claims: { groups: 'staff,ops' } }, 'claim groups'],
    [{ claims: { missing: 'x' } }, 'claim missing'],
    [{ claims: { nothing: 'null' } }, 'claim nothing'],
    [{ claims: { toString: 'x' } }, 'claim toString'],
    [{ claims: { constructor: 'Object' } }, 'claim constructor'],
    [{ roles: 'admin', claims: { tenant: 'other' } }, 'claim tenant'],
    [{ roles: 'editor', check: () => true }, 'role editor'],
  ]
  it.each(fails)('fails %j, at once', { meta: { id: 'session-verdict-1' } }, (rule, lacking) => {
    expect(verdict(rule)).toMatchObject({ ok: false, lacking })
  })

  it('is shown to the check with its request, and after the other conditions only', async () => {
    const seen: unknown[] = []
    const check = (...given: unknown[]): boolean => seen.push(given) > 0
    await verdict({ roles: 'nobody', check })
    expect(seen).toEqual([])
    expect(await verdict({ roles: 'admin', check })).toEqual({ ok: true })
    expect(seen).toEqual([[alice.user, req]])
  })

  it('passes a check that says true, sooner or later', { meta: { id: 'session-verdict-2' } }, async () => {
    expect(await verdict({ check: () => true })).toEqual({ ok: true })
    expect(await verdict({ check: async () => true })).toEqual({ ok: true })
  })

  it.each([false, undefined, null, 0, 1, 'yes', {}, []])(
    'fails a check that says %j, which is not true',
    async (said) => {
      const refused = { ok: false, lacking: "the route's own check" }
      expect(await verdict({ check: () => said as boolean })).toEqual(refused)
      expect(await verdict({ check: async () => said as boolean })).toEqual(refused)
    },
  )

  it('passes nothing where the check throws', { meta: { id: 'session-verdict-3' } }, async () => {
    const fault = new Error('the database is away')
    const throwing = (): boolean => {
      throw fault
    }
    expect(() => verdict({ check: throwing })).toThrow(fault)
    await expect(verdict({ check: async () => throwing() })).rejects.toBe(fault)
  })

  it('does not follow a rule that was changed after the route was defined', () => {
    const rule = { roles: ['editor'], claims: { tenant: 'other' } }
    const compiled = compileRule(rule, 'requireAuth()')
    rule.roles.pop()
    rule.claims.tenant = 'acme'
    expect(judge(alice, compiled, req, 30)).toEqual({ ok: false, lacking: 'role editor' })
    expect(Object.isFrozen(compiled)).toBe(true)
  })
})
