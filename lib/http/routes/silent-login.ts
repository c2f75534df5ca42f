import type { RequestHandler } from 'express'
import { resolveLoginParameters } from '../../config/login-parameters.ts'
import { retryAfterSeconds } from '../../core/error-table.ts'
import type { Instance } from '../../logins/instance.ts'
import { hasCookie } from '../request/cookie-header.ts'
import { sendToProvider } from './login.ts'
import { kindOf } from '../request/request-kind.ts'
import { publicPath, slotOf } from '../request/request-state.ts'
import { warnOfSetup } from '../request/setup-warnings.ts'
import { sendOn } from '../response/redirect.ts'
import { toldError } from '../response/report-error.ts'
import { Exchange } from '../request/exchange.ts'
import { queryOf } from '../request/query.ts'
import { silentCookie, silentName } from '../../session/login-cookies.ts'

/** The instances of which an application has such pages. */
const users = new WeakSet<Instance>()

export function hasSilentLogin(instance: Instance): boolean {
  return users.has(instance)
}

/**
 * A handler that asks the provider, once in a browser session and without a page of its own, whether somebody is logged in
 * there (`prompt=none`, OIDC Core 3.1.2.1). Everybody else goes on as they are, and so does who comes while the provider
 * is down: the pages behind it are open to all.
 */
export function silentLogin(instance: Instance): RequestHandler {
  users.add(instance)
  let failedAt = -Infinity
  let restMs = 0
  return function trySilentLogin(req, res, next): void {
    const exchange = new Exchange(instance, req, res, next)
    // With a provider that hangs, each page would wait for it.
    if (!mayTry(exchange) || Math.abs(Date.now() - failedAt) < restMs) return next()
    tryOnce(exchange).catch((error: unknown) => {
      failedAt = Date.now()
      restMs = 1000 * Number(toldError(instance, error).headers['Retry-After'] ?? retryAfterSeconds)
      next()
    })
  }
}

async function tryOnce(exchange: Exchange): Promise<void> {
  const { instance, req } = exchange
  warnOfSetup(instance, req)
  const { scope, parameters } = resolveLoginParameters({ prompt: 'none' }, instance.options.origin)
  const request = { scope, parameters, returnTo: undefined }
  const input = { request, returnTo: publicPath(req, instance), attempt: 0, isSilent: true }
  // The mark is set before anything is known: two tabs at once try once each, and none again.
  await sendToProvider(exchange, input, [silentCookie(instance.cookiePlace)])
}

/** Only for a page being opened, in a session that a login can be of; and what was tried is not tried again. */
function mayTry({ instance, req }: Exchange): boolean {
  return (
    req.method === 'GET' &&
    kindOf(req) === 'navigation' &&
    req.session !== undefined &&
    slotOf(req, instance) === undefined &&
    !hasCookie(req, silentName(instance.cookiePlace)) &&
    !queryOf(req.originalUrl).getAll(mark.name).includes(mark.value)
  )
}

/** Says in an address what a browser that keeps no cookies would forget: that a silent login was tried and came to nothing. */
const mark = { name: 'silent', value: 'failed' }

/** Leads back to an open page from a silent login that came to nothing. Whatever it was, nobody had asked for it. */
export function stayAnonymous(exchange: Exchange, page: string): void {
  const { instance, req } = exchange
  const url = new URL(page, instance.options.origin)
  if (!hasCookie(req, silentName(instance.cookiePlace))) url.search += `${url.search && '&'}${mark.name}=${mark.value}`
  sendOn(exchange, url.pathname + url.search + url.hash, 303)
}
