import type { Instance } from '../../logins/instance.ts'
import { nowSeconds } from '../../core/clock.ts'
import { transactionSeconds } from '../../core/limits.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { toLocalPath } from '../../core/urls.ts'
import { sendRedirect } from '../response/redirect.ts'
/** The content of `state` in a logout request (OIDC RP-Initiated Logout, section 2). */
interface LogoutState {
  readonly returnTo: string
  readonly startedAt: number
}

/** Returns the parameters for the way back from the provider. All logouts share one URI, because it must be registered. */
export function makeReturnParameters(instance: Instance, returnTo: string): Record<string, string> {
  const { origin, postLogoutRedirect } = instance.options
  const isBelow = stripBase(instance, postLogoutRedirect) !== undefined
  const state = JSON.stringify({ returnTo, startedAt: nowSeconds() } satisfies LogoutState)
  return {
    post_logout_redirect_uri: origin + (isBelow ? postLogoutRedirect : returnTo),
    state: instance.seals.logout.seal(state, ''),
  }
}

/** Returns a path relative to the instance's router; undefined if it is not below the router. */
function stripBase({ options: { basePath } }: Instance, path: string): string | undefined {
  const plain = path.split(/[?#]/, 1)[0] as string
  if (plain === basePath) return '/'
  return plain.startsWith(`${basePath}/`) ? plain.slice(basePath.length) : undefined
}

/** A user may take as long at the provider for a logout as for a login. */
const returnSeconds = transactionSeconds

/**
 * Redirects a browser that comes back from a logout at the provider to the logout's `returnTo`, and returns whether it did.
 * A `state` that this instance did not seal is ignored, and the page is answered normally.
 */
export function resumeAfterLogout(handler: HandlerContext): boolean {
  const { instance, req } = handler
  const { origin, postLogoutRedirect } = instance.options
  if (req.method !== 'GET' || !req.originalUrl.includes('state=')) return false
  if (stripBase(instance, postLogoutRedirect) !== req.path) return false
  const states = parseQuery(req.originalUrl).getAll('state')
  const text = states.length === 1 ? instance.seals.logout.open(states[0] as string, '') : undefined
  if (text === undefined) return false
  const { returnTo, startedAt } = JSON.parse(text) as LogoutState
  const path = toLocalPath(returnTo, origin)
  if (path === undefined || path === postLogoutRedirect) return false
  if (Math.abs(nowSeconds() - startedAt) > returnSeconds) return false
  sendRedirect(handler, path, 303)
  return true
}
