import type { Request, Response } from 'express'
import { trim } from '../../core/trim.ts'
import type { Cookie } from '../../session/login-cookies.ts'

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
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at < 1) continue
    const name = trim(pair.slice(0, at), whiteSpace)
    if (cookies.has(name)) duplicates.add(name)
    cookies.set(name, trim(pair.slice(at + 1), whiteSpace))
  }
  for (const name of duplicates) cookies.delete(name)
  return cookies
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
  for (const { name, value, path, secure, sameSite, maxAgeSeconds } of cookies) {
    // A cookie is removed with the attributes that it was set with, since browsers distinguish cookies by them.
    const life = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
    const attributes = `; Path=${path}${life}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`
    res.append('Set-Cookie', `${name}=${value ?? ''}${attributes}`)
  }
}
