import { createHash } from 'node:crypto'

/** A cookie to set; `value` undefined deletes it. */
export interface Cookie {
  readonly name: string
  readonly value: string | undefined
  readonly path: string
  readonly secure: boolean
  readonly sameSite: 'Lax' | 'None'
  /** Undefined for a session cookie, which lasts until the browser is closed. */
  readonly maxAgeSeconds: number | undefined
}

/** Attributes that all cookies of an instance share. */
export interface CookiePlace {
  /** Beginning of the names of all cookies of the instance. */
  readonly prefix: string
  readonly https: boolean
  /** Path of `baseUrl`: empty, or such as `/shop`. */
  readonly basePath: string
  /** Whether to use `SameSite=None`: with `form_post` the authorization response is a cross-site POST. */
  readonly crossSite: boolean
}

/** Length of the hash in base64url: 48 bits are enough to keep the applications on one host apart. */
const hashLength = 8

/** Derives the cookie attributes of an instance. The prefix separates instances and paths on the same host. */
export function makeCookiePlace(owner: string, place: Omit<CookiePlace, 'prefix'>): CookiePlace {
  const hash = createHash('sha256')
    .update(JSON.stringify([owner, place.basePath]))
    .digest('base64url')
    .slice(0, hashLength)
  // No other host can set a cookie with the prefix `__Host-` (RFC 6265bis, section 4.1.3).
  return { ...place, prefix: `${place.https ? '__Host-' : ''}oidc.${hash}.` }
}

export function makeCookie(
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

export function formatSilentName(place: CookiePlace): string {
  return `${place.prefix}silent`
}

/**
 * Returns the cookie that suppresses silent logins until the browser is closed. It is set after a silent login was tried
 * and after a logout. It is neither secret nor trusted.
 */
export function makeSilentCookie(place: CookiePlace): Cookie {
  return makeCookie(place, formatSilentName(place), '1', undefined)
}

/**
 * Returns the cookie that a logout sets and immediately deletes. Chromium's back/forward cache keeps pages of the user,
 * even with `no-store`, and evicts them when an HttpOnly cookie is set. Deleting a cookie alone does not evict them.
 */
export function makeBfcacheCookies(place: CookiePlace): readonly Cookie[] {
  const name = `${place.prefix}bye`
  return [makeCookie(place, name, '1', undefined), makeCookie(place, name, undefined, 0)]
}
