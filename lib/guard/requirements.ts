import type { Request } from 'express'
import type { OidcUnknownClaims } from '../config/claims.ts'
import { hookFailed } from '../core/errors.ts'
import { listRequestSecrets } from '../core/request-secrets.ts'
import type { AuthenticationRule } from './authentication.ts'

/** Requirements that session rules and token rules share. */
export interface Requirements {
  readonly roles: readonly string[]
  readonly anyRole: readonly string[] | undefined
  readonly scope: readonly string[]
  readonly anyScope: readonly string[] | undefined
  readonly claims: readonly (readonly [string, string | number | boolean])[]
  readonly check: ((user: never, req: Request) => unknown) | undefined
}

/** A validated rule for access tokens. */
export interface CompiledBearerRule extends Requirements, AuthenticationRule {
  readonly audience: readonly string[] | undefined
  readonly optional: boolean
}

/** Roles, scope and claims of a login or an access token. */
export interface Grants {
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  readonly claims: OidcUnknownClaims
}

/** A requirement that is not met. */
export interface Missing {
  /** For the log. */
  readonly missing: string
  /** The scope that the rule requires, if scope is missing. */
  readonly scope?: readonly string[]
}

/** Returns the first requirement that a login or an access token does not meet. Does not call the custom `check`. */
export function findMissing({ roles, scope, claims }: Grants, rule: Requirements): Missing | undefined {
  const role = rule.roles.find((required) => !roles.includes(required))
  if (role !== undefined) return { missing: `missing role: ${role}` }
  if (rule.anyRole && !rule.anyRole.some((required) => roles.includes(required))) {
    return { missing: `missing role: one of ${rule.anyRole.join(', ')}` }
  }
  const word = rule.scope.find((required) => !scope.includes(required))
  if (word !== undefined) return { missing: `missing scope: ${word}`, scope: rule.scope }
  if (rule.anyScope && !rule.anyScope.some((required) => scope.includes(required))) {
    return { missing: `missing scope: one of ${rule.anyScope.join(', ')}`, scope: rule.anyScope }
  }
  const claim = rule.claims.find(([name, required]) => !hasClaim(claims, name, required))
  return claim && { missing: `missing claim: ${claim[0]}` }
}

function hasClaim(claims: OidcUnknownClaims, name: string, required: string | number | boolean): boolean {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return Array.isArray(value) ? value.includes(required) : value === required
}

/**
 * Calls the custom `check` of a rule. Only `true` passes.
 *
 * @throws OidcError `hook_failed` if it throws or rejects.
 */
export async function findFailedCheck(
  claims: OidcUnknownClaims,
  { check }: Pick<Requirements, 'check'>,
  req: Request | undefined,
): Promise<Missing | undefined> {
  if (!check) return undefined
  try {
    return (await check(claims as never, req as Request)) === true
      ? undefined
      : { missing: '`check` did not return true' }
  } catch (error) {
    throw hookFailed('check', error, listRequestSecrets(req))
  }
}
