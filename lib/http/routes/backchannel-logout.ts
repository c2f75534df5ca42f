import type { Request } from 'express'
import type { OidcSessionStore } from '../../config/session-store.ts'
import { retryAfterSeconds } from '../../core/error-table.ts'
import { fail, type OidcError, setupInvalid } from '../../core/errors.ts'
import { backchannelLogout } from '../../logins/logout/accept-logout-token.ts'
import type { Instance } from '../../logins/instance.ts'
import { TokenRejected } from '../../tokens/token-rejected.ts'
import { readForm } from '../request/form-body.ts'
import { sendJson } from '../response/problem.ts'
import { reportError } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/**
 * Handles `POST` of the back-channel logout route (OIDC Back-Channel Logout, section 2.5). It answers 200 when all logins
 * that the token names have ended, 400 if the token is invalid, and 503 if it cannot verify the token or end the logins.
 */
export async function handleBackchannelLogout({ instance, req, res }: HandlerContext): Promise<void> {
  // If the provider reused the connection, it could send its next logout token just as this server closes it.
  res.setHeader('Connection', 'close')
  res.setHeader('Cache-Control', 'no-store')
  try {
    await backchannelLogout(instance, findSessionStore(req, instance), readLogoutToken(await readForm(req)))
    res.statusCode = 200
    res.end()
  } catch (thrown) {
    const error = thrown instanceof TokenRejected ? rejectLogoutToken(instance, thrown) : reportError(instance, thrown)
    const isBad = error.code === 'request_invalid' || error.code === 'token_invalid'
    res.statusCode = isBad ? 400 : 503
    if (!isBad) res.setHeader('Retry-After', retryAfterSeconds)
    sendJson(res, 'application/json', {
      error: isBad ? 'invalid_request' : 'temporarily_unavailable',
      error_description: error.message,
    })
  }
}

/** Returns the only `logout_token`. Other parameters are ignored (OIDC Back-Channel Logout, section 2.5). */
function readLogoutToken(form: URLSearchParams): string {
  const [token, ...others] = form.getAll('logout_token')
  if (token !== undefined && token !== '' && others.length === 0) return token
  throw fail('request_invalid', undefined, { message: 'The request must have exactly one logout_token parameter.' })
}

function findSessionStore(req: Request, instance: Instance): OidcSessionStore {
  const store = (req as Partial<Request>).sessionStore ?? instance.options.sessionStore
  if (store) return store
  throw setupInvalid(
    'the back-channel logout route has no session store; put `app.use(session(...))` before `app.use(oidc.router)`, or pass `sessionStore`',
  )
}

function rejectLogoutToken(instance: Instance, { message: detail }: TokenRejected): OidcError {
  const error = fail('token_invalid', detail, { status: 400, message: 'The logout_token is invalid.' })
  instance.events.emit('token_rejected', { code: error.code, status: error.status, detail })
  return error
}
