import type { Request } from 'express'
import session, { MemoryStore, type SessionData, type Store } from 'express-session'
import type { Records } from 'express-session-oidc'
import { redisRecords, RedisSessionStore } from 'express-session-oidc/redis'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { attachLogin, recordsIn } from '../../lib/store/attached.ts'
import { LoginRecord, writeRecord } from '../../lib/store/login-record.ts'
import { loginKey } from '../../lib/store/login-records.ts'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import { StoreRecords } from '../../lib/store/store-records.ts'
import {
  destroySession,
  recordsFor,
  RequestSession,
  sessionInUse,
  sessionLives,
} from '../../lib/session/web-session.ts'
import type { WrittenRecord } from '../../lib/core/records.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { AsyncStore } from '../support/async-store.ts'
import { redisForFile } from '../support/redis.ts'
import { slotOf } from '../support/slots.ts'
import { warningsGiven, warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()
const redis = redisForFile()
const secret = 'a secret of more than thirty-two characters'

/** A request as express-session hands it on: with a new session. */
function requestOf(store: Store): Request {
  const req = { headers: {}, url: '/', originalUrl: '/', connection: {} } as unknown as Request
  const res = { on: () => {}, setHeader: () => {}, end: () => {}, writeHead: () => {} }
  session({ store, secret, resave: false, saveUninitialized: false })(req, res as never, () => {})
  return req
}

describe('where logins are kept', () => {
  it('is where the application says, the same for all of its instances and requests', async () => {
    const given = new MemoryRecords()
    const records = recordsFor(new AsyncStore(), given)
    expect(recordsFor(new RedisSessionStore({ client: redis.client }), given)).toBe(records)
    expect(recordsFor(new AsyncStore(), new MemoryRecords())).not.toBe(records)
    const key = loginKey('id')
    expect(await records.add(key, 'first', 60)).toBe(true)
    expect(await records.replace(key, 'first', 'second', 60)).toBe(true)
    expect(await given.get(key)).toBe('second')
    await records.set(key, 'third', 60)
    expect(await records.get(key)).toBe('third')
    expect(await records.take(key)).toBe('third')
    await records.set(key, 'fourth', 60)
    await records.delete([key])
    expect(await given.get(key)).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it.each(['rejects', 'throws'])('is a fault of the store where what the application says %s', async (how) => {
    const fail = (): Promise<never> => {
      if (how === 'rejects') return Promise.reject(new Error('no connection to the database'))
      throw new Error('no connection to the database')
    }
    const given: Records = {
      get: fail,
      set: fail,
      add: fail,
      replace: fail,
      take: fail,
      delete: fail,
      include: fail,
      members: fail,
      exclude: fail,
    }
    const records = recordsFor(new AsyncStore(), given)
    const key = loginKey('id')
    for (const operation of [
      () => records.get(key),
      () => records.set(key, 'value', 60),
      () => records.add(key, 'value', 60),
      () => records.replace(key, 'value', undefined, 60),
      () => records.take(key),
      () => records.delete([key]),
      () => records.include(key, 'member', 60),
      () => records.members(key),
      () => records.exclude(key, ['member']),
    ]) {
      await expect(operation()).rejects.toMatchObject({
        code: 'store_unavailable',
        status: 503,
        detail: 'Error: no connection to the database',
      })
    }
  })

  it('is beside the session, where its store can do that', () => {
    const store = new RedisSessionStore({ client: redis.client })
    expect(recordsFor(store, undefined)).toBe(recordsIn(store)?.records)
  })

  it('is memory, where sessions are, one for each store', () => {
    const store = new MemoryStore()
    const records = recordsFor(store, undefined)
    expect(records).toBeInstanceOf(MemoryRecords)
    expect(recordsFor(store, undefined)).toBe(records)
    expect(recordsFor(new MemoryStore(), undefined)).not.toBe(records)
  })

  it('is the session store itself otherwise, which is said once', async () => {
    const store = new AsyncStore()
    const records = recordsFor(store, undefined)
    expect(records).toBeInstanceOf(StoreRecords)
    expect(recordsFor(store, undefined)).toBe(records)
    recordsFor(new AsyncStore(), undefined)
    await warningsGiven()
    expect(warnings).toMatchObject([
      { code: 'OIDC_STORE_NOT_ATOMIC', message: expect.stringContaining('AsyncStore') as string },
    ])
  })
})

describe('whether a session lives', () => {
  /** A store that answers like this. */
  function answering(...answer: [error?: unknown, session?: SessionData | null]): Store {
    const store = new AsyncStore()
    store.get = (_id, done) => void setImmediate(() => done(...answer))
    return store
  }

  it.each<[string, Store, boolean]>([
    ['a session', answering(null, { cookie: { originalMaxAge: null } }), true],
    ['null', answering(null, null), false],
    ['nothing', answering(), false],
    ['that there is no such file', answering(Object.assign(new Error('no such file'), { code: 'ENOENT' })), false],
  ])('is what its store says: %s', async (_what, store, expected) => {
    expect(await sessionLives(store, 'id')).toBe(expected)
  })

  it.each(['answers', 'throws'])('cannot be told of a store that %s an error', async (how) => {
    const store = new AsyncStore()
    store.fault = () => ({ error: new Error('no connection'), thrown: how === 'throws' })
    await expect(sessionLives(store, 'id')).rejects.toMatchObject({ code: 'store_unavailable', status: 503 })
  })
})

describe('the session of a request', () => {
  let store: AsyncStore
  let req: Request
  let web: RequestSession

  beforeEach(() => {
    store = new AsyncStore()
    req = requestOf(store)
    web = new RequestSession(req, new MemoryRecords())
  })

  const sessionsIn = (): (SessionData & { id?: string })[] =>
    [...store.entries.values()].map((text) => JSON.parse(text) as SessionData)

  it('has no login, and asks for none, until there were logins', () => {
    expect(web.hasLogins).toBe(false)
    expect(web.login()).toBe(LoginRecord.none)
    delete (req as { session?: unknown }).session
    expect(web.hasLogins).toBe(false)
    expect(web.login()).toBe(LoginRecord.none)
  })

  it('has the login that its records have', async () => {
    const text = writeRecord({ default: slotOf('alice') }, 1)
    web.renew(true)
    expect(web.hasLogins).toBe(true)
    expect(await web.login()).toBe(LoginRecord.none)
    await web.records.set(loginKey(web.id), text, 60)
    expect(await web.login()).toEqual(LoginRecord.of('session', text))
    expect(await web.readLogin('another')).toBe(LoginRecord.none)
  })

  it('does not take the login that another store read along for that of its own records', async () => {
    web.renew(true)
    attachLogin(req.session, LoginRecord.of('session', writeRecord({ default: slotOf('mallory') }, 1)))
    expect(await web.login()).toBe(LoginRecord.none)
  })

  it('is renewed in memory first: another id, the data copied, nothing shared with the former', async () => {
    Object.assign(req.session, { cart: { items: ['apple'] }, nothing: undefined })
    const { session: former, sessionID: formerId } = req
    const renewed = web.renew(true)
    expect(renewed.id).not.toBe(formerId)
    expect(req.sessionID).toBe(renewed.id)
    expect(req.session).not.toBe(former)
    expect(req.session).toMatchObject({ cart: { items: ['apple'] } })
    ;(req.session as unknown as { cart: { items: string[] } }).cart.items.push('banana')
    expect(former).toMatchObject({ cart: { items: ['apple'] } })
    expect(former.hasLogins).toBeUndefined()
    expect(store.done).toEqual([])
    await renewed.save()
    expect(store.done).toEqual([`set ${renewed.id}`])
  })

  it('is renewed without the data of another user, and with a cookie of its own', () => {
    Object.assign(req.session, { cart: 'apple' })
    req.session.cookie.maxAge = 5
    web.renew(false)
    expect(req.session).not.toHaveProperty('cart')
    expect(req.session.cookie.maxAge).toBeNull()
  })

  it('takes over no prototype from what was stored', () => {
    Object.defineProperty(req.session, '__proto__', { value: { isAdmin: true }, enumerable: true, configurable: true })
    Object.assign(req.session, { deep: JSON.parse('{"__proto__":{"isAdmin":true},"kept":1}') as object })
    web.renew(true)
    const renewed = req.session as unknown as { isAdmin?: boolean; deep: { isAdmin?: boolean; kept: number } }
    expect(renewed.isAdmin).toBeUndefined()
    expect(renewed.deep.isAdmin).toBeUndefined()
    expect(renewed.deep.kept).toBe(1)
    expect(typeof req.session.save).toBe('function')
  })

  it('that was renewed can be taken back before and after it was saved', async () => {
    const { session: former, sessionID: formerId } = req
    const unsaved = web.renew(true)
    await unsaved.discard()
    expect(req.session).toBe(former)
    expect(req.sessionID).toBe(formerId)
    expect(store.done).toEqual([])
    const saved = web.renew(true)
    await saved.save()
    await saved.discard()
    expect(req.session).toBe(former)
    expect(req.sessionID).toBe(formerId)
    expect(sessionsIn()).toEqual([])
  })

  it('is back in the request also where the store does not let the renewed one be deleted', async () => {
    const { session: former } = req
    const renewed = web.renew(true)
    await renewed.save()
    store.fault = (operation) => (operation === 'destroy' ? { error: new Error('gone') } : undefined)
    await expect(renewed.discard()).rejects.toMatchObject({ code: 'store_unavailable', status: 503 })
    expect(req.session).toBe(former)
  })

  it('that is saved is the renewed one, whatever a hook has put into the request', async () => {
    const renewed = web.renew(true)
    req.sessionStore.generate(req)
    await renewed.save()
    expect(req.sessionID).toBe(renewed.id)
    expect([...store.entries.keys()]).toEqual([renewed.id])
  })

  it('leaves the former one in the store until it is dropped', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    const formerId = req.sessionID
    const renewed = web.renew(true)
    await renewed.save()
    expect(store.entries.has(formerId)).toBe(true)
    await renewed.dropFormer(LoginRecord.none)
    expect([...store.entries.keys()]).toEqual([renewed.id])
  })

  describe('whose store keeps it among its records', () => {
    let tap: RedisTap
    let redisStore: RedisSessionStore
    beforeEach(() => {
      tap = new RedisTap(redis.client)
      redisStore = new RedisSessionStore({ client: tap })
      req = requestOf(redisStore)
      web = new RequestSession(req, recordsFor(redisStore, undefined))
    })

    const saved = (): Promise<void> => new Promise((resolve) => void req.session.save(() => resolve()))
    const commands = (): string[] => tap.calls.map(({ method, keys }) => [method, ...keys].join(' '))

    it('is not saved, but is to be written with its login', async () => {
      const renewed = web.renew(true)
      expect(await renewed.save()).toEqual([
        { key: { session: renewed.id, part: 'data' }, value: JSON.stringify(req.session), seconds: 86_400 },
      ])
      expect(commands()).toEqual([])
      expect(req.session.hasLogins).toBe(true)
    })

    it('leaves a former one alone that was never stored', async () => {
      await web.renew(true).dropFormer(LoginRecord.none)
      expect(commands()).toEqual([])
    })

    it('has the former one deleted with its tokens, in one command', async () => {
      await saved()
      const former = req.sessionID
      tap.reset()
      const slots = { default: slotOf('alice'), staff: slotOf('bob') }
      await web.renew(true).dropFormer(LoginRecord.of(former, writeRecord(slots, 1)))
      const tokens = ['default', 'staff'].map((name) => `oidc:{sess:${former}}:tokens:${name}`)
      expect(commands()).toEqual([['del', `sess:${former}`, ...tokens].join(' ')])
    })

    it('ends the logins of a former one that the application has taken the mark from', async () => {
      await saved()
      const former = req.sessionID
      const text = writeRecord({ default: slotOf('alice') }, 1)
      await web.records.set(loginKey(former), text, 60)
      attachLogin(req.session, LoginRecord.of(former, text))
      await web.renew(true).dropFormer(LoginRecord.none)
      expect(await web.records.get(loginKey(former))).toBeUndefined()
      expect(await redis.client.exists(`sess:${former}`)).toBe(0)
    })

    it('is saved and deleted by the methods that an application has put in front of the store', async () => {
      await saved()
      const former = req.sessionID
      const set = vi.spyOn(redisStore, 'set')
      const destroy = vi.spyOn(redisStore, 'destroy')
      await web.records.set({ session: former, part: 'tokens:default' }, 'sealed', 60)
      const renewed = web.renew(true)
      expect(await renewed.save()).toEqual([])
      await renewed.dropFormer(LoginRecord.of(former, writeRecord({ default: slotOf('alice') }, 1)))
      expect(set.mock.calls.map(([id]) => id)).toEqual([renewed.id])
      expect(destroy.mock.calls.map(([id]) => id)).toEqual([former])
      expect(await web.records.get({ session: former, part: 'tokens:default' })).toBeUndefined()
    })

    it('is taken out again where its login fails', async () => {
      const former = req.session
      const renewed = web.renew(true)
      const [record] = await renewed.save()
      const { key, value, seconds } = record as WrittenRecord
      await web.records.set(key, value, seconds)
      await renewed.discard()
      expect(req.session).toBe(former)
      expect(await redis.client.exists(`sess:${renewed.id}`)).toBe(0)
    })
  })

  it('can be ended, as can another', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    store.entries.set('another', '{}')
    await web.destroy('another')
    expect(req.session).toBeDefined()
    await web.destroy(req.sessionID)
    expect(req.session).toBeUndefined()
    expect(store.entries.size).toBe(0)
    await web.destroy(req.sessionID)
  })

  it('can start over: the store has nothing of it, the request another', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    Object.assign(req.session, { cart: 'apple' })
    const { sessionID: formerId } = req
    await web.startOver()
    expect(req.sessionID).not.toBe(formerId)
    expect(req.session).not.toHaveProperty('cart')
    expect(store.entries.size).toBe(0)
  })

  it('says where its logins are, so that a store of another place does not look for them', () => {
    web.renew(true)
    expect(req.session.hasLogins).toBe('elsewhere')
    const own = new RedisSessionStore({ client: redis.client })
    const request = requestOf(own)
    new RequestSession(request, recordsFor(request.sessionStore, undefined)).renew(true)
    expect(request.session.hasLogins).toBe(true)
    const other = requestOf(own)
    new RequestSession(other, redisRecords({ client: redis.client, prefix: 'other:' })).renew(true)
    expect(other.session.hasLogins).toBe('elsewhere')
  })
})

