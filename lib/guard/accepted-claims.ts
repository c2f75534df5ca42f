import type { UnknownClaims } from '../config/claims.ts'
import type { IssuerRules } from '../config/issuer-rules.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { keysWithKidOf, ruleFault, withDistributedClaims } from '../tokens/issuer-checks.ts'
import type { KeyLookup } from '../tokens/key-set.ts'

/**
 * The claims of a token that is good, if what the options say of its issuer accepts them, with those that they refer to.
 * Without the keys it was verified with, its issuer was asked about it.
 *
 * @throws TokenRejected, OidcError `hook_failed`
 */
export async function judgedByRules(
  token: string,
  claims: UnknownClaims,
  rules: IssuerRules,
  lookup: KeyLookup | undefined,
): Promise<UnknownClaims> {
  const fault = await ruleFault(claims, rules, {
    token: 'access',
    keys: lookup && rules.accept ? keysWithKidOf(token, lookup) : [],
  })
  if (fault) throw new TokenRejected(fault.reason)
  return withDistributedClaims(claims, rules, token)
}
