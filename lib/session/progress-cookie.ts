import { randomBytes } from 'node:crypto'
import { nowSeconds } from '../core/clock.ts'
import { transactionSeconds } from '../core/limits.ts'
import { hashShort } from '../core/short-hash.ts'
import { type Cookie, type CookiePlace, makeCookie } from './login-cookies.ts'

/** The cookie of a login in progress. */
export interface ProgressCookie {
  readonly name: string
  /** Random bytes, from which nonce, PKCE verifier and DPoP key are derived. */
  readonly secret: Buffer
  /** When the login began, in seconds since the epoch. */
  readonly startedAt: number
  /** Short hashes of the ids of sessions that belong to this browser, see `session-trust.ts`. */
  readonly from: readonly string[]
}

/** Maximum number of logins in progress in one browser. Beyond that, the oldest cookie is removed. */
export const mostInProgress = 24
/**
 * A login's cookie that is younger, in seconds, stays beyond that number, because pages that open at once begin their logins
 * at once.
 */
const youngSeconds = 60
/**
 * Maximum characters of the names and values of all these cookies, however young. Any site can begin logins in a browser, and
 * servers reject more than 8 kB (nginx) or 16 kB (Node) of cookies. There is room for 50 logins, and for one cookie with
 * details.
 */
const mostCharacters = 3600
/** Characters of the longest cookie: its name, secret and time, and all of `from`. */
const longestCookie = 106
/** Maximum number of cookies that one response removes. */
const mostRemoved = 32
/** Lifetime of the cookie, in seconds. A user who comes back late restarts the login with what the cookie says. */
const cookieSeconds = 3600
/** Maximum number of sessions in `from`. */
const mostFrom = 4
const secretBytes = 16

/** Returns the name of a login's cookie. A part of the id is enough: `state` has a hash of the cookie's secret. */
function formatProgressName({ prefix }: CookiePlace, id: string): string {
  return prefix + id.slice(0, nameLength)
}

/** Characters of the id in the name. Other cookies with the same prefix have shorter names. */
const nameLength = 9
const nameForm = /^(?:__Host-)?oidc\.[\w-]{8}\.[\w-]{9}$/
/** 16 bytes, 4 bytes of time, and up to four hashes, each in base64url. */
const valueForm = /^([\w-]{22})([\w-]{6})((?:\.[\w-]{11}){0,4})$/

/** Creates the cookie of a login, with a new secret. */
export function createProgressCookie(place: CookiePlace, id: string, from: readonly string[]): ProgressCookie {
  return { name: formatProgressName(place, id), secret: randomBytes(secretBytes), startedAt: nowSeconds(), from }
}

/** Returns the cookie as it is set in the browser. */
export function writeProgressCookie(place: CookiePlace, { name, secret, startedAt, from }: ProgressCookie): Cookie {
  const time = Buffer.alloc(4)
  time.writeUInt32BE(startedAt)
  const value = [secret.toString('base64url') + time.toString('base64url'), ...from].join('.')
  return makeCookie(place, name, value, Math.max(1, cookieSeconds - Math.max(0, nowSeconds() - startedAt)))
}

export function clearProgressCookie(place: CookiePlace, id: string): Cookie {
  return makeCookie(place, formatProgressName(place, id), undefined, 0)
}

/** Reads the cookie of the login that a `state` names; undefined if there is none, or if it is another login's. */
export function findProgressCookie(
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
  { id, cookie: hash }: { readonly id: string; readonly cookie: string },
): ProgressCookie | undefined {
  const name = formatProgressName(place, id)
  const found = parseProgressCookie(name, cookies.get(name))
  return found && hashSecret(found) === hash ? found : undefined
}

/** Reads the cookies of all logins that an instance has in progress in a browser, the oldest first. */
export function listProgressCookies(place: CookiePlace, cookies: ReadonlyMap<string, string>): ProgressCookie[] {
  return [...cookies.entries()]
    .flatMap(([name, value]) => (isOwnName(place, name) ? (parseProgressCookie(name, value) ?? []) : []))
    .toSorted((a, b) => a.startedAt - b.startedAt)
}

/** Returns the cookies to remove so that a new one has room: the unusable ones, and the oldest beyond the maximum. */
export function listSurplusCookies(place: CookiePlace, cookies: ReadonlyMap<string, string>): Cookie[] {
  const known = listProgressCookies(place, cookies)
  // No clock in use writes a time this far ahead, and such a cookie would count as the latest for ever.
  const latest = known.filter(({ startedAt }) => startedAt - nowSeconds() < transactionSeconds).toReversed()
  let characters = longestCookie
  const kept = latest.filter(({ name, startedAt }, index) => {
    characters += name.length + (cookies.get(name) as string).length
    // A login of a process whose clock is ahead is young.
    const isYoung = nowSeconds() - startedAt < youngSeconds
    return characters <= mostCharacters && (index < mostInProgress - 1 || isYoung)
  })
  const names = new Set(kept.map(({ name }) => name))
  const surplus = [...cookies.keys()].filter((name) => isOwnName(place, name) && !names.has(name))
  return surplus.slice(0, mostRemoved).map((name) => makeCookie(place, name, undefined, 0))
}

/** Returns short hashes of the secrets of all logins in progress in a browser, of all instances on this host. */
export function hashLoginsInProgress(place: CookiePlace, cookies: ReadonlyMap<string, string>): string[] {
  return [...cookies.entries()].flatMap(([name, value]) => {
    const isHere = nameForm.test(name) && name.startsWith('__Host-') === place.https
    const found = isHere ? parseProgressCookie(name, value) : undefined
    return found ? [hashSecret(found)] : []
  })
}

/** Returns the sessions that a restarted login comes from: those of all logins that this browser has in progress here. */
export function listFrom(place: CookiePlace, cookies: ReadonlyMap<string, string>): string[] {
  return [...new Set(listProgressCookies(place, cookies).flatMap(({ from }) => from))].slice(-mostFrom)
}

/** Adds the hash of a session id to `from`, and drops the oldest beyond the maximum. */
export function addSession(from: readonly string[], hash: string): readonly string[] {
  return [...from.filter((other) => other !== hash), hash].slice(-mostFrom)
}

/** Returns the short hash of a login's secret. */
export function hashSecret({ secret }: Pick<ProgressCookie, 'secret'>): string {
  return hashShort(secret.toString('base64url'))
}

function isOwnName({ prefix }: CookiePlace, name: string): boolean {
  return name.startsWith(prefix) && nameForm.test(name)
}

function parseProgressCookie(name: string, value: string | undefined): ProgressCookie | undefined {
  const match = valueForm.exec(value ?? '')
  if (!match) return undefined
  const [, secret, time, from] = match as unknown as [string, string, string, string]
  return {
    name,
    secret: Buffer.from(secret, 'base64url'),
    startedAt: Buffer.from(time, 'base64url').readUInt32BE(),
    from: from.split('.').slice(1),
  }
}
