import { setTimeout as wait } from 'node:timers/promises'
import type { OidcFinishedLogin } from '../../config/options.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { transactionSeconds } from '../../core/limits.ts'
import { toLocalPath } from '../../core/urls.ts'
import { consumeResponse, findResponseUse, recordOutcome } from '../../logins/login/response-use.ts'
import { finishLogin, type FinishInput, type Finished } from '../../logins/login/finish.ts'
import { FormerSessionChanged, LoggedOutMeanwhile } from '../../logins/login/write-login.ts'
import { ReturnedLate } from '../../logins/login/max-age.ts'
import { takeResponse } from '../../logins/login/stored-response.ts'
import { attachLogin } from '../../store/attached.ts'
import { clearTransaction, type Transaction } from '../../session/transaction.ts'
import { readCookies, setCookies } from '../request/cookie-header.ts'
import { readDevice } from '../request/device.ts'
import { isUserNeeded, runCallback } from './fail-callback.ts'
import { makePlainLogin, startLogin } from './login.ts'
import { isSilent, responseMisplaced, type Callback } from './read-callback.ts'
import type { State } from '../../session/state.ts'
import { warnOfCookieName } from '../request/setup-warnings.ts'
import { findEntry, findPassedInstance } from '../request/request-state.ts'
import { sendRedirect } from '../response/redirect.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { makeSafeReturnTo } from './return-path.ts'
import { countFinished } from '../../session/login-loop.ts'

/** Handles `GET` of the redirect URI, the authorization response (OIDC Core, section 3.1.2.5). */
export function handleCallback(handler: HandlerContext): Promise<void> {
  return runCallback(handler, Promise.resolve(parseQuery(handler.req.originalUrl)), async (received) => {
    const callback = await addStoredResponse(received)
    const { transaction, session, state } = callback
    if (!transaction) return handleMissingTransaction(callback)
    // Before the token request: a second request with the response must not use the code (RFC 6749, section 4.1.2).
    if (!(await consumeResponse(session.records, state.id))) return handleRepeatedResponse(callback)
    return finishCallback(callback, transaction)
  })
}

/**
 * Returns a callback with its response: with `form_post` the one that a `POST` has stored, otherwise that of the query.
 *
 * @throws OidcError `request_invalid` if there is a response in the query despite `form_post`
 */
async function addStoredResponse(callback: Callback): Promise<Callback> {
  const { handler, session, state, parameters } = callback
  if (handler.instance.options.responseMode !== 'form_post') return callback
  // Servers, proxies and browsers keep URLs. A response that has been in one can be another's.
  if (parameters.has('code') || parameters.has('error')) throw responseMisplaced(handler.instance, 'the query')
  return { ...callback, parameters: (await takeResponse(handler.instance, session.records, state.id)) ?? parameters }
}

