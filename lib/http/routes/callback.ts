import type { OidcFinishedLogin } from '../../config/options.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { transactionSeconds } from '../../core/limits.ts'
import { localPath } from '../../core/urls.ts'
import { consumeResponse, findResponseUse, recordOutcome } from '../../logins/login/response-use.ts'
import { finishLogin, type FinishInput, type Finished } from '../../logins/login/finish.ts'
import { FormerSessionChanged, LoggedOutMeanwhile } from '../../logins/login/write-login.ts'
import { takeResponse } from '../../logins/login/stored-response.ts'
import { attachLogin } from '../../store/attached.ts'
import { clearedCookie, type Transaction } from '../../session/transaction.ts'
import { readCookies, setCookies } from '../request/cookie-header.ts'
import { readDevice } from '../request/device.ts'
import { failCallback, needsUser } from './fail-callback.ts'
import { plainLogin, startLogin } from './login.ts'
import { isSilent, readCallback, type Callback } from './read-callback.ts'
import { findEntry } from '../request/request-state.ts'
import { sendRedirect } from '../response/redirect.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { safeReturnTo } from './return-path.ts'
import { countFinished } from '../../session/login-loop.ts'

/** Handles `GET` of the redirect URI, the authorization response (OIDC Core, section 3.1.2.5). */
export async function handleCallback(handler: HandlerContext): Promise<void> {
  let read: Callback | undefined
  try {
    read = readCallback(handler, parseQuery(handler.req.originalUrl))
    const callback = await withStoredResponse(read)
    const { transaction, session, state } = callback
    if (!transaction) return await withoutTransaction(callback)
    // Before the token request: a second request with the response must not use the code (RFC 6749, section 4.1.2).
    if (!(await consumeResponse(session.records, state.id))) return await usedBefore(callback)
    await finishCallback(callback, transaction)
  } catch (error) {
    failCallback(handler, error, read)
  }
}

/** Adds the response that a `POST` has stored, if this is its `GET`. */
async function withStoredResponse(callback: Callback): Promise<Callback> {
  const { handler, session, state, parameters } = callback
  if (parameters.has('code') || parameters.has('error')) return callback
  return { ...callback, parameters: (await takeResponse(handler.instance, session.records, state.id)) ?? parameters }
}

/** Handles a valid `state` without its cookie: the response was used before, or the browser does not send the cookie. */
async function withoutTransaction(callback: Callback): Promise<void> {
  const { handler, session, state } = callback
  if ((await findResponseUse(session.records, state.id, 0)) !== undefined) return usedBefore(callback)
  if (state.attempt === 0 && !isSilent(state)) return startLogin(handler, plainLogin(handler), { attempt: 1 })
  const { instance } = handler
  const causes =
    `Are cookies blocked, or was the login begun under another address than ${instance.options.origin} ` +
    '(another host, or http: where it is https:, as behind a proxy that ends TLS)? ' +
    `Did it take longer than ${transactionSeconds / 60} minutes?` +
    (instance.options.responseMode === 'form_post' ? ' Its cookie is SameSite=None, which needs https:.' : '')
  throw fail('transaction_missing', `the cookie of the login did not come back. ${causes}`, {
    message: `This browser does not know of the login that it comes back from, also after a second try.\n${causes}`,
  })
}

/** Handles a response that was used before: after a reload, a double click or the back button, or in another browser. */
async function usedBefore(callback: Callback): Promise<void> {
  const { handler, requestState, session, state, transaction } = callback
  const { instance, res } = handler
  // The longest time that the first use may take: token request, keys, userinfo and store. Only its own browser waits.
  const seconds = transaction ? instance.options.providerTimeoutSeconds * 4 + 10 : 0
  const found = await findResponseUse(session.records, state.id, seconds)
  setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
  if (found?.status === 'done') {
    const own = instance.loginsIn(session.records).liveEntry(requestState.login)
    // The transaction's cookie proves that this browser logged in.
    if (transaction || own?.loginId === found.loginId)
      return sendRedirect(handler, safeReturnTo(handler, found.returnTo), 303)
  } else if (transaction && !isSilent(state)) {
    return startAgain(handler, transaction)
  }
  throw fail('callback_used')
}

/** Restarts the login of a transaction. */
function startAgain(handler: HandlerContext, transaction: Transaction, attempt = 0): Promise<void> {
  const { scope, parameters, returnTo } = transaction
  return startLogin(handler, { scope, parameters, returnTo }, { attempt })
}

async function finishCallback(callback: Callback, transaction: Transaction): Promise<void> {
  const { handler, requestState, session, state } = callback
  const { instance, res } = handler
  const { records } = session
  // An existing login shows that the browser keeps the session cookie.
  const hadLogin = findEntry(handler.req, instance) !== undefined
  let finished: Finished
  try {
    finished = await finishLogin(instance, finishInput(callback, transaction))
  } catch (error) {
    if (needsUser(error, transaction) && !isSilent(state)) {
      const { returnTo } = transaction
      await recordOutcome(records, state.id, { status: 'done', loginId: '', returnTo })
      setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
      return sendRedirect(handler, returnTo, 303)
    }
    // Best effort: an use without an outcome counts as failed after some time.
    await recordOutcome(records, state.id, { status: 'failed' }).catch(() => {})
    const isOvertaken = error instanceof LoggedOutMeanwhile && state.attempt === 0
    if (isOvertaken && !isSilent(state)) return startAgain(handler, transaction, 1)
    if (error instanceof FormerSessionChanged && !isSilent(state)) return startAgain(handler, transaction)
    throw error
  }
  const { login, loginId, returnTo } = finished
  // The login is complete. If this write fails, only a reload of the callback no longer finds its page.
  const settled = recordOutcome(records, state.id, { status: 'done', loginId, returnTo }).catch(() => {})
  await Promise.all([settled, finished.cleanUp()])
  attachLogin(handler.req.session, login)
  requestState.login = login
  requestState.sessionId = handler.req.sessionID
  setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
  if (!hadLogin) {
    const count = countFinished(instance.seals.finished, instance.cookiePlace, readCookies(handler.req))
    setCookies(res, [count.cookie])
    if (count.tooMany) throw loginLoop()
  }
  sendRedirect(handler, returnTo, 303)
}

function finishInput(callback: Callback, transaction: Transaction): FinishInput {
  const { handler, session, parameters, stateText } = callback
  const { afterLogin, origin, storeDevice } = handler.instance.options
  return {
    parameters,
    state: stateText,
    transaction,
    session,
    device: storeDevice ? readDevice(handler.req) : undefined,
    afterLogin: async (login) => afterLogin?.(handler.req, login as unknown as OidcFinishedLogin),
    localPath: (wanted) => localPath(wanted, origin),
  }
}

function loginLoop(): OidcError {
  return fail(
    'login_loop',
    "the session cookie does not stick. Likely causes: cookie.secure without app.set('trust proxy', 1) behind a proxy that ends TLS; " +
      'cookie.sameSite strict; a cookie.domain or cookie.path that does not fit baseUrl; another host than that of baseUrl',
    {
      message:
        'You have been logged in several times within a minute, but this browser does not keep the session.\n' +
        'The session cookie does not stick: it is blocked, or the application sets it in a way that this browser refuses.',
    },
  )
}
