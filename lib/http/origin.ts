import type { Request } from 'express'
import type { ResolvedOptions } from '../config/resolve.ts'

/**
 * What a request is, and so what it is answered with: a page being opened (redirects make sense), a form that a browser
 * sends (a page makes sense), or a script or other client (a status and JSON).
 */
export type RequestKind = 'navigation' | 'form' | 'client'

export function kindOf(req: Request): RequestKind {
  // `*/*` is what fetch and command-line clients send: only the literal name means that a page is wanted.
  const wantsPage = /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(req.headers.accept ?? '')
  if (!wantsPage || isScripted(req)) return 'client'
  if (req.method === 'GET' || req.method === 'HEAD') return 'navigation'
  return req.method === 'OPTIONS' ? 'client' : 'form'
}

/** Whether a request is plainly no page being opened: sent by a script, ahead of need, or into a part of a page. */
export function isScripted(req: Request): boolean {
  const { headers } = req
  const mode = headers['sec-fetch-mode']
  const destination = headers['sec-fetch-dest']
  return (
    headers['x-requested-with'] !== undefined ||
    (mode !== undefined && mode !== 'navigate') ||
    (destination !== undefined && destination !== 'document') ||
    /prefetch|prerender/i.test(`${String(headers['sec-purpose'] ?? '')} ${String(headers['purpose'] ?? '')}`)
  )
}

function isSafe(req: Request): boolean {
  // A page of another site can open a WebSocket with the cookies of this one (RFC 6455 10.2).
  if (/\bwebsocket\b/i.test(req.headers.upgrade ?? '')) return false
  return req.method === 'GET' || req.method === 'HEAD' || req.method === 'OPTIONS'
}

/**
 * Why an unsafe request that lives on the session cookie is refused as coming from another site; undefined where it is
 * not. A client that sends neither header is no browser, and no site can make it send a request.
 */
export function crossSite(req: Request, options: ResolvedOptions): string | undefined {
  if (isSafe(req)) return undefined
  const origin = req.headers.origin
  if (origin !== undefined && options.allowedOrigins.includes(origin)) return undefined
  const site = req.headers['sec-fetch-site']
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return undefined
    return `the request comes from another ${site === 'same-site' ? 'origin of this site' : 'site'}, which allowedOrigins does not list`
  }
  if (origin === undefined || origin === options.origin) return undefined
  if (origin === 'null') {
    return 'the request has the origin "null": does a Referrer-Policy of no-referrer hide where the form is from?'
  }
  return 'the request comes from another origin, which allowedOrigins does not list'
}
