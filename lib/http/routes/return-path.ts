import type { ResolvedOptions } from '../../config/resolve.ts'
import { toLocalPath } from '../../core/urls.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/**
 * Validates a stored `returnTo` again: it may be older than the current rules, or written under other options. A route of
 * the instance is not a page: any site can name it in a login URL, and what it does must not look like the user's request.
 */
export function makeSafeReturnTo({ instance: { options } }: HandlerContext, returnTo: string): string {
  const path = toLocalPath(returnTo, options.origin)
  return path === undefined || isRoute(options, path) ? options.basePath || '/' : path
}

/** Whether a path is one of the routes, as the router compares them, even for a proxy that decodes paths. */
function isRoute({ basePath, routes }: ResolvedOptions, path: string): boolean {
  const plain = normalize(new URL(path, 'https://host.invalid').pathname)
  return Object.values(routes).some((route) => normalize(basePath + route) === plain)
}

function normalize(path: string): string {
  // A route has no characters that need percent-encoding, so invalid encodings do not matter.
  const decoded = path.replace(/%([0-7][0-9a-f])/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return decoded.toLowerCase().replace(/\/$/, '')
}
