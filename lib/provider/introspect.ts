import { tokenIntrospection } from 'openid-client'
import type { OidcUnknownClaims } from '../config/claims.ts'
import { convertClientError } from './client-fault.ts'
import { responseInvalid } from './provider-faults.ts'
import type { Provider } from './provider.ts'

/** Introspects an access token (RFC 7662, section 2). Returns its claims; undefined if the token is not active. */
export async function introspect(provider: Provider, token: string): Promise<OidcUnknownClaims | undefined> {
  const { configuration, metadata } = await provider.ready()
  try {
    if (metadata.introspection_endpoint === undefined) {
      throw responseInvalid('introspection: the metadata has no introspection_endpoint')
    }
    const { active, ...claims } = await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
    return active ? claims : undefined
  } catch (error) {
    const request = { what: 'introspection', endpoint: 'introspection_endpoint', secrets: [token] } as const
    throw await convertClientError(provider, error, request)
  }
}
