import { WWWAuthenticateChallengeError } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'
import { describeAlgorithm, describeClockDifference } from '../core/token-mismatch.ts'
import { describe } from '../core/describe.ts'
import { fail, OidcError, providerUnavailable } from '../core/errors.ts'
import { formatWords, listCauses, readProviderWords, type ProviderWords } from './provider-words.ts'

/**
 * Converts an error of openid-client. The original is not kept as `cause`: its own causes carry codes, tokens and claims,
 * which loggers print.
 */
export async function convertProviderError(
  error: unknown,
  what: string,
  secrets: readonly (string | undefined)[] = [],
): Promise<OidcError> {
  // openid-client wraps what the HTTP client rejects with.
  const own = listCauses(error).find((cause) => cause instanceof OidcError)
  if (own) return own
  const words = await readProviderWords(error)
  // The URL of an endpoint comes from the provider.
  const detail = `${what.slice(0, 500)}: ${describeWithoutSecrets(error, words, secrets)}`
  // The retry had the nonce that the server sent, but that nonce had expired by then (RFC 9449, section 8).
  if (wantsNonce(error)) return providerUnavailable(detail)
  return classifyError(error, words, detail)
}

function classifyError(error: unknown, words: ProviderWords | undefined, detail: string): OidcError {
  const { code, status, cause } = error as { code?: unknown; status?: unknown; cause?: unknown }
  switch (code) {
    case 'OAUTH_TIMEOUT':
      return providerUnavailable(detail)
    case 'OAUTH_RESPONSE_BODY_ERROR':
    case 'OAUTH_WWW_AUTHENTICATE_CHALLENGE':
      return rejection(status, words, detail)
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
      if (!(cause instanceof Response)) return responseInvalid(detail)
      if (cause.status !== 401 && !(cause.ok && words)) return statusFault(cause, detail)
      return rejection(cause.status, words, `${detail}; status ${cause.status}`)
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
      if (cause instanceof Response && cause.status === 401) return rejection(401, words, `${detail}; status 401`)
      // While a provider is down, proxies answer with a page instead of JSON.
      return providerUnavailable(detail)
    case 'OAUTH_PARSE_ERROR':
      // A truncated response means that the provider is failing; a malformed ID token violates the protocol.
      return /\bJWT\b/.test(detail) ? responseInvalid(detail) : providerUnavailable(detail)
    case 'OAUTH_INVALID_RESPONSE':
      // Slack and GitHub send their error responses with the status 200.
      return words ? rejection(200, words, `${detail}; status 200`) : responseInvalid(detail)
    case 'OAUTH_HTTP_REQUEST_FORBIDDEN':
    case 'OAUTH_MISSING_SERVER_METADATA':
    case 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED':
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
    case 'OAUTH_UNSUPPORTED_OPERATION':
    case 'OAUTH_DECRYPTION_FAILED':
      return responseInvalid(detail)
  }
  // Errors of `fetch` have no such code: network, DNS, TLS, a timeout, a body that is too large.
  return providerUnavailable(detail)
}

/** Creates the error for an error response: the provider is down, or it rejects the client. */
function rejection(status: unknown, words: ProviderWords | undefined, detail: string): OidcError {
  const isFailing = words?.error === 'temporarily_unavailable' || words?.error === 'server_error'
  return isDown(status) || isFailing ? providerUnavailable(detail) : fail('client_rejected', detail)
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
export function encodeForm(text: string): string {
  return encodeURIComponent(text)
    .replace(/[-_.!~*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

/** Whether a status means a temporary failure. */
export function isDown(status: unknown): boolean {
  return typeof status === 'number' && (status >= 500 || status === 429 || status === 408)
}

/** Creates the error for an unexpected status: the provider is down, or violates the protocol. */
export function statusFault(response: Response, detail: string): OidcError {
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

/** Joins names, codes and messages of an error and its causes, without their other properties. */
function describeWithoutSecrets(
  error: unknown,
  words: ProviderWords | undefined,
  secrets: readonly (string | undefined)[],
): string {
  const causes = listCauses(error)
  const parts: string[] = []
  for (const cause of causes.slice(0, 4)) {
    if (!(cause instanceof Error)) break
    // A syntax error's message quotes the text that it could not parse.
    parts.push(cause instanceof SyntaxError ? 'SyntaxError' : describe(cause, secrets))
  }
  const { status } = error as { status?: unknown }
  if (typeof status === 'number') parts.push(`status ${status}`)
  if (words) parts.push(formatWords(words, secrets))
  parts.push(...causes.map(findMismatch).filter((text) => text !== undefined))
  return parts.join('; ') || 'unknown error'
}

/** Returns what a cause says of two values that differ: the algorithm of a token, or the clocks. */
function findMismatch(cause: unknown): string | undefined {
  const { header, expected, claims, now } = Object(cause) as Readonly<Record<string, unknown>>
  // Only the checks of a token's times have `now`.
  if (now !== undefined) return describeClockDifference((Object(claims) as { iat?: unknown }).iat)
  const { alg } = Object(header) as { alg?: unknown }
  return alg === undefined || expected === undefined ? undefined : describeAlgorithm(alg, [expected].flat())
}
