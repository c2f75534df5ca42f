import { fail, type OidcError } from '../../core/errors.ts'
import { formatChallenges, type ChallengeBase } from '../../guard/bearer-error.ts'

/** Creates the 401 error for a missing login, with a challenge if a token is accepted too (RFC 9110, section 15.5.2). */
export function loginRequired(detail?: string, challenge?: ChallengeBase): OidcError {
  const headers = challenge && { 'WWW-Authenticate': formatChallenges(challenge) }
  return fail('login_required', detail, { headers })
}
