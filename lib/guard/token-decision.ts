import type { Request } from 'express'
import { checkAudience } from '../tokens/presented-token.ts'
import { makeAuthenticationParameters, findMissingAuthentication } from './authentication.ts'
import type { BearerAuth } from './bearer-auth.ts'
import type { Refusal } from './bearer-error.ts'
import { findFailedCheck, findMissing, type CompiledBearerRule, type Missing } from './requirements.ts'

/**
 * Evaluates a verified access token against a rule. Returns the refusal, or undefined if the token meets the rule.
 *
 * @throws TokenRejected if the token is for another audience; OidcError `hook_failed` if the rule's `check` throws.
 */
export async function evaluateToken(
  auth: BearerAuth,
  rule: CompiledBearerRule,
  req: Request | undefined,
  clockToleranceSeconds: number,
): Promise<Refusal | undefined> {
  if (rule.audience) checkAudience(auth.claims, rule.audience)
  const insufficient = findInsufficientAuthentication(auth, rule, clockToleranceSeconds)
  if (insufficient) return insufficient
  const missing = findMissing(auth, rule) ?? (await findFailedCheck(auth.claims, rule, req))
  return missing && insufficientScope(missing)
}

/** Returns the refusal if the user must authenticate again, or in a stronger way (RFC 9470, section 3). */
function findInsufficientAuthentication(
  { claims }: BearerAuth,
  rule: CompiledBearerRule,
  tolerance: number,
): Refusal | undefined {
  const missing = findMissingAuthentication({ acr: claims['acr'], authTime: claims['auth_time'] }, rule, tolerance)
  if (!missing) return undefined
  return {
    code: 'authentication_insufficient',
    status: 401,
    error: 'insufficient_user_authentication',
    message:
      missing === 'auth_time'
        ? 'More recent authentication is required.'
        : 'A different authentication level is required.',
    detail:
      missing === 'auth_time'
        ? 'auth_time is missing or too old'
        : `acr is not one of ${(rule.acr as string[]).join(' ')}`,
    needed: makeAuthenticationParameters(rule),
  }
}

function insufficientScope({ missing, scope }: Missing): Refusal {
  return {
    code: 'not_allowed',
    status: 403,
    error: 'insufficient_scope',
    message: `The access token does not grant this request (${toPrintable(missing)}).`,
    detail: missing,
    needed: scope ? { scope: scope.join(' ') } : {},
  }
}

/** Replaces the characters that `error_description` must not have (RFC 6750, section 3). */
function toPrintable(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
}
