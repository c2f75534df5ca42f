import type { RequestHandler } from 'express'
import { resolveLoginParameters } from '../../config/login-parameters.ts'
import { retryAfterSeconds } from '../../core/error-table.ts'
import type { Instance } from '../../logins/instance.ts'
import { hasCookie } from '../request/cookie-header.ts'
import { canBeForced, sendToProvider } from './login.ts'
import { findRequestKind } from '../request/request-kind.ts'
import { makePublicPath, findEntry, findSessionId } from '../request/request-state.ts'
import { warnOfSetup } from '../request/setup-warnings.ts'
import { sendRedirect } from '../response/redirect.ts'
import { reportError } from '../response/report-error.ts'
import { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { makeSilentCookie, formatSilentName } from '../../session/login-cookies.ts'

/** Instances with at least one page that uses silent login. */
const tryingInstances = new WeakSet<Instance>()

export function hasSilentLogin(instance: Instance): boolean {
  return tryingInstances.has(instance)
}

/**
 * Returns a handler that asks the provider, once per browser session and without showing a page, whether the user is logged
 * in there (`prompt=none`, OIDC Core, section 3.1.2.1). All other requests pass, as do all requests while the provider is
 * down, because the pages behind the handler are public.
 */
export function makeSilentLogin(instance: Instance): RequestHandler {
  tryingInstances.add(instance)
  let failedAt = -Infinity
  let restMs = 0
  return function trySilentLogin(req, res, next): void {
    const handler = new HandlerContext(instance, req, res, next)
    // Otherwise each page would wait for a provider that hangs.
    if (!canTrySilently(handler) || performance.now() - failedAt < restMs) return next()
    trySilentLoginOnce(handler).catch((error: unknown) => {
      failedAt = performance.now()
      restMs = 1000 * Number(reportError(instance, error).headers['Retry-After'] ?? retryAfterSeconds)
      next()
    })
  }
}

async function trySilentLoginOnce(handler: HandlerContext): Promise<void> {
  const { instance, req } = handler
  warnOfSetup(instance, req)
  const { scope, origin } = instance.options
  const request = { scope, parameters: resolveLoginParameters({ prompt: 'none' }, origin).parameters }
  const input = {
    request,
    returnTo: makePublicPath(req, instance),
    attempt: 0,
    isSilent: true,
    session: findSessionId(req),
  }
  // The cookie is set before the result is known: two tabs at once try once each, and then never again.
  await sendToProvider(handler, input, [makeSilentCookie(instance.cookiePlace)])
}

/**
 * Whether the request is a navigation with a session, without a login, and without an earlier attempt. Another site must not
 * cause it after a logout, even if the browser was closed in between.
 */
function canTrySilently(handler: HandlerContext): boolean {
  const { instance, req } = handler
  return (
    req.method === 'GET' &&
    findRequestKind(req) === 'navigation' &&
    req.session !== undefined &&
    findEntry(req, instance) === undefined &&
    !hasCookie(req, formatSilentName(instance.cookiePlace)) &&
    !parseQuery(req.originalUrl).getAll(mark.name).includes(mark.value) &&
    !canBeForced(handler)
  )
}

/** Query parameter that marks a failed silent login in browsers that keep no cookies. */
const mark = { name: 'silent', value: 'failed' }

/** Redirects back to the public page after a silent login that failed. The user requested none, so no error is shown. */
export function stayAnonymous(handler: HandlerContext, page: string): void {
  const { instance, req } = handler
  const url = new URL(page, instance.options.origin)
  if (!hasCookie(req, formatSilentName(instance.cookiePlace)))
    url.search += `${url.search && '&'}${mark.name}=${mark.value}`
  sendRedirect(handler, url.pathname + url.search + url.hash, 303)
}
