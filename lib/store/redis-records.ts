import type { Besides, RecordKey, Records } from '../core/records.ts'
import { ownProperties } from '../core/own-properties.ts'
import { answered, defaultPrefix, hashTag, redisKey, withoutTimeout, type RedisClient } from './redis-client.ts'

/** Options of {@link redisRecords}. */
export interface RedisRecordsOptions {
  /** A connected node-redis client, cluster or sentinel. */
  client: RedisClient
  /** Prefix of the session's own keys, which goes into the keys of all records. Default `sess:`. */
  prefix?: string | undefined
  /** Seconds after which a command is given up. Default 5. */
  timeoutSeconds?: number | undefined
}

/** What scripts write and delete besides: the values and lives from ARGV[4], the keys from KEYS[2], those to delete last. */
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

/** Scored by their ends, as the clock of Redis has it: a set goes with the last of its members. */
const includeScript = `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])`

const membersScript = `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. redis.call('TIME')[1], '+inf')`

const excludeScript = `return redis.call('ZREM', KEYS[1], unpack(ARGV))`

/** Arguments that Lua unpacks at once, at most. */
const mostUnpacked = 1000

/**
 * Records in Redis (6.2 or later), beside any session store: pass them as the option `records`. With
 * `RedisSessionStore` they are there already.
 *
 * @throws TypeError where `client` is not a node-redis client.
 */
export function redisRecords(options: RedisRecordsOptions): Records {
  const { client, prefix = defaultPrefix, timeoutSeconds = 5 } = ownProperties(options)
  requireClient(client, 'redisRecords')
  requireTimeout(timeoutSeconds, 'redisRecords')
  requirePrefix(prefix, 'redisRecords')
  const run = <Answer>(command: () => Promise<Answer>): Promise<Answer> => answered(command, timeoutSeconds)
  const reader = withoutTimeout(client)
  const name = (key: RecordKey): string => redisKey(key, prefix)
  /** Runs a script that changes a record, if it may, and does what is to be done besides. */
  const change = async (
    script: string,
    key: RecordKey,
    words: readonly string[],
    { written = [], dropped = [] }: Besides,
  ): Promise<boolean> => {
    const keys = [key, ...written.map((other) => other.key), ...dropped].map(name)
    const others = written.flatMap((other) => [other.value, String(life(other.seconds).value)])
    return Number(await run(() => client.eval(script, { keys, arguments: [...words, ...others] }))) === 1
  }
  return {
    async get(key) {
      return text(await run(() => reader().get(name(key))))
    },
    async set(key, value, seconds) {
      await run(() => client.set(name(key), value, { expiration: life(seconds) }))
    },
    async add(key, value, seconds, besides) {
      if (besides) return change(addScript, key, ['', value, String(life(seconds).value)], besides)
      const answer = await run(() => client.set(name(key), value, { condition: 'NX', expiration: life(seconds) }))
      return answer !== null
    },
    replace(key, expected, value, seconds, besides = {}) {
      const after = value === undefined ? ['', '0'] : [value, String(life(seconds).value)]
      return change(replaceScript, key, [expected, ...after], besides)
    },
    async take(key) {
      return text(await run(() => client.getDel(name(key))))
    },
    async delete(keys) {
      // A cluster refuses keys of several slots in one command: those of a session are in one slot.
      const slots = new Map<string, string[]>()
      for (const key of keys) {
        const slot = 'session' in key ? key.session : name(key)
        slots.set(slot, [...(slots.get(slot) ?? []), name(key)])
      }
      await Promise.all([...slots.values()].map((names) => run(() => client.del(names))))
    },
    async include(key, member, seconds) {
      const words = [member, String(life(seconds).value)]
      await run(() => client.eval(includeScript, { keys: [name(key)], arguments: words }))
    },
    async members(key) {
      const answer = await run(() => client.eval(membersScript, { keys: [name(key)], arguments: [] }))
      return Array.isArray(answer) ? answer.map(String) : []
    },
    async exclude(key, members) {
      for (let from = 0; from < members.length; from += mostUnpacked) {
        const some = members.slice(from, from + mostUnpacked)
        await run(() => client.eval(excludeScript, { keys: [name(key)], arguments: some }))
      }
    },
  }
}

/** Says at construction what would otherwise fail at the first request. */
export function requireClient(client: unknown, what: string): asserts client is RedisClient {
  const methods = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval']
  const given = client as Record<string, unknown> | null | undefined
  // It has all of these methods, but takes the conditions and times of SET under other names, and ignores ours.
  if (typeof given?.['commandsExecutor'] === 'function') {
    throw new TypeError(`${what}: \`client\` is a client of redis 4; pass a client of redis 5 or later`)
  }
  if (given && methods.every((method) => typeof given[method] === 'function')) return
  throw new TypeError(`${what}: client must be a client of the package 'redis' (version 5 or later), connected`)
}

/** Says at construction what would otherwise be a request that waits for good, or not at all. */
export function requireTimeout(seconds: unknown, what: string): void {
  if (typeof seconds === 'number' && seconds > 0 && seconds <= 300) return
  throw new TypeError(`${what}: timeoutSeconds must be a number of seconds greater than 0, at most 300`)
}

/** Braces in a prefix are for the hash tag of a Redis Cluster; any others would part a session from its records. */
export function requirePrefix(prefix: unknown, what: string): void {
  if (typeof prefix === 'string' && (!prefix.includes('}') || hashTag.test(prefix))) return
  throw new TypeError(`${what}: prefix must be a string, with braces only around a hash tag such as '{shop}:sess:'`)
}

function life(seconds: number): { type: 'EX'; value: number } {
  return { type: 'EX', value: Math.max(1, Math.ceil(seconds)) }
}

function text(answer: unknown): string | undefined {
  return typeof answer === 'string' ? answer : undefined
}
