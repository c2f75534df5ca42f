import { storeUnavailable } from '../core/errors.ts'
import type { LogoutReason } from '../core/events.ts'
import { liveSlot, movedOf, type Slot } from '../session/login-record.ts'
import { openTokens, type KeptTokens } from '../session/vault.ts'
import type { RequestSession } from '../session/web-session.ts'
import { endSlot } from './end-slot.ts'
import type { Instance } from './instance.ts'
import { leaveTombstone } from './tombstone.ts'

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
  const { records } = session
  const { name } = instance.options
  const login = await session.login()
  const record = login?.record === 'newer' ? undefined : login?.record
  const own = liveSlot(record, name)
  // A login with another instance may have taken this one along into a new session: this one, and no other there.
  const moved = own || !session.hasLogins ? undefined : movedOf(record)?.logins
  const loginId = own?.loginId ?? (moved && Object.hasOwn(moved, name) ? moved[name] : undefined)
  if (loginId === undefined) return undefined
  if (own) await leaveTombstones(session, instance.owner, own)
  const ended = await endSlot(instance, { records, session: session.id, loginId }, reason)
  if (!ended) return undefined
  if (!own) await leaveTombstones(session, instance.owner, ended.slot)
  if (ended.isLast) await destroyed(instance, () => session.destroy(ended.session))
  const { slot, sealed } = ended
  const tokens = sealed === undefined ? undefined : openTokens(instance.tokenSealer, sealed, loginId, name)
  return { slot, tokens, isLate: own === undefined }
}

/** Another login in the same browser may be under way, and must not undo the logout. */
function leaveTombstones({ records }: RequestSession, owner: string, { issuer, sub, sid }: Slot): Promise<void> {
  const group = sid === undefined ? { sub } : { sid }
  return leaveTombstone(records, owner, { group, issuer, issuedAt: undefined })
}

/** The login has ended already: a session that cannot be deleted now is over all the same, and goes when it is next seen. */
export async function destroyed(instance: Instance, destroy: () => Promise<void>): Promise<void> {
  try {
    await destroy()
  } catch (error) {
    instance.events.emit('store_fault', { detail: storeUnavailable(error).detail })
  }
}
