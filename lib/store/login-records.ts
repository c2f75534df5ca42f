import { storeUnavailable } from '../core/errors.ts'
import type { OidcRecordChanges, OidcRecordKey, OidcRecords, OidcWrittenRecord } from '../core/records.ts'
import { LoginRecord, writeRecord, writeReplaced, type InstanceId } from './login-record.ts'
import { computeSecondsLeft, type LoginEntry, type LoginEntries } from './login-entry.ts'

/** A login, with the session that it belongs to now. */
export interface FoundLogin {
  readonly session: string
  readonly record: LoginRecord
  readonly entry: LoginEntry
}

/** The replacement of one session by another, to which its logins move. */
export interface Takeover {
  readonly session: string
  /** The record of the replaced session as it was read. */
  readonly former: LoginRecord
  /** The text that replaces that record. */
  readonly replaced: string
  readonly seconds: number
}

/** Minimum lifetime, in seconds, of the record of a replaced session, for requests that still use the old cookie. */
const movedSeconds = 600
/** Maximum number of replaced sessions that are followed to find a login. */
const mostMoves = 3
/** Maximum number of attempts to replace a record that keeps changing. */
const mostTries = 5

export function makeLoginKey(session: string): OidcRecordKey {
  return { session, part: 'login' }
}

export function makeTokensKey(session: string, instance: string): OidcRecordKey {
  return { session, part: `tokens:${instance}` }
}

export function makeTokensKeys(session: string, instances: readonly string[]): OidcRecordKey[] {
  return instances.map((instance) => makeTokensKey(session, instance))
}

/** The key of a session's own data, for a store whose sessions are records. */
export function makeDataKey(session: string): OidcRecordKey {
  return { session, part: 'data' }
}

/** The key of the index entry from a login to its session. The session's record decides whether the login exists. */
export function makeSessionKey(loginId: string): OidcRecordKey {
  return { kind: 'login', id: loginId }
}

/** The login records of all sessions, with the logins of all instances. */
export class LoginRecords {
  readonly records: OidcRecords

  constructor(records: OidcRecords) {
    this.records = records
  }

  async read(session: string): Promise<LoginRecord> {
    return LoginRecord.of(session, await this.records.get(makeLoginKey(session)))
  }

  /** Finds a login in its session, or in the session that it moved to; undefined if it has ended. */
  async find(session: string, instance: InstanceId, loginId: string): Promise<FoundLogin | undefined> {
    for (let id = session, moves = 0; moves <= mostMoves; moves++) {
      const record = await this.read(id)
      const entry = record.live(instance)
      if (entry?.loginId === loginId) return { session: id, record, entry }
      if (!record.moved || record.movedLogin(instance) !== loginId) return undefined
      id = record.moved.session
    }
    return undefined
  }

  /** Replaces the record if it is still as it was read, or deletes it if no login is left. Returns whether it did. */
  replace(session: string, record: LoginRecord, entries: LoginEntries, changes: OidcRecordChanges): Promise<boolean> {
    const isOver = Object.keys(entries).length === 0
    return this.records.replace(
      makeLoginKey(session),
      record.text as string,
      isOver ? undefined : writeRecord(entries, record.version + 1, record.browser),
      isOver ? 1 : computeSecondsLeft(entries),
      changes,
    )
  }

  /**
   * Ends all logins of a session, and deletes their tokens. The record of a replaced session remains: a logout with the old
   * cookie needs it to find the moved logins, even after the session has expired. A login that is also in another session
   * remains valid there, because linking a second login copies the first one before the takeover, which may fail.
   *
   * @throws OidcError `store_unavailable`
   */
  async endAll(session: string): Promise<void> {
    for (let tries = 0; tries < mostTries; tries++) {
      const record = await this.read(session)
      if (record.text === undefined || record.moved) return
      const tokens = makeTokensKeys(session, Object.keys(record.entries))
      if (await this.replace(session, record, {}, { delete: tokens })) {
        await Promise.all(Object.values(record.entries).map(({ loginId }) => this.#leave(session, loginId)))
        return
      }
    }
    throw storeUnavailable(new Error('the login record changed too often'))
  }

  /** Returns the session that a login belongs to, or belonged to a moment ago. */
  findSessionId(loginId: string): Promise<string | undefined> {
    return this.records.get(makeSessionKey(loginId))
  }

  /** Deletes the index entry of a login that has ended. If that fails, the entry leads nowhere until it expires. */
  async forgetSession(loginId: string): Promise<void> {
    await this.records.delete([makeSessionKey(loginId)]).catch(() => {})
  }

  /** Deletes the index entry of a login that left a session, unless the entry names another session by now. */
  async #leave(session: string, loginId: string): Promise<void> {
    await this.records.replace(makeSessionKey(loginId), session, undefined, 1).catch(() => {})
  }

  /**
   * Writes the record of a new session, or replaces the one written `before`. Returns undefined if there is another record.
   */
  async write(
    session: string,
    { entries, browser }: Pick<LoginRecord, 'entries' | 'browser'>,
    changes: OidcRecordChanges,
    before: LoginRecord | undefined,
  ): Promise<LoginRecord | undefined> {
    const text = writeRecord(entries, (before?.version ?? 0) + 1, browser)
    const isWritten = before
      ? await this.records.replace(
          makeLoginKey(session),
          before.text as string,
          text,
          computeSecondsLeft(entries),
          changes,
        )
      : await this.records.add(makeLoginKey(session), text, computeSecondsLeft(entries), changes)
    return isWritten ? LoginRecord.of(session, text) : undefined
  }

  /**
   * Returns the tokens of logins as records of another session. They are copied without being opened, because they are
   * sealed for a login and not for a session.
   */
  async copiedTokens(from: string, to: string, entries: LoginEntries): Promise<OidcWrittenRecord[]> {
    const copies = Object.entries(entries).map(async ([instance, entry]) => {
      const value = await this.records.get(makeTokensKey(from, instance))
      return value === undefined
        ? []
        : [{ key: makeTokensKey(to, instance), value, seconds: computeSecondsLeft({ entry }) }]
    })
    return (await Promise.all(copies)).flat()
  }

  /**
   * Replaces the record of the former session: from that moment its logins belong to the other session. Returns false if
   * the record has changed. Unlike a deletion, this can be undone even if the store's answer was lost.
   */
  async takeOver({ session, former, replaced, seconds }: Takeover): Promise<boolean> {
    try {
      return await this.records.replace(makeLoginKey(session), former.text as string, replaced, seconds)
    } catch (error) {
      // The write succeeded and only its answer was lost. Other requests may have seen the result, so it remains.
      if ((await this.records.get(makeLoginKey(session))) === replaced) return true
      throw error
    }
  }

  /** Restores the record of the former session, unless it has changed since. */
  async undo({ session, former, replaced }: Takeover): Promise<void> {
    await this.records.replace(makeLoginKey(session), replaced, former.text, computeSecondsLeft(former.entries))
  }

  /** Deletes the record and the tokens of a session whose login failed. */
  async discard(session: string, instances: readonly string[]): Promise<void> {
    await this.records.delete([makeLoginKey(session), ...makeTokensKeys(session, instances)])
  }
}

/** Prepares the replacement of a session: the logins of `moving` move to the new session, and all others end. */
export function planTakeover(session: string, former: LoginRecord, to: string, moving: LoginEntries): Takeover {
  // A logout must find a moved login for as long as the login lasts, in case its index entry could not be written.
  const seconds = Object.keys(moving).length > 0 ? Math.max(movedSeconds, computeSecondsLeft(moving)) : movedSeconds
  return { session, former, replaced: writeReplaced(to, moving), seconds }
}
