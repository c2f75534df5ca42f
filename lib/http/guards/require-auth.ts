import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { makeAuthenticationParameters } from '../../guard/authentication.ts'
import type { CompiledRule } from '../../guard/rule.ts'
import { authorizeLogin, type Instances } from './authorize-login.ts'
import { answerError } from '../response/error-page.ts'
import { hasToken } from './bearer-credentials.ts'
import { makeContext } from '../context/make-context.ts'
import { makePlainLogin, startLogin } from '../routes/login.ts'
import { answerFault } from './step-up.ts'
import { findRequestKind } from '../request/request-kind.ts'
import { makePublicPath } from '../request/request-state.ts'
import { passToken } from './require-bearer.ts'
import { makeLoginUrl } from '../response/login-url.ts'
import { sendRedirect } from '../response/redirect.ts'
import { reportError } from '../response/report-error.ts'
import { HandlerContext, RequestContext } from '../request/handler-context.ts'
import { loginRequired } from '../response/login-required.ts'
import type { BearerGuard } from './bearer-guard.ts'

/** Returns the guard for session routes. A login with any of `instances` suffices. */
export function makeSessionGuard(instances: Instances, rule: CompiledRule, bearer?: BearerGuard): RequestHandler {
  return function requireAuth(req: Request, res: Response, next: NextFunction): void {
    if (bearer && rule.bearer && hasToken(req)) {
      void passToken(bearer, rule.bearer, new RequestContext(req, res, next))
    } else {
      void passLogin(instances, rule, bearer, new RequestContext(req, res, next))
    }
  }
}

/** Passes a request on if a login of its session meets the rule; otherwise sends the response. */
async function passLogin(
  instances: Instances,
  rule: CompiledRule,
  bearer: BearerGuard | undefined,
  { req, res, next }: RequestContext,
): Promise<void> {
  try {
    const login = await authorizeLogin(instances, rule, req)
    const handler = new HandlerContext(login?.instance ?? instances[0], req, res, next)
    if (!login) return await answerAnonymous(handler, rule, bearer)
    req.oidc = makeContext(handler)
    next()
  } catch (error) {
    const handler = new HandlerContext(instances[0], req, res, next)
    if (rule.redirect) await answerFault(handler, error)
    else answerError(handler, reportError(handler.instance, error))
  }
}

/** Starts a login, or redirects to `loginPage`, if the request is a navigation; otherwise throws `login_required`. */
async function answerAnonymous(handler: HandlerContext, rule: CompiledRule, bearer?: BearerGuard): Promise<void> {
  const { instance, req } = handler
  const { loginPage } = instance.options
  if (findRequestKind(req) !== 'navigation' || !rule.redirect) {
    throw loginRequired(undefined, rule.bearer && bearer?.policy.challenge)
  }
  const returnTo = makePublicPath(req, instance)
  if (loginPage !== undefined) {
    const page = new URL(loginPage, instance.options.origin)
    page.searchParams.set('returnTo', returnTo)
    return sendRedirect(handler, page.pathname + page.search + page.hash, 302)
  }
  // A HEAD request starts no login, since no browser would come back from the provider.
  if (req.method === 'HEAD') return sendRedirect(handler, makeLoginUrl(instance, returnTo), 302)
  const login = makePlainLogin(handler)
  return startLogin(handler, { ...login, parameters: { ...login.parameters, ...requestMaxAge(rule) } }, { returnTo })
}

/** Requests the maximum age with the first login, because a step-up right after it would ask for the password again. */
function requestMaxAge({ maxAuthAgeSeconds }: CompiledRule): Record<string, string> {
  return makeAuthenticationParameters({ acr: undefined, maxAuthAgeSeconds })
}
