import { createHash } from 'node:crypto'

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

export function cookieOf(
  place: CookiePlace,
  name: string,
  value: string | undefined,
  seconds: number | undefined,
): Cookie {
  return {
    name,
    value,
    path: place.https ? '/' : place.basePath || '/',
    secure: place.https || place.crossSite,
    sameSite: place.crossSite ? 'None' : 'Lax',
    maxAgeSeconds: value === undefined ? 0 : seconds,
  }
}

/** Name of the cookie that suppresses silent logins. */
export function silentName(place: CookiePlace): string {
  return `${place.prefix}silent`
}

/** Suppresses silent logins until the browser is closed, after one was tried or after a logout. Not secret, not trusted. */
export function silentCookie(place: CookiePlace): Cookie {
  return cookieOf(place, silentName(place), '1', undefined)
}

/**
 * What a logout sets and removes again. Chromium's back/forward cache keeps pages of the user, even those with `no-store`,
 * and evicts them when an HttpOnly cookie is set. To remove one does not suffice.
 */
export function farewellCookies(place: CookiePlace): readonly Cookie[] {
  const name = `${place.prefix}bye`
  return [cookieOf(place, name, '1', undefined), cookieOf(place, name, undefined, 0)]
}
