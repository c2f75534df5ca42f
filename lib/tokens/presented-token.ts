import { decodeJwt } from 'jose'
import type { UnknownClaims } from '../config/claims.ts'
import type { IssuerRules } from '../config/issuer-rules.ts'
import { nowSeconds } from '../core/clock.ts'
import { OidcError, describe } from '../core/errors.ts'
import { looksLikeJwt } from './access-token.ts'
import { TokenRejected } from './token-rejected.ts'
import type { KeyLookup, Keys } from './key-set.ts'
import { purposeFault } from './purpose.ts'
import { verifyPresented } from './verify.ts'

/** What a token that a client presents must fit. */
export interface PresentedTokenChecks {
  readonly issuer: string
  /** Of which one must be named; empty where the rule of the route says. */
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  /** What else the options say of the issuer's tokens, by which they are yet to be judged; with `tokenIssuer` their `iss` too. */
  readonly rules?: IssuerRules | undefined
}

/** A token that is good. */
export interface VerifiedPresentedToken {
  readonly claims: UnknownClaims
  /** The keys that it was verified with. */
  readonly lookup: KeyLookup
}

/** Longest subject (OIDC Core 2). */
const longestSubject = 255

/**
 * Verifies an access token that came with a request: signature and all claims (RFC 9068 4, RFC 8725 3).
 *
 * @throws TokenRejected where it is not good, OidcError `provider_unavailable` where the keys cannot be had.
 */
export async function verifyPresentedToken(
  token: string,
  keys: Keys,
  checks: PresentedTokenChecks,
): Promise<VerifiedPresentedToken> {
  if (!isCanonical(token)) throw new TokenRejected('it is no JWT in base64url as it is to be written')
  const options = {
    algorithms: checks.algorithms as string[],
    clockTolerance: checks.clockToleranceSeconds,
    requiredClaims: ['exp'],
  }
  const { result, lookup } = await verifyPresented(token, keys, options).catch((fault: unknown) => {
    throw fault instanceof OidcError ? fault : rejected(fault)
  })
  checkPresentedClaims(result.protectedHeader, result.payload, checks)
  return { claims: result.payload, lookup }
}

/** Who a token says has issued it; good for choosing what to verify it with, and for nothing else. */
export function unverifiedIssuer(token: string): string | undefined {
  return unverifiedClaims(token)['iss'] as string | undefined
}

/** What else a token says of itself; good for choosing what to verify it with, and for nothing else. */
export function unverifiedClaims(token: string): UnknownClaims {
  try {
    return decodeJwt(token)
  } catch {
    return {}
  }
}

/**
 * Checks the claims of a token whose signature is good.
 *
 * @throws TokenRejected
 */
export function checkPresentedClaims(
  header: { readonly typ?: unknown },
  claims: UnknownClaims,
  checks: PresentedTokenChecks,
): void {
  const fault = purposeFault(header, claims) ?? claimFault(claims, checks)
  if (fault !== undefined) throw new TokenRejected(fault)
  if (checks.audience.length > 0) checkAudience(claims, checks.audience)
}

/** What introspection calls tokens that are for APIs (RFC 7662 2.2, RFC 6749 7.1); some say what kind of token it is. */
const presentedTypes = ['bearer', 'dpop', 'access_token', 'pop']

/**
 * Checks what an issuer says of a token that it was asked about. It may leave out what it has checked by itself.
 *
 * @throws TokenRejected
 */
export function checkAnsweredClaims(claims: UnknownClaims, checks: PresentedTokenChecks): void {
  const now = nowSeconds()
  const { exp = now, nbf, token_type: type } = claims
  if (type !== undefined && (typeof type !== 'string' || !presentedTypes.includes(type.toLowerCase()))) {
    throw new TokenRejected('its issuer says that it is another kind of token')
  }
  if (typeof exp === 'number' && exp <= now - checks.clockToleranceSeconds) {
    throw new TokenRejected('its issuer says that it has ended', 'expired')
  }
  if (nbf !== undefined && !isPastTime(nbf, checks.clockToleranceSeconds))
    throw new TokenRejected('nbf is in the future')
  checkPresentedClaims({}, { ...claims, iss: claims['iss'] ?? checks.issuer, exp }, checks)
}

/** What is wrong with the claims of a token; undefined where nothing is. */
function claimFault(claims: UnknownClaims, checks: PresentedTokenChecks): string | undefined {
  const { iss, exp, iat, sub } = claims
  if (!checks.rules?.tokenIssuer && iss !== checks.issuer) return 'iss is another issuer'
  // JSON has numbers that are none: 1e999.
  if (!Number.isFinite(exp)) return 'exp is no time'
  if (iat !== undefined && !isPastTime(iat, checks.clockToleranceSeconds)) return 'iat is in the future'
  if (sub !== undefined && !isSubject(sub)) return 'sub is not a subject'
  return undefined
}

function isPastTime(value: unknown, tolerance: number): boolean {
  return typeof value === 'number' && value <= nowSeconds() + tolerance
}

function isSubject(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= longestSubject
}

/** The audiences that a token names; none where one of them is none. */
function audienceOf({ aud }: UnknownClaims): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return list.every((value) => typeof value === 'string') ? list : []
}

/**
 * Checks that a token names one of these audiences. What is said of one that is for others is the commonest mistake in
 * setting up a guard, and so has its fix.
 *
 * @throws TokenRejected
 */
export function checkAudience(claims: UnknownClaims, audience: readonly string[]): void {
  const named = audienceOf(claims)
  if (audience.some((each) => named.includes(each))) return
  const has = named.length === 0 ? 'it has no aud' : `its aud is ${JSON.stringify(named).slice(0, 300)}`
  const wanted = audience.map((each) => JSON.stringify(each)).join(' or ')
  throw new TokenRejected(
    `${has}, not ${wanted}: have the provider put this API into the aud of its access tokens (in Keycloak an Audience mapper in a client scope, elsewhere the parameter resource or audience), or set audience to what they have`,
    'audience',
  )
}

/**
 * Whether each part is base64url as RFC 4648 5 writes it, without bits that mean nothing: with them one signature could
 * be written in several ways, and each would be another token.
 */
function isCanonical(token: string): boolean {
  if (!looksLikeJwt(token)) return false
  return token.split('.').every((part) => {
    const last = part.at(-1) as string
    const rest = part.length % 4
    return rest === 0 || (rest === 2 && 'AQgw'.includes(last)) || (rest === 3 && 'AEIMQUYcgkosw048'.includes(last))
  })
}

function rejected(error: unknown): TokenRejected {
  const isExpired = (error as { code?: unknown }).code === 'ERR_JWT_EXPIRED'
  return new TokenRejected(describe(error), isExpired ? 'expired' : 'other')
}
