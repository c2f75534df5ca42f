import type { RecordKey, Records } from '../core/records.ts'
import { secondsLeft, type Slot } from '../session/login-record.ts'

type Slots = Readonly<Record<string, Slot>>

/** Says which session a login is of. It is an index and no more: whether there is such a login, the session's record says. */
function indexKey(loginId: string): RecordKey {
  return { kind: 'login', id: loginId }
}

/** The session that a login is of, or was of a moment ago. */
export function sessionOfLogin(records: Records, loginId: string): Promise<string | undefined> {
  return records.get(indexKey(loginId))
}

/** Lets the logins of a session be found by their ids, and no more those that were `before` it and did not come along. */
export async function indexLogins(records: Records, session: string, slots: Slots, before: Slots): Promise<void> {
  const staying = Object.values(slots)
  await Promise.all(staying.map((slot) => records.set(indexKey(slot.loginId), session, secondsLeft({ slot }))))
  const ids = new Set(staying.map(({ loginId }) => loginId))
  const gone = Object.values(before).filter(({ loginId }) => !ids.has(loginId))
  if (gone.length > 0) await records.delete(gone.map(({ loginId }) => indexKey(loginId)))
}

/** A login has ended. What cannot be deleted leads nowhere, and goes by itself. */
export async function forgetLogin(records: Records, loginId: string): Promise<void> {
  await records.delete([indexKey(loginId)]).catch(() => {})
}
