import { resolveLoginParameters, type LoginRequest } from '../../config/login-parameters.ts'
import { fail, type LoginNeeds } from '../../core/errors.ts'
import { localPath } from '../../core/urls.ts'
import { beginLogin, type BeginInput } from '../../logins/login/begin.ts'
import { resourcesAsked } from '../../session/step-up-history.ts'
import { answerError } from '../response/error-page.ts'
import { readCookies, setCookies } from '../request/cookie-header.ts'
import { isScripted } from '../request/request-kind.ts'
import { findEntry } from '../request/request-state.ts'
import { warnOfSetup } from '../request/setup-warnings.ts'
import { askedBy } from '../response/login-url.ts'
import { loginFailed } from '../response/report-error.ts'
import { sendRedirect } from '../response/redirect.ts'
import type { Exchange } from '../request/exchange.ts'
import { parseQuery } from '../request/query.ts'
import { loginScope } from '../../core/scope.ts'
import type { Cookie } from '../../session/login-cookies.ts'

/**
 * Starts a login and redirects the browser to the provider. `returnTo` defaults to the request's parameter. A HEAD request,
 * or a script that cannot show the provider's page, starts no login.
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
    answerError(exchange, fail('login_required', undefined, { message: 'Open this address in the browser to log in.' }))
    return
  }
  if (req.session) warnOfSetup(instance, req)
  const returnTo = more.returnTo ?? request.returnTo ?? requestedReturnTo(exchange)
  const asked = {
    ...request,
    scope: wholeScope(exchange, request.scope),
    parameters: wholeParameters(exchange, request),
  }
  await sendToProvider(exchange, { request: asked, returnTo, attempt: more.attempt ?? 0 })
}

/** Starts a login and redirects the browser to the provider; `besides` are additional cookies. */
export async function sendToProvider(
  exchange: Exchange,
  input: Omit<BeginInput, 'cookies'>,
  besides: readonly Cookie[] = [],
): Promise<void> {
  const { instance, req, res } = exchange
  const begun = await beginLogin(instance, { ...input, cookies: readCookies(req) }).catch((error: unknown) => {
    throw loginFailed(exchange, error)
  })
  instance.events.emit('login_begun', { prompt: input.request.parameters['prompt'], attempt: input.attempt })
  setCookies(res, [...besides, ...begun.cookies])
  sendRedirect(exchange, begun.location, 302)
}

/**
 * Returns the scope to request. For a logged-in user, it includes the scope granted so far: a provider grants a new login
 * only the scope that it requests.
 */
function wholeScope({ instance, req }: Exchange, wanted: readonly string[] | undefined): readonly string[] | undefined {
  if (!wanted) return undefined
  const entry = findEntry(req, instance)
  const { scope } = instance.options
  // The granted scope may lack `openid` and similar: Entra leaves them out for an API's token.
  if (entry) return [...new Set([...scope.filter((word) => loginScope.has(word)), ...entry.scope, ...wanted])]
  return wanted.includes('openid') ? wanted : [...new Set([...scope, ...wanted])]
}

/** Adds the resources requested so far: tokens are issued only for resources of the login (RFC 8707, section 2.2). */
function wholeParameters({ instance, req }: Exchange, { scope, parameters }: LoginRequest): LoginRequest['parameters'] {
  const asked = resourcesAsked(findEntry(req, instance)?.asked)
  if (asked.length === 0 || (!scope && parameters['resource'] === undefined)) return parameters
  return { ...parameters, resource: [...new Set([...asked, ...(parameters['resource']?.split(' ') ?? [])])].join(' ') }
}

/** Returns the login request of a step-up. */
export function stepUpLogin({ scope, parameters }: LoginNeeds): LoginRequest {
  return { scope, parameters, returnTo: undefined }
}

/** Returns the login request of the login URL: with the step-up that this instance sealed into it, or a plain one. */
export function requestedLogin(exchange: Exchange): LoginRequest {
  const ask = parseQuery(exchange.req.originalUrl).getAll('ask')
  const needs = ask.length === 1 ? askedBy(exchange.instance, ask[0] as string) : undefined
  return needs ? stepUpLogin(needs) : plainLogin(exchange)
}

/** Returns the login request with the instance's options. */
export function plainLogin(exchange: Exchange): LoginRequest {
  return resolveLoginParameters({}, exchange.instance.options.origin)
}

function requestedReturnTo({ instance, req }: Exchange): string {
  const { origin, basePath } = instance.options
  const asked = parseQuery(req.originalUrl).getAll('returnTo')
  return (asked.length === 1 ? localPath(asked[0], origin) : undefined) ?? (basePath || '/')
}
