import { createHash } from 'node:crypto'
import type { Sealer } from '../core/seal.ts'
import { nowSeconds } from '../core/clock.ts'
import { transactionSeconds } from '../core/limits.ts'

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

/** A cookie to set; `value` undefined takes it away. */
export interface Cookie {
  readonly name: string
  readonly value: string | undefined
  readonly path: string
  readonly secure: boolean
  readonly sameSite: 'Lax' | 'None'
  /** Undefined: until the browser is closed. */
  readonly maxAgeSeconds: number | undefined
}

/** `max_age` of a transaction's request, in seconds. */
export function maxAgeOf(transaction: Transaction): number | undefined {
  const value = transaction.parameters['max_age']
  return value === undefined ? undefined : Number(value)
}

/** Where the cookies of an instance live. */
export interface CookiePlace {
  /** How the names of all cookies of the instance begin. */
  readonly prefix: string
  readonly https: boolean
  /** Path of the base URL: `` or `/shop`. */
  readonly basePath: string
  /** With `form_post` the response arrives as a cross-site POST, to which only such a cookie is sent. */
  readonly crossSite: boolean
}

/** Characters of base64url: 66 bits, so that two applications on one host never have the same by chance. */
const hashLength = 11

/** Where the cookies of an instance live. Applications on one host, or at two paths of it, have cookies of their own. */
export function cookiePlaceOf(owner: string, place: Omit<CookiePlace, 'prefix'>): CookiePlace {
  const hash = createHash('sha256')
    .update(JSON.stringify([owner, place.basePath]))
    .digest('base64url')
    .slice(0, hashLength)
  // RFC 6265bis, section 4.1.3: no other host can set a cookie with this prefix.
  return { ...place, prefix: `${place.https ? '__Host-' : ''}oidc.${hash}.` }
}

function cookie(place: CookiePlace, name: string, value: string | undefined, seconds: number | undefined): Cookie {
  return {
    name,
    value,
    path: place.https ? '/' : place.basePath || '/',
    secure: place.https || place.crossSite,
    sameSite: place.crossSite ? 'None' : 'Lax',
    maxAgeSeconds: value === undefined ? 0 : seconds,
  }
}

export function transactionCookie(sealer: Sealer, place: CookiePlace, transaction: Transaction): Cookie {
  const sealed = sealer.seal(JSON.stringify(transaction), transaction.id)
  return cookie(place, place.prefix + transaction.id, sealed, transactionSeconds)
}

export function clearedCookie(place: CookiePlace, id: string): Cookie {
  return cookie(place, place.prefix + id, undefined, 0)
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

/** How many logins finished in this browser within a minute may be too many: the session cookie does not stick. */
const mostFinished = 5
const finishedWindowSeconds = 60

function finishedName(place: CookiePlace): string {
  return `${place.prefix}finished`
}

/** Counts a finished login in the browser; `tooMany` once more than five finished within a minute. */
export function countFinished(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
): { cookie: Cookie; tooMany: boolean } {
  const name = finishedName(place)
  const sealed = cookies.get(name)
  const text = sealed === undefined ? undefined : sealer.open(sealed, name)
  const now = nowSeconds()
  const times = text === undefined ? [] : (JSON.parse(text) as number[])
  const recent = [...times.filter((time) => time > now - finishedWindowSeconds), now]
  const tooMany = recent.length > mostFinished
  const value = sealer.seal(JSON.stringify(tooMany ? [] : recent), name)
  return { cookie: cookie(place, name, value, finishedWindowSeconds), tooMany }
}

/** Name of the cookie that says that this browser is not to be logged in without having asked for it. */
export function silentName(place: CookiePlace): string {
  return `${place.prefix}silent`
}

/** Says so until the browser is closed: it was tried, or its user has logged out. It is no secret, and proves nothing. */
export function silentCookie(place: CookiePlace): Cookie {
  return cookie(place, silentName(place), '1', undefined)
}

/**
 * What a logout sets and takes away again. Chromium keeps pages whole for the back button, those with `no-store` too, and
 * shows them with the user on it; it drops them where an HttpOnly cookie is set meanwhile. To take one away is not enough.
 */
export function farewellCookies(place: CookiePlace): readonly Cookie[] {
  const name = `${place.prefix}bye`
  return [cookie(place, name, '1', undefined), cookie(place, name, undefined, 0)]
}
