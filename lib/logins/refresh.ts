import { setTimeout as wait } from 'node:timers/promises'
import type { TokenSet } from '../config/claims.ts'
import { nowSeconds } from '../core/clock.ts'
import { OidcError, providerUnavailable } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import { RefreshRefused, refreshGrant, revokeRefreshToken } from '../provider/refresh.ts'
import type { IssuedTokens } from '../provider/token-response.ts'
import { without } from '../session/identity-change.ts'
import { liveSlots, loginKey, secondsLeft, tokensKey, writeRecord, type Slot } from '../session/login-record.ts'
import { openTokens, sealTokens } from '../session/vault.ts'
import type { Instance } from './instance.ts'
import { findLogin, type FoundLogin } from './find.ts'
import { alone } from './refresh-lock.ts'
import { reidentify } from './reidentify.ts'

/** A login whose tokens are asked for. */
export interface LoginPlace {
  readonly records: Records
  /** The session that it is of. */
  readonly session: string
  readonly slot: Slot
}

/** Tokens as they were read. */
interface Kept {
  readonly sealed: string
  readonly tokens: TokenSet
}

/** Writes of a refresh that lost to other writes of the same record. */
const mostTries = 10
/** How long the tokens of a refresh are held for a store that is away, since they are the login's only ones. */
const holdSeconds = 30
const holdPollMs = 200

/**
 * The tokens of a login, refreshed where the access token ends within `minValidSeconds`: once, whoever asks for it, in
 * whatever process. Where that fails, the tokens as they are while the access token lasts.
 *
 * @throws OidcError `login_required` where the login has ended or cannot be refreshed, `provider_unavailable`,
 * `store_unavailable`
 */
export async function freshTokens(instance: Instance, place: LoginPlace, minValidSeconds: number): Promise<TokenSet> {
  const kept = await readTokens(instance, place.records, place.session, place.slot.loginId)
  if (!kept) throw gone('the tokens of this login are gone, or were sealed with a secret that is not in use')
  const { tokens } = kept
  if (isFresh(tokens, minValidSeconds)) return tokens
  const isUsable = tokens.expiresAt === undefined || tokens.expiresAt > nowSeconds()
  if (tokens.refreshToken === undefined) {
    if (isUsable) return tokens
    throw gone('the access token has ended, and the provider issued no refresh token')
  }
  try {
    return await instance.refreshes.run(place.slot.loginId, () => refreshAlone(instance, place, kept.sealed))
  } catch (error) {
    // Whoever logged out meanwhile gets nothing more; a fault is one only once the token is past its end.
    if (isUsable && error instanceof OidcError && error.code !== 'login_required') return tokens
    throw error
  }
}

/** Whether an access token lasts long enough; one that never does is good for the first half of its life. */
function isFresh({ obtainedAt, expiresAt }: TokenSet, minValidSeconds: number): boolean {
  if (expiresAt === undefined) return true
  const left = expiresAt - nowSeconds()
  const life = obtainedAt === undefined ? Infinity : expiresAt - obtainedAt
  return left > 0 && left >= (life <= minValidSeconds ? life / 2 : minValidSeconds)
}

/** One refresh of a login at a time, across all processes: the provider takes a second one for theft (RFC 9700 4.14.2). */
function refreshAlone(instance: Instance, place: LoginPlace, seen: string): Promise<TokenSet> {
  const { records, session, slot } = place
  return alone({
    records,
    loginId: slot.loginId,
    // Longer than a request to the provider may take.
    seconds: Math.ceil(instance.options.providerTimeoutSeconds) + 10,
    work: () => refreshUnlessDone(instance, place, seen),
    async byAnother() {
      const kept = await readTokens(instance, records, session, slot.loginId)
      if (!kept) throw gone('the login ended while its tokens were being refreshed')
      return kept.sealed === seen ? undefined : kept.tokens
    },
  })
}

/** Refreshes, unless another has since the tokens were read. */
async function refreshUnlessDone(instance: Instance, place: LoginPlace, seen: string): Promise<TokenSet> {
  const { records, session, slot } = place
  const kept = await readTokens(instance, records, session, slot.loginId)
  if (!kept) throw gone('the login ended before its tokens could be refreshed')
  if (kept.sealed !== seen) return kept.tokens
  const { issuer, sub, loginId } = slot
  try {
    const response = await refreshGrant(instance.provider, kept.tokens.refreshToken as string)
    const tokens = await keepRefreshed(instance, place, kept, response)
    instance.events.emit('refresh', { issuer, sub, loginId })
    return tokens
  } catch (error) {
    if (error instanceof OidcError) {
      const { code, status, detail } = error
      instance.events.emit('refresh_failed', { sub, loginId, code, status, detail })
    }
    if (!(error instanceof RefreshRefused)) throw error
    const others = await endRefused(instance, place, kept)
    if (others) return others
    throw error
  }
}

