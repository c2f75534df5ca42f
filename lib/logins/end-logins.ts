import type { ResolvedEnd } from '../config/logins-parameters.ts'
import type { SessionStore } from '../config/session-store.ts'
import type { LogoutReason } from '../core/events.ts'
import type { Records } from '../core/records.ts'
import { forgetMembers, loginsOfGroup, sessionOfLogin } from '../session/login-index.ts'
import type { Slot } from '../session/login-record.ts'
import { openTokens } from '../session/vault.ts'
import { destroySession, recordsFor } from '../session/web-session.ts'
import { destroyed } from './end.ts'
import { endSlot, type EndedSlot } from './end-slot.ts'
import { findLogin } from './find.ts'
import type { Instance } from './instance.ts'
import { revokeTokens } from './revoke.ts'
import { leaveTombstone, type Logout } from './tombstone.ts'

/** Logins that are ended at once: enough for the store to be busy, few enough for it to serve others. */
const atOnce = 20

/**
 * Ends all logins of a group that the logout is about, in whatever sessions, and those that are under way; says which it
 * ended. Where the store fails in between, the rest can be ended by the same call again.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endLogins(
  instance: Instance,
  store: SessionStore,
  logout: Logout,
  reason: LogoutReason,
): Promise<EndedSlot[]> {
  const records = recordsFor(store, instance.options.records)
  const { owner } = instance
  // First: a login that is written too late to be in the index finds this.
  await leaveTombstone(records, owner, logout)
  const ids = await loginsOfGroup(records, owner, logout.group)
  const ended: EndedSlot[] = []
  const gone: string[] = []
  for (let from = 0; from < ids.length; from += atOnce) {
    await Promise.all(
      ids.slice(from, from + atOnce).map(async (loginId) => {
        const one = await endIndexed(instance, { records, store }, loginId, { logout, reason })
        if (one === 'spared') return
        gone.push(loginId)
        if (one !== 'gone') ended.push(one)
      }),
    )
  }
  await forgetMembers(records, owner, logout.group, gone)
  return ended
}

/**
 * Ends logins because the application says so, and has their tokens revoked, which is not waited for; says how many it has
 * ended.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endByApplication(instance: Instance, store: SessionStore, which: ResolvedEnd): Promise<number> {
  const ended =
    'id' in which
      ? await endOne(instance, store, which.id)
      : await endLogins(instance, store, { ...which, issuedAt: undefined }, 'application')
  void revokeAll(instance, ended)
  return ended.length
}

/** Ends one login, and those under way of the same session at the provider. */
async function endOne(instance: Instance, store: SessionStore, loginId: string): Promise<EndedSlot[]> {
  const records = recordsFor(store, instance.options.records)
  const { name } = instance.options
  const session = await sessionOfLogin(records, loginId)
  const found = session === undefined ? undefined : await findLogin(records, session, name, loginId)
  if (!found) return []
  const { sid, issuer } = found.slot
  if (sid !== undefined) await leaveTombstone(records, instance.owner, { group: { sid }, issuer, issuedAt: undefined })
  const ended = await endIndexed(instance, { records, store }, loginId, { reason: 'application' })
  return typeof ended === 'string' ? [] : [ended]
}

async function revokeAll(instance: Instance, ended: readonly EndedSlot[]): Promise<void> {
  const { tokenSealer, options } = instance
  for (let from = 0; from < ended.length; from += atOnce) {
    await Promise.all(
      ended.slice(from, from + atOnce).map(async ({ sealed, slot }) => {
        const tokens = sealed === undefined ? undefined : openTokens(tokenSealer, sealed, slot.loginId, options.name)
        if (tokens) await revokeTokens(instance, tokens)
      }),
    )
  }
}

/** Ends a login that the index names. */
async function endIndexed(
  instance: Instance,
  { records, store }: { readonly records: Records; readonly store: SessionStore },
  loginId: string,
  { logout, reason }: { readonly logout?: Logout | undefined; readonly reason: LogoutReason },
): Promise<EndedSlot | 'gone' | 'spared'> {
  const session = await sessionOfLogin(records, loginId)
  if (session === undefined) return 'gone'
  let isSpared = false
  const place = { records, session, loginId, group: logout?.group }
  const ended = await endSlot(instance, place, reason, ({ slot }) => {
    isSpared = logout !== undefined && !isAbout(logout, slot)
    return isSpared
  })
  if (!ended) return isSpared ? 'spared' : 'gone'
  if (ended.isLast) await destroyed(instance, () => destroySession(store, ended.session))
  return ended
}

/** Whether a login that stands is one that a logout ends: not where its user has come back since (by the ID token's time). */
function isAbout({ issuer, issuedAt }: Logout, slot: Slot): boolean {
  if (issuer !== undefined && issuer !== slot.issuer) return false
  return issuedAt === undefined || slot.issuedAt === undefined || slot.issuedAt <= issuedAt
}
