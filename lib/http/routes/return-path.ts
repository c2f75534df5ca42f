import type { ResolvedOptions } from '../../config/resolve.ts'
import { toLocalPath } from '../../core/urls.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/**
 * Validates a stored `returnTo` again: it may be older than the current rules, or written under other options. A route of
 * any instance is not a page: any site can name it in a login URL, and what it does must not look like the user's request.
 */
export function makeSafeReturnTo({ instance: { options } }: HandlerContext, returnTo: string): string {
  const path = toLocalPath(returnTo, options.origin)
  return path === undefined || isRoute(options, path) ? options.basePath || '/' : path
}

/** The routes of all instances of this process, by origin. */
const known = new Set<string>()

/** Remembers the routes of an instance. */
export function registerRoutes({ origin, basePath, routes }: ResolvedOptions): void {
  for (const route of Object.values(routes)) known.add(origin + normalize(basePath + route))
}

/** Whether a path is one of the routes, as the router compares them, even for a proxy that decodes paths. */
function isRoute({ origin }: ResolvedOptions, path: string): boolean {
  return known.has(origin + normalize(new URL(path, 'https://host.invalid').pathname))
}

function normalize(path: string): string {
  // A route has no characters that need percent-encoding, so invalid encodings do not matter.
  const decoded = path.replace(/%([0-7][0-9a-f])/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return decoded.toLowerCase().replace(/\/$/, '')
}
