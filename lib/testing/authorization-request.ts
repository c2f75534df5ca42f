import { type Answer, page } from './answer.ts'
import { allowsUri, type TestClient } from './clients.ts'
import { escapeHtml, htmlPage } from './html.ts'
import type { ProviderState } from './state.ts'
import { wrongResource } from './targets.ts'

/** An authorization request with a valid client and redirect URI, to which errors can be reported. */
export interface AuthorizationRequest {
  readonly client: TestClient
  readonly redirectUri: string
  readonly responseMode: 'query' | 'form_post'
  readonly state: string | null
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly nonce: string | undefined
  readonly challenge: string | undefined
  /** The thumbprint of the key that the code is bound to (RFC 9449 section 10). */
  readonly dpopJkt: string | undefined
  readonly prompt: ReadonlySet<string>
  /** In seconds. */
  readonly maxAge: number | undefined
  readonly loginHint: string | null
  readonly idTokenHint: string | null
  readonly acrValues: readonly string[]
  /** The parameters as received. When the login page is submitted, the request is read from them again. */
  readonly parameters: URLSearchParams
}

/** An error of the request that is reported to the client (RFC 6749 section 4.1.2.1). */
export interface AuthorizationFault {
  readonly error: string
  readonly description: string
}

/** Reports an error, such as an invalid redirect URI, to the user and never redirects (RFC 6749 section 4.1.2.1). */
export function refusalPage(reason: string): Answer {
  return page(htmlPage('This request is invalid', `<p role="alert" class="alert">${escapeHtml(reason)}</p>`), 400)
}

/** Splits a space-separated list, such as a scope. */
export function words(text: string | null): readonly string[] {
  return (text ?? '').split(' ').filter((word) => word !== '')
}

/** Reads the request, or returns an error page. Validates only the client and the redirect URI. */
export function readAuthorizationRequest(
  provider: ProviderState,
  parameters: URLSearchParams,
): AuthorizationRequest | Answer {
  const clientId = parameters.get('client_id')
  const client = provider.settings.clients.get(clientId ?? '')
  if (client === undefined) return refusalPage(`The client "${clientId ?? ''}" is not registered here.`)
  const redirectUri = parameters.get('redirect_uri')
  if (redirectUri === null || parameters.getAll('redirect_uri').length > 1) {
    return refusalPage('The request must have exactly one redirect_uri.')
  }
  if (!allowsUri(client.redirectUris, redirectUri)) {
    return refusalPage(`The redirect URI "${redirectUri}" is not registered for the client "${client.clientId}".`)
  }
  const { scopes } = provider.settings
  const maxAge = parameters.get('max_age')
  return {
    client,
    redirectUri,
    responseMode: parameters.get('response_mode') === 'form_post' ? 'form_post' : 'query',
    state: parameters.get('state'),
    scope: words(parameters.get('scope')).filter((name) => scopes === undefined || scopes.includes(name)),
    resource: parameters.getAll('resource'),
    nonce: parameters.get('nonce') ?? undefined,
    challenge: parameters.get('code_challenge') ?? undefined,
    dpopJkt: provider.settings.dpop === 'none' ? undefined : (parameters.get('dpop_jkt') ?? undefined),
    prompt: new Set(words(parameters.get('prompt'))),
    maxAge: maxAge === null ? undefined : Number(maxAge),
    loginHint: parameters.get('login_hint'),
    idTokenHint: parameters.get('id_token_hint'),
    acrValues: words(parameters.get('acr_values')),
    parameters,
  }
}

const prompts = new Set(['none', 'login', 'consent', 'select_account'])

/** The first error in the request, if any. */
export function findFault(provider: ProviderState, request: AuthorizationRequest): AuthorizationFault | undefined {
  const { parameters, prompt, maxAge } = request
  const fault = (error: string, description: string): AuthorizationFault => ({ error, description })
  for (const name of new Set(parameters.keys())) {
    if (name !== 'resource' && parameters.getAll(name).length > 1) {
      return fault('invalid_request', `${name} appears more than once`)
    }
  }
  if (parameters.has('request')) return fault('request_not_supported', 'request objects are not supported')
  if (parameters.get('response_type') !== 'code') {
    return fault('unsupported_response_type', 'response_type must be code')
  }
  if (!['query', 'form_post', null].includes(parameters.get('response_mode'))) {
    return fault('invalid_request', 'response_mode must be query or form_post')
  }
  const method = parameters.get('code_challenge_method')
  if (request.challenge === undefined) {
    if (method !== null) return fault('invalid_request', 'code_challenge is missing')
    if (request.client.clientSecret === undefined) {
      return fault('invalid_request', 'a public client must send a code_challenge')
    }
  } else {
    if (method !== 'S256') return fault('invalid_request', 'code_challenge_method must be S256')
    // RFC 7636 section 4.2: a SHA-256 hash in base64url.
    if (!/^[\w-]{43}$/.test(request.challenge)) return fault('invalid_request', 'code_challenge is malformed')
  }
  if (request.dpopJkt !== undefined && !/^[\w-]{43}$/.test(request.dpopJkt)) {
    return fault('invalid_request', 'dpop_jkt is malformed')
  }
  for (const value of prompt) if (!prompts.has(value)) return fault('invalid_request', `prompt "${value}" is unknown`)
  if (prompt.has('none') && prompt.size > 1)
    return fault('invalid_request', 'prompt none cannot be combined with other values')
  if (maxAge !== undefined && !(Number.isInteger(maxAge) && maxAge >= 0)) {
    return fault('invalid_request', 'max_age must be a number of seconds')
  }
  const wrong = wrongResource(provider, request.resource)
  return wrong === undefined ? undefined : fault('invalid_target', `resource "${wrong}" is unknown`)
}
