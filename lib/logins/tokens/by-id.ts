import type { OidcSessionStore } from '../../config/session-store.ts'
import type { OidcError } from '../../core/errors.ts'
import { isSessionAlive } from '../../session/web-session.ts'
import { findLoginStore, type Instance } from '../instance.ts'
import { loginEnded, type LoginPlace } from './stored-tokens.ts'

/**
 * Runs `work` with a login that is known only by its id. If its session has ended, another login may have moved it to a new
 * session meanwhile; then `work` runs with the login in that session.
 *
 * @throws OidcError `login_required`, `store_unavailable`, and any error of `work`
 */
export async function runWithLogin<Result>(
  instance: Instance,
  store: OidcSessionStore,
  id: string,
  work: (place: LoginPlace) => Promise<Result>,
): Promise<Result> {
  const logins = findLoginStore(instance, store)
  let failed: { readonly session: string; readonly error: unknown } | undefined
  for (;;) {
    const found = await logins.findById(id)
    if (!found) throw failed?.error ?? loginEnded('no login has this id; it may have expired or been logged out')
    const { session, entry } = found
    if (session === failed?.session) throw failed.error
    try {
      if (!(await isSessionAlive(store, session)))
        throw loginEnded('the session of this login has expired or was deleted')
      return await work({ logins, session, entry })
    } catch (error) {
      if ((error as OidcError).code !== 'login_required') throw error
      failed = { session, error }
    }
  }
}
