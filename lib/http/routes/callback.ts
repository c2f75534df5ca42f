import { setTimeout as wait } from 'node:timers/promises'
import type { OidcFinishedLogin } from '../../config/options.ts'
import { fail, type OidcError } from '../../core/errors.ts'
import { toLocalPath } from '../../core/urls.ts'
import { consumeResponse, recordOutcome } from '../../logins/login/response-use.ts'
import { finishLogin, type FinishInput, type Finished } from '../../logins/login/finish.ts'
import { FormerSessionChanged, LoggedOutMeanwhile } from '../../logins/login/overtaken.ts'
import { ReturnedLate } from '../../logins/login/max-age.ts'
import { takeResponse } from '../../logins/login/stored-response.ts'
import { attachLogin } from '../../store/attached.ts'
import { makeMarkCookie, readMark } from '../../session/browser-mark.ts'
import { clearLoggedOut } from '../../session/logged-out.ts'
import { clearLogin, type LoginInProgress } from '../../session/login-in-progress.ts'
import { hashLoginsInProgress } from '../../session/progress-cookie.ts'
import type { Arrival } from '../../session/session-trust.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { listSessionCookies, readCookies, setCookies } from '../request/cookie-header.ts'
import { readDevice } from '../request/device.ts'
import { isUserNeeded, runCallback } from './fail-callback.ts'
import { findResponse, isAsGood, responseMisplaced, type Callback } from './read-callback.ts'
import { handleMissingLogin, handleUsedResponse, restartLogin } from './restart-login.ts'
import { warnOfCookieName } from '../request/setup-warnings.ts'
import { detachSession, findEntry, findPassedInstance } from '../request/request-state.ts'
import { sendRedirect } from '../response/redirect.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { countFinished } from '../../session/login-loop.ts'

