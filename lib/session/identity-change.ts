import { without, type Slot, type Slots } from '../store/slot.ts'

/** The parts of a former session that a login's new session keeps. */
export interface Carried {
  /** Whether the application's own data are kept. */
  readonly data: boolean
  /** Logins of other instances that are kept. */
  readonly slots: Slots
}

/**
 * Decides which data and logins of the former session are kept once `user` has logged in with `instance`.
 *
 * - Anonymous session: its data are kept.
 * - Same user again: data and logins are kept.
 * - No live login of this instance, but live ones of others (linking): data and logins are kept.
 * - Another user of this instance: nothing is kept. The next person at the browser must not see the former user's data.
 *   A login of another owner under the same name counts as another user: its provider or client differs.
 * - All logins have ended (`hadLogins` without a live slot): nothing is kept, since the data belong to their user.
 */
export function carryOver(
  former: { readonly hadLogins: boolean; readonly slots: Slots },
  instance: string,
  user: Pick<Slot, 'owner' | 'issuer' | 'sub'>,
): Carried {
  const own = Object.hasOwn(former.slots, instance) ? former.slots[instance] : undefined
  const others = without(former.slots, instance)
  if (own) {
    const same = own.owner === user.owner && own.issuer === user.issuer && own.sub === user.sub
    return same ? { data: true, slots: others } : { data: false, slots: {} }
  }
  const linked = Object.keys(others).length > 0
  return { data: linked || !former.hadLogins, slots: others }
}
