import { Checks, optionsInvalid } from './checks.ts'
import { readResources } from './resource.ts'

/** Parameters of an access token. */
export interface OidcAccessTokenParameters {
  /**
   * Scope of the token: a string or an array. Each combination of scope and resource has its own token, which is stored with
   * the login.
   * @default all scope that the login was granted; none in a token exchange, where the provider decides
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
   * @example await req.oidc.accessToken({ scope: 'calendar.read' })
   */
  scope?: string | readonly string[] | undefined
  /**
   * API that the token is for (`resource`): an absolute URI without a fragment, or an array of such URIs.
   * @default none: the provider decides by the scope
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
   * @example await req.oidc.accessToken({ resource: 'https://api.example.com' })
   */
  resource?: string | readonly string[] | undefined
  /**
   * Seconds, up to 86400, for which the token must still be valid; otherwise it is refreshed. A token whose whole lifetime
   * is shorter is refreshed after half of that lifetime. If the refresh fails but does not end the login, a token that
   * has not expired is returned.
   * @default 30
   * @example await req.oidc.accessToken({ minValidSeconds: 120 })
   */
  minValidSeconds?: number | undefined
}

/** Parameters of an access token for a job, which has no request. */
export interface OidcLoginTokenParameters extends OidcAccessTokenParameters {
  /**
   * The id of the login, as in `req.oidc.loginId` and in events.
   * @example await oidc.logins.accessToken({ id })
   */
  id: string
}

/**
 * Parameters of a token exchange. At least one of `audience`, `resource` and `scope` is required.
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
 */
export interface OidcExchangeParameters extends OidcAccessTokenParameters {
  /**
   * Service that the token is for, by its name at the provider (in Keycloak, its client id): a string or an array.
   * @default none
   * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
   * @example await req.oidc.exchange({ audience: 'orders' })
   */
  audience?: string | readonly string[] | undefined
}

/** Validated {@link OidcAccessTokenParameters}, with defaults. */
export interface ResolvedTokenParameters {
  readonly target: { readonly scope: readonly string[] | undefined; readonly resource: readonly string[] }
  readonly minValidSeconds: number
}

const tokenParameters = ['scope', 'resource', 'minValidSeconds']

/**
 * Validates the parameters of an access token.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveTokenParameters(given: OidcAccessTokenParameters, what: string): ResolvedTokenParameters {
  const checks = new Checks(given, `the parameters of ${what}`, tokenParameters)
  const parameters = resolveRefreshParameters(checks)
  if (checks.faults.length > 0) throw optionsInvalid(what, checks.faults)
  return parameters
}

const loginId = /^[\w-]{22}$/

/**
 * Validates the parameters of an access token for a job.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveLoginTokenParameters(
  given: OidcLoginTokenParameters,
): ResolvedTokenParameters & { readonly id: string } {
  const checks = new Checks(given, 'the parameters of logins.accessToken()', [...tokenParameters, 'id'])
  const parameters = resolveRefreshParameters(checks)
  const id = checks.value('id')
  const isId = typeof id === 'string' && loginId.test(id)
  if (!isId) checks.fault("`id` must be a login's id, as in `req.oidc.loginId` and the events")
  if (checks.faults.length > 0) throw optionsInvalid('logins.accessToken()', checks.faults)
  return { ...parameters, id: id as string }
}

function resolveRefreshParameters(checks: Checks): ResolvedTokenParameters {
  return {
    target: { scope: checks.scope('scope'), resource: readResources(checks) ?? [] },
    minValidSeconds: checks.seconds('minValidSeconds', 30, 0, 86_400),
  }
}

/**
 * Validates the parameters of a token exchange.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveExchangeParameters(
  given: OidcExchangeParameters,
): ResolvedTokenParameters & { readonly audience: readonly string[] } {
  const checks = new Checks(given, 'the parameters of exchange()', [...tokenParameters, 'audience'])
  const parameters = resolveRefreshParameters(checks)
  const audience = checks.value('audience')
  const list: unknown[] = Array.isArray(audience) ? [...audience] : [audience]
  const isGiven = audience !== undefined
  if (isGiven && !(list.length > 0 && list.every((one) => typeof one === 'string' && one !== ''))) {
    checks.fault('`audience` must be a non-empty string or a non-empty array of such strings')
  }
  if (!isGiven && checks.faults.length === 0 && !parameters.target.scope && parameters.target.resource.length === 0) {
    checks.fault("`audience`, `resource` and `scope` are missing; pass at least one, such as `audience: 'orders'`")
  }
  if (checks.faults.length > 0) throw optionsInvalid('exchange()', checks.faults)
  return { ...parameters, audience: isGiven ? (list as string[]) : [] }
}
