import { fail, LoginNeeded, OidcError } from '../../core/errors.ts'
import type { RefreshReason } from '../../core/events.ts'
import { InteractionNeeded, RefreshRefused, refreshGrant } from '../../provider/refresh-grant.ts'
import { wasAskedLately } from '../../session/step-up-history.ts'
import type { IssuedTokens, DpopHandle } from '../../provider/token-response.ts'
import type { Slot } from '../../store/slot.ts'
import type { AccessToken, KeptTokens } from '../../store/tokens.ts'
import { dpopOf } from './dpop.ts'
import type { Instance } from '../instance.ts'
import {
  changeTokens,
  endUnless,
  loginAgain,
  loginEnded,
  readTokens,
  unreadable,
  type LoginPlace,
} from './kept-tokens.ts'
import { alone } from './refresh-lock.ts'
import { revokeTokens } from '../logout/revoke.ts'
import { otherToken, reidentify } from './reidentify.ts'
import { missingScope, nameOfTarget, ownTarget, tokenNamed, type Target } from './target.ts'
import { isFresh, isUsable } from './freshness.ts'

/** An access token as it is asked for. */
export interface WantedToken {
  readonly target: Target
  readonly minValidSeconds: number
  /** One that an API has refused (RFC 6750 3.1), which will not do whenever it ends. */
  readonly refused?: string | undefined
}

/** An access token, and the key that the login's tokens are bound to, if any. */
export type BoundToken = AccessToken & Pick<KeptTokens, 'dpopKey'>

/** A refresh of one access token of a login. */
interface Refresh {
  readonly target: Target
  /** The access token as it was seen; who finds another in its place has nothing to do. */
  readonly seen: AccessToken | undefined
  readonly reason: RefreshReason
}

/**
 * An access token of a login, refreshed where it ends within `minValidSeconds`: once, whoever asks for it, in whatever
 * process. Where that fails, the token as it is while it lasts.
 *
 * @throws OidcError `login_required` where the login has ended or cannot be refreshed, `not_allowed` where the provider
 * does not grant what was asked for, `provider_unavailable`, `store_unavailable`
 */
export async function freshToken(instance: Instance, place: LoginPlace, wanted: WantedToken): Promise<BoundToken> {
  const { target, minValidSeconds, refused } = wanted
  const kept = await readTokens(place)
  if (!kept) throw unreadable(instance)
  const seen = tokenNamed(kept, nameOfTarget(target))
  const current = seen && seen.accessToken !== refused ? seen : undefined
  const bound = (token: AccessToken): BoundToken => ({
    ...granted(instance, place, target, token),
    dpopKey: kept.dpopKey,
  })
  if (current && isFresh(current, minValidSeconds)) return bound(current)
  const usable = current && isUsable(current) ? current : undefined
  if (kept.refreshToken === undefined) {
    if (usable) return bound(usable)
    throw withoutRefreshToken(instance, target)
  }
  try {
    const reason = seen && !current ? 'rejected' : 'expiry'
    const tokens = await refreshAlone(instance, place, { target, seen, reason })
    return bound(tokenNamed(tokens, nameOfTarget(target)) as AccessToken)
  } catch (error) {
    // Whoever logged out meanwhile gets nothing more; a fault is one only once the token is past its end.
    if (usable && error instanceof OidcError && error.code !== 'login_required') return bound(usable)
    throw error
  }
}

/** Refreshes the login's own access token, whatever its end, unless another has since it was seen. */
export async function refreshLogin(instance: Instance, place: LoginPlace, seen: AccessToken): Promise<void> {
  await refreshAlone(instance, place, { target: ownTarget, seen, reason: 'recheck' })
}

/** The provider says what it grants: a token with less scope than was asked for is not handed out as one that has it. */
export function granted(instance: Instance, { slot }: LoginPlace, target: Target, token: AccessToken): AccessToken {
  const missing = missingScope(target, token)
  if (missing.length === 0) return token
  const detail = `the provider granted an access token without the scope ${missing.join(' ')}`
  throw loginNeeded(instance, slot, { ...target, scope: missing }, { detail })
}

/** One refresh of a login at a time, across all processes: the provider takes a second one for theft (RFC 9700 4.14.2). */
function refreshAlone(instance: Instance, place: LoginPlace, refresh: Refresh): Promise<KeptTokens> {
  const { loginId } = place.slot
  const name = nameOfTarget(refresh.target)
  return instance.refreshes.run(`${loginId} ${name}`, () =>
    alone({
      records: place.logins.records,
      loginId,
      // Longer than a request to the provider may take.
      seconds: Math.ceil(instance.options.providerTimeoutSeconds) + 10,
      work: () => refreshUnlessDone(instance, place, refresh),
      async byAnother() {
        const kept = await readTokens(place)
        if (!kept) throw loginEnded('the login ended while its tokens were being refreshed')
        return isDone(kept, refresh) ? kept : undefined
      },
    }),
  )
}

