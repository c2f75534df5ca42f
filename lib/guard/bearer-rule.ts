import type { Request } from 'express'
import { Checks, optionsInvalid } from '../config/checks.ts'
import type { UnknownClaims } from '../config/claims.ts'
import { audienceOf } from '../config/resolve-bearer.ts'
import { type Rule } from './rule.ts'
import { readRequirements, sharedOptions } from './rule-options.ts'
import type { CompiledBearerRule } from './requirements.ts'

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

const known = [...sharedOptions, 'audience', 'optional']

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
  const rule: CompiledBearerRule = {
    ...readRequirements(checks),
    audience: audienceOf(checks),
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
