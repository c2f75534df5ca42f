import { OidcError } from '../../core/errors.ts'
import { nowSeconds } from '../../core/clock.ts'
import { extendMaxAge, lateReason } from '../../session/step-up-history.ts'
import { tokenInvalid } from '../../tokens/token-rejected.ts'
import type { Instance } from '../instance.ts'
import { type StartedLogin, readMaxAge } from '../../session/login-in-progress.ts'
import { isPastTime } from '../../tokens/claims-checks.ts'

/** The provider met `max_age`, but the response was used too late: the login must restart. */
export class ReturnedLate extends OidcError {
  constructor() {
    super('login_required', 'The login took too long. Please log in again.', {
      status: 401,
      detail: lateReason,
    })
  }
}

/**
 * Checks the requested `max_age` of a login (OIDC Core, section 3.1.2.1).
 *
 * @throws OidcError `token_invalid` if the provider has not met it; ReturnedLate if it is not met anymore
 */
export function checkMaxAge(instance: Instance, login: StartedLogin, authTime: unknown): void {
  const stale = findStaleness(instance, login, authTime)
  if (stale !== undefined) throw tokenInvalid('ID token', stale)
  const maxAge = readMaxAge(login)
  if (maxAge === undefined) return
  const age = nowSeconds() - (authTime as number)
  if (age > extendMaxAge(maxAge) + instance.options.clockToleranceSeconds) throw new ReturnedLate()
}

/**
 * Returns why `auth_time` violates the requested `max_age` (OIDC Core, section 3.1.2.1), or undefined if it does not. The
 * reference is the time at which the browser was redirected to the provider, which is when the provider was to meet it.
 */
export function findStaleness(instance: Instance, login: StartedLogin, authTime: unknown): string | undefined {
  const { clockToleranceSeconds } = instance.options
  const maxAge = readMaxAge(login)
  if (maxAge === undefined) return undefined
  if (typeof authTime !== 'number') return 'auth_time is missing, although max_age was requested'
  if (!isPastTime(authTime, clockToleranceSeconds)) return 'auth_time is in the future, so max_age cannot be checked'
  const oldest = Math.floor(login.startedAt) - maxAge - clockToleranceSeconds
  return authTime < oldest ? 'auth_time is older than max_age permits' : undefined
}
