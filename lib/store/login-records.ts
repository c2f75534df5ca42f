import { storeUnavailable } from '../core/errors.ts'
import type { Besides, RecordKey, Records, WrittenRecord } from '../core/records.ts'
import { LoginRecord, writeRecord, writeReplaced, type InstanceId } from './login-record.ts'
import { secondsLeft, type Slot, type Slots } from './slot.ts'

/** A login where it is kept now. */
export interface FoundLogin {
  readonly session: string
  readonly record: LoginRecord
  readonly slot: Slot
}

/** The logins of a session going over into another. */
export interface Takeover {
  readonly session: string
  /** The record as it was read. */
  readonly former: LoginRecord
  /** The text that stands in its place. */
  readonly replaced: string
  readonly seconds: number
}

/** Seconds for which the way from a replaced session to its successor is kept at least, for requests that still run on it. */
const movedSeconds = 600
/** How many replaced sessions are followed to find a login. */
const mostMoves = 3
/** How often a record that keeps changing is tried again. */
const mostTries = 5

export function loginKey(session: string): RecordKey {
  return { session, part: 'login' }
}

export function tokensKey(session: string, instance: string): RecordKey {
  return { session, part: `tokens:${instance}` }
}

export function tokensKeys(session: string, instances: readonly string[]): RecordKey[] {
  return instances.map((instance) => tokensKey(session, instance))
}

/** A session's own data, where its store keeps them among the records. */
export function dataKey(session: string): RecordKey {
  return { session, part: 'data' }
}

/** Which session a login belongs to. An index and no more: whether there is such a login, the session's record says. */
export function sessionKey(loginId: string): RecordKey {
  return { kind: 'login', id: loginId }
}

/** The login records of all sessions, whatever instances their logins are with. */
export class LoginRecords {
  readonly records: Records

  constructor(records: Records) {
    this.records = records
  }

  async read(session: string): Promise<LoginRecord> {
    return LoginRecord.of(session, await this.records.get(loginKey(session)))
  }

  /** Finds a login that was of a session, there or where a later login took it along; undefined where it has ended. */
  async find(session: string, instance: InstanceId, loginId: string): Promise<FoundLogin | undefined> {
    for (let id = session, moves = 0; moves <= mostMoves; moves++) {
      const record = await this.read(id)
      const slot = record.live(instance)
      if (slot?.loginId === loginId) return { session: id, record, slot }
      if (!record.moved || record.movedLogin(instance) !== loginId) return undefined
      id = record.moved.session
    }
    return undefined
  }

  /** Replaces the record if it is still as it was read, or deletes it if no logins are left. Returns whether it did. */
  replace(session: string, read: LoginRecord, slots: Slots, besides: Besides): Promise<boolean> {
    const isOver = Object.keys(slots).length === 0
    return this.records.replace(
      loginKey(session),
      read.text as string,
      isOver ? undefined : writeRecord(slots, read.version + 1),
      isOver ? 1 : secondsLeft(slots),
      besides,
    )
  }

  /**
   * Ends all logins of a session, and deletes their tokens. The record of a session that was replaced stays: where its
   * logins went is known for longer than the session. A login that is in another session too stays there: one that links
   * a second login copies the first before it takes it over, and may fail in between.
   *
   * @throws OidcError `store_unavailable`
   */
  async endAll(session: string): Promise<void> {
    for (let tries = 0; tries < mostTries; tries++) {
      const read = await this.read(session)
      if (read.text === undefined || read.moved) return
      const dropped = tokensKeys(session, Object.keys(read.slots))
      if (await this.replace(session, read, {}, { dropped })) {
        await Promise.all(Object.values(read.slots).map(({ loginId }) => this.#leave(session, loginId)))
        return
      }
    }
    throw storeUnavailable(new Error('the login record kept changing'))
  }

  /** The session that a login belongs to, or belonged to a moment ago. */
  sessionOf(loginId: string): Promise<string | undefined> {
    return this.records.get(sessionKey(loginId))
  }

  /** A login has ended. An index entry that cannot be deleted leads nowhere, and goes by itself. */
  async forgetSession(loginId: string): Promise<void> {
    await this.records.delete([sessionKey(loginId)]).catch(() => {})
  }

  /** A login has gone from a session. Its index entry is deleted only if it leads there: the login may stand elsewhere. */
  async #leave(session: string, loginId: string): Promise<void> {
    await this.records.replace(sessionKey(loginId), session, undefined, 1).catch(() => {})
  }

  /** Writes the record of a new session, or replaces the one written `before`. Undefined if there is another record. */
  async write(
    session: string,
    slots: Slots,
    besides: Besides,
    before: LoginRecord | undefined,
  ): Promise<LoginRecord | undefined> {
    const text = writeRecord(slots, (before?.version ?? 0) + 1)
    const isWritten = before
      ? await this.records.replace(loginKey(session), before.text as string, text, secondsLeft(slots), besides)
      : await this.records.add(loginKey(session), text, secondsLeft(slots), besides)
    return isWritten ? LoginRecord.of(session, text) : undefined
  }

  /**
   * The tokens of logins, to be written into another session. They are sealed for a login, not for a session, and stay as
   * they are.
   */
  async copiedTokens(from: string, to: string, slots: Slots): Promise<WrittenRecord[]> {
    const copies = Object.entries(slots).map(async ([instance, slot]) => {
      const value = await this.records.get(tokensKey(from, instance))
      return value === undefined ? [] : [{ key: tokensKey(to, instance), value, seconds: secondsLeft({ slot }) }]
    })
    return (await Promise.all(copies)).flat()
  }

  /**
   * The moment at which the logins of a former session become those of another; false where they changed. Unlike a
   * deletion it can be undone for certain, also where the store's answer was lost.
   */
  async takeOver({ session, former, replaced, seconds }: Takeover): Promise<boolean> {
    try {
      return await this.records.replace(loginKey(session), former.text as string, replaced, seconds)
    } catch (error) {
      // Done, and only the answer lost: others may have seen it, so that it stands.
      if ((await this.records.get(loginKey(session))) === replaced) return true
      throw error
    }
  }

  /** Puts the logins of a former session back, where nothing has replaced them since. */
  async undo({ session, former, replaced }: Takeover): Promise<void> {
    await this.records.replace(loginKey(session), replaced, former.text, secondsLeft(former.slots))
  }

  /** Deletes the record and the tokens of a session whose login failed. */
  async discard(session: string, instances: readonly string[]): Promise<void> {
    await this.records.delete([loginKey(session), ...tokensKeys(session, instances)])
  }
}

/** How the logins of `moving` go over from one session into another, and the rest ends. */
export function takeover(session: string, former: LoginRecord, to: string, moving: Slots): Takeover {
  // A logout of a login that went the way must find it, also where the index could not be written.
  const seconds = Object.keys(moving).length > 0 ? Math.max(movedSeconds, secondsLeft(moving)) : movedSeconds
  return { session, former, replaced: writeReplaced(to, moving), seconds }
}
