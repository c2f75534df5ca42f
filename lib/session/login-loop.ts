import { type CookiePlace, type Cookie, makeCookie } from './login-cookies.ts'
import { Sealer } from '../core/seal.ts'
import { nowSeconds } from '../core/clock.ts'
/** Maximum number of logins per minute in one browser. More of them mean that the browser drops the session cookie. */
const mostFinished = 5
const finishedWindowSeconds = 60

function formatFinishedName(place: CookiePlace): string {
  return `${place.prefix}finished`
}

/** Counts a finished login. The count is in a cookie of its own, because in a login loop the session is lost each time. */
export function countFinished(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
): { cookie: Cookie; tooMany: boolean } {
  const name = formatFinishedName(place)
  const sealed = cookies.get(name)
  const text = sealed === undefined ? undefined : sealer.open(sealed, name)
  const now = nowSeconds()
  const times = text === undefined ? [] : (JSON.parse(text) as number[])
  const recent = [...times.filter((time) => time > now - finishedWindowSeconds), now]
  const tooMany = recent.length > mostFinished
  const value = sealer.seal(JSON.stringify(tooMany ? [] : recent), name)
  return { cookie: makeCookie(place, name, value, finishedWindowSeconds), tooMany }
}
