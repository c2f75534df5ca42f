import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import { describe, expect, it } from 'vitest'
import { MemoryRedis } from './support/memory-redis.ts'
import { runs } from '../support/depth.ts'
import { describeRecords } from '../support/records-contract.ts'
import { redisForFile } from '../support/redis.ts'

const redis = redisForFile()

/** The records of a session, by number. */
const places = [0, 1, 2] as const
type Place = (typeof places)[number]
const getRecord = (session: string, at: Place): { session: string; part: string } => ({
  session,
  part: at === 0 ? 'login' : `tokens:${at}`,
})
const getKey = (session: string, at: Place): string => `oidc:{sess:${session}}${at === 0 ? '' : `:tokens:${at}`}`

/** One call of a client on the records of a session. */
type Call = (client: OidcRedisClient, session: string) => Promise<unknown>

const place = fc.constantFrom(...places)
const some = fc.array(place, { minLength: 1, maxLength: 3 })
const value = fc.constantFrom('', 'one', 'two')
/** Long enough that no record expires while the spec runs. */
const seconds = fc.constantFrom(100, 2000)

const call: fc.Arbitrary<Call> = fc.oneof(
  place.map(
    (at): Call =>
      (client, session) =>
        client.get(getKey(session, at)),
  ),
  some.map(
    (all): Call =>
      (client, session) =>
        client.mGet(all.map((at) => getKey(session, at))),
  ),
  fc
    .tuple(place, value, fc.constantFrom('NX', 'XX', undefined), fc.option(seconds, { nil: undefined }))
    .map(([at, value, condition, ends]): Call => {
      const options = {
        ...(condition && { condition }),
        ...(ends && { expiration: { type: 'EX' as const, value: ends } }),
      }
      return (client, session) => client.set(getKey(session, at), value, options)
    }),
  some.map(
    (all): Call =>
      (client, session) =>
        client.del(all.map((at) => getKey(session, at))),
  ),
  place.map(
    (at): Call =>
      (client, session) =>
        client.getDel(getKey(session, at)),
  ),
  fc.tuple(place, seconds).map(
    ([at, life]): Call =>
      (client, session) =>
        client.expire(getKey(session, at), life),
  ),
  fc
    .tuple(place, value, fc.option(value, { nil: undefined }), seconds, fc.subarray([...places]), fc.nat(places.length))
    .map(([at, expected, value, life, others, count]): Call => (client, session) => {
      const besides = others.filter((other) => other !== at).map((other) => getRecord(session, other))
      const written = besides.slice(0, count).map((key, index) => ({ key, value: `besides ${index}`, seconds: life }))
      const dropped = besides.slice(count)
      return redisRecords({ client }).replace(getRecord(session, at), expected, value, life, {
        set: written,
        delete: dropped,
      })
    }),
)

describe('MemoryRedis', () => {
  it('answers any sequence of commands like a real Redis', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 30 }), async (calls) => {
        const memory = new MemoryRedis()
        const session = randomUUID()
        const answers: unknown[][] = []
        for (const client of [redis.client, memory] as const) {
          const found: unknown[] = []
          for (const one of calls) found.push(await one(client, session))
          answers.push(found)
        }
        expect(answers[1]).toEqual(answers[0])
        const keys = places.map((at) => getKey(session, at))
        for (const key of keys) {
          expect(await memory.get(key)).toBe(await redis.client.get(key))
          expect(Math.abs(memory.ttl(key) - (await redis.client.ttl(key)))).toBeLessThanOrEqual(2)
        }
        await redis.client.del(keys)
      }),
      { numRuns: runs(150), seed: 4 },
    )
  })

  it('forgets a key that has expired', async () => {
    const memory = new MemoryRedis()
    await memory.set('key', 'value', { expiration: { type: 'EX', value: 0 } })
    expect(await memory.get('key')).toBeNull()
    expect(memory.keys()).toEqual([])
  })

  it('rejects a script that it does not know', async () => {
    await expect(new MemoryRedis().eval('return 1', { keys: [], arguments: [] })).rejects.toThrow(
      'does not support this script',
    )
  })

  const memory = new MemoryRedis()
  describeRecords(() => redisRecords({ client: memory }))
})
