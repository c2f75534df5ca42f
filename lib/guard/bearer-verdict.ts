import type { Request } from 'express'
import { hookFailed } from '../core/errors.ts'
import { checkAudience } from '../tokens/presented-token.ts'
import { authenticationParameters, weakness } from './authentication.ts'
import type { BearerAuth } from './bearer-auth.ts'
import type { Refusal } from './bearer-error.ts'
import { meets, type Verdict, type CompiledBearerRule } from './verdict.ts'

/**
 * Judges a verified token against the rule of a route: what it is refused with, or undefined. Returns a promise only
 * where the rule's own `check` waits.
 *
 * @throws TokenRejected where the token is for another audience, OidcError `hook_failed` where `check` failed.
 */
export function judgeToken(
  auth: BearerAuth,
  rule: CompiledBearerRule,
  req: Request | undefined,
  clockToleranceSeconds: number,
): Refusal | undefined | Promise<Refusal | undefined> {
  if (rule.audience) checkAudience(auth.claims, rule.audience)
  const weak = authenticationFault(auth, rule, clockToleranceSeconds)
  if (weak) return weak
  let verdict: Verdict | Promise<Verdict>
  try {
    verdict = meets(auth, auth.claims, rule, req)
  } catch (error) {
    throw hookFailed('check', error)
  }
  if (!(verdict instanceof Promise)) return refusalOf(verdict)
  return verdict.then(refusalOf, (error: unknown) => {
    throw hookFailed('check', error)
  })
}

/** RFC 9470 3: the user has to authenticate anew, or better. */
function authenticationFault({ claims }: BearerAuth, rule: CompiledBearerRule, tolerance: number): Refusal | undefined {
  const weak = weakness({ acr: claims['acr'], authTime: claims['auth_time'] }, rule, tolerance)
  if (!weak) return undefined
  return {
    code: 'authentication_insufficient',
    status: 401,
    error: 'insufficient_user_authentication',
    message:
      weak === 'auth_time'
        ? 'More recent authentication is required.'
        : 'A different authentication level is required.',
    detail:
      weak === 'auth_time'
        ? 'auth_time is too long ago, or missing'
        : `acr is none of ${(rule.acr as string[]).join(' ')}`,
    needed: authenticationParameters(rule),
  }
}

function refusalOf(verdict: Verdict): Refusal | undefined {
  if (verdict.ok) return undefined
  return {
    code: 'not_allowed',
    status: 403,
    error: 'insufficient_scope',
    message: `The access token lacks what this needs: ${printable(verdict.lacking)}.`,
    detail: `lacking: ${verdict.lacking}`,
    needed: verdict.scope ? { scope: verdict.scope.join(' ') } : {},
  }
}

/** As RFC 6750 3 permits it in `error_description`. */
function printable(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
}
