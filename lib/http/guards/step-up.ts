import type { Request } from 'express'
import { LoginNeeded, type OidcLoginNeeds, type OidcError } from '../../core/errors.ts'
import { answerError } from '../response/error-page.ts'
import { makeStepUpLogin, startLogin } from '../routes/login.ts'
import { findRequestKind } from '../request/request-kind.ts'
import { findPassedInstance, makePublicPath } from '../request/request-state.ts'
import { makeLoginUrl } from '../response/login-url.ts'
import { sendRedirect } from '../response/redirect.ts'
import { reportError } from '../response/report-error.ts'
import { HandlerContext } from '../request/handler-context.ts'

/** Whether the browser can be redirected to the provider for a step-up, and has not just come back from the same one. */
export function canStepUpNow(req: Request, error: LoginNeeded): boolean {
  return !error.isRepeat && !error.isLate && findRequestKind(req) === 'navigation'
}

/**
 * Answers the error of a handler or a guard. If a step-up login can help, a navigation is redirected to the provider to
 * request it, and comes back to this page.
 */
export async function answerFault(handler: HandlerContext, thrown: unknown): Promise<void> {
  const error = reportError(handler.instance, thrown)
  const needed = handler.res.headersSent ? undefined : resolveStepUp(handler, error)
  try {
    if (!needed) answerError(handler, error)
    else await requestStepUp(needed.handler, needed.needs)
  } catch (fault) {
    answerError(handler, reportError(handler.instance, fault))
  }
}

/** Returns the step-up to request now; only the instance of the login can request it. */
function resolveStepUp(
  handler: HandlerContext,
  error: OidcError,
): { handler: HandlerContext; needs: OidcLoginNeeds } | undefined {
  if (!(error instanceof LoginNeeded) || !canStepUpNow(handler.req, error)) return undefined
  const { req, res, next } = handler
  const instance = findPassedInstance(req, error.owner)
  return instance && { handler: new HandlerContext(instance, req, res, next), needs: error.needs }
}

async function requestStepUp(handler: HandlerContext, needs: OidcLoginNeeds): Promise<void> {
  const { instance, req } = handler
  const returnTo = makePublicPath(req, instance)
  // A HEAD request starts no login, since no browser would come back from the provider.
  if (req.method === 'HEAD') return sendRedirect(handler, makeLoginUrl(instance, returnTo, needs), 302)
  await startLogin(handler, makeStepUpLogin(needs), { returnTo })
}
