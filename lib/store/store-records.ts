import type { OidcSessionStore } from '../config/session-store.ts'
import type { OidcRecordChanges, OidcRecordKey, OidcRecords } from '../core/records.ts'
import { formatKey } from './memory-records.ts'
import { listMembers, addMember, removeMembers, type SetText } from './record-sets.ts'
import { callStore, isNoEntry } from './store-call.ts'

/**
 * Records in any express-session store, as sessions with a prefix in their ids. No cookie can name these ids, because
 * session ids are signed. Operations on one key are serialized within this process, but are not atomic across processes.
 */
export class StoreRecords implements OidcRecords {
  readonly #store: OidcSessionStore
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(store: OidcSessionStore) {
    this.#store = store
  }

  get(key: OidcRecordKey): Promise<string | undefined> {
    return this.#read(makeSessionId(key))
  }

  set(key: OidcRecordKey, value: string, seconds: number): Promise<void> {
    const id = makeSessionId(key)
    return this.#serialize(id, () => this.#write(id, value, seconds))
  }

  add(key: OidcRecordKey, value: string, seconds: number, changes?: OidcRecordChanges): Promise<boolean> {
    return this.#change(makeSessionId(key), undefined, value, seconds, changes)
  }

  replace(
    key: OidcRecordKey,
    expected: string,
    value: string | undefined,
    seconds: number,
    changes?: OidcRecordChanges,
  ): Promise<boolean> {
    return this.#change(makeSessionId(key), expected, value, seconds, changes)
  }

  #change(
    id: string,
    expected: string | undefined,
    value: string | undefined,
    seconds: number,
    { set: written = [], delete: dropped = [] }: OidcRecordChanges = {},
  ): Promise<boolean> {
    return this.#serialize(id, async () => {
      if ((await this.#read(id)) !== expected) return false
      // First, so that a fault in between leaves the expected value, and the operation can be retried.
      for (const other of written) await this.#write(makeSessionId(other.key), other.value, other.seconds)
      await (value === undefined ? this.#remove(id) : this.#write(id, value, seconds))
      for (const other of dropped) await this.#remove(makeSessionId(other))
      return true
    })
  }

  getAndDelete(key: OidcRecordKey): Promise<string | undefined> {
    const id = makeSessionId(key)
    return this.#serialize(id, async () => {
      const value = await this.#read(id)
      if (value !== undefined) await this.#remove(id)
      return value
    })
  }

  async delete(keys: readonly OidcRecordKey[]): Promise<void> {
    for (const key of keys) {
      const id = makeSessionId(key)
      await this.#serialize(id, () => this.#remove(id))
    }
  }

  addToSet(key: OidcRecordKey, member: string, seconds: number): Promise<void> {
    return this.#changeSet(key, (set) => addMember(set, member, seconds))
  }

  async members(key: OidcRecordKey): Promise<string[]> {
    return listMembers(await this.#read(makeSessionId(key)))
  }

  removeFromSet(key: OidcRecordKey, members: readonly string[]): Promise<void> {
    return this.#changeSet(key, (set) => removeMembers(set, members))
  }

  #changeSet(key: OidcRecordKey, change: (set: string | undefined) => SetText | undefined): Promise<void> {
    const id = makeSessionId(key)
    return this.#serialize(id, async () => {
      const set = change(await this.#read(id))
      await (set ? this.#write(id, set.text, set.seconds) : this.#remove(id))
    })
  }

  async #serialize<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const previous = this.#queues.get(id) ?? Promise.resolve()
    const result = previous.then(work, work)
    this.#queues.set(id, result)
    try {
      return await result
    } finally {
      if (this.#queues.get(id) === result) this.#queues.delete(id)
    }
  }

  async #read(id: string): Promise<string | undefined> {
    const data = await callStore<object | null | undefined>((done) =>
      this.#store.get(id, (error: unknown, entry) => done(isNoEntry(error) ? undefined : error, entry)),
    )
    const { oidcRecord: text, oidcRecordEndsAt: endsAt } = (data ?? {}) as Record<string, unknown>
    if (typeof text !== 'string' || typeof endsAt !== 'number') return undefined
    return endsAt > Date.now() ? text : undefined
  }

  #write(id: string, value: string, seconds: number): Promise<void> {
    const maxAge = seconds * 1000
    const endsAt = Date.now() + maxAge
    // Stores read the lifetime of an entry from one of these members of its cookie.
    const cookie = { originalMaxAge: maxAge, maxAge, expires: new Date(endsAt), httpOnly: true, path: '/' }
    const data = { cookie, oidcRecord: value, oidcRecordEndsAt: endsAt }
    return callStore<void>((done) => this.#store.set(id, data, done))
  }

  #remove(id: string): Promise<void> {
    // An entry that does not exist counts as deleted.
    return callStore<void>((done) =>
      this.#store.destroy(id, (error: unknown) => done(isNoEntry(error) ? undefined : error)),
    )
  }
}

function makeSessionId(key: OidcRecordKey): string {
  return `oidc ${formatKey(key)}`
}
