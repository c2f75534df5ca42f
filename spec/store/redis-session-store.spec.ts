import { randomUUID } from 'node:crypto'
import type { Request } from 'express'
import { Cookie, type Session, type SessionData } from 'express-session'
import {
  redisRecords,
  RedisSessionStore,
  type OidcRedisClient,
  type RedisSessionStoreOptions,
} from 'express-session-oidc/redis'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { findAttachedLogin, findSessionRecords, type SessionRecords } from '../../lib/store/attached.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { makeLoginKey } from '../../lib/store/login-records.ts'
import { until } from '../support/app.ts'
import { ownRedis } from '../support/own-redis.ts'
import { newClient, redisForFile } from '../support/redis.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { makeLoginEntry } from '../support/login-entries.ts'

declare module 'express-session' {
  interface SessionData {
    cart?: string
  }
}

const redis = redisForFile()
const paused = await ownRedis('the session store while Redis is paused')
const cluster = await ownRedis('the keys of a session in a Redis Cluster', ['cluster-enabled yes'])

let tap: RedisTap
let store: RedisSessionStore
let id: string

beforeEach(() => {
  tap = new RedisTap(redis.client)
  store = new RedisSessionStore({ client: tap, idleSeconds: 600 })
  id = randomUUID()
})

const getKey = (session: string): string => `sess:${session}`
const methods = (): string[] => tap.calls.map(({ method }) => method)

/** A session as express-session creates it for a request: a new one, or the one that `data` belongs to. */
function findSession(data?: SessionData, cookie: Partial<Cookie> = {}): Session & SessionData {
  const req = { sessionID: id } as Request
  const fresh = data ?? { cookie: Object.assign(new Cookie(), cookie) }
  // The base class creates a new session, because the store has never read it.
  const session = data
    ? store.createSession(req, fresh)
    : Object.getPrototypeOf(RedisSessionStore.prototype).createSession.call(store, req, fresh)
  return session as Session & SessionData
}

async function readSession(): Promise<Session & SessionData> {
  const data = await store.get(id)
  expect(data).not.toBeNull()
  return findSession(data as SessionData)
}

const stored = async (): Promise<SessionData | undefined> => {
  const text = await redis.client.get(getKey(id))
  return text === null ? undefined : (JSON.parse(text) as SessionData)
}

/** Stores a session with logins in Redis. */
async function putLogin(record: string | undefined, data: object = { cart: 'apple' }): Promise<void> {
  const session = { cookie: { originalMaxAge: null, path: '/' }, hasLogins: true, ...data }
  await redis.client.set(getKey(id), JSON.stringify(session), { expiration: { type: 'EX', value: 600 } })
  if (record !== undefined) await redis.client.set(`oidc:{sess:${id}}`, record)
  await redis.client.set(`oidc:{sess:${id}}:tokens:default`, 'sealed')
  await redis.client.set(`oidc:{sess:${id}}:tokens:partner`, 'sealed')
}

const loginRecord = (): string =>
  writeRecord({ default: makeLoginEntry('alice'), partner: makeLoginEntry('al') }, 3, undefined)

async function keysLeft(): Promise<string[]> {
  const found: string[] = []
  for await (const keys of redis.client.scanIterator({ MATCH: `*${id}*`, COUNT: 1000 })) found.push(...keys)
  return found.toSorted()
}

