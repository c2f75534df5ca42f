import { nowSeconds } from '../../core/clock.ts'
import type { Instance } from '../instance.ts'
import { readTokens, type LoginPlace } from './stored-tokens.ts'
import { refreshLogin } from './refresh.ts'

/** Seconds until the same process rechecks a login again after a failure, however often the login is used. */
const retrySeconds = 30

/**
 * Refreshes a login in the background if the provider has not confirmed it for `recheckSeconds`. The login record then
 * shows whether the account was disabled, a role was removed or the session at the provider has ended.
 */
export function recheck(instance: Instance, place: LoginPlace): void {
  const { options, rechecks } = instance
  const { loginId } = place.entry
  if (!isDue(instance, place)) return
  const now = performance.now()
  const before = rechecks.get(loginId) ?? -Infinity
  if (now - before < Math.min(options.recheckSeconds, retrySeconds) * 1000) return
  rechecks.set(loginId, now)
  // A failure changes nothing, and the refresh itself emits an event.
  refreshIfDue(instance, place).catch((error: unknown) => instance.events.log.failure(error))
}

function isDue({ options: { recheckSeconds } }: Instance, { entry }: Pick<LoginPlace, 'entry'>): boolean {
  return recheckSeconds > 0 && entry.refreshable === true && nowSeconds() - entry.checkedAt >= recheckSeconds
}

/** Reads the login again, because the request's copy may be outdated, and refreshes it if it is still due. */
async function refreshIfDue(instance: Instance, place: LoginPlace): Promise<void> {
  const { logins, session, entry } = place
  // Tokens before the login: if another request refreshes both in between, the login is no longer due.
  const observed = await readTokens(place)
  const found = observed && (await logins.find(session, entry.loginId))
  if (found && isDue(instance, found)) await refreshLogin(instance, place, observed)
}
