import { createHash } from 'node:crypto'
import type { RecordKey } from '../core/records.ts'
import type { Slot } from './slot.ts'

/** Logins that a logout names together: those of a subject, or those of one session at the provider. */
export type LoginGroup = { readonly sub: string } | { readonly sid: string }

/** What a logout ends, and what it spares. */
export interface Logout {
  readonly group: LoginGroup
  /** Undefined: any issuer. */
  readonly issuer: string | undefined
  /** When the provider ended the logins, by its clock (`iat` of the logout token). Undefined: now. */
  readonly issuedAt: number | undefined
}

/** The groups that a login is in. */
export function groupsOf({ sub, sid }: Pick<Slot, 'sub' | 'sid'>): LoginGroup[] {
  return sid === undefined ? [{ sub }] : [{ sub }, { sid }]
}

/** The set of the logins in a group. */
export function groupKey(owner: string, group: LoginGroup): RecordKey {
  return { kind: 'logins', id: groupId(owner, group) }
}

/** A name for a group of an owner, whatever characters `sub` and `sid` have, and however many. */
export function groupId(owner: string, group: LoginGroup): string {
  const [what, value] = 'sid' in group ? ['sid', group.sid] : ['sub', group.sub]
  return createHash('sha256')
    .update(JSON.stringify([owner, what, value]))
    .digest('base64url')
}
