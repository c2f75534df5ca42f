import { companion, type Companion } from '../core/companion.ts'
import type { Records } from '../core/records.ts'
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

const recordsOfStores = new WeakMap<object, Records>()

/** Says that a session store keeps records beside its sessions. */
export function keepRecords(store: object, records: Records): void {
  recordsOfStores.set(store, records)
}

/** The records that a session store keeps, where it does. */
export function recordsIn(store: object): Records | undefined {
  return recordsOfStores.get(store)
}
