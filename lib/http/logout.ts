import type { Request } from 'express'
import { Checks, optionsInvalid } from '../config/checks.ts'
import type { LogoutParameters } from '../config/options.ts'
import { nowSeconds } from '../core/clock.ts'
import { OidcError } from '../core/errors.ts'
import { transactionSeconds } from '../core/limits.ts'
import { localPath } from '../core/urls.ts'
import { endLogin, type Ended } from '../logins/end.ts'
import type { Instance } from '../logins/instance.ts'
import { revokeTokens } from '../logins/revoke.ts'
import { endSessionUrl } from '../provider/endpoints.ts'
import type { Slot } from '../store/slot.ts'
import { farewellCookies, silentCookie } from '../session/transaction.ts'
import { answerError, sendJson, sendOn, sendPage, toldError, type Exchange } from './answers.ts'
import { setCookies } from './cookies.ts'
import { queryOf } from './login.ts'
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
  const { returnTo = postLogoutRedirect, local = false, all = false } = checkLogout(parameters, origin)
  const refused = crossSite(req, instance.options)
  if (refused !== undefined) {
    answerError(exchange, crossSiteRefused(instance, refused))
    return
  }
  const { ended, fault } = await endLogins(exchange, all)
  const revoking = Promise.all(ended.map(async ({ of, tokens }) => tokens && (await revokeTokens(of, tokens))))
  if (fault !== undefined) {
    answerError(exchange, toldError(instance, fault))
    return
  }
  if (ended.length > 0) setCookies(res, farewellCookies(instance.cookiePlace))
  // Who has just logged out is not to be logged in again unasked, by the next page that is open to all.
  if (hasSilentLogin(instance)) setCookies(res, [silentCookie(instance.cookiePlace)])
  const own = ended.find(({ of }) => of === instance)
  const location = own && !local ? await providerLogout(instance, own, returnTo) : undefined
  // At the same time, so that a provider that does not answer holds nobody up for longer than one request may take.
  await revoking
  if (req.method === 'POST' && kindOf(req) === 'client') {
    // A script cannot follow a redirect to another origin: it gets told where to send the browser.
    sendJson(res, 'application/json', { location: location ?? origin + returnTo })
    return
  }
  sendOn(exchange, location ?? returnTo, 303)
}

/** A login of the request that was ended, and whose it was. */
type EndedOf = Ended & { readonly of: Instance }

/** Ends the instance's login of the request, with `all` those of the others first; a fault leaves those that are left. */
async function endLogins(
  { instance, req }: Exchange,
  all: boolean,
): Promise<{ readonly ended: readonly EndedOf[]; readonly fault?: unknown }> {
  const ended: EndedOf[] = []
  try {
    const state = stateOf(req) as RequestState
    const session = requireSession(req, state)
    const others = all ? [...state.instances.keys()].filter((other) => other !== instance) : []
    for (const of of [...others, instance]) {
      const one = await endLogin(of, session, 'user')
      if (one) ended.push({ ...one, of })
    }
    return { ended }
  } catch (fault) {
    return { ended, fault }
  }
}

/**
 * Checks what a logout is to do.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function checkLogout(parameters: LogoutParameters, origin: string): LogoutParameters {
  const checks = new Checks(parameters, 'the parameters of logout()', ['returnTo', 'local', 'all'])
  const given = checks.value('returnTo')
  const returnTo = given === undefined ? undefined : localPath(given, origin)
  if (given !== undefined && returnTo === undefined) {
    checks.fault("returnTo must be a path on this origin, such as '/goodbye'")
  }
  const checked = { returnTo, local: checks.boolean('local', false), all: checks.boolean('all', false) }
  if (checks.faults.length > 0) throw optionsInvalid('logout()', checks.faults)
  return checked
}

/** Characters of an address that servers take. */
const longestLocation = 4000

