import type { ResolvedEnd } from '../../config/logins-parameters.ts'
import type { OidcSessionStore } from '../../config/session-store.ts'
import type { OidcLogoutReason } from '../../core/events.ts'
import { destroySession } from '../../session/web-session.ts'
import type { Logout } from '../../store/login-groups.ts'
import type { EndedEntry, LoginEnd, SealedLogin } from '../../store/login-store.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { inBatches } from '../../core/in-batches.ts'
import { destroyWithoutLogins } from './end-own-login.ts'
import { endLoginEntry } from './end-login-entry.ts'
import { findLoginStore, type Instance } from '../instance.ts'
import { revokeTokens } from '../revoke.ts'

/**
 * Ends the logins of a group in all sessions, including logins in progress. Returns those that it ended. After a failure,
 * the same call ends the rest.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endLogins(
  instance: Instance,
  store: OidcSessionStore,
  logout: Logout,
  reason: OidcLogoutReason,
): Promise<EndedEntry[]> {
  const logins = findLoginStore(instance, store)
  // First: a login that is written too late to be found in the group finds the tombstone.
  await logins.leaveTombstone(logout)
  const ids = await logins.members(logout.group)
  const ends = await inBatches(ids, async (loginId) => ({
    loginId,
    end: await endIndexed(instance, store, loginId, reason, logout),
  }))
  const over = ends.filter(({ end }) => end.outcome !== 'skipped')
  await logins.forgetMembers(
    logout.group,
    over.map(({ loginId }) => loginId),
  )
  return ends.flatMap(({ end }) => (end.outcome === 'ended' ? [end.login] : []))
}

/**
 * Ends logins on behalf of the application, and returns how many it ended. Their tokens are revoked in the background.
 *
 * @throws OidcError `store_unavailable`
 */
export async function endByApplication(
  instance: Instance,
  store: OidcSessionStore,
  which: ResolvedEnd,
): Promise<number> {
  const ended =
    'id' in which
      ? await endOne(instance, store, which.id)
      : await endLogins(instance, store, { ...which, issuedAt: undefined }, 'application')
  void revokeAll(instance, store, ended)
  return ended.length
}

/** Ends one login, and the logins in progress of the same session at the provider. */
async function endOne(instance: Instance, store: OidcSessionStore, loginId: string): Promise<EndedEntry[]> {
  const logins = findLoginStore(instance, store)
  const found = await logins.findById(loginId)
  if (!found) return []
  const { sid, issuer } = found.entry
  if (sid !== undefined) await logins.leaveTombstone({ group: { sid }, issuer, issuedAt: undefined })
  const end = await endIndexed(instance, store, loginId, 'application')
  return end.outcome === 'ended' ? [end.login] : []
}

async function revokeAll(instance: Instance, store: OidcSessionStore, ended: readonly EndedEntry[]): Promise<void> {
  const logins = findLoginStore(instance, store)
  await inBatches(ended, async ({ sealed, entry }) => {
    const tokens = logins.open(sealed, entry.loginId)
    if (tokens) await revokeTokens(instance, tokens)
  })
}

async function endIndexed(
  instance: Instance,
  store: OidcSessionStore,
  loginId: string,
  reason: OidcLogoutReason,
  logout?: Logout,
): Promise<LoginEnd> {
  const logins = findLoginStore(instance, store)
  const session = await logins.loginRecords.findSessionId(loginId)
  if (session === undefined) return { outcome: 'missing' }
  const login = { session, loginId, group: logout?.group }
  const isExempt = ({ entry }: SealedLogin): boolean => logout !== undefined && !isAbout(logout, entry)
  const end = await endLoginEntry(instance, logins, login, reason, isExempt)
  if (end.outcome === 'ended' && end.login.isLast)
    await destroyWithoutLogins(instance, () => destroySession(store, end.login.session))
  return end
}

/** Whether a logout ends this login. A user whose ID token is newer than the logout token has come back. */
function isAbout({ issuer, issuedAt }: Logout, entry: LoginEntry): boolean {
  if (issuer !== undefined && issuer !== entry.issuer) return false
  return issuedAt === undefined || entry.issuedAt <= issuedAt
}
