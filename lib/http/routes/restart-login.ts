import { fail } from '../../core/errors.ts'
import { transactionSeconds } from '../../core/limits.ts'
import { findResponseUse, isSameResponse } from '../../logins/login/response-use.ts'
import { clearLogin, type LoginInProgress } from '../../session/login-in-progress.ts'
import { setCookies } from '../request/cookie-header.ts'
import { sendRedirect } from '../response/redirect.ts'
import { makePlainLogin, startLogin } from './login.ts'
import { findResponse, isLoggedInSince, type Callback } from './read-callback.ts'
import { makeSafeReturnTo } from './return-path.ts'

/**
 * Handles a response whose login is no longer in progress: it was finished before, the browser did not send its cookie, or
 * the user took too long.
 */
export async function handleMissingLogin(callback: Callback): Promise<void> {
  const { handler, session, state, page } = callback
  const use = await findResponseUse(session.records, state.id, 0)
  if (use && isSameResponse(use, findResponse(callback))) return handleUsedResponse(callback)
  // Another tab has finished a login since this one began.
  if (!use && isLoggedInSince(callback)) return sendRedirect(handler, page, 303)
  // If another response was used, the user went back to the provider, for example to choose another account. If none was, the
  // cookie was lost: the login restarts once.
  if ((use || state.attempt === 0) && !state.isSilent) return restartLogin(callback, Math.max(1, state.attempt))
  const { instance } = handler
  const causes =
    `Cookies may be blocked, or the login took longer than ${transactionSeconds / 60} minutes. ` +
    `Or it did not start at ${instance.options.origin}, but at another host, or at http: instead of https: ` +
    '(as behind a proxy that terminates TLS).' +
    (instance.options.responseMode === 'form_post' ? ' Its cookie is SameSite=None, which requires https:.' : '')
  throw fail('transaction_missing', `the browser did not return the cookie of the login. ${causes}`, {
    message: `This browser did not return the cookie of the login, even at the second attempt. Allow cookies, then log in again.\n${causes}`,
  })
}

/** Handles a response to a `state` that was used before: after a reload, a double click or the back button. */
export async function handleUsedResponse(callback: Callback): Promise<void> {
  const { handler, requestState, session, state, page, login } = callback
  const { instance, res } = handler
  // The longest time that the first use may take: token request, keys, userinfo and store. Only its own browser waits.
  const seconds = login ? instance.options.providerTimeoutSeconds * 4 + 10 : 0
  const use = await findResponseUse(session.records, state.id, seconds)
  const isOther = use !== undefined && !isSameResponse(use, findResponse(callback))
  if (login && !state.isSilent && (isOther || use?.status !== 'done')) return restartLogin(callback, state.attempt)
  setCookies(res, clearLogin(instance.cookiePlace, state.id, login))
  if (use?.status === 'done' && !isOther) {
    const own = instance.loginsIn(session.records).liveEntry(requestState.login)
    // The login's cookie proves that this browser logged in.
    if (login || own?.loginId === use.loginId)
      return sendRedirect(handler, makeSafeReturnTo(handler, use.returnTo), 303)
    if (isLoggedInSince(callback)) return sendRedirect(handler, page, 303)
  }
  throw fail('callback_used')
}

/**
 * Starts the login of a callback again. It requests more than a plain login only if the browser shows the login's cookie, so
 * that no `state` of another browser decides what this one requests.
 */
export function restartLogin(callback: Callback, attempt: number): Promise<void> {
  const { handler, state, page } = callback
  const login = callback.login ?? callback.lateLogin
  // A prefetch begins no login, so it must leave the cookie for the navigation that follows.
  const restart = { attempt, isRestart: true, cookies: clearLogin(handler.instance.cookiePlace, state.id, login) }
  if (login) return startLogin(handler, selectRequest(login), { ...restart, isOwn: callback.login !== undefined })
  return startLogin(handler, makePlainLogin(handler), { ...restart, returnTo: page })
}

function selectRequest({ scope, parameters, returnTo }: LoginInProgress): Parameters<typeof startLogin>[1] {
  return { scope, parameters, returnTo }
}
