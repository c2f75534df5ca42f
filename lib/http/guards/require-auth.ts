import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { CompiledRule } from '../../guard/rule.ts'
import { admitLogin, type Instances, type Login } from './admit-login.ts'
import { answerError } from '../response/error-page.ts'
import { presentsToken } from './bearer-credentials.ts'
import { makeContext } from '../context/make-context.ts'
import { plainLogin, startLogin } from '../routes/login.ts'
import { answerFault } from './step-up.ts'
import { kindOf } from '../request/request-kind.ts'
import { publicPath } from '../request/request-state.ts'
import { passToken } from './require-bearer.ts'
import { loginUrl } from '../response/login-url.ts'
import { sendOn } from '../response/redirect.ts'
import { toldError } from '../response/report-error.ts'
import { Exchange, Handled } from '../request/exchange.ts'
import { loginRequired } from '../response/login-required.ts'
import type { BearerGuard } from './bearer-guard.ts'

/** The guard of session routes: any of `instances` will do. */
export function guard(instances: Instances, rule: CompiledRule, bearer?: BearerGuard): RequestHandler {
  return function requireAuth(req: Request, res: Response, next: NextFunction): void {
    if (bearer && rule.bearer && presentsToken(req)) return passToken(bearer, rule.bearer, new Handled(req, res, next))
    const exchange = new Exchange(instances[0], req, res, next)
    const proceed = (login: Login | undefined): void | Promise<void> =>
      login ? pass(exchange, login) : notLoggedIn(exchange, rule, bearer)
    const fail = (error: unknown): void => {
      if (rule.redirect) void answerFault(exchange, error)
      else answerError(exchange, toldError(exchange.instance, error))
    }
    try {
      const outcome = admitLogin(instances, rule, req)
      const answered = outcome instanceof Promise ? outcome.then(proceed) : proceed(outcome)
      if (answered instanceof Promise) answered.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

function pass(exchange: Exchange, { instance }: Login): void {
  const { req, res, next } = exchange
  req.oidc = makeContext(instance === exchange.instance ? exchange : new Exchange(instance, req, res, next))
  next()
}

function notLoggedIn(exchange: Exchange, rule: CompiledRule, bearer?: BearerGuard): void | Promise<void> {
  const { instance, req } = exchange
  const { loginPage } = instance.options
  if (kindOf(req) !== 'navigation' || !rule.redirect) {
    throw loginRequired(undefined, rule.bearer && bearer?.policy.challenge)
  }
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
