import { Checks, optionsInvalid } from './checks.ts'
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

/** What an access token is asked for with where there is no request. */
export interface LoginTokenParameters extends AccessTokenParameters {
  /** Which login: its `req.oidc.loginId`, which events carry too. */
  id: string
}

/** What a token is asked for with in exchange for that of the login (RFC 8693 2.1). */
export interface ExchangeParameters extends AccessTokenParameters {
  /** Who it is to be for, in the words of the provider (with Keycloak a client): a string or an array. */
  audience?: string | readonly string[] | undefined
}

/** The same, checked. */
export interface ResolvedTokenParameters {
  readonly target: { readonly scope: readonly string[] | undefined; readonly resource: readonly string[] }
  readonly minValidSeconds: number
}

const tokenParameters = ['scope', 'resource', 'minValidSeconds']

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

/** What login ids look like. */
const loginId = /^[\w-]{22}$/

/**
 * Checks what an access token is asked for with where there is no request.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function resolveLoginTokenParameters(
  given: LoginTokenParameters,
): ResolvedTokenParameters & { readonly id: string } {
  const checks = new Checks(given, 'the parameters of logins.accessToken()', [...tokenParameters, 'id'])
  const parameters = tokenParametersOf(checks)
  const id = checks.value('id')
  const isId = typeof id === 'string' && loginId.test(id)
  if (!isId) checks.fault('id must be the id of a login, as req.oidc.loginId and the events have it')
  if (checks.faults.length > 0) throw optionsInvalid('logins.accessToken()', checks.faults)
  return { ...parameters, id: id as string }
}

function tokenParametersOf(checks: Checks): ResolvedTokenParameters {
  return {
    target: { scope: checks.scope('scope'), resource: resourcesOf(checks) ?? [] },
    minValidSeconds: checks.seconds('minValidSeconds', 30, 0, 86_400),
  }
}

/**
 * Checks what a token is asked for with in exchange for that of the login.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function resolveExchangeParameters(
  given: ExchangeParameters,
): ResolvedTokenParameters & { readonly audience: readonly string[] } {
  const checks = new Checks(given, 'the parameters of exchange()', [...tokenParameters, 'audience'])
  const parameters = tokenParametersOf(checks)
  const audience = checks.value('audience')
  const list: unknown[] = Array.isArray(audience) ? [...audience] : [audience]
  const isGiven = audience !== undefined
  if (isGiven && !(list.length > 0 && list.every((one) => typeof one === 'string' && one !== ''))) {
    checks.fault('audience must be the name of an audience or an array of such, not empty')
  }
  if (!isGiven && checks.faults.length === 0 && !parameters.target.scope && parameters.target.resource.length === 0) {
    checks.fault("say what the token is to be for: audience: 'orders', resource, or scope")
  }
  if (checks.faults.length > 0) throw optionsInvalid('exchange()', checks.faults)
  return { ...parameters, audience: isGiven ? (list as string[]) : [] }
}
