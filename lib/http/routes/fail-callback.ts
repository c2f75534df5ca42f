import { FormerSessionChanged } from '../../logins/login/write-login.ts'
import { ProviderRefused } from '../../provider/respond.ts'
import { clearedCookie, type Transaction } from '../../session/transaction.ts'
import { answerError } from '../response/error-page.ts'
import { setCookies } from '../request/cookie-header.ts'
import { type Callback } from './read-callback.ts'
import { slotOf } from '../request/request-state.ts'
import { stayAnonymous } from './silent-login.ts'
import { loginFailed } from '../response/report-error.ts'
import type { Exchange } from '../request/exchange.ts'
import { homeward } from './return-path.ts'

/** `error` values that only say that `prompt=none` could not be met (OIDC Core 3.1.2.6). */
const needsInteraction = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/** Whether a login with `prompt=none` has failed as it is to fail where the user is needed. */
export function needsUser(error: unknown, transaction: Transaction): boolean {
  return (
    transaction.parameters['prompt'] === 'none' && error instanceof ProviderRefused && needsInteraction.has(error.error)
  )
}

/** Answers what a callback has failed with: by a page that says so, or where nobody had asked for the login, as if there had been none. */
export function failCallback(exchange: Exchange, thrown: unknown, callback: Callback | undefined): void {
  const { instance, req, res } = exchange
  const transaction = callback?.transaction
  const openPage = callback?.state.openPage
  if (callback && openPage !== undefined && !res.headersSent) {
    const isExpected =
      thrown instanceof FormerSessionChanged || (transaction !== undefined && needsUser(thrown, transaction))
    if (!isExpected) loginFailed(exchange, thrown)
    setCookies(res, [clearedCookie(instance.cookiePlace, callback.state.id)])
    return stayAnonymous(exchange, transaction?.returnTo ?? homeward(exchange, openPage))
  }
  const error = loginFailed(exchange, thrown)
  if (!(error instanceof ProviderRefused)) return answerError(exchange, error)
  // Who asked for more, and was refused, still has what there was.
  const back = transaction && slotOf(req, instance) ? transaction.returnTo : undefined
  answerError(exchange, error, {
    small: error.detail,
    ...(back === undefined ? {} : { note: 'You are still logged in.', link: { href: back, text: 'Go back' } }),
  })
}
