import type { OidcLoginNeeds } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'

/** Returns the login path with `returnTo` and the step-up to request, which is sealed so that nobody can forge it. */
export function makeLoginUrl(instance: Instance, returnTo: string | undefined, needs?: OidcLoginNeeds): string {
  const { basePath, routes } = instance.options
  const isPlain = !needs || (needs.scope.length === 0 && Object.keys(needs.parameters).length === 0)
  const query = [
    ...(returnTo === undefined ? [] : [`returnTo=${encodeURIComponent(returnTo)}`]),
    ...(isPlain ? [] : [`ask=${instance.seals.needs.seal(JSON.stringify(needs), '')}`]),
  ].join('&')
  return basePath + routes.login + (query && `?${query}`)
}

/** Opens the sealed step-up of a login URL; undefined if this instance did not write it. */
export function openNeeds(instance: Instance, ask: string): OidcLoginNeeds | undefined {
  const text = instance.seals.needs.open(ask, '')
  return text === undefined ? undefined : (JSON.parse(text) as OidcLoginNeeds)
}