describe('writing a session', () => {
  it('does not write a new session over an existing one with the same id', async () => {
    await redis.client.set(getKey(id), '{"cart":"of somebody else"}')
    const session = findSession()
    session.cart = 'apple'
    await store.set(id, session)
    expect(await stored()).toEqual({ cart: 'of somebody else' })
  })

  it('creates a new session at the first write of a request, and updates it at the second', async () => {
    const session = findSession()
    session.cart = 'apple'
    await store.set(id, session)
    session.cart = 'banana'
    await store.set(id, session)
    expect((await stored())?.cart).toBe('banana')
  })

  it('does not recreate a new session that was deleted between two writes of the same request', async () => {
    const session = findSession()
    await store.set(id, session)
    await store.destroy(id)
    session.cart = 'apple'
    await store.set(id, session)
    expect(await stored()).toBeUndefined()
    // The same holds if another part of the application deletes the session without the store.
    const other = findSession()
    await store.set(id, other)
    await redis.client.del(getKey(id))
    await store.set(id, other)
    expect(await stored()).toBeUndefined()
  })

  it('applies both of two concurrent writes of a new session', async () => {
    const session = findSession()
    session.cart = 'apple'
    const first = store.set(id, session)
    session.cart = 'banana'
    await Promise.all([first, store.set(id, session)])
    expect((await stored())?.cart).toBe('banana')
  })

  it('updates a session that was read', async () => {
    await store.set(id, findSession())
    const session = await readSession()
    session.cart = 'apple'
    await store.set(id, session)
    expect((await stored())?.cart).toBe('apple')
  })

  it.each(['by the store', 'by hand'])(
    'does not restore a session that was deleted %s after it was read',
    { meta: { id: 'redis-session-store-1' } },
    async (how) => {
      const session = findSession()
      session.cart = 'apple'
      await store.set(id, session)
      const slow = await readSession()
      if (how === 'by the store') await store.destroy(id)
      else await redis.client.del(getKey(id))
      slow.cart = 'banana'
      await store.set(id, slow)
      await store.set(id, slow)
      expect(await keysLeft()).toEqual([])
    },
  )

  it('does not restore a deleted session from the data that the store returned', async () => {
    await store.set(id, findSession())
    const data = (await store.get(id)) as SessionData
    await store.destroy(id)
    await store.set(id, { ...data, cart: 'spread' })
    expect((await stored())?.cart).toBe('spread')
    await store.destroy(id)
    data.cart = 'apple'
    await store.set(id, data)
    expect(await stored()).toBeUndefined()
  })

  it('always writes data that belong to no request', async () => {
    const data = { cookie: new Cookie(), cart: 'made by a job' }
    await store.set(id, data)
    expect((await stored())?.cart).toBe('made by a job')
    await store.set(id, { ...data, cart: 'made again' })
    expect((await stored())?.cart).toBe('made again')
  })

  it('retries a failed first write as a first write', async () => {
    const session = findSession()
    session.cart = 'apple'
    let faults = 1
    tap.before = () => {
      if (faults-- > 0) throw new Error('down')
    }
    await expect(store.set(id, session)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await stored()).toBeUndefined()
    await store.set(id, session)
    expect((await stored())?.cart).toBe('apple')
  })
})

describe('the lifetime of a session', () => {
  async function lifeAfter(write: () => Promise<unknown>): Promise<number> {
    await write()
    return redis.client.ttl(getKey(id))
  }

  it.each([
    ['the idle time if the cookie has no expiry', undefined, 600],
    ['the idle time if the cookie expires later', 900_000, 600],
    ['that of the cookie if it is shorter', 100_000, 100],
    ['one second if the cookie has expired', -5000, 1],
  ])('sets the lifetime of a session to %s', async (_what, maxAge, seconds) => {
    const session = findSession(undefined, maxAge === undefined ? {} : { expires: new Date(Date.now() + maxAge) })
    const life = await lifeAfter(() => store.set(id, session))
    expect(life).toBeGreaterThanOrEqual(seconds - 2)
    expect(life).toBeLessThanOrEqual(seconds)
    if (seconds === 1) return
    await redis.client.expire(getKey(id), 5000)
    const other = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
    const renewed = await lifeAfter(async () => {
      await other.touch(id, session)
      await until(async () => (await redis.client.ttl(getKey(id))) < 5000 - 10, 'the session is renewed')
    })
    expect(renewed).toBeGreaterThanOrEqual(seconds - 2)
    expect(renewed).toBeLessThanOrEqual(seconds)
  })

  it('defaults to a lifetime of one day', async () => {
    store = new RedisSessionStore({ client: redis.client })
    expect(await lifeAfter(() => store.set(id, findSession()))).toBeGreaterThan(86_000)
  })

  it('sets the lifetime of data without a cookie to the idle time', async () => {
    expect(await lifeAfter(() => store.set(id, { cart: 'x' } as unknown as SessionData))).toBeGreaterThan(590)
  })

  it('rounds a lifetime of a fraction of a second up to one second', async () => {
    store = new RedisSessionStore({ client: redis.client, idleSeconds: 0.5 })
    expect(await lifeAfter(() => store.set(id, findSession()))).toBe(1)
  })
})

