import { nowSeconds } from '../core/clock.ts'

/** A user's authentication, as a login or an access token states it. */
export interface Authentication {
  readonly acr: unknown
  /** Seconds since the epoch (`auth_time`). */
  readonly authTime: unknown
}

/** The authentication that a rule requires. */
export interface AuthenticationRule {
  /** Authentication context classes, of which one is enough. */
  readonly acr: readonly string[] | undefined
  readonly maxAuthAgeSeconds: number | undefined
}

/** The claim that does not meet a rule (RFC 9470, section 3). */
export type MissingAuthentication = 'acr' | 'auth_time'

/**
 * Returns the claim that does not meet a rule; undefined if the authentication meets the rule. The clock tolerance applies
 * to an `auth_time` in the future only, so that it never extends `maxAuthAgeSeconds`.
 */
export function findMissingAuthentication(
  { acr, authTime }: Authentication,
  rule: AuthenticationRule,
  clockToleranceSeconds: number,
): MissingAuthentication | undefined {
  if (rule.acr && !rule.acr.includes(acr as string)) return 'acr'
  if (rule.maxAuthAgeSeconds === undefined) return undefined
  return isRecent(authTime, rule.maxAuthAgeSeconds, clockToleranceSeconds) ? undefined : 'auth_time'
}

function isRecent(authTime: unknown, maxAgeSeconds: number, clockToleranceSeconds: number): boolean {
  if (typeof authTime !== 'number') return false
  const age = nowSeconds() - authTime
  return age >= -clockToleranceSeconds && age <= maxAgeSeconds
}

/** Returns the parameters that request the required authentication (OIDC Core, section 3.1.2.1; RFC 9470, section 4). */
export function makeAuthenticationParameters({ acr, maxAuthAgeSeconds }: AuthenticationRule): Record<string, string> {
  return {
    ...(acr && { acr_values: acr.join(' ') }),
    ...(maxAuthAgeSeconds !== undefined && { max_age: String(Math.floor(maxAuthAgeSeconds)) }),
  }
}
