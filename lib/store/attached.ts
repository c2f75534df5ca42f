import { companion, type Companion } from '../core/companion.ts'
import type { Session } from 'express-session'
import type { Records, WrittenRecord } from '../core/records.ts'
import type { LoginRecord } from './login-record.ts'

const attached: Companion<LoginRecord> = companion()

/** Hands the login record that was read with a session on to whoever judges the request. */
export function attachLogin(session: object, login: LoginRecord): void {
  attached.set(session, login)
}

/** The login record that came with a session; undefined where its store does not read it along. */
export function attachedLogin(session: object): LoginRecord | undefined {
  return attached.get(session)
}

/** A session store whose sessions are records too (see `dataKey`), so that one step writes a session and its login. */
export interface SessionRecords {
  readonly records: Records
  /** Whether the application has put its own `set` or `destroy` in front of the store's: then these are called. */
  isOverridden(): boolean
  /** Whether a session was loaded from the store or saved to it. */
  isStored(session: Session): boolean
  /** A new session as it is to be written. */
  toWrite(session: Session): WrittenRecord
}

const sessionRecords = new WeakMap<object, SessionRecords>()

/** Says that a session store keeps its sessions among records. */
export function keepRecords(store: object, kept: SessionRecords): void {
  sessionRecords.set(store, kept)
}

/** The records that a session store keeps its sessions among, where it does. */
export function recordsIn(store: object): SessionRecords | undefined {
  return sessionRecords.get(store)
}
