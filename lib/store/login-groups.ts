import { createHash } from 'node:crypto'
import type { OidcRecordKey } from '../core/records.ts'
import type { LoginEntry } from './login-entry.ts'

/** A group of logins that one logout can end: all of a subject, or those of one session at the provider. */
export type LoginGroup = { readonly sub: string } | { readonly sid: string }

/** A logout of a group. */
export interface Logout {
  readonly group: LoginGroup
  /** Undefined means any issuer. */
  readonly issuer: string | undefined
  /** When the provider ended the logins, by the provider's clock (`iat` of the logout token). Undefined means now. */
  readonly issuedAt: number | undefined
}

/** Returns the groups that a login belongs to. */
export function listGroups({ sub, sid }: Pick<LoginEntry, 'sub' | 'sid'>): LoginGroup[] {
  return sid === undefined ? [{ sub }] : [{ sub }, { sid }]
}

/** Returns the key of the set of logins in a group. */
export function makeGroupKey(owner: string, group: LoginGroup): OidcRecordKey {
  return { kind: 'logins', id: makeGroupId(owner, group) }
}

/** Returns an id for a group of an owner. It is a hash, so `sub` and `sid` may contain any text of any length. */
export function makeGroupId(owner: string, group: LoginGroup): string {
  const [what, value] = 'sid' in group ? ['sid', group.sid] : ['sub', group.sub]
  return createHash('sha256')
    .update(JSON.stringify([owner, what, value]))
    .digest('base64url')
}
