import type { Slot } from '../../lib/store/slot.ts'
import { nowSeconds } from '../../lib/core/clock.ts'

/** A login of a user with an instance, an hour before its end. */
export function slotOf(sub: string, more: Partial<Slot> = {}): Slot {
  const now = nowSeconds()
  return {
    loginId: `login of ${sub}`,
    issuer: 'https://id.example.com',
    sub,
    user: { iss: 'https://id.example.com', sub },
    roles: [],
    scope: ['openid'],
    startedAt: now - 10,
    checkedAt: now,
    endsAt: now + 3600,
    ...more,
  }
}
