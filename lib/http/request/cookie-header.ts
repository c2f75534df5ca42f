import type { Request, Response } from 'express'
import { trim } from '../../core/trim.ts'
import type { Cookie } from '../../session/login-cookies.ts'

/**
 * The white space around a name or value (RFC 6265 5.2), and no other: a name with a no-break space in front has no prefix
 * in the eyes of a browser, which lets any host of the site set it.
 */
const whiteSpace = ' \t'

/**
 * The cookies of a request, names as they are: decoding them would let one name stand for another (`__Host-` written
 * with percent signs). A name that comes twice is left out, since nobody can say which of the two is ours.
 */
export function readCookies(req: Request): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  const twice = new Set<string>()
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at < 1) continue
    const name = trim(pair.slice(0, at), whiteSpace)
    if (cookies.has(name)) twice.add(name)
    cookies.set(name, trim(pair.slice(at + 1), whiteSpace))
  }
  for (const name of twice) cookies.delete(name)
  return cookies
}

/** Whether a cookie of this name came along, once or more. */
export function hasCookie(req: Request, name: string): boolean {
  const pairs = (req.headers.cookie ?? '').split(';')
  return pairs.some((pair) => trim(pair.split('=', 1)[0] as string, whiteSpace) === name)
}

/** Adds cookies to the response, which is then kept by no cache. */
export function setCookies(res: Response, cookies: readonly Cookie[]): void {
  if (cookies.length === 0) return
  res.setHeader('Cache-Control', 'no-store')
  for (const { name, value, path, secure, sameSite, maxAgeSeconds } of cookies) {
    // Taken away with the very attributes it was set with: browsers tell cookies apart by them.
    const life = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
    const attributes = `; Path=${path}${life}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`
    res.append('Set-Cookie', `${name}=${value ?? ''}${attributes}`)
  }
}
