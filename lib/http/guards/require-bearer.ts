import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import { BearerError } from '../../guard/bearer-error.ts'
import type { BearerPolicy } from '../../guard/bearer-policy.ts'
import type { OidcError, OidcErrorCode } from '../../core/errors.ts'
import { Handled } from '../request/exchange.ts'
import { admitToken } from './admit-token.ts'
import { answerWith } from '../response/error-page.ts'
import { sendProblem } from '../response/problem.ts'
import { toldError } from '../response/report-error.ts'
import type { BearerGuard } from './bearer-guard.ts'
import type { CompiledBearerRule } from '../../guard/verdict.ts'

declare global {
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** What the access token of this request says, put here by `requireBearer`; not there where `optional` let a request without one through. */
      auth: BearerAuth
    }
  }
}

/** The guard of routes that take access tokens. */
export function requireToken(guard: BearerGuard, rule: CompiledBearerRule): RequestHandler {
  return function requireBearer(req: Request, res: Response, next: NextFunction): void {
    passToken(guard, rule, new Handled(req, res, next))
  }
}

/** Lets a request on that presents a token that will do, and answers any other. */
export function passToken(guard: BearerGuard, rule: CompiledBearerRule, handled: Handled): void {
  try {
    const auth = admitToken(guard, rule, handled.req)
    if (!(auth instanceof Promise)) return pass(handled, auth)
    auth.then(
      (admitted) => pass(handled, admitted),
      (error: unknown) => fail(guard, handled, error),
    )
  } catch (error) {
    fail(guard, handled, error)
  }
}

function pass({ req, next }: Handled, auth: BearerAuth | undefined): void {
  if (auth) req.auth = auth
  next()
}

function fail({ policy, onError }: BearerGuard, handled: Handled, thrown: unknown): void {
  answerWith(onError, handled, toldRefusal(policy, thrown), (error) => sendProblem(handled.res, error))
}

/** There is no login whose failure would tell of the latter two: a wrong secret for introspection, say. */
const providerFaults: readonly OidcErrorCode[] = [
  'provider_unavailable',
  'client_rejected',
  'provider_response_invalid',
]

/** Makes an error of ours of whatever was thrown, and tells it to who listens. */
export function toldRefusal(policy: BearerPolicy, thrown: unknown): OidcError {
  const error = toldError(policy, thrown, providerFaults)
  const { code, status, detail } = error
  if (!(error instanceof BearerError)) return error
  if (code === 'not_allowed') policy.events.emit('denied', { code, status, sub: error.sub, detail })
  // Clients that present nothing are no event: a first request without a token is how many find out what is needed.
  else if (error.error !== undefined) policy.events.emit('token_rejected', { code, status, detail })
  return error
}
