/** Compares the stand-in for Redis with a real Redis. */
import { randomUUID } from 'node:crypto'
import { redisRecords, RedisSessionStore } from 'express-session-oidc/redis'
import * as fc from 'fast-check'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { runs } from './depth.ts'
import { describeRecords } from './records-contract.ts'
import { startRedisStandIn, type RedisStandIn } from './redis-stand-in.ts'

const open = (url: string, RESP: 2 | 3) => createClient({ url, RESP, disableOfflineQueue: true })
type Client = ReturnType<typeof open>

let standIn: RedisStandIn
const clients: Client[] = []

function connect(url: string, RESP: 2 | 3 = 3): Client {
  const client = open(url, RESP)
  client.on('error', () => {})
  clients.push(client)
  return client
}

beforeAll(async () => {
  standIn = await startRedisStandIn()
})
afterAll(async () => {
  for (const client of clients) client.destroy()
  await standIn.close()
})

describe('the stand-in for Redis', () => {
  let client: Client
  beforeAll(async () => {
    client = connect(standIn.url)
    await client.connect()
  })

  describeRecords(() => redisRecords({ client }))

  it('names the file to extend when it does not know a command or an option', async () => {
    const error = 'ERR the stand-in for Redis does not know'
    const file = 'add it to spec/support/redis-stand-in-data.ts'
    await expect(client.sendCommand(['LPUSH', 'list', 'item'])).rejects.toThrow(`${error} the command LPUSH; ${file}`)
    await expect(client.sendCommand(['SET', 'key', 'value', 'GET'])).rejects.toThrow(`${error} SET with GET; ${file}`)
    await expect(client.eval("return redis.call('LPUSH', 'list', 'item')")).rejects.toThrow(file)
  })

  it('deletes expired keys', async () => {
    await client.sendCommand(['SET', 'short', 'value', 'PX', '1'])
    await expect.poll(() => client.get('short')).toBeNull()
    expect(await client.exists('short')).toBe(0)
    expect(await client.keys('short')).toEqual([])
  })

  it('reads a command that arrives in pieces', async () => {
    const value = 'x'.repeat(1_000_000)
    expect(await client.set('long', value)).toBe('OK')
    expect(await client.get('long')).toBe(value)
  })
})

/** The major version of the Redis to compare with; undefined if there is none. */
async function realVersion(): Promise<number | undefined> {
  if (!inject('redisIsReal')) return undefined
  const client = connect(inject('redisUrl'))
  await client.connect()
  return Number(/^redis_version:(\d+)/m.exec(await client.info('server'))?.[1])
}

// Earlier versions wrap the errors of scripts in another one.
const isComparable = ((await realVersion()) ?? 0) >= 7
if (!isComparable)
  console.warn('notice: skipped because there is no Redis 7 or later: the comparison of the stand-in with it')

/** A step that runs on both servers, with keys of the same prefix. */
interface Step {
  readonly text: string
  /** Whether the order of the answer's items is ignored. */
  readonly isUnordered?: boolean
  /** Whether the answer is a time, which may differ by the time that has passed. */
  readonly isTime?: boolean
  readonly run: (client: Client, prefix: string) => Promise<unknown>
}

const value = fc.constantFrom('', 'one', 'two', '1.5', 'h\u00e9 \0\r\n"')
const member = fc.constantFrom('a', 'b', 'c', 'd')
const score = fc.constantFrom('0', '1', '1', '2.5', '2.5', '-3', '1e3', 'inf', '-inf', 'x')
const bound = fc.constantFrom('-inf', '+inf', '0', '(0', '1', '(1', '(2.5', '1000', '(x')
const index = fc.integer({ min: -5, max: 5 }).map(String)
/** Lifetimes in seconds that do not end during the test. */
const life = fc.constantFrom('100000', '200000')
const many = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { minLength: 1, maxLength: 3 })

/** A command; words that begin with `@` are names of keys. */
function command(...words: (string | fc.Arbitrary<string | string[]>)[]): fc.Arbitrary<Step> {
  const all = words.map((word) => (typeof word === 'string' ? fc.constant(word) : word))
  return fc.tuple(...all).map((found) => {
    const sent = found.flat()
    const name = sent[0] as string
    return {
      text: sent.join(' '),
      isUnordered: name === 'KEYS',
      isTime: name === 'TTL',
      run: (client, prefix) =>
        client.sendCommand(sent.map((word) => (word.startsWith('@') ? prefix + word.slice(1) : word))),
    }
  })
}

/** Mostly a string, or a sorted set. */
const textKey = fc.constantFrom('@text', '@text', '@text', '@other', '@other', '@set', '@none')
const setKey = fc.constantFrom('@set', '@set', '@set', '@set', '@set', '@set', '@text', '@none')
const anyKey = fc.oneof(textKey, setKey)

