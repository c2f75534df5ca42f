import { createBearer, createOidc, type BearerRule, type OidcError } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { tokenRule } from '../../lib/guard/bearer-rule.ts'
import { compileRule } from '../../lib/guard/rule-options.ts'
import { sessionRule } from '../../lib/guard/rule.ts'
import { findFaults } from '../support/find-faults.ts'
import { catchRejection } from '../support/flow.ts'

const issuer = 'https://id.example.com'
const api = createBearer({ issuer, audience: 'orders' })
const login = {
  issuer,
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
}

function faults(rule: unknown): string[] {
  return findFaults(() => api.requireBearer(rule as BearerRule))
}

const check = () => true

describe('a rule for access tokens', () => {
  it('accepts every valid token if the rule is left out or empty', () => {
    const open = {
      roles: [],
      anyRole: undefined,
      scope: [],
      anyScope: undefined,
      claims: [],
      check: undefined,
      audience: undefined,
      acr: undefined,
      maxAuthAgeSeconds: undefined,
      optional: false,
    }
    expect(compileRule(tokenRule, undefined, 'requireBearer()', { hasAudience: true })).toEqual(open)
    expect(compileRule(tokenRule, {}, 'requireBearer()', { hasAudience: true })).toEqual(open)
  })

  it('compiles a rule into a normalized, frozen form', () => {
    const given = {
      roles: 'admin',
      anyRole: ['a', 'b'],
      scope: 'orders:read  orders:read orders:write',
      anyScope: ['x', 'y'],
      claims: { tenant: 'acme', level: 3, active: true },
      check,
      audience: ['orders', 'orders'],
      acr: 'gold silver',
      maxAuthAgeSeconds: 300,
      optional: true,
    } satisfies BearerRule
    const compiled = compileRule(tokenRule, given, 'requireBearer()', { hasAudience: false })
    expect(compiled).toEqual({
      roles: ['admin'],
      anyRole: ['a', 'b'],
      scope: ['orders:read', 'orders:write'],
      anyScope: ['x', 'y'],
      claims: [
        ['tenant', 'acme'],
        ['level', 3],
        ['active', true],
      ],
      check,
      audience: ['orders'],
      acr: ['gold', 'silver'],
      maxAuthAgeSeconds: 300,
      optional: true,
    })
    expect(Object.isFrozen(compiled)).toBe(true)
  })

  it('accepts each condition of a rule in all its forms', () => {
    const rules: BearerRule[] = [
      { audience: 'billing' },
      { audience: ['billing', 'orders'] },
      { acr: 'urn:mace:incommon:iap:silver' },
      { acr: ['gold', 'silver'] },
      { maxAuthAgeSeconds: 0 },
      { maxAuthAgeSeconds: 0.5 },
      { maxAuthAgeSeconds: 366 * 86_400 },
      { check: async () => true },
      { optional: undefined },
    ]
    for (const rule of rules) expect(faults(rule)).toEqual([])
  })

  it.each([
    [{ roles: undefined }, /^`roles` must be the name of a role, or a non-empty array of names/],
    [{ roles: [] }, /^`roles` must be/],
    [{ anyRole: undefined }, /^`anyRole` must be/],
    [{ scope: undefined }, /^`scope` is undefined; pass a value or remove the option$/],
    [{ scope: '' }, /^`scope` must be/],
    [{ scope: 'orders"read' }, /^`scope` must be/],
    [{ anyScope: undefined }, /^`anyScope` is undefined; pass a value or remove the option$/],
    [{ claims: undefined }, /^`claims` must be a non-empty object/],
    [{ claims: {} }, /^`claims` must be/],
    [{ check: undefined }, /^`check` is undefined/],
    [{ check: true }, /^`check` must be a function/],
    [{ audience: undefined }, /^`audience` is undefined; set the environment variable or remove the option/],
    [{ audience: [] }, /^`audience` must be a non-empty string or array; pass this API's identifier/],
    [
      { acr: undefined },
      /^`acr` must be printable ASCII; pass an authentication context class, or a non-empty array of such classes/,
    ],
    [{ acr: '' }, /^`acr` must be/],
    [{ acr: [] }, /^`acr` must be/],
    [{ acr: [1] }, /^`acr` must be/],
    [{ acr: ['gold', undefined] }, /^`acr` must be/],
    [{ acr: ['two words'] }, /^`acr` must be/],
    [{ acr: 'a"b' }, /^`acr` must be/],
    [{ acr: 'a\\b' }, /^`acr` must be/],
    [{ acr: 'caf\u00e9' }, /^`acr` must be/],
    [{ acr: ['a\r\nSet-Cookie: b=c'] }, /^`acr` must be/],
    [{ maxAuthAgeSeconds: undefined }, /^`maxAuthAgeSeconds` is undefined/],
    [{ maxAuthAgeSeconds: -1 }, /^`maxAuthAgeSeconds` must be a number of seconds from 0 to/],
    [{ maxAuthAgeSeconds: Number.NaN }, /^`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: Infinity }, /^`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: '300' }, /^`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: 367 * 86_400 }, /^`maxAuthAgeSeconds` must be/],
    [{ optional: 'yes' }, /^`optional` must be true or false/],
    [{ scopes: 'a' }, /^`scopes` is not an option; did you mean `scope`\?/],
    [{ maxAge: 300 }, /^`maxAge` is not an option/],
    // Options of session guards have no meaning here.
    [{ redirect: false }, /^`redirect` is not an option/],
    [{ bearer: true }, /^`bearer` is not an option/],
    ['orders:read', /^the rule of requireBearer\(\) must be an object/],
    [['orders:read'], /^the rule of requireBearer\(\) must be an object/],
  ])('throws for the rule %o when the route is defined, so that a mistake cannot open the route', (rule, message) => {
    const found = faults(rule)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(message)
  })

  it('lists all faults of a rule at once, with the name of the function', () => {
    const rule = { role: 'admin', scope: '', acr: [], optional: 1 } as unknown as BearerRule
    const message = (() => {
      try {
        api.requireBearer(rule)
      } catch (error) {
        return (error as OidcError).message
      }
      return ''
    })()
    expect(message.split('\n')).toEqual([
      'requireBearer() received invalid options:',
      '  - `role` is not an option; did you mean `roles`?',
      expect.stringContaining('  - `scope` must be'),
      expect.stringContaining('  - `acr` must be'),
      '  - `optional` must be true or false',
    ])
  })

  it.each(['authorize', 'verifyToken'] as const)('checks the rule in %s() too, before anything else', async (name) => {
    const call = api[name] as unknown as (what: unknown, rule: unknown) => Promise<unknown>
    const error = await catchRejection(call({ headers: {}, rawHeaders: [] }, { scope: '' }))
    expect(error).toMatchObject({ code: 'options_invalid' })
    expect(error.message).toContain(`${name}() received invalid options:\n  - \`scope\` must be`)
  })
})

