import { FormerSessionChanged } from '../../logins/login/overtaken.ts'
import { ProviderRefused } from '../../provider/authorization-code.ts'
import type { LoginInProgress } from '../../session/login-in-progress.ts'
import { clearProgressCookie } from '../../session/progress-cookie.ts'
import { answerError } from '../response/error-page.ts'
import { setCookies } from '../request/cookie-header.ts'
import { readCallback, type Callback } from './read-callback.ts'
import { findEntry } from '../request/request-state.ts'
import { stayAnonymous } from './silent-login.ts'
import { loginFailed } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/** `error` values by which the provider reports that `prompt=none` needs the user (OIDC Core, section 3.1.2.6). */
const needsInteraction = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/** Whether `prompt=none` failed because the provider needs the user. */
export function isUserNeeded(error: unknown, login: LoginInProgress): boolean {
  return login.parameters['prompt'] === 'none' && error instanceof ProviderRefused && needsInteraction.has(error.error)
}

/**
 * Reads a callback from `parameters`, runs `work` with it, and answers the errors of `work`. If the callback cannot be read,
 * the caller answers the error.
 *
 * @throws OidcError as {@link readCallback}
 */
export async function runCallback(
  handler: HandlerContext,
  parameters: Promise<URLSearchParams>,
  work: (callback: Callback) => Promise<void>,
): Promise<void> {
  const reading = parameters.then((read) => readCallback(handler, read))
  const callback = await reading.catch((error: unknown) => {
    throw loginFailed(handler, error)
  })
  await work(callback).catch((error: unknown) => failCallback(callback, error))
}

/**
 * Answers the error of a callback with an error page, or after a silent login with a redirect back to the public page. Only
 * a `GET` leads to that page: any site can post a `state` that it got for a page of its choice.
 */
function failCallback({ handler, state, page, login, lateLogin }: Callback, thrown: unknown): void {
  const { instance, req, res } = handler
  if (state.isSilent && req.method === 'GET' && !res.headersSent) {
    const isExpected = thrown instanceof FormerSessionChanged || (login !== undefined && isUserNeeded(thrown, login))
    if (!isExpected) loginFailed(handler, thrown)
    setCookies(res, [clearProgressCookie(instance.cookiePlace, state.id)])
    return stayAnonymous(handler, (login ?? lateLogin)?.returnTo ?? page)
  }
  const error = loginFailed(handler, thrown)
  if (!(error instanceof ProviderRefused)) return answerError(handler, error)
  // A refused step-up leaves the existing login unchanged.
  const back = login && findEntry(req, instance) ? login.returnTo : undefined
  answerError(handler, error, {
    small: error.original,
    ...(back === undefined ? {} : { note: 'You are still logged in.', link: { href: back, text: 'Go back' } }),
  })
}
