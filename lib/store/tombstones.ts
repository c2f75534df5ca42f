import { type LoginGroup, makeGroupId } from './login-groups.ts'
import type { OidcRecordKey } from '../core/records.ts'
import type { LoginEntry } from './login-entry.ts'
/** A logout, as it is stored for logins that were in progress when it arrived. */
export interface Tombstone {
  readonly issuer?: string | undefined
  /** When the logout arrived, by our clock, in seconds with fractions. */
  readonly at: number
  /** When the provider ended the login, by its clock. A user who authenticated later has come back. */
  readonly issuedAt: number
}

/** Returns the key of the set of tombstones of a group. */
export function makeTombstonesKey(owner: string, group: LoginGroup): OidcRecordKey {
  return { kind: 'ended', id: makeGroupId(owner, group) }
}

/** Whether a logout ended a login that has just been written while it was in progress. */
export function endsLoginInProgress({ issuer, at, issuedAt }: Tombstone, entry: LoginEntry): boolean {
  if (issuer !== undefined && issuer !== entry.issuer) return false
  // A user who authenticated after the logout has come back and stays logged in.
  return entry.startedAt <= at && !(entry.authTime !== undefined && entry.authTime > issuedAt)
}
