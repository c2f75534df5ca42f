import type { Request } from 'express'
import type { OidcLogoutParameters } from '../../config/logout-parameters.ts'
import { endLogin, type Ended } from '../../logins/logout/end-own-login.ts'
import type { Instance } from '../../logins/instance.ts'
import { revokeTokens } from '../../logins/revoke.ts'
import { makeEndSessionUrl } from '../../provider/endpoints.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { answerError } from '../response/error-page.ts'
import { setCookies } from '../request/cookie-header.ts'
import { isScripted, findRequestKind } from '../request/request-kind.ts'
import { requireSession, findEntry, getRequestState, type RequestState } from '../request/request-state.ts'
import { hasSilentLogin } from './silent-login.ts'
import { sendJson } from '../response/problem.ts'
import { sendRedirect } from '../response/redirect.ts'
import { sendPage } from '../response/html-page.ts'
import { reportError } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { findCrossSiteFault, crossSiteRefused } from '../request/cross-site.ts'
import { checkLogout } from '../../config/logout-parameters.ts'
import { makeBfcacheCookies, makeSilentCookie } from '../../session/login-cookies.ts'
import { makeReturnParameters } from './logout-return.ts'
import { makeMarkCookie } from '../../session/browser-mark.ts'
import { makeLoggedOutCookie } from '../../session/logged-out.ts'

/** Handles `GET` and `POST` of the logout route. */
export async function handleLogout(handler: HandlerContext): Promise<void> {
  const { instance, req, res } = handler
  if (req.method === 'GET' && !isOwnNavigation(req)) {
    // A page of another site, an image or a prefetch must not log the user out.
    sendPage(res, {
      title: 'Log out?',
      paragraphs: ['Press the button to log out.'],
      button: { action: instance.options.basePath + instance.options.routes.logout, text: 'Log out' },
    })
    return
  }
  await startLogout(handler, {})
}

function isOwnNavigation(req: Request): boolean {
  const site = req.headers['sec-fetch-site']
  return (site === 'same-origin' || site === 'none') && !isScripted(req)
}

/** Ends the login here, then redirects the browser to end it at the provider (OIDC RP-Initiated Logout, section 2). */
export async function startLogout(handler: HandlerContext, parameters: OidcLogoutParameters): Promise<void> {
  const { instance, req, res } = handler
  const { origin, postLogoutRedirect } = instance.options
  const { returnTo = postLogoutRedirect, local = false, all = false } = checkLogout(parameters, origin)
  const refusal = findCrossSiteFault(req, instance.options)
  if (refusal !== undefined) {
    answerError(handler, crossSiteRefused(instance, refusal))
    return
  }
  const { ended, fault } = await endBrowserLogins(handler, all)
  const revoking = Promise.all(
    ended.map(async (login) => login.tokens && (await revokeTokens(login.instance, login.tokens))),
  )
  if (fault !== undefined) {
    answerError(handler, reportError(instance, fault))
    return
  }
  const loggedOut = new Set([instance, ...ended.map((login) => login.instance)])
  setCookies(
    res,
    [...loggedOut].map(({ cookiePlace }) => makeLoggedOutCookie(cookiePlace)),
  )
  if (ended.length > 0) setCookies(res, makeBfcacheCookies(instance.cookiePlace))
  if (ended.some(({ isLast }) => isLast)) setCookies(res, [makeMarkCookie(instance.cookiePlace, undefined, 0)])
  // The next public page must not silently log the user in again.
  setCookies(
    res,
    [...loggedOut].filter(hasSilentLogin).map(({ cookiePlace }) => makeSilentCookie(cookiePlace)),
  )
  const own = ended.find((login) => login.instance === instance)
  const location = own && !local ? await makeProviderLogoutUrl(instance, own, returnTo) : undefined
  // The revocation ran in parallel, so that a provider that does not respond delays the logout by one timeout only.
  await revoking
  if (req.method === 'POST' && findRequestKind(req) === 'client') {
    // A script cannot follow a redirect to another origin. It gets the URL to open in the browser.
    sendJson(res, 'application/json', { location: location ?? origin + returnTo })
    return
  }
  sendRedirect(handler, location ?? returnTo, 303)
}

/** An ended login of the request, with its instance. */
type EndedLogin = Ended & { readonly instance: Instance }

/**
 * Ends the request's login with the instance, with `all` after those with other instances that permit the origin of the
 * request. A fault leaves the rest.
 */
async function endBrowserLogins(
  { instance, req }: HandlerContext,
  all: boolean,
): Promise<{ readonly ended: readonly EndedLogin[]; readonly fault?: unknown }> {
  const ended: EndedLogin[] = []
  try {
    const state = getRequestState(req) as RequestState
    const session = requireSession(req, state)
    const others = all ? [...state.instances.keys()].filter((other) => other !== instance) : []
    for (const owner of [...listPermitting(others, req), instance]) {
      const login = await endLogin(owner, session, 'user')
      if (login) ended.push({ ...login, instance: owner })
    }
    return { ended }
  } catch (fault) {
    return { ended, fault }
  }
}

/** Returns the instances that permit the origin of the request. Emits `denied` for each login with one that does not. */
function listPermitting(instances: readonly Instance[], req: Request): readonly Instance[] {
  return instances.filter((instance) => {
    const refusal = findCrossSiteFault(req, instance.options)
    if (refusal !== undefined && findEntry(req, instance)) crossSiteRefused(instance, refusal)
    return refusal === undefined
  })
}

/** Maximum length of a URL that servers accept. */
const longestLocation = 4000

/** Returns the URL that ends the login at the provider; undefined without such an endpoint, or if the provider is down. */
async function makeProviderLogoutUrl(instance: Instance, ended: Ended, returnTo: string): Promise<string | undefined> {
  const { options, provider } = instance
  const { entry, tokens, isLate } = ended
  try {
    const hint = findLogoutHint(entry)
    const parameters = {
      client_id: options.clientId,
      ...makeReturnParameters(instance, returnTo),
      ...(hint === undefined || isLate ? {} : { logout_hint: hint }),
    }
    const idToken = isLate || !options.logoutHint ? undefined : tokens?.idToken
    if (idToken === undefined) return await makeEndSessionUrl(provider, parameters)
    const location = await makeEndSessionUrl(provider, { ...parameters, id_token_hint: idToken })
    // Servers limit the request line (Keycloak: 4096 bytes). Without the ID token the provider asks the user to confirm.
    return location !== undefined && location.length > longestLocation
      ? await makeEndSessionUrl(provider, parameters)
      : location
  } catch (error) {
    // The login here has ended. While the provider is down, its own session cannot be ended.
    reportError(instance, error)
    return undefined
  }
}

/** Returns the `logout_hint` for a provider that gets no ID token (OIDC RP-Initiated Logout, section 2). */
function findLogoutHint({ sid, user }: LoginEntry): string | undefined {
  // Entra has the claim `login_hint` for this purpose; other providers accept their session's id.
  const hints = [user['login_hint'], sid, user['preferred_username'], user['email']]
  return hints.find((hint): hint is string => typeof hint === 'string' && hint.length <= longestHint)
}

const longestHint = 500
