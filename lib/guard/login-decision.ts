import type { Request } from 'express'
import { nowSeconds } from '../core/clock.ts'
import type { OidcLoginNeeds } from '../core/errors.ts'
import { wasRequestedRecently } from '../session/step-up-history.ts'
import type { LoginEntry } from '../store/login-entry.ts'
import {
  makeAuthenticationParameters,
  findMissingAuthentication,
  type MissingAuthentication,
} from './authentication.ts'
import { findFailedCheck, findMissing, type Missing } from './requirements.ts'
import type { CompiledRule } from './rule.ts'

/** More scope, or a more recent or stronger authentication, that a rule requires and another login can provide. */
export interface StepUpRequired extends OidcLoginNeeds {
  readonly code: 'authentication_insufficient' | 'not_allowed'
  /** For the log. */
  readonly missing: string
  /** Whether the same was requested recently, and the login still does not have it. */
  readonly isRepeat: boolean
}

/** Minimum time, in seconds, that a user has to get back from the provider to the page. */
const wayBackSeconds = 30

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
    findStepUp(entry, rule, Math.max(clockToleranceSeconds, wayBackSeconds)) ??
    (await findFailedCheck(entry.user, rule, req))
  )
}

function findStepUp(entry: LoginEntry, rule: CompiledRule, toleranceSeconds: number): StepUpRequired | undefined {
  const scope = rule.scope.filter((required) => !entry.scope.includes(required))
  const authentication = findStepUpAuthentication(entry, rule, toleranceSeconds)
  if (scope.length === 0 && !authentication) return undefined
  const parameters = authentication ? makeAuthenticationParameters(rule) : {}
  const isScopeRepeat = scope.length > 0 && wasRequestedRecently(entry, { scope, parameters: {} })
  // A requested `max_age` was met when the user came back: otherwise the login would have failed.
  const isAcrRepeat =
    authentication === 'acr' &&
    wasRequestedRecently(entry, { scope: [], parameters: { acr_values: parameters['acr_values'] as string } })
  return {
    code: authentication ? 'authentication_insufficient' : 'not_allowed',
    missing: [
      ...scope.map((word) => `missing scope: ${word}`),
      ...(authentication ? [`insufficient ${authentication}`] : []),
    ].join(', '),
    scope,
    parameters,
    isRepeat: isScopeRepeat || isAcrRepeat,
  }
}

function findStepUpAuthentication(
  entry: LoginEntry,
  rule: CompiledRule,
  toleranceSeconds: number,
): MissingAuthentication | undefined {
  const missing = findMissingAuthentication({ acr: entry.acr, authTime: entry.authTime }, rule, toleranceSeconds)
  return missing === 'auth_time' && isJustBack(entry, rule, toleranceSeconds) ? undefined : missing
}

/**
 * Whether a login has just come back from a request for the same or a smaller `max_age`. Its `auth_time` was compared with
 * the time at which the user left, because the provider's pages after the password may take longer than the way back.
 */
function isJustBack({ requested }: LoginEntry, { maxAuthAgeSeconds = 0 }: CompiledRule, wayBack: number): boolean {
  const maxAge = requested.parameters['max_age']
  return maxAge !== undefined && Number(maxAge) <= maxAuthAgeSeconds && nowSeconds() - requested.at <= wayBack
}
