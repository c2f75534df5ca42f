import { setTimeout as wait } from 'node:timers/promises'
import { fail, LoginNeeded, OidcError, providerUnavailable } from '../../core/errors.ts'
import type { LoginStore, SealedLogin } from '../../store/login-store.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import { endLoginEntry } from '../logout/end-login-entry.ts'
import type { Instance } from '../instance.ts'
import { grantedScope } from './target.ts'

/** A login and where it is stored. */
export interface LoginPlace {
  readonly logins: LoginStore
  /** Id of the login's session. */
  readonly session: string
  readonly entry: LoginEntry
}

/** A change of a login's tokens and entry, to be written in one step. */
export interface TokenChange {
  readonly tokens: StoredTokens
  readonly makeEntry: (entry: LoginEntry) => LoginEntry
}

/** Maximum number of writes that lose to concurrent writes of the same record. */
const mostTries = 10
/** Seconds for which a write is retried while the store is down, because the new tokens may be the login's only ones. */
const holdSeconds = 30
const holdPollMs = 200

/** Reads the tokens of a login; undefined if they are missing or were sealed with a secret that is no longer in use. */
export function readTokens({ logins, session, entry }: LoginPlace): Promise<StoredTokens | undefined> {
  return logins.tokens(session, entry.loginId)
}

/**
 * Changes the tokens and the entry of a login in one step, in its current session. `change` gets the stored tokens and
 * returns undefined to write nothing. It is called again if a concurrent write came first. While the store is down, each
 * step is retried, for `holdSeconds` in total.
 *
 * @returns The tokens that are stored then; undefined if the login has ended or its tokens are missing
 * @throws OidcError `login_required` if the tokens cannot be opened, `store_unavailable`, and `provider_unavailable` if the
 * login record keeps changing
 */
export async function changeTokens(
  instance: Instance,
  place: LoginPlace,
  change: (stored: StoredTokens) => TokenChange | undefined,
): Promise<StoredTokens | undefined> {
  const giveUpAt = performance.now() + holdSeconds * 1000
  for (let tries = 0; tries < mostTries; tries++) {
    const found = await retryWhileDown(giveUpAt, () => findTokens(place))
    if (found === 'missing') return undefined
    if (found === 'moving') continue
    const stored = place.logins.open(found.sealed, place.entry.loginId)
    // A process with a newer secret has sealed them: do not overwrite them.
    if (!stored) throw unreadable(instance)
    const changed = change(stored)
    if (!changed) return stored
    if (await retryWhileDown(giveUpAt, makeWrite(place, found, stored, changed))) return changed.tokens
  }
  throw providerUnavailable('the login record kept changing')
}

/** Finds a login with its tokens. `moving`: another login has moved record and tokens between the two reads. */
async function findTokens({ logins, session, entry }: LoginPlace): Promise<SealedLogin | 'missing' | 'moving'> {
  const found = await logins.findSealed(session, entry.loginId)
  if (!found) return 'missing'
  if (found.sealed !== undefined) return found
  return (await logins.isUnchanged(found)) ? 'missing' : 'moving'
}

/** Returns the write of a change. It returns whether the change is stored, and may be called again after an outage. */
function makeWrite(
  { logins, session, entry: { loginId } }: LoginPlace,
  found: SealedLogin,
  former: StoredTokens,
  { tokens, makeEntry }: TokenChange,
): (isRetry: boolean) => Promise<boolean> {
  const sealed = logins.seal(tokens, loginId)
  // Scope that was granted for other APIs stays granted when a token for one of them has expired.
  const elsewhere = found.entry.scope.filter((word) => !former.scope.includes(word))
  const scope = [...new Set([...grantedScope(tokens), ...elsewhere])]
  const next = { ...makeEntry(found.entry), scope }
  return async (isRetry) => {
    // The previous try may have succeeded although the store's answer was lost.
    if (isRetry && (await logins.findSealed(session, loginId))?.sealed === sealed) return true
    return logins.replace(found, next, sealed)
  }
}

/** Retries `work` while the store is down, until `giveUpAt` by the monotonic clock. */
async function retryWhileDown<Result>(giveUpAt: number, work: (isRetry: boolean) => Promise<Result>): Promise<Result> {
  for (let isRetry = false; ; isRetry = true) {
    try {
      return await work(isRetry)
    } catch (error) {
      if (!isStoreUnavailable(error) || performance.now() > giveUpAt) throw error
    }
    await wait(holdPollMs)
  }
}

function isStoreUnavailable(error: unknown): boolean {
  return error instanceof OidcError && error.code === 'store_unavailable'
}

/**
 * Ends a login that the provider has ended, unless its tokens have been replaced in the meantime; then it returns the new
 * ones. The next reader of the session deletes it.
 *
 * @throws OidcError `login_required` if a process with a newer secret has replaced the tokens, `store_unavailable`
 */
export async function endUnless(
  instance: Instance,
  { logins, session, entry: { loginId } }: LoginPlace,
  isReplaced: (stored: StoredTokens) => boolean,
): Promise<StoredTokens | undefined> {
  const end = await endLoginEntry(instance, logins, { session, loginId }, 'refresh_refused', ({ sealed }) => {
    const stored = logins.open(sealed, loginId)
    return stored === undefined ? sealed !== undefined : isReplaced(stored)
  })
  if (end.outcome !== 'skipped') return undefined
  const stored = logins.open(end.login.sealed, loginId)
  if (!stored) throw unreadable(instance)
  return stored
}

/** Creates the error for tokens that cannot be opened. A new login replaces them. */
export function unreadable(instance: Instance): LoginNeeded {
  return loginAgain(instance, 'the tokens of this login are gone, or were sealed with a secret that is not in use')
}

/** Creates the error for a login that is still valid but has no usable tokens. */
export function loginAgain({ options, owner }: Instance, detail: string): LoginNeeded {
  return new LoginNeeded('login_required', { provider: options.name, owner, scope: [], parameters: {}, detail })
}

/** Creates the error for a login that has ended. */
export function loginEnded(detail: string): OidcError {
  return fail('login_required', detail)
}
