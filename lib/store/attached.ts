import { makePrivateField, type PrivateField } from '../core/private-field.ts'
import type { Session } from 'express-session'
import type { OidcRecords, OidcWrittenRecord } from '../core/records.ts'
import type { LoginRecord } from './login-record.ts'

const attached: PrivateField<LoginRecord> = makePrivateField()

/** Attaches the login record that was read together with a session, so that it is not read again. */
export function attachLogin(session: object, login: LoginRecord): void {
  attached.set(session, login)
}

/** Returns the login record that was read together with a session; undefined if its store does not read it. */
export function findAttachedLogin(session: object): LoginRecord | undefined {
  return attached.get(session)
}

/** A session store whose sessions are records (see `makeDataKey`), so that one step can write a session and its login. */
export interface SessionRecords {
  readonly records: OidcRecords
  /** Whether the application has replaced `set` or `destroy`. Then sessions must be written and deleted through these. */
  isOverridden(): boolean
  /** Whether a session was loaded from the store or saved to it. */
  isStored(session: Session): boolean
  /** Returns the record of a new session, which the caller writes together with its login. */
  toWrite(session: Session): OidcWrittenRecord
}

const sessionRecords = new WeakMap<object, SessionRecords>()

/** Registers a session store whose sessions are records. */
export function keepRecords(store: object, records: SessionRecords): void {
  sessionRecords.set(store, records)
}

/** Returns the records of a session store; undefined if its sessions are not records. */
export function findSessionRecords(store: object): SessionRecords | undefined {
  return sessionRecords.get(store)
}
