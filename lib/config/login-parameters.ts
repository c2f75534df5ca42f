import { Checks, optionsInvalid } from './checks.ts'
import type { OidcLoginParameters } from './options.ts'
import { readResources } from './resource.ts'
import { splitWords } from '../core/scope.ts'

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
