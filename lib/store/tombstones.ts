import { type LoginGroup, groupId } from './login-groups.ts'
import type { RecordKey } from '../core/records.ts'
import type { Slot } from './slot.ts'
/** A logout, as logins find it that were in progress when it came. */
export interface Tombstone {
  readonly issuer?: string | undefined
  /** When it came, by our clock, with fractions of a second. */
  readonly at: number
  /** An authentication after this time is of a user who came back. */
  readonly issuedAt: number
}

/** The set of the logouts of a group. */
export function tombstonesKey(owner: string, group: LoginGroup): RecordKey {
  return { kind: 'ended', id: groupId(owner, group) }
}

/** Whether a login that has just been written was ended by a logout while it was in progress. */
export function endsLoginInProgress({ issuer, at, issuedAt }: Tombstone, slot: Slot): boolean {
  if (issuer !== undefined && issuer !== slot.issuer) return false
  // Its user authenticated after the logout: who came back stays.
  return slot.startedAt < at && !(slot.authTime !== undefined && slot.authTime > issuedAt)
}
