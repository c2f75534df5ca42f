import { keepResponse } from '../../logins/login/kept-response.ts'
import { failCallback } from './fail-callback.ts'
import { readForm } from '../request/form-body.ts'
import { readCallback, stateUnknown, type Callback } from './read-callback.ts'
import type { Exchange } from '../request/exchange.ts'

/**
 * `POST` of the redirect URI (OAuth 2.0 Form Post Response Mode): admitted by the cookie of its transaction, which is
 * sent cross-site, it hands the response on to a `GET`, which has the session cookie.
 */
export async function handleCallbackPost(exchange: Exchange): Promise<void> {
  const { instance, req, res } = exchange
  let callback: Callback | undefined
  try {
    callback = readCallback(exchange, await readForm(req))
    if (instance.options.responseMode !== 'form_post') throw stateUnknown()
    const { session, state, stateText, parameters, transaction } = callback
    if (transaction) await keepResponse(instance, session.records, state.id, parameters)
    res.setHeader('Cache-Control', 'no-store')
    res.statusCode = 303
    res.setHeader('Location', `${instance.redirectUri}?state=${encodeURIComponent(stateText)}`)
    res.end()
  } catch (error) {
    failCallback(exchange, error, callback)
  }
}
