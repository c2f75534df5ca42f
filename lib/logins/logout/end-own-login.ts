import type { OidcLogoutReason } from '../../core/events.ts'
import type { RequestSession } from '../../session/web-session.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import { endLoginEntry } from './end-login-entry.ts'
import type { Instance } from '../instance.ts'
import { reportStoreFault } from '../report-store-fault.ts'

/** A request's login that was ended. */
export interface Ended {
  readonly entry: LoginEntry
  /** Undefined if the tokens could not be opened. */
  readonly tokens: StoredTokens | undefined
  /**
   * Whether the request's session was already replaced. The old cookie may end the login, but must reveal nothing about it,
   * because somebody else may hold that cookie by now.
   */
  readonly isLate: boolean
  /** Whether it was the last login of its session. */
  readonly isLast: boolean
}

/**
 * Ends the instance's login of a request's session; returns undefined if there is none. If it was the last login of its
 * session, the session is destroyed, so that the user's data do not outlive the login.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endLogin(
  instance: Instance,
  session: RequestSession,
  reason: OidcLogoutReason,
): Promise<Ended | undefined> {
  const logins = instance.loginsIn(session.records)
  const record = await session.login()
  const own = logins.liveEntry(record)
  // A login with another instance may have moved this one to a new session. Only this login must be ended there.
  const loginId = own?.loginId ?? (session.hasLogins ? logins.movedLogin(record) : undefined)
  if (loginId === undefined) return undefined
  if (own) await leaveTombstone(logins, own)
  const end = await endLoginEntry(instance, logins, { session: session.id, loginId }, reason)
  if (end.outcome !== 'ended') return undefined
  const { entry, sealed, isLast } = end.login
  if (!own) await leaveTombstone(logins, entry)
  if (isLast) await destroyWithoutLogins(instance, () => session.destroy(end.login.session))
  return { entry, tokens: logins.open(sealed, loginId), isLate: own === undefined, isLast }
}

/** Leaves a tombstone, because a login in progress in the same browser must not undo the logout. */
function leaveTombstone(logins: LoginStore, { issuer, sub, sid }: LoginEntry): Promise<void> {
  const group = sid === undefined ? { sub } : { sid }
  return logins.leaveTombstone({ group, issuer, issuedAt: undefined })
}

/** Destroys a session without logins. A failure is only reported: the next reader deletes the session. */
export async function destroyWithoutLogins(instance: Instance, destroy: () => Promise<void>): Promise<void> {
  try {
    await destroy()
  } catch (error) {
    reportStoreFault(instance, error)
  }
}
