import type { Request } from 'express'
import { warnOnce } from '../../core/warnings.ts'
import type { Instance } from '../../logins/instance.ts'
import { isInMemory } from '../../session/web-session.ts'

/** Warns about setup mistakes that only a login reveals, each once per process and with the fix. */
export function warnOfSetup(instance: Instance, req: Request): void {
  const { options } = instance
  const { cookie } = req.session
  if (!options.isLocal && isInMemory(req.sessionStore)) {
    warnOnce(
      'OIDC_MEMORY_STORE',
      'sessions and logins are only in the memory of this process, so a restart logs everyone out; use `RedisSessionStore` from express-session-oidc/redis',
      options.name,
    )
  }
  if (cookie.secure === true && !req.secure) {
    warnOnce(
      'OIDC_TRUST_PROXY',
      "the session cookie is `secure`, but this request counts as plain http, so express-session does not send it. Behind a proxy that terminates TLS, call `app.set('trust proxy', 1)`. For development without TLS, use `cookie: { secure: 'auto' }`.",
      options.name,
    )
  }
  if (cookie.sameSite === true || cookie.sameSite === 'strict') {
    warnOnce(
      'OIDC_SESSION_COOKIE_STRICT',
      "the session cookie is SameSite=Strict, so browsers do not send it when they return from the provider, and logins loop; use `sameSite: 'lax'`",
      options.name,
    )
  }
}
