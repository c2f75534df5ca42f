import { acceptedAlgorithms } from '../config/algorithms.ts'
import type { UnknownClaims } from '../config/claims.ts'
import { OidcError } from '../core/errors.ts'
import { AccessTokenRefused, fetchUserInfo } from '../provider/endpoints.ts'
import { verifyUserInfo } from '../tokens/user-info.ts'
import type { Instance } from './instance.ts'

/** What the userinfo endpoint says of a user (OIDC Core 5.3), verified: signed answers too, and that it is this user. */
export async function userInfoOf(
  instance: Instance,
  accessToken: string,
  user: { readonly iss: string; readonly sub: string },
): Promise<UnknownClaims> {
  const { options, provider, keys } = instance
  return verifyUserInfo(await fetchUserInfo(provider, accessToken), keys, {
    issuer: user.iss,
    clientId: options.clientId,
    clockToleranceSeconds: options.clockToleranceSeconds,
    sub: user.sub,
    algorithms: acceptedAlgorithms,
  })
}

/**
 * The same for an access token that came some other way.
 *
 * @throws OidcError `token_invalid` (401) where the provider does not accept it.
 */
export async function userInfoForToken(instance: Instance, accessToken: string, sub: string): Promise<UnknownClaims> {
  const { metadata } = await instance.provider.ready()
  try {
    return await userInfoOf(instance, accessToken, { iss: metadata.issuer, sub })
  } catch (error) {
    if (!(error instanceof AccessTokenRefused)) throw error
    const { message, detail } = error
    throw new OidcError('token_invalid', message, { status: 401, detail })
  }
}
