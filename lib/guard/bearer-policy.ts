import type { OidcUnknownClaims, OidcRoleSources } from '../config/claims.ts'
import type { OidcIssuerRules } from '../config/issuer-rules.ts'
import type { Events } from '../core/events.ts'
import type { Keys } from '../tokens/key-set.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { looksLikeJwt } from '../tokens/access-token.ts'
import { listIssuers } from '../tokens/issuer-checks.ts'
import {
  readUnverifiedClaims,
  readUnverifiedIssuer,
  verifyBeforeIntrospection,
  verifyPresentedToken,
} from '../tokens/presented-token.ts'
import { makeBearerAuth, type BearerAuth } from './bearer-auth.ts'
import type { ChallengeBase } from './bearer-error.ts'
import type { BindingPolicy } from './binding.ts'
import type { Introspection } from './introspection.ts'
import { evaluateIssuerRules } from './accepted-claims.ts'
import type { RememberedTokens } from './remembered-tokens.ts'

/** An issuer whose tokens are accepted. */
export interface TrustedIssuer {
  readonly issuer: string
  /** Empty if each rule has its own audience. */
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  readonly keys: Keys
  readonly roles: ((sources: OidcRoleSources) => readonly string[]) | undefined
  /** Undefined if tokens of this issuer are not introspected. */
  readonly introspection: Introspection | undefined
  /** The client of the guard at this issuer; undefined if it has none. */
  readonly clientId: string | undefined
  /** Whether the provider issued a token with these claims to an application for itself. */
  readonly isApplicationToken: ((claims: OidcUnknownClaims) => boolean) | undefined
  /** The issuer rules of the provider, if any. */
  readonly rules: OidcIssuerRules | undefined
}

/** The tokens that a guard accepts. All its routes share one policy. */
export interface BearerPolicy {
  readonly issuers: readonly TrustedIssuer[]
  readonly clockToleranceSeconds: number
  readonly binding: BindingPolicy
  readonly remembered: RememberedTokens
  readonly challenge: ChallengeBase
  readonly events: Events
}

/**
 * Verifies or introspects a presented token that is not cached, and caches the result.
 *
 * @throws TokenRejected if the token is invalid; OidcError `provider_unavailable`, `client_rejected` or
 * `provider_response_invalid` if the provider does not answer as required; `hook_failed`.
 */
export async function verifyToken(policy: BearerPolicy, token: string): Promise<BearerAuth> {
  const { clockToleranceSeconds, remembered } = policy
  const trusted = findTrustedIssuer(policy, token)
  const { issuer, keys, roles, introspection, rules } = trusted
  const checks = { ...trusted, clockToleranceSeconds }
  // An introspection response may omit `iss` (RFC 7662, section 2.2).
  const makeAuth = (claims: OidcUnknownClaims): BearerAuth =>
    makeBearerAuth(token, (claims['iss'] as string | undefined) ?? issuer, claims, roles)
  const isJwt = looksLikeJwt(token)
  if (introspection && (introspection.settings.tokens === 'all' || !isJwt)) {
    if (isJwt) await verifyBeforeIntrospection(token, keys, checks)
    const claims = await introspection.claims(token, checks)
    const auth = makeAuth(rules ? await evaluateIssuerRules(token, claims, rules, undefined) : claims)
    remembered.setAnswered(token, auth, findExpiry(claims, clockToleranceSeconds), introspection.settings.cacheSeconds)
    return auth
  }
  const { claims, lookup } = await verifyPresentedToken(token, keys, checks)
  const auth = makeAuth(rules ? await evaluateIssuerRules(token, claims, rules, lookup) : claims)
  // The functions of the rules may call remote services, so the result is cached at once, not only at the second use.
  if (rules || remembered.wasSeen(token)) {
    const hasOtherClaims = rules?.distributedClaims !== undefined
    remembered.set(token, auth, findExpiry(claims, clockToleranceSeconds), { keys, lookup, hasOtherClaims })
  }
  return auth
}

/** Returns the last second at which a token is valid. An introspection response may omit `exp` (RFC 7662, section 2.2). */
function findExpiry({ exp = Infinity }: OidcUnknownClaims, tolerance: number): number {
  return (exp as number) + tolerance
}

/**
 * Selects the issuer of a token. The unverified `iss` only selects an entry of the trusted issuers (RFC 8725, section 3.8).
 */
function findTrustedIssuer({ issuers }: BearerPolicy, token: string): TrustedIssuer {
  if (issuers.length === 1) return issuers[0] as TrustedIssuer
  const named = looksLikeJwt(token)
    ? readUnverifiedIssuer(token)
    : issuers.find(({ introspection }) => introspection)?.issuer
  const trusted = issuers.find(({ issuer, rules }) => isNamed(named, issuer, rules, token))
  if (!trusted) throw new TokenRejected('iss is not a trusted issuer of this guard')
  return trusted
}

function isNamed(
  named: string | undefined,
  issuer: string,
  rules: OidcIssuerRules | undefined,
  token: string,
): boolean {
  if (!rules?.tokenIssuer || !looksLikeJwt(token)) return named === issuer
  return listIssuers(rules.tokenIssuer, readUnverifiedClaims(token)).includes(named as string)
}
