import type { RecordChanges, RecordKey, Records } from '../core/records.ts'
import { ownProperties } from '../core/own-properties.ts'
import { answered, defaultPrefix, hashTag, redisKey, withoutTimeout, type RedisClient } from './redis-client.ts'

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
  client: RedisClient
  /**
   * Part of every key, before the session id. Applications that share a database and a client (issuer, client id, name)
   * but no sessions need different prefixes. Braces are allowed only around a hash tag of Redis Cluster, which puts all
   * keys on one master.
   *
   * @default 'sess:'
   * @example
   * redisRecords({ client, prefix: 'shop:' })
   */
  prefix?: string | undefined
  /**
   * Time limit of a command, in seconds: greater than 0, at most 300. Later the command fails (`store_unavailable`).
   *
   * @default 5
   * @example
   * redisRecords({ client, timeoutSeconds: 2 })
   */
  timeoutSeconds?: number | undefined
}

/**
 * Makes the changes of `besides`. The values and lifetimes to write begin at ARGV[4], their keys at KEYS[2]. The keys to
 * delete are last.
 */
const besidesScript = `
local written = (#ARGV - 3) / 2
for i = 1, written do redis.call('SET', KEYS[i + 1], ARGV[2 * i + 2], 'EX', ARGV[2 * i + 3]) end
for i = written + 2, #KEYS do redis.call('DEL', KEYS[i]) end
return 1`

const addScript = `
if not redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3], 'NX') then return 0 end
${besidesScript}`

const replaceScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
${besidesScript}`

/** The score of a member is its expiry, by the clock of Redis. The set expires with its last member. */
const includeScript = `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])`

const membersScript = `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. redis.call('TIME')[1], '+inf')`

const excludeScript = `return redis.call('ZREM', KEYS[1], unpack(ARGV))`

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
export function redisRecords(options: RedisRecordsOptions): Records {
  const { client, prefix = defaultPrefix, timeoutSeconds = 5 } = ownProperties(options)
  requireClient(client, 'redisRecords')
  requireTimeout(timeoutSeconds, 'redisRecords')
  requirePrefix(prefix, 'redisRecords')
  const run = <Answer>(command: () => Promise<Answer>): Promise<Answer> => answered(command, timeoutSeconds)
  const reader = withoutTimeout(client)
  const name = (key: RecordKey): string => redisKey(key, prefix)
  const runScript: RunScript = (script, keys, words) =>
    run(() => client.eval(script, { keys: keys.map(name), arguments: [...words] }))
  return {
    ...makeSetRecords(runScript),
    async get(key) {
      return textOrUndefined(await run(() => reader().get(name(key))))
    },
    async set(key, value, seconds) {
      await run(() => client.set(name(key), value, { expiration: life(seconds) }))
    },
    async add(key, value, seconds, besides) {
      if (besides) return runChange(runScript, addScript, key, ['', value, lifeText(seconds)], besides)
      const answer = await run(() => client.set(name(key), value, { condition: 'NX', expiration: life(seconds) }))
      return answer !== null
    },
    replace(key, expected, value, seconds, besides = {}) {
      const after = value === undefined ? ['', '0'] : [value, lifeText(seconds)]
      return runChange(runScript, replaceScript, key, [expected, ...after], besides)
    },
    async getAndDelete(key) {
      return textOrUndefined(await run(() => client.getDel(name(key))))
    },
    async delete(keys) {
      await Promise.all(groupBySlot(keys, name).map((names) => run(() => client.del(names))))
    },
  }
}

type RunScript = (script: string, keys: readonly RecordKey[], words: readonly string[]) => Promise<unknown>

/** Runs a script that compares, and then makes the changes of `besides`. */
async function runChange(
  runScript: RunScript,
  script: string,
  key: RecordKey,
  words: readonly string[],
  { set: written = [], delete: dropped = [] }: RecordChanges,
): Promise<boolean> {
  const keys = [key, ...written.map((other) => other.key), ...dropped]
  const others = written.flatMap((other) => [other.value, lifeText(other.seconds)])
  return Number(await runScript(script, keys, [...words, ...others])) === 1
}

function makeSetRecords(runScript: RunScript): Pick<Records, 'addToSet' | 'members' | 'removeFromSet'> {
  return {
    async addToSet(key, member, seconds) {
      await runScript(includeScript, [key], [member, lifeText(seconds)])
    },
    async members(key) {
      const answer = await runScript(membersScript, [key], [])
      return Array.isArray(answer) ? answer.map(String) : []
    },
    async removeFromSet(key, members) {
      for (let from = 0; from < members.length; from += mostUnpacked) {
        await runScript(excludeScript, [key], members.slice(from, from + mostUnpacked))
      }
    },
  }
}

/** A cluster rejects a command with keys in several slots. The keys of one session are in one slot. */
function groupBySlot(keys: readonly RecordKey[], name: (key: RecordKey) => string): string[][] {
  const slots = new Map<string, string[]>()
  for (const key of keys) {
    const slot = 'session' in key ? key.session : name(key)
    slots.set(slot, [...(slots.get(slot) ?? []), name(key)])
  }
  return [...slots.values()]
}

/** Throws at construction rather than at the first request. */
export function requireClient(client: unknown, what: string): asserts client is RedisClient {
  const methods = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval']
  const given = client as Record<string, unknown> | null | undefined
  // A client of redis 4 has all of these methods, but ignores the condition and the expiration that SET is called with.
  if (typeof given?.['commandsExecutor'] === 'function') {
    throw new TypeError(`${what}: \`client\` is a client of redis 4; pass a client of redis 5 or later`)
  }
  if (given && methods.every((method) => typeof given[method] === 'function')) return
  throw new TypeError(`${what}: client must be a client of the package 'redis' (version 5 or later), connected`)
}

/** Throws at construction, because an invalid limit would let requests fail at once or wait without end. */
export function requireTimeout(seconds: unknown, what: string): void {
  if (typeof seconds === 'number' && seconds > 0 && seconds <= 300) return
  throw new TypeError(`${what}: timeoutSeconds must be a number of seconds greater than 0, at most 300`)
}

/** Throws if braces are not around a hash tag, because then a session and its records would be in different slots. */
export function requirePrefix(prefix: unknown, what: string): void {
  if (typeof prefix === 'string' && (!prefix.includes('}') || hashTag.test(prefix))) return
  throw new TypeError(`${what}: prefix must be a string, with braces only around a hash tag such as '{shop}:sess:'`)
}

function life(seconds: number): { type: 'EX'; value: number } {
  return { type: 'EX', value: Math.max(1, Math.ceil(seconds)) }
}

function lifeText(seconds: number): string {
  return String(life(seconds).value)
}

function textOrUndefined(answer: unknown): string | undefined {
  return typeof answer === 'string' ? answer : undefined
}
