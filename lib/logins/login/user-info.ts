import { acceptedAlgorithms } from '../../config/algorithms.ts'
import { optionsInvalid } from '../../config/checks.ts'
import type { UnknownClaims } from '../../config/claims.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { AccessTokenRefused, fetchUserInfo } from '../../provider/endpoints.ts'
import type { PresentedToken } from '../../provider/protected-resource.ts'
import { verifyUserInfo } from '../../tokens/user-info-response.ts'
import type { Instance } from '../instance.ts'

/** What the userinfo endpoint says of a user (OIDC Core 5.3), verified: signed answers too, and that it is this user. */
export async function userInfoOf(
  instance: Instance,
  { accessToken, dpop }: PresentedToken,
  user: { readonly iss: string; readonly sub: string },
): Promise<UnknownClaims> {
  const { options, provider, keys } = instance
  return verifyUserInfo(await fetchUserInfo(provider, accessToken, dpop), keys, {
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
 * @throws OidcError `token_invalid` (401) where the provider does not accept it, `options_invalid`
 */
export async function userInfoForToken(instance: Instance, accessToken: string, sub: string): Promise<UnknownClaims> {
  if (typeof sub !== 'string' || sub === '')
    throw optionsInvalid('userInfo()', ['sub must be the subject that is expected'])
  // It could go into no header, and the error of that would quote it (RFC 6749 A.12).
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) throw refused('it is no token')
  const { metadata } = await instance.provider.ready()
  try {
    return await userInfoOf(instance, { accessToken, dpop: undefined }, { iss: metadata.issuer, sub })
  } catch (error) {
    throw error instanceof AccessTokenRefused ? refused(error.detail) : error
  }
}

function refused(detail: string | undefined): OidcError {
  return fail('token_invalid', detail, { status: 401, message: 'The access token is not valid.' })
}
