import { without, type Slots } from '../store/slot.ts'

/** What of a former session goes over into the one that a login makes. */
export interface Carried {
  /** Whether the application's own data stay. */
  readonly data: boolean
  /** Logins with other instances that stay. */
  readonly slots: Slots
}

/**
 * Whose session is it, once `sub` of `issuer` has logged in with `instance`?
 *
 * An anonymous visitor's data stay. The same user again keeps data and logins. A login beside live ones of other
 * instances keeps both (linking). Where this instance had another user, nothing stays: the next person at the same
 * browser must not find what the former one left. The same holds where the former session's logins have all ended
 * (`hadLogins` without a live slot), since its data were made for a user who is gone.
 */
export function carryOver(
  former: { readonly hadLogins: boolean; readonly slots: Slots },
  instance: string,
  user: { readonly issuer: string; readonly sub: string },
): Carried {
  const own = Object.hasOwn(former.slots, instance) ? former.slots[instance] : undefined
  const others = without(former.slots, instance)
  if (own) {
    const same = own.issuer === user.issuer && own.sub === user.sub
    return same ? { data: true, slots: others } : { data: false, slots: {} }
  }
  const linked = Object.keys(others).length > 0
  return { data: linked || !former.hadLogins, slots: others }
}
