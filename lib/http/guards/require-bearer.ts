import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { BearerError } from '../../guard/bearer-error.ts'
import type { BearerPolicy } from '../../guard/bearer-policy.ts'
import type { OidcErrorCode } from '../../core/error-table.ts'
import type { OidcError } from '../../core/errors.ts'
import { RequestContext } from '../request/handler-context.ts'
import { authorizeToken } from './authorize-token.ts'
import { answerBy } from '../response/error-page.ts'
import { sendProblem } from '../response/problem.ts'
import { reportError } from '../response/report-error.ts'
import type { BearerGuard } from './bearer-guard.ts'
import type { CompiledBearerRule } from '../../guard/requirements.ts'

/** Returns the guard for routes that accept access tokens. */
export function requireToken(guard: BearerGuard, rule: CompiledBearerRule): RequestHandler {
  return function requireBearer(req: Request, res: Response, next: NextFunction): void {
    void passToken(guard, rule, new RequestContext(req, res, next))
  }
}

/** Passes a request on if its access token meets the rule; otherwise sends the response. */
export async function passToken(guard: BearerGuard, rule: CompiledBearerRule, handled: RequestContext): Promise<void> {
  const { req, res, next } = handled
  try {
    const auth = await authorizeToken(guard, rule, req)
    if (auth) req.auth = auth
    next()
  } catch (thrown) {
    answerBy(guard.onError, handled, reportRefusal(guard.policy, thrown), (error) => sendProblem(res, error))
  }
}

/**
 * Errors that are reported as `provider_fault`. In a login, `login_failed` reports the last two. In a guard, no other event
 * would reveal, for example, a wrong client secret for introspection.
 */
const providerFaults: readonly OidcErrorCode[] = [
  'provider_unavailable',
  'provider_misconfigured',
  'client_rejected',
  'provider_response_invalid',
]

/** Turns a thrown value into an OidcError, and emits its event. */
export function reportRefusal(policy: BearerPolicy, thrown: unknown): OidcError {
  const error = reportError(policy, thrown, providerFaults)
  const { code, status, detail } = error
  if (!(error instanceof BearerError)) return error
  if (code === 'not_allowed') policy.events.emit('denied', { code, status, sub: error.sub, detail })
  // No event if nothing was presented: many clients send a first request without a token to get the challenge.
  else if (error.error !== undefined) policy.events.emit('token_rejected', { code, status, detail })
  return error
}