describe('renewing a session in use', () => {
  it('touch() answers at once, before Redis does', async () => {
    let called = false
    tap.before = () => new Promise(() => {})
    void store.touch(id, findSession(), () => (called = true))
    expect(called).toBe(true)
    await store.touch(id, findSession())
  })

  it('renews a session with one command a minute, whatever the number of requests', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const session = findSession()
    for (let request = 0; request < 100; request++) await store.touch(id, session)
    expect(methods()).toEqual(['expire'])
    vi.setSystemTime(Date.now() + 59_999)
    await store.touch(id, session)
    expect(methods()).toEqual(['expire'])
    vi.setSystemTime(Date.now() + 1)
    await store.touch(id, session)
    await store.touch(id, session)
    expect(methods()).toEqual(['expire', 'expire'])
  })

  it('renews a short-lived session more often, so that it does not expire in use', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    store = new RedisSessionStore({ client: tap, idleSeconds: 20 })
    const session = findSession()
    await store.touch(id, session)
    vi.setSystemTime(Date.now() + 9999)
    await store.touch(id, session)
    expect(methods()).toEqual(['expire'])
    vi.setSystemTime(Date.now() + 1)
    await store.touch(id, session)
    expect(methods()).toEqual(['expire', 'expire'])
  })

  it('does not renew a session that was just written', async () => {
    const session = findSession()
    await store.set(id, session)
    await store.touch(id, session)
    expect(methods()).toEqual(['set'])
  })

  it('retries a failed renewal at the next request', async () => {
    let faults = 1
    tap.before = () => {
      if (faults-- > 0) throw new Error('down')
    }
    const session = findSession()
    await store.touch(id, session)
    await until(async () => {
      await store.touch(id, session)
      return tap.calls.length === 2
    }, 'the session is renewed a second time')
    await store.touch(id, session)
    expect(methods()).toEqual(['expire', 'expire'])
  })

  it('touch() creates no session', async () => {
    await store.touch(id, findSession())
    await redis.client.ping()
    expect(await keysLeft()).toEqual([])
  })
})

