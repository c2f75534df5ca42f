import { storeUnavailable } from '../core/errors.ts'
import type { LogoutReason } from '../core/events.ts'
import type { Records } from '../core/records.ts'
import { without } from '../session/identity-change.ts'
import { forgetLogin, type LoginGroup } from '../session/login-index.ts'
import { liveSlots, loginKey, secondsLeft, tokensKey, writeRecord } from '../session/login-record.ts'
import { findLogin, type FoundLogin } from './find.ts'
import type { Instance } from './instance.ts'

/** A login as its end finds it. */
export interface SealedLogin extends FoundLogin {
  /** Its tokens, sealed; undefined where they are gone. */
  readonly sealed: string | undefined
}

/** A login that was ended. */
export interface EndedSlot extends SealedLogin {
  /** Whether it was the last of its session, which is over with it. */
  readonly isLast: boolean
}

/** A login to be ended: its id, and the session that it is of, or was of before another took it along. */
export interface EndingPlace {
  readonly records: Records
  readonly session: string
  readonly loginId: string
  /** The group that it was found in, which the caller takes it out of. */
  readonly group?: LoginGroup | undefined
}

const mostTries = 10

/**
 * Ends a login, wherever it is by now; undefined where there is none, or it is spared. Once this has returned no request,
 * refresh or save brings it back: the record is the login, and it is replaced only as it was read.
 *
 * @throws OidcError `store_unavailable`, and what `isSpared` throws
 */
export async function endSlot(
  instance: Instance,
  { records, session, loginId, group }: EndingPlace,
  reason: LogoutReason,
  isSpared: (login: SealedLogin) => boolean = () => false,
): Promise<EndedSlot | undefined> {
  const { name } = instance.options
  for (let tries = 0; tries < mostTries; tries++) {
    const found = await findLogin(records, session, name, loginId)
    if (!found) return undefined
    const tokens = tokensKey(found.session, name)
    const login = { ...found, sealed: await records.get(tokens) }
    if (isSpared(login)) return undefined
    const others = without(liveSlots(found.record), name)
    const isLast = Object.keys(others).length === 0
    const isEnded = await records.replace(
      loginKey(found.session),
      found.text,
      isLast ? undefined : writeRecord(others, found.record.version + 1),
      isLast ? 1 : secondsLeft(others),
      { dropped: [tokens] },
    )
    if (!isEnded) continue
    await forgetLogin(records, instance.owner, found.slot, group)
    const { issuer, sub } = found.slot
    instance.events.emit('logout', { issuer, sub, loginId, reason })
    return { ...login, isLast }
  }
  throw storeUnavailable(new Error('the login record kept changing'))
}
