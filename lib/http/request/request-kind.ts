import type { Request } from 'express'

/**
 * The kind of a request, which decides the form of its response. A navigation can be redirected, a form submission gets a
 * page, and a script or other client gets a status and JSON.
 */
export type RequestKind = 'navigation' | 'form' | 'client'

export function findRequestKind(req: Request): RequestKind {
  // fetch and command-line clients send `*/*`. Only a literal `text/html` means that the client wants a page.
  const wantsPage = /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(req.headers.accept ?? '')
  if (!wantsPage || isScripted(req)) return 'client'
  if (req.method === 'GET' || req.method === 'HEAD') return 'navigation'
  return req.method === 'OPTIONS' ? 'client' : 'form'
}

/** Whether a request is clearly not a navigation: sent by a script, as a prefetch, or for a part of a page. */
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
