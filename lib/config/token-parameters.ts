import { Checks, optionsInvalid, scopeList } from './checks.ts'
import { resourcesOf } from './resource.ts'

/** What an access token is asked for with. */
export interface AccessTokenParameters {
  /**
   * Scope that it is to have, a string or an array. Default: all that the login was granted. Each scope and resource has a
   * token of its own, which is kept beside the others.
   */
  scope?: string | readonly string[] | undefined
  /** Where it is to be used (RFC 8707): an absolute URI, or an array of such. Default: what the provider makes of the scope. */
  resource?: string | readonly string[] | undefined
  /**
   * Seconds that the token is to be good for at least. Default 30. One whose whole life is shorter is refreshed once half of
   * it is over. While the provider cannot be reached, a token that has not ended will do.
   */
  minValidSeconds?: number | undefined
}

/** The same, checked. */
export interface ResolvedTokenParameters {
  readonly target: { readonly scope: readonly string[] | undefined; readonly resource: readonly string[] }
  readonly minValidSeconds: number
}

/** The names of these parameters. */
export const tokenParameters = ['scope', 'resource', 'minValidSeconds']

/**
 * Checks what an access token is asked for with.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function resolveTokenParameters(given: AccessTokenParameters, what: string): ResolvedTokenParameters {
  const checks = new Checks(given, `the parameters of ${what}`, tokenParameters)
  const parameters = tokenParametersOf(checks)
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return parameters
}

/** The parameters of an access token among others. */
export function tokenParametersOf(checks: Checks): ResolvedTokenParameters {
  const given = checks.value('scope')
  const scope = given === undefined ? undefined : scopeList(given)
  if (given !== undefined && !scope) checks.fault('scope must be words separated by spaces, or an array of words')
  return {
    target: { scope, resource: resourcesOf(checks) ?? [] },
    minValidSeconds: checks.seconds('minValidSeconds', 30, 0, 86_400),
  }
}
