import { nowSeconds } from '../core/clock.ts'
import { transactionSeconds } from '../core/limits.ts'
import { hashShort } from '../core/short-hash.ts'
import type { BrowserRecord } from '../store/browser-record.ts'
import type { LoginInProgress } from './login-in-progress.ts'

/** How the session of a callback has arrived, and what its browser shows besides. */
export interface Arrival {
  /** Names of the cookies that had the session's id; none for a session that this request has created. */
  readonly cookies: readonly string[]
  /** The browser's mark. */
  readonly mark: string | undefined
  /** Short hashes of the secrets of all logins in progress in the browser. */
  readonly inProgress: readonly string[]
}

/** What a login may keep of the session that arrived at its callback. */
export interface Trust {
  /** Whether the application's own data may be kept. */
  readonly data: boolean
  /** Whether logins of other instances may be kept. */
  readonly logins: boolean
}

const full: Trust = { data: true, logins: true }

/**
 * Decides whether the session that arrived at a callback belongs to the browser that began the login. Another host of the
 * same site can set a session cookie here, unless the name of the cookie begins with `__Host-`. So without that prefix, the
 * session must be known to the login: its cookie, which no other host can set, names the session or one that the session has
 * replaced; or the session was created in a request that showed this cookie. If only `from` names the session, logins of
 * other instances need the browser's mark as well: a session that was planted before the login began is in `from`, too.
 */
export function findTrust(
  { from, cookie, mark }: Pick<LoginInProgress, 'from' | 'cookie' | 'mark'>,
  session: { readonly id: string; readonly browser: BrowserRecord | undefined; readonly isSameUser: boolean },
  arrival: Arrival,
): Trust {
  const { id, browser, isSameUser } = session
  if (arrival.cookies.length === 0 || isHostOnly(arrival.cookies) || isSameUser) return full
  if (browser?.logins.includes(cookie)) return full
  const replaced = listRecent(browser).map(({ session: hash }) => hash)
  const isKnown = [hashShort(id), ...replaced].some((hash) => from.includes(hash))
  const isMarked = mark !== undefined && arrival.mark !== undefined && hashShort(arrival.mark) === mark
  return { data: isKnown, logins: isKnown && isMarked && browser?.mark === mark }
}

/** Whether the only cookie with a session's id is one that no other host can set (RFC 6265bis, section 4.1.3.2). */
function isHostOnly(names: readonly string[]): boolean {
  return names.length === 1 && (names[0] as string).startsWith('__Host-')
}

/** Returns the replaced sessions whose logins may still be in progress. */
export function listRecent(browser: BrowserRecord | undefined): BrowserRecord['replaced'] {
  return (browser?.replaced ?? []).filter(({ at }) => Math.abs(nowSeconds() - at) < transactionSeconds)
}
