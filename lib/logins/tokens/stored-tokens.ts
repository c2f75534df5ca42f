import { setTimeout as wait } from 'node:timers/promises'
import { fail, LoginNeeded, OidcError, providerUnavailable } from '../../core/errors.ts'
import type { FoundLogin } from '../../store/login-records.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import { endLoginEntry } from '../logout/end-login-entry.ts'
import type { Instance } from '../instance.ts'
import { listGrantedScope } from './target.ts'

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

/** Maximum number of attempts, each of which fails if a concurrent write of the same record comes first. */
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
 * step is retried for `holdSeconds`.
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
  const { logins } = place
  const giveUpAt = performance.now() + holdSeconds * 1000
  for (let tries = 0; tries < mostTries; tries++) {
    const read = await retryWhileDown(giveUpAt, () => readSealed(place))
    if (read === 'missing') return undefined
    if (read === 'moved') continue
    const { found, sealed } = read
    const tokens = logins.open(sealed, found.entry.loginId)
    // A process with a newer secret has sealed them: do not overwrite them.
    if (!tokens) throw unreadable(instance)
    const changed = change(tokens)
    if (!changed) return tokens
    const changedSealed = logins.seal(changed.tokens, found.entry.loginId)
    const entry = { ...changed.makeEntry(found.entry), scope: computeScopeAfter(found.entry, tokens, changed.tokens) }
    const write = (): Promise<boolean> => logins.replace(found, entry, changedSealed)
    // The first write may have succeeded although its answer was lost.
    const writeAgain = async (): Promise<boolean> =>
      (await logins.sealedTokens(found.session)) === changedSealed || (await write())
    if (await retryWhileDown(giveUpAt, write, writeAgain)) return changed.tokens
  }
  throw providerUnavailable('the login record changed too often')
}

/** Runs a step, and then `again` for as long as the store is down. */
async function retryWhileDown<Result>(
  giveUpAt: number,
  step: () => Promise<Result>,
  again: () => Promise<Result> = step,
): Promise<Result> {
  for (let next = step; ; next = again) {
    try {
      return await next()
    } catch (error) {
      const isDown = error instanceof OidcError && error.code === 'store_unavailable'
      if (!isDown || performance.now() > giveUpAt) throw error
      await wait(holdPollMs)
    }
  }
}

/** Reads a login and its sealed tokens. `moved` means that another login moved both between the two reads. */
async function readSealed({
  logins,
  session,
  entry: { loginId },
}: LoginPlace): Promise<{ readonly found: FoundLogin; readonly sealed: string } | 'missing' | 'moved'> {
  const found = await logins.find(session, loginId)
  if (!found) return 'missing'
  const sealed = await logins.sealedTokens(found.session)
  if (sealed !== undefined) return { found, sealed }
  return (await logins.isUnchanged(found)) ? 'missing' : 'moved'
}

/** The scope of a login. Scope that was granted for other APIs stays granted when a token for one of them has expired. */
function computeScopeAfter(entry: LoginEntry, before: StoredTokens, after: StoredTokens): string[] {
  const elsewhere = entry.scope.filter((word) => !before.scope.includes(word))
  return [...new Set([...listGrantedScope(after), ...elsewhere])]
}

/**
 * Ends a login that the provider has ended, unless its tokens have been replaced since; then it returns the new ones. The
 * next reader of the session deletes it.
 */
export async function endUnlessReplaced(
  instance: Instance,
  { logins, session, entry: { loginId } }: LoginPlace,
  isReplaced: (tokens: StoredTokens) => boolean,
): Promise<StoredTokens | undefined> {
  const open = (sealed: string): StoredTokens => {
    const tokens = logins.open(sealed, loginId)
    if (tokens) return tokens
    throw unreadable(instance)
  }
  const end = await endLoginEntry(
    instance,
    logins,
    { session, loginId },
    'refresh_refused',
    ({ sealed }) => sealed !== undefined && isReplaced(open(sealed)),
  )
  return end.outcome === 'skipped' ? logins.open(end.login.sealed, loginId) : undefined
}

/** Creates the error for tokens that cannot be opened. A new login replaces them. */
export function unreadable(instance: Instance): LoginNeeded {
  return loginAgain(
    instance,
    'the tokens of this login are missing, or sealed with a secret that `secret` does not list',
  )
}

/** Creates the error for a login that is still valid but has no usable tokens. */
export function loginAgain({ options, owner }: Instance, detail: string): LoginNeeded {
  return new LoginNeeded('login_required', { provider: options.name, owner, scope: [], parameters: {}, detail })
}

/** Creates the error for a login that has ended. */
export function loginEnded(detail: string): OidcError {
  return fail('login_required', detail)
}
