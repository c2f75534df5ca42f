import type { Request } from 'express'
import type { OidcLoginNeeds } from '../core/errors.ts'
import {
  extendMaxAge,
  findAuthTime,
  hasReturnedLate,
  hasRequestedMaxAge,
  lateReason,
  wasRequestedRecently,
} from '../session/step-up-history.ts'
import type { LoginEntry } from '../store/login-entry.ts'
import { type AuthenticationRule, makeAuthenticationParameters, findMissingAuthentication } from './authentication.ts'
import { findFailedCheck, findMissing, type Missing } from './requirements.ts'
import type { CompiledRule } from './rule.ts'

/** More scope, or a more recent or stronger authentication, that a rule requires and another login can provide. */
export interface StepUpRequired extends OidcLoginNeeds {
  readonly code: 'authentication_insufficient' | 'not_allowed'
  /** For the log. */
  readonly missing: string
  /** Whether the same was requested recently, and the login still does not have it. */
  readonly isRepeat: boolean
  /** Whether the login that requested it returned too late. */
  readonly isLate: boolean
}

/**
 * Evaluates a login against a rule. Returns what is missing, or undefined if the login meets the rule. Requirements that
 * no other login can meet come first, so that no user is redirected to the provider in vain.
 *
 * @throws OidcError `hook_failed` if the rule's `check` throws.
 */
export async function evaluateLogin(
  entry: LoginEntry,
  rule: CompiledRule,
  req: Request,
  clockToleranceSeconds: number,
): Promise<Missing | StepUpRequired | undefined> {
  return (
    findMissing({ roles: entry.roles, scope: entry.scope, claims: entry.user }, rule.permanent) ??
    findStepUp(entry, rule, clockToleranceSeconds) ??
    (await findFailedCheck(entry.user, rule, req))
  )
}

function findStepUp(entry: LoginEntry, rule: CompiledRule, clockToleranceSeconds: number): StepUpRequired | undefined {
  const scope = rule.scope.filter((required) => !entry.scope.includes(required))
  const held = { acr: entry.acr, authTime: findAuthTime(entry) }
  const authentication = findMissingAuthentication(held, adjustRule(entry, rule), clockToleranceSeconds)
  if (scope.length === 0 && !authentication) return undefined
  const isLate = authentication === 'auth_time' && hasReturnedLate(entry, rule.maxAuthAgeSeconds as number)
  // The provider may consider an authentication recent that is too old here. It never does so for `max_age=0`.
  const parameters = authentication
    ? makeAuthenticationParameters(isLate ? { ...rule, maxAuthAgeSeconds: 0 } : rule)
    : {}
  const isScopeRepeat = scope.length > 0 && wasRequestedRecently(entry, { scope, parameters: {} })
  const isAcrRepeat =
    authentication === 'acr' &&
    wasRequestedRecently(entry, { scope: [], parameters: { acr_values: parameters['acr_values'] as string } })
  return {
    code: authentication ? 'authentication_insufficient' : 'not_allowed',
    missing: [
      ...scope.map((word) => `missing scope: ${word}`),
      ...(authentication ? [isLate ? lateReason : `insufficient ${authentication}`] : []),
    ].join(', '),
    scope,
    parameters,
    isRepeat: isScopeRepeat || isAcrRepeat,
    isLate,
  }
}

/** Returns the authentication that a login needs: a login that requested the maximum age has the time to return. */
function adjustRule({ requested }: LoginEntry, rule: CompiledRule): AuthenticationRule {
  const { acr, maxAuthAgeSeconds } = rule
  if (maxAuthAgeSeconds === undefined || !hasRequestedMaxAge(requested, maxAuthAgeSeconds)) return rule
  return { acr, maxAuthAgeSeconds: extendMaxAge(maxAuthAgeSeconds) }
}
