import type { OidcRecordChanges, OidcRecordKey, OidcRecords } from '../core/records.ts'
import { listMembers, addMember, removeMembers } from './record-sets.ts'

interface Entry {
  readonly value: string
  readonly endsAt: number
}

/** Records in the memory of one process, for development with express-session's `MemoryStore`. */
export class MemoryRecords implements OidcRecords {
  readonly #entries = new Map<string, Entry>()
  #sweepAt = 0

  async get(key: OidcRecordKey): Promise<string | undefined> {
    return this.#read(formatKey(key))
  }

  async set(key: OidcRecordKey, value: string, seconds: number): Promise<void> {
    this.#write(formatKey(key), value, seconds)
  }

  async add(key: OidcRecordKey, value: string, seconds: number, changes?: OidcRecordChanges): Promise<boolean> {
    const name = formatKey(key)
    if (this.#read(name) !== undefined) return false
    this.#writeBesides(changes)
    this.#write(name, value, seconds)
    return true
  }

  async replace(
    key: OidcRecordKey,
    expected: string,
    value: string | undefined,
    seconds: number,
    changes?: OidcRecordChanges,
  ): Promise<boolean> {
    const name = formatKey(key)
    if (this.#read(name) !== expected) return false
    this.#writeBesides(changes)
    if (value === undefined) this.#entries.delete(name)
    else this.#write(name, value, seconds)
    return true
  }

  async getAndDelete(key: OidcRecordKey): Promise<string | undefined> {
    const name = formatKey(key)
    const value = this.#read(name)
    this.#entries.delete(name)
    return value
  }

  async delete(keys: readonly OidcRecordKey[]): Promise<void> {
    for (const key of keys) this.#entries.delete(formatKey(key))
  }

  async addToSet(key: OidcRecordKey, member: string, seconds: number): Promise<void> {
    const name = formatKey(key)
    const set = addMember(this.#read(name), member, seconds)
    this.#write(name, set.text, set.seconds)
  }

  async members(key: OidcRecordKey): Promise<string[]> {
    return listMembers(this.#read(formatKey(key)))
  }

  async removeFromSet(key: OidcRecordKey, members: readonly string[]): Promise<void> {
    const name = formatKey(key)
    const set = removeMembers(this.#read(name), members)
    if (set) this.#write(name, set.text, set.seconds)
    else this.#entries.delete(name)
  }

  #read(name: string): string | undefined {
    const entry = this.#entries.get(name)
    return entry && entry.endsAt > Date.now() ? entry.value : undefined
  }

  #writeBesides({ set: written = [], delete: dropped = [] }: OidcRecordChanges = {}): void {
    for (const { key, value, seconds } of written) this.#write(formatKey(key), value, seconds)
    for (const key of dropped) this.#entries.delete(formatKey(key))
  }

  #write(name: string, value: string, seconds: number): void {
    const now = Date.now()
    this.#entries.set(name, { value, endsAt: now + seconds * 1000 })
    // Expired entries that are never read again must not accumulate.
    if (now < this.#sweepAt) return
    this.#sweepAt = now + 60_000
    for (const [other, entry] of this.#entries) if (entry.endsAt <= now) this.#entries.delete(other)
  }
}

/** Returns a key as one string, for records whose names are strings. */
export function formatKey(key: OidcRecordKey): string {
  return 'session' in key ? `session ${key.session} ${key.part}` : `${key.kind} ${key.id}`
}
