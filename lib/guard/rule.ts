import type { Request } from 'express'
import { Checks, scopeList, optionsInvalid } from '../config/checks.ts'
import type { StandardClaims, User } from '../config/claims.ts'
import { audienceOf } from '../config/resolve-bearer.ts'
import type { CompiledBearerRule } from './bearer-rule.ts'
import type { Requirements } from './verdict.ts'

/** What a route asks of a login. All members that are given must be met. */
export interface Rule<Claims extends object = StandardClaims> {
  /** Roles that the user must have, all of them. */
  roles?: string | readonly string[] | undefined
  /** Roles of which the user must have one. */
  anyRole?: readonly string[] | undefined
  /** Scope that must have been granted, all of it: a string or an array. */
  scope?: string | readonly string[] | undefined
  /** Scope of which one must have been granted: a string or an array. */
  anyScope?: string | readonly string[] | undefined
  /** Claims of the user and the values they must have; an array claim must contain the value. */
  claims?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Any other condition. Only `true` passes; what it throws is a fault (500). */
  check?: ((user: User<Claims>, req: Request) => boolean | Promise<boolean>) | undefined
}

/** What `requireAuth` takes. */
export interface AuthRule<Claims extends object = StandardClaims> extends Rule<Claims> {
  /** `false`: never redirects, a navigation without a login is answered with 401 too. Default true. */
  redirect?: boolean | undefined
  /**
   * A request with an access token is judged by that alone, by the same rule; `check` then gets the claims of the token.
   * `true` where the options name an audience (`bearer: { audience }`), or an audience for this route. Default: tokens
   * are not looked at.
   */
  bearer?: true | { readonly audience: string | readonly string[] } | undefined
}

/** A rule, checked, in the form in which it is judged. */
export interface CompiledRule {
  readonly roles: readonly string[]
  readonly anyRole: readonly string[] | undefined
  readonly scope: readonly string[]
  readonly anyScope: readonly string[] | undefined
  readonly claims: readonly (readonly [string, string | number | boolean])[]
  readonly check: ((user: never, req: Request) => unknown) | undefined
  readonly redirect: boolean
  /** What a token must meet, where tokens are looked at. */
  readonly bearer: CompiledBearerRule | undefined
}

const known = ['roles', 'anyRole', 'scope', 'anyScope', 'claims', 'check', 'redirect', 'bearer']

/**
 * Checks a rule where the route is defined.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function compileRule(given: unknown, what: string, settings = { hasAudience: false }): CompiledRule {
  const checks = new Checks(given ?? {}, `the rule of ${what}`, known)
  if (checks.has('check') && checks.value('check') === undefined) checks.fault('check is present but undefined')
  const requirements = {
    roles: wordsOf(checks, 'roles') ?? [],
    anyRole: wordsOf(checks, 'anyRole'),
    scope: scopeOf(checks, 'scope') ?? [],
    anyScope: scopeOf(checks, 'anyScope'),
    claims: claimsOf(checks),
    check: checks.function('check') as CompiledRule['check'],
  }
  const rule: CompiledRule = {
    ...requirements,
    redirect: checks.boolean('redirect', true),
    bearer: bearerOf(checks, requirements, settings),
  }
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return Object.freeze(rule)
}

function bearerOf(
  checks: Checks,
  requirements: Requirements,
  { hasAudience }: { readonly hasAudience: boolean },
): CompiledBearerRule | undefined {
  if (!checks.has('bearer')) return undefined
  const given = checks.value('bearer')
  const inner = new Checks(given === true ? {} : given, 'bearer, where it is not true,', ['audience'])
  const audience = audienceOf(inner)
  if (!audience && !hasAudience && inner.faults.length === 0) {
    inner.fault("it needs an audience: pass bearer: { audience: 'orders' }, or createOidc({ bearer: { audience } })")
  }
  checks.faults.push(...inner.faults.map((fault) => (fault.startsWith('bearer') ? fault : `bearer: ${fault}`)))
  return { ...requirements, audience, acr: undefined, maxAuthAgeSeconds: undefined, optional: false }
}

/** The roles of a rule; undefined where none are given. */
export function wordsOf(checks: Checks, key: 'roles' | 'anyRole'): string[] | undefined {
  // An option that is there but undefined must not open the route that it was meant to guard.
  if (!checks.has(key)) return undefined
  const value = checks.value(key)
  const list: unknown = typeof value === 'string' ? [value] : value
  if (Array.isArray(list) && list.length > 0 && list.every((role) => typeof role === 'string' && role !== ''))
    return [...list] as string[]
  checks.fault(`${key} must be the name of a role or an array of such, not empty`)
  return undefined
}

/** The scope of a rule; undefined where none is given. */
export function scopeOf(checks: Checks, key: 'scope' | 'anyScope'): string[] | undefined {
  if (!checks.has(key)) return undefined
  const scope = scopeList(checks.value(key))
  if (!scope) checks.fault(`${key} must be words separated by spaces, or an array of words, not empty`)
  return scope
}

/** The claims of a rule with the values they must have; none where none are given. */
export function claimsOf(checks: Checks): CompiledRule['claims'] {
  if (!checks.has('claims')) return []
  const value = checks.value('claims')
  const entries = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : []
  if (entries.length > 0 && entries.every(([, wanted]) => ['string', 'number', 'boolean'].includes(typeof wanted)))
    return entries
  checks.fault('claims must be an object of claims and the strings, numbers or booleans they must have, not empty')
  return []
}
