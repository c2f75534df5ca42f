import type { OidcSessionStore } from '../../config/session-store.ts'
import { sessionInUse } from '../../session/web-session.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { loginsBeside, type Instance } from '../instance.ts'

export interface ListedLogin {
  readonly entry: LoginEntry
  /** Last use of its session, in seconds since the epoch; undefined if the session store cannot tell. */
  readonly lastSeenAt: number | undefined
}

/** Number of logins that are read concurrently. */
const atOnce = 20

/** Lists the logins of a subject whose sessions exist, the most recent first. Removes ended logins from the group. */
export async function listLogins(
  instance: Instance,
  store: OidcSessionStore,
  { sub, issuer }: { readonly sub: string; readonly issuer: string | undefined },
): Promise<ListedLogin[]> {
  const logins = loginsBeside(instance, store)
  const ids = await logins.members({ sub })
  const gone: string[] = []
  const look = async (loginId: string): Promise<ListedLogin | undefined> => {
    const found = await logins.findById(loginId)
    const use = found && (await sessionInUse(store, found.session))
    if (found && use) return { entry: found.entry, lastSeenAt: use.lastSeenAt }
    gone.push(loginId)
    return undefined
  }
  const listed: ListedLogin[] = []
  for (let from = 0; from < ids.length; from += atOnce) {
    const some = await Promise.all(ids.slice(from, from + atOnce).map(look))
    listed.push(...some.filter((one) => one !== undefined))
  }
  await logins.forgetMembers({ sub }, gone)
  return listed
    .filter(({ entry }) => issuer === undefined || entry.issuer === issuer)
    .toSorted((a, b) => b.entry.startedAt - a.entry.startedAt)
}