describe('reading a session', () => {
  it('reads a session and its logins with one command', async () => {
    const text = loginRecord()
    await putLogin(text)
    const session = await readSession()
    expect(tap.calls).toEqual([{ method: 'mGet', keys: [getKey(id), `oidc:{sess:${id}}`], index: 0 }])
    expect(session.cart).toBe('apple')
    expect(findAttachedLogin(session)).toEqual(LoginRecord.of('session', text))
    expect(findAttachedLogin(session)?.entries).toEqual((JSON.parse(text) as { entries: object }).entries)
  })

  it('attaches the empty login record to a session without logins', async () => {
    await store.set(id, findSession())
    expect(findAttachedLogin(await readSession())).toBe(LoginRecord.none)
  })

  it('returns null for a session that does not exist', async () => {
    expect(await store.get(id)).toBeNull()
    await redis.client.set(`oidc:{sess:${id}}`, loginRecord())
    expect(await store.get(id)).toBeNull()
  })

  it('attaches the logins only to a session that is created from the data of the same read', async () => {
    await putLogin(loginRecord())
    const data = (await store.get(id)) as SessionData
    expect(findAttachedLogin(findSession({ ...data }))).toBeUndefined()
    expect(findAttachedLogin(findSession(data))).toBeDefined()
  })

  it.each([
    ['is missing', undefined],
    ['has no entries', writeRecord({}, 4, undefined)],
    ['has only expired entries', writeRecord({ default: makeLoginEntry('alice', { endsAt: 1 }) }, 4, undefined)],
    ['cannot be read', '{"format":1,'],
  ])('deletes a session that had logins if its login record %s', async (_what, record) => {
    await putLogin(record)
    expect(await store.get(id)).toBeNull()
    expect(await redis.client.exists(getKey(id))).toBe(0)
    expect(await redis.client.exists(`oidc:{sess:${id}}`)).toBe(0)
  })

  it('keeps a session whose login record a newer version wrote, with nobody logged in', async () => {
    const newer = '{"format":2,"entries":"of another kind"}'
    await putLogin(newer)
    const session = await readSession()
    expect(findAttachedLogin(session)).toMatchObject({ text: newer, isOver: false })
    expect(findAttachedLogin(session)?.entries).toEqual({})
    expect(methods()).toEqual(['mGet'])
    expect(await keysLeft()).toHaveLength(4)
    expect(await redis.client.get(`oidc:{sess:${id}}`)).toBe(newer)
  })

  it.each(['before it is deleted', 'once it is deleted'])(
    'returns an empty session, which is never written, for one whose logins were moved, %s',
    async (when) => {
      const replaced = writeReplaced('successor', { default: makeLoginEntry('alice') })
      await putLogin(replaced)
      if (when.startsWith('once')) await redis.client.del(getKey(id))
      const session = await readSession()
      expect(methods()).toEqual(['mGet'])
      // The mark makes a logout with the old cookie look up where its login was moved.
      expect(session.hasLogins).toBe(true)
      expect(session).not.toHaveProperty('cart')
      expect(findAttachedLogin(session)).toMatchObject({ moved: { session: 'successor' } })
      expect(findAttachedLogin(session)?.entries).toEqual({})
      session.cart = 'written late'
      await store.set(id, session)
      await store.touch(id, session)
      const data = (await store.get(id)) as SessionData
      data.cart = 'written late'
      await store.set(id, data)
      expect((await redis.client.get(getKey(id))) ?? '').not.toContain('written late')
      expect(await redis.client.exists(getKey(id))).toBe(when.startsWith('once') ? 0 : 1)
      await store.destroy(id)
      expect(await redis.client.get(`oidc:{sess:${id}}`)).toBe(replaced)
      await redis.client.del(`oidc:{sess:${id}}`)
      expect(await store.get(id)).toBeNull()
    },
  )

  it('returns null for a session that was replaced without moving a login, and does not delete it', async () => {
    await putLogin(writeReplaced('successor', {}))
    expect(await store.get(id)).toBeNull()
    expect(methods()).toEqual(['mGet'])
    expect(await keysLeft()).toHaveLength(4)
  })

  it.each(['{', 'null', '1', '"text"', '[]x'])(
    'rejects with store_unavailable if the stored session is %s',
    async (text) => {
      await redis.client.set(getKey(id), text)
      await expect(store.get(id)).rejects.toMatchObject({ code: 'store_unavailable', status: 503 })
    },
  )

  it.each([
    '{"format":1,"version":1,"entries":{"default":null}}',
    '{"format":1,"version":1,"entries":{"default":7}}',
    '{"format":1,"version":0,"entries":{},"replaced":true}',
    '{"format":1,"version":0,"entries":{},"replaced":{"session":"another"}}',
    '{"format":1,"version":0,"entries":{},"replaced":{"session":"another","logins":null}}',
    '{"format":1,"version":0,"entries":{},"replaced":{"logins":{"default":"x"}}}',
  ])('returns null rather than failing for a session with the login record %s', async (record) => {
    await putLogin(record)
    expect(await store.get(id)).toBeNull()
  })
})

