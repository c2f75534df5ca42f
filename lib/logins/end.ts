import type { TokenSet } from '../config/claims.ts'
import type { Instance } from './instance.ts'
import { forgetLogin } from './login-index.ts'
import { storeUnavailable } from '../core/errors.ts'
import { without } from '../session/identity-change.ts'
import {
  liveSlot,
  liveSlots,
  loginKey,
  movedOf,
  secondsLeft,
  tokensKey,
  writeRecord,
  type Slot,
} from '../session/login-record.ts'
import { openTokens } from '../session/vault.ts'
import type { RequestSession } from '../session/web-session.ts'

/** A login that was ended, with its tokens where they could be opened. */
export interface Ended {
  readonly slot: Slot
  readonly tokens: TokenSet | undefined
}

const mostTries = 5
/** How often a session may have been replaced while a request still ran on it. */
const mostMoves = 3

/**
 * Ends the instance's login of a session; undefined where there is none. Once this has returned no request, refresh or
 * save brings it back: the record is the login, and it is replaced only as it was read. With the last login of a session
 * the session is destroyed, so that what was written for the user does not outlive the login.
 */
export async function endLogin(instance: Instance, session: RequestSession): Promise<Ended | undefined> {
  const { records } = session
  const { name } = instance.options
  let id = session.id
  let login = await session.login()
  let loginId: string | undefined
  let sealed: string | undefined
  // Came with the cookie of a session that was replaced already: it may end its login, but sees nothing of it any more.
  let isLate = false
  for (let tries = 0, moves = 0; tries < mostTries;) {
    const record = login?.record === 'newer' ? undefined : login?.record
    const slot = liveSlot(record, name)
    if (login?.text === undefined || !record || !slot || (loginId !== undefined && slot.loginId !== loginId)) {
      // A login with another instance may have taken this one along into a new session: this one, and no other there.
      const moved = session.hasLogins && moves++ < mostMoves ? movedOf(record) : undefined
      const went = moved && Object.hasOwn(moved.logins, name) ? moved.logins[name] : undefined
      if (!moved || went === undefined || (loginId !== undefined && went !== loginId)) return undefined
      if (loginId === undefined) isLate = true
      loginId = went
      id = moved.session
      login = await session.readLogin(id)
      continue
    }
    loginId = slot.loginId
    const tokens = tokensKey(id, name)
    sealed = (await records.get(tokens)) ?? sealed
    const others = without(liveSlots(record), name)
    const isLast = Object.keys(others).length === 0
    const isEnded = await records.replace(
      loginKey(id),
      login.text,
      isLast ? undefined : writeRecord(others, record.version + 1),
      isLast ? 1 : secondsLeft(others),
      { dropped: [tokens] },
    )
    if (!isEnded) {
      tries++
      login = await session.readLogin(id)
      continue
    }
    instance.events.emit('logout', { issuer: slot.issuer, sub: slot.sub, loginId: slot.loginId, reason: 'user' })
    if (isLast) await destroyed(instance, session, id)
    await forgetLogin(records, slot.loginId)
    return {
      slot,
      tokens: sealed === undefined || isLate ? undefined : openTokens(instance.tokenSealer, sealed, slot.loginId, name),
    }
  }
  throw storeUnavailable(new Error('the login record kept changing'))
}

/** The login has ended already: a session that cannot be deleted now is over all the same, and goes when it is next seen. */
async function destroyed(instance: Instance, session: RequestSession, id: string): Promise<void> {
  try {
    await session.destroy(id)
  } catch (error) {
    instance.events.emit('store_fault', { detail: storeUnavailable(error).detail })
  }
}
