import { decodeProtectedHeader } from 'jose'
import type { OidcUnknownClaims } from '../config/claims.ts'
import type { OidcIssuerRules, OidcTokenContext } from '../config/issuer-rules.ts'
import { hookFailed } from '../core/errors.ts'
import type { KeyLookup } from './key-set.ts'

/** A token's violation of the rules of its issuer. */
export interface RuleFault {
  /** For the log. */
  readonly reason: string
  /** Whether the token is valid, but `accept` refuses it. */
  readonly isRefusal: boolean
}

/**
 * Evaluates the claims of a token with a valid signature against the rules of its issuer. `iss` must be one that
 * `tokenIssuer` returns for these claims, and `accept` must return `true`. `accept` is not called for a token of another
 * issuer.
 *
 * @throws OidcError `hook_failed` if a function of the options fails.
 */
export async function findRuleFault(
  claims: OidcUnknownClaims,
  rules: OidcIssuerRules,
  context: OidcTokenContext,
): Promise<RuleFault | undefined> {
  const issuers = rules.tokenIssuer && listIssuers(rules.tokenIssuer, claims)
  if (issuers && issuers.length > 0 && !issuers.includes(claims['iss'] as string)) {
    return { reason: 'iss is not an issuer that `tokenIssuer` returned', isRefusal: false }
  }
  const decision = rules.accept ? await callAccept(rules.accept, claims, context) : true
  if (decision !== true) return { reason: describeRefusal(decision), isRefusal: true }
  if (issuers?.length === 0) return { reason: '`tokenIssuer` returned no issuer', isRefusal: false }
  return undefined
}

/** Returns the issuers that tokens with these claims may have; none if the function returns no string. */
export function listIssuers(
  tokenIssuer: NonNullable<OidcIssuerRules['tokenIssuer']>,
  claims: OidcUnknownClaims,
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

async function callAccept(
  accept: NonNullable<OidcIssuerRules['accept']>,
  claims: OidcUnknownClaims,
  context: OidcTokenContext,
): Promise<unknown> {
  try {
    return await accept(claims, context)
  } catch (error) {
    throw hookFailed('accept', error)
  }
}

function describeRefusal(decision: unknown): string {
  return typeof decision === 'string'
    ? decision.slice(0, 500)
    : decision === false
      ? '`accept` returned false'
      : `\`accept\` returned a value of type ${typeof decision}; only true accepts a token`
}

/**
 * Returns the claims together with those that they refer to (OIDC Core, section 5.6.2).
 *
 * @throws OidcError `hook_failed` if the function of the options fails.
 */
export async function addDistributedClaims<Claims extends OidcUnknownClaims>(
  claims: Claims,
  { distributedClaims }: OidcIssuerRules,
  accessToken: string,
): Promise<Claims> {
  if (!distributedClaims) return claims
  let more: unknown
  try {
    more = await distributedClaims(claims, accessToken)
    if (more === null || typeof more !== 'object') throw new TypeError('the returned value is not an object of claims')
  } catch (error) {
    throw hookFailed('distributedClaims', error, [accessToken])
  }
  return Object.fromEntries(
    Object.entries({ ...claims, ...more }).filter(([, value]) => value !== undefined),
  ) as unknown as Claims
}

const published = new WeakMap<KeyLookup, readonly OidcUnknownClaims[]>()

/** Returns the published keys with the `kid` of a token that was verified with them. */
export function findKeysWithKid(token: string, lookup: KeyLookup): readonly OidcUnknownClaims[] {
  let keys = published.get(lookup)
  if (!keys) {
    // `jwks()` copies the whole set, so it is called once for each set and not for each token.
    keys = lookup.jwks().keys as unknown as readonly OidcUnknownClaims[]
    published.set(lookup, keys)
  }
  const { kid } = decodeProtectedHeader(token)
  return kid === undefined ? [] : keys.filter((key) => key['kid'] === kid)
}
