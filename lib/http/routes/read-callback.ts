import { fail, type OidcError } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'
import { identifyResponse, type UsedResponse } from '../../logins/login/response-use.ts'
import { openLogin, type LoginInProgress } from '../../session/login-in-progress.ts'
import { readState, type OpenedState, type State } from '../../session/state.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { RequestSession } from '../../session/web-session.ts'
import { readCookies } from '../request/cookie-header.ts'
import { findEntry, requireSession, getRequestState, type RequestState } from '../request/request-state.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { makeSafeReturnTo } from './return-path.ts'

/** Parameters of an authorization response that must not be repeated (RFC 6749, section 3.1). */
const singleParameters = ['state', 'code', 'error', 'error_description', 'iss']

/** A callback with a `state` of this instance. */
export interface Callback {
  readonly handler: HandlerContext
  readonly requestState: RequestState
  readonly session: RequestSession
  readonly parameters: URLSearchParams
  readonly stateText: string
  readonly state: OpenedState
  /** The page in `state`, if it is one. */
  readonly page: string
  /** The login in progress; undefined if the browser did not send its cookie, or if it began too long ago. */
  readonly login: LoginInProgress | undefined
  /** The login that the browser began too long ago; undefined if it is in progress, or if its cookie is missing. */
  readonly lateLogin: LoginInProgress | undefined
}

/**
 * Reads an authorization response, and checks that this instance created its `state`.
 *
 * @throws OidcError `request_invalid`, `state_unknown`, `session_missing`
 */
export function readCallback(handler: HandlerContext, parameters: URLSearchParams): Callback {
  const { instance, req } = handler
  const requestState = getRequestState(req) as RequestState
  const session = requireSession(req, requestState)
  refuseRepeats(parameters)
  const stateText = parameters.get('state') ?? ''
  const state = readState(instance.seals, stateText)
  if (!state) throw stateUnknown(parameters)
  const shown = openLogin(instance, readCookies(req), state)
  const login = shown && { ...shown.login, returnTo: makeSafeReturnTo(handler, shown.login.returnTo) }
  return {
    handler,
    requestState,
    session,
    parameters,
    stateText,
    state,
    page: makeSafeReturnTo(handler, state.page),
    login: shown?.isTooOld === false ? login : undefined,
    lateLogin: shown?.isTooOld === true ? login : undefined,
  }
}

function refuseRepeats(parameters: URLSearchParams): void {
  for (const name of singleParameters) {
    if (parameters.getAll(name).length > 1) {
      throw fail('request_invalid', `the parameter ${name} is repeated`, {
        message: 'This address is invalid. Start again from the page that you wanted to open.',
      })
    }
  }
}

/** Returns the response of a callback, as it is compared with those that were used. */
export function findResponse({ state, parameters }: Callback): UsedResponse {
  return identifyResponse(state.id, parameters)
}

/** Whether the session has a login that is as good as that of the callback. */
export function isLoggedInSince({ handler, state }: Callback): boolean {
  const entry = findEntry(handler.req, handler.instance)
  return entry !== undefined && isAsGood(entry, state)
}

/** Whether a login finished since another one began that has requested no more than a plain login. */
export function isAsGood({ requested }: LoginEntry, { asksMore, startedAt }: State): boolean {
  return !asksMore && requested.at >= Math.floor(startedAt)
}

/** Creates the error for a callback that belongs to no login. Some providers send their error responses without `state`. */
function stateUnknown(parameters: URLSearchParams): OidcError {
  const error = parameters.get('error')
  if (error === null) return fail('state_unknown')
  const description = parameters.get('error_description')
  const words = [error.slice(0, 100), ...(description ? [description.slice(0, 300)] : [])]
  const sent = words.map((text) => JSON.stringify(text)).join(' ')
  const kind = parameters.has('state') ? 'whose state is not of this application' : 'without state'
  return fail('state_unknown', `an error response ${kind} says ${sent}; this is unverified, since any site can send it`)
}

/** Creates the error for an authorization response that did not arrive in the way that `responseMode` requests. */
export function responseMisplaced({ options }: Instance, place: string): OidcError {
  return fail(
    'request_invalid',
    `an authorization response arrived in ${place}, but \`responseMode\` is '${options.responseMode}'; check which response modes the provider supports`,
    { message: 'This login could not be completed. Start again from the page that you wanted to open.' },
  )
}
