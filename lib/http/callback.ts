import { OidcError, type OidcErrorCode } from '../core/errors.ts'
import { localPath } from '../core/urls.ts'
import { claim, claimed, settleClaim } from '../logins/claim.ts'
import { FormerSessionChanged, finishLogin, type FinishInput, type Finished } from '../logins/finish.ts'
import { keepResponse, takeResponse } from '../logins/response.ts'
import { ProviderRefused } from '../provider/respond.ts'
import { attachLogin } from '../session/attached.ts'
import { liveSlot } from '../session/login-record.ts'
import { readState, type State } from '../session/state.ts'
import {
  clearedCookie,
  countFinished,
  openTransaction,
  transactionSeconds,
  type Transaction,
} from '../session/transaction.ts'
import type { RequestSession } from '../session/web-session.ts'
import { answerError, loginFailed, sendOn, type Exchange } from './answers.ts'
import { readCookies, setCookies } from './cookies.ts'
import { readForm } from './form-body.ts'
import { plainLogin, queryOf, startLogin } from './login.ts'
import { requireSession, slotOf, stateOf, type RequestState } from './request-state.ts'
import type { FinishedLogin } from '../config/options.ts'

/** Parameters of an authorization response that must not come twice (RFC 6749 3.1). */
const single = ['state', 'code', 'error', 'error_description', 'iss']

/** `error` values that only say that `prompt=none` could not be met (OIDC Core 3.1.2.6). */
const needsInteraction = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/** A callback whose `state` is ours. */
interface Callback {
  readonly exchange: Exchange
  readonly requestState: RequestState
  readonly session: RequestSession
  readonly parameters: URLSearchParams
  readonly stateText: string
  readonly state: State
  /** Undefined where this browser has no cookie of it, or the cookie is too old. */
  readonly transaction: Transaction | undefined
}

/** `GET` of the redirect URI: the authorization response (OIDC Core 3.1.2.5). */
export async function handleCallback(exchange: Exchange): Promise<void> {
  let callback: Callback | undefined
  try {
    callback = await readCallback(exchange)
    const { transaction, session, state } = callback
    if (!transaction) return await withoutTransaction(callback)
    // Before anything is sent to the provider: whoever is second must not spend the code (invariant: used once).
    if (!(await claim(session.records, state.id))) return await usedBefore(callback)
    await finish(callback, transaction)
  } catch (error) {
    fail(exchange, error, callback?.transaction)
  }
}

async function readCallback(exchange: Exchange): Promise<Callback> {
  const { instance, req } = exchange
  const requestState = stateOf(req) as RequestState
  const session = requireSession(req, requestState)
  let parameters = queryOf(req.originalUrl)
  refuseRepeats(parameters)
  const stateText = parameters.get('state') ?? ''
  const state = readState(instance.stateSealer, instance.options.name, stateText)
  if (!state) throw badRequest('state_unknown', 'This address does not belong to a login that was begun here.')
  if (!parameters.has('code') && !parameters.has('error')) {
    parameters = (await takeResponse(instance, session.records, state.id)) ?? parameters
  }
  const transaction = openTransaction(instance.cookieSealer, instance.cookiePlace, readCookies(req), state.id)
  const checked = transaction && { ...transaction, returnTo: homeward(exchange, transaction.returnTo) }
  return { exchange, requestState, session, parameters, stateText, state, transaction: checked }
}

/** Where a login was to return to, looked at anew: what was kept may be older than the rules, or another's. */
function homeward({ instance }: Exchange, returnTo: string): string {
  const { origin, basePath } = instance.options
  return localPath(returnTo, origin) ?? (basePath || '/')
}

function refuseRepeats(parameters: URLSearchParams): void {
  for (const name of single) {
    if (parameters.getAll(name).length > 1) {
      throw badRequest('request_invalid', 'This address cannot be read.', `the parameter ${name} came more than once`)
    }
  }
}

/** Our own `state`, but no cookie of it: used before, or the cookie never came along. */
async function withoutTransaction(callback: Callback): Promise<void> {
  const { exchange, session, state } = callback
  if ((await claimed(session.records, state.id, 0)) !== undefined) return usedBefore(callback)
  if (state.attempt === 0) return startLogin(exchange, plainLogin(exchange), { attempt: 1 })
  const { instance } = exchange
  const causes =
    `Are cookies blocked, or was the login begun under another address than ${instance.options.origin} ` +
    '(another host, or http: where it is https:, as behind a proxy that ends TLS)? ' +
    `Did it take longer than ${transactionSeconds / 60} minutes?` +
    (instance.options.responseMode === 'form_post' ? ' Its cookie is SameSite=None, which needs https:.' : '')
  throw badRequest(
    'transaction_missing',
    `This browser does not know of the login that it comes back from, also after a second try.\n${causes}`,
    `the cookie of the login did not come back. ${causes}`,
  )
}

/** The response was claimed before: a reload, a double click, the back button; or somebody else's address. */
async function usedBefore(callback: Callback): Promise<void> {
  const { exchange, requestState, session, state, transaction } = callback
  const { instance, res } = exchange
  // What its first use may take: exchange, keys, userinfo and the store, each bounded. Only its own browser waits.
  const seconds = transaction ? instance.options.providerTimeoutSeconds * 4 + 10 : 0
  const found = await claimed(session.records, state.id, seconds)
  setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
  if (found?.status === 'done') {
    const record = requestState.login?.record
    const own = record === 'newer' ? undefined : liveSlot(record, instance.options.name)
    // The cookie of the transaction shows that this is the browser that logged in.
    if (transaction || own?.loginId === found.loginId) return sendOn(exchange, homeward(exchange, found.returnTo), 303)
  } else if (transaction) {
    return startAgain(exchange, transaction)
  }
  throw badRequest('callback_used', 'This login was completed already, in another browser or session.')
}

