import { randomUUID } from 'node:crypto'
import type { OidcRecords } from 'express-session-oidc'
import { RedisSessionStore, redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import { describe, expect, it, vi } from 'vitest'
import { describeRecords } from '../support/records-contract.ts'
import { newClient, redisForFile } from '../support/redis.ts'
import { RedisTap } from '../support/redis-tap.ts'

const redis = redisForFile()
const records = redisRecords({ client: redis.client })
const getLogin = (session: string): { session: string; part: string } => ({ session, part: 'login' })

describe('redisRecords()', () => {
  describeRecords(() => records)

  it('stores the records of a session in one cluster slot, for the given lifetime', async () => {
    const id = randomUUID()
    await records.set(getLogin(id), 'login', 100)
    await records.set({ session: id, part: 'tokens:default' }, 'tokens', 200)
    await records.add({ session: id, part: 'another' }, 'another', 300)
    await records.add({ kind: 'used', id }, 'claim', 400)
    const lives = [
      [`oidc:{sess:${id}}`, 100],
      [`oidc:{sess:${id}}:tokens:default`, 200],
      [`oidc:{sess:${id}}:another`, 300],
      [`oidc:used:${id}`, 400],
    ] as const
    for (const [key, seconds] of lives) {
      const left = await redis.client.ttl(key)
      expect(left).toBeGreaterThan(seconds - 5)
      expect(left).toBeLessThanOrEqual(seconds)
    }
  })

  it('deletes records with one command per session, whose keys are in one cluster slot', async () => {
    const tap = new RedisTap(redis.client)
    const [one, other] = [randomUUID(), randomUUID()]
    await redisRecords({ client: tap }).delete([
      getLogin(one),
      { kind: 'used', id: one },
      { session: other, part: 'tokens:default' },
      { session: one, part: 'tokens:default' },
    ])
    expect(tap.calls.map(({ method, keys }) => [method, keys])).toEqual([
      ['del', [`oidc:{sess:${one}}`, `oidc:{sess:${one}}:tokens:default`]],
      ['del', [`oidc:used:${one}`]],
      ['del', [`oidc:{sess:${other}}:tokens:default`]],
    ])
  })

  it('accesses the session itself as its part data', async () => {
    const id = randomUUID()
    await records.set({ session: id, part: 'data' }, '{"cart":"apple"}', 100)
    expect(await redis.client.get(`sess:${id}`)).toBe('{"cart":"apple"}')
  })

  it('uses the prefix of the session keys', async () => {
    const id = randomUUID()
    await redisRecords({ client: redis.client, prefix: 'shop:' }).set(getLogin(id), 'login', 100)
    expect(await redis.client.get(`oidc:{shop:${id}}`)).toBe('login')
    await redisRecords({ client: redis.client, prefix: 'shop:' }).set({ kind: 'used', id }, 'claim', 100)
    expect(await redis.client.get(`oidc:shop:used:${id}`)).toBe('claim')
  })

  it('restarts the lifetime of a record that is replaced, but not if the replacement fails', async () => {
    const id = randomUUID()
    await records.set(getLogin(id), 'login', 100)
    await records.replace(getLogin(id), 'other', 'new', 1000)
    expect(await redis.client.ttl(`oidc:{sess:${id}}`)).toBeLessThanOrEqual(100)
    await records.replace(getLogin(id), 'login', 'new', 1000)
    expect(await redis.client.ttl(`oidc:{sess:${id}}`)).toBeGreaterThan(900)
    expect(await records.add(getLogin(id), 'newer', 5000)).toBe(false)
    expect(await redis.client.ttl(`oidc:{sess:${id}}`)).toBeLessThanOrEqual(1000)
  })

  it.each([0, -5, 0.2, 1])('keeps a record for at least one second, even with a lifetime of %s', async (seconds) => {
    const id = randomUUID()
    await records.set(getLogin(id), 'login', seconds)
    expect(await redis.client.ttl(`oidc:{sess:${id}}`)).toBe(1)
    await records.set(getLogin(id), 'login', 60)
    await records.replace(getLogin(id), 'login', 'new', seconds)
    expect(await redis.client.ttl(`oidc:{sess:${id}}`)).toBe(1)
  })

  it(
    'is atomic across processes: of two connections exactly one succeeds each time',
    { meta: { id: 'redis-records-1' } },
    async () => {
      const second = newClient(redis.url)
      await second.connect()
      try {
        const both: OidcRecords[] = [records, redisRecords({ client: second })]
        for (let round = 0; round < 50; round++) {
          const key = getLogin(randomUUID())
          const added = await Promise.all(both.map((each, index) => each.add(key, `by ${index}`, 60)))
          expect(added.filter(Boolean)).toHaveLength(1)
          const before = (await records.get(key)) as string
          const replaced = await Promise.all(both.map((each, index) => each.replace(key, before, `re ${index}`, 60)))
          expect(replaced.filter(Boolean)).toHaveLength(1)
          const taken = await Promise.all(both.map((each) => each.getAndDelete(key)))
          expect(taken.filter((value) => value !== undefined)).toHaveLength(1)
        }
      } finally {
        second.destroy()
      }
    },
  )

  it('rejects with store_unavailable on a fault, and never answers as if nothing were stored', async () => {
    const tap = new RedisTap(redis.client)
    const failing = redisRecords({ client: tap })
    const key = getLogin(randomUUID())
    const operations = [
      () => failing.get(key),
      () => failing.set(key, 'value', 60),
      () => failing.add(key, 'value', 60),
      () => failing.replace(key, 'value', 'other', 60),
      () => failing.replace(key, 'value', undefined, 60),
      () => failing.getAndDelete(key),
      () => failing.delete([key]),
    ]
    for (const thrower of [false, true]) {
      tap.before = () => {
        throw Object.assign(new Error('LOADING Redis is loading the dataset in memory'), { code: 'X' })
      }
      const client = thrower
        ? (Object.fromEntries(
            ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval'].map((name) => [
              name,
              () => {
                throw new Error('The client is closed')
              },
            ]),
          ) as unknown as OidcRedisClient)
        : tap
      const throwing = redisRecords({ client })
      for (const operation of thrower ? [() => throwing.get(key), () => throwing.delete([key])] : operations) {
        const failed = await operation().catch((error: unknown) => error)
        expect(failed).toMatchObject({ code: 'store_unavailable', status: 503, headers: { 'Retry-After': '5' } })
      }
    }
  })

  it('abandons a command after timeoutSeconds', { meta: { id: 'redis-records-2' } }, async () => {
    const tap = new RedisTap(redis.client)
    tap.before = () => new Promise(() => {})
    const slow = redisRecords({ client: tap, timeoutSeconds: 0.05 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let isOver = false
    const refused = expect(slow.get(getLogin('id')).finally(() => (isOver = true))).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: Redis did not respond within 0.05 s',
    })
    await vi.advanceTimersByTimeAsync(49)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await refused
  })

  it.each([undefined, null, {}, 'redis://127.0.0.1', { get: () => {}, set: () => {} }])(
    'throws for the client %j',
    (client) => {
      expect(() => redisRecords({ client: client as unknown as OidcRedisClient })).toThrow(
        "redisRecords: `client` must be a connected client of the package 'redis', version 5 or later",
      )
    },
  )

  it('throws for a client of redis 4, which would ignore the expiry of each key', () => {
    const names = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval', 'commandsExecutor']
    const client = Object.fromEntries(names.map((name) => [name, () => {}])) as unknown as OidcRedisClient
    const message = '`client` is a client of redis 4; pass a client of redis 5 or later'
    expect(() => redisRecords({ client })).toThrow(new TypeError(`redisRecords: ${message}`))
    expect(() => new RedisSessionStore({ client })).toThrow(new TypeError(`RedisSessionStore: ${message}`))
  })

  it('throws for a prefix that would separate the keys of a session', () => {
    expect(() => redisRecords({ client: redis.client, prefix: 'a}b' })).toThrow(/^redisRecords: `prefix` must be/)
  })

  it.each([0, -1, Number.NaN, 301, '5'])('throws if timeoutSeconds is %j', (timeoutSeconds) => {
    expect(() => redisRecords({ client: redis.client, timeoutSeconds: timeoutSeconds as number })).toThrow(
      /`timeoutSeconds` must be a number of seconds/,
    )
  })
})
