import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { OidcUnknownClaims } from '../config/claims.ts'
import type { OidcIssuerRules } from '../config/issuer-rules.ts'
import { nowSeconds } from '../core/clock.ts'
import { describe } from '../core/describe.ts'
import { OidcError } from '../core/errors.ts'
import { looksLikeJwt } from './access-token.ts'
import { isPastTime, isSubject } from './claims-checks.ts'
import { TokenRejected } from './token-rejected.ts'
import type { KeyLookup, Keys } from './key-set.ts'
import { findPurposeFault } from './purpose.ts'
import { verifyPresented, type VerifiedPresented } from './verify.ts'

/** Values against which a presented access token is checked. */
export interface PresentedTokenChecks {
  readonly issuer: string
  /** Audiences of which the token must have one; empty if each rule has its own. */
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  /** The client of the guard; undefined if it has none. */
  readonly clientId?: string | undefined
  /** Whether the provider issued a token with these claims to an application for itself. */
  readonly isApplicationToken?: ((claims: OidcUnknownClaims) => boolean) | undefined
  /** Further rules of the options. The caller evaluates them, including `iss` if there is a `tokenIssuer`. */
  readonly rules?: OidcIssuerRules | undefined
}

/** A valid access token. */
export interface VerifiedPresentedToken {
  readonly claims: OidcUnknownClaims
  /** The keys that the token was verified with. */
  readonly lookup: KeyLookup
}

/**
 * Verifies signature and claims of a presented access token (RFC 9068, section 4; RFC 8725, section 3).
 *
 * @throws TokenRejected if the token is invalid; OidcError `provider_unavailable` if the keys cannot be fetched.
 */
export async function verifyPresentedToken(
  token: string,
  keys: Keys,
  checks: PresentedTokenChecks,
): Promise<VerifiedPresentedToken> {
  const { result, lookup } = await verifySigned(token, keys, checks, ['exp'])
  checkPresentedClaims(result.protectedHeader, result.payload, checks)
  return { claims: result.payload, lookup }
}

/**
 * Verifies the signature of a JWT that is introspected next, and the times that it states: a forged or expired token must
 * not cost the issuer a request. An issuer without keys has no signature to verify.
 *
 * @throws TokenRejected if the token is invalid; OidcError `provider_unavailable` if the keys cannot be fetched.
 */
export async function verifyBeforeIntrospection(
  token: string,
  keys: Keys,
  checks: PresentedTokenChecks,
): Promise<void> {
  const lookup = await keys.currentForPresented()
  if (lookup.jwks().keys.length === 0) return
  await verifySigned(token, keys, checks, []).catch((fault: unknown) => {
    if (!(fault instanceof TokenRejected) || fault.kind !== 'other') throw fault
    throw new TokenRejected(`${fault.message}; a JWT is introspected only if a published key of the issuer verifies it`)
  })
}

async function verifySigned(
  token: string,
  keys: Keys,
  { algorithms, clockToleranceSeconds: clockTolerance }: PresentedTokenChecks,
  requiredClaims: string[],
): Promise<VerifiedPresented> {
  if (!isCanonical(token)) throw new TokenRejected('the token is not a canonically encoded JWT')
  const options = { algorithms: [...algorithms], clockTolerance, requiredClaims }
  return verifyPresented(token, keys, options).catch((fault: unknown) => {
    throw fault instanceof OidcError ? fault : rejectToken(fault)
  })
}

/** Returns the unverified `iss` of a token. Its only use is to select the issuer. */
export function readUnverifiedIssuer(token: string): string | undefined {
  return readUnverifiedClaims(token)['iss'] as string | undefined
}

/**
 * Returns the unverified claims of a token. They select the issuer, or show whether verification is worthwhile. They grant
 * nothing.
 */
export function readUnverifiedClaims(token: string): OidcUnknownClaims {
  try {
    return decodeJwt(token)
  } catch {
    return {}
  }
}

/** Returns the unverified header of a token. */
function readUnverifiedHeader(token: string): { readonly typ?: unknown } {
  try {
    return decodeProtectedHeader(token)
  } catch {
    return {}
  }
}

/**
 * Checks the claims of a token whose signature is valid.
 *
 * @throws TokenRejected
 */
export function checkPresentedClaims(
  header: { readonly typ?: unknown },
  claims: OidcUnknownClaims,
  checks: PresentedTokenChecks,
): void {
  checkPurpose(header, claims, checks)
  checkAccess(claims, checks)
}

/** Checks that a token is an access token. An opaque token is never an ID token. */
function checkPurpose(
  header: { readonly typ?: unknown },
  claims: OidcUnknownClaims,
  { clientId, isApplicationToken }: PresentedTokenChecks,
  isOpaque = false,
): void {
  const fault = findPurposeFault(header, claims, { clientId, isAccessToken: isOpaque || isApplicationToken?.(claims) })
  if (fault !== undefined) throw new TokenRejected(fault)
}

