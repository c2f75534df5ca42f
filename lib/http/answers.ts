import type { NextFunction, Request, Response } from 'express'
import type { ResolvedOptions } from '../config/resolve.ts'
import { BearerError } from '../guard/bearer-error.ts'
import type { Instance } from '../logins/instance.ts'
import { LoginNeeded, OidcError, describe, hookFailed, type LoginNeeds, type OidcErrorCode } from '../core/errors.ts'
import { localReferer } from '../core/urls.ts'
import { crossSite, kindOf } from './origin.ts'
import { pagePolicy, renderPage, type Page } from './pages.ts'
import { passedInstance } from './request-state.ts'

/** One request on its way through a handler of an instance. */
export interface Exchange {
  readonly instance: Instance
  readonly req: Request
  readonly res: Response
  readonly next: NextFunction
}

const titles: Partial<Record<OidcErrorCode, string>> = {
  login_required: 'Please log in',
  authentication_insufficient: 'Please confirm who you are',
  not_allowed: 'You may not open this page',
  login_refused: 'You cannot log in here',
  cross_site_request: 'This request was refused',
  authorization_denied: 'The login was cancelled',
  provider_unavailable: 'Please try again in a moment',
  store_unavailable: 'Please try again in a moment',
  session_missing: 'Please try again in a moment',
  request_invalid: 'This request cannot be answered',
  hook_failed: 'Something went wrong',
  internal_error: 'Something went wrong',
  setup_invalid: 'This application is not set up right',
}

/** Codes whose page offers to log in (again). */
const offersLogin: readonly OidcErrorCode[] = [
  'state_unknown',
  'transaction_missing',
  'callback_used',
  'authorization_denied',
  'authorization_failed',
  'provider_response_invalid',
  'token_invalid',
  'login_refused',
]

/** What an error's page has besides its message. */
export interface PageExtras {
  /** The provider's own words, in small print. */
  readonly small?: string | undefined
  readonly note?: string | undefined
  readonly link?: Page['link']
}

/** What `onError` was asked about, of each request since several can meet one fault: what it passes on is answered here. */
const asked = new WeakMap<Request, OidcError>()
/** Faults that listeners were told of. */
const told = new WeakSet<OidcError>()
/** Requests whose login is told to have failed: a callback may have begun another that failed too. */
const failed = new WeakSet<Request>()

/** Answers an error: the application's own `onError`, else a page for people and problem+json (RFC 9457) for clients. */
export function answerError(exchange: Exchange, error: OidcError, extras: PageExtras = {}): void {
  const { onError } = exchange.instance.options
  answerWith(onError, exchange, error, (own) => writeError(exchange, own, own === error ? extras : {}))
}

/** Answers an error by the application's own `onError`, or by `write` where there is none or it has been asked. */
export function answerWith(
  onError: ResolvedOptions['onError'],
  { req, res, next }: Omit<Exchange, 'instance'>,
  error: OidcError,
  write: (error: OidcError) => void,
): void {
  if (res.headersSent) return next(error)
  // Before onError, which may set another.
  res.setHeader('Cache-Control', 'no-store')
  if (!onError || asked.get(req) === error) return write(error)
  asked.set(req, error)
  Promise.resolve()
    .then(() => onError(error, req, res, next))
    .catch((thrown: unknown) => {
      if (res.headersSent) next(thrown)
      else write(hookFailed('onError', thrown))
    })
}

function writeError(exchange: Exchange, error: OidcError, extras: PageExtras): void {
  const { instance, req, res } = exchange
  const needs = error instanceof LoginNeeded && !error.isRepeat ? error.needs : undefined
  // Another instance's handler may have got the error. Only the instance whose login it is can ask for what is needed.
  const of = error instanceof LoginNeeded ? passedInstance(req, error.owner) : instance
  const isMended = of !== undefined && (needs !== undefined || error.code === 'login_required')
  const from = isMended ? localReferer(req.headers.referer, instance.options.origin) : undefined
  const login = of && loginUrl(of, from, needs)
  if (kindOf(req) === 'client') {
    // The absolute URL, since a script may stand on a page of another path.
    sendProblem(res, error, isMended ? { login: of.options.origin + login } : {})
    return
  }
  setStatus(res, error)
  sendPage(res, {
    title: titles[error.code] ?? 'The login could not be completed',
    paragraphs: [...error.message.split('\n'), ...(extras.note ? [extras.note] : [])],
    small: extras.small,
    link: extras.link ?? nextStep(exchange, error, login),
  })
}

