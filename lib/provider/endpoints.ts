import { WWWAuthenticateChallengeError, buildEndSessionUrl, fetchProtectedResource } from 'openid-client'
import type { OidcUnknownClaims } from '../config/claims.ts'
import { OidcError } from '../core/errors.ts'
import { makeProofOption } from './dpop-keys.ts'
import { convertProviderError, responseInvalid, statusFault } from './provider-faults.ts'
import type { HttpClient } from './http-client.ts'
import type { Provider } from './provider.ts'
import type { DpopHandle } from './token-response.ts'

/**
 * Returns the URL that ends the login at the provider (OIDC RP-Initiated Logout, section 2); undefined if the provider has
 * no such endpoint.
 */
export async function makeEndSessionUrl(
  provider: Provider,
  parameters: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { configuration, metadata } = await provider.ready()
  if (metadata.end_session_endpoint === undefined) return undefined
  return buildEndSessionUrl(configuration, parameters).href
}

/** A userinfo error for an access token that the provider no longer accepts (OIDC Core, section 5.3.3). */
export class AccessTokenRefused extends OidcError {
  constructor(detail: string | undefined) {
    super('token_invalid', 'The login service rejected the access token.', { status: 502, detail })
  }
}

/** Fetches the userinfo response (OIDC Core, section 5.3.2): claims, or a JWT that is not verified yet. */
export async function fetchUserInfo(
  provider: Provider,
  accessToken: string,
  dpop: DpopHandle | undefined,
): Promise<OidcUnknownClaims | string> {
  const { configuration, metadata } = await provider.ready()
  try {
    if (metadata.userinfo_endpoint === undefined)
      throw responseInvalid('userinfo: the metadata has no userinfo_endpoint')
    const url = new URL(metadata.userinfo_endpoint)
    const headers = new Headers({ accept: 'application/json, application/jwt' })
    const response = await fetchProtectedResource(
      configuration,
      accessToken,
      url,
      'GET',
      undefined,
      headers,
      makeProofOption(dpop),
    )
    if (response.status !== 200) throw statusFault(response, `userinfo at ${url.href}`)
    const text = await response.text()
    return /^application\/jwt\b/i.test(response.headers.get('content-type') ?? '')
      ? text
      : requireObject(JSON.parse(text))
  } catch (error) {
    const fault = await convertProviderError(error, `userinfo at ${String(metadata.userinfo_endpoint)}`, [accessToken])
    const isRefused = fault.code === 'client_rejected' && error instanceof WWWAuthenticateChallengeError
    if (isRefused && error.status === 401) throw new AccessTokenRefused(fault.detail)
    throw fault
  }
}

function requireObject(value: unknown): OidcUnknownClaims {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as OidcUnknownClaims
  throw responseInvalid('userinfo: the response is not a JSON object')
}

/** Fetches the key set of the provider (RFC 7517), unchecked. */
export async function fetchKeySet(provider: Provider): Promise<unknown> {
  const { metadata } = await provider.ready()
  return fetchKeys(provider.http, metadata.jwks_uri as string)
}

/** Fetches the key set at a URL (RFC 7517), unchecked. */
export async function fetchKeys(http: HttpClient, url: string): Promise<unknown> {
  try {
    const response = await http(url, { headers: { accept: 'application/jwk-set+json, application/json' } })
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    return await response.json()
  } catch (error) {
    throw await convertProviderError(error, `key set at ${url}`)
  }
}
