import { nowSeconds } from '../../core/clock.ts'
import { ExchangeRefused, exchangeToken } from '../../provider/token-exchange-grant.ts'
import type { IssuedTokens } from '../../provider/token-response.ts'
import type { AccessToken } from '../../store/tokens.ts'
import { dpopOf } from './dpop.ts'
import { accessTokenOf } from '../login/identity.ts'
import type { Instance } from '../instance.ts'
import { changeTokens, loginEnded, readTokens, unreadable, type LoginPlace } from './kept-tokens.ts'
import { freshToken, granted } from './refresh.ts'
import { nameOfExchanged, ownTarget, tokenNamed, withOther, type Target } from './target.ts'
import { isFresh } from './freshness.ts'

/** A token as it is asked for in exchange for the login's own. */
export interface WantedExchange {
  readonly audience: readonly string[]
  readonly target: Target
  readonly minValidSeconds: number
}

/** An access token of no more than so many seconds is not what an exchange was refused for. */
const newSeconds = 30

/**
 * An access token got in exchange for that of a login (RFC 8693), remembered until it ends.
 *
 * @throws OidcError `client_rejected` where the provider does not exchange for this client, `not_allowed` where it does not
 * for this user or grants less scope, and as {@link freshToken}
 */
export async function exchangedToken(
  instance: Instance,
  place: LoginPlace,
  { audience, target, minValidSeconds }: WantedExchange,
): Promise<AccessToken> {
  const name = nameOfExchanged(audience, target)
  // What another login would have to be granted: the resource is that of the exchange.
  const ofLogin = { scope: target.scope, resource: [] }
  const kept = await readTokens(place)
  if (!kept) throw unreadable(instance)
  const remembered = tokenNamed(kept, name)
  if (remembered && isFresh(remembered, minValidSeconds)) return granted(instance, place, ofLogin, remembered)
  // Nothing is used up by an exchange: processes need not wait for one another.
  const tokens = await instance.refreshes.run(`${place.slot.loginId} ${name}`, async () => {
    const response = await exchange(instance, place, { audience, ...target })
    const token = accessTokenOf(response, target.scope ?? [])
    const changed = await changeTokens(instance, place, (there) => ({
      tokens: withOther(there, name, token),
      slotFrom: (slot) => slot,
    }))
    if (!changed) throw loginEnded('the login ended while its token was being exchanged')
    return changed
  })
  return granted(instance, place, ofLogin, tokenNamed(tokens, name) as AccessToken)
}

/** Exchanges; a token that may have been revoked since it was got is refreshed first, and that once. */
async function exchange(
  instance: Instance,
  place: LoginPlace,
  request: Parameters<typeof exchangeToken>[2],
): Promise<IssuedTokens> {
  const wanted = { target: ownTarget, minValidSeconds: newSeconds }
  const subject = await freshToken(instance, place, wanted)
  try {
    return await exchangeToken(instance.provider, subject.accessToken, request, await dpopOf(instance, subject))
  } catch (error) {
    // No word tells a token that is not good from a request that is not (RFC 8693 2.2.2).
    const isNew = subject.obtainedAt === undefined || nowSeconds() - subject.obtainedAt < newSeconds
    if (!(error instanceof ExchangeRefused) || error.code !== 'client_rejected' || isNew) throw error
    const refreshed = await freshToken(instance, place, { ...wanted, refused: subject.accessToken })
    return exchangeToken(instance.provider, refreshed.accessToken, request, await dpopOf(instance, refreshed))
  }
}