/** Checks issuer, times, subject and audience. */
function checkAccess(claims: OidcUnknownClaims, checks: PresentedTokenChecks): void {
  const fault = findTokenFault(claims, checks)
  if (fault !== undefined) throw new TokenRejected(fault)
  if (checks.audience.length > 0) checkAudience(claims, checks.audience)
}

/**
 * Accepted values of `token_type` in introspection responses (RFC 7662, section 2.2; RFC 6749, section 7.1). Some providers
 * send the kind of token instead.
 */
const presentedTypes = ['bearer', 'dpop', 'access_token', 'pop']

/**
 * Checks an introspection response. It may omit claims that the issuer has checked itself.
 *
 * @throws TokenRejected
 */
export function checkAnsweredClaims(token: string, claims: OidcUnknownClaims, checks: PresentedTokenChecks): void {
  const now = nowSeconds()
  const { exp = now, nbf, token_type: type } = claims
  if (type !== undefined && (typeof type !== 'string' || !presentedTypes.includes(type.toLowerCase()))) {
    throw new TokenRejected('introspection: token_type is not that of an access token')
  }
  if (typeof exp === 'number' && exp <= now - checks.clockToleranceSeconds) {
    throw new TokenRejected('introspection: the token has expired', 'expired')
  }
  if (nbf !== undefined && !isPastTime(nbf, checks.clockToleranceSeconds))
    throw new TokenRejected('nbf is in the future')
  const answer = { ...claims, iss: claims['iss'] ?? checks.issuer, exp }
  checkAnsweredPurpose(token, claims, checks)
  checkAccess(answer, checks)
}

/**
 * Checks that an introspected token is an access token. `token_type` does not show it: some endpoints also take ID tokens. A
 * response may omit what shows it, so the claims of a JWT itself count as well. They grant nothing.
 */
function checkAnsweredPurpose(token: string, answer: OidcUnknownClaims, checks: PresentedTokenChecks): void {
  if (!looksLikeJwt(token)) return checkPurpose({}, answer, checks, true)
  const own = readUnverifiedClaims(token)
  const fault = findPurposeFault({}, own, { isAccessToken: true })
  if (fault !== undefined) throw new TokenRejected(fault)
  checkPurpose(readUnverifiedHeader(token), { ...own, ...answer }, checks)
}

function findTokenFault(claims: OidcUnknownClaims, checks: PresentedTokenChecks): string | undefined {
  const { iss, exp, iat, sub } = claims
  if (!checks.rules?.tokenIssuer && iss !== checks.issuer) return 'iss is not the expected issuer'
  // `JSON.parse` turns 1e999 into Infinity.
  if (!Number.isFinite(exp)) return 'exp is not a time'
  if (iat !== undefined && !isPastTime(iat, checks.clockToleranceSeconds)) return 'iat is in the future'
  if (sub !== undefined && !isSubject(sub)) return 'sub is not a valid subject'
  return undefined
}

/** Returns the audiences of a token; none if one of them is not a string. */
function readAudiences({ aud }: OidcUnknownClaims): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return list.every((value) => typeof value === 'string') ? list : []
}

/**
 * Checks that a token has one of these audiences. A wrong audience is the most common setup mistake of a guard, so the
 * message contains the fix.
 *
 * @throws TokenRejected
 */
export function checkAudience(claims: OidcUnknownClaims, audience: readonly string[]): void {
  const named = readAudiences(claims)
  if (audience.some((each) => named.includes(each))) return
  const has = named.length === 0 ? 'aud is missing' : `aud is ${JSON.stringify(named).slice(0, 300)}`
  const wanted = audience.map((each) => JSON.stringify(each)).join(' or ')
  throw new TokenRejected(
    `${has}; expected ${wanted}. Set \`audience\` to the value in the tokens, or have the provider add this API to aud: in Keycloak with an Audience mapper in a client scope, elsewhere with the parameter resource or audience`,
    'audience',
  )
}

/**
 * Whether each part is canonical base64url (RFC 4648, sections 3.5 and 5). Otherwise the same signature could be encoded in
 * several ways, and each would be another token.
 */
function isCanonical(token: string): boolean {
  if (!looksLikeJwt(token)) return false
  return token.split('.').every((part) => {
    const last = part.at(-1) as string
    const rest = part.length % 4
    return rest === 0 || (rest === 2 && 'AQgw'.includes(last)) || (rest === 3 && 'AEIMQUYcgkosw048'.includes(last))
  })
}

function rejectToken(error: unknown): TokenRejected {
  const isExpired = (error as { code?: unknown }).code === 'ERR_JWT_EXPIRED'
  return new TokenRejected(describe(error), isExpired ? 'expired' : 'other')
}
