import { randomBytes } from 'node:crypto'
import { hashShort } from '../core/short-hash.ts'
import { type Cookie, type CookiePlace, makeCookie } from './login-cookies.ts'

/**
 * The mark of a browser: a random value that a finished login sets, one for all instances on a host. It shows that a session
 * and a login in progress are of the same browser and the same user. A logout removes it; another user gets a new one.
 */
function formatMarkName({ https }: CookiePlace): string {
  return https ? '__Host-oidc.mark' : 'oidc.mark'
}

const markForm = /^[\w-]{22}$/

/** Returns the mark of a browser; undefined if it has none. */
export function readMark(place: CookiePlace, cookies: ReadonlyMap<string, string>): string | undefined {
  const mark = cookies.get(formatMarkName(place))
  return mark !== undefined && markForm.test(mark) ? mark : undefined
}

/** Returns the short hash of a browser's mark; undefined if it has none. */
export function hashMark(place: CookiePlace, cookies: ReadonlyMap<string, string>): string | undefined {
  const mark = readMark(place, cookies)
  return mark === undefined ? undefined : hashShort(mark)
}

export function createMark(): string {
  return randomBytes(16).toString('base64url')
}

/** Returns the cookie of a mark that lasts as long as a login; without a mark, the one that removes it. */
export function makeMarkCookie(place: CookiePlace, mark: string | undefined, seconds: number): Cookie {
  // All instances on a host share the mark, whatever their base paths are.
  return { ...makeCookie(place, formatMarkName(place), mark, seconds), path: '/' }
}
