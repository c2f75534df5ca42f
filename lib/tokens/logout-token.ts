import { nowSeconds } from '../core/clock.ts'
import { describe } from '../core/describe.ts'
import { OidcError } from '../core/errors.ts'
import { isPastTime, isSubject, isText } from './claims-checks.ts'
import type { ClientTokenChecks } from './id-token.ts'
import { TokenRejected } from './token-rejected.ts'
import { listIssuers } from './issuer-checks.ts'
import type { Keys } from './key-set.ts'
import { verifyPresented } from './verify.ts'

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
/** Accepted types in the header. `JWT`, or no type, comes from providers that predate the final specification. */
const types = ['logout+jwt', 'application/logout+jwt', 'jwt']
/** Maximum age of a logout token, in seconds. Providers send it immediately, but some retry. */
export const logoutTokenSeconds = 600
const longestText = 1000

/**
 * Verifies a logout token (OIDC Back-Channel Logout, section 2.6). The caller checks that its `jti` was not used before.
 *
 * @throws TokenRejected if the token is invalid; OidcError `provider_unavailable` if the keys cannot be fetched,
 * `hook_failed`.
 */
export async function verifyLogoutToken(
  token: string,
  keys: Keys,
  checks: ClientTokenChecks,
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
  const fault = findTypeFault(protectedHeader.typ) ?? findLogoutTokenFault(claims, clockToleranceSeconds)
  if (fault !== undefined) throw new TokenRejected(fault)
  if (rules?.tokenIssuer && !listIssuers(rules.tokenIssuer, claims).includes(claims.iss as string)) {
    throw new TokenRejected('iss is not an issuer that `tokenIssuer` returned')
  }
  const { iss, sub, sid, jti, iat } = claims as unknown as LogoutTokenClaims
  return { iss, sub, sid, jti, iat }
}

function findTypeFault(typ: string | undefined): string | undefined {
  return typ === undefined || types.includes(typ.toLowerCase()) ? undefined : 'typ is not that of a logout token'
}

function findLogoutTokenFault(claims: Readonly<Record<string, unknown>>, tolerance: number): string | undefined {
  const { iat, jti, events, nonce, sub, sid } = claims
  if (!isPastTime(iat, tolerance)) return 'iat is in the future'
  if (iat < nowSeconds() - logoutTokenSeconds - tolerance) return `iat is more than ${logoutTokenSeconds} seconds ago`
  if (!isText(jti, longestText)) return 'jti is not a valid string'
  // Prevents an ID token from being accepted as a logout token (OIDC Back-Channel Logout, section 2.4).
  if (nonce !== undefined) return 'nonce is not allowed in a logout token'
  const event = (Object(events) as Record<string, unknown>)[logoutEvent]
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'events has no back-channel logout'
  if (sub === undefined && sid === undefined) return 'sub and sid are missing'
  if (sub !== undefined && !isSubject(sub)) return 'sub is not a valid subject'
  if (sid !== undefined && !isText(sid, longestText)) return 'sid is not a valid string'
  return undefined
}