const step: fc.Arbitrary<Step> = fc.oneof(
  command('GET', textKey),
  command('GETDEL', textKey),
  command('MGET', many(textKey)),
  command('MSET', textKey, value, textKey, value),
  command('SET', textKey, value, fc.constantFrom([], ['NX'], ['xx'], ['EX', '100000'], ['EX', '0'], ['EX', 'x'])),
  command('SET', textKey, value, fc.constantFrom(['NX', 'EX', '100000'], ['PX', '100000000', 'XX'], ['KEEPTTL'])),
  command('COPY', anyKey, anyKey, fc.constantFrom([], ['REPLACE'])),
  command('DEL', many(textKey)),
  command('EXISTS', many(anyKey)),
  command('TYPE', anyKey),
  { weight: 3, arbitrary: command('TTL', anyKey) },
  { weight: 2, arbitrary: command('EXPIRE', anyKey, life) },
  command('EXPIRE', textKey, fc.constantFrom('0', '-1', '1.5')),
  command('EXPIREAT', textKey, fc.constantFrom('1', '4000000000')),
  command('KEYS', fc.constantFrom('@*', '@?e?t', '@[a-s]*', '@[^a-s]*', '@\\*')),
  fc.constantFrom({}, { TYPE: 'zset' }, { TYPE: 'string' }).map((options): Step => ({
    text: `SCAN ${JSON.stringify(options)}`,
    isUnordered: true,
    async run(client, prefix) {
      const found = new Set<string>()
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000, ...options })) {
        for (const key of keys) found.add(key)
      }
      return [...found]
    },
  })),
  { weight: 6, arbitrary: command('ZADD', setKey, score, member, fc.constantFrom([], ['7', 'd'])) },
  command('ZREM', setKey, many(member)),
  { weight: 2, arbitrary: command('ZCARD', setKey) },
  { weight: 3, arbitrary: command('ZRANGE', setKey, index, index, fc.constantFrom([], ['WITHSCORES'])) },
  { weight: 3, arbitrary: command('ZRANGEBYSCORE', setKey, bound, bound, fc.constantFrom([], ['withscores'])) },
  command('ZREMRANGEBYSCORE', setKey, bound, bound),
  command('PING', fc.constantFrom([], ['text'])),
  command(fc.constantFrom('GET', 'SET', 'ZADD', 'MGET', 'EXPIRE', 'ZRANGE', 'COPY')),
)

/** Calls of the package, which run its scripts, on records of one session. */
const parts = ['text', 'other', 'set'] as const
const part = fc.constantFrom(...parts)
const recordStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(part, value, fc.option(value, { nil: undefined }), fc.subarray([...parts]), fc.nat(3))
    .map(([at, expected, value, others, count]): Step => ({
      text: `replace ${at} ${expected} ${value} ${others.join(' ')} ${count}`,
      run: (client, prefix) => {
        const besides = others.map((part) => ({ session: prefix, part }))
        const written = besides.slice(0, count).map((key) => ({ key, value: 'one', seconds: 100_000 }))
        const dropped = besides.slice(count)
        const key = { session: prefix, part: at }
        return redisRecords({ client }).replace(key, expected, value, 100_000, { set: written, delete: dropped })
      },
    })),
  fc.tuple(part, value).map(([part, value]): Step => ({
    text: `set ${part} ${value}`,
    run: (client, prefix) => redisRecords({ client }).set({ session: prefix, part }, value, 100_000),
  })),
  fc.tuple(part, member, fc.constantFrom(100_000, 200_000)).map(([part, member, seconds]): Step => ({
    text: `include ${part} ${member} ${seconds}`,
    run: (client, prefix) => redisRecords({ client }).addToSet({ session: prefix, part }, member, seconds),
  })),
  fc.tuple(part, many(member)).map(([part, members]): Step => ({
    text: `exclude ${part} ${members.join(' ')}`,
    run: (client, prefix) => redisRecords({ client }).removeFromSet({ session: prefix, part }, members),
  })),
  part.map((part): Step => ({
    text: `members ${part}`,
    isUnordered: true,
    run: (client, prefix) => redisRecords({ client }).members({ session: prefix, part }),
  })),
  part.map((part): Step => ({
    text: `get ${part}`,
    run: (client, prefix) => redisRecords({ client }).get({ session: prefix, part }),
  })),
)