describe('deleting a session', () => {
  it('deletes a session with its logins and tokens', async () => {
    await putLogin(loginRecord())
    expect(await keysLeft()).toHaveLength(4)
    await store.destroy(id)
    expect(await keysLeft()).toEqual([])
  })

  it('deletes a session without logins, with an unreadable login record, or that does not exist', async () => {
    await store.destroy(id)
    await store.set(id, findSession())
    await store.destroy(id)
    expect(await stored()).toBeUndefined()
    await putLogin('garbage')
    await store.destroy(id)
    expect(await redis.client.exists([getKey(id), `oidc:{sess:${id}}`])).toBe(0)
    await putLogin('{"format":2}')
    await store.destroy(id)
    expect(await redis.client.exists([getKey(id), `oidc:{sess:${id}}`])).toBe(0)
  })

  const cookie = { originalMaxAge: 60_000, expires: '2030-01-01T00:00:00.000Z', httpOnly: true, path: '/' }
  const strangers: [string, unknown][] = [
    ['null', null],
    ['a text', 'text'],
    ['a number', 7],
    ['a truth value', true],
    ['a list', []],
    ['a list with a cookie', Object.assign([], { cookie })],
    ['no cookie', { cart: 'apple' }],
    ...[null, 7, 'text', true, [], [cookie]].map((value): [string, unknown] => [
      `the cookie ${JSON.stringify(value)}`,
      { cookie: value },
    ]),
    ...[
      { originalMaxAge: '60000' },
      { originalMaxAge: {} },
      { originalMaxAge: true },
      { expires: 'never' },
      { expires: {} },
      { expires: 7 },
      { path: 7 },
      { path: ['/'] },
      { path: '/;a' },
      { domain: {} },
      { domain: 'a b' },
      { sameSite: 'odd' },
      { sameSite: 7 },
      { priority: 'odd' },
    ].map((change): [string, unknown] => [
      `a cookie with ${JSON.stringify(change)}`,
      { cookie: { ...cookie, ...change }, hasLogins: true },
    ]),
  ]
  const texts = strangers.map(([name, value]): [string, string] => [name, JSON.stringify(value)])

  it.each([['no JSON', 'garbage'], ...texts])(
    'reports that something else writes to the key of a session: %s',
    async (_, text) => {
      await redis.client.set(getKey(id), text)
      const expected = {
        code: 'store_unavailable',
        status: 503,
        detail: 'Error: a value in Redis is not a session; check whether something else writes to this key',
      }
      await expect(store.get(id)).rejects.toMatchObject(expected)
      await expect(store.lastSeenAt(id)).rejects.toMatchObject(expected)
      expect(await redis.client.get(getKey(id))).toBe(text)
    },
  )

  it.each([
    { originalMaxAge: null },
    { originalMaxAge: null, expires: null },
    { originalMaxAge: false, expires: false },
    {},
    { ...cookie, secure: 'auto', sameSite: false, domain: 'example.com', priority: 'high', odd: [7] },
    { ...cookie, sameSite: true, partitioned: true, domain: undefined },
  ])('reads a session with the cookie %j', async (given) => {
    await redis.client.set(getKey(id), JSON.stringify({ cookie: given, cart: 'apple' }))
    expect(await store.get(id)).toEqual({ cookie: JSON.parse(JSON.stringify(given)) as object, cart: 'apple' })
  })

  it.each([{ sameSite: '' }, { priority: '' }, { path: '' }, { domain: '' }, { maxAge: '' }, { expires: '' }])(
    'reads a session with the cookie options %j, and express-session serializes its cookie',
    async (options) => {
      const written = JSON.stringify({ cookie: Object.assign(new Cookie(), options), cart: 'apple' })
      await redis.client.set(getKey(id), written)
      const data = (await store.get(id)) as SessionData
      const read = store.createSession({ sessionStore: store } as never, data)
      const { cookie: restored } = read as unknown as { cookie: { serialize: (name: string, value: string) => string } }
      expect(restored.serialize('sid', 'value')).toMatch(/^sid=value/)
    },
  )

  it('keeps the record of where the logins were moved', async () => {
    await putLogin(writeReplaced('successor', { default: makeLoginEntry('alice') }))
    await store.destroy(id)
    expect(await redis.client.exists(getKey(id))).toBe(0)
    expect(await redis.client.exists(`oidc:{sess:${id}}`)).toBe(1)
  })
})

