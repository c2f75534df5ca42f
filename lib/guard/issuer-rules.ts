import type { UnknownClaims } from '../config/claims.ts'
import type { IssuerRules } from '../config/issuer-rules.ts'
import { TokenRejected } from '../tokens/faults.ts'
import { keysWithKidOf, ruleFault, withDistributedClaims } from '../tokens/issuer-rules.ts'
import type { Keys } from '../tokens/keys.ts'

/**
 * The claims of a token that is good, if what the options say of its issuer accepts them, with those that they refer to.
 * Without `keys` its issuer was asked about it.
 *
 * @throws TokenRejected, OidcError `hook_failed`
 */
export async function judgedByRules(
  token: string,
  claims: UnknownClaims,
  rules: IssuerRules | undefined,
  keys: Keys | undefined,
): Promise<UnknownClaims> {
  if (!rules) return claims
  const fault = await ruleFault(claims, rules, {
    token: 'access',
    keys: keys && rules.accept ? keysWithKidOf(token, await keys.current()) : [],
  })
  if (fault) throw new TokenRejected(fault.reason)
  return withDistributedClaims(claims, rules, token)
}
