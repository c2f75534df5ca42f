import { createOidc, requireAnyAuth, type OidcAuthRule } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { findFaults } from '../support/find-faults.ts'

const oidc = createOidc({
  issuer: 'https://id.example.com',
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
})

function faults(rule: unknown): string[] {
  return findFaults(() => oidc.requireAuth(rule as OidcAuthRule))
}

describe('a rule of requireAuth()', () => {
  it('accepts every logged-in user if the rule is left out or empty', () => {
    expect(faults(undefined)).toEqual([])
    expect(faults({})).toEqual([])
  })

  it('accepts each condition of a rule in all its forms', () => {
    const rules: OidcAuthRule[] = [
      { roles: 'admin' },
      { roles: ['admin', 'user'] },
      { anyRole: ['admin', 'editor'] },
      { scope: 'orders:read orders:write' },
      { scope: ['orders:read'] },
      { anyScope: 'a b' },
      { claims: { tenant: 'acme', level: 3, email_verified: true } },
      { check: () => true },
      { check: async () => true },
      { redirect: false },
      { redirect: undefined },
    ]
    for (const rule of rules) expect(faults(rule)).toEqual([])
  })

  it.each([
    [{ roles: undefined }, /^`roles` must be the name of a role, or a non-empty array of names/],
    [{ roles: [] }, /^`roles` must be/],
    [{ roles: '' }, /^`roles` must be/],
    [{ roles: [''] }, /^`roles` must be/],
    [{ roles: ['admin', undefined] }, /^`roles` must be/],
    [{ roles: null }, /^`roles` must be/],
    [{ roles: { admin: true } }, /^`roles` must be/],
    [{ anyRole: undefined }, /^`anyRole` must be/],
    [{ anyRole: [] }, /^`anyRole` must be/],
    [{ anyRole: [1] }, /^`anyRole` must be/],
    [{ scope: undefined }, /^`scope` is undefined; pass a value or remove the option$/],
    [{ scope: '' }, /^`scope` must be/],
    [{ scope: ' ' }, /^`scope` must be/],
    [{ scope: [] }, /^`scope` must be/],
    [{ scope: ['a b'] }, /^`scope` must be/],
    [{ anyScope: undefined }, /^`anyScope` is undefined; pass a value or remove the option$/],
    [{ anyScope: [] }, /^`anyScope` must be/],
    [{ claims: undefined }, /^`claims` must be a non-empty object whose values are strings, numbers or booleans/],
    [{ claims: {} }, /^`claims` must be/],
    [{ claims: { tenant: undefined } }, /^`claims` must be/],
    [{ claims: { tenant: null } }, /^`claims` must be/],
    [{ claims: { tenant: ['acme'] } }, /^`claims` must be/],
    [{ claims: ['tenant'] }, /^`claims` must be/],
    [{ claims: 'tenant' }, /^`claims` must be/],
    [{ check: undefined }, /^`check` is undefined/],
    [{ check: true }, /^`check` must be a function/],
    [{ redirect: 'no' }, /^`redirect` must be true or false/],
    [{ role: 'admin' }, /^`role` is not an option; did you mean `roles`\?/],
    [{ anyRoles: ['admin'] }, /^`anyRoles` is not an option; did you mean `anyRole`\?/],
    [{ scopes: 'a' }, /^`scopes` is not an option; did you mean `scope`\?/],
    [{ permissions: ['a'] }, /^`permissions` is not an option/],
    ['admin', /^the rule of requireAuth\(\) must be an object/],
    [['admin'], /^the rule of requireAuth\(\) must be an object/],
  ])('throws for the rule %o when the route is defined, so that a mistake cannot open the route', (rule, message) => {
    const found = faults(rule)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(message)
  })

  it('lists all faults of a rule at once', () => {
    expect(faults({ roles: [], scope: '', claims: {}, check: 1, rols: 'x' })).toHaveLength(5)
  })

  it('checks the rule of requireAnyAuth() in the same way', () => {
    const found = findFaults(() => requireAnyAuth([oidc], { roles: [] }))
    expect(found).toHaveLength(1)
    expect(() => requireAnyAuth([oidc], { roles: [] })).toThrow('requireAnyAuth() received invalid options')
  })

  it('lets the application change its rule object after the route is defined', () => {
    const roles = ['admin']
    const rule = { roles }
    oidc.requireAuth(rule)
    roles.pop()
    rule.roles = ['nobody']
    expect(rule).toEqual({ roles: ['nobody'] })
  })
})
