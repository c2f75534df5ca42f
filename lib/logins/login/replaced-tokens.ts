import type { LoginEntry } from '../../store/login-entry.ts'
import type { LoginRecord } from '../../store/login-record.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import type { Instance } from '../instance.ts'
import { revokeTokens } from '../revoke.ts'

/** Returns the instance with this owner; undefined if the request cannot tell. */
export type FindInstance = (owner: string) => Instance | undefined

/** A former session, and the login that has replaced it. */
interface Replacement {
  readonly logins: LoginStore
  readonly formerId: string
  readonly former: LoginRecord
  readonly entry: LoginEntry
}

/** The tokens of a login that a new login has ended, with the instance that can revoke them. */
interface ReplacedTokens {
  readonly instance: Instance
  readonly tokens: StoredTokens
}

/**
 * Reads the tokens of the former session's logins that a new login has ended, before they are deleted. Tokens of the same
 * user are left out: a provider may revoke all of a user's tokens with one of them (RFC 7009, section 2.1). Keycloak ends the
 * client's part of the session, which the new login shares; Auth0 can be set to end all refresh tokens of user and client.
 *
 * @throws OidcError `store_unavailable`
 */
export async function readReplacedTokens(
  { logins: { records }, former, formerId, entry }: Replacement,
  login: LoginRecord,
  findInstance: FindInstance,
): Promise<readonly ReplacedTokens[]> {
  const kept = new Set(Object.values(login.entries).map(({ loginId }) => loginId))
  const isReplaced = ({ loginId, issuer, sub }: LoginEntry): boolean =>
    !kept.has(loginId) && !(issuer === entry.issuer && sub === entry.sub)
  const found = Object.values(former.entries)
    .filter(isReplaced)
    .map(async ({ owner, loginId }): Promise<ReplacedTokens[]> => {
      // Only its own instance can open the tokens, and knows the provider that issued them.
      const instance = findInstance(owner)
      const tokens = await instance?.loginsIn(records).tokens(formerId, loginId)
      return instance && tokens ? [{ instance, tokens }] : []
    })
  return (await Promise.all(found)).flat()
}

/** Revokes tokens. Never rejects. */
export async function revokeReplaced(replaced: readonly ReplacedTokens[]): Promise<void> {
  await Promise.all(replaced.map(({ instance, tokens }) => revokeTokens(instance, tokens)))
}