describe('a session that is written together with its login', () => {
  const kept = () => findSessionRecords(store) as SessionRecords

  it('toWrite() returns the record that a write of the session would make', async () => {
    const session = findSession(undefined, { originalMaxAge: 60_000 })
    session.cart = 'apple'
    const { key, value, seconds } = kept().toWrite(session)
    await kept().records.set(key, value, seconds)
    expect(await stored()).toMatchObject({ cart: 'apple' })
    const ttl = await redis.client.ttl(getKey(id))
    await redis.client.del(getKey(id))
    await new RedisSessionStore({ client: tap, idleSeconds: 600 }).set(id, session)
    expect((await redis.client.get(getKey(id))) as string).toBe(value)
    expect(await redis.client.ttl(getKey(id))).toBe(ttl)
    expect(ttl).toBe(seconds)
  })

  it('skips the next save of a session written with its login if nothing changed, but no later save', async () => {
    const session = findSession()
    kept().toWrite(session)
    await store.set(id, session)
    expect(methods()).toEqual([])
    await store.set(id, session)
    expect(methods()).toEqual(['set'])
  })

  it.each<[string, (session: Session & SessionData) => void]>([
    ['its data', (session) => (session.cart = 'apple')],
    ['its expiry', (session) => (session.cookie.expires = new Date(Date.now() + 5000))],
    ['its cookie', (session) => (session.cookie.path = '/shop')],
  ])('does not skip the next save of a session written with its login if %s changed', async (_what, change) => {
    const session = findSession()
    const { key, value, seconds } = kept().toWrite(session)
    await kept().records.set(key, value, seconds)
    change(session)
    await store.set(id, session)
    expect(methods().at(-1)).toBe('set')
    expect(await redis.client.get(getKey(id))).toBe(JSON.stringify(session))
  })

  it('skips the next save if only the expiry of the cookie has moved', async () => {
    const session = findSession()
    session.cookie.maxAge = 60_000
    kept().toWrite(session)
    const { expires } = session.cookie
    await until(() => {
      // As express-session does at the end of a request.
      session.touch()
      return session.cookie.expires?.getTime() !== expires?.getTime()
    }, 'the expiry has moved')
    await store.set(id, session)
    expect(methods()).toEqual([])
  })

  it('does not restore a deleted session with a later save', async () => {
    const session = findSession()
    const { key, value, seconds } = kept().toWrite(session)
    await kept().records.set(key, value, seconds)
    await store.destroy(id)
    session.cart = 'apple'
    await store.set(id, session)
    expect(await keysLeft()).toEqual([])
  })

  it('does not renew a session that was just written with its login', async () => {
    const session = findSession()
    kept().toWrite(session)
    await store.touch(id, session)
    expect(methods()).toEqual([])
  })

  it('isStored() is true only for a session that was written with its login, saved or loaded', async () => {
    const session = findSession()
    expect(kept().isStored(session)).toBe(false)
    kept().toWrite(session)
    expect(kept().isStored(session)).toBe(true)
    const saved = findSession()
    await store.set(id, saved)
    expect(kept().isStored(saved)).toBe(true)
    expect(kept().isStored(await readSession())).toBe(true)
  })

  it('isOverridden() is true if the application has replaced a method of the store', () => {
    expect(kept().isOverridden()).toBe(false)
    vi.spyOn(store, 'destroy')
    expect(kept().isOverridden()).toBe(true)
    class Counting extends RedisSessionStore {
      override set(sid: string, session: SessionData, done?: (error?: unknown) => unknown): Promise<void> {
        return super.set(sid, session, done)
      }
    }
    store = new Counting({ client: tap })
    expect(kept().isOverridden()).toBe(true)
  })
})

