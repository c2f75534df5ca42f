import { FormerSessionChanged } from '../../logins/login/write-login.ts'
import { ProviderRefused } from '../../provider/authorization-code.ts'
import { clearedCookie, type Transaction } from '../../session/transaction.ts'
import { answerError } from '../response/error-page.ts'
import { setCookies } from '../request/cookie-header.ts'
import { type Callback } from './read-callback.ts'
import { findEntry } from '../request/request-state.ts'
import { stayAnonymous } from './silent-login.ts'
import { loginFailed } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { safeReturnTo } from './return-path.ts'

/** `error` values with which the provider says that `prompt=none` needs the user (OIDC Core, section 3.1.2.6). */
const needsInteraction = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/** Whether `prompt=none` failed because the provider needs the user. */
export function needsUser(error: unknown, transaction: Transaction): boolean {
  return (
    transaction.parameters['prompt'] === 'none' && error instanceof ProviderRefused && needsInteraction.has(error.error)
  )
}

/** Answers the error of a callback by an error page, or after a silent login by a redirect back to the public page. */
export function failCallback(handler: HandlerContext, thrown: unknown, callback: Callback | undefined): void {
  const { instance, req, res } = handler
  const transaction = callback?.transaction
  const openPage = callback?.state.openPage
  if (callback && openPage !== undefined && !res.headersSent) {
    const isExpected =
      thrown instanceof FormerSessionChanged || (transaction !== undefined && needsUser(thrown, transaction))
    if (!isExpected) loginFailed(handler, thrown)
    setCookies(res, [clearedCookie(instance.cookiePlace, callback.state.id)])
    return stayAnonymous(handler, transaction?.returnTo ?? safeReturnTo(handler, openPage))
  }
  const error = loginFailed(handler, thrown)
  if (!(error instanceof ProviderRefused)) return answerError(handler, error)
  // A refused step-up leaves the existing login unchanged.
  const back = transaction && findEntry(req, instance) ? transaction.returnTo : undefined
  answerError(handler, error, {
    small: error.detail,
    ...(back === undefined ? {} : { note: 'You are still logged in.', link: { href: back, text: 'Go back' } }),
  })
}
