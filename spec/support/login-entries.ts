import type { InstanceId } from '../../lib/store/login-record.ts'
import type { LoginStore } from '../../lib/store/login-store.ts'
import type { LoginEntry } from '../../lib/store/login-entry.ts'
import type { StoredTokens } from '../../lib/store/tokens.ts'
import { nowSeconds } from '../../lib/core/clock.ts'
import { deriveOwner } from '../../lib/store/owner.ts'

/** The instance that the entries of tests belong to, in the form that a login record looks up. */
export const ours = instanceId('default')

/** An instance with this name; the name of {@link ours} is `default`. */
export function instanceId(name: string): InstanceId {
  return { name, owner: deriveOwner({ issuer: 'https://id.example.com', clientId: 'web', name }) }
}

/** A login of a user with {@link ours}, which ends in an hour. */
export function makeLoginEntry(sub: string, more: Partial<LoginEntry> = {}): LoginEntry {
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
    issuedAt: now,
    checkedAt: now,
    endsAt: now + 3600,
    requested: { at: now, scope: ['openid'], parameters: {} },
    ...more,
  }
}

/** Tokens of a login that never expire. */
export const someTokens: StoredTokens = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: 1_800_000_000,
  expiresAt: undefined,
  refreshToken: 'refresh-token',
  idToken: 'id-token',
  scope: ['openid'],
}

/** Writes the tokens of a login next to its session. */
export async function putTokens(
  logins: LoginStore,
  session: string,
  entry: LoginEntry,
  tokens: StoredTokens,
): Promise<void> {
  const { key, value, seconds } = logins.sealedRecord(session, entry, tokens)
  await logins.records.set(key, value, seconds)
}
