import type { TokenSet, UnknownClaims } from '../../config/claims.ts'
import { idTokenAlgorithms } from '../../config/algorithms.ts'
import { nowSeconds } from '../../core/clock.ts'
import { OidcError, describe } from '../../core/errors.ts'
import type { IssuedTokens, DpopHandle } from '../../provider/token-response.ts'
import type { Slot } from '../../store/slot.ts'
import type { KeptTokens } from '../../store/tokens.ts'
import { tokenInvalid } from '../../tokens/token-rejected.ts'
import { claimsOfKept, verifyIdToken, type IdTokenClaims } from '../../tokens/id-token.ts'
import { withDistributedClaims } from '../../tokens/issuer-checks.ts'
import { accessTokenOf, ownAccessToken, rolesOf, userOf } from '../login/identity.ts'
import type { Instance } from '../instance.ts'
import type { TokenChange } from './kept-tokens.ts'
import { aboutLogin } from '../login/new-slot.ts'
import { nameOfTarget, withOther, type Target } from './target.ts'
import { userInfoOf } from '../login/user-info.ts'

/** A login with the key that its tokens are bound to, if any. */
export interface BoundSlot {
  readonly slot: Slot
  readonly dpop: DpopHandle | undefined
}

/**
 * What a refresh of the login's own access token makes of it. What the refresh did not bring, or what cannot be verified
 * just now, stays as it was: the tokens are the login's only ones by then, and must not be lost for it.
 *
 * @throws OidcError `token_invalid` where the ID token is not good or not of this login (OIDC Core 12.2).
 */
export async function reidentify(
  instance: Instance,
  response: IssuedTokens,
  former: KeptTokens,
  { slot, dpop }: BoundSlot,
): Promise<(there: KeptTokens) => TokenChange> {
  const claims = await tellingFaults(instance, () => verified(instance, response, former, slot))
  const found = await tellingFaults(instance, () =>
    identity(instance, response, claims ?? claimsOfKept(former.idToken), { slot, dpop }),
  )
  const own = accessTokenOf(response, former.scope)
  const changes = {
    ...found,
    ...(claims && aboutLogin(instance, claims)),
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
    slotFrom: ({ accessTokenEndsAt: _former, ...kept }) => ({ ...kept, ...changes }),
  })
}

/**
 * What a refresh for another scope or resource makes of a login: one access token more, and the refresh token. Of the user
 * it says nothing, since roles may be in the login's own access token alone.
 *
 * @throws OidcError `token_invalid` where the ID token is not good or not of this login (OIDC Core 12.2).
 */
export async function otherToken(
  instance: Instance,
  response: IssuedTokens,
  { sent, slot, target }: { readonly sent: KeptTokens; readonly slot: Slot; readonly target: Target },
): Promise<(there: KeptTokens) => TokenChange> {
  await tellingFaults(instance, () => verified(instance, response, sent, slot))
  const token = accessTokenOf(response, target.scope ?? sent.scope)
  const refreshToken = response.refreshToken ?? sent.refreshToken
  return (there) => ({
    tokens: withOther({ ...there, refreshToken }, nameOfTarget(target), token),
    slotFrom: (kept) => kept,
  })
}

/** The claims of the ID token; undefined where there is none. */
async function verified(
  instance: Instance,
  response: IssuedTokens,
  former: TokenSet,
  slot: Slot,
): Promise<IdTokenClaims | undefined> {
  if (response.idToken === undefined) return undefined
  const { options, provider, keys } = instance
  const { metadata } = await provider.ready()
  const { nonce } = claimsOfKept(former.idToken)
  const claims = await verifyIdToken(response.idToken, keys, {
    issuer: metadata.issuer,
    clientId: options.clientId,
    clockToleranceSeconds: options.clockToleranceSeconds,
    rules: options.rules,
    nonce: typeof nonce === 'string' ? nonce : undefined,
    isRefreshed: true,
    algorithms: idTokenAlgorithms(options.idTokenSignedResponseAlg, metadata.id_token_signing_alg_values_supported),
  })
  if (claims.iss !== slot.issuer) throw tokenInvalid('ID token', 'iss is another than that of the login')
  if (claims.sub !== slot.sub) throw tokenInvalid('ID token', 'sub is another than that of the login')
  return claims
}

/** Who the login is of, as it is known now. */
async function identity(
  instance: Instance,
  response: IssuedTokens,
  idToken: UnknownClaims,
  { slot, dpop }: BoundSlot,
): Promise<Pick<Slot, 'user' | 'roles'>> {
  const { options } = instance
  const whole = { ...idToken, iss: slot.issuer, sub: slot.sub, iat: nowSeconds() } as IdTokenClaims
  const claims = options.rules ? await withDistributedClaims(whole, options.rules, response.accessToken) : whole
  const info =
    options.userInfo === 'login'
      ? await userInfoOf(instance, { accessToken: response.accessToken, dpop }, whole)
      : undefined
  const accessToken = options.roles ? await ownAccessToken(instance, response.accessToken, claims, dpop) : undefined
  return { user: userOf({ ...info, ...claims }), roles: rolesOf(options, claims, accessToken, info) }
}

/** Nothing, where something is out of reach or a function of the application failed; that is told. */
async function tellingFaults<Found>(instance: Instance, find: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof OidcError && (error.code === 'token_invalid' || error.code === 'login_refused')) throw error
    instance.events.emit('provider_fault', {
      detail: `after a refresh: ${error instanceof OidcError ? (error.detail ?? error.code) : describe(error)}`,
    })
    return undefined
  }
}
