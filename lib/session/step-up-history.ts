import { nowSeconds } from '../core/clock.ts'
import type { OidcLoginNeeds } from '../core/errors.ts'
import type { RequestedLogin, LoginEntry } from '../store/login-entry.ts'

/** Seconds during which a request that the provider did not satisfy is not repeated. */
const repeatSeconds = 300

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
export function wasRequestedRecently({ requested }: LoginEntry, { scope, parameters }: OidcLoginNeeds): boolean {
  if (nowSeconds() - requested.at >= repeatSeconds) return false
  const entries = Object.entries(parameters)
  if (scope.length === 0 && entries.length === 0) return false
  const resources = listResources(requested)
  const isRequested = ([name, value]: [string, string]): boolean =>
    name === 'resource'
      ? value.split(' ').every((one) => resources.includes(one))
      : requested.parameters[name] === value
  return scope.every((word) => requested.scope.includes(word)) && entries.every(isRequested)
}

/** Returns the resources of an authorization request (RFC 8707, section 2). */
export function listResources({ parameters }: Pick<OidcLoginNeeds, 'parameters'>): readonly string[] {
  return parameters['resource']?.split(' ') ?? []
}
