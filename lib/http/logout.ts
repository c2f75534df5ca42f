import { randomBytes } from 'node:crypto'
import type { Request } from 'express'
import type { LogoutParameters } from '../config/options.ts'
import { optionsInvalid } from '../config/checks.ts'
import { OidcError } from '../core/errors.ts'
import { localPath } from '../core/urls.ts'
import { endLogin, type Ended } from '../logins/end.ts'
import type { Instance } from '../logins/instance.ts'
import { endSessionUrl } from '../provider/endpoints.ts'
import { silentCookie } from '../session/transaction.ts'
import { answerError, sendJson, sendOn, sendPage, toldError, type Exchange } from './answers.ts'
import { setCookies } from './cookies.ts'
import { crossSite, isScripted, kindOf } from './origin.ts'
import { requireSession, stateOf, type RequestState } from './request-state.ts'
import { hasSilentLogin } from './silent.ts'

/** `GET` and `POST` of the logout route. */
export async function handleLogout(exchange: Exchange): Promise<void> {
  const { instance, req, res } = exchange
  if (req.method === 'GET' && !isOwnNavigation(req)) {
    // A page of another site, an image, or a browser that fetches ahead of need must not log anyone out.
    sendPage(res, {
      title: 'Log out?',
      paragraphs: ['Press the button to log out.'],
      button: { action: instance.options.basePath + instance.options.routes.logout, text: 'Log out' },
    })
    return
  }
  await startLogout(exchange, {})
}

function isOwnNavigation(req: Request): boolean {
  const site = req.headers['sec-fetch-site']
  return (site === 'same-origin' || site === 'none') && !isScripted(req)
}

/** Ends the login here, then sends the browser to end it at the provider (OIDC RP-Initiated Logout 2). */
export async function startLogout(exchange: Exchange, parameters: LogoutParameters): Promise<void> {
  const { instance, req, res } = exchange
  const { origin, postLogoutRedirect } = instance.options
  const returnTo = parameters.returnTo === undefined ? postLogoutRedirect : localPath(parameters.returnTo, origin)
  if (returnTo === undefined)
    throw optionsInvalid('logout()', ["returnTo must be a path on this origin, such as '/goodbye'"])
  const refused = crossSite(req, instance.options)
  if (refused !== undefined) {
    answerError(exchange, crossSiteRefused(instance, refused))
    return
  }
  let ended: Ended | undefined
  try {
    ended = await endLogin(instance, requireSession(req, stateOf(req) as RequestState))
  } catch (error) {
    answerError(exchange, toldError(instance, error))
    return
  }
  // Who has just logged out is not to be logged in again unasked, by the next page that is open to all.
  if (hasSilentLogin(instance)) setCookies(res, [silentCookie(instance.cookiePlace)])
  const location = ended ? await providerLogout(instance, ended, origin + returnTo) : undefined
  if (req.method === 'POST' && kindOf(req) === 'client') {
    // A script cannot follow a redirect to another origin: it gets told where to send the browser.
    sendJson(res, 'application/json', { location: location ?? origin + returnTo })
    return
  }
  sendOn(exchange, location ?? returnTo, 303)
}

/** Characters of an address that servers take. */
const longestLocation = 4000

/** Where the login is ended at the provider; undefined where it has no such endpoint or cannot be reached. */
async function providerLogout(instance: Instance, ended: Ended, returnTo: string): Promise<string | undefined> {
  try {
    const parameters = {
      client_id: instance.options.clientId,
      post_logout_redirect_uri: returnTo,
      state: randomBytes(16).toString('base64url'),
    }
    const hint = ended.tokens ? { id_token_hint: ended.tokens.idToken } : {}
    const location = await endSessionUrl(instance.provider, { ...parameters, ...hint })
    // Servers take no longer ones (Keycloak 4096 bytes of request line); without the hint the provider asks the user.
    return location !== undefined && location.length > longestLocation
      ? await endSessionUrl(instance.provider, parameters)
      : location
  } catch (error) {
    // The login here has ended; that of a provider that is down cannot be ended now.
    toldError(instance, error)
    return undefined
  }
}

/** The request is another site's: 403. */
export function crossSiteRefused(instance: Instance, detail: string): OidcError {
  const error = new OidcError('cross_site_request', `This request was refused: ${detail}.`, { status: 403, detail })
  instance.events.emit('denied', { code: error.code, status: error.status, sub: undefined, detail })
  return error
}