describe('the audience of oidc.requireBearer()', () => {
  const missing =
    /^`audience` is missing; pass the `aud` of the tokens here or to `createOidc\(\{ bearer: \{ audience } }\)` .*RFC 8725 3\.9/

  it('requires an audience in the rule if the options have none', () => {
    const oidc = createOidc(login)
    expect(findFaults(() => oidc.requireBearer())).toEqual([expect.stringMatching(missing)])
    expect(findFaults(() => oidc.requireBearer({ scope: 'a' }))).toEqual([expect.stringMatching(missing)])
    expect(findFaults(() => oidc.requireBearer({ audience: undefined as never }))).toEqual([
      expect.stringMatching(/^`audience` is undefined/),
    ])
    expect(findFaults(() => oidc.requireBearer({ audience: 'orders' }))).toEqual([])
  })

  it('requires no audience in the rule if the options have one', () => {
    const oidc = createOidc({ ...login, bearer: { audience: 'orders' } })
    expect(findFaults(() => oidc.requireBearer())).toEqual([])
    expect(findFaults(() => oidc.requireBearer({ audience: 'billing' }))).toEqual([])
  })
})

describe('a rule for sessions and tokens', () => {
  const compiled = (bearer: unknown, hasAudience = false) =>
    compileRule(sessionRule, { roles: 'admin', scope: 'a', check, bearer }, 'requireAuth()', { hasAudience }).bearer

  it('applies the conditions of requireAuth() to tokens as well as logins', () => {
    const same = {
      roles: ['admin'],
      scope: ['a'],
      check,
      optional: false,
      acr: undefined,
      maxAuthAgeSeconds: undefined,
    }
    expect(compiled({ audience: 'orders' })).toMatchObject({ ...same, audience: ['orders'] })
    expect(compiled(true, true)).toMatchObject({ ...same, audience: undefined })
    expect(compileRule(sessionRule, { roles: 'admin' }, 'requireAuth()', { hasAudience: true }).bearer).toBeUndefined()
  })

  it.each([
    [true, /^`bearer.audience` is missing; pass `bearer: \{ audience: 'orders' }`, or `createOidc/],
    [{}, /^`bearer.audience` is missing/],
    [{ audience: undefined }, /^`bearer.audience` is undefined/],
    [{ audience: '' }, /^`bearer.audience` must be a non-empty string or array; pass this API's identifier/],
    [{ audiences: 'orders', audience: 'orders' }, /^`bearer\.audiences` is not an option; did you mean `audience`\?/],
    [{ audience: 'orders', optional: true }, /^`bearer\.optional` is not an option/],
    [undefined, /^`bearer`, unless true, must be an object/],
    [false, /^`bearer`, unless true, must be an object/],
    ['orders', /^`bearer`, unless true, must be an object/],
  ])('throws for bearer: %o when the route is defined', (bearer, message) => {
    const oidc = createOidc(login)
    expect(findFaults(() => oidc.requireAuth({ bearer } as never))).toEqual([expect.stringMatching(message)])
  })
})
