import { nowSeconds } from '../../core/clock.ts'
import type { Instance } from '../instance.ts'
import { readTokens, type LoginPlace } from './kept-tokens.ts'
import { refreshLogin } from './refresh.ts'

/** A login whose recheck failed is tried again by the same process after so many seconds, however often it is used. */
const retrySeconds = 30

/**
 * Rechecks a login that the provider has not vouched for of late, where it can: refreshes it, behind the request that found
 * it so. Whether an account was disabled, a role lost or a session ended is then in the login record.
 */
export function recheck(instance: Instance, place: LoginPlace): void {
  const { options, rechecks } = instance
  const { loginId } = place.slot
  if (!isDue(instance, place)) return
  const now = Date.now()
  const before = rechecks.get(loginId) ?? 0
  if (Math.abs(now - before) < Math.min(options.recheckSeconds, retrySeconds) * 1000) return
  rechecks.set(loginId, now)
  // What goes wrong changes nothing, and is told by the refresh itself.
  refreshIfDue(instance, place).catch(() => {})
}

function isDue({ options: { recheckSeconds } }: Instance, { slot }: Pick<LoginPlace, 'slot'>): boolean {
  return recheckSeconds > 0 && slot.refreshable === true && nowSeconds() - slot.checkedAt >= recheckSeconds
}

/** The request's copy of the login may be older than what another has written since. */
async function refreshIfDue(instance: Instance, place: LoginPlace): Promise<void> {
  const { logins, session, slot } = place
  // The tokens first: they are then no newer than the login, by which it is judged whether they are due.
  const seen = await readTokens(place)
  const found = seen && (await logins.find(session, slot.loginId))
  if (found && isDue(instance, found)) await refreshLogin(instance, place, seen)
}
