import { Checks, optionsInvalid } from './checks.ts'
import { readResources } from './resource.ts'
import { splitWords } from '../core/scope.ts'

/** Parameters of one login, in addition to the options of the instance.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest */
export interface OidcLoginParameters {
  /** Scope to request instead of the instance's: a string or an array. `openid` is added. If the user is logged in with
   * this instance, the scope granted so far is added, too.
   * @default the option `scope`
   * @example oidc.login({ scope: 'calendar.read' }) */
  scope?: string | readonly string[] | undefined
  /** APIs to request access tokens for, in addition to the option `resource`: an absolute URI or an array of URIs. Get each
   * token with `req.oidc.accessToken({ resource })`.
   * @default none
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
   * @example oidc.login({ resource: 'https://api.example.com' }) */
  resource?: string | readonly string[] | undefined
  /** `prompt` of the authorization request: `none`, or one or more of `login`, `consent` and `select_account`, separated by
   * spaces.
   * @default none: the provider decides
   * @example oidc.login({ prompt: 'select_account' }) */
  prompt?: string | undefined
  /** The user who is expected to log in, for example an email address (`login_hint`).
   * @default none
   * @example req.oidc.login({ loginHint: 'alice@example.com' }) */
  loginHint?: string | undefined
  /** Requested authentication context classes (`acr_values`), in order of preference: a string with spaces, or an array.
   * @default none
   * @example oidc.login({ acrValues: 'gold' }) */
  acrValues?: string | readonly string[] | undefined
  /** Maximum time since the user last authenticated (`max_age`), in whole seconds. The ID token's `auth_time` must match,
   * within the clock tolerance. Returning from the provider takes time: if the value is below 60, `auth_time` may still be
   * up to a minute old when the user is back.
   * @default any
   * @example oidc.login({ maxAuthAgeSeconds: 300 }) */
  maxAuthAgeSeconds?: number | undefined
  /** Languages for the provider's pages (`ui_locales`), in order of preference: a string with spaces, or an array.
   * @default none: the provider decides
   * @example oidc.login({ uiLocales: 'fr en' }) */
  uiLocales?: string | readonly string[] | undefined
  /** Further parameters that are specific to the provider. Parameters of the protocol are rejected.
   * @default {}
   * @example oidc.login({ extra: { kc_idp_hint: 'github' } }) */
  extra?: Readonly<Record<string, string>> | undefined
  /** Path on this origin that the user returns to after the login.
   * @default the `returnTo` parameter of the request, otherwise the path of `baseUrl`
   * @example oidc.login({ returnTo: '/calendar' }) */
  returnTo?: string | undefined
}

/** Validated {@link OidcLoginParameters}. */
export interface LoginRequest {
  /** Undefined: the scope of the instance. */
  readonly scope: readonly string[] | undefined
  /** Parameters of the authorization request as they are sent, except that spaces separate several values of `resource`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly returnTo: string | undefined
}

const known = [
  'scope',
  'resource',
  'prompt',
  'loginHint',
  'acrValues',
  'maxAuthAgeSeconds',
  'uiLocales',
  'extra',
  'returnTo',
]

/**
 * Parameters that this package or one of its options sets. If `extra` could set them, it could disable the protection of
 * a login.
 */
const reserved = new Set([
  'acr_values',
  'client_assertion',
  'client_assertion_type',
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'id_token_hint',
  'login_hint',
  'max_age',
  'nonce',
  'prompt',
  'redirect_uri',
  'request',
  'request_uri',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'state',
  'ui_locales',
])

/**
 * Validates the parameters of a login.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveLoginParameters(given: OidcLoginParameters, origin: string): LoginRequest {
  const checks = new Checks(given, 'the parameters of login()', known)
  const parameters: Record<string, string> = {}
  const prompt = checks.string('prompt', "'none', 'login', 'consent' or 'select_account'")
  if (prompt !== undefined) parameters['prompt'] = prompt
  if (prompt !== undefined && prompt !== 'none' && splitWords(prompt).includes('none')) {
    checks.fault("`prompt` combines 'none' with other values; pass 'none' alone (OIDC Core 3.1.2.1)")
  }
  const hint = checks.string('loginHint', 'the expected user, such as an email address')
  if (hint !== undefined) parameters['login_hint'] = hint
  for (const [key, parameter] of [
    ['acrValues', 'acr_values'],
    ['uiLocales', 'ui_locales'],
  ] as const) {
    const list = checks.scope(key)
    if (list) parameters[parameter] = list.join(' ')
  }
  const maxAge = checks.value('maxAuthAgeSeconds')
  if (maxAge !== undefined) {
    if (typeof maxAge === 'number' && Number.isInteger(maxAge) && maxAge >= 0) parameters['max_age'] = String(maxAge)
    else checks.fault('`maxAuthAgeSeconds` must be a whole number of seconds, 0 or more')
  }
  const scope = checks.scope('scope')
  const resource = readResources(checks)
  if (resource) parameters['resource'] = resource.join(' ')
  addExtraParameters(checks, parameters)
  const returnTo = checks.path('returnTo', origin, '/calendar')
  if (checks.faults.length > 0) throw optionsInvalid('login()', checks.faults)
  return {
    scope: scope && !scope.includes('openid') ? ['openid', ...scope] : scope,
    parameters,
    returnTo,
  }
}

function addExtraParameters(checks: Checks, parameters: Record<string, string>): void {
  const extra = checks.value('extra')
  if (extra === undefined) return
  if (extra === null || typeof extra !== 'object' || Array.isArray(extra)) {
    checks.fault('`extra` must be an object of strings')
    return
  }
  for (const [name, value] of Object.entries(extra)) {
    if (reserved.has(name))
      checks.fault(`\`extra.${name}\` is a reserved parameter; remove it, or use its own option if it has one`)
    else if (typeof value !== 'string') checks.fault(`\`extra.${name}\` must be a string`)
    else parameters[name] = value
  }
}
