import { fail, LoginNeeded, OidcError } from '../../core/errors.ts'
import type { OidcRefreshReason } from '../../core/events.ts'
import { InteractionNeeded, RefreshRefused, refreshGrant } from '../../provider/refresh-grant.ts'
import { wasRequestedRecently } from '../../session/step-up-history.ts'
import type { IssuedTokens, DpopHandle } from '../../provider/token-response.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { AccessToken, StoredTokens } from '../../store/tokens.ts'
import { restoreDpop } from './dpop.ts'
import type { Instance } from '../instance.ts'
import {
  changeTokens,
  endUnlessReplaced,
  loginAgain,
  loginEnded,
  readTokens,
  unreadable,
  type LoginPlace,
} from './stored-tokens.ts'
import { withLock } from './refresh-lock.ts'
import { revokeTokens } from '../revoke.ts'
import { addOtherToken, reidentify } from './reidentify.ts'
import { findMissingScope, formatTargetName, ownTarget, findNamedToken, type Target } from './target.ts'
import { isFresh, isUsable } from './freshness.ts'

/** A request for an access token of a login. */
export interface RequestedToken {
  readonly target: Target
  readonly minValidSeconds: number
  /** Access token that an API has rejected (RFC 6750, section 3.1). It is not returned again even if it has not expired. */
  readonly refused?: string | undefined
}

/** An access token, and the key that the login's tokens are bound to, if any. */
export type BoundToken = AccessToken & Pick<StoredTokens, 'dpopKey'>

/** A refresh of one access token of a login. */
interface Refresh {
  readonly target: Target
  /** The access token as the caller read it. If another one is stored by now, no refresh is needed. */
  readonly observed: AccessToken | undefined
  readonly reason: OidcRefreshReason
}

/** A refresh, and the stored tokens at the time when the refresh token was sent. */
interface SentRefresh extends Refresh {
  readonly sent: StoredTokens
}

/** `refreshed`: the response was stored. `replaced`: it was a refusal, but another refresh had replaced the tokens. */
type RefreshResult =
  | { readonly outcome: 'refreshed'; readonly tokens: StoredTokens }
  | { readonly outcome: 'replaced'; readonly stored: StoredTokens }

/**
 * Returns an access token of a login. A token that expires within `minValidSeconds` is refreshed first, once across all
 * requests and processes. If that fails, a token that has not expired is returned as it is, unless the login has ended.
 *
 * @throws OidcError `login_required` if the login has ended or cannot be refreshed, `not_allowed` if the provider does not
 * grant the requested scope or resource, `setup_invalid` if such a token needs a refresh token and there is none,
 * `provider_unavailable`, `store_unavailable`
 */
export async function findFreshToken(
  instance: Instance,
  place: LoginPlace,
  requested: RequestedToken,
): Promise<BoundToken> {
  const { target, minValidSeconds, refused } = requested
  const stored = await readTokens(place)
  if (!stored) throw unreadable(instance)
  const observed = findNamedToken(stored, formatTargetName(target))
  const current = observed?.accessToken === refused ? undefined : observed
  const bound = (token: AccessToken): BoundToken => ({
    ...requireGrantedScope(instance, place, target, token),
    dpopKey: stored.dpopKey,
  })
  if (current && isFresh(current, minValidSeconds)) return bound(current)
  const usable = current && isUsable(current) ? current : undefined
  if (stored.refreshToken === undefined) {
    if (usable) return bound(usable)
    throw withoutRefreshToken(instance, target)
  }
  try {
    const reason = observed && !current ? 'rejected' : 'expiry'
    const tokens = await refreshAlone(instance, place, { target, observed, reason })
    return bound(findNamedToken(tokens, formatTargetName(target)) as AccessToken)
  } catch (error) {
    // A login that has ended gets no token. Any other failure matters only once the token has expired.
    if (usable && error instanceof OidcError && error.code !== 'login_required') return bound(usable)
    throw error
  }
}

/** Refreshes the login's own access token even if it has not expired, unless it was replaced since it was read. */
export async function refreshLogin(instance: Instance, place: LoginPlace, observed: AccessToken): Promise<void> {
  await refreshAlone(instance, place, { target: ownTarget, observed, reason: 'recheck' })
}

/**
 * Returns the token if it has the requested scope. The provider may grant less than was requested (RFC 6749, section 3.3).
 *
 * @throws LoginNeeded `not_allowed` if scope is missing
 */
export function requireGrantedScope(
  instance: Instance,
  { entry }: LoginPlace,
  target: Target,
  token: AccessToken,
): AccessToken {
  const missing = findMissingScope(target, token)
  if (missing.length === 0) return token
  const detail = `the provider issued an access token without the scope ${missing.join(' ')}`
  throw loginNeeded(instance, entry, { ...target, scope: missing }, { detail })
}

/**
 * Runs one refresh at a time for each login, across all processes: with refresh token rotation, the provider treats a
 * second use of a refresh token as theft (RFC 9700, section 4.14.2).
 */
function refreshAlone(instance: Instance, place: LoginPlace, refresh: Refresh): Promise<StoredTokens> {
  const { loginId } = place.entry
  const name = formatTargetName(refresh.target)
  return instance.refreshes.run(`${loginId} ${name}`, () =>
    withLock({
      records: place.logins.records,
      loginId,
      // Longer than the timeout of a request to the provider.
      seconds: Math.ceil(instance.options.providerTimeoutSeconds) + 10,
      work: () => refreshUnlessDone(instance, place, refresh),
      async readResult() {
        const stored = await readTokens(place)
        if (!stored) throw loginEnded('the login ended during the refresh of its tokens')
        return isDone(stored, refresh) ? stored : undefined
      },
    }),
  )
}