/** Begins anew the login that a transaction was of. */
function startAgain(exchange: Exchange, transaction: Transaction): Promise<void> {
  const { scope, parameters, returnTo } = transaction
  return startLogin(exchange, { scope, parameters, returnTo })
}

async function finish(callback: Callback, transaction: Transaction): Promise<void> {
  const { exchange, requestState, session, state } = callback
  const { instance, res } = exchange
  const { records } = session
  // A login that came along shows that the session cookie sticks.
  const hadLogin = slotOf(exchange.req, instance) !== undefined
  let finished: Finished
  try {
    finished = await finishLogin(instance, finishInput(callback, transaction))
  } catch (error) {
    if (isSilent(error, transaction)) {
      const { returnTo } = transaction
      await settleClaim(records, state.id, { status: 'done', loginId: '', returnTo })
      setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
      return sendOn(exchange, returnTo, 303)
    }
    // Best effort: an unsettled claim counts as failed after a while.
    await settleClaim(records, state.id, { status: 'failed' }).catch(() => {})
    if (error instanceof FormerSessionChanged) {
      return startAgain(exchange, transaction)
    }
    throw error
  }
  const { login, loginId, returnTo } = finished
  // The login stands from here on: what cannot be written now costs a reload its way, not the user the login.
  await settleClaim(records, state.id, { status: 'done', loginId, returnTo }).catch(() => {})
  attachLogin(exchange.req.session, login)
  requestState.login = login
  requestState.sessionId = exchange.req.sessionID
  setCookies(res, [clearedCookie(instance.cookiePlace, state.id)])
  if (!hadLogin) {
    const count = countFinished(instance.cookieSealer, instance.cookiePlace, readCookies(exchange.req))
    setCookies(res, [count.cookie])
    if (count.tooMany) throw loginLoop()
  }
  sendOn(exchange, returnTo, 303)
}

function finishInput(callback: Callback, transaction: Transaction): FinishInput {
  const { exchange, session, parameters, stateText } = callback
  const { afterLogin, origin } = exchange.instance.options
  return {
    parameters,
    state: stateText,
    transaction,
    session,
    afterLogin: async (login) => afterLogin?.(exchange.req, login as unknown as FinishedLogin),
    localPath: (wanted) => localPath(wanted, origin),
  }
}

function isSilent(error: unknown, transaction: Transaction): boolean {
  return (
    transaction.parameters['prompt'] === 'none' && error instanceof ProviderRefused && needsInteraction.has(error.error)
  )
}

/**
 * `POST` of the redirect URI (OAuth 2.0 Form Post Response Mode): admitted by the cookie of its transaction, which is
 * sent cross-site, it hands the response on to a `GET`, which has the session cookie.
 */
export async function handleCallbackPost(exchange: Exchange): Promise<void> {
  const { instance, req, res } = exchange
  try {
    const requestState = stateOf(req) as RequestState
    const session = requireSession(req, requestState)
    const parameters = await readForm(req)
    refuseRepeats(parameters)
    const stateText = parameters.get('state') ?? ''
    const state = readState(instance.stateSealer, instance.options.name, stateText)
    if (instance.options.responseMode !== 'form_post' || !state) {
      throw badRequest('state_unknown', 'This address does not belong to a login that was begun here.')
    }
    const known = openTransaction(instance.cookieSealer, instance.cookiePlace, readCookies(req), state.id)
    if (known) await keepResponse(instance, session.records, state.id, parameters)
    res.setHeader('Cache-Control', 'no-store')
    res.statusCode = 303
    res.setHeader('Location', `${instance.redirectUri}?state=${encodeURIComponent(stateText)}`)
    res.end()
  } catch (error) {
    fail(exchange, error)
  }
}

function fail(exchange: Exchange, thrown: unknown, transaction?: Transaction): void {
  const { instance, req } = exchange
  const error = loginFailed(exchange, thrown)
  if (!(error instanceof ProviderRefused)) return answerError(exchange, error)
  // Who asked for more, and was refused, still has what there was.
  const back = transaction && slotOf(req, instance) ? transaction.returnTo : undefined
  answerError(exchange, error, {
    small: error.detail,
    ...(back === undefined ? {} : { note: 'You are still logged in.', link: { href: back, text: 'Go back' } }),
  })
}

function loginLoop(): OidcError {
  return badRequest(
    'login_loop',
    'You have been logged in several times within a minute, but this browser does not keep the session.\n' +
      'The session cookie does not stick: it is blocked, or the application sets it in a way that this browser refuses.',
    "the session cookie does not stick. Likely causes: cookie.secure without app.set('trust proxy', 1) behind a proxy that ends TLS; " +
      'cookie.sameSite strict; a cookie.domain or cookie.path that does not fit baseUrl; another host than that of baseUrl',
  )
}

function badRequest(code: OidcErrorCode, message: string, detail?: string): OidcError {
  return new OidcError(code, message, { status: 400, detail })
}
