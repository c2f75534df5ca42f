import { OidcError } from '../../core/errors.ts'
import type { RequestSession } from '../../session/web-session.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { LoginRecord } from '../../store/login-record.ts'
import type { LoginStore } from '../../store/login-store.ts'

/** The former session was logged out or replaced while this login was being finished: the login must restart. */
export class FormerSessionChanged extends Error {
  /** The login that has replaced the former session, if it is of the same user with the same instance. */
  readonly replacement: LoginEntry | undefined

  constructor(replacement: LoginEntry | undefined) {
    super('the former session was logged out or replaced during the login')
    this.replacement = replacement
  }
}

/** The user was logged out while this login was being finished: the login must restart. */
export class LoggedOutMeanwhile extends OidcError {
  constructor() {
    super('login_required', 'You were logged out during the login. Please log in again.', {
      status: 401,
      detail: 'this user, or the session at the provider, was logged out during the login',
    })
  }
}

/** Finds the login that has replaced the former session, if it is of the same user with the same instance. */
export async function findReplacement(
  session: RequestSession,
  { logins, former, entry }: { readonly logins: LoginStore; readonly former: LoginRecord; readonly entry: LoginEntry },
): Promise<LoginEntry | undefined> {
  if (former.replacedBy === undefined) return undefined
  const found = logins.liveEntry(await session.readLogin(former.replacedBy))
  return found?.issuer === entry.issuer && found.sub === entry.sub ? found : undefined
}
