import { transactionSeconds } from '../core/limits.ts'
import { storeUnavailable } from '../core/errors.ts'
import type { Records, WrittenRecord } from '../core/records.ts'
import type { Sealer } from '../core/seal.ts'
import { groupId, groupKey, groupsOf, type LoginGroup, type Logout } from './login-groups.ts'
import type { InstanceId, LoginRecord } from './login-record.ts'
import { loginKey, LoginRecords, sessionKey, tokensKey, type FoundLogin } from './login-records.ts'
import { secondsLeft, without, type Slot } from './slot.ts'
import { openTokens, sealTokens, type KeptTokens } from './tokens.ts'
import { endsLoginInProgress, tombstonesKey, type Tombstone } from './tombstones.ts'

/** Whose logins a {@link LoginStore} keeps. */
export interface LoginOwner extends InstanceId {
  readonly sealer: Sealer
}

/** A login as its end finds it. */
export interface SealedLogin extends FoundLogin {
  /** Its tokens, sealed; undefined where they are gone. */
  readonly sealed: string | undefined
}

/** A login that was ended. */
export interface EndedSlot extends SealedLogin {
  /** Whether it was the last of its session, which is over with it. */
  readonly isLast: boolean
}

/** A login to be ended: its id, and the session that it belongs to, or did before another took it along. */
export interface LoginToEnd {
  readonly session: string
  readonly loginId: string
  /** The group that it was found in, which the caller takes it out of. */
  readonly group?: LoginGroup | undefined
}

/** How the end of a login went: there may be none, or one that is spared. */
export type LoginEnd = EndedSlot | 'gone' | 'spared'

/** As long as a login may be in progress, and its callback may take. */
const tombstoneSeconds = transactionSeconds + 600
const mostTries = 10

/**
 * The logins of one instance in one set of records: their slots, their tokens, the groups that they are found by, and the
 * logouts that they look for. Its methods throw OidcError `store_unavailable` where the records cannot be reached.
 */
export class LoginStore {
  readonly records: Records
  readonly loginRecords: LoginRecords
  readonly #instance: InstanceId
  readonly #sealer: Sealer

  constructor(records: Records, { name, owner, sealer }: LoginOwner) {
    this.records = records
    this.loginRecords = new LoginRecords(records)
    this.#instance = { name, owner }
    this.#sealer = sealer
  }

