import type { Sealer } from '../core/seal.ts'
import { nowSeconds } from '../core/clock.ts'
import type { OidcLoginNeeds } from '../core/errors.ts'
import { transactionSeconds } from '../core/limits.ts'
import { type CookiePlace, type Cookie, makeCookie } from './login-cookies.ts'

/** Maximum number of logins in progress in one browser. */
export const mostTransactions = 5
/** Maximum characters of their cookies together: servers reject every request whose headers exceed 8 or 16 kB. */
const mostCharacters = 6144
/** Maximum number of transaction cookies that one request makes the server decrypt. */
const mostRead = 20

/** A login in progress. Only the browser stores it, in a sealed cookie. */
export interface Transaction extends OidcLoginNeeds {
  readonly id: string
  readonly nonce: string
  /** PKCE code verifier (RFC 7636, section 4.1). */
  readonly verifier: string
  readonly returnTo: string
  /** Seconds since the epoch, with fractions: a browser that restores its tabs begins several logins in one second. */
  readonly startedAt: number
  /** Private key that the login's tokens will be bound to (RFC 9449), as the member `d` of its JWK. */
  readonly dpopKey?: string | undefined
}

/** Returns `max_age` of the authorization request, in seconds. */
export function readMaxAge(transaction: Transaction): number | undefined {
  const value = transaction.parameters['max_age']
  return value === undefined ? undefined : Number(value)
}

export function makeTransactionCookie(sealer: Sealer, place: CookiePlace, transaction: Transaction): Cookie {
  const sealed = sealer.seal(JSON.stringify(transaction), transaction.id)
  return makeCookie(place, place.prefix + transaction.id, sealed, transactionSeconds)
}

export function clearTransaction(place: CookiePlace, id: string): Cookie {
  return makeCookie(place, place.prefix + id, undefined, 0)
}

/** Opens the transaction cookie of a `state`; undefined if it is missing, too old or not sealed by this instance. */
export function openTransaction(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
  id: string,
): Transaction | undefined {
  const sealed = cookies.get(place.prefix + id)
  const text = sealed === undefined ? undefined : sealer.open(sealed, id)
  if (text === undefined) return undefined
  const transaction = JSON.parse(text) as Transaction
  // `abs`: a transaction from a process whose clock was ahead must not last longer.
  return Math.abs(nowSeconds() - transaction.startedAt) < transactionSeconds ? transaction : undefined
}

/** Form of a transaction id. Cookies with the same prefix but other names serve other purposes and must stay. */
const idForm = /^[\w-]{22}$/

/** Returns the ids of the cookies to drop so that one of `room` characters fits: the unreadable and the oldest ones. */
export function findSurplusTransactions(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
  room: number,
): string[] {
  const ids = listIds(place, cookies)
  const live = ids.flatMap((id) => openTransaction(sealer, place, cookies, id) ?? [])
  const liveIds = new Set(live.map(({ id }) => id))
  const unreadable = ids.filter((id) => !liveIds.has(id))
  // Browsers send the older of two cookies first (RFC 6265, section 5.4), which decides between equal times.
  const latest = live
    .toReversed()
    .toSorted((a, b) => b.startedAt - a.startedAt)
    .map(({ id }) => id)
  const sizes = latest.map((id) => measureCookie(place.prefix + id, cookies.get(place.prefix + id)))
  return [...unreadable, ...latest.slice(countFitting(sizes, room))]
}

/** Returns the ids of the transaction cookies of a request. */
function listIds({ prefix }: CookiePlace, cookies: ReadonlyMap<string, string>): string[] {
  return [...cookies.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((id) => idForm.test(id))
    .slice(0, mostRead)
}

/** Returns how many of these cookies, in order, can stay beside a new one of `room` characters. */
function countFitting(sizes: readonly number[], room: number): number {
  let total = room
  for (const [count, size] of sizes.entries()) {
    total += size
    if (count === mostTransactions - 1 || total > mostCharacters) return count
  }
  return sizes.length
}

/** Returns the characters that a cookie takes in a header, without `=` and separators. */
export function measureCookie(name: string, value: string | undefined): number {
  return name.length + (value ?? '').length
}
