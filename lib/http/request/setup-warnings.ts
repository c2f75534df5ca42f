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
      'sessions and logins are kept in the memory of this process: a restart logs everyone out, and a second process knows nobody. Use RedisSessionStore of express-session-oidc/redis.',
      options.name,
    )
  }
  if (cookie.secure === true && !req.secure) {
    warnOnce(
      'OIDC_TRUST_PROXY',
      "the session cookie is `secure`, but this request counts as plain http, so that express-session will not send it and no login will last. Behind a proxy that ends TLS: app.set('trust proxy', 1). Without TLS, for development: cookie: { secure: 'auto' }.",
      options.name,
    )
  }
  if (cookie.sameSite === true || cookie.sameSite === 'strict') {
    warnOnce(
      'OIDC_SESSION_COOKIE_STRICT',
      "the session cookie is SameSite=Strict: browsers do not send it when they come back from the provider, so that logins loop. Use sameSite: 'lax'.",
      options.name,
    )
  }
}