  /** The instance's login of a session, while it lasts. */
  liveSlot(record: LoginRecord): Slot | undefined {
    return record.live(this.#instance)
  }

  /** Id of the instance's login that went over into another session. */
  movedLogin(record: LoginRecord): string | undefined {
    return record.movedLogin(this.#instance)
  }

  /** Finds a login that was of a session, there or where a later login took it along; undefined where it has ended. */
  find(session: string, loginId: string): Promise<FoundLogin | undefined> {
    return this.loginRecords.find(session, this.#instance, loginId)
  }

  /** Finds a login by its id alone; undefined where it has ended. */
  async findById(loginId: string): Promise<FoundLogin | undefined> {
    const session = await this.loginRecords.sessionOf(loginId)
    return session === undefined ? undefined : this.find(session, loginId)
  }

  /** Ids of the logins in a group, some of which may have ended. */
  members(group: LoginGroup): Promise<string[]> {
    return this.records.members(groupKey(this.#instance.owner, group))
  }

  /** The tokens of a session's login, sealed; undefined where they are gone. */
  sealedTokens(session: string): Promise<string | undefined> {
    return this.records.get(tokensKey(session, this.#instance.name))
  }

  /** The tokens of a login; undefined where they are gone, or were sealed with a secret that is not in use. */
  async tokens(session: string, loginId: string): Promise<KeptTokens | undefined> {
    return this.open(await this.sealedTokens(session), loginId)
  }

  /** Opens sealed tokens; undefined if there are none, or if they were sealed for another login or with another secret. */
  open(sealed: string | undefined, loginId: string): KeptTokens | undefined {
    return sealed === undefined ? undefined : openTokens(this.#sealer, sealed, loginId)
  }

  seal(tokens: KeptTokens, loginId: string): string {
    return sealTokens(this.#sealer, tokens, loginId)
  }

  /** Whether a login is still as it was found. */
  async isUnchanged({ session, record }: FoundLogin): Promise<boolean> {
    return (await this.records.get(loginKey(session))) === record.text
  }

  /** Replaces slot and tokens in one step, if the record is still as it was found. Returns whether it did. */
  replace({ session, record }: FoundLogin, slot: Slot, sealed: string): Promise<boolean> {
    const name = this.#instance.name
    const written = { key: tokensKey(session, name), value: sealed, seconds: secondsLeft({ slot }) }
    return this.loginRecords.replace(session, record, { ...record.liveSlots, [name]: slot }, { written: [written] })
  }

  /**
   * Ends a login, wherever it is by now. Once this has returned no request, refresh or save brings it back: the record is
   * the login, and it is replaced only as it was read.
   *
   * @throws What `isSpared` throws.
   */
  async end(
    { session, loginId, group }: LoginToEnd,
    isSpared: (login: SealedLogin) => boolean = () => false,
  ): Promise<LoginEnd> {
    for (let tries = 0; tries < mostTries; tries++) {
      const found = await this.find(session, loginId)
      if (!found) return 'gone'
      const login = { ...found, sealed: await this.sealedTokens(found.session) }
      if (isSpared(login)) return 'spared'
      const others = without(found.record.liveSlots, this.#instance.name)
      const dropped = [tokensKey(found.session, this.#instance.name)]
      if (!(await this.loginRecords.replace(found.session, found.record, others, { dropped }))) continue
      await this.forget(found.slot, group)
      return { ...login, isLast: Object.keys(others).length === 0 }
    }
    throw storeUnavailable(new Error('the login record kept changing'))
  }

  /** Lets a login be found: by its id, its subject, and its session at the provider. */
  async index(session: string, slot: Slot): Promise<void> {
    const seconds = secondsLeft({ slot })
    const joining = groupsOf(slot).map((group) =>
      this.records.include(groupKey(this.#instance.owner, group), slot.loginId, seconds),
    )
    await Promise.all([this.move(session, slot), ...joining])
  }

  /** Lets a login be found in the session that it went over into. */
  move(session: string, slot: Slot): Promise<void> {
    return this.records.set(sessionKey(slot.loginId), session, secondsLeft({ slot }))
  }

  /** A login has ended; `but` is a group that it is taken out of elsewhere. */
  async forget({ loginId, ...slot }: Pick<Slot, 'loginId' | 'sub' | 'sid'>, but?: LoginGroup): Promise<void> {
    const id = but && groupId(this.#instance.owner, but)
    const groups = groupsOf(slot).filter((group) => groupId(this.#instance.owner, group) !== id)
    const leaving = groups.map((group) => this.forgetMembers(group, [loginId]))
    await Promise.all([this.loginRecords.forgetSession(loginId), ...leaving])
  }

  /** Logins of a group have ended, and nothing else is known of them. What cannot be deleted leads nowhere. */
  async forgetMembers(group: LoginGroup, loginIds: readonly string[]): Promise<void> {
    if (loginIds.length > 0) await this.records.exclude(groupKey(this.#instance.owner, group), loginIds).catch(() => {})
  }

  /** Ends the logins of a group that are in progress: they find this once they are written. */
  async leaveTombstone({ group, issuer, issuedAt }: Logout): Promise<void> {
    const at = Date.now() / 1000
    const tombstone: Tombstone = { issuer, at, issuedAt: issuedAt ?? at }
    // Each beside the others: one that is late must take nothing from one that came before it.
    await this.records.include(tombstonesKey(this.#instance.owner, group), JSON.stringify(tombstone), tombstoneSeconds)
  }

  /** Whether a login that has just been written was ended while it was in progress. */
  async wasLoggedOut(slot: Slot): Promise<boolean> {
    const groups = groupsOf(slot).map((group) => this.records.members(tombstonesKey(this.#instance.owner, group)))
    const found = (await Promise.all(groups)).flat()
    return found.some((text) => endsLoginInProgress(JSON.parse(text) as Tombstone, slot))
  }

  /** The tokens of a login, to be written into a session. */
  sealedRecord(session: string, slot: Slot, tokens: KeptTokens): WrittenRecord {
    const value = this.seal(tokens, slot.loginId)
    return { key: tokensKey(session, this.#instance.name), value, seconds: secondsLeft({ slot }) }
  }
}
