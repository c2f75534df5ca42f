import { removeEntry, type LoginEntry, type LoginEntries } from '../store/login-entry.ts'

/** The parts of a former session that a login's new session keeps. */
export interface Carried {
  /** Whether the application's own data are kept. */
  readonly data: boolean
  /** Logins of other instances that are kept. */
  readonly entries: LoginEntries
}

/**
 * Decides which data and logins of the former session are kept once `user` has logged in with `instance`.
 *
 * - Anonymous session: its data are kept.
 * - Same user again: data and logins are kept.
 * - No live login of this instance, but live ones of others (linking): data and logins are kept.
 * - Another user of this instance: nothing is kept. The next person at the browser must not see the former user's data.
 *   A login of another owner under the same name counts as another user: its provider or client differs.
 * - All logins have ended (`hadLogins` without a live entry): nothing is kept, since the data belong to their user.
 */
export function carryOver(
  former: { readonly hadLogins: boolean; readonly entries: LoginEntries },
  instance: string,
  user: Pick<LoginEntry, 'owner' | 'issuer' | 'sub'>,
): Carried {
  const own = Object.hasOwn(former.entries, instance) ? former.entries[instance] : undefined
  const others = removeEntry(former.entries, instance)
  if (own) {
    const same = own.owner === user.owner && own.issuer === user.issuer && own.sub === user.sub
    return same ? { data: true, entries: others } : { data: false, entries: {} }
  }
  const linked = Object.keys(others).length > 0
  return { data: linked || !former.hadLogins, entries: others }
}