/** Handles a valid `state` without its cookie: the response was used before, or the browser does not send the cookie. */
async function handleMissingTransaction(callback: Callback): Promise<void> {
  const { handler, session, state } = callback
  if ((await findResponseUse(session.records, state.id, 0)) !== undefined) return handleRepeatedResponse(callback)
  if (state.attempt === 0 && !isSilent(state)) return startLogin(handler, makePlainLogin(handler), { attempt: 1 })
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

/** Handles a response that was used before: after a reload, a double click or the back button, or in another browser. */
async function handleRepeatedResponse(callback: Callback): Promise<void> {
  const { handler, requestState, session, state, transaction } = callback
  const { instance, res } = handler
  // The longest time that the first use may take: token request, keys, userinfo and store. Only its own browser waits.
  const seconds = transaction ? instance.options.providerTimeoutSeconds * 4 + 10 : 0
  const use = await findResponseUse(session.records, state.id, seconds)
  setCookies(res, [clearTransaction(instance.cookiePlace, state.id)])
  if (use?.status === 'done') {
    const own = instance.loginsIn(session.records).liveEntry(requestState.login)
    // The transaction's cookie proves that this browser logged in.
    if (transaction || own?.loginId === use.loginId)
      return sendRedirect(handler, makeSafeReturnTo(handler, use.returnTo), 303)
  } else if (transaction && !isSilent(state)) {
    return startAgain(handler, transaction)
  }
  throw fail('callback_used')
}

function startAgain(handler: HandlerContext, transaction: Transaction, attempt = 0): Promise<void> {
  const { scope, parameters, returnTo } = transaction
  return startLogin(handler, { scope, parameters, returnTo }, { attempt })
}

/** The outcome of the first use of an authorization response. */
type CallbackOutcome =
  | { readonly kind: 'finished'; readonly login: Finished }
  /** `prompt=none` failed because the provider needs the user. */
  | { readonly kind: 'user-needed' }
  | { readonly kind: 'overtaken'; readonly attempt: number }
  | { readonly kind: 'failed'; readonly error: unknown }

async function finishCallback(callback: Callback, transaction: Transaction): Promise<void> {
  const { handler } = callback
  // An existing login shows that the browser keeps the session cookie.
  const hadLogin = findEntry(handler.req, handler.instance) !== undefined
  const outcome = await findOutcome(callback, transaction)
  switch (outcome.kind) {
    case 'finished':
      return enterSession(callback, outcome.login, hadLogin)
    case 'user-needed':
      return keepLogin(callback, transaction)
    case 'overtaken':
      await recordFailure(callback)
      // A logout also ends a login that begins in the same millisecond.
      await wait(2)
      return startAgain(handler, transaction, outcome.attempt)
    case 'failed':
      await recordFailure(callback)
      throw outcome.error
  }
}

async function findOutcome(callback: Callback, transaction: Transaction): Promise<CallbackOutcome> {
  try {
    return { kind: 'finished', login: await finishLogin(callback.handler.instance, finishInput(callback, transaction)) }
  } catch (error) {
    return classifyFailure(error, callback.state, transaction)
  }
}

/** Classifies the error of a login. A silent login always fails: the user did not request it, so it never restarts. */
function classifyFailure(error: unknown, state: State, transaction: Transaction): CallbackOutcome {
  if (isSilent(state)) return { kind: 'failed', error }
  if (isUserNeeded(error, transaction)) return { kind: 'user-needed' }
  if (error instanceof FormerSessionChanged) return { kind: 'overtaken', attempt: 0 }
  // A login restarts once, after a logout or if it took too long. After that, the user has to start it.
  const isOvertaken = error instanceof LoggedOutMeanwhile || error instanceof ReturnedLate
  if (isOvertaken && state.attempt === 0) return { kind: 'overtaken', attempt: 1 }
  return { kind: 'failed', error }
}

/** Returns to the page of a login that did not take place. The existing login is unchanged. */
async function keepLogin({ handler, session, state }: Callback, { returnTo }: Transaction): Promise<void> {
  await recordOutcome(session.records, state.id, { status: 'done', loginId: '', returnTo })
  setCookies(handler.res, [clearTransaction(handler.instance.cookiePlace, state.id)])
  sendRedirect(handler, returnTo, 303)
}

/** Records that the use of a response failed. Best effort: a use without an outcome counts as failed after some time. */
async function recordFailure({ session, state }: Callback): Promise<void> {
  await recordOutcome(session.records, state.id, { status: 'failed' }).catch(() => {})
}

/** Makes a finished login the login of the request, and redirects to its page. */
async function enterSession(callback: Callback, finished: Finished, hadLogin: boolean): Promise<void> {
  const { handler, requestState, session, state } = callback
  const { instance, req, res } = handler
  const { login, loginId, returnTo } = finished
  await Promise.all([
    // The login is complete. If this write fails, only a reload of the callback no longer finds its page.
    recordOutcome(session.records, state.id, { status: 'done', loginId, returnTo }).catch(() => {}),
    finished.cleanUp(),
  ])
  attachLogin(req.session, login)
  requestState.login = login
  requestState.sessionId = req.sessionID
  warnOfCookieName(instance, req, res)
  setCookies(res, [clearTransaction(instance.cookiePlace, state.id)])
  if (!hadLogin) limitLoop(handler)
  sendRedirect(handler, returnTo, 303)
}

/** Counts the login, and throws `login_loop` if this browser has finished too many within a minute. */
function limitLoop({ instance, req, res }: HandlerContext): void {
  const count = countFinished(instance.seals.finished, instance.cookiePlace, readCookies(req))
  setCookies(res, [count.cookie])
  if (count.tooMany) throw loginLoop()
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
    findInstance: (owner) => findPassedInstance(handler.req, owner),
    localPath: (target) => toLocalPath(target, origin),
  }
}

function loginLoop(): OidcError {
  return fail(
    'login_loop',
    "the browser does not keep the session cookie. Likely causes: `cookie.secure` without `app.set('trust proxy', 1)` behind a proxy that terminates TLS; " +
      "`cookie.sameSite: 'strict'`; a `cookie.domain` or `cookie.path` that does not match `baseUrl`; another host than that of `baseUrl`",
    {
      message:
        'You logged in several times within a minute, but this browser does not keep the session cookie.\n' +
        'Allow cookies for this site, then log in again. If that does not help, contact the operator of this application.',
    },
  )
}
