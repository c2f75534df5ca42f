import type { OidcTokenSet } from '../../config/claims.ts'
import { nowSeconds } from '../../core/clock.ts'
import { describe } from '../../core/describe.ts'
import { OidcError } from '../../core/errors.ts'
import type { IssuedTokens, DpopHandle } from '../../provider/token-response.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import { tokenInvalid } from '../../tokens/token-rejected.ts'
import { decodeStoredIdToken, verifyIdToken, type IdTokenClaims } from '../../tokens/id-token.ts'
import { identifyUser, readAccessToken } from '../login/identity.ts'
import { makeClientTokenChecks } from '../client-token-checks.ts'
import type { Instance } from '../instance.ts'
import type { TokenChange } from './stored-tokens.ts'
import { describeAuthentication } from '../login/new-login-entry.ts'
import { formatTargetName, addAdditionalToken, type Target } from './target.ts'

/** A login, and the handle of the key that its tokens are bound to, if any. */
export interface BoundEntry {
  readonly entry: LoginEntry
  readonly dpop: DpopHandle | undefined
}

/**
 * Returns the change that a refresh of the login's own access token makes. Values that the response omits, or that cannot
 * be verified now, stay as they were: the former refresh token may be used up, so the new tokens must not be lost.
 *
 * @throws OidcError `token_invalid` if the ID token is invalid or of another login (OIDC Core, section 12.2),
 * `login_refused` if a rule of the issuer refuses the user
 */
export async function reidentify(
  instance: Instance,
  response: IssuedTokens,
  former: StoredTokens,
  { entry, dpop }: BoundEntry,
): Promise<(there: StoredTokens) => TokenChange> {
  const claims = await reportFaults(instance, () => verifyRefreshedIdToken(instance, response, former, entry))
  const found = await reportFaults(instance, async () => {
    const current = claims ?? { ...decodeStoredIdToken(former.idToken), iat: nowSeconds() }
    const known = { ...current, iss: entry.issuer, sub: entry.sub }
    const { user, roles } = await identifyUser(instance, { accessToken: response.accessToken, dpop }, known)
    return { user, roles }
  })
  const own = readAccessToken(response, former.scope)
  const changes = {
    ...found,
    ...(claims && describeRefreshed(instance, claims, entry)),
    checkedAt: nowSeconds(),
    ...(own.expiresAt === undefined ? {} : { accessTokenEndsAt: own.expiresAt }),
  }
  return (there) => ({
    tokens: {
      ...there,
      ...own,
      refreshToken: response.refreshToken ?? former.refreshToken,
      idToken: claims && response.idToken !== undefined ? response.idToken : former.idToken,
    },
    makeEntry: ({ accessTokenEndsAt: _former, ...entry }) => ({ ...entry, ...changes }),
  })
}

/**
 * Reads how the user authenticated from a refreshed ID token. Its `auth_time` must be that of the original authentication
 * (OIDC Core, section 12.2), so a later one does not count.
 */
function describeRefreshed(
  instance: Instance,
  claims: IdTokenClaims,
  former: LoginEntry,
): Pick<LoginEntry, 'acr' | 'authTime'> {
  const found = describeAuthentication(instance, claims)
  const times = [former.authTime, found.authTime].filter((time) => time !== undefined)
  return { ...found, ...(times.length > 0 && { authTime: Math.min(...times) }) }
}

/**
 * Returns the change that a refresh for another scope or resource makes: one more access token, and the refresh token. User
 * and roles stay as they were, because roles may be in the login's own access token only.
 *
 * @throws OidcError `token_invalid` if the ID token is invalid or of another login (OIDC Core, section 12.2),
 * `login_refused` if a rule of the issuer refuses the user
 */
export async function addOtherToken(
  instance: Instance,
  response: IssuedTokens,
  { sent, entry, target }: { readonly sent: StoredTokens; readonly entry: LoginEntry; readonly target: Target },
): Promise<(there: StoredTokens) => TokenChange> {
  await reportFaults(instance, () => verifyRefreshedIdToken(instance, response, sent, entry))
  const token = readAccessToken(response, target.scope ?? sent.scope)
  const refreshToken = response.refreshToken ?? sent.refreshToken
  return (there) => ({
    tokens: addAdditionalToken({ ...there, refreshToken }, formatTargetName(target), token),
    makeEntry: (entry) => entry,
  })
}

/** Verifies the ID token of a refresh (OIDC Core, section 12.2); undefined if the response has none. */
async function verifyRefreshedIdToken(
  instance: Instance,
  response: IssuedTokens,
  former: OidcTokenSet,
  entry: LoginEntry,
): Promise<IdTokenClaims | undefined> {
  if (response.idToken === undefined) return undefined
  const { nonce } = decodeStoredIdToken(former.idToken)
  const claims = await verifyIdToken(response.idToken, instance.keys, {
    ...(await makeClientTokenChecks(instance)),
    nonce: typeof nonce === 'string' ? nonce : undefined,
    isRefreshed: true,
  })
  if (claims.iss !== entry.issuer) throw tokenInvalid('ID token', 'iss differs from that of the login')
  if (claims.sub !== entry.sub) throw tokenInvalid('ID token', 'sub differs from that of the login')
  return claims
}

/** Returns undefined and emits `provider_fault` if the provider is unavailable or a function of the application fails. */
async function reportFaults<Found>(instance: Instance, find: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof OidcError && (error.code === 'token_invalid' || error.code === 'login_refused')) throw error
    instance.events.log.failure(error)
    instance.events.emit('provider_fault', {
      detail: `after a refresh: ${error instanceof OidcError ? (error.detail ?? error.code) : describe(error)}`,
    })
    return undefined
  }
}
