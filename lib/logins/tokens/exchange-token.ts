import { nowSeconds } from '../../core/clock.ts'
import { ExchangeRefused, exchangeToken } from '../../provider/token-exchange-grant.ts'
import type { IssuedTokens } from '../../provider/token-response.ts'
import type { AccessToken } from '../../store/tokens.ts'
import { restoreDpop } from './dpop.ts'
import { readAccessToken } from '../login/identity.ts'
import type { Instance } from '../instance.ts'
import { changeTokens, loginEnded, readTokens, unreadable, type LoginPlace } from './stored-tokens.ts'
import { findFreshToken, requireGrantedScope } from './refresh.ts'
import { formatExchangeName, ownTarget, findNamedToken, addAdditionalToken, type Target } from './target.ts'
import { isFresh } from './freshness.ts'

/** Parameters of a token exchange (RFC 8693, section 2.1). */
export interface RequestedExchange {
  readonly audience: readonly string[]
  readonly target: Target
  readonly minValidSeconds: number
}

/**
 * Age in seconds up to which an access token counts as new. If the exchange of a new token fails, the token is not the
 * reason.
 */
const newSeconds = 30

/**
 * Returns an access token that the provider issues in exchange for the login's own (RFC 8693). It is stored and reused
 * until it expires.
 *
 * @throws OidcError `client_rejected` if the provider refuses the exchange to this client, `not_allowed` if it refuses it
 * to this user or grants less scope, and the errors of {@link findFreshToken}
 */
export async function findExchangedToken(
  instance: Instance,
  place: LoginPlace,
  { audience, target, minValidSeconds }: RequestedExchange,
): Promise<AccessToken> {
  const name = formatExchangeName(audience, target)
  // A step-up login can only add the scope: the resource belongs to the exchange, not to the authorization request.
  const ofLogin = { scope: target.scope, resource: [] }
  const stored = await readTokens(place)
  if (!stored) throw unreadable(instance)
  const remembered = findNamedToken(stored, name)
  if (remembered && isFresh(remembered, minValidSeconds))
    return requireGrantedScope(instance, place, ofLogin, remembered)
  // An exchange consumes nothing, so it needs no lock across processes.
  const tokens = await instance.refreshes.run(`${place.entry.loginId} ${name}`, async () => {
    const response = await exchange(instance, place, { audience, ...target })
    const token = readAccessToken(response, target.scope ?? [])
    const changed = await changeTokens(instance, place, (there) => ({
      tokens: addAdditionalToken(there, name, token),
      makeEntry: (entry) => entry,
    }))
    if (!changed) throw loginEnded('the login ended during the token exchange')
    return changed
  })
  return requireGrantedScope(instance, place, ofLogin, findNamedToken(tokens, name) as AccessToken)
}

/**
 * Exchanges the login's access token. If the exchange is refused, the token may have been revoked: refreshes it and retries
 * once.
 */
async function exchange(
  instance: Instance,
  place: LoginPlace,
  request: Parameters<typeof exchangeToken>[2],
): Promise<IssuedTokens> {
  const requested = { target: ownTarget, minValidSeconds: newSeconds }
  await instance.provider.readyDuringLogin()
  const subject = await findFreshToken(instance, place, requested)
  try {
    return await exchangeToken(instance.provider, subject.accessToken, request, await restoreDpop(instance, subject))
  } catch (error) {
    // The error code is the same for an invalid token and for an invalid request (RFC 8693, section 2.2.2).
    const isNew = nowSeconds() - subject.obtainedAt < newSeconds
    if (!(error instanceof ExchangeRefused) || error.code !== 'client_rejected' || isNew) throw error
    const refreshed = await findFreshToken(instance, place, { ...requested, refused: subject.accessToken })
    return exchangeToken(instance.provider, refreshed.accessToken, request, await restoreDpop(instance, refreshed))
  }
}
