import { storeResponse } from '../../logins/login/stored-response.ts'
import { failCallback } from './fail-callback.ts'
import { readForm } from '../request/form-body.ts'
import { readCallback, stateUnknown, type Callback } from './read-callback.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/**
 * Handles `POST` of the redirect URI (OAuth 2.0 Form Post Response Mode). This cross-site request has the transaction's
 * cookie but not the session's, so the response is stored and a redirect leads to a `GET`, which has both.
 */
export async function handleCallbackPost(handler: HandlerContext): Promise<void> {
  const { instance, req, res } = handler
  let callback: Callback | undefined
  try {
    callback = readCallback(handler, await readForm(req))
    if (instance.options.responseMode !== 'form_post') throw stateUnknown()
    const { session, state, stateText, parameters, transaction } = callback
    if (transaction) await storeResponse(instance, session.records, state.id, parameters)
    res.setHeader('Cache-Control', 'no-store')
    res.statusCode = 303
    res.setHeader('Location', `${instance.redirectUri}?state=${encodeURIComponent(stateText)}`)
    res.end()
  } catch (error) {
    failCallback(handler, error, callback)
  }
}
