import { type LoginGroup, groupId } from './login-groups.ts'
import type { RecordKey } from '../core/records.ts'
import type { Slot } from './slot.ts'
/** A logout, as it is stored for logins that were in progress when it arrived. */
export interface Tombstone {
  readonly issuer?: string | undefined
  /** When the logout arrived, by our clock, in seconds with fractions. */
  readonly at: number
  /** When the provider ended the login, by its clock. A user who authenticated later has come back. */
  readonly issuedAt: number
}

/** Returns the key of the set of tombstones of a group. */
export function tombstonesKey(owner: string, group: LoginGroup): RecordKey {
  return { kind: 'ended', id: groupId(owner, group) }
}

/** Whether a logout ended a login that has just been written while it was in progress. */
export function endsLoginInProgress({ issuer, at, issuedAt }: Tombstone, slot: Slot): boolean {
  if (issuer !== undefined && issuer !== slot.issuer) return false
  // A user who authenticated after the logout has come back and stays logged in.
  return slot.startedAt <= at && !(slot.authTime !== undefined && slot.authTime > issuedAt)
}
