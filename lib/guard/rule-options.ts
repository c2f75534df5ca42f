import { Checks, optionsInvalid } from '../config/checks.ts'
import { splitWords } from '../core/scope.ts'
import type { AuthenticationRule } from './authentication.ts'
import type { Requirements } from './requirements.ts'

/** The options that session rules and token rules share. */
export const sharedOptions = [
  'roles',
  'anyRole',
  'scope',
  'anyScope',
  'claims',
  'check',
  'acr',
  'maxAuthAgeSeconds',
] as const

/** A kind of rule: its options, and how they are read beside the shared ones. */
export interface RuleKind<Compiled> {
  readonly known: readonly string[]
  readonly read: (
    checks: Checks,
    requirements: Requirements & AuthenticationRule,
    settings: { readonly hasAudience: boolean },
  ) => Compiled
}

/**
 * Validates a rule where the route is defined.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function compileRule<Compiled>(
  { known, read }: RuleKind<Compiled>,
  given: unknown,
  what: string,
  settings = { hasAudience: false },
): Readonly<Compiled> {
  const checks = new Checks(given ?? {}, `the rule of ${what}`, known)
  const rule = read(checks, readRequirements(checks), settings)
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return Object.freeze(rule)
}

/** Reads the options that session rules and token rules share. An option that is given as `undefined` is a fault. */
function readRequirements(checks: Checks): Requirements & AuthenticationRule {
  checks.refuseUndefined('check')
  return {
    roles: readRequiredRoles(checks, 'roles') ?? [],
    anyRole: readRequiredRoles(checks, 'anyRole'),
    scope: readRequiredScope(checks, 'scope') ?? [],
    anyScope: readRequiredScope(checks, 'anyScope'),
    claims: readRequiredClaims(checks),
    check: checks.function('check'),
    acr: readAcr(checks),
    maxAuthAgeSeconds: readMaxAuthAge(checks),
  }
}

/** Maximum of `maxAuthAgeSeconds`: longer than a year is hardly a requirement. */
const longestAge = 366 * 86_400

function readRequiredRoles(checks: Checks, key: 'roles' | 'anyRole'): string[] | undefined {
  // An option that is present but undefined must not open the route that it was meant to guard.
  if (!checks.has(key)) return undefined
  const value = checks.value(key)
  const list: unknown = typeof value === 'string' ? [value] : value
  if (Array.isArray(list) && list.length > 0 && list.every((role) => typeof role === 'string' && role !== ''))
    return [...list] as string[]
  checks.fault(`\`${key}\` must be the name of a role, or a non-empty array of names`)
  return undefined
}

function readRequiredScope(checks: Checks, key: 'scope' | 'anyScope'): string[] | undefined {
  if (!checks.has(key)) return undefined
  if (checks.value(key) !== undefined) return checks.scope(key, 'at least one word')
  checks.refuseUndefined(key)
  return undefined
}

function readRequiredClaims(checks: Checks): Requirements['claims'] {
  if (!checks.has('claims')) return []
  const value = checks.value('claims')
  const entries = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : []
  if (entries.length > 0 && entries.every(([, wanted]) => ['string', 'number', 'boolean'].includes(typeof wanted)))
    return entries
  checks.fault('`claims` must be a non-empty object whose values are strings, numbers or booleans')
  return []
}

function readAcr(checks: Checks): readonly string[] | undefined {
  // As for roles: an undefined option must not open the route.
  if (!checks.has('acr')) return undefined
  const given = checks.value('acr')
  const isList = Array.isArray(given) && given.every((value) => typeof value === 'string')
  const list = typeof given === 'string' || isList ? splitWords(given) : []
  // The values must fit into a quoted string of a header (RFC 9470, section 3).
  if (list.length > 0 && list.every((value) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value))) return list
  checks.fault(
    '`acr` must be printable ASCII; pass an authentication context class, or a non-empty array of such classes',
  )
  return undefined
}

function readMaxAuthAge(checks: Checks): number | undefined {
  if (!checks.has('maxAuthAgeSeconds')) return undefined
  if (checks.refuseUndefined('maxAuthAgeSeconds')) return undefined
  return checks.seconds('maxAuthAgeSeconds', 0, 0, longestAge)
}
