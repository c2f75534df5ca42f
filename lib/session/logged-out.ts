import { type Cookie, type CookiePlace, makeCookie } from './login-cookies.ts'

/** Seconds after a logout during which no other site can start a login in the browser. */
const loggedOutSeconds = 3600

function formatLoggedOutName({ prefix }: CookiePlace): string {
  return `${prefix}out`
}

/** Returns the cookie that records a logout in this browser. It is neither secret nor trusted. */
export function makeLoggedOutCookie(place: CookiePlace): Cookie {
  return makeOwnCookie(place, '1', loggedOutSeconds)
}

/** Browsers send the cookie with a form of another site as well, which can begin a login too; over http they would reject it. */
function makeOwnCookie(place: CookiePlace, value: string | undefined, seconds: number): Cookie {
  const cookie = makeCookie(place, formatLoggedOutName(place), value, seconds)
  return place.https ? { ...cookie, sameSite: 'None' } : cookie
}

export function hasLoggedOut(place: CookiePlace, cookies: ReadonlyMap<string, string>): boolean {
  return cookies.has(formatLoggedOutName(place))
}

/** Returns the cookie that removes the record of a logout, if there is one. */
export function clearLoggedOut(place: CookiePlace, cookies: ReadonlyMap<string, string>): Cookie[] {
  return hasLoggedOut(place, cookies) ? [makeOwnCookie(place, undefined, 0)] : []
}