/** Where the login is ended at the provider; undefined where it has no such endpoint or cannot be reached. */
async function providerLogout(instance: Instance, ended: Ended, returnTo: string): Promise<string | undefined> {
  const { options, provider } = instance
  const { slot, tokens, isLate } = ended
  try {
    const hint = hintOf(slot)
    const parameters = {
      client_id: options.clientId,
      ...wayBack(instance, returnTo),
      ...(hint === undefined || isLate ? {} : { logout_hint: hint }),
    }
    const idToken = isLate ? undefined : tokens?.idToken
    if (idToken === undefined) return await endSessionUrl(provider, parameters)
    const location = await endSessionUrl(provider, { ...parameters, id_token_hint: idToken })
    // Servers take no longer ones (Keycloak 4096 bytes of request line); without the token the provider asks the user.
    return location !== undefined && location.length > longestLocation
      ? await endSessionUrl(provider, parameters)
      : location
  } catch (error) {
    // The login here has ended; that of a provider that is down cannot be ended now.
    toldError(instance, error)
    return undefined
  }
}

/** Who is logging out, for a provider that gets no ID token to see it by (OIDC RP-Initiated Logout 2). */
function hintOf({ sid, user }: Slot): string | undefined {
  // Entra has a claim for the purpose, others know their session.
  const hints = [user['login_hint'], sid, user['preferred_username'], user['email']]
  return hints.find((hint): hint is string => typeof hint === 'string' && hint.length <= longestHint)
}

const longestHint = 500

/** What `state` says on the way back from the provider. */
interface WayBack {
  readonly returnTo: string
  readonly startedAt: number
}

/** Where the provider sends the browser back to: one address for all logouts, since it has to be registered. */
function wayBack(instance: Instance, returnTo: string): Record<string, string> {
  const { origin, postLogoutRedirect } = instance.options
  const isSeen = belowBase(instance, postLogoutRedirect) !== undefined
  const state = JSON.stringify({ returnTo, startedAt: nowSeconds() } satisfies WayBack)
  return {
    post_logout_redirect_uri: origin + (isSeen ? postLogoutRedirect : returnTo),
    state: instance.seals.logout.seal(state, ''),
  }
}

/** A path as the router of the instance sees it; undefined where it does not. */
function belowBase({ options: { basePath } }: Instance, path: string): string | undefined {
  const plain = path.replace(/[?#].*$/, '')
  if (plain === basePath) return '/'
  return plain.startsWith(`${basePath}/`) ? plain.slice(basePath.length) : undefined
}

/** A logout may take its user as long at the provider as a login. */
const wayBackSeconds = transactionSeconds

/**
 * Takes a browser that comes back from a logout at the provider on to where that was to lead; says whether it did. A
 * `state` that is not of a logout begun here leads nowhere: then the page is answered as without it.
 */
export function goOnAfterLogout(exchange: Exchange): boolean {
  const { instance, req } = exchange
  const { origin, postLogoutRedirect } = instance.options
  if (req.method !== 'GET' || !req.originalUrl.includes('state=')) return false
  if (belowBase(instance, postLogoutRedirect) !== req.path) return false
  const given = queryOf(req.originalUrl).getAll('state')
  const text = given.length === 1 ? instance.seals.logout.open(given[0] as string, '') : undefined
  if (text === undefined) return false
  const { returnTo, startedAt } = JSON.parse(text) as WayBack
  const path = localPath(returnTo, origin)
  if (path === undefined || path === postLogoutRedirect) return false
  if (Math.abs(nowSeconds() - startedAt) > wayBackSeconds) return false
  sendOn(exchange, path, 303)
  return true
}

/** The request is another site's: 403. */
export function crossSiteRefused(instance: Instance, detail: string): OidcError {
  const error = new OidcError('cross_site_request', `This request was refused: ${detail}.`, { status: 403, detail })
  instance.events.emit('denied', { code: error.code, status: error.status, sub: undefined, detail })
  return error
}