describe('RedisSessionStore', () => {
  it('provides records beside its sessions', async () => {
    await putLogin(loginRecord())
    expect(await findSessionRecords(store)?.records.get(makeLoginKey(id))).toBe(
      await redis.client.get(`oidc:{sess:${id}}`),
    )
    expect(findSessionRecords({})).toBeUndefined()
  })

  it('answers by callback as well as by promise', async () => {
    const session = findSession()
    session.cart = 'apple'
    await new Promise<void>((resolve, reject) => {
      void store.set(id, session, (error) => (error ? reject(error) : resolve()))
    })
    const data = await new Promise((resolve, reject) => {
      void store.get(id, (error, found) => (error ? reject(error) : resolve(found)))
    })
    expect(data).toMatchObject({ cart: 'apple' })
    await new Promise<void>((resolve, reject) => {
      void store.destroy(id, (error) => (error ? reject(error) : resolve()))
    })
    expect(await store.get(id)).toBeNull()
  })

  it('reports every fault as a 503 with Retry-After, by callback and by promise', async () => {
    const session = findSession()
    tap.before = () => {
      throw new Error('The socket was closed')
    }
    const fault = { code: 'store_unavailable', status: 503, headers: { 'Retry-After': '5' } }
    for (const operation of [
      (done?: (error?: unknown) => void) => store.get(id, done),
      (done?: (error?: unknown) => void) => store.set(id, session, done),
      (done?: (error?: unknown) => void) => store.destroy(id, done),
    ]) {
      await expect(operation()).rejects.toMatchObject(fault)
      const calls: unknown[] = []
      const returned = await operation((error) => calls.push(error))
      expect(returned).toBeUndefined()
      expect(calls).toEqual([expect.objectContaining(fault)])
    }
  })

  it('uses the prefix of its options', async () => {
    store = new RedisSessionStore({ client: redis.client, prefix: 'shop:' })
    await store.set(id, findSession())
    expect(await keysLeft()).toEqual([`shop:${id}`])
    await findSessionRecords(store)?.records.set(makeLoginKey(id), loginRecord(), 60)
    expect(await keysLeft()).toEqual([`oidc:{shop:${id}}`, `shop:${id}`])
    await store.destroy(id)
    expect(await keysLeft()).toEqual([])
  })

  it.each([
    [undefined, /`client` must be a connected client/],
    [{}, /`client` must be a connected client/],
    [{ client: {} }, /`client` must be a connected client/],
    [{ prefix: 'a}' }, /`prefix` must be a string, with braces only around a hash tag such as '\{shop\}:sess:'/],
    [{ prefix: '{}:' }, /prefix/],
    [{ prefix: 7 }, /prefix/],
    [{ idleSeconds: 0 }, /`idleSeconds` must be a number of seconds greater than 0/],
    [{ idleSeconds: -1 }, /idleSeconds/],
    [{ idleSeconds: Number.NaN }, /idleSeconds/],
    [{ idleSeconds: Infinity }, /idleSeconds/],
    [{ idleSeconds: '3600' }, /idleSeconds/],
    [{ timeoutSeconds: 0 }, /`timeoutSeconds` must be a number of seconds greater than 0, at most 300/],
    [{ timeoutSeconds: Number.NaN }, /timeoutSeconds/],
    [{ timeoutSeconds: 301 }, /timeoutSeconds/],
  ])('throws for the options %j', (options, message) => {
    const given =
      options && !('client' in options) && Object.keys(options).length > 0
        ? { client: redis.client, ...options }
        : options
    expect(() => new RedisSessionStore(given as unknown as RedisSessionStoreOptions)).toThrow(message)
    expect(() => new RedisSessionStore(given as unknown as RedisSessionStoreOptions)).toThrow(TypeError)
  })
})

