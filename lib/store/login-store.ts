import { transactionSeconds } from '../core/limits.ts'
import { storeUnavailable } from '../core/errors.ts'
import type { OidcRecords, OidcWrittenRecord } from '../core/records.ts'
import type { Sealer } from '../core/seal.ts'
import { makeGroupId, makeGroupKey, listGroups, type LoginGroup, type Logout } from './login-groups.ts'
import type { InstanceId, LoginRecord } from './login-record.ts'
import { makeLoginKey, LoginRecords, makeSessionKey, makeTokensKey, type FoundLogin } from './login-records.ts'
import { computeSecondsLeft, removeEntry, type LoginEntry } from './login-entry.ts'
import { openTokens, sealTokens, type StoredTokens } from './tokens.ts'
import { endsLoginInProgress, makeTombstonesKey, type Tombstone } from './tombstones.ts'

/** The instance whose logins a {@link LoginStore} manages, with the key for their tokens. */
export interface LoginOwner extends InstanceId {
  readonly sealer: Sealer
}

/** A login that is about to be ended. */
export interface SealedLogin extends FoundLogin {
  /** Its sealed tokens; undefined if there are none. */
  readonly sealed: string | undefined
}

/** A login that was ended. */
export interface EndedEntry extends SealedLogin {
  /** Whether it was the last login of its session, which is then over. */
  readonly isLast: boolean
}

/** A login to end: its id, and its session or a session that it has moved from. */
export interface LoginToEnd {
  readonly session: string
  readonly loginId: string
  /** The group in which it was found. The caller removes it from that group. */
  readonly group?: LoginGroup | undefined
}

/** The result of ending a login: it ended, a condition exempted it, or it had ended before. */
export type LoginEnd =
  | { readonly outcome: 'ended'; readonly login: EndedEntry }
  | { readonly outcome: 'skipped'; readonly login: SealedLogin }
  | { readonly outcome: 'missing' }

/** Lifetime of a tombstone, in seconds: the longest login in progress, plus time for its callback. */
const tombstoneSeconds = transactionSeconds + 600
const mostTries = 10

/**
 * The logins of one instance in one set of records: their entries, tokens, index, groups and tombstones. All methods throw
 * OidcError `store_unavailable` if the records cannot be reached.
 */
export class LoginStore {
  readonly records: OidcRecords
  readonly loginRecords: LoginRecords
  readonly #instance: InstanceId
  readonly #sealer: Sealer

  constructor(records: OidcRecords, { name, owner, sealer }: LoginOwner) {
    this.records = records
    this.loginRecords = new LoginRecords(records)
    this.#instance = { name, owner }
    this.#sealer = sealer
  }

