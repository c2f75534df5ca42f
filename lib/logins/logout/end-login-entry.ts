import type { OidcLogoutReason } from '../../core/events.ts'
import type { LoginEnd, LoginStore, LoginToEnd, SealedLogin } from '../../store/login-store.ts'
import type { Instance } from '../instance.ts'

/**
 * Ends a login in its current session, and emits `logout`.
 *
 * @throws OidcError `store_unavailable`, and any error of `isSpared`
 */
export async function endLoginEntry(
  { events }: Instance,
  logins: LoginStore,
  login: LoginToEnd,
  reason: OidcLogoutReason,
  isSpared?: (login: SealedLogin) => boolean,
): Promise<LoginEnd> {
  const end = await logins.end(login, isSpared)
  if (typeof end === 'object') {
    const { issuer, sub, loginId } = end.entry
    events.emit('logout', { issuer, sub, loginId, reason })
  }
  return end
}
