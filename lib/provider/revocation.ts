import { tokenRevocation } from 'openid-client'
import { convertClientError } from './client-fault.ts'
import type { Provider } from './provider.ts'

/** Values of `token_type_hint` (RFC 7009, section 2.1). */
export type TokenTypeHint = 'refresh_token' | 'access_token'

/** Revokes a token (RFC 7009). Does nothing if the provider has no such endpoint. */
export async function revokeToken(provider: Provider, token: string, hint: TokenTypeHint): Promise<void> {
  const { configuration, metadata } = await provider.ready()
  if (metadata.revocation_endpoint === undefined) return
  try {
    await tokenRevocation(configuration, token, { token_type_hint: hint })
  } catch (error) {
    const request = { what: 'revocation', endpoint: 'revocation_endpoint', secrets: [token] } as const
    throw await convertClientError(provider, error, request)
  }
}
