import { decodeProtectedHeader } from 'jose'
import type { UnknownClaims } from '../config/claims.ts'
import type { IssuerRules, TokenContext } from '../config/issuer-rules.ts'
import { hookFailed } from '../core/errors.ts'
import type { KeyLookup } from './key-set.ts'

/** Why a token does not fit the rules of its issuer. */
export interface RuleFault {
  /** For the log. */
  readonly reason: string
  /** Nothing is wrong with the token: it is not wanted. */
  readonly isRefusal: boolean
}

/**
 * Judges the claims of a token whose signature is good by what the options say of its issuer: its `iss` must be the one
 * that tokens with these claims have, and `accept` must say `true`, before which nobody is asked about a token of another
 * issuer.
 *
 * @throws OidcError `hook_failed` where a function of the options failed.
 */
export async function ruleFault(
  claims: UnknownClaims,
  rules: IssuerRules,
  context: TokenContext,
): Promise<RuleFault | undefined> {
  const issuers = rules.tokenIssuer && issuersOf(rules.tokenIssuer, claims)
  if (issuers && issuers.length > 0 && !issuers.includes(claims['iss'] as string)) {
    return { reason: 'iss is another issuer than that of tokens with these claims', isRefusal: false }
  }
  const verdict = rules.accept ? await verdictOf(rules.accept, claims, context) : true
  if (verdict !== true) return { reason: refusal(verdict), isRefusal: true }
  if (issuers?.length === 0) return { reason: 'tokens with these claims have no issuer', isRefusal: false }
  return undefined
}

/** The issuers that tokens with these claims may have; none where the function gives what is none. */
export function issuersOf(
  tokenIssuer: NonNullable<IssuerRules['tokenIssuer']>,
  claims: UnknownClaims,
): readonly string[] {
  let given: unknown
  try {
    given = tokenIssuer(claims)
  } catch (error) {
    throw hookFailed('tokenIssuer', error)
  }
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  return list.filter((issuer): issuer is string => typeof issuer === 'string')
}

async function verdictOf(
  accept: NonNullable<IssuerRules['accept']>,
  claims: UnknownClaims,
  context: TokenContext,
): Promise<unknown> {
  try {
    return await accept(claims, context)
  } catch (error) {
    throw hookFailed('accept', error)
  }
}

function refusal(verdict: unknown): string {
  return typeof verdict === 'string'
    ? verdict.slice(0, 500)
    : verdict === false
      ? 'accept said no'
      : `accept gave ${typeof verdict}, and nothing but true accepts a token`
}

/**
 * The claims together with those that they refer to (OIDC Core 5.6.2).
 *
 * @throws OidcError `hook_failed` where the function of the options failed.
 */
export async function withDistributedClaims<Claims extends UnknownClaims>(
  claims: Claims,
  { distributedClaims }: IssuerRules,
  accessToken: string,
): Promise<Claims> {
  if (!distributedClaims) return claims
  let more: unknown
  try {
    more = await distributedClaims(claims, accessToken)
    if (more === null || typeof more !== 'object') throw new TypeError('it must return an object of claims')
  } catch (error) {
    throw hookFailed('distributedClaims', error, [accessToken])
  }
  return Object.fromEntries(
    Object.entries({ ...claims, ...more }).filter(([, value]) => value !== undefined),
  ) as unknown as Claims
}

const published = new WeakMap<KeyLookup, readonly UnknownClaims[]>()

/** The published keys that have the `kid` of a token that was verified with them. */
export function keysWithKidOf(token: string, lookup: KeyLookup): readonly UnknownClaims[] {
  let keys = published.get(lookup)
  if (!keys) {
    // A copy of the whole set, which is made once rather than for each token.
    keys = lookup.jwks().keys as unknown as readonly UnknownClaims[]
    published.set(lookup, keys)
  }
  const { kid } = decodeProtectedHeader(token)
  return kid === undefined ? [] : keys.filter((key) => key['kid'] === kid)
}
