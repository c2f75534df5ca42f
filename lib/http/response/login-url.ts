import type { LoginNeeds } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'

/** Path of the instance's login, with where to come back to and what to ask for, which nobody else can write. */
export function loginUrl(instance: Instance, returnTo: string | undefined, needs?: LoginNeeds): string {
  const { basePath, routes } = instance.options
  const isPlain = !needs || (needs.scope.length === 0 && Object.keys(needs.parameters).length === 0)
  const query = [
    ...(returnTo === undefined ? [] : [`returnTo=${encodeURIComponent(returnTo)}`]),
    ...(isPlain ? [] : [`ask=${instance.seals.needs.seal(JSON.stringify(needs), '')}`]),
  ].join('&')
  return basePath + routes.login + (query && `?${query}`)
}

/** What a login's address says to ask for, where it was written here. */
export function askedBy(instance: Instance, ask: string): LoginNeeds | undefined {
  const text = instance.seals.needs.open(ask, '')
  return text === undefined ? undefined : (JSON.parse(text) as LoginNeeds)
}
