import type { SessionStore } from '../../config/session-store.ts'
import { sessionInUse } from '../../session/web-session.ts'
import type { Slot } from '../../store/slot.ts'
import { loginsBeside, type Instance } from '../instance.ts'

/** A login that stands. */
export interface ListedLogin {
  readonly slot: Slot
  /** Seconds since the epoch at which its session was last in use; undefined where the session store cannot tell. */
  readonly lastSeenAt: number | undefined
}

/** Logins that are looked at once. */
const atOnce = 20

/** The logins of a subject whose sessions live, the latest first. */
export async function listLogins(
  instance: Instance,
  store: SessionStore,
  { sub, issuer }: { readonly sub: string; readonly issuer: string | undefined },
): Promise<ListedLogin[]> {
  const logins = loginsBeside(instance, store)
  const ids = await logins.members({ sub })
  const gone: string[] = []
  const look = async (loginId: string): Promise<ListedLogin | undefined> => {
    const found = await logins.findById(loginId)
    const use = found && (await sessionInUse(store, found.session))
    if (found && use) return { slot: found.slot, lastSeenAt: use.lastSeenAt }
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
    .filter(({ slot }) => issuer === undefined || slot.issuer === issuer)
    .toSorted((a, b) => b.slot.startedAt - a.slot.startedAt)
}
