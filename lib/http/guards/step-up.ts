import type { Request } from 'express'
import { LoginNeeded, type LoginNeeds, type OidcError } from '../../core/errors.ts'
import { answerError } from '../response/error-page.ts'
import { neededLogin, startLogin } from '../routes/login.ts'
import { kindOf } from '../request/request-kind.ts'
import { passedInstance, publicPath } from '../request/request-state.ts'
import { loginUrl } from '../response/login-url.ts'
import { sendOn } from '../response/redirect.ts'
import { toldError } from '../response/report-error.ts'
import { Exchange } from '../request/exchange.ts'

/** Whether the browser can be sent to the provider for what is needed, and that is not what it comes from. */
export function canAskNow(req: Request, error: LoginNeeded): boolean {
  return !error.isRepeat && kindOf(req) === 'navigation'
}

/**
 * Answers what a handler or a guard has failed with. Where more is needed of a login than it has, a navigation goes to the
 * provider to ask for it, and comes back here.
 */
export async function answerFault(exchange: Exchange, thrown: unknown): Promise<void> {
  const error = toldError(exchange.instance, thrown)
  const needed = exchange.res.headersSent ? undefined : neededOf(exchange, error)
  try {
    if (!needed) answerError(exchange, error)
    else await askFor(needed.exchange, needed.needs)
  } catch (fault) {
    answerError(exchange, toldError(exchange.instance, fault))
  }
}

/** What is to be asked for now, by the instance whose login it is. */
function neededOf(exchange: Exchange, error: OidcError): { exchange: Exchange; needs: LoginNeeds } | undefined {
  if (!(error instanceof LoginNeeded) || !canAskNow(exchange.req, error)) return undefined
  const { req, res, next } = exchange
  const instance = passedInstance(req, error.owner)
  return instance && { exchange: new Exchange(instance, req, res, next), needs: error.needs }
}

async function askFor(exchange: Exchange, needs: LoginNeeds): Promise<void> {
  const { instance, req } = exchange
  const returnTo = publicPath(req, instance)
  // A HEAD makes no login under way: nobody will come back from it.
  if (req.method === 'HEAD') return sendOn(exchange, loginUrl(instance, returnTo, needs), 302)
  await startLogin(exchange, neededLogin(needs), { returnTo })
}
