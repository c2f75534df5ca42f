import { acceptedAlgorithms } from '../../config/algorithms.ts'
import { optionsInvalid } from '../../config/checks.ts'
import type { OidcUnknownClaims } from '../../config/claims.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { AccessTokenRefused, fetchUserInfo } from '../../provider/endpoints.ts'
import type { PresentedToken } from '../../provider/protected-resource.ts'
import { verifyUserInfo } from '../../tokens/user-info-response.ts'
import type { Instance } from '../instance.ts'

/** Fetches a user's claims from the userinfo endpoint, and verifies `sub` and any signature (OIDC Core, section 5.3.2). */
export async function fetchVerifiedUserInfo(
  instance: Instance,
  { accessToken, dpop }: PresentedToken,
  user: { readonly iss: string; readonly sub: string },
): Promise<OidcUnknownClaims> {
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
 * Fetches a user's claims with an access token that does not belong to a login.
 *
 * @throws OidcError `token_invalid` (401 if the provider rejects the token, 502 if its response is invalid),
 * `options_invalid`, and any error of a request to the provider
 */
export async function fetchUserInfoForToken(
  instance: Instance,
  accessToken: string,
  sub: string,
): Promise<OidcUnknownClaims> {
  if (typeof sub !== 'string' || sub === '')
    throw optionsInvalid('userInfo()', ['`sub` must be a non-empty string; pass the expected subject'])
  // Other characters are invalid in a header, and fetch() would quote the token in its error (RFC 6749, appendix A.12).
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken))
    throw refused('the value is not an access token')
  const { metadata } = await instance.provider.ready()
  try {
    return await fetchVerifiedUserInfo(instance, { accessToken, dpop: undefined }, { iss: metadata.issuer, sub })
  } catch (error) {
    throw error instanceof AccessTokenRefused ? refused(error.detail) : error
  }
}

function refused(detail: string | undefined): OidcError {
  return fail('token_invalid', detail, { status: 401, message: 'The access token is invalid.' })
}
