import type { SessionStore } from '../../config/session-store.ts'
import type { OidcError } from '../../core/errors.ts'
import { sessionLives } from '../../session/web-session.ts'
import { loginsBeside, type Instance } from '../instance.ts'
import { loginEnded, type LoginPlace } from './kept-tokens.ts'

/**
 * Does something with a login that is known by its id alone, while its session lives. Where that turns out to have ended,
 * another login may have taken it along into a new one meanwhile: then it is done there.
 *
 * @throws OidcError `login_required`, `store_unavailable`, and what `work` throws
 */
export async function withLogin<Result>(
  instance: Instance,
  store: SessionStore,
  id: string,
  work: (place: LoginPlace) => Promise<Result>,
): Promise<Result> {
  const logins = loginsBeside(instance, store)
  let failed: { readonly session: string; readonly error: unknown } | undefined
  for (;;) {
    const found = await logins.findById(id)
    if (!found) throw failed?.error ?? loginEnded('there is no such login, or it has ended')
    const { session, slot } = found
    if (session === failed?.session) throw failed.error
    try {
      if (!(await sessionLives(store, session))) throw loginEnded('the session of this login has ended')
      return await work({ logins, session, slot })
    } catch (error) {
      if ((error as OidcError).code !== 'login_required') throw error
      failed = { session, error }
    }
  }
}
