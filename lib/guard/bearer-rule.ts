import type { Request } from 'express'
import { Checks, optionsInvalid, words } from '../config/checks.ts'
import type { UnknownClaims } from '../config/claims.ts'
import { audienceOf } from '../config/resolve-bearer.ts'
import { claimsOf, scopeOf, wordsOf, type Rule } from './rule.ts'
import type { Requirements } from './verdict.ts'

/** What a route asks of an access token. All members that are given must be met. */
export interface TokenRule extends Pick<Rule, 'roles' | 'anyRole' | 'scope' | 'anyScope' | 'claims'> {
  /**
   * Who the token must be meant for (`aud`), a string or a list of which one must be named. Required where the options
   * name none; where they do, both must be met.
   */
  audience?: string | readonly string[] | undefined
  /**
   * Authentication context classes (`acr`) of which the token must have one, in order of preference: a string or an
   * array. Else the client is asked to have its user authenticate so (RFC 9470).
   */
  acr?: string | readonly string[] | undefined
  /** Seconds since the user last authenticated (`auth_time`) that are at most acceptable (RFC 9470). */
  maxAuthAgeSeconds?: number | undefined
}

/** What `requireBearer` takes. */
export interface BearerRule<Claims extends object = UnknownClaims> extends TokenRule {
  /** Any other condition. Only `true` passes; what it throws is a fault (500). */
  check?: ((claims: UnknownClaims & Claims, req: Request) => boolean | Promise<boolean>) | undefined
  /** `true`: lets requests without a token through, with no `req.auth`. One with a token that is not good is refused. Default false. */
  optional?: boolean | undefined
}

/** A rule, checked, in the form in which it is judged. */
export interface CompiledBearerRule extends Requirements {
  readonly audience: readonly string[] | undefined
  readonly acr: readonly string[] | undefined
  readonly maxAuthAgeSeconds: number | undefined
  readonly optional: boolean
}

const known = [
  'roles',
  'anyRole',
  'scope',
  'anyScope',
  'claims',
  'check',
  'audience',
  'acr',
  'maxAuthAgeSeconds',
  'optional',
]

/** Longest age that can be asked for: more than a year is no condition. */
const longestAge = 366 * 86_400

/**
 * Checks a rule where the route is defined.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function compileBearerRule(
  given: unknown,
  what: string,
  settings: { readonly hasAudience: boolean },
): CompiledBearerRule {
  const checks = new Checks(given ?? {}, `the rule of ${what}`, known)
  if (checks.has('check') && checks.value('check') === undefined) checks.fault('check is present but undefined')
  const rule: CompiledBearerRule = {
    roles: wordsOf(checks, 'roles') ?? [],
    anyRole: wordsOf(checks, 'anyRole'),
    scope: scopeOf(checks, 'scope') ?? [],
    anyScope: scopeOf(checks, 'anyScope'),
    claims: claimsOf(checks),
    check: checks.function('check') as CompiledBearerRule['check'],
    audience: audienceOf(checks),
    acr: acrOf(checks),
    maxAuthAgeSeconds: checks.has('maxAuthAgeSeconds') ? ageOf(checks) : undefined,
    optional: checks.boolean('optional', false),
  }
  if (!rule.audience && !settings.hasAudience && !checks.has('audience')) {
    checks.fault(
      "audience is missing: pass it here, or to createOidc({ bearer: { audience } }), as the tokens' aud has it (RFC 8725 3.9)",
    )
  }
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return Object.freeze(rule)
}

function acrOf(checks: Checks): readonly string[] | undefined {
  // A condition that is there but undefined must not open the route that it was meant to guard.
  if (!checks.has('acr')) return undefined
  const given = checks.value('acr')
  const isList = Array.isArray(given) && given.every((value) => typeof value === 'string')
  const list = typeof given === 'string' || isList ? words(given as string | string[]) : []
  // They go into a header as they are (RFC 9470 3).
  if (list.length > 0 && list.every((value) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value))) return list
  checks.fault('acr must be an authentication context class or an array of such, not empty, of printable ASCII')
  return undefined
}

function ageOf(checks: Checks): number {
  const age = checks.seconds('maxAuthAgeSeconds', Number.NaN, 0, longestAge)
  if (checks.value('maxAuthAgeSeconds') === undefined) checks.fault('maxAuthAgeSeconds is present but undefined')
  return age
}
