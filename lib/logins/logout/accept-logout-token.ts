import { createHash } from 'node:crypto'
import type { OidcSessionStore } from '../../config/session-store.ts'
import type { OidcRecordKey } from '../../core/records.ts'
import { makeRecords } from '../../session/web-session.ts'
import { TokenRejected } from '../../tokens/token-rejected.ts'
import { logoutTokenSeconds, verifyLogoutToken, type LogoutTokenClaims } from '../../tokens/logout-token.ts'
import { makeClientTokenChecks } from '../client-token-checks.ts'
import { endLogins } from './end-logins.ts'
import type { Instance } from '../instance.ts'

/**
 * Ends the logins that a logout token names (OIDC Back-Channel Logout, section 2.7): those of one session at the provider
 * (`sid`), or else all of a subject (`sub`).
 *
 * @throws TokenRejected if the token is invalid or was used before; OidcError `provider_unavailable`, `store_unavailable`,
 * after which the provider can send the same token again
 */
export async function backchannelLogout(instance: Instance, store: OidcSessionStore, token: string): Promise<void> {
  const { options, keys } = instance
  const requiresType = options.logoutTokenType === 'required'
  const claims = await verifyLogoutToken(token, keys, { ...(await makeClientTokenChecks(instance)), requiresType })
  const { iss, sub, sid, iat } = claims
  const records = makeRecords(store, options.records, instance.events.log)
  const used = makeUsedKey(instance.owner, claims)
  if ((await records.get(used)) !== undefined) throw new TokenRejected('jti was used before')
  const group = sid === undefined ? { sub: sub as string } : { sid }
  await endLogins(instance, store, { group, issuer: iss, issuedAt: iat }, 'back_channel')
  // Last: if anything before this fails, the provider's next attempt must work.
  await records.set(used, '1', logoutTokenSeconds + 2 * options.clockToleranceSeconds + 1)
}

function makeUsedKey(owner: string, { iss, jti }: LogoutTokenClaims): OidcRecordKey {
  const id = createHash('sha256')
    .update(JSON.stringify([owner, iss, jti]))
    .digest('base64url')
  return { kind: 'logout-token', id }
}