/** Whether the stored token differs from the observed one, that is, another request has refreshed it. */
function isDone(stored: StoredTokens, { target, observed }: Refresh): boolean {
  const token = findNamedToken(stored, formatTargetName(target))
  return token !== undefined && !isSame(token, observed)
}

/** Whether the stored tokens are still those that were sent: neither the login nor the target's token was refreshed. */
function isAsSent(stored: StoredTokens, { sent, target }: SentRefresh): boolean {
  const name = formatTargetName(target)
  const hasSameToken = isSame(findNamedToken(stored, name), findNamedToken(sent, name))
  return stored.refreshToken === sent.refreshToken && isSame(stored, sent) && hasSameToken
}

function isSame(token: AccessToken | undefined, other: AccessToken | undefined): boolean {
  return token?.accessToken === other?.accessToken && token?.obtainedAt === other?.obtainedAt
}

async function refreshUnlessDone(instance: Instance, place: LoginPlace, refresh: Refresh): Promise<StoredTokens> {
  let sent = await readTokens(place)
  if (!sent) throw loginEnded('the login ended before the refresh of its tokens')
  while (!isDone(sent, refresh)) {
    const result = await sendRefresh(instance, place, { ...refresh, sent })
    if (result.outcome === 'refreshed') return result.tokens
    // The other refresh may have been for another token.
    sent = result.stored
  }
  return sent
}

/** Sends the refresh token and stores the response. If it is refused, the login ends, unless its tokens were replaced. */
async function sendRefresh(instance: Instance, place: LoginPlace, refresh: SentRefresh): Promise<RefreshResult> {
  const { sent, target, reason } = refresh
  const { issuer, sub, loginId } = place.entry
  const startedAt = performance.now()
  try {
    await instance.provider.readyDuringLogin()
    const dpop = await restoreDpop(instance, sent)
    const response = await refreshGrant(instance.provider, sent.refreshToken as string, target, dpop)
    const tokens = await storeRefreshed(instance, place, { ...refresh, dpop }, response)
    instance.events.emit('refresh', { issuer, sub, loginId, reason, durationMs: performance.now() - startedAt })
    return { outcome: 'refreshed', tokens }
  } catch (error) {
    if (error instanceof OidcError) {
      const { code, status, detail } = error
      instance.events.emit('refresh_failed', { sub, loginId, reason, code, status, detail })
    }
    if (error instanceof InteractionNeeded) {
      throw loginNeeded(instance, place.entry, target, { claims: error.claims, detail: error.detail ?? error.code })
    }
    if (!(error instanceof RefreshRefused)) throw error
    const stored = await endUnlessReplaced(instance, place, (tokens) => !isAsSent(tokens, refresh))
    if (!stored) throw error
    return { outcome: 'replaced', stored }
  }
}

/** Stores the response of a refresh, but only if the stored tokens are still those that were sent. */
async function storeRefreshed(
  instance: Instance,
  place: LoginPlace,
  refresh: SentRefresh & { readonly dpop: DpopHandle | undefined },
  response: IssuedTokens,
): Promise<StoredTokens> {
  const { sent, target, dpop } = refresh
  const change =
    formatTargetName(target) === ''
      ? await reidentify(instance, response, sent, { entry: place.entry, dpop })
      : await addOtherToken(instance, response, { sent, entry: place.entry, target })
  const stored = await changeTokens(instance, place, (tokens) =>
    isAsSent(tokens, refresh) ? change(tokens) : undefined,
  )
  // If a lock was lost and another refresh came first, nothing is revoked: revoking could end the login. If the other
  // refresh was for another token, the caller gets the new one although it is not stored.
  if (stored) return isDone(stored, refresh) ? stored : change(stored).tokens
  // A logout came first: the new tokens must not remain valid.
  await revokeTokens(instance, { refreshToken: response.refreshToken ?? sent.refreshToken })
  throw loginEnded('the login ended during the refresh of its tokens')
}

/** Creates the error for a token that requires a new login with user interaction. The current login stays valid. */
function loginNeeded(
  instance: Instance,
  entry: LoginEntry,
  { scope = [], resource }: Target,
  { claims, detail }: { readonly claims?: string | undefined; readonly detail: string },
): LoginNeeded {
  const isOwn = scope.length === 0 && resource.length === 0
  const parameters = {
    ...(resource.length > 0 ? { resource: resource.join(' ') } : {}),
    ...(claims === undefined ? {} : { claims }),
  }
  const needs = { scope, parameters }
  return new LoginNeeded(isOwn ? 'login_required' : 'not_allowed', {
    ...needs,
    provider: instance.options.name,
    owner: instance.owner,
    detail,
    isRepeat: wasRequestedRecently(entry, needs),
  })
}

function withoutRefreshToken(instance: Instance, target: Target): OidcError {
  if (formatTargetName(target) === '') {
    return loginAgain(instance, 'the access token has expired, and the provider issued no refresh token')
  }
  return fail(
    'setup_invalid',
    'an access token for another scope or resource requires a refresh token, and the provider issued none; try `offline_access` in `scope`',
    { message: 'This application cannot get the access token that it needs. Contact its operator.' },
  )
}