describe.skipIf(!paused)('a Redis server that does not answer', () => {
  it('waits for Redis no longer than timeoutSeconds, and uses it again once it answers', async () => {
    const client = newClient(paused!.url)
    await client.connect()
    store = new RedisSessionStore({ client, timeoutSeconds: 0.3 })
    const session = findSession()
    session.cart = 'apple'
    await store.set(id, session)
    paused!.pause()
    try {
      const fault = { code: 'store_unavailable', status: 503, detail: 'Error: Redis did not respond within 0.3 s' }
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      let isOver = false
      const refused = expect(store.get(id).finally(() => (isOver = true))).rejects.toMatchObject(fault)
      await vi.advanceTimersByTimeAsync(299)
      expect(isOver).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await refused
      vi.useRealTimers()
      await Promise.all([
        expect(store.set(id, session)).rejects.toMatchObject(fault),
        expect(store.destroy(randomUUID())).rejects.toMatchObject(fault),
        expect(findSessionRecords(store)?.records.get(makeLoginKey(id))).rejects.toMatchObject(fault),
        store.touch(randomUUID(), session),
      ])
    } finally {
      paused!.resume()
    }
    await until(
      () =>
        store.get(id).then(
          (data) => data?.cart === 'apple',
          () => false,
        ),
      'the session is read again',
    )
    client.destroy()
  })
})

describe.skipIf(!cluster)('a Redis Cluster', () => {
  /** A single node with all slots rejects commands across slots, like a cluster of several nodes. */
  async function clusterClient(): Promise<ReturnType<typeof newClient>> {
    const client = newClient(cluster!.url)
    await client.connect()
    if (!(await client.clusterInfo()).includes('cluster_slots_assigned:16384')) {
      await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
    }
    await until(async () => (await client.clusterInfo()).includes('cluster_state:ok'), 'the cluster is up')
    return client
  }

  it.each(['sess:', 'shop:sess:', '', '{shop}:sess:', 'a{b', 'a}b{c}:'])(
    'accepts a command with several keys of one session, with the prefix %j',
    async (prefix) => {
      const client = await clusterClient()
      try {
        store = new RedisSessionStore({ client, prefix })
        const records = findSessionRecords(store)?.records
        await store.set(id, { cookie: new Cookie(), hasLogins: true, cart: 'apple' })
        await records?.set(makeLoginKey(id), loginRecord(), 60)
        await records?.set({ session: id, part: 'tokens:default' }, 'sealed', 60)
        await records?.set({ session: id, part: 'tokens:partner' }, 'sealed', 60)
        expect((await store.get(id))?.cart).toBe('apple')
        await store.destroy(id)
        expect(await client.keys(`*${id}*`)).toEqual([])
        await redisRecords({ client, prefix }).delete([makeLoginKey(id), { kind: 'used', id }])
      } finally {
        client.destroy()
      }
    },
  )
})

describe('the type OidcRedisClient', () => {
  it('accepts a client of the package redis as it is', () => {
    const client: OidcRedisClient = redis.client
    expect(client).toBeDefined()
  })
})

describe('lastSeenAt()', () => {
  const seen = async (left: number, text: string | undefined): Promise<number | undefined> => {
    if (text !== undefined) await redis.client.set(getKey(id), text, { expiration: { type: 'EX', value: left } })
    return store.lastSeenAt(id)
  }
  const now = (): number => Math.floor(Date.now() / 1000)

  it.each([
    ['from the remaining lifetime', 500, '{"cookie":{"originalMaxAge":null}}', 100],
    ['if the lifetime is that of the cookie', 250, '{"cookie":{"originalMaxAge":300000}}', 50],
    ['if the cookie lasts longer than the idle time', 500, '{"cookie":{"originalMaxAge":9000000}}', 100],
    ['with an empty cookie', 500, '{"cookie":{}}', 100],
    ['if the lifetime is not a whole number of seconds', 250, '{"cookie":{"originalMaxAge":299500}}', 50],
    ['as now if more than the lifetime is left', 900, '{"cookie":{}}', 0],
  ])('returns the time of the last use %s', async (_how, left, text, ago) => {
    const found = await seen(left, text)
    expect(found).toBeGreaterThanOrEqual(now() - ago - 1)
    expect(found).toBeLessThanOrEqual(now() - ago + 1)
  })

  it('returns undefined for a session that does not exist', async () => {
    expect(await seen(0, undefined)).toBeUndefined()
  })
})
