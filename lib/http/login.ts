import { resolveLoginParameters, type LoginRequest } from '../config/login-parameters.ts'
import { OidcError } from '../core/errors.ts'
import { localPath } from '../core/urls.ts'
import { beginLogin } from '../logins/begin.ts'
import { answerError, loginFailed, sendOn, type Exchange } from './answers.ts'
import { readCookies, setCookies } from './cookies.ts'
import { isScripted } from './origin.ts'
import { warnOfSetup } from './setup-warnings.ts'

/**
 * Begins a login and sends the browser to the provider. Without a `returnTo` of its own it reads that of the request.
 * Whoever only looks, or cannot show the provider's page, begins none.
 */
export async function startLogin(
  exchange: Exchange,
  request: LoginRequest,
  more: { returnTo?: string; attempt?: number } = {},
): Promise<void> {
  const { instance, req, res } = exchange
  if (req.method === 'HEAD') {
    res.setHeader('Cache-Control', 'no-store')
    res.status(200).end()
    return
  }
  if (isScripted(req)) {
    answerError(
      exchange,
      new OidcError('login_required', 'Open this address in the browser to log in.', { status: 401 }),
    )
    return
  }
  if (req.session) warnOfSetup(instance, req)
  const returnTo = more.returnTo ?? request.returnTo ?? askedReturnTo(exchange)
  const input = { request, returnTo, attempt: more.attempt ?? 0, cookies: readCookies(req) }
  const begun = await beginLogin(instance, input).catch((error: unknown) => {
    throw loginFailed(exchange, error)
  })
  setCookies(res, begun.cookies)
  sendOn(exchange, begun.location, 302)
}

/** A login as the instance's options have it. */
export function plainLogin(exchange: Exchange): LoginRequest {
  return resolveLoginParameters({}, exchange.instance.options.origin)
}

function askedReturnTo({ instance, req }: Exchange): string {
  const { origin, basePath } = instance.options
  const asked = queryOf(req.originalUrl).getAll('returnTo')
  return (asked.length === 1 ? localPath(asked[0], origin) : undefined) ?? (basePath || '/')
}

/** The parameters of a request's query, parsed the same in Express 4 and 5. */
export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}
