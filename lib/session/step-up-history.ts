import { nowSeconds } from '../core/clock.ts'
import type { LoginNeeds } from '../core/errors.ts'
import type { Asked, LoginEntry } from '../store/login-entry.ts'

/** Seconds during which a request that the provider did not satisfy is not repeated. */
const repeatSeconds = 300

const names = ['acr_values', 'max_age', 'claims', 'resource']

/** Returns the parts of the authorization request that a later step-up is compared with. */
export function recordRequest({ scope, parameters }: LoginNeeds): Asked {
  return {
    at: nowSeconds(),
    scope,
    parameters: Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name))),
  }
}

/** Whether the login has just requested all of these needs. Requesting them again would loop with the same result. */
export function wasRequestedRecently({ asked }: LoginEntry, { scope, parameters }: LoginNeeds): boolean {
  if (!asked || !(nowSeconds() - asked.at < repeatSeconds)) return false
  const wanted = Object.entries(parameters)
  if (scope.length === 0 && wanted.length === 0) return false
  const resources = resourcesAsked(asked)
  const isAsked = ([name, value]: [string, string]): boolean =>
    name === 'resource' ? value.split(' ').every((one) => resources.includes(one)) : asked.parameters[name] === value
  return scope.every((word) => asked.scope.includes(word)) && wanted.every(isAsked)
}

/** Returns the resources that a login requested (RFC 8707, section 2). */
export function resourcesAsked(asked: Asked | undefined): readonly string[] {
  return asked?.parameters['resource']?.split(' ') ?? []
}
