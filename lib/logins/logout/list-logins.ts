import type { OidcSessionStore } from '../../config/session-store.ts'
import { inBatches } from '../../core/in-batches.ts'
import { findSessionInUse } from '../../session/web-session.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { findLoginStore, type Instance } from '../instance.ts'

export interface ListedLogin {
  readonly entry: LoginEntry
  /** Last use of its session, in seconds since the epoch; undefined if the session store cannot tell. */
  readonly lastSeenAt: number | undefined
}

/** Lists those logins of a subject whose sessions still exist, the most recent first. Removes all others from the group. */
export async function listLogins(
  instance: Instance,
  store: OidcSessionStore,
  { sub, issuer }: { readonly sub: string; readonly issuer: string | undefined },
): Promise<ListedLogin[]> {
  const logins = findLoginStore(instance, store)
  const ids = await logins.members({ sub })
  const listed = await inBatches(ids, async (loginId): Promise<ListedLogin | undefined> => {
    const found = await logins.findById(loginId)
    const use = found && (await findSessionInUse(store, found.session))
    return found && use && { entry: found.entry, lastSeenAt: use.lastSeenAt }
  })
  await logins.forgetMembers(
    { sub },
    ids.filter((_id, index) => !listed[index]),
  )
  return listed
    .filter((login) => login !== undefined)
    .filter(({ entry }) => issuer === undefined || entry.issuer === issuer)
    .toSorted((a, b) => b.entry.startedAt - a.entry.startedAt)
}
