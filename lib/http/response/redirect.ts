import { findCrossSiteFault } from '../request/cross-site.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { findRequestKind } from '../request/request-kind.ts'
import { sendPage } from './html-page.ts'

/**
 * Redirects the browser. A form of this origin is answered by a page that forwards automatically: browsers also apply the
 * `form-action` of a Content Security Policy to redirects after a form, and helmet's default allows none to a provider.
 *
 * A form of another origin gets a 303 instead. A navigation that the forwarding page starts would count as same-origin, so
 * another site could open a path of its choice as if the user had clicked a link here. A redirect still counts as cross-site.
 */
export function sendRedirect(handler: HandlerContext, location: string, status: 302 | 303): void {
  const { req, res } = handler
  const isForm = findRequestKind(req) === 'form'
  res.setHeader('Cache-Control', 'no-store')
  if (isForm && canForward(handler, location)) {
    res.status(200)
    sendPage(res, {
      title: 'One moment',
      paragraphs: ['You are being redirected.'],
      link: { href: location, text: 'Continue' },
      refresh: location,
    })
    return
  }
  // After a 302, RFC 9110, section 15.4.3, lets a user agent repeat the POST.
  res.statusCode = isForm ? 303 : status
  res.setHeader('Location', location)
  res.setHeader('Content-Length', '0')
  res.end()
}

/**
 * Whether a page of ours may forward a form's browser. `allowedOrigins` permits a form of another origin, but does not make
 * it a request of this origin: its browser is forwarded only to a provider, for which it is cross-site in any case.
 */
function canForward({ instance, req }: HandlerContext, location: string): boolean {
  const { origin, allowedOrigins } = instance.options
  const isElsewhere = new URL(location, origin).origin !== origin
  return findCrossSiteFault(req, { origin, allowedOrigins: isElsewhere ? allowedOrigins : [] }) === undefined
}
