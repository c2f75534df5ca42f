import type { Request } from 'express'

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
