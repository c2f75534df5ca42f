import type { Instance } from '../instance.ts'
import { type Transaction, maxAgeOf } from '../../session/transaction.ts'
import { isPast } from './new-slot.ts'
/**
 * Why the user has not authenticated as lately as was asked for (OIDC Core 3.1.2.1, `max_age`); undefined where that is
 * not so. What counts is when the browser set out: pages of the provider that come after the password take their time.
 */
export function staleness(instance: Instance, transaction: Transaction, authTime: unknown): string | undefined {
  const maxAge = maxAgeOf(transaction)
  if (maxAge === undefined) return undefined
  if (typeof authTime !== 'number') return 'auth_time is missing, though max_age was asked for'
  if (!isPast(instance, authTime)) return 'auth_time is in the future, so that max_age cannot be told'
  const oldest = Math.floor(transaction.startedAt) - maxAge - instance.options.clockToleranceSeconds
  return authTime < oldest ? 'auth_time is longer ago than max_age permits' : undefined
}
