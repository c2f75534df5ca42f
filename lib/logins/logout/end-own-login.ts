import { storeUnavailable } from '../../core/errors.ts'
import type { LogoutReason } from '../../core/events.ts'
import type { RequestSession } from '../../session/web-session.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { Slot } from '../../store/slot.ts'
import type { KeptTokens } from '../../store/tokens.ts'
import { endSlot } from './end-slot.ts'
import type { Instance } from '../instance.ts'

/** A login of a request that was ended. */
export interface Ended {
  readonly slot: Slot
  /** Its tokens, where they could be opened. */
  readonly tokens: KeptTokens | undefined
  /**
   * Whether the request came with the cookie of a session that was replaced already: it may end its login, but sees nothing
   * of it any more.
   */
  readonly isLate: boolean
}

/**
 * Ends the instance's login of a request's session; undefined where there is none. With the last login of a session the
 * session is destroyed, so that what was written for the user does not outlive the login.
 */
export async function endLogin(
  instance: Instance,
  session: RequestSession,
  reason: LogoutReason,
): Promise<Ended | undefined> {
  const logins = instance.loginsIn(session.records)
  const record = await session.login()
  const own = logins.liveSlot(record)
  // A login with another instance may have taken this one along into a new session: this one, and no other there.
  const loginId = own?.loginId ?? (session.hasLogins ? logins.movedLogin(record) : undefined)
  if (loginId === undefined) return undefined
  if (own) await leaveTombstone(logins, own)
  const ended = await endSlot(instance, logins, { session: session.id, loginId }, reason)
  if (typeof ended === 'string') return undefined
  if (!own) await leaveTombstone(logins, ended.slot)
  if (ended.isLast) await destroyed(instance, () => session.destroy(ended.session))
  return { slot: ended.slot, tokens: logins.open(ended.sealed, loginId), isLate: own === undefined }
}

/** Another login in the same browser may be in progress, and must not undo the logout. */
function leaveTombstone(logins: LoginStore, { issuer, sub, sid }: Slot): Promise<void> {
  const group = sid === undefined ? { sub } : { sid }
  return logins.leaveTombstone({ group, issuer, issuedAt: undefined })
}

/** The login has ended already: a session that cannot be deleted now is over all the same, and goes when it is next seen. */
export async function destroyed(instance: Instance, destroy: () => Promise<void>): Promise<void> {
  try {
    await destroy()
  } catch (error) {
    instance.events.emit('store_fault', { detail: storeUnavailable(error).detail })
  }
}
