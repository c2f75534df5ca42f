import { endLogin } from '../../logins/logout/end-own-login.ts'
import { answerError } from '../response/error-page.ts'
import { requireSession, findEntry, getRequestState, type RequestState } from '../request/request-state.ts'
import { reportError } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { parseQuery } from '../request/query.ts'
import { fail } from '../../core/errors.ts'

/**
 * Handles `GET` of the front-channel logout route, in a frame of a provider's page (OIDC Front-Channel Logout, section 2).
 * It ends this browser's login if `iss` and `sid` match. Both are required, because any site can embed the frame.
 */
export async function handleFrontchannelLogout(handler: HandlerContext): Promise<void> {
  const { instance, req, res } = handler
  try {
    const query = parseQuery(req.originalUrl)
    const [iss, sid] = ['iss', 'sid'].map((name) => query.getAll(name))
    if (iss?.length !== 1 || sid?.length !== 1) {
      throw fail('request_invalid', 'iss or sid is missing or repeated', {
        message: 'The address must have exactly one iss and one sid parameter.',
      })
    }
    const session = requireSession(req, getRequestState(req) as RequestState)
    warnOfCookie(handler)
    const entry = findEntry(req, instance)
    if (entry && entry.issuer === iss[0] && entry.sid === sid[0]) await endLogin(instance, session, 'front_channel')
    res.statusCode = 200
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('X-Content-Type-Options', 'nosniff')
    // Replaces the application's headers: this page must load in a frame, but only in one of the provider.
    res.removeHeader('X-Frame-Options')
    res.removeHeader('Cross-Origin-Resource-Policy')
    res.setHeader('Content-Security-Policy', `default-src 'none'; frame-ancestors ${await listFrameAncestors(handler)}`)
    res.end('<!doctype html><title>Logged out</title>')
  } catch (error) {
    answerError(handler, reportError(instance, error))
  }
}

/** Returns the origins of the provider's pages. */
async function listFrameAncestors({ instance }: HandlerContext): Promise<string> {
  const { metadata } = await instance.provider.ready()
  const pages = [metadata.issuer, metadata.end_session_endpoint, metadata['authorization_endpoint']]
  const origins = pages.flatMap((url) => (typeof url === 'string' ? [new URL(url).origin] : []))
  return [...new Set(origins)].join(' ')
}

/** Warns if browsers do not send the session cookie in frames of other sites: no login would end, for no visible reason. */
function warnOfCookie({ instance, req }: HandlerContext): void {
  const { sameSite, secure } = req.session.cookie
  if (String(sameSite).toLowerCase() === 'none' && secure) return
  instance.events.log.warnOnce(
    'OIDC_FRONTCHANNEL_COOKIE',
    `the front-channel logout of '${instance.options.name}' ends no login, because browsers do not send the session cookie in frames of other sites`,
    "set `cookie: { sameSite: 'none', secure: true }`, or use back-channel logout",
  )
}
