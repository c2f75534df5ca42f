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

/** A session store that keeps each session as a record (see `dataKey`), so that one step can write a session and its login. */
export interface SessionRecords {
  readonly records: Records
  /** Whether the application has replaced `set` or `destroy`. Then those must be called instead. */
  isOverridden(): boolean
  /** Whether a session was loaded from the store or saved to it. */
  isStored(session: Session): boolean
  /** The record of a new session, which the caller writes with its login. */
  toWrite(session: Session): WrittenRecord
}

const sessionRecords = new WeakMap<object, SessionRecords>()

/** Registers a session store that keeps its sessions as records. */
export function keepRecords(store: object, kept: SessionRecords): void {
  sessionRecords.set(store, kept)
}

/** How a session store keeps its sessions as records; undefined if it does not. */
export function recordsIn(store: object): SessionRecords | undefined {
  return sessionRecords.get(store)
}
