import type { Request } from 'express'
import { Checks, optionsInvalid } from '../config/checks.ts'
import type { StandardClaims, User } from '../config/claims.ts'
import { audienceOf } from '../config/resolve-bearer.ts'
import type { AuthenticationRule } from './authentication.ts'
import type { Requirements, CompiledBearerRule } from './requirements.ts'
import { readRequirements, sharedOptions } from './rule-options.ts'

/** What a route asks of a login. All members that are given must be met. */
export interface Rule<Claims extends object = StandardClaims> {
  /** Roles that the user must have, all of them. */
  roles?: string | readonly string[] | undefined
  /** Roles of which the user must have one. */
  anyRole?: readonly string[] | undefined
  /**
   * Scope that must have been granted, all of it: a string or an array. `requireAuth` sends a navigation of a login that
   * lacks some to the provider, to ask for it on top of what was granted; where it is not granted, the answer is 403.
   */
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
  /**
   * Authentication context classes (`acr`) of which the login must have one, in order of preference: a string or an array.
   * A navigation of a login that has none goes to the provider to ask for them (`acr_values`, OIDC Core 3.1.2.1); where it
   * comes back without, the answer is 403.
   */
  acr?: string | readonly string[] | undefined
  /**
   * Seconds since the user last authenticated (`auth_time`) that are at most acceptable; 0: just now. A navigation of a
   * login that is older goes to the provider to authenticate anew (`max_age`, OIDC Core 3.1.2.1). The way back from there
   * does not count, up to 30 seconds or the clock tolerance.
   */
  maxAuthAgeSeconds?: number | undefined
  /** `false`: never redirects, a navigation without a login is answered with 401 too. Default true. */
  redirect?: boolean | undefined
  /**
   * A request with an access token is judged by that alone, by the same rule; `check` then gets the claims of the token.
   * `true` where the options name an audience (`bearer: { audience }`), or an audience for this route. Default: tokens
   * are not looked at.
   */
  bearer?: true | { readonly audience: string | readonly string[] } | undefined
}

/** A validated rule for sessions. */
export interface CompiledRule extends AuthenticationRule {
  /** Requirements that no other login of the same user can meet. */
  readonly permanent: Requirements
  /** Scope that a step-up can request. */
  readonly scope: readonly string[]
  readonly check: Requirements['check']
  readonly redirect: boolean
  /** What a token must meet, where tokens are looked at. */
  readonly bearer: CompiledBearerRule | undefined
}

const known = [...sharedOptions, 'redirect', 'bearer']

/**
 * Checks a rule where the route is defined.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function compileRule(given: unknown, what: string, settings = { hasAudience: false }): CompiledRule {
  const checks = new Checks(given ?? {}, `the rule of ${what}`, known)
  const requirements = readRequirements(checks)
  const { scope, check, acr, maxAuthAgeSeconds } = requirements
  const rule: CompiledRule = {
    permanent: { ...requirements, scope: [], check: undefined },
    scope,
    acr,
    maxAuthAgeSeconds,
    check,
    redirect: checks.boolean('redirect', true),
    bearer: bearerOf(checks, requirements, settings),
  }
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return Object.freeze(rule)
}

function bearerOf(
  checks: Checks,
  requirements: Requirements & AuthenticationRule,
  { hasAudience }: { readonly hasAudience: boolean },
): CompiledBearerRule | undefined {
  if (!checks.has('bearer')) return undefined
  const given = checks.value('bearer')
  const read = (inner: Checks): readonly string[] | undefined => {
    const audience = audienceOf(inner)
    if (!audience && !hasAudience && inner.faults.length === 0) {
      inner.fault("it needs an audience: pass bearer: { audience: 'orders' }, or createOidc({ bearer: { audience } })")
    }
    return audience
  }
  const audience = checks.nested('bearer', ['audience'], read, {
    what: 'bearer, where it is not true,',
    given: given === true ? {} : given,
  })
  return { ...requirements, audience, optional: false }
}
