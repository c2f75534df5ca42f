import type { OidcUnknownClaims } from '../config/claims.ts'
import type { OidcIssuerRules } from '../config/issuer-rules.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { findKeysWithKid, findRuleFault, addDistributedClaims } from '../tokens/issuer-checks.ts'
import type { KeyLookup } from '../tokens/key-set.ts'

/**
 * Evaluates the claims of a valid token against the rules of its issuer, and adds the claims that they refer to. Claims
 * from introspection come without `lookup`.
 *
 * @throws TokenRejected if the rules do not accept the claims; OidcError `hook_failed` if a function of the rules fails.
 */
export async function evaluateIssuerRules(
  token: string,
  claims: OidcUnknownClaims,
  rules: OidcIssuerRules,
  lookup: KeyLookup | undefined,
): Promise<OidcUnknownClaims> {
  const fault = await findRuleFault(claims, rules, {
    token: 'access',
    keys: lookup && rules.accept ? findKeysWithKid(token, lookup) : [],
  })
  if (fault) throw new TokenRejected(fault.reason)
  return addDistributedClaims(claims, rules, token)
}
