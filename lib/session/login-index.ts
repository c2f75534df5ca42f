import { createHash } from 'node:crypto'
import type { RecordKey, Records } from '../core/records.ts'
import { secondsLeft, type Slot } from './login-record.ts'

/** Logins that a logout names together: those of a subject, or those of one session at the provider. */
export type LoginGroup = { readonly sub: string } | { readonly sid: string }

/** Whose logins are meant: `sub` and `sid` are names of one provider, and applications may share a Redis. */
export function ownerOf(options: {
  readonly issuer: string
  readonly clientId: string
  readonly name: string
}): string {
  return JSON.stringify([options.issuer, options.clientId, options.name])
}

/** A name for a group of an owner, whatever characters `sub` and `sid` have, and however many. */
export function groupId(owner: string, group: LoginGroup): string {
  const [what, value] = 'sid' in group ? ['sid', group.sid] : ['sub', group.sub]
  return createHash('sha256')
    .update(JSON.stringify([owner, what, value]))
    .digest('base64url')
}

/** The groups that a login is in. */
export function groupsOf({ sub, sid }: Pick<Slot, 'sub' | 'sid'>): LoginGroup[] {
  return sid === undefined ? [{ sub }] : [{ sub }, { sid }]
}

/*
 * Which session a login is of, and which logins are in a group. These are an index and no more: whether there is such a
 * login, the record of its session says. Entries last as long as their logins.
 */

function sessionKey(loginId: string): RecordKey {
  return { kind: 'login', id: loginId }
}

function groupKey(owner: string, group: LoginGroup): RecordKey {
  return { kind: 'logins', id: groupId(owner, group) }
}

/** The session that a login is of, or was of a moment ago. */
export function sessionOfLogin(records: Records, loginId: string): Promise<string | undefined> {
  return records.get(sessionKey(loginId))
}

/** Ids of the logins in a group, some of which may have ended. */
export function loginsOfGroup(records: Records, owner: string, group: LoginGroup): Promise<string[]> {
  return records.members(groupKey(owner, group))
}

/** Lets a login be found: by its id, its subject, and its session at the provider. */
export async function indexLogin(records: Records, owner: string, session: string, slot: Slot): Promise<void> {
  const { loginId } = slot
  const joining = groupsOf(slot).map((group) => records.include(groupKey(owner, group), loginId, secondsLeft({ slot })))
  await Promise.all([moveLogin(records, session, slot), ...joining])
}

/** Lets a login be found in the session that it went over into. */
export function moveLogin(records: Records, session: string, slot: Slot): Promise<void> {
  return records.set(sessionKey(slot.loginId), session, secondsLeft({ slot }))
}

/** A login has ended, of whatever owner. What cannot be deleted leads nowhere, and goes by itself. */
export async function forgetSession(records: Records, loginId: string): Promise<void> {
  await records.delete([sessionKey(loginId)]).catch(() => {})
}

/** A login of an owner has ended; `but` is a group that it is taken out of elsewhere. */
export async function forgetLogin(
  records: Records,
  owner: string,
  { loginId, ...slot }: Pick<Slot, 'loginId' | 'sub' | 'sid'>,
  but?: LoginGroup,
): Promise<void> {
  const groups = groupsOf(slot).filter((group) => !(but && groupId(owner, group) === groupId(owner, but)))
  const leaving = groups.map((group) => forgetMembers(records, owner, group, [loginId]))
  await Promise.all([forgetSession(records, loginId), ...leaving])
}

/** Logins of a group have ended, and nothing else is known of them. */
export async function forgetMembers(
  records: Records,
  owner: string,
  group: LoginGroup,
  loginIds: readonly string[],
): Promise<void> {
  if (loginIds.length > 0) await records.exclude(groupKey(owner, group), loginIds).catch(() => {})
}
