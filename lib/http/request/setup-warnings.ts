import type { Request, Response } from 'express'
import type { Instance } from '../../logins/instance.ts'
import { isInMemory } from '../../session/web-session.ts'

/** Warns about setup mistakes that only a login reveals, each once and with the fix. */
export function warnOfSetup(instance: Instance, req: Request): void {
  const { options, events } = instance
  const { cookie } = req.session
  if (!options.isLocal && isInMemory(req.sessionStore)) {
    events.log.warnOnce(
      'OIDC_MEMORY_STORE',
      'sessions and logins are only in the memory of this process, so a restart logs everyone out',
      'use `RedisSessionStore` from express-session-oidc/redis',
    )
  }
  if (cookie.secure === true && !req.secure) {
    events.log.warnOnce(
      'OIDC_TRUST_PROXY',
      'the session cookie is `secure`, but this request counts as plain http, so express-session does not send it',
      "behind a proxy that terminates TLS, call `app.set('trust proxy', 1)`; for development without TLS, use `cookie: { secure: 'auto' }`",
    )
  }
  if (cookie.sameSite === true || cookie.sameSite === 'strict') {
    events.log.warnOnce(
      'OIDC_SESSION_COOKIE_STRICT',
      'the session cookie is SameSite=Strict, so browsers do not send it when they return from the provider, and logins loop',
      "use `sameSite: 'lax'`",
    )
  }
}

/**
 * Warns if the session cookie of a login could have the prefix `__Host-` and does not: another host of the domain could plant
 * a cookie with its name (RFC 6265bis, section 4.1.3.2). Only the response shows the name, because express-session keeps it.
 */
export function warnOfCookieName({ options, events }: Instance, { session, sessionID }: Request, res: Response): void {
  const { path, domain } = session.cookie
  if (!options.origin.startsWith('https:') || path !== '/' || domain) return
  res.once('finish', () => {
    const name = findCookieName(res, `s:${sessionID}.`)
    if (name === undefined || name.startsWith('__Host-')) return
    events.log.warnOnce(
      'OIDC_SESSION_COOKIE_NAME',
      `the session cookie '${name}' can be planted by any other host of the domain`,
      "name it `session({ name: '__Host-sid' })`, with `cookie: { secure: true }`",
    )
  })
}

/** Returns the name of the cookie that a response sets to a value with this beginning. */
function findCookieName(res: Response, beginning: string): string | undefined {
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
  const assignment = `=${encodeURIComponent(beginning)}`
  return lines.find((line) => line.includes(assignment))?.split('=', 1)[0]
}