describe.skipIf(!isComparable).each([2, 3] as const)('the stand-in for Redis with RESP%i', (RESP) => {
  let real: Client
  let other: Client
  beforeAll(async () => {
    real = connect(inject('redisUrl'), RESP)
    other = connect(standIn.url, RESP)
    await Promise.all([real.connect(), other.connect()])
  })

  it.each([
    ['commands', step],
    ['the scripts of the package', recordStep],
  ])('answers any sequence of %s as a real Redis does', async (_what, steps) => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' }), async (sequence) => {
        const prefix = `stand-in:${randomUUID()}:`
        const begun = performance.now()
        for (const step of sequence) {
          const [expected, found] = [await answer(real, prefix, step), await answer(other, prefix, step)]
          if (step.isTime && Number(expected) > 0) {
            const passed = 1 + (performance.now() - begun) / 1000
            expect(Math.abs(Number(found) - Number(expected)), step.text).toBeLessThanOrEqual(passed)
          } else expect(found, step.text).toEqual(expected)
        }
        const left = await real.keys(`*${prefix}*`)
        expect((await other.keys(`*${prefix}*`)).toSorted()).toEqual(left.toSorted())
        if (left.length > 0) await real.del(left)
      }),
      { numRuns: runs(60) },
    )
  })

  it('lastSeenAt() returns the same time as with a real Redis', async () => {
    const sid = randomUUID()
    const seen: unknown[] = []
    const begun = performance.now()
    for (const client of [real, other]) {
      const store = new RedisSessionStore({ client, idleSeconds: 1000 })
      expect(await store.lastSeenAt(sid)).toBeUndefined()
      await client.set(`sess:${sid}`, '{"cookie":{}}', { expiration: { type: 'EX', value: 600 } })
      seen.push(await store.lastSeenAt(sid))
      await client.del(`sess:${sid}`)
    }
    const passed = 2 + (performance.now() - begun) / 1000
    expect(Math.abs(Number(seen[1]) - Number(seen[0]))).toBeLessThanOrEqual(passed)
  })

  it.each([
    'return nil',
    'return false',
    'return true',
    'return 3.99',
    'return -3.99',
    "return '3.99'",
    'return {1, 2.5, "three", {4, {5}}, false, nil, 7}',
    'return {}',
    "return {ok = 'FINE'}",
    "return {err = 'WORSE than that'}",
    'return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}',
    'return #KEYS[1]',
    'return ARGV[1] + 1',
    "return tostring(10 / 2) .. '|' .. 7 / 2 .. '|' .. tonumber('3')",
    "return {unpack({'a', 'b'})}",
    "return redis.call('SET', KEYS[1], 2)",
    "return redis.call('SET', KEYS[1], 10 / 4) and redis.call('GET', KEYS[1])",
    "return redis.call('SET', KEYS[1], 10 / 5) and redis.call('GET', KEYS[1])",
    "return redis.call('SET', KEYS[1], 'x', 'NX')",
    "return redis.call('GET', 'stand-in:none') == false",
    "return redis.call('SET', KEYS[1], 'x').ok",
    "return #redis.call('TIME')[1]",
    "return string.format('%d', tonumber(redis.call('TIME')[1])) == redis.call('TIME')[1]",
    "return tonumber(redis.call('TIME')[1]) * 1000 > 1e12",
    "redis.call('ZADD', KEYS[1], 1, 'a', '2.5', 'b') return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')",
    "return redis.call('MGET', KEYS[1], 'stand-in:none')",
    "return redis.call('GET')",
    "return redis.pcall('GET')",
    "return redis.pcall('GET').err ~= nil",
    "return pcall(redis.call, 'GET') == false",
    "return redis.call('SET', KEYS[1], {})",
    "redis.call('SET', KEYS[1], 'x') return redis.call('ZCARD', KEYS[1])",
    'return unknown',
    'unknown = 1',
    "error('wrong')",
    'this is no Lua',
  ])('answers the script %s as a real Redis does', async (script) => {
    const step: Step = {
      text: script,
      run: (client, prefix) => client.eval(script, { keys: [`${prefix}key`, ''], arguments: ['40', 'h\u00e9'] }),
    }
    const prefix = `stand-in:${randomUUID()}:`
    expect(await answer(other, prefix, step)).toEqual(await answer(real, prefix, step))
    await real.del(`${prefix}key`)
  })
})

/** The answer of a step, or the code of its error, because error texts differ between versions of Redis. */
async function answer(client: Client, prefix: string, { run, isUnordered }: Step): Promise<unknown> {
  try {
    const found = await run(client, prefix)
    return isUnordered && Array.isArray(found) ? found.map(String).toSorted() : found
  } catch (error) {
    const { message, detail } = error as Error & { detail?: string }
    return `failed: ${/\b[A-Z]{3,}\b/.exec(detail ?? message)?.[0]}`
  }
}
