import { resolveLoginParameters, type LoginRequest } from '../../config/login-parameters.ts'
import { fail, type OidcLoginNeeds } from '../../core/errors.ts'
import { toLocalPath } from '../../core/urls.ts'
import { beginLogin, type BeginInput } from '../../logins/login/begin.ts'
import { listResources } from '../../session/step-up-history.ts'
import { answerError } from '../response/error-page.ts'
import { readCookies, setCookies } from '../request/cookie-header.ts'
import { isFromElsewhere } from '../request/cross-site.ts'
import { hasLoggedOut } from '../../session/logged-out.ts'
import { sendPage } from '../response/html-page.ts'
import { isScripted } from '../request/request-kind.ts'
import { findEntry, findSessionId } from '../request/request-state.ts'
import { warnOfSetup } from '../request/setup-warnings.ts'
import { makeLoginUrl, openNeeds } from '../response/login-url.ts'
import { loginFailed } from '../response/report-error.ts'
import { sendRedirect } from '../response/redirect.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { loginScope } from '../../core/scope.ts'
import type { Cookie } from '../../session/login-cookies.ts'

/** How a login starts, besides what it requests. */
interface StartOptions {
  readonly returnTo?: string
  readonly attempt?: number
  /** Whether a callback restarts it. */
  readonly isRestart?: boolean
  /** Whether the browser has just returned from the login that is restarted. */
  readonly isOwn?: boolean
  /** Cookies to set if the login begins. */
  readonly cookies?: readonly Cookie[]
}

/**
 * Starts a login and redirects the browser to the provider. `returnTo` defaults to the request's parameter. A HEAD request,
 * or a script that cannot show the provider's page, starts no login.
 */
export async function startLogin(
  handler: HandlerContext,
  request: LoginRequest,
  more: StartOptions = {},
): Promise<void> {
  const { instance, req, res } = handler
  if (req.method === 'HEAD') {
    res.setHeader('Cache-Control', 'no-store')
    res.status(200).end()
    return
  }
  if (isScripted(req)) {
    answerError(handler, fail('login_required', undefined, { message: 'Open this address in the browser to log in.' }))
    return
  }
  if (req.session) warnOfSetup(instance, req)
  const returnTo = more.returnTo ?? request.returnTo ?? readReturnTo(handler)
  if (more.isOwn !== true && canBeForced(handler)) return offerLogin(handler, request, returnTo)
  const needs = { scope: extendScope(handler, request.scope), parameters: extendParameters(handler, request) }
  const input = {
    request: needs,
    returnTo,
    attempt: more.attempt ?? 0,
    session: findSessionId(req),
    isRestart: more.isRestart,
  }
  await sendToProvider(handler, input, more.cookies)
}

/** Whether another site may have caused this request after a logout in this browser. */
export function canBeForced({ instance, req }: HandlerContext): boolean {
  return isFromElsewhere(req, instance.options) && hasLoggedOut(instance.cookiePlace, readCookies(req))
}

/**
 * Shows a page with a link instead of starting a login: after a logout in this browser, no other site may log the user in
 * again, which it otherwise could while the user is logged in at the provider.
 */
function offerLogin({ instance, res }: HandlerContext, { scope, parameters }: LoginRequest, returnTo: string): void {
  sendPage(res, {
    title: 'Log in?',
    paragraphs: [
      'You logged out recently, and another site may have opened this page. To log in again, use the link below.',
    ],
    link: { href: makeLoginUrl(instance, returnTo, { scope: scope ?? [], parameters }), text: 'Log in' },
  })
}

/** Starts a login and redirects the browser to the provider. It also sets `moreCookies`. */
export async function sendToProvider(
  handler: HandlerContext,
  input: Omit<BeginInput, 'cookies'>,
  moreCookies: readonly Cookie[] = [],
): Promise<void> {
  const { instance, req, res } = handler
  const begun = await beginLogin(instance, { ...input, cookies: readCookies(req) }).catch((error: unknown) => {
    throw loginFailed(handler, error)
  })
  instance.events.emit('login_begun', { prompt: input.request.parameters['prompt'], attempt: input.attempt })
  setCookies(res, [...moreCookies, ...begun.cookies])
  sendRedirect(handler, begun.location, 302)
}

/**
 * Returns the scope to request. For a logged-in user, it includes the scope granted so far: a provider grants a new login
 * only the scope that it requests.
 */
function extendScope({ instance, req }: HandlerContext, requested: readonly string[] | undefined): readonly string[] {
  const { scope } = instance.options
  if (!requested) return scope
  const entry = findEntry(req, instance)
  // The granted scope may lack `openid` and similar: Entra leaves them out for an API's token.
  if (entry) return [...new Set([...scope.filter((value) => loginScope.has(value)), ...entry.scope, ...requested])]
  return requested.includes('openid') ? requested : [...new Set([...scope, ...requested])]
}

/** Adds the resources requested so far: tokens are issued only for resources of the login (RFC 8707, section 2.2). */
function extendParameters(
  { instance, req }: HandlerContext,
  { scope, parameters }: LoginRequest,
): OidcLoginNeeds['parameters'] {
  const entry = findEntry(req, instance)
  const requested = entry ? listResources(entry.requested) : []
  if (requested.length === 0 || (!scope && parameters['resource'] === undefined)) return parameters
  return { ...parameters, resource: [...new Set([...requested, ...listResources({ parameters })])].join(' ') }
}

export function makeStepUpLogin({ scope, parameters }: OidcLoginNeeds): LoginRequest {
  return { scope, parameters, returnTo: undefined }
}

/** Returns the login request of a login URL: the step-up that this instance sealed into the URL, or else a plain login. */
export function readRequestedLogin(handler: HandlerContext): LoginRequest {
  const ask = parseQuery(handler.req.originalUrl).getAll('ask')
  const needs = ask.length === 1 ? openNeeds(handler.instance, ask[0] as string) : undefined
  return needs ? makeStepUpLogin(needs) : makePlainLogin(handler)
}

/** Returns a login request without parameters of its own, which uses the instance's options. */
export function makePlainLogin(handler: HandlerContext): LoginRequest {
  return resolveLoginParameters({}, handler.instance.options.origin)
}

function readReturnTo({ instance, req }: HandlerContext): string {
  const { origin, basePath } = instance.options
  const requested = parseQuery(req.originalUrl).getAll('returnTo')
  return (requested.length === 1 ? toLocalPath(requested[0], origin) : undefined) ?? (basePath || '/')
}
