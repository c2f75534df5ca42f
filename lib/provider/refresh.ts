import { refreshTokenGrant, tokenRevocation } from 'openid-client'
import { OidcError } from '../core/errors.ts'
import { credentials, providerFault } from './faults.ts'
import type { Provider } from './provider.ts'
import { isInvalidGrant, issuedTokens, type IssuedTokens } from './token-response.ts'

/** The provider does not know the refresh token, or not any more (RFC 6749 5.2): its login has ended there. */
export class RefreshRefused extends OidcError {
  constructor() {
    super('login_required', 'You need to log in again.', {
      status: 401,
      detail: 'the provider does not know the refresh token, or not any more (invalid_grant)',
    })
  }
}

/** Sends a refresh token for new tokens (RFC 6749 6). */
export async function refreshGrant(provider: Provider, refreshToken: string): Promise<IssuedTokens> {
  const { configuration } = await provider.ready()
  try {
    return issuedTokens(await refreshTokenGrant(configuration, refreshToken))
  } catch (error) {
    if (isInvalidGrant(error)) throw new RefreshRefused()
    throw providerFault(error, 'refresh', [refreshToken, ...credentials(provider.options)])
  }
}

/** Revokes a refresh token (RFC 7009), with all that was got by it; does nothing where the provider cannot. */
export async function revokeRefreshToken(provider: Provider, refreshToken: string): Promise<void> {
  const { configuration, metadata } = await provider.ready()
  if (metadata.revocation_endpoint === undefined) return
  try {
    await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' })
  } catch (error) {
    throw providerFault(error, 'revocation', [refreshToken, ...credentials(provider.options)])
  }
}
