import { WWWAuthenticateChallengeError } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'
import { describe, maskSecrets } from '../core/describe.ts'
import { fail, OidcError, providerUnavailable } from '../core/errors.ts'

/**
 * Converts an error of openid-client. The original is not kept as `cause`: its own causes carry codes, tokens and claims,
 * which loggers print.
 */
export function providerFault(error: unknown, what: string, secrets: readonly (string | undefined)[] = []): OidcError {
  if (error instanceof OidcError) return error
  const { code, status, error: oauthError } = error as { code?: unknown; status?: unknown; error?: unknown }
  const detail = `${what}: ${describeWithoutSecrets(error, secrets)}`
  // The retry had the nonce that the server sent, but that nonce had expired by then (RFC 9449, section 8).
  if (wantsNonce(error)) return providerUnavailable(detail)
  switch (code) {
    case 'OAUTH_TIMEOUT':
      return providerUnavailable(detail)
    case 'OAUTH_RESPONSE_BODY_ERROR':
      if (isDown(status)) return providerUnavailable(detail)
      if (oauthError === 'temporarily_unavailable' || oauthError === 'server_error') return providerUnavailable(detail)
      return clientRejected(detail)
    case 'OAUTH_WWW_AUTHENTICATE_CHALLENGE':
      if (isDown(status)) return providerUnavailable(detail)
      return clientRejected(detail)
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM': {
      const response = (error as Error).cause
      return response instanceof Response ? statusFault(response, detail) : responseInvalid(detail)
    }
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
      // While a provider is down, proxies answer with a page instead of JSON.
      return providerUnavailable(detail)
    case 'OAUTH_PARSE_ERROR':
      // A truncated response means that the provider is failing; a malformed ID token violates the protocol.
      return /\bJWT\b/.test(detail) ? responseInvalid(detail) : providerUnavailable(detail)
    case 'OAUTH_HTTP_REQUEST_FORBIDDEN':
    case 'OAUTH_MISSING_SERVER_METADATA':
    case 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED':
    case 'OAUTH_INVALID_RESPONSE':
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
    case 'OAUTH_UNSUPPORTED_OPERATION':
    case 'OAUTH_DECRYPTION_FAILED':
      return responseInvalid(detail)
  }
  // Errors of `fetch` have no such code: network, DNS, TLS, a timeout, a body that is too large.
  return providerUnavailable(detail)
}

/** Whether a request was rejected only for the nonce of its DPoP proof. */
function wantsNonce(error: unknown): boolean {
  const { error: oauthError, cause } = error as { error?: unknown; cause?: unknown }
  const challenges: unknown[] = error instanceof WWWAuthenticateChallengeError && Array.isArray(cause) ? cause : []
  const asked = challenges.map((challenge) => (challenge as { parameters?: { error?: unknown } }).parameters?.error)
  return [oauthError, ...asked].includes('use_dpop_nonce')
}

/** Returns the client's credentials in each form that the provider's response could repeat (RFC 6749, section 2.3.1). */
export function listCredentials({
  clientId,
  clientSecret,
}: Pick<ResolvedOptions, 'clientId' | 'clientSecret'>): string[] {
  if (clientSecret === undefined) return []
  const secret = encodeForm(clientSecret)
  return [clientSecret, secret, btoa(`${encodeForm(clientId)}:${secret}`)]
}

/** Encodes all but letters and digits, as openid-client does in an `Authorization` header. */
function encodeForm(text: string): string {
  return encodeURIComponent(text)
    .replace(/[-_.!~*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

/** Whether a status means a temporary failure. */
function isDown(status: unknown): boolean {
  return typeof status === 'number' && (status >= 500 || status === 429)
}

/** Creates the error for an unexpected status: the provider is down, or violates the protocol. */
export function statusFault(response: Response, detail: string = 'userinfo'): OidcError {
  const text = `${detail} (status ${response.status})`
  // Even with a success status, a page comes from a proxy: see OAUTH_RESPONSE_IS_NOT_JSON.
  const isPage = response.ok && /^text\/html\b/i.test(response.headers.get('content-type') ?? '')
  if (!isDown(response.status) && !isPage) return responseInvalid(text)
  const retryAfter = Number(response.headers.get('retry-after'))
  return retryAfter > 0 ? providerUnavailable(text, Math.min(retryAfter, 300)) : providerUnavailable(text)
}

/** Creates the error for a response that violates the protocol. */
export function responseInvalid(detail: string): OidcError {
  return fail('provider_response_invalid', detail)
}

function clientRejected(detail: string): OidcError {
  return fail('client_rejected', detail)
}

/** Joins names, codes and messages of an error and its causes, without their other properties. */
function describeWithoutSecrets(error: unknown, secrets: readonly (string | undefined)[]): string {
  const parts: string[] = []
  let current = error
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    // A syntax error's message quotes the text that it could not parse.
    parts.push(current instanceof SyntaxError ? 'SyntaxError' : describe(current, secrets))
    const { error: oauthError, error_description: description } = current as {
      error?: unknown
      error_description?: unknown
    }
    if (typeof oauthError === 'string') {
      const text =
        typeof description === 'string' ? ` ${JSON.stringify(maskSecrets(description, secrets).slice(0, 300))}` : ''
      parts.push(`${JSON.stringify(maskSecrets(oauthError, secrets).slice(0, 100))}${text}`)
    }
    const named = findDiscoveredIssuer(current.cause)
    if (named) parts.push(named)
    current = current.cause
  }
  return parts.join('; ') || 'unknown error'
}

/**
 * Returns the issuer in the metadata, if it is not the configured one (OIDC Discovery, section 4.3). It is the value to
 * set.
 */
function findDiscoveredIssuer(cause: unknown): string | undefined {
  const { attribute, body } = (cause ?? {}) as { attribute?: unknown; body?: { issuer?: unknown } }
  if (attribute !== 'issuer' || typeof body?.issuer !== 'string') return undefined
  return `the issuer of the metadata is ${JSON.stringify(body.issuer.slice(0, 300))}; set \`issuer\` to exactly this value if it is correct`
}
