/** The keys of the stand-in for Redis, and the commands on them. */
import { RedisError, untaught, type Reply } from './redis-stand-in-protocol.ts'

interface Entry {
  /** A string, or a sorted set: scores by member. */
  readonly value: string | Map<string, number>
  /** Milliseconds since the epoch; Infinity for a key without expiry. */
  readonly expiresAt: number
}

type Command = (data: StandInData, ...args: string[]) => Reply

/** The file to which new commands are added. */
const file = 'redis-stand-in-data.ts'

const ok: Reply = { status: 'OK' }

/** Commands with their least number of arguments. The key, if there is one, is the first argument. */
const commands: Record<string, [leastArguments: number, run: Command]> = {
  PING: [0, (_data, text) => text ?? { status: 'PONG' }],
  TIME: [0, () => [String(Math.floor(Date.now() / 1000)), String((Date.now() % 1000) * 1000)]],
  FLUSHALL: [0, (data) => data.clear()],
  KEYS: [1, (data, pattern = '') => data.keys(pattern)],
  SCAN: [1, scan],
  TYPE: [1, (data, key = '') => ({ status: typeName(data.read(key)) })],
  EXISTS: [1, (data, ...keys) => keys.filter((key) => data.read(key) !== undefined).length],
  DEL: [1, (data, ...keys) => keys.filter((key) => data.delete(key)).length],
  COPY: [2, copy],
  TTL: [1, (data, key = '') => secondsLeft(data, key)],
  EXPIRE: [2, (data, key = '', seconds = '', ...options) => expire(data, key, Date.now(), seconds, options)],
  EXPIREAT: [2, (data, key = '', seconds = '', ...options) => expire(data, key, 0, seconds, options)],
  GET: [1, (data, key = '') => data.readString(key) ?? null],
  GETDEL: [1, getDelete],
  MGET: [1, (data, ...keys) => keys.map((key) => stringOrNull(data.read(key)))],
  MSET: [2, setMany],
  SET: [2, set],
  ZADD: [3, addMembers],
  ZREM: [2, (data, key = '', ...members) => data.removeMembers(key, (member) => members.includes(member))],
  ZCARD: [1, (data, key = '') => data.readSet(key).size],
  ZRANGE: [3, range],
  ZRANGEBYSCORE: [3, rangeByScore],
  ZREMRANGEBYSCORE: [3, removeByScore],
}

export class StandInData {
  readonly #entries = new Map<string, Entry>()

