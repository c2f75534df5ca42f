import type { OidcRedisClient } from 'express-session-oidc/redis'
import { listMembers, addMember, removeMembers, type SetText } from '../../../lib/store/record-sets.ts'

type SetOptions = Parameters<OidcRedisClient['set']>[2]

interface Entry {
  readonly value: string
  /** Milliseconds since the epoch; Infinity: never expires. */
  readonly endsAt: number
}

/** The statements of the existing scripts. Any other script is rejected, so that a changed script is noticed here. */
const besides = [
  'local written = (#ARGV - 3) / 2',
  "for i = 1, written do redis.call('SET', KEYS[i + 1], ARGV[2 * i + 2], 'EX', ARGV[2 * i + 3]) end",
  "for i = written + 2, #KEYS do redis.call('DEL', KEYS[i]) end",
  'return 1',
]
const add = ["if not redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3], 'NX') then return 0 end", ...besides]
const compareAndSet = [
  "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end",
  "if ARGV[3] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end",
  ...besides,
]
const include = [
  "local now = tonumber(redis.call('TIME')[1])",
  "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)",
  "redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])",
  "redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])",
]
const members = ["return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. redis.call('TIME')[1], '+inf')"]
const exclude = ["return redis.call('ZREM', KEYS[1], unpack(ARGV))"]

/**
 * The commands that the package sends, in memory. Each takes effect atomically, as in Redis, and replies later. For specs
 * that run thousands of interleavings. `spec/races/memory-redis.spec.ts` compares it with a real Redis.
 */
export class MemoryRedis implements OidcRedisClient {
  #entries = new Map<string, Entry>()

  /** A copy of the current contents, to start another run with. */
  dump(): ReadonlyMap<string, Entry> {
    return new Map(this.#entries)
  }

  /** Replaces the contents with an earlier copy. */
  restore(dump: ReadonlyMap<string, Entry>): void {
    this.#entries = new Map(dump)
  }

  /** The names of all existing keys. */
  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#read(key) !== undefined)
  }

  /** Seconds left, as in TTL: -1 without expiry, -2 without a key. */
  ttl(key: string): number {
    if (this.#read(key) === undefined) return -2
    const { endsAt } = this.#entries.get(key) as Entry
    return endsAt === Infinity ? -1 : Math.round((endsAt - Date.now()) / 1000)
  }

  async get(key: string): Promise<string | null> {
    return this.#read(key) ?? null
  }

  async mGet(keys: string[]): Promise<(string | null)[]> {
    return keys.map((key) => this.#read(key) ?? null)
  }

  async set(key: string, value: string, options: SetOptions = {}): Promise<'OK' | null> {
    const isThere = this.#read(key) !== undefined
    if (options.condition === 'NX' ? isThere : options.condition === 'XX' && !isThere) return null
    this.#write(key, value, options.expiration?.value)
    return 'OK'
  }

  async del(keys: string[]): Promise<number> {
    return this.#remove(keys)
  }

  async getDel(key: string): Promise<string | null> {
    const value = this.#read(key) ?? null
    this.#remove([key])
    return value
  }

  async expire(key: string, seconds: number): Promise<number> {
    const value = this.#read(key)
    if (value === undefined) return 0
    this.#write(key, value, seconds)
    return 1
  }

  async eval(script: string, { keys, arguments: given }: { keys: string[]; arguments: string[] }): Promise<unknown> {
    const lines = script.trim().split(/\s*\n\s*/)
    const is = (known: readonly string[]): boolean =>
      lines.length === known.length && lines.every((line, index) => line === known[index])
    const [key = ''] = keys
    if (is(include)) return this.#changeSet(key, addMember(this.#read(key), given[0] as string, Number(given[1])))
    if (is(members)) return listMembers(this.#read(key))
    if (is(exclude)) return this.#changeSet(key, removeMembers(this.#read(key), given))
    if (is(add)) return this.#writeIf(keys, given, undefined)
    if (is(compareAndSet)) return this.#writeIf(keys, given, given[0])
    throw new Error(`the in-memory Redis does not support this script; add it:\n${script}`)
  }

  /** Sets are stored as text. */
  #changeSet(key: string, set: SetText | undefined): null {
    if (set) this.#write(key, set.text, set.seconds)
    else this.#remove([key])
    return null
  }

  /** Writes if the current value is `expected` (undefined: no value), together with the other writes and deletions. */
  #writeIf(keys: string[], given: string[], expected: string | undefined): number {
    const [key, ...others] = keys as [string, ...string[]]
    const [, value, seconds, ...besides] = given as [string, string, string, ...string[]]
    if (this.#read(key) !== expected) return 0
    if (seconds === '0') this.#remove([key])
    else this.#write(key, value, Number(seconds))
    const written = besides.length / 2
    for (let i = 0; i < written; i++) {
      this.#write(others[i] as string, besides[2 * i] as string, Number(besides[2 * i + 1]))
    }
    this.#remove(others.slice(written))
    return 1
  }

  #read(key: string): string | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.endsAt > Date.now() ? entry.value : undefined
  }

  #write(key: string, value: string, seconds: number | undefined): void {
    this.#entries.set(key, { value, endsAt: seconds === undefined ? Infinity : Date.now() + seconds * 1000 })
  }

  #remove(keys: readonly string[]): number {
    const there = keys.filter((key) => this.#read(key) !== undefined)
    for (const key of keys) this.#entries.delete(key)
    return new Set(there).size
  }
}
