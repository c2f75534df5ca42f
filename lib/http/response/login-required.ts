import { fail, type OidcError } from '../../core/errors.ts'
import { challengeOf, type ChallengeBase } from '../../guard/bearer-error.ts'

/** Nobody is logged in: 401, with the challenge of a guard of tokens where one would do as well (RFC 9110 15.5.2). */
export function loginRequired(detail?: string, challenge?: ChallengeBase): OidcError {
  const headers = challenge && { 'WWW-Authenticate': challengeOf(challenge) }
  return fail('login_required', detail, { headers })
}