  /** Executes a command on keys; throws RedisError. */
  execute([name = '', ...args]: readonly string[]): Reply {
    const command = commands[name.toUpperCase()]
    if (!command) throw untaught(`the command ${name}`, file)
    const [leastArguments, run] = command
    if (args.length < leastArguments) {
      throw new RedisError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`)
    }
    return run(this, ...args)
  }

  clear(): Reply {
    this.#entries.clear()
    return ok
  }

  keys(pattern: string): string[] {
    const matching = globToRegExp(pattern)
    return [...this.#entries.keys()].filter((key) => matching.test(key) && this.read(key) !== undefined)
  }

  read(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > Date.now()) return entry
    this.#entries.delete(key)
    return undefined
  }

  readString(key: string): string | undefined {
    const value = this.read(key)?.value
    if (value instanceof Map) throw wrongType()
    return value
  }

  readSet(key: string): Map<string, number> {
    const value = this.read(key)?.value ?? new Map<string, number>()
    if (typeof value === 'string') throw wrongType()
    return value
  }

  write(key: string, value: Entry['value'], expiresAt: number): void {
    this.#entries.set(key, { value, expiresAt })
  }

  delete(key: string): boolean {
    return this.read(key) !== undefined && this.#entries.delete(key)
  }

  /** Removes members of a sorted set, and with the last one the key. */
  removeMembers(key: string, isRemoved: (member: string, score: number) => boolean): number {
    const members = this.readSet(key)
    const removed = [...members].filter(([member, score]) => isRemoved(member, score))
    for (const [member] of removed) members.delete(member)
    if (members.size === 0) this.#entries.delete(key)
    return removed.length
  }
}

function typeName(entry: Entry | undefined): string {
  return entry === undefined ? 'none' : typeof entry.value === 'string' ? 'string' : 'zset'
}

function stringOrNull(entry: Entry | undefined): string | null {
  return typeof entry?.value === 'string' ? entry.value : null
}

function secondsLeft(data: StandInData, key: string): number {
  const entry = data.read(key)
  if (entry === undefined) return -2
  return entry.expiresAt === Infinity ? -1 : Math.floor((entry.expiresAt - Date.now() + 500) / 1000)
}

function expire(data: StandInData, key: string, from: number, seconds: string, options: string[]): number {
  if (options.length > 0) throw untaught(`EXPIRE with ${options[0]}`, file)
  const expiresAt = from + integer(seconds) * 1000
  const entry = data.read(key)
  if (entry === undefined) return 0
  data.write(key, entry.value, expiresAt)
  return 1
}

function copy(data: StandInData, from = '', to = '', ...options: string[]): Reply {
  const isReplacing = options.length === 1 && options[0]?.toUpperCase() === 'REPLACE'
  if (options.length > 0 && !isReplacing) throw untaught(`COPY with ${options.join(' ')}`, file)
  if (from === to) throw new RedisError('ERR source and destination objects are the same')
  const entry = data.read(from)
  if (!entry || (data.read(to) && !isReplacing)) return 0
  data.write(to, entry.value instanceof Map ? new Map(entry.value) : entry.value, entry.expiresAt)
  return 1
}

function getDelete(data: StandInData, key = ''): Reply {
  const value = data.readString(key) ?? null
  data.delete(key)
  return value
}

function setMany(data: StandInData, ...pairs: string[]): Reply {
  if (pairs.length % 2 > 0) throw new RedisError("ERR wrong number of arguments for 'mset' command")
  for (let at = 0; at < pairs.length; at += 2) data.write(pairs[at] ?? '', pairs[at + 1] ?? '', Infinity)
  return ok
}

function set(data: StandInData, key = '', value = '', ...options: string[]): Reply {
  const entry = data.read(key)
  let condition: 'NX' | 'XX' | undefined
  let expiresAt: number | undefined
  for (let at = 0; at < options.length; at++) {
    const option = options[at]?.toUpperCase()
    if ((option === 'NX' || option === 'XX') && condition === undefined) condition = option
    else if ((option === 'EX' || option === 'PX') && expiresAt === undefined) {
      const life = integer(options[++at])
      if (life <= 0) throw new RedisError("ERR invalid expire time in 'set' command")
      expiresAt = Date.now() + life * (option === 'EX' ? 1000 : 1)
    } else if (option === 'KEEPTTL' && expiresAt === undefined) expiresAt = entry?.expiresAt ?? Infinity
    else throw untaught(`SET with ${options.join(' ')}`, file)
  }
  if (condition === 'NX' ? entry : condition === 'XX' && !entry) return null
  data.write(key, value, expiresAt ?? Infinity)
  return ok
}

/** Answers with all matching keys at once. */
function scan(data: StandInData, _cursor = '', ...options: string[]): Reply {
  let found = data.keys('*')
  for (let at = 0; at < options.length; at += 2) {
    const [option = '', value = ''] = options.slice(at)
    const name = option.toUpperCase()
    if (name === 'MATCH') found = found.filter((key) => globToRegExp(value).test(key))
    else if (name === 'TYPE') found = found.filter((key) => typeName(data.read(key)) === value)
    else if (name !== 'COUNT') throw untaught(`SCAN with ${option}`, file)
  }
  return ['0', found]
}

function addMembers(data: StandInData, key = '', ...pairs: string[]): Reply {
  if (/^(NX|XX|GT|LT|CH|INCR)$/i.test(pairs[0] ?? '')) throw untaught(`ZADD with ${pairs[0]}`, file)
  if (pairs.length % 2 > 0) throw new RedisError('ERR syntax error')
  const scores = pairs
    .filter((_, index) => index % 2 === 0)
    .map((text) => scoreFrom(text, 'ERR value is not a valid float'))
  const members = data.readSet(key)
  const before = members.size
  for (const [index, score] of scores.entries()) members.set(pairs[2 * index + 1] ?? '', score)
  data.write(key, members, data.read(key)?.expiresAt ?? Infinity)
  return members.size - before
}

function range(data: StandInData, key = '', first = '', last = '', ...options: string[]): Reply {
  const all = sorted(data.readSet(key))
  const from = integer(first)
  const to = integer(last)
  const atLeast = Math.max(0, from < 0 ? all.length + from : from)
  return withOptions('ZRANGE', all.slice(atLeast, Math.max(0, (to < 0 ? all.length + to : to) + 1)), options)
}

function rangeByScore(data: StandInData, key = '', min = '', max = '', ...options: string[]): Reply {
  const isWithin = bounds(min, max)
  const found = sorted(data.readSet(key)).filter(([, score]) => isWithin(score))
  return withOptions('ZRANGEBYSCORE', found, options)
}

function removeByScore(data: StandInData, key = '', min = '', max = ''): Reply {
  const isWithin = bounds(min, max)
  return data.removeMembers(key, (_member, score) => isWithin(score))
}

function sorted(members: Map<string, number>): [string, number][] {
  return [...members].toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
}

function withOptions(name: string, scored: [string, number][], options: string[]): Reply {
  if (options.length === 0) return scored.map(([member]) => member)
  if (options.length === 1 && options[0]?.toUpperCase() === 'WITHSCORES') return { scored }
  throw untaught(`${name} with ${options.join(' ')}`, file)
}

/** Whether a score is between two bounds, which `(` makes exclusive. */
function bounds(min: string, max: string): (score: number) => boolean {
  const problem = 'ERR min or max is not a float'
  const [least, most] = [min, max].map((bound) => scoreFrom(bound.replace(/^\(/, ''), problem)) as [number, number]
  return (score) =>
    (min.startsWith('(') ? score > least : score >= least) && (max.startsWith('(') ? score < most : score <= most)
}

function scoreFrom(text: string, problem: string): number {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new RedisError(problem)
  return Number(text)
}

function integer(text = ''): number {
  if (!/^(0|-?[1-9]\d{0,15})$/.test(text)) throw new RedisError('ERR value is not an integer or out of range')
  return Number(text)
}

/** Translates a pattern of KEYS and SCAN. */
function globToRegExp(pattern: string): RegExp {
  const parts = /\\([\s\S])|\[(\^?)((?:\\[\s\S]|[^\]])*)\]|[\s\S]/g
  const source = pattern.replace(parts, (part: string, escaped?: string, not?: string, set?: string) => {
    if (escaped !== undefined) return escapeRegExp(escaped)
    if (set !== undefined) return `[${not}${set.replace(/[[^]/g, '\\$&')}]`
    return part === '*' ? '[\\s\\S]*' : part === '?' ? '[\\s\\S]' : escapeRegExp(part)
  })
  return new RegExp(`^${source}$`)
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function wrongType(): RedisError {
  return new RedisError('WRONGTYPE Operation against a key holding the wrong kind of value')
}