describe('when a session was last in use', () => {
  const put = (store: Store, cookie: object | undefined): Promise<void> =>
    new Promise((resolve) => store.set('id', { cookie } as unknown as SessionData, () => resolve()))
  const expires = new Date(1_800_000_600_500)

  it('is what its store says', async () => {
    const store = new MemoryStore()
    await put(store, { expires, originalMaxAge: 600_000 })
    const lastSeenAt = vi.fn(async () => 1_700_000_000)
    expect(await sessionInUse(Object.assign(store, { lastSeenAt }), 'id')).toEqual({ lastSeenAt: 1_700_000_000 })
    expect(lastSeenAt).toHaveBeenCalledExactlyOnceWith('id')
  })

  it('is when it was renewed, for a store that cannot tell', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_100_000 })
    const store = new MemoryStore()
    await put(store, { expires, originalMaxAge: 600_000 })
    expect(await sessionInUse(store, 'id')).toEqual({ lastSeenAt: 1_800_000_000 })
  })

  it.each([
    ['has no end', { originalMaxAge: null, expires: null }],
    ['has an end and no length', { originalMaxAge: null, expires: '2099-01-01T00:00:00Z' }],
    ['has a length and no end', { originalMaxAge: 600_000, expires: null }],
    ['has no cookie', undefined],
  ])('is not known of one that %s', async (_what, cookie) => {
    const store = new MemoryStore()
    await put(store, cookie)
    expect(await sessionInUse(store, 'id')).toEqual({ lastSeenAt: undefined })
  })

  it('is nothing where there is no such session', async () => {
    const store = new MemoryStore()
    expect(await sessionInUse(store, 'id')).toBeUndefined()
    await put(store, undefined)
    await destroySession(store, 'id')
    expect(await sessionInUse(store, 'id')).toBeUndefined()
  })
})
