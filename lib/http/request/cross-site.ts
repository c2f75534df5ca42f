import type { Request } from 'express'
import type { ResolvedOptions } from '../../config/resolve.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { toLocalReferer } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'

/**
 * Returns why an unsafe request that relies on the session cookie is refused as cross-site; undefined if it is not. A
 * client that sends neither header is not a browser, and no site can make it send a request.
 */
export function findCrossSiteFault(
  req: Request,
  options: Pick<ResolvedOptions, 'origin' | 'allowedOrigins'>,
): string | undefined {
  if (isSafe(req)) return undefined
  const origin = req.headers.origin
  if (origin !== undefined && options.allowedOrigins.includes(origin)) return undefined
  const site = req.headers['sec-fetch-site']
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return undefined
    return `it came from another ${site === 'same-site' ? 'origin of this site' : 'site'}, which \`allowedOrigins\` does not list`
  }
  if (origin === undefined || origin === options.origin) return undefined
  if (origin === 'null') {
    return 'its Origin header is "null"; check whether the page that sent it has the Referrer-Policy no-referrer'
  }
  return 'it came from another origin, which `allowedOrigins` does not list'
}

/**
 * Whether a page of another origin has caused this request, or may have: browsers without `Sec-Fetch-Site` name the page in
 * `Referer` at most.
 */
export function isFromElsewhere(req: Request, { origin }: Pick<ResolvedOptions, 'origin'>): boolean {
  const site = req.headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return toLocalReferer(req.headers.referer, origin) === undefined
}

function isSafe(req: Request): boolean {
  // A page of another site can open a WebSocket with the cookies of this one (RFC 6455, section 10.2).
  if (/\bwebsocket\b/i.test(req.headers.upgrade ?? '')) return false
  return req.method === 'GET' || req.method === 'HEAD' || req.method === 'OPTIONS'
}

/** Creates the error for a cross-site request, and emits `denied`. */
export function crossSiteRefused(instance: Instance, detail: string): OidcError {
  const error = fail('cross_site_request', detail, {
    message: `This request was refused: ${detail}. Start again from a page of this application.`,
  })
  instance.events.emit('denied', { code: error.code, status: error.status, sub: undefined, detail })
  return error
}