  /** Returns the instance's login in a record, unless it has ended. */
  liveEntry(record: LoginRecord): LoginEntry | undefined {
    return record.live(this.#instance)
  }

  /** Returns the id of the instance's login that moved to another session. */
  movedLogin(record: LoginRecord): string | undefined {
    return record.movedLogin(this.#instance)
  }

  /** Finds a login in its session, or in the session that it moved to; undefined if it has ended. */
  find(session: string, loginId: string): Promise<FoundLogin | undefined> {
    return this.loginRecords.find(session, this.#instance, loginId)
  }

  /** Finds a login by its id; undefined if it has ended. */
  async findById(loginId: string): Promise<FoundLogin | undefined> {
    const session = await this.loginRecords.findSessionId(loginId)
    return session === undefined ? undefined : this.find(session, loginId)
  }

  /** Returns the ids of the logins in a group, some of which may have ended. */
  members(group: LoginGroup): Promise<string[]> {
    return this.records.members(makeGroupKey(this.#instance.owner, group))
  }

  /** Returns the sealed tokens of a session's login; undefined if there are none. */
  sealedTokens(session: string): Promise<string | undefined> {
    return this.records.get(makeTokensKey(session, this.#instance.name))
  }

  /** Returns the tokens of a login; undefined if there are none, or if they were sealed with an unknown secret. */
  async tokens(session: string, loginId: string): Promise<StoredTokens | undefined> {
    return this.open(await this.sealedTokens(session), loginId)
  }

  /** Opens sealed tokens; undefined if there are none, or if they were sealed for another login or with another secret. */
  open(sealed: string | undefined, loginId: string): StoredTokens | undefined {
    return sealed === undefined ? undefined : openTokens(this.#sealer, sealed, loginId)
  }

  seal(tokens: StoredTokens, loginId: string): string {
    return sealTokens(this.#sealer, tokens, loginId)
  }

  /** Whether the record of a login is still as it was found. */
  async isUnchanged({ session, record }: FoundLogin): Promise<boolean> {
    return (await this.records.get(makeLoginKey(session))) === record.text
  }

  /** Replaces entry and tokens in one step, if the record is still as it was found. Returns whether it did. */
  replace({ session, record }: FoundLogin, entry: LoginEntry, sealed: string): Promise<boolean> {
    const name = this.#instance.name
    const written = { key: makeTokensKey(session, name), value: sealed, seconds: computeSecondsLeft({ entry }) }
    return this.loginRecords.replace(session, record, { ...record.liveEntries, [name]: entry }, { set: [written] })
  }

  /**
   * Ends a login in its current session, unless it is exempt. Afterwards no request, refresh or save can restore it: the
   * record is the login, and is only replaced by compare-and-set.
   *
   * @throws What `isExempt` throws.
   */
  async end(
    { session, loginId, group }: LoginToEnd,
    isExempt: (login: SealedLogin) => boolean = () => false,
  ): Promise<LoginEnd> {
    for (let tries = 0; tries < mostTries; tries++) {
      const found = await this.find(session, loginId)
      if (!found) return { outcome: 'missing' }
      const login = { ...found, sealed: await this.sealedTokens(found.session) }
      if (isExempt(login)) return { outcome: 'skipped', login }
      const others = removeEntry(found.record.liveEntries, this.#instance.name)
      const dropped = [makeTokensKey(found.session, this.#instance.name)]
      if (!(await this.loginRecords.replace(found.session, found.record, others, { delete: dropped }))) continue
      await this.forget(found.entry, group)
      return { outcome: 'ended', login: { ...login, isLast: Object.keys(others).length === 0 } }
    }
    throw storeUnavailable(new Error('the login record changed too often'))
  }

  /** Makes a login findable by its id, its subject, and its session at the provider. */
  async index(session: string, entry: LoginEntry): Promise<void> {
    const seconds = computeSecondsLeft({ entry })
    const joining = listGroups(entry).map((group) =>
      this.records.addToSet(makeGroupKey(this.#instance.owner, group), entry.loginId, seconds),
    )
    await Promise.all([this.move(session, entry), ...joining])
  }

  /** Points the index entry of a login to the session that the login moved to. */
  move(session: string, entry: LoginEntry): Promise<void> {
    return this.records.set(makeSessionKey(entry.loginId), session, computeSecondsLeft({ entry }))
  }

  /** Removes a login that has ended from the index and its groups, except the group `but`, which the caller handles. */
  async forget({ loginId, ...entry }: Pick<LoginEntry, 'loginId' | 'sub' | 'sid'>, but?: LoginGroup): Promise<void> {
    const id = but && makeGroupId(this.#instance.owner, but)
    const groups = listGroups(entry).filter((group) => makeGroupId(this.#instance.owner, group) !== id)
    const leaving = groups.map((group) => this.forgetMembers(group, [loginId]))
    await Promise.all([this.loginRecords.forgetSession(loginId), ...leaving])
  }

  /** Removes logins that have ended from a group. If that fails, their entries lead nowhere until they expire. */
  async forgetMembers(group: LoginGroup, loginIds: readonly string[]): Promise<void> {
    if (loginIds.length > 0)
      await this.records.removeFromSet(makeGroupKey(this.#instance.owner, group), loginIds).catch(() => {})
  }

  /** Ends the logins of a group that are in progress, which look for tombstones once they are written. */
  async leaveTombstone({ group, issuer, issuedAt }: Logout): Promise<void> {
    const at = Date.now() / 1000
    const tombstone: Tombstone = { issuer, at, issuedAt: issuedAt ?? at }
    // As a member of a set, so that a later tombstone does not replace an earlier one.
    await this.records.addToSet(
      makeTombstonesKey(this.#instance.owner, group),
      JSON.stringify(tombstone),
      tombstoneSeconds,
    )
  }

  /** Whether a logout ended a login that has just been written while it was in progress. */
  async wasLoggedOut(entry: LoginEntry): Promise<boolean> {
    const groups = listGroups(entry).map((group) =>
      this.records.members(makeTombstonesKey(this.#instance.owner, group)),
    )
    const tombstones = (await Promise.all(groups)).flat()
    return tombstones.some((text) => endsLoginInProgress(JSON.parse(text) as Tombstone, entry))
  }

  /** Returns the tokens of a login as a record of a session. */
  sealedRecord(session: string, entry: LoginEntry, tokens: StoredTokens): OidcWrittenRecord {
    const value = this.seal(tokens, entry.loginId)
    return { key: makeTokensKey(session, this.#instance.name), value, seconds: computeSecondsLeft({ entry }) }
  }
}
