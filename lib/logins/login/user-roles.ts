import type { OidcUnknownClaims } from '../../config/claims.ts'
import { hasRoleClaims, readRoles } from '../../config/role-claims.ts'
import { OidcError } from '../../core/errors.ts'
import type { PresentedToken } from '../../provider/protected-resource.ts'
import { looksLikeJwt, verifyOwnAccessToken } from '../../tokens/access-token.ts'
import type { IdTokenClaims } from '../../tokens/id-token.ts'
import { readUnverifiedClaims } from '../../tokens/presented-token.ts'
import type { Instance } from '../instance.ts'

/**
 * Returns the roles of a user, from verified claims only. Without the option `roles`, the access token is verified only if
 * it has roles for this application.
 *
 * @throws OidcError `hook_failed` if the option `roles` fails; `provider_unavailable` if the keys cannot be fetched
 */
export async function readUserRoles(
  instance: Instance,
  presented: PresentedToken,
  idToken: IdTokenClaims,
  userInfo: OidcUnknownClaims | undefined,
): Promise<readonly string[]> {
  const { roles } = instance.options
  if (roles) {
    return readRoles(roles, { idToken, accessToken: await readVerifiedClaims(instance, presented, idToken), userInfo })
  }
  const mayHaveRoles = hasRoleClaims(omitForeignRoles(instance, readUnverifiedClaims(presented.accessToken)))
  const claims = mayHaveRoles ? await readVerifiedClaims(instance, presented, idToken) : undefined
  return readRoles(undefined, { idToken, accessToken: claims && omitForeignRoles(instance, claims), userInfo })
}

/**
 * Leaves out the claim `roles` of a token for another API, because it contains the user's roles at that API. Keycloak's
 * claims name the realm or the client of each role, and mean the same in every token.
 */
function omitForeignRoles({ options }: Instance, claims: OidcUnknownClaims): OidcUnknownClaims {
  const audience = [claims['aud']].flat()
  const isForThis = [options.clientId, ...options.bearer.audience].some((own) => audience.includes(own))
  return isForThis ? claims : { ...claims, roles: undefined }
}

/** Returns the claims of the login's own access token, or undefined if they cannot be verified. */
async function readVerifiedClaims(
  { options, keys, events }: Instance,
  { accessToken, dpop }: PresentedToken,
  user: IdTokenClaims,
): Promise<OidcUnknownClaims | undefined> {
  if (!looksLikeJwt(accessToken)) return undefined
  try {
    return await verifyOwnAccessToken(accessToken, keys, {
      issuer: user.iss,
      clientId: options.clientId,
      sub: user.sub,
      thumbprint: await dpop?.calculateThumbprint(),
      clockToleranceSeconds: options.clockToleranceSeconds,
    })
  } catch (error) {
    // Access tokens are meant for the API: some cannot be verified here. Unavailable keys, however, are a fault.
    if (!(error instanceof OidcError) || error.code !== 'token_invalid') throw error
    events.log.warnOnce(
      'OIDC_ACCESS_TOKEN_UNVERIFIED',
      `the roles are read without the access token of ${user.iss}, which failed verification (${error.detail})`,
      'have the provider put them into the ID token or userinfo',
    )
    return undefined
  }
}
