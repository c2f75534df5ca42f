import { storeResponse } from '../../logins/login/stored-response.ts'
import { runCallback } from './fail-callback.ts'
import { readForm } from '../request/form-body.ts'
import { loginFailed, reportError } from '../response/report-error.ts'
import { responseMisplaced } from './read-callback.ts'
import { detachSession } from '../request/request-state.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/**
 * Handles `POST` of the redirect URI (OAuth 2.0 Form Post Response Mode). This cross-site request has the cookie of the login
 * but not the session's, so the response is stored and a redirect leads to a `GET`, which has both. No answer may set the cookie
 * of a session, even that of a forged response: it would replace the session of the browser.
 */
export async function handleCallbackPost(handler: HandlerContext): Promise<void> {
  const { instance, req, res } = handler
  const handling = runCallback(handler, readForm(req), async ({ session, state, stateText, parameters, login }) => {
    detachSession(req)
    if (instance.options.responseMode !== 'form_post') throw responseMisplaced(instance, 'a form')
    if (login) {
      await storeResponse(instance, session.records, state.id, parameters).catch((error: unknown) => {
        if (!state.isSilent) throw error
        // The user requested no login, so no error is shown: without a response, the `GET` leads back to the public page.
        const { code } = reportError(instance, error)
        // The `GET` reports a store that fails, but it cannot know that the response was too large.
        if (code !== 'store_unavailable') loginFailed(handler, error)
      })
    }
    res.setHeader('Cache-Control', 'no-store')
    res.statusCode = 303
    res.setHeader('Location', `${instance.redirectUri}?state=${encodeURIComponent(stateText)}`)
    res.end()
  })
  await handling.catch((error: unknown) => {
    detachSession(req)
    throw error
  })
}