/** What a page offers: to log in (again), or a way out. */
function nextStep({ instance, req }: Exchange, error: OidcError, login: string | undefined): Page['link'] {
  if (login === undefined) return undefined
  if (error.code === 'login_required') return { href: login, text: 'Log in' }
  if (error instanceof LoginNeeded && !error.isRepeat) return { href: login, text: 'Go on' }
  if (offersLogin.includes(error.code)) return { href: login, text: 'Log in again' }
  // An empty reference is the page's own address (RFC 3986 4.4).
  if (error.status === 503 && req.method === 'GET') return { href: '', text: 'Try again' }
  return error.status === 403 ? { href: instance.options.basePath || '/', text: 'Go to the start page' } : undefined
}

/** Path of the instance's login, with where to come back to and what to ask for, which nobody else can write. */
export function loginUrl(instance: Instance, returnTo: string | undefined, needs?: LoginNeeds): string {
  const { basePath, routes } = instance.options
  const isPlain = !needs || (needs.scope.length === 0 && Object.keys(needs.parameters).length === 0)
  const query = [
    ...(returnTo === undefined ? [] : [`returnTo=${encodeURIComponent(returnTo)}`]),
    ...(isPlain ? [] : [`ask=${instance.seals.needs.seal(JSON.stringify(needs), '')}`]),
  ].join('&')
  return basePath + routes.login + (query && `?${query}`)
}

/** What a login's address says to ask for, where it was written here. */
export function askedBy(instance: Instance, ask: string): LoginNeeds | undefined {
  const text = instance.seals.needs.open(ask, '')
  return text === undefined ? undefined : (JSON.parse(text) as LoginNeeds)
}

/** Answers a client: problem+json (RFC 9457), with what the specifications of Bearer tokens name. */
export function sendProblem(res: Response, error: OidcError, members: object = {}): void {
  const { message, status, code } = error
  const named =
    error instanceof BearerError && error.error !== undefined
      ? { error: error.error, error_description: message, ...error.needed }
      : {}
  setStatus(res, error)
  sendJson(res, 'application/problem+json', { title: message, status, code, ...named, ...members })
}

function setStatus(res: Response, error: OidcError): void {
  res.statusCode = error.status
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
}

/** Sends JSON that no browser takes for a page. */
export function sendJson(res: Response, type: string, body: object): void {
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end(JSON.stringify(body))
}

export function sendPage(res: Response, page: Page): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  // An application that has set these, by helmet say, means all of its pages.
  if (!res.hasHeader('Content-Security-Policy')) res.setHeader('Content-Security-Policy', pagePolicy)
  if (!res.hasHeader('X-Frame-Options')) res.setHeader('X-Frame-Options', 'DENY')
  // With no referrer at all, browsers that send no Sec-Fetch-Site send the button's form with the origin `null`.
  res.setHeader('Referrer-Policy', 'same-origin')
  res.end(renderPage(page))
}

/**
 * Redirects the browser. A same-site form is answered by a page that forwards automatically: browsers also apply the
 * `form-action` of a Content Security Policy to redirects after a form, and helmet's default allows none to a provider.
 *
 * A cross-site form gets a 303. A navigation that our page starts counts as same-origin, so another site could open a
 * path of its choice as if the user had clicked a link here. A redirect stays cross-site.
 */
export function sendOn(exchange: Exchange, location: string, status: 302 | 303): void {
  const { instance, req, res } = exchange
  const isForm = kindOf(req) === 'form'
  res.setHeader('Cache-Control', 'no-store')
  if (isForm && crossSite(req, instance.options) === undefined) {
    res.status(200)
    sendPage(res, {
      title: 'One moment',
      paragraphs: ['You are being taken on.'],
      link: { href: location, text: 'Go on' },
      refresh: location,
    })
    return
  }
  // After a 302, RFC 9110 15.4.3 lets a user agent repeat the POST.
  res.statusCode = isForm ? 303 : status
  res.setHeader('Location', location)
  res.setHeader('Content-Length', '0')
  res.end()
}

/** Makes an error of ours of whatever was thrown, and tells it to who listens; those of `providerFaults` as faults of the provider. */
export function toldError(
  { events }: Pick<Instance, 'events'>,
  thrown: unknown,
  providerFaults: readonly OidcErrorCode[] = ['provider_unavailable'],
): OidcError {
  const error =
    thrown instanceof OidcError
      ? thrown
      : new OidcError('internal_error', 'The application could not complete the request.', {
          status: 500,
          detail: describe(thrown),
          cause: thrown,
        })
  const { code, detail } = error
  if (told.has(error)) return error
  told.add(error)
  if (code === 'store_unavailable') events.emit('store_fault', { detail })
  if (providerFaults.includes(code)) events.emit('provider_fault', { detail })
  return error
}

/** The same for what a login has failed with. */
export function loginFailed({ instance, req }: Exchange, thrown: unknown): OidcError {
  const error = toldError(instance, thrown)
  const { code, status, detail } = error
  if (!failed.has(req)) instance.events.emit('login_failed', { code, status, detail })
  failed.add(req)
  return error
}