/** Writes what a refresh brought: where the login still has the tokens that were sent, and nowhere else. */
async function keepRefreshed(
  instance: Instance,
  place: LoginPlace,
  sent: Kept,
  response: IssuedTokens,
): Promise<TokenSet> {
  const { records } = place
  const { name } = instance.options
  const { loginId } = place.slot
  const { tokens, slotFrom } = await reidentify(instance, response, sent.tokens, place.slot)
  const sealed = sealTokens(instance.tokenSealer, tokens, loginId, name)
  const giveUpAt = Date.now() + holdSeconds * 1000
  for (let tries = 0; tries < mostTries;) {
    try {
      const found = await findLogin(records, place.session, name, loginId)
      const there = found && (await records.get(tokensKey(found.session, name)))
      // Written after all, though the store's answer was lost.
      if (there === sealed) return tokens
      if (!found || there === undefined) {
        await revoked(instance, tokens)
        throw gone('the login ended while its tokens were being refreshed')
      }
      // Another came first, its lock or ours having been lost: nothing is revoked, since that could end the login.
      if (there !== sent.sealed) return openTokens(instance.tokenSealer, there, loginId, name) ?? tokens
      if (await replaceTokens(records, found, name, slotFrom(found.slot), sealed)) return tokens
      tries++
    } catch (error) {
      if (!(error instanceof OidcError) || error.code !== 'store_unavailable' || Date.now() > giveUpAt) throw error
      await wait(holdPollMs)
    }
  }
  throw providerUnavailable('the login record kept changing')
}

function replaceTokens(
  records: Records,
  { session, text, record }: FoundLogin,
  name: string,
  slot: Slot,
  sealed: string,
): Promise<boolean> {
  const slots = { ...liveSlots(record), [name]: slot }
  const written = { key: tokensKey(session, name), value: sealed, seconds: secondsLeft({ [name]: slot }) }
  return records.replace(loginKey(session), text, writeRecord(slots, record.version + 1), secondsLeft(slots), {
    written: [written],
  })
}

/** A logout came first: what was just got is of no use to anybody, and must not be. */
async function revoked(instance: Instance, { refreshToken }: TokenSet): Promise<void> {
  try {
    if (refreshToken !== undefined) await revokeRefreshToken(instance.provider, refreshToken)
  } catch (error) {
    instance.events.emit('provider_fault', { detail: (error as OidcError).detail })
  }
}

/** The provider has ended the login, unless another refresh came first: then its tokens. */
async function endRefused(instance: Instance, place: LoginPlace, sent: Kept): Promise<TokenSet | undefined> {
  const { records } = place
  const { name } = instance.options
  const { issuer, sub, loginId } = place.slot
  for (let tries = 0; tries < mostTries; tries++) {
    const found = await findLogin(records, place.session, name, loginId)
    if (!found) return undefined
    const kept = await readTokens(instance, records, found.session, loginId)
    if (kept && kept.sealed !== sent.sealed) return kept.tokens
    const others = without(liveSlots(found.record), name)
    const isLast = Object.keys(others).length === 0
    const isEnded = await records.replace(
      loginKey(found.session),
      found.text,
      isLast ? undefined : writeRecord(others, found.record.version + 1),
      isLast ? 1 : secondsLeft(others),
      { dropped: [tokensKey(found.session, name)] },
    )
    if (!isEnded) continue
    instance.events.emit('logout', { issuer, sub, loginId, reason: 'refresh_refused' })
    return undefined
  }
  return undefined
}

async function readTokens(
  instance: Instance,
  records: Records,
  session: string,
  loginId: string,
): Promise<Kept | undefined> {
  const { name } = instance.options
  const sealed = await records.get(tokensKey(session, name))
  const tokens = sealed === undefined ? undefined : openTokens(instance.tokenSealer, sealed, loginId, name)
  return sealed === undefined || !tokens ? undefined : { sealed, tokens }
}

function gone(detail: string): OidcError {
  return new OidcError('login_required', 'You need to log in first.', { status: 401, detail })
}
