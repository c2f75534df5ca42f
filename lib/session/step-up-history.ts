import { nowSeconds } from '../core/clock.ts'
import type { LoginNeeds } from '../core/errors.ts'
import type { Asked, Slot } from '../store/slot.ts'

/** What a login was asked for, and did not bring, is not asked for again for so many seconds. */
const repeatSeconds = 300

const names = ['acr_values', 'max_age', 'claims', 'resource']

/** What of an authorization request says what the login is to be good for that it has just brought. */
export function askedOf({ scope, parameters }: LoginNeeds): Asked {
  return {
    at: nowSeconds(),
    scope,
    parameters: Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name))),
  }
}

/** Whether all of this was asked for by the login as it is, a moment ago: to ask again would bring the same. */
export function wasAskedLately({ asked }: Slot, { scope, parameters }: LoginNeeds): boolean {
  if (!asked || !(nowSeconds() - asked.at < repeatSeconds)) return false
  const wanted = Object.entries(parameters)
  if (scope.length === 0 && wanted.length === 0) return false
  const resources = resourcesAsked(asked)
  const isAsked = ([name, value]: [string, string]): boolean =>
    name === 'resource' ? value.split(' ').every((one) => resources.includes(one)) : asked.parameters[name] === value
  return scope.every((word) => asked.scope.includes(word)) && wanted.every(isAsked)
}

/** The resources that a login was asked for (RFC 8707 2). */
export function resourcesAsked(asked: Asked | undefined): readonly string[] {
  return asked?.parameters['resource']?.split(' ') ?? []
}