/** Handles `GET` of the redirect URI, the authorization response (OIDC Core, section 3.1.2.5). */
export function handleCallback(handler: HandlerContext): Promise<void> {
  return runCallback(handler, Promise.resolve(parseQuery(handler.req.originalUrl)), async (received) => {
    const callback = await addStoredResponse(received)
    const { login, session } = callback
    if (!login) return handleMissingLogin(callback)
    // Before the token request: a second request with the response must not use the code (RFC 6749, section 4.1.2).
    if (!(await consumeResponse(session.records, findResponse(callback)))) return handleUsedResponse(callback)
    return finishCallback(callback, login)
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

/** The outcome of the first use of an authorization response. */
type CallbackOutcome =
  | { readonly kind: 'finished'; readonly login: Finished }
  /** `prompt=none` failed because the provider needs the user. */
  | { readonly kind: 'user-needed' }
  /** Another tab has logged the same user in since the callback began. */
  | { readonly kind: 'logged-in'; readonly entry: LoginEntry }
  | { readonly kind: 'overtaken'; readonly attempt: number }
  | { readonly kind: 'failed'; readonly error: unknown }

async function finishCallback(callback: Callback, login: LoginInProgress): Promise<void> {
  const { handler } = callback
  // An existing login shows that the browser keeps the session cookie.
  const hadLogin = findEntry(handler.req, handler.instance) !== undefined
  const outcome = await findOutcome(callback, login)
  switch (outcome.kind) {
    case 'finished':
      return enterSession(callback, outcome.login, hadLogin)
    case 'user-needed':
      return returnToPage(callback, login, '')
    case 'logged-in':
      // The other tab's response sets the cookie of the new session; this one must not set that of the former session.
      detachSession(handler.req)
      return returnToPage(callback, login, outcome.entry.loginId)
    case 'overtaken':
      await recordFailure(callback)
      // A logout also ends a login that begins in the same millisecond.
      await wait(2)
      return restartLogin(callback, outcome.attempt)
    case 'failed':
      await recordFailure(callback)
      throw outcome.error
  }
}

async function findOutcome(callback: Callback, login: LoginInProgress): Promise<CallbackOutcome> {
  try {
    return { kind: 'finished', login: await finishLogin(callback.handler.instance, finishInput(callback, login)) }
  } catch (error) {
    return classifyFailure(error, callback, login)
  }
}

/** Maximum number of restarts because of other logins in the same browser. */
const mostAttempts = 3

/** Classifies the error of a login. A silent login always fails: the user did not request it, so it never restarts. */
function classifyFailure(error: unknown, { state }: Callback, login: LoginInProgress): CallbackOutcome {
  const { isSilent, attempt } = state
  if (isSilent) return { kind: 'failed', error }
  if (isUserNeeded(error, login)) return { kind: 'user-needed' }
  if (error instanceof FormerSessionChanged) {
    const { replacement: entry } = error
    if (entry && isAsGood(entry, state)) return { kind: 'logged-in', entry }
    if (attempt < mostAttempts) return { kind: 'overtaken', attempt: attempt + 1 }
    return { kind: 'failed', error: loginOvertaken() }
  }
  // A login restarts once, after a logout or if it took too long. After that, the user has to start it.
  const isOvertaken = error instanceof LoggedOutMeanwhile || error instanceof ReturnedLate
  if (isOvertaken && attempt === 0) return { kind: 'overtaken', attempt: 1 }
  return { kind: 'failed', error }
}

/** Returns to the page of a login that did not take place. The existing login is unchanged. */
async function returnToPage(callback: Callback, login: LoginInProgress, loginId: string): Promise<void> {
  const { handler, session, state } = callback
  const outcome = { status: 'done', loginId, returnTo: login.returnTo } as const
  await recordOutcome(session.records, findResponse(callback), outcome)
  setCookies(handler.res, clearLogin(handler.instance.cookiePlace, state.id, login))
  sendRedirect(handler, login.returnTo, 303)
}

/** Records that the use of a response failed. Best effort: a use without an outcome counts as failed after some time. */
async function recordFailure(callback: Callback): Promise<void> {
  await recordOutcome(callback.session.records, findResponse(callback), { status: 'failed' }).catch(() => {})
}

/** Makes a finished login the login of the request, and redirects to its page. */
async function enterSession(callback: Callback, finished: Finished, hadLogin: boolean): Promise<void> {
  const { handler, requestState, session, state } = callback
  const { instance, req, res } = handler
  const { login, loginId, returnTo, mark } = finished
  await Promise.all([
    // The login is complete. If this write fails, only a reload of the callback no longer finds its page.
    recordOutcome(session.records, findResponse(callback), { status: 'done', loginId, returnTo }).catch(() => {}),
    finished.cleanUp(),
  ])
  attachLogin(req.session, login)
  requestState.login = login
  requestState.sessionId = req.sessionID
  warnOfCookieName(instance, req, res)
  const { cookiePlace, options } = instance
  setCookies(res, [
    ...clearLogin(cookiePlace, state.id, callback.login),
    makeMarkCookie(cookiePlace, mark, options.maxLoginSeconds),
    ...clearLoggedOut(cookiePlace, readCookies(req)),
  ])
  if (!hadLogin) limitLoop(handler)
  sendRedirect(handler, returnTo, 303)
}

/** Counts the login, and throws `login_loop` if this browser has finished too many within a minute. */
function limitLoop({ instance, req, res }: HandlerContext): void {
  const count = countFinished(instance.seals.finished, instance.cookiePlace, readCookies(req))
  setCookies(res, [count.cookie])
  if (count.tooMany) throw loginLoop()
}

function finishInput(callback: Callback, login: LoginInProgress): FinishInput {
  const { handler, session, parameters, stateText } = callback
  const { afterLogin, origin, storeDevice } = handler.instance.options
  return {
    parameters,
    state: stateText,
    login,
    arrival: readArrival(callback),
    session,
    device: storeDevice ? readDevice(handler.req) : undefined,
    afterLogin: async (finished) => afterLogin?.(handler.req, finished as unknown as OidcFinishedLogin),
    findInstance: (owner) => findPassedInstance(handler.req, owner),
    localPath: (target) => toLocalPath(target, origin),
  }
}

/** Returns how the session of a callback has arrived. */
function readArrival({ handler: { instance, req }, session }: Callback): Arrival {
  const cookies = readCookies(req)
  return {
    cookies: listSessionCookies(req, session.id),
    mark: readMark(instance.cookiePlace, cookies),
    inProgress: hashLoginsInProgress(instance.cookiePlace, cookies),
  }
}

function loginOvertaken(): OidcError {
  return fail('login_required', 'other logins in this browser have replaced the session during the login, four times', {
    message: 'Another tab changed your login at the same time. Please log in again.',
  })
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
