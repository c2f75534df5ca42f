import type { OidcRecordChanges, OidcRecordKey, OidcRecords } from '../core/records.ts'
import { copyOwnProperties } from '../core/own-properties.ts'
import {
  runWithTimeout,
  defaultPrefix,
  hashTag,
  formatRedisKey,
  removeTimeout,
  type OidcRedisClient,
} from './redis-client.ts'

/**
 * Options of {@link redisRecords}.
 *
 * @example
 * const options: RedisRecordsOptions = { client, prefix: 'shop:', timeoutSeconds: 2 }
 */
export interface RedisRecordsOptions {
  /**
   * A connected client of the package `redis` (version 5 or later): a client, pool, cluster or sentinel.
   *
   * @example
   * const client = await createClient({ url: process.env.REDIS_URL, disableOfflineQueue: true }).connect()
   * const records = redisRecords({ client })
   */
  client: OidcRedisClient
  /**
   * Part of the keys, before the session id. Applications that share a database and a client (issuer, client id, name) but
   * no sessions need different prefixes. Braces are allowed only around a hash tag of Redis Cluster, which puts all keys on
   * one master.
   *
   * @default 'sess:'
   * @example
   * redisRecords({ client, prefix: 'shop:' })
   */
  prefix?: string | undefined
  /**
   * Time limit of a command, in seconds: greater than 0, at most 300. After that, the command fails (`store_unavailable`).
   *
   * @default 5
   * @example
   * redisRecords({ client, timeoutSeconds: 2 })
   */
  timeoutSeconds?: number | undefined
}

/**
 * Makes the `changes`. The values and lifetimes to write start at ARGV[4], and their keys at KEYS[2]. The keys
 * to delete follow.
 */
const changesScript = `
local written = (#ARGV - 3) / 2
for i = 1, written do redis.call('SET', KEYS[i + 1], ARGV[2 * i + 2], 'EX', ARGV[2 * i + 3]) end
for i = written + 2, #KEYS do redis.call('DEL', KEYS[i]) end
return 1`

const addScript = `
if not redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3], 'NX') then return 0 end
${changesScript}`

const replaceScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
${changesScript}`

/** The score of a member is its expiry, by the clock of Redis. The set expires with its last member. */
const addToSetScript = `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])`

const membersScript = `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. redis.call('TIME')[1], '+inf')`

const removeFromSetScript = `return redis.call('ZREM', KEYS[1], unpack(ARGV))`

/** Lua limits how many values `unpack` returns. */
const mostUnpacked = 1000

/**
 * Creates records in Redis (6.2 or later) for use beside any session store. Pass them as the option `records`, or as
 * `dpop.replay` of `createBearer()`. With `RedisSessionStore` no `records` are needed.
 *
 * @throws TypeError if `client` is not a client of redis 5 or later, or if another option is invalid.
 * @example
 * const oidc = createOidc({ ...options, records: redisRecords({ client }) })
 */
export function redisRecords(options: RedisRecordsOptions): OidcRecords {
  const { client, prefix = defaultPrefix, timeoutSeconds = 5 } = copyOwnProperties(options)
  requireClient(client, 'redisRecords')
  requireTimeout(timeoutSeconds, 'redisRecords')
  requirePrefix(prefix, 'redisRecords')
  const commands = new RecordCommands(client, prefix, timeoutSeconds)
  return { ...makeTexts(commands), ...makeSets(commands) }
}

/** The commands of records in Redis, each with a time limit. */
class RecordCommands {
  readonly #client: OidcRedisClient
  readonly #reader: () => OidcRedisClient
  readonly #prefix: string
  readonly #timeoutSeconds: number

  constructor(client: OidcRedisClient, prefix: string, timeoutSeconds: number) {
    this.#client = client
    this.#reader = removeTimeout(client)
    this.#prefix = prefix
    this.#timeoutSeconds = timeoutSeconds
  }

  name(key: OidcRecordKey): string {
    return formatRedisKey(key, this.#prefix)
  }

  run<Answer>(command: (client: OidcRedisClient) => Promise<Answer>): Promise<Answer> {
    return runWithTimeout(() => command(this.#client), this.#timeoutSeconds)
  }

  read(key: OidcRecordKey): Promise<unknown> {
    return runWithTimeout(() => this.#reader().get(this.name(key)), this.#timeoutSeconds)
  }

  runScript(script: string, keys: readonly OidcRecordKey[], values: readonly string[]): Promise<unknown> {
    const names = keys.map((key) => this.name(key))
    return this.run((client) => client.eval(script, { keys: names, arguments: [...values] }))
  }

  /**
   * Runs a script that checks and writes the record of `key` together with the `changes`. Returns whether it
   * wrote them.
   */
  async change(
    script: string,
    key: OidcRecordKey,
    values: readonly string[],
    changes: OidcRecordChanges,
  ): Promise<boolean> {
    const { set: written = [], delete: deleted = [] } = changes
    const keys = [key, ...written.map((record) => record.key), ...deleted]
    const texts = written.flatMap(({ value, seconds }) => [value, formatSeconds(seconds)])
    return Number(await this.runScript(script, keys, [...values, ...texts])) === 1
  }
}

/** Returns the operations on records that are a single text. */
function makeTexts(commands: RecordCommands): Omit<OidcRecords, 'addToSet' | 'members' | 'removeFromSet'> {
  return {
    async get(key) {
      return toText(await commands.read(key))
    },
    async set(key, value, seconds) {
      await commands.run((client) => client.set(commands.name(key), value, { expiration: expireAfter(seconds) }))
    },
    async add(key, value, seconds, changes) {
      if (changes) return commands.change(addScript, key, ['', value, formatSeconds(seconds)], changes)
      const options = { condition: 'NX' as const, expiration: expireAfter(seconds) }
      return (await commands.run((client) => client.set(commands.name(key), value, options))) !== null
    },
    replace(key, expected, value, seconds, changes = {}) {
      const after = value === undefined ? ['', '0'] : [value, formatSeconds(seconds)]
      return commands.change(replaceScript, key, [expected, ...after], changes)
    },
    async getAndDelete(key) {
      return toText(await commands.run((client) => client.getDel(commands.name(key))))
    },
    async delete(keys) {
      // A cluster rejects a command with keys in several slots. The keys of one session are in one slot.
      const slots = new Map<string, string[]>()
      for (const key of keys) {
        const name = commands.name(key)
        const slot = 'session' in key ? key.session : name
        slots.set(slot, [...(slots.get(slot) ?? []), name])
      }
      await Promise.all([...slots.values()].map((names) => commands.run((client) => client.del(names))))
    },
  }
}

/** Returns the operations on sets, whose members expire individually. */
function makeSets(commands: RecordCommands): Pick<OidcRecords, 'addToSet' | 'members' | 'removeFromSet'> {
  return {
    async addToSet(key, member, seconds) {
      await commands.runScript(addToSetScript, [key], [member, formatSeconds(seconds)])
    },
    async members(key) {
      const answer = await commands.runScript(membersScript, [key], [])
      return Array.isArray(answer) ? answer.map(String) : []
    },
    async removeFromSet(key, members) {
      for (let from = 0; from < members.length; from += mostUnpacked) {
        await commands.runScript(removeFromSetScript, [key], members.slice(from, from + mostUnpacked))
      }
    },
  }
}

/** Throws at construction, rather than at the first request. */
export function requireClient(client: unknown, what: string): asserts client is OidcRedisClient {
  const methods = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval']
  const candidate = client as Record<string, unknown> | null | undefined
  // A client of redis 4 has all of these methods, but ignores the condition and the expiration that SET is called with.
  if (typeof candidate?.['commandsExecutor'] === 'function') {
    throw new TypeError(`${what}: \`client\` is a client of redis 4; pass a client of redis 5 or later`)
  }
  if (candidate && methods.every((method) => typeof candidate[method] === 'function')) return
  throw new TypeError(`${what}: \`client\` must be a connected client of the package 'redis', version 5 or later`)
}

/** Throws at construction: with an invalid limit, requests would fail at once or wait forever. */
export function requireTimeout(seconds: unknown, what: string): void {
  if (typeof seconds === 'number' && seconds > 0 && seconds <= 300) return
  throw new TypeError(`${what}: \`timeoutSeconds\` must be a number of seconds greater than 0, at most 300`)
}

/** Throws if braces are not around a hash tag, because then a session and its records would be in different slots. */
export function requirePrefix(prefix: unknown, what: string): void {
  if (typeof prefix === 'string' && (!prefix.includes('}') || hashTag.test(prefix))) return
  throw new TypeError(`${what}: \`prefix\` must be a string, with braces only around a hash tag such as '{shop}:sess:'`)
}

function expireAfter(seconds: number): { type: 'EX'; value: number } {
  return { type: 'EX', value: Number(formatSeconds(seconds)) }
}

/** Returns a lifetime for a command: whole seconds, at least 1. */
function formatSeconds(seconds: number): string {
  return String(Math.max(1, Math.ceil(seconds)))
}

function toText(answer: unknown): string | undefined {
  return typeof answer === 'string' ? answer : undefined
}
