import type { IssuerRules } from '../config/issuer-rules.ts'
import { nowSeconds } from '../core/clock.ts'
import { OidcError, describe } from '../core/errors.ts'
import { TokenRejected } from './token-rejected.ts'
import { issuersOf } from './issuer-checks.ts'
import type { Keys } from './key-set.ts'
import { verifyPresented } from './verify.ts'

/** What a logout token must fit. */
export interface LogoutTokenChecks {
  readonly issuer: string
  readonly clientId: string
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  readonly rules?: IssuerRules | undefined
}

/** What a logout token says. */
export interface LogoutTokenClaims {
  readonly iss: string
  /** Of which one is there at least: the provider's session that has ended, or whose sessions all have. */
  readonly sub: string | undefined
  readonly sid: string | undefined
  readonly jti: string
  readonly iat: number
}

/** What makes a token a logout token (OIDC Back-Channel Logout 2.4). */
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Types in the header: `JWT` and none are those of providers before the specification was final. */
const types = ['logout+jwt', 'application/logout+jwt', 'jwt']
/** Seconds that a logout token is good for: providers send it at once, some try again. */
export const logoutTokenSeconds = 600
const longestSubject = 255
const longestText = 1000

/**
 * Verifies a logout token (OIDC Back-Channel Logout 2.6). Whether its `jti` was used before is not looked at here.
 *
 * @throws TokenRejected where it is not good, OidcError `provider_unavailable` where the keys cannot be had.
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
  const fault = typeFault(protectedHeader.typ) ?? claimFault(claims, clockToleranceSeconds)
  if (fault !== undefined) throw new TokenRejected(fault)
  if (rules?.tokenIssuer && !issuersOf(rules.tokenIssuer, claims).includes(claims.iss as string)) {
    throw new TokenRejected('iss is another issuer than that of tokens with these claims')
  }
  const { iss, sub, sid, jti, iat } = claims as unknown as LogoutTokenClaims
  return { iss, sub, sid, jti, iat }
}

function typeFault(typ: string | undefined): string | undefined {
  return typ === undefined || types.includes(typ.toLowerCase()) ? undefined : 'its typ is that of another kind of token'
}

function claimFault(claims: Readonly<Record<string, unknown>>, tolerance: number): string | undefined {
  const { iat, jti, events, nonce, sub, sid } = claims
  const now = nowSeconds()
  if (typeof iat !== 'number' || iat > now + tolerance) return 'iat is in the future'
  if (iat < now - logoutTokenSeconds - tolerance) return `iat is more than ${logoutTokenSeconds} seconds ago`
  if (!isText(jti, longestText)) return 'jti is no text'
  // So that no ID token is taken for a logout token.
  if (nonce !== undefined) return 'nonce is a claim of ID tokens'
  const event = (Object(events) as Record<string, unknown>)[logoutEvent]
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'events names no logout'
  if (sub === undefined && sid === undefined) return 'it has neither sub nor sid'
  if (sub !== undefined && !isText(sub, longestSubject)) return 'sub is not a subject'
  if (sid !== undefined && !isText(sid, longestText)) return 'sid is no text'
  return undefined
}

function isText(value: unknown, longest: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= longest
}
