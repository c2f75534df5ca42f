import type { LogoutReason } from '../../core/events.ts'
import type { LoginEnd, LoginStore, LoginToEnd, SealedLogin } from '../../store/login-store.ts'
import type { Instance } from '../instance.ts'

/**
 * Ends a login in its current session, and emits `logout`.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endLoginEntry(
  { events }: Instance,
  logins: LoginStore,
  login: LoginToEnd,
  reason: LogoutReason,
  isSkipped?: (login: SealedLogin) => boolean,
): Promise<LoginEnd> {
  const end = await logins.end(login, isSkipped)
  if (end.outcome === 'ended') {
    const { issuer, sub, loginId } = end.login.entry
    events.emit('logout', { issuer, sub, loginId, reason })
  }
  return end
}
