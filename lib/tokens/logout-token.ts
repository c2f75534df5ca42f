import { nowSeconds } from '../core/clock.ts'
import { describe } from '../core/describe.ts'
import { OidcError } from '../core/errors.ts'
import { isPastTime, isSubject, isText } from './claims-checks.ts'
import type { ClientTokenChecks } from './id-token.ts'
import { findHashClaim, normalizeType } from './purpose.ts'
import { TokenRejected } from './token-rejected.ts'
import { listIssuers } from './issuer-checks.ts'
import type { Keys } from './key-set.ts'
import { verifyPresented } from './verify.ts'

/** Values against which a logout token is checked. */
export interface LogoutTokenChecks extends ClientTokenChecks {
  /** Whether the header must have the type `logout+jwt`. */
  readonly requiresType: boolean
}

/** The claims of a verified logout token. */
export interface LogoutTokenClaims {
  readonly iss: string
  /**
   * At least one of `sub` and `sid` is present. `sid` names the session that ended at the provider; without it, all
   * sessions of `sub` ended.
   */
  readonly sub: string | undefined
  readonly sid: string | undefined
  readonly jti: string
  readonly iat: number
}

/** The event that identifies a logout token (OIDC Back-Channel Logout, section 2.4). */
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Type in the header (OIDC Back-Channel Logout, section 2.4). */
const logoutType = 'logout+jwt'
/** Maximum age of a logout token, in seconds. Providers send it immediately, but some retry. */
export const logoutTokenSeconds = 600
const longestText = 1000
/** The claim became required with the errata of December 2023, so older versions of providers omit it. */
const withoutExp =
  'exp is missing, which OpenID Connect Back-Channel Logout 1.0 requires since its errata of December 2023; update the provider (Keycloak after 23.0.3, authentik 2025.8.2 or later), or configure it to send exp'

/**
 * Verifies a logout token (OIDC Back-Channel Logout, section 2.6). The caller checks that its `jti` was not used before.
 *
 * @throws TokenRejected if the token is invalid; OidcError `provider_unavailable` if the keys cannot be fetched,
 * `hook_failed`.
 */
export async function verifyLogoutToken(
  token: string,
  keys: Keys,
  checks: LogoutTokenChecks,
): Promise<LogoutTokenClaims> {
  const { rules, clockToleranceSeconds } = checks
  const { result } = await verifyPresented(token, keys, {
    ...(rules?.tokenIssuer ? {} : { issuer: checks.issuer }),
    audience: checks.clientId,
    algorithms: [...checks.algorithms],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events'],
  }).catch((fault: unknown) => {
    throw fault instanceof OidcError ? fault : new TokenRejected(describe(fault))
  })
  const { protectedHeader, payload: claims } = result
  const fault =
    findTypeFault(protectedHeader.typ, checks.requiresType) ?? findLogoutTokenFault(claims, clockToleranceSeconds)
  if (fault !== undefined) throw new TokenRejected(fault)
  if (rules?.tokenIssuer && !listIssuers(rules.tokenIssuer, claims).includes(claims.iss as string)) {
    throw new TokenRejected('iss is not an issuer that `tokenIssuer` returned')
  }
  const { iss, sub, sid, jti, iat } = claims as unknown as LogoutTokenClaims
  return { iss, sub, sid, jti, iat }
}

/** Returns why the type in the header is not that of a logout token. Providers that predate it send `JWT` or none. */
function findTypeFault(typ: unknown, isRequired: boolean): string | undefined {
  const type = normalizeType(typ)
  if (type === logoutType) return undefined
  if (isRequired) return `typ is not ${logoutType}, which \`logoutTokenType\` requires`
  return type === undefined || type === 'jwt' ? undefined : 'typ is not that of a logout token'
}

function findLogoutTokenFault(claims: Readonly<Record<string, unknown>>, tolerance: number): string | undefined {
  const { iat, exp, jti, events, nonce, sub, sid } = claims
  if (!isPastTime(iat, tolerance)) return 'iat is in the future'
  if (iat < nowSeconds() - logoutTokenSeconds - tolerance) return `iat is more than ${logoutTokenSeconds} seconds ago`
  if (exp === undefined) return withoutExp
  // `JSON.parse` turns 1e999 into Infinity.
  if (!Number.isFinite(exp)) return 'exp is not a time'
  if (!isText(jti, longestText)) return 'jti is not a valid string'
  // Prevents an ID token from being accepted as a logout token (OIDC Back-Channel Logout, section 2.4).
  if (nonce !== undefined) return 'nonce is not allowed in a logout token'
  // As in ID tokens of Keycloak. Any other value is ignored, because the specification does not define this claim.
  if (normalizeType(claims['typ']) === 'id') return 'the claim typ is that of an ID token'
  const hash = findHashClaim(claims)
  if (hash !== undefined) return `${hash} is a claim of ID tokens`
  const event = (Object(events) as Record<string, unknown>)[logoutEvent]
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'events has no back-channel logout'
  if (sub === undefined && sid === undefined) return 'sub and sid are missing'
  if (sub !== undefined && !isSubject(sub)) return 'sub is not a valid subject'
  if (sid !== undefined && !isText(sid, longestText)) return 'sid is not a valid string'
  return undefined
}
