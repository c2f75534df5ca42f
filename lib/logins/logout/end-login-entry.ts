import type { OidcLogoutReason } from '../../core/events.ts'
import type { LoginEnd, LoginStore, LoginToEnd, SealedLogin } from '../../store/login-store.ts'
import type { Instance } from '../instance.ts'

/**
 * Ends a login in its current session, unless it is exempt, and emits `logout`.
 *
 * @throws OidcError `store_unavailable`, and any error of `isExempt`
 */
export async function endLoginEntry(
  { events }: Instance,
  logins: LoginStore,
  login: LoginToEnd,
  reason: OidcLogoutReason,
  isExempt?: (login: SealedLogin) => boolean,
): Promise<LoginEnd> {
  const end = await logins.end(login, isExempt)
  if (end.outcome === 'ended') {
    const { issuer, sub, loginId } = end.login.entry
    events.emit('logout', { issuer, sub, loginId, reason })
  }
  return end
}
