import { buildEndSessionUrl, fetchUserInfo } from 'openid-client'
import type { UnknownClaims } from '../config/claims.ts'
import { providerFault } from './faults.ts'
import type { Provider } from './provider.ts'

/** The URL that ends the login at the provider (OIDC RP-Initiated Logout 2); undefined where it has no such endpoint. */
export async function endSessionUrl(
  provider: Provider,
  parameters: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { configuration, metadata } = await provider.ready()
  if (metadata.end_session_endpoint === undefined) return undefined
  return buildEndSessionUrl(configuration, parameters).href
}

/** The userinfo answer (OIDC Core 5.3), its subject compared with that of the ID token (5.3.2). */
export async function userInfo(provider: Provider, accessToken: string, sub: string): Promise<UnknownClaims> {
  const { configuration } = await provider.ready()
  try {
    return await fetchUserInfo(configuration, accessToken, sub)
  } catch (error) {
    throw providerFault(error, 'userinfo')
  }
}

/** The key set of the provider (RFC 7517), as it answers it. */
export async function fetchKeySet(provider: Provider): Promise<unknown> {
  const { metadata } = await provider.ready()
  try {
    const response = await provider.http(metadata.jwks_uri as string, {
      headers: { accept: 'application/jwk-set+json, application/json' },
    })
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    return await response.json()
  } catch (error) {
    throw providerFault(error, 'key set')
  }
}
