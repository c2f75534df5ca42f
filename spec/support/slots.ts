import type { InstanceId } from '../../lib/store/login-record.ts'
import type { LoginStore } from '../../lib/store/login-store.ts'
import type { Slot } from '../../lib/store/slot.ts'
import type { KeptTokens } from '../../lib/store/tokens.ts'
import { nowSeconds } from '../../lib/core/clock.ts'
import { ownerOf } from '../../lib/store/owner.ts'

/** The instance that the slots of specs belong to, as a login record looks for it. */
export const ours = instanceId('default')

/** An instance of another name beside {@link ours}. */
export function instanceId(name: string): InstanceId {
  return { name, owner: ownerOf({ issuer: 'https://id.example.com', clientId: 'web', name }) }
}

/** A login of a user with an instance, an hour before its end. */
export function slotOf(sub: string, more: Partial<Slot> = {}): Slot {
  const now = nowSeconds()
  return {
    loginId: `login of ${sub}`,
    owner: ours.owner,
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

/** Tokens of a login that never end. */
export const someTokens: KeptTokens = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: undefined,
  expiresAt: undefined,
  refreshToken: 'refresh-token',
  idToken: 'id-token',
  scope: ['openid'],
}

/** Writes the tokens of a login beside its session. */
export async function putTokens(logins: LoginStore, session: string, slot: Slot, tokens: KeptTokens): Promise<void> {
  const { key, value, seconds } = logins.sealedRecord(session, slot, tokens)
  await logins.records.set(key, value, seconds)
}
