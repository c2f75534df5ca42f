import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { OidcError } from '../core/errors.ts'
import { warnOnce } from '../core/warnings.ts'
import type { CompiledRule } from '../guard/rule.ts'
import { judge, type Verdict } from '../guard/session-verdict.ts'
import type { Instance } from '../logins/instance.ts'
import { hookFailed } from '../logins/identity.ts'
import type { Slot } from '../session/login-record.ts'
import { answerError, loginUrl, sendOn, toldError, type Exchange } from './answers.ts'
import { loginRequired, makeContext } from './context.ts'
import { plainLogin, startLogin } from './login.ts'
import { crossSiteRefused } from './logout.ts'
import { crossSite, kindOf } from './origin.ts'
import { publicPath, requireSession, setupInvalid, slotOf, stateOf } from './request-state.ts'

/** The guard of session routes: any of `instances` will do. */
export function guard(instances: readonly [Instance, ...Instance[]], rule: CompiledRule): RequestHandler {
  return function requireAuth(req: Request, res: Response, next: NextFunction): void {
    const first: Exchange = { instance: instances[0], req, res, next }
    try {
      const verdict = decide(first, instances, rule)
      if (verdict instanceof Promise) verdict.catch((error: unknown) => fail(first, error))
    } catch (error) {
      fail(first, error)
    }
  }
}

/** Runs synchronously as far as it can: a guarded request with a login takes no turn of the event loop. */
function decide(
  exchange: Exchange,
  instances: readonly [Instance, ...Instance[]],
  rule: CompiledRule,
): void | Promise<void> {
  const { req } = exchange
  const state = stateOf(req)
  const missing = instances.find((instance) => !state?.instances.has(instance))
  if (!state || missing) {
    warnOnce(
      'OIDC_ROUTER_ORDER',
      'a guarded route was reached before the router of its instance: app.use(oidc.router) must come before the routes that it guards.',
      instances[0].options.name,
    )
    throw setupInvalid(
      `a guarded route was reached before the router of the instance '${(missing ?? instances[0]).options.name}': app.use(oidc.router) must come before the routes that it guards`,
    )
  }
  requireSession(req, state)
  const refused = instances.map((instance) => crossSite(req, instance.options))
  if (!refused.includes(undefined)) throw crossSiteRefused(exchange.instance, refused[0] as string)
  const logins = instances.flatMap((instance) => {
    const slot = slotOf(req, instance)
    return slot ? [{ instance, slot }] : []
  })
  if (logins.length === 0) return notLoggedIn(exchange, rule)
  return judgeInTurn(exchange, logins, rule)
}

type Login = { readonly instance: Instance; readonly slot: Slot }

function judgeInTurn(exchange: Exchange, logins: readonly Login[], rule: CompiledRule): void | Promise<void> {
  let lacking = ''
  for (const [index, login] of logins.entries()) {
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = judge(login.slot, rule, exchange.req)
    } catch (error) {
      throw hookFailed('check', error)
    }
    if (verdict instanceof Promise) return judgeWaiting(exchange, logins.slice(index), verdict, rule)
    if (verdict.ok) return pass(exchange, login)
    lacking = verdict.lacking
  }
  throw notAllowed(logins, lacking)
}

async function judgeWaiting(
  exchange: Exchange,
  logins: readonly Login[],
  first: Promise<Verdict>,
  rule: CompiledRule,
): Promise<void> {
  const [login, ...others] = logins as [Login, ...Login[]]
  const verdict = await first.catch((error: unknown) => {
    throw hookFailed('check', error)
  })
  if (verdict.ok) return pass(exchange, login)
  if (others.length === 0) throw notAllowed(logins, verdict.lacking)
  return judgeInTurn(exchange, others, rule)
}

function pass(exchange: Exchange, login: Login): void {
  const { instance } = login
  exchange.req.oidc = makeContext(instance === exchange.instance ? exchange : { ...exchange, instance })
  exchange.next()
}

function notAllowed(logins: readonly Login[], lacking: string): OidcError {
  const [login] = logins as [Login, ...Login[]]
  const error = new OidcError('not_allowed', 'You are logged in, but you may not do this.', {
    status: 403,
    detail: `lacking: ${lacking}`,
  })
  const { code, status, detail } = error
  login.instance.events.emit('denied', { code, status, sub: login.slot.sub, detail })
  return error
}

function notLoggedIn(exchange: Exchange, rule: CompiledRule): void | Promise<void> {
  const { instance, req } = exchange
  const { loginPage } = instance.options
  if (kindOf(req) !== 'navigation' || !rule.redirect) throw loginRequired()
  const returnTo = publicPath(req, instance)
  if (loginPage !== undefined) {
    const page = new URL(loginPage, instance.options.origin)
    page.searchParams.set('returnTo', returnTo)
    return sendOn(exchange, page.pathname + page.search + page.hash, 302)
  }
  // A HEAD makes no login under way: nobody will come back from it.
  if (req.method === 'HEAD') return sendOn(exchange, loginUrl(instance, returnTo), 302)
  return startLogin(exchange, plainLogin(exchange), { returnTo })
}

function fail(exchange: Exchange, thrown: unknown): void {
  answerError(exchange, toldError(exchange.instance, thrown))
}
