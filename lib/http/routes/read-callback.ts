import { fail, type OidcError } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'
import { readState, type State } from '../../session/state.ts'
import { openTransaction, type Transaction } from '../../session/transaction.ts'
import type { RequestSession } from '../../session/web-session.ts'
import { readCookies } from '../request/cookie-header.ts'
import { requireSession, getRequestState, type RequestState } from '../request/request-state.ts'
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
  readonly state: State
  /** Undefined if the browser did not send the transaction's cookie, or if the cookie is too old. */
  readonly transaction: Transaction | undefined
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
  if (!state) throw stateUnknown()
  const transaction = openTransaction(instance.seals.transaction, instance.cookiePlace, readCookies(req), state.id)
  const checked = transaction && { ...transaction, returnTo: makeSafeReturnTo(handler, transaction.returnTo) }
  return { handler, requestState, session, parameters, stateText, state, transaction: checked }
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

/** Whether the login is a silent one, which the user did not request. */
export function isSilent({ openPage }: State): boolean {
  return openPage !== undefined
}

function stateUnknown(): OidcError {
  return fail('state_unknown')
}

/** Creates the error for an authorization response that did not arrive in the way that `responseMode` requests. */
export function responseMisplaced({ options }: Instance, place: string): OidcError {
  return fail(
    'request_invalid',
    `an authorization response arrived in ${place}, but \`responseMode\` is '${options.responseMode}'; check which response modes the provider supports`,
    { message: 'This login could not be completed. Start again from the page that you wanted to open.' },
  )
}
