import type { Request, Response } from 'express'
import { trim } from '../../core/trim.ts'
import type { Cookie } from '../../session/login-cookies.ts'
import { getRequestState } from './request-state.ts'

/**
 * The only white space that is trimmed from names and values (RFC 6265, section 5.2). A browser sees no `__Host-` prefix in
 * a name that begins with a no-break space, so any host of the site could set that cookie.
 */
const whiteSpace = ' \t'

/**
 * Reads the cookies of a request without decoding their names: a percent-encoded `__Host-` must not pass for the prefix.
 * Duplicate names are left out, because nothing shows which of the cookies this package has set.
 */
export function readCookies(req: Request): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  const duplicates = new Set<string>()
  for (const [name, value] of listCookies(req)) {
    if (cookies.has(name)) duplicates.add(name)
    cookies.set(name, value)
  }
  for (const name of duplicates) cookies.delete(name)
  return cookies
}

function listCookies(req: Request): [name: string, value: string][] {
  return (req.headers.cookie ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at < 1 ? [] : [[trim(pair.slice(0, at), whiteSpace), trim(pair.slice(at + 1), whiteSpace)]]
  })
}

/** Returns the names of all cookies that contain the id of a session, in the form of express-session or in any other. */
export function listSessionCookies(req: Request, sessionId: string): readonly string[] {
  return listCookies(req).flatMap(([name, value]) => (decode(value).includes(sessionId) ? [name] : []))
}

/** Decodes a value as cookie parsers do; a malformed one stays as it is. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Whether the request has a cookie of this name, once or more. */
export function hasCookie(req: Request, name: string): boolean {
  const pairs = (req.headers.cookie ?? '').split(';')
  return pairs.some((pair) => trim(pair.split('=', 1)[0] as string, whiteSpace) === name)
}

/** Adds cookies to the response, and keeps it out of caches. */
export function setCookies(res: Response, cookies: readonly Cookie[]): void {
  if (cookies.length === 0) return
  res.setHeader('Cache-Control', 'no-store')
  for (const cookie of cookies) res.append('Set-Cookie', formatCookie(res.req, cookie))
}

/**
 * Returns a cookie as a value of `Set-Cookie`. Where the session cookie is sent in cross-site requests, as in a frame of
 * another site, the cookies of a login are too.
 */
export function formatCookie(req: Request, cookie: Cookie): string {
  const session = req.session?.cookie ?? getRequestState(req)?.sessionCookie
  const isCrossSite = String(session?.sameSite).toLowerCase() === 'none' && session?.secure === true
  const { name, value, path, secure, sameSite, maxAgeSeconds } = isCrossSite
    ? { ...cookie, sameSite: 'None', secure: true }
    : cookie
  // A cookie is removed with the attributes that it was set with, since browsers distinguish cookies by them.
  const life = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  return `${name}=${value ?? ''}; Path=${path}${life}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`
}
