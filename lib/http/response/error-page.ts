import type { Request } from 'express'
import type { ResolvedOptions } from '../../config/resolve.ts'
import { errorTable } from '../../core/error-table.ts'
import { LoginNeeded, type OidcError, hookFailed } from '../../core/errors.ts'
import { listRequestSecrets } from '../../core/request-secrets.ts'
import { toLocalReferer } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'
import { findRequestKind } from '../request/request-kind.ts'
import { type Page, sendPage } from './html-page.ts'
import { findPassedInstance, makePublicPath } from '../request/request-state.ts'
import type { HandlerContext, RequestContext } from '../request/handler-context.ts'
import { makeLoginUrl } from './login-url.ts'
import { ensureReport } from './report-error.ts'
import { sendProblem, setStatus } from './problem.ts'

/** Parts of an error page in addition to its message. */
export interface PageExtras {
  /** The provider's text, in small print. */
  readonly small?: string | undefined
  readonly note?: string | undefined
  readonly link?: Page['link']
}

/** Answers an error with `onError`, or with a page for browsers and problem+json (RFC 9457) for other clients. */
export function answerError(handler: HandlerContext, error: OidcError, extras: PageExtras = {}): void {
  const { options, events } = handler.instance
  answerBy({ onError: options.onError, events }, handler, error, (shown) =>
    writeError(handler, shown, shown === error ? extras : {}),
  )
}

/** Logs an error, and answers it with the application's `onError`, or with `write` if there is none or it has seen the error. */
export function answerBy(
  { onError, events }: Pick<ResolvedOptions, 'onError'> & Pick<Instance, 'events'>,
  { req, res, next }: RequestContext,
  error: OidcError,
  write: (error: OidcError) => void,
): void {
  events.log.failure(error)
  if (res.headersSent) return next(error)
  // Set before `onError`, which may replace it.
  res.setHeader('Cache-Control', 'no-store')
  const report = ensureReport(req)
  // `onError` may pass the error on, for example to `errorHandler()`.
  if (!onError || report.seenByHook === error) return write(error)
  report.seenByHook = error
  Promise.resolve()
    .then(() => onError(error, req, res, next))
    .catch((thrown: unknown) => {
      const failure = hookFailed('onError', thrown, listRequestSecrets(req))
      events.log.failure(failure)
      if (res.headersSent) next(thrown)
      else write(failure)
    })
}

function writeError(handler: HandlerContext, error: OidcError, extras: PageExtras): void {
  const { instance, req, res } = handler
  const needs = error instanceof LoginNeeded && !error.isRepeat ? error.needs : undefined
  // The error may be handled by another instance. Only the login's own instance can request the step-up.
  const loginOwner = error instanceof LoginNeeded ? findPassedInstance(req, error.owner) : instance
  const canLoginHelp = loginOwner !== undefined && (needs !== undefined || error.code === 'login_required')
  const returnTo = canLoginHelp ? findReturnTo(req, loginOwner, error) : undefined
  const login = loginOwner && makeLoginUrl(loginOwner, returnTo, needs)
  if (findRequestKind(req) === 'client') {
    // An absolute URL, since the script's page may be on another origin.
    sendProblem(res, error, canLoginHelp ? { login: loginOwner.options.origin + login } : {})
    return
  }
  setStatus(res, error)
  sendPage(res, {
    title: errorTable[error.code].title,
    paragraphs: [...error.message.split('\n'), ...(extras.note ? [extras.note] : [])],
    small: extras.small,
    link: extras.link ?? chooseNextStep(handler, error, login),
  })
}

/**
 * Returns the page that a login on an error page leads back to. A late login has just come back to its page, so the browser
 * sends the provider as the referrer, if any.
 */
function findReturnTo(req: Request, instance: Instance, error: OidcError): string | undefined {
  const isPage = req.method === 'GET' && findRequestKind(req) === 'navigation'
  if (isPage && error instanceof LoginNeeded && error.isLate) return makePublicPath(req, instance)
  return toLocalReferer(req.headers.referer, instance.options.origin)
}

/** Returns the link of an error page: to log in (again), or another way to continue. */
function chooseNextStep({ instance, req }: HandlerContext, error: OidcError, login: string | undefined): Page['link'] {
  if (login !== undefined) {
    if (error.code === 'login_required') return { href: login, text: 'Log in' }
    if (error instanceof LoginNeeded && !error.isRepeat) return { href: login, text: 'Continue' }
    if (errorTable[error.code].offersLogin) return { href: login, text: 'Log in again' }
  }
  // An empty reference is the page's own address (RFC 3986, section 4.4).
  if (error.status === 503 && req.method === 'GET') return { href: '', text: 'Try again' }
  return error.status === 403 ? { href: instance.options.basePath || '/', text: 'Go to the start page' } : undefined
}
