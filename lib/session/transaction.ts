import type { Sealer } from '../core/seal.ts'
import { nowSeconds } from '../core/clock.ts'
import { transactionSeconds } from '../core/limits.ts'
import { type CookiePlace, type Cookie, cookieOf } from './login-cookies.ts'

/** Logins that may be under way in one browser. */
export const mostTransactions = 5
/** Characters that the cookies of all of them may have: servers refuse headers of 8 or 16 kB, and with them every request. */
const mostCharacters = 6144
/** Cookies of ours that are looked at in one request, whatever a browser sends. */
const mostRead = 20

/** A login under way, known to the browser alone. */
export interface Transaction {
  readonly id: string
  readonly nonce: string
  /** PKCE code verifier (RFC 7636 4.1). */
  readonly verifier: string
  readonly returnTo: string
  /** Seconds since the epoch, with fractions: tabs open faster than one a second. */
  readonly startedAt: number
  /** The scope asked for. */
  readonly scope: readonly string[]
  /** What else was asked for, as it went on the wire. */
  readonly parameters: Readonly<Record<string, string>>
  /** The private key that its tokens are to be bound to (RFC 9449). */
  readonly dpopKey?: string | undefined
}

/** `max_age` of a transaction's request, in seconds. */
export function maxAgeOf(transaction: Transaction): number | undefined {
  const value = transaction.parameters['max_age']
  return value === undefined ? undefined : Number(value)
}

export function transactionCookie(sealer: Sealer, place: CookiePlace, transaction: Transaction): Cookie {
  const sealed = sealer.seal(JSON.stringify(transaction), transaction.id)
  return cookieOf(place, place.prefix + transaction.id, sealed, transactionSeconds)
}

export function clearedCookie(place: CookiePlace, id: string): Cookie {
  return cookieOf(place, place.prefix + id, undefined, 0)
}

/** The transaction of a `state`, from the request's cookies; undefined where it is missing, too old or not ours. */
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
  // As far ahead too: a process whose clock was wrong must not make one that lasts.
  return Math.abs(nowSeconds() - transaction.startedAt) < transactionSeconds ? transaction : undefined
}

/** What ids look like: cookies of other names are not ours to take away. */
const idForm = /^[\w-]{22}$/

/** Ids of the transactions to drop so that one of `room` characters more fits: unreadable ones and the oldest. */
export function surplusTransactions(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
  room: number,
): string[] {
  const { prefix } = place
  const ids = [...cookies.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((id) => idForm.test(id))
    .slice(0, mostRead)
  const dropped: string[] = []
  const live: { id: string; startedAt: number; size: number }[] = []
  for (const id of ids) {
    const transaction = openTransaction(sealer, place, cookies, id)
    if (!transaction) dropped.push(id)
    else live.push({ id, startedAt: transaction.startedAt, size: sizeOf(prefix + id, cookies.get(prefix + id)) })
  }
  // Browsers send the older of two cookies first (RFC 6265 5.4), which tells where the time does not.
  const latest = live.toReversed().toSorted((a, b) => b.startedAt - a.startedAt)
  let total = room
  const surplus = latest.filter(({ size }, index) => {
    total += size
    return index >= mostTransactions - 1 || total > mostCharacters
  })
  return [...dropped, ...surplus.map(({ id }) => id)]
}

/** Characters that a cookie takes in a header. */
export function sizeOf(name: string, value: string | undefined): number {
  return name.length + (value ?? '').length
}
