import { nowSeconds } from '../core/clock.ts'

/** How a user has authenticated. */
export interface Authentication {
  readonly acr: unknown
  /** Seconds since the epoch (`auth_time`). */
  readonly authTime: unknown
}

/** How a user must have authenticated. */
export interface AuthenticationRule {
  /** Authentication context classes of which one will do. */
  readonly acr: readonly string[] | undefined
  readonly maxAuthAgeSeconds: number | undefined
}

/** The claim that does not meet a rule (RFC 9470, section 3). */
export type MissingAuthentication = 'acr' | 'auth_time'

/** The claim of an authentication that does not meet a rule; undefined if it meets the rule. */
export function findMissingAuthentication(
  { acr, authTime }: Authentication,
  rule: AuthenticationRule,
  toleranceSeconds: number,
): MissingAuthentication | undefined {
  if (rule.acr && !rule.acr.includes(acr as string)) return 'acr'
  if (rule.maxAuthAgeSeconds === undefined) return undefined
  return isRecent(authTime, rule.maxAuthAgeSeconds, toleranceSeconds) ? undefined : 'auth_time'
}

/** A time that is yet to come is none at which anyone can have authenticated. */
function isRecent(authTime: unknown, maxAgeSeconds: number, tolerance: number): boolean {
  if (typeof authTime !== 'number') return false
  const age = nowSeconds() - authTime
  return age >= -tolerance && age <= maxAgeSeconds + tolerance
}

/** Parameters of a request that asks for such an authentication (OIDC Core 3.1.2.1, RFC 9470 4). */
export function authenticationParameters({ acr, maxAuthAgeSeconds }: AuthenticationRule): Record<string, string> {
  return {
    ...(acr && { acr_values: acr.join(' ') }),
    ...(maxAuthAgeSeconds !== undefined && { max_age: String(Math.floor(maxAuthAgeSeconds)) }),
  }
}
