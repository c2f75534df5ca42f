import { without, type Slot, type Slots } from '../store/slot.ts'

/** What of a former session goes over into the one that a login makes. */
export interface Carried {
  /** Whether the application's own data stay. */
  readonly data: boolean
  /** Logins with other instances that stay. */
  readonly slots: Slots
}

/**
 * Whose session is it, once `user` has logged in with the instance of this name?
 *
 * An anonymous visitor's data stay. The same user again keeps data and logins. A login beside live ones of other
 * instances keeps both (linking). Where this instance had another user, nothing stays: the next person at the same
 * browser must not find what the former one left. A login of another owner under the same name counts as another user,
 * since it is of another provider or client. Nothing stays either where the former session's logins have all ended
 * (`hadLogins` without a live slot), since its data were made for a user who is gone.
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
