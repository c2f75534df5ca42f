import type { Instance } from '../instance.ts'
import { type Transaction, readMaxAge } from '../../session/transaction.ts'
import { isPastTime } from '../../tokens/claims-checks.ts'

/**
 * Returns why `auth_time` violates the requested `max_age` (OIDC Core, section 3.1.2.1), or undefined if it does not. The
 * reference is the time at which the browser was redirected to the provider: pages after the password prompt take time.
 */
export function findStaleness(instance: Instance, transaction: Transaction, authTime: unknown): string | undefined {
  const { clockToleranceSeconds } = instance.options
  const maxAge = readMaxAge(transaction)
  if (maxAge === undefined) return undefined
  if (typeof authTime !== 'number') return 'auth_time is missing, although max_age was requested'
  if (!isPastTime(authTime, clockToleranceSeconds)) return 'auth_time is in the future, so max_age cannot be checked'
  const oldest = Math.floor(transaction.startedAt) - maxAge - clockToleranceSeconds
  return authTime < oldest ? 'auth_time is older than max_age permits' : undefined
}
