import { nowSeconds } from '../core/clock.ts'
import type { OidcLoginNeeds } from '../core/errors.ts'
import type { RequestedLogin, LoginEntry } from '../store/login-entry.ts'

/** Seconds during which a request that the provider did not satisfy is not repeated. */
const repeatSeconds = 300

/**
 * Seconds after `auth_time` during which a login that requested a shorter `max_age` meets it: the provider's pages after
 * the password, and the way back, take time. They count from `auth_time`, so a response that is held back extends nothing.
 */
const wayBackSeconds = 60

/** Why a login that returned late is refused, with the likely cause and the fix. For the log. */
export const lateReason =
  'auth_time is older than the requested max_age permits, although the login has just returned. If this happens again and again, the clock of the provider or of this server is wrong; synchronize both by NTP'

const names = ['acr_values', 'max_age', 'claims', 'resource']

/** Returns the parts of the authorization request that a later step-up is compared with. */
export function recordRequest({ scope, parameters }: OidcLoginNeeds): RequestedLogin {
  return {
    at: nowSeconds(),
    scope,
    parameters: Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name))),
  }
}

/** Whether the login has just requested all of these needs. Requesting them again would loop with the same result. */
export function wasRequestedRecently(entry: LoginEntry, { scope, parameters }: OidcLoginNeeds): boolean {
  const { requested } = entry
  if (nowSeconds() - requested.at >= repeatSeconds) return false
  const entries = Object.entries(parameters)
  if (scope.length === 0 && entries.length === 0) return false
  const resources = listResources(requested)
  const isRequested = ([name, value]: [string, string]): boolean => {
    if (name === 'resource') return value.split(' ').every((one) => resources.includes(one))
    // Once the authentication is too old, requesting a new one helps.
    if (name === 'max_age' && nowSeconds() - (findAuthTime(entry) ?? requested.at) > extendMaxAge(Number(value)))
      return false
    return requested.parameters[name] === value
  }
  return scope.every((word) => requested.scope.includes(word)) && entries.every(isRequested)
}

/** Returns the resources of an authorization request (RFC 8707, section 2). */
export function listResources({ parameters }: Pick<OidcLoginNeeds, 'parameters'>): readonly string[] {
  return parameters['resource']?.split(' ') ?? []
}

/** Returns the maximum age of an authentication, in seconds, for a login that requested `maxAgeSeconds`. */
export function extendMaxAge(maxAgeSeconds: number): number {
  return Math.max(maxAgeSeconds, wayBackSeconds)
}

/**
 * Returns the time of a login's authentication, at the latest when the login finished. A provider's clock that is ahead, or a
 * refreshed ID token with a later `auth_time`, must not extend a maximum age.
 */
export function findAuthTime({ authTime, requested }: Pick<LoginEntry, 'authTime' | 'requested'>): number | undefined {
  return authTime === undefined ? undefined : Math.min(authTime, requested.at)
}

/** Whether a login requested this or a smaller `max_age`. */
export function hasRequestedMaxAge({ parameters }: OidcLoginNeeds, maxAgeSeconds: number): boolean {
  const requested = parameters['max_age']
  return requested !== undefined && Number(requested) <= maxAgeSeconds
}

/**
 * Whether a login that requested this or a smaller `max_age` has just returned with an authentication that was too old by
 * then. Redirecting it again could loop: the provider's clock may be behind, or its pages always take that long.
 */
export function hasReturnedLate({ requested, authTime }: LoginEntry, maxAgeSeconds: number): boolean {
  if (authTime === undefined || nowSeconds() - requested.at >= repeatSeconds) return false
  return hasRequestedMaxAge(requested, maxAgeSeconds) && requested.at - authTime > extendMaxAge(maxAgeSeconds)
}