/** Whether the token is another than was seen: somebody else has refreshed it. */
function isDone(there: KeptTokens, { target, seen }: Refresh): boolean {
  const token = tokenNamed(there, nameOfTarget(target))
  return token !== undefined && !isSame(token, seen)
}

function isSame(token: AccessToken, other: AccessToken | undefined): boolean {
  return token.accessToken === other?.accessToken && token.obtainedAt === other.obtainedAt
}

/** Refreshes, unless another has since the tokens were read. */
async function refreshUnlessDone(instance: Instance, place: LoginPlace, refresh: Refresh): Promise<KeptTokens> {
  const { issuer, sub, loginId } = place.slot
  const sent = await readTokens(place)
  if (!sent) throw loginEnded('the login ended before its tokens could be refreshed')
  if (isDone(sent, refresh)) return sent
  const { target, reason } = refresh
  const startedAt = performance.now()
  try {
    const dpop = await dpopOf(instance, sent)
    const response = await refreshGrant(instance.provider, sent.refreshToken as string, target, dpop)
    const tokens = await keepRefreshed(instance, place, { ...refresh, sent, dpop }, response)
    instance.events.emit('refresh', { issuer, sub, loginId, reason, durationMs: performance.now() - startedAt })
    return tokens
  } catch (error) {
    if (error instanceof OidcError) {
      const { code, status, detail } = error
      instance.events.emit('refresh_failed', { sub, loginId, reason, code, status, detail })
    }
    if (error instanceof InteractionNeeded) {
      throw loginNeeded(instance, place.slot, target, { claims: error.claims, detail: error.detail ?? error.code })
    }
    if (!(error instanceof RefreshRefused)) throw error
    const others = await endUnless(instance, place, (there) => !isAsSent(there, { ...refresh, sent }))
    // The other may have been after another token.
    if (others) return isDone(others, refresh) ? others : await refreshUnlessDone(instance, place, refresh)
    throw error
  }
}

/** A refresh with the tokens that it was sent with. */
interface SentRefresh extends Refresh {
  readonly sent: KeptTokens
}

/** Whether what is there is what was sent: neither refreshed since, nor another token in the place of the one that is. */
function isAsSent(there: KeptTokens, refresh: SentRefresh): boolean {
  const { sent, target } = refresh
  const name = nameOfTarget(target)
  const [now, then] = [tokenNamed(there, name), tokenNamed(sent, name)]
  return there.refreshToken === sent.refreshToken && isSame(there, sent) && (now ? isSame(now, then) : !then)
}

/** Writes what a refresh brought: where the login still has the tokens that were sent, and nowhere else. */
async function keepRefreshed(
  instance: Instance,
  place: LoginPlace,
  refresh: SentRefresh & { readonly dpop: DpopHandle | undefined },
  response: IssuedTokens,
): Promise<KeptTokens> {
  const { sent, target, dpop } = refresh
  const name = nameOfTarget(target)
  const change =
    name === ''
      ? await reidentify(instance, response, sent, { slot: place.slot, dpop })
      : await otherToken(instance, response, { sent, slot: place.slot, target })
  // Where another came first, its lock or ours having been lost, nothing is revoked, since that could end the login.
  const there = await changeTokens(instance, place, (kept) => (isAsSent(kept, refresh) ? change(kept) : undefined))
  const token = there && tokenNamed(there, name)
  if (there) return token && !isSame(token, refresh.seen) ? there : change(there).tokens
  // A logout came first: what was just got is of no use to anybody, and must not be.
  await revokeTokens(instance, { refreshToken: response.refreshToken ?? sent.refreshToken })
  throw loginEnded('the login ended while its tokens were being refreshed')
}

/** The login stays: what is asked for takes another that asks for it, of its user at the keyboard. */
function loginNeeded(
  instance: Instance,
  slot: Slot,
  { scope = [], resource }: Target,
  { claims, detail }: { readonly claims?: string | undefined; readonly detail: string },
): LoginNeeded {
  const isOwn = scope.length === 0 && resource.length === 0
  const parameters = {
    ...(resource.length > 0 ? { resource: resource.join(' ') } : {}),
    ...(claims === undefined ? {} : { claims }),
  }
  const isRepeat = wasAskedLately(slot, { scope, parameters })
  return new LoginNeeded(isOwn ? 'login_required' : 'not_allowed', {
    provider: instance.options.name,
    owner: instance.owner,
    scope,
    parameters,
    detail,
    isRepeat,
  })
}

function withoutRefreshToken(instance: Instance, target: Target): OidcError {
  if (nameOfTarget(target) === '') {
    return loginAgain(instance, 'the access token has ended, and the provider issued no refresh token')
  }
  return fail(
    'setup_invalid',
    'an access token for another scope or resource takes a refresh token, and the provider issued none: does the option scope need offline_access?',
    { message: 'This application cannot get such an access token.' },
  )
}
