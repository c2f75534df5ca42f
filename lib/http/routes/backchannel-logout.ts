import type { Request } from 'express'
import type { SessionStore } from '../../config/session-store.ts'
import { retryAfterSeconds } from '../../core/error-table.ts'
import { fail, type OidcError, setupInvalid } from '../../core/errors.ts'
import { backchannelLogout } from '../../logins/logout/accept-logout-token.ts'
import type { Instance } from '../../logins/instance.ts'
import { TokenRejected } from '../../tokens/token-rejected.ts'
import { readForm } from '../request/form-body.ts'
import { sendJson } from '../response/problem.ts'
import { toldError } from '../response/report-error.ts'
import type { Exchange } from '../request/exchange.ts'

/**
 * `POST` of the back-channel logout route, by the provider's server (OIDC Back-Channel Logout 2.5): 200 where all that the
 * token names has ended, 400 where it is not good, 503 where that cannot be told or done now.
 */
export async function handleBackchannelLogout({ instance, req, res }: Exchange): Promise<void> {
  // A provider that keeps the connection would send the next logout token into one that this server is just closing.
  res.setHeader('Connection', 'close')
  res.setHeader('Cache-Control', 'no-store')
  try {
    await backchannelLogout(instance, storeOf(req, instance), logoutTokenOf(await readForm(req)))
    res.statusCode = 200
    res.end()
  } catch (thrown) {
    const error = thrown instanceof TokenRejected ? rejected(instance, thrown) : toldError(instance, thrown)
    const isBad = error.code === 'request_invalid' || error.code === 'token_invalid'
    res.statusCode = isBad ? 400 : 503
    if (!isBad) res.setHeader('Retry-After', retryAfterSeconds)
    sendJson(res, 'application/json', {
      error: isBad ? 'invalid_request' : 'temporarily_unavailable',
      error_description: error.message,
    })
  }
}

/** The one `logout_token`; other parameters mean nothing (OIDC Back-Channel Logout 2.5). */
function logoutTokenOf(form: URLSearchParams): string {
  const [token, ...others] = form.getAll('logout_token')
  if (token !== undefined && token !== '' && others.length === 0) return token
  throw fail('request_invalid', undefined, { message: 'The request must have one logout_token.' })
}

function storeOf(req: Request, instance: Instance): SessionStore {
  const store = (req as Partial<Request>).sessionStore ?? instance.options.sessionStore
  if (store) return store
  throw setupInvalid(
    'the back-channel logout route has no session store: app.use(session(...)) must come before app.use(oidc.router), or pass the option sessionStore',
  )
}

function rejected(instance: Instance, { message: detail }: TokenRejected): OidcError {
  const error = fail('token_invalid', detail, { status: 400, message: 'The logout token is not valid.' })
  instance.events.emit('token_rejected', { code: error.code, status: error.status, detail })
  return error
}
