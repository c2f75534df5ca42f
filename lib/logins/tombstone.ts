import type { RecordKey, Records } from '../core/records.ts'
import { groupId, groupsOf, type LoginGroup } from '../session/login-index.ts'
import type { Slot } from '../session/login-record.ts'
import { transactionSeconds } from '../session/transaction.ts'

/** What a logout ends, and what it spares. */
export interface Logout {
  readonly group: LoginGroup
  /** Undefined: of whatever issuer. */
  readonly issuer: string | undefined
  /** When the provider ended the logins (`iat` of its logout token), by the provider's clock; undefined: they end now. */
  readonly issuedAt: number | undefined
}

/** A logout, as logins find it that were under way when it came. */
interface Tombstone {
  readonly issuer?: string | undefined
  /** When it came, by our clock, with fractions of a second. */
  readonly at: number
  /** From when on an authentication is of a user who came back. */
  readonly issuedAt: number
}

/** As long as a login may be under way, and its callback may take. */
const tombstoneSeconds = transactionSeconds + 600

function tombstonesKey(owner: string, group: LoginGroup): RecordKey {
  return { kind: 'ended', id: groupId(owner, group) }
}

/** Ends the logins of a group that are under way: they find this once they are written. */
export async function leaveTombstone(records: Records, owner: string, logout: Logout): Promise<void> {
  const at = Date.now() / 1000
  const tombstone: Tombstone = { issuer: logout.issuer, at, issuedAt: logout.issuedAt ?? at }
  // Each beside the others: one that is late must take nothing from one that came before it.
  await records.include(tombstonesKey(owner, logout.group), JSON.stringify(tombstone), tombstoneSeconds)
}

/**
 * Whether a login that has just been written was ended while it was under way. It was where it began before a logout,
 * unless its user authenticated after that: who came back stays.
 */
export async function wasLoggedOut(records: Records, owner: string, slot: Slot): Promise<boolean> {
  const found = await Promise.all(groupsOf(slot).map((group) => records.members(tombstonesKey(owner, group))))
  return found.flat().some((text) => {
    const { issuer, at, issuedAt } = JSON.parse(text) as Tombstone
    if (issuer !== undefined && issuer !== slot.issuer) return false
    return slot.startedAt < at && !(slot.authTime !== undefined && slot.authTime > issuedAt)
  })
}
