import type { Records } from '../core/records.ts'
import { liveSlot, loginKey, movedOf, readRecord, type LoginRecord, type Slot } from '../session/login-record.ts'

/** A login where it is kept now. */
export interface FoundLogin {
  readonly session: string
  /** The record as it was read, which a replacement must name. */
  readonly text: string
  readonly record: LoginRecord
  readonly slot: Slot
}

/** How often a session may have been replaced meanwhile. */
const mostMoves = 3

/** Finds a login that was of a session, there or where a later login took it along; undefined where it has ended. */
export async function findLogin(
  records: Records,
  session: string,
  instance: string,
  loginId: string,
): Promise<FoundLogin | undefined> {
  for (let id = session, moves = 0; moves <= mostMoves; moves++) {
    const text = await records.get(loginKey(id))
    const record = text === undefined ? undefined : readRecord(text)
    if (text === undefined || !record || record === 'newer') return undefined
    const slot = liveSlot(record, instance)
    if (slot?.loginId === loginId) return { session: id, text, record, slot }
    const moved = movedOf(record)
    if (!moved || !Object.hasOwn(moved.logins, instance) || moved.logins[instance] !== loginId) return undefined
    id = moved.session
  }
  return undefined
}
