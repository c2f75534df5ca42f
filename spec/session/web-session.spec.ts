import type { Request } from 'express'
import session, { MemoryStore, type SessionData, type Store } from 'express-session'
import type { OidcRecords } from 'express-session-oidc'
import { redisRecords, RedisSessionStore } from 'express-session-oidc/redis'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { attachLogin, findSessionRecords } from '../../lib/store/attached.ts'
import { LoginRecord, writeRecord } from '../../lib/store/login-record.ts'
import { makeLoginKey } from '../../lib/store/login-records.ts'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import { StoreRecords } from '../../lib/store/store-records.ts'
import {
  destroySession,
  makeRecords,
  RequestSession,
  findSessionInUse,
  isSessionAlive,
} from '../../lib/session/web-session.ts'
import type { OidcWrittenRecord } from '../../lib/core/records.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { AsyncStore } from '../support/async-store.ts'
import { redisForFile } from '../support/redis.ts'
import { makeLoginEntry } from '../support/login-entries.ts'
import { FailureLog } from '../../lib/core/failure-log.ts'
import { recordLog } from '../support/log.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()
const log = new FailureLog('default', recordLog)
const redis = redisForFile()
const secret = 'a secret of more than thirty-two characters'

/** A request with a new session, as express-session passes it on. */
function makeRequest(store: Store): Request {
  const req = { headers: {}, url: '/', originalUrl: '/', connection: {} } as unknown as Request
  const res = { on: () => {}, setHeader: () => {}, end: () => {}, writeHead: () => {} }
  session({ store, secret, resave: false, saveUninitialized: false })(req, res as never, () => {})
  return req
}

describe('makeRecords()', () => {
  it('returns the records of the option, the same for all instances and requests', async () => {
    const given = new MemoryRecords()
    const records = makeRecords(new AsyncStore(), given, log)
    expect(makeRecords(new RedisSessionStore({ client: redis.client }), given, log)).toBe(records)
    expect(makeRecords(new AsyncStore(), new MemoryRecords(), log)).not.toBe(records)
    const key = makeLoginKey('id')
    expect(await records.add(key, 'first', 60)).toBe(true)
    expect(await records.replace(key, 'first', 'second', 60)).toBe(true)
    expect(await given.get(key)).toBe('second')
    await records.set(key, 'third', 60)
    expect(await records.get(key)).toBe('third')
    expect(await records.getAndDelete(key)).toBe('third')
    await records.set(key, 'fourth', 60)
    await records.delete([key])
    expect(await given.get(key)).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it.each(['rejects', 'throws'])(
    'fails with store_unavailable if a method of the records of the application %s',
    async (how) => {
      const fail = (): Promise<never> => {
        if (how === 'rejects') return Promise.reject(new Error('no connection to the database'))
        throw new Error('no connection to the database')
      }
      const given: OidcRecords = {
        get: fail,
        set: fail,
        add: fail,
        replace: fail,
        getAndDelete: fail,
        delete: fail,
        addToSet: fail,
        members: fail,
        removeFromSet: fail,
      }
      const records = makeRecords(new AsyncStore(), given, log)
      const key = makeLoginKey('id')
      for (const operation of [
        () => records.get(key),
        () => records.set(key, 'value', 60),
        () => records.add(key, 'value', 60),
        () => records.replace(key, 'value', undefined, 60),
        () => records.getAndDelete(key),
        () => records.delete([key]),
        () => records.addToSet(key, 'member', 60),
        () => records.members(key),
        () => records.removeFromSet(key, ['member']),
      ]) {
        await expect(operation()).rejects.toMatchObject({
          code: 'store_unavailable',
          status: 503,
          detail: 'Error: no connection to the database',
        })
      }
    },
  )

  it('returns the records of a session store that has its own', () => {
    const store = new RedisSessionStore({ client: redis.client })
    expect(makeRecords(store, undefined, log)).toBe(findSessionRecords(store)?.records)
  })

  it('returns records in memory for each MemoryStore', () => {
    const store = new MemoryStore()
    const records = makeRecords(store, undefined, log)
    expect(records).toBeInstanceOf(MemoryRecords)
    expect(makeRecords(store, undefined, log)).toBe(records)
    expect(makeRecords(new MemoryStore(), undefined, log)).not.toBe(records)
  })

  it('returns records in the session store itself otherwise, with one warning', async () => {
    const store = new AsyncStore()
    const records = makeRecords(store, undefined, log)
    expect(records).toBeInstanceOf(StoreRecords)
    expect(makeRecords(store, undefined, log)).toBe(records)
    makeRecords(new AsyncStore(), undefined, log)
    expect(warnings).toMatchObject([
      { code: 'OIDC_STORE_NOT_ATOMIC', message: expect.stringContaining('AsyncStore') as string },
    ])
  })
})

describe('isSessionAlive()', () => {
  /** A store whose `get()` calls back with `answer`. */
  function answering(...answer: [error?: unknown, session?: SessionData | null]): Store {
    const store = new AsyncStore()
    store.get = (_id, done) => void setImmediate(() => done(...answer))
    return store
  }

  it.each<[string, Store, boolean]>([
    ['a session', answering(null, { cookie: { originalMaxAge: null } }), true],
    ['null', answering(null, null), false],
    ['nothing', answering(), false],
    ['the error ENOENT', answering(Object.assign(new Error('no such file'), { code: 'ENOENT' })), false],
  ])('evaluates the result of a store that returns %s', async (_what, store, expected) => {
    expect(await isSessionAlive(store, 'id')).toBe(expected)
  })

  it.each(['returns', 'throws'])('fails with store_unavailable if the store %s an error', async (how) => {
    const store = new AsyncStore()
    store.fault = () => ({ error: new Error('no connection'), thrown: how === 'throws' })
    await expect(isSessionAlive(store, 'id')).rejects.toMatchObject({ code: 'store_unavailable', status: 503 })
  })
})

describe('RequestSession', () => {
  let store: AsyncStore
  let req: Request
  let web: RequestSession

  beforeEach(() => {
    store = new AsyncStore()
    req = makeRequest(store)
    web = new RequestSession(req, new MemoryRecords())
  })

  const sessionsIn = (): (SessionData & { id?: string })[] =>
    [...store.entries.values()].map((text) => JSON.parse(text) as SessionData)

  it('has no login, and reads none, until the session has had logins', () => {
    expect(web.hasLogins).toBe(false)
    expect(web.login()).toBe(LoginRecord.none)
    delete (req as { session?: unknown }).session
    expect(web.hasLogins).toBe(false)
    expect(web.login()).toBe(LoginRecord.none)
  })

  it('reads the login from its records', async () => {
    const text = writeRecord({ default: makeLoginEntry('alice') }, 1, undefined)
    web.renew(true)
    expect(web.hasLogins).toBe(true)
    expect(await web.login()).toBe(LoginRecord.none)
    await web.records.set(makeLoginKey(web.id), text, 60)
    expect(await web.login()).toEqual(LoginRecord.of('session', text))
    expect(await web.readLogin('another')).toBe(LoginRecord.none)
  })

  it('ignores a login that the session store attached if its records are elsewhere', async () => {
    web.renew(true)
    attachLogin(
      req.session,
      LoginRecord.of('session', writeRecord({ default: makeLoginEntry('mallory') }, 1, undefined)),
    )
    expect(await web.login()).toBe(LoginRecord.none)
  })

  it('renews the session in memory first, with another id and a deep copy of the data', async () => {
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

  it('renews the session without the data of another user, and with a new cookie', () => {
    Object.assign(req.session, { cart: 'apple' })
    req.session.cookie.maxAge = 5
    web.renew(false)
    expect(req.session).not.toHaveProperty('cart')
    expect(req.session.cookie.maxAge).toBeNull()
  })

  it('does not take over a prototype from the stored data', () => {
    Object.defineProperty(req.session, '__proto__', { value: { isAdmin: true }, enumerable: true, configurable: true })
    Object.assign(req.session, { deep: JSON.parse('{"__proto__":{"isAdmin":true},"kept":1}') as object })
    web.renew(true)
    const renewed = req.session as unknown as { isAdmin?: boolean; deep: { isAdmin?: boolean; kept: number } }
    expect(renewed.isAdmin).toBeUndefined()
    expect(renewed.deep.isAdmin).toBeUndefined()
    expect(renewed.deep.kept).toBe(1)
    expect(typeof req.session.save).toBe('function')
  })

  it('discards a renewed session before and after it was saved', async () => {
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

  it('restores the former session of the request even if the renewed one cannot be deleted', async () => {
    const { session: former } = req
    const renewed = web.renew(true)
    await renewed.save()
    store.fault = (operation) => (operation === 'destroy' ? { error: new Error('gone') } : undefined)
    await expect(renewed.discard()).rejects.toMatchObject({ code: 'store_unavailable', status: 503 })
    expect(req.session).toBe(former)
  })

  it('saves the renewed session, whatever session a hook has put into the request', async () => {
    const renewed = web.renew(true)
    req.sessionStore.generate(req)
    await renewed.save()
    expect(req.sessionID).toBe(renewed.id)
    expect([...store.entries.keys()]).toEqual([renewed.id])
  })

  it('keeps the former session in the store until it is dropped', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    const formerId = req.sessionID
    const renewed = web.renew(true)
    await renewed.save()
    expect(store.entries.has(formerId)).toBe(true)
    await renewed.dropFormer(LoginRecord.none)
    expect([...store.entries.keys()]).toEqual([renewed.id])
  })

  describe('with a session store that keeps sessions among its records', () => {
    let tap: RedisTap
    let redisStore: RedisSessionStore
    beforeEach(() => {
      tap = new RedisTap(redis.client)
      redisStore = new RedisSessionStore({ client: tap })
      req = makeRequest(redisStore)
      web = new RequestSession(req, makeRecords(redisStore, undefined, log))
    })

    const saved = (): Promise<void> => new Promise((resolve) => void req.session.save(() => resolve()))
    const commands = (): string[] => tap.calls.map(({ method, keys }) => [method, ...keys].join(' '))

    it('does not save the renewed session, but returns its record to be written with the login', async () => {
      const renewed = web.renew(true)
      expect(await renewed.save()).toEqual([
        { key: { session: renewed.id, part: 'data' }, value: JSON.stringify(req.session), seconds: 86_400 },
      ])
      expect(commands()).toEqual([])
      expect(req.session.hasLogins).toBe(true)
    })

    it('sends no command for a former session that was never stored', async () => {
      await web.renew(true).dropFormer(LoginRecord.none)
      expect(commands()).toEqual([])
    })

    it('deletes the former session and its tokens in one command', async () => {
      await saved()
      const former = req.sessionID
      tap.reset()
      const login = LoginRecord.of(
        former,
        writeRecord({ default: makeLoginEntry('alice'), staff: makeLoginEntry('bob') }, 1, undefined),
      )
      attachLogin(req.session, login)
      await web.renew(true).dropFormer(login)
      const tokens = ['default', 'staff'].map((name) => `oidc:{sess:${former}}:tokens:${name}`)
      expect(commands()).toEqual([['del', `sess:${former}`, ...tokens].join(' ')])
    })

    it('deletes a former session without logins in one command', async () => {
      await saved()
      const former = req.sessionID
      tap.reset()
      await web.renew(true).dropFormer(LoginRecord.none)
      expect(commands()).toEqual([`del sess:${former}`])
    })

    it('ends the logins of a former session without the hasLogins mark', async () => {
      await saved()
      const former = req.sessionID
      const text = writeRecord({ default: makeLoginEntry('alice') }, 1, undefined)
      await web.records.set(makeLoginKey(former), text, 60)
      attachLogin(req.session, LoginRecord.of(former, text))
      await web.renew(true).dropFormer(LoginRecord.none)
      expect(await web.records.get(makeLoginKey(former))).toBeUndefined()
      expect(await redis.client.exists(`sess:${former}`)).toBe(0)
    })

    it('calls set() and destroy() if an application has overridden them', async () => {
      await saved()
      const former = req.sessionID
      const set = vi.spyOn(redisStore, 'set')
      const destroy = vi.spyOn(redisStore, 'destroy')
      await web.records.set({ session: former, part: 'tokens:default' }, 'sealed', 60)
      const renewed = web.renew(true)
      expect(await renewed.save()).toEqual([])
      await renewed.dropFormer(LoginRecord.of(former, writeRecord({ default: makeLoginEntry('alice') }, 1, undefined)))
      expect(set.mock.calls.map(([id]) => id)).toEqual([renewed.id])
      expect(destroy.mock.calls.map(([id]) => id)).toEqual([former])
      expect(await web.records.get({ session: former, part: 'tokens:default' })).toBeUndefined()
    })

    it('deletes the renewed session if its login fails', async () => {
      const former = req.session
      const renewed = web.renew(true)
      const [record] = await renewed.save()
      const { key, value, seconds } = record as OidcWrittenRecord
      await web.records.set(key, value, seconds)
      await renewed.discard()
      expect(req.session).toBe(former)
      expect(await redis.client.exists(`sess:${renewed.id}`)).toBe(0)
    })
  })

  it('destroys its own session or another one', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    store.entries.set('another', '{}')
    await web.destroy('another')
    expect(req.session).toBeDefined()
    await web.destroy(req.sessionID)
    expect(req.session).toBeUndefined()
    expect(store.entries.size).toBe(0)
    await web.destroy(req.sessionID)
  })

  it('starts over with a new session, and deletes the former one', async () => {
    await new Promise<void>((resolve) => req.session.save(() => resolve()))
    Object.assign(req.session, { cart: 'apple' })
    const { sessionID: formerId } = req
    await web.startOver()
    expect(req.sessionID).not.toBe(formerId)
    expect(req.session).not.toHaveProperty('cart')
    expect(store.entries.size).toBe(0)
  })

  it('marks whether the logins are in the session store or elsewhere', () => {
    web.renew(true)
    expect(req.session.hasLogins).toBe('elsewhere')
    const own = new RedisSessionStore({ client: redis.client })
    const request = makeRequest(own)
    new RequestSession(request, makeRecords(request.sessionStore, undefined, log)).renew(true)
    expect(request.session.hasLogins).toBe(true)
    const other = makeRequest(own)
    new RequestSession(other, redisRecords({ client: redis.client, prefix: 'other:' })).renew(true)
    expect(other.session.hasLogins).toBe('elsewhere')
  })
})

describe('findSessionInUse()', () => {
  const put = (store: Store, cookie: object | undefined): Promise<void> =>
    new Promise((resolve) => store.set('id', { cookie } as unknown as SessionData, () => resolve()))
  const expires = new Date(1_800_000_600_500)

  it('returns the time that the store knows', async () => {
    const store = new MemoryStore()
    await put(store, { expires, originalMaxAge: 600_000 })
    const lastSeenAt = vi.fn(async () => 1_700_000_000)
    expect(await findSessionInUse(Object.assign(store, { lastSeenAt }), 'id')).toEqual({ lastSeenAt: 1_700_000_000 })
    expect(lastSeenAt).toHaveBeenCalledExactlyOnceWith('id')
  })

  it('returns when the session was renewed if the store does not know the time', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_100_000 })
    const store = new MemoryStore()
    await put(store, { expires, originalMaxAge: 600_000 })
    expect(await findSessionInUse(store, 'id')).toEqual({ lastSeenAt: 1_800_000_000 })
  })

  it.each([
    ['has no expiry and no maximum age', { originalMaxAge: null, expires: null }],
    ['has an expiry and no maximum age', { originalMaxAge: null, expires: '2099-01-01T00:00:00Z' }],
    ['has a maximum age and no expiry', { originalMaxAge: 600_000, expires: null }],
    ['has no cookie', undefined],
  ])('returns no time for a session that %s', async (_what, cookie) => {
    const store = new MemoryStore()
    await put(store, cookie)
    expect(await findSessionInUse(store, 'id')).toEqual({ lastSeenAt: undefined })
  })

  it('returns undefined if there is no such session', async () => {
    const store = new MemoryStore()
    expect(await findSessionInUse(store, 'id')).toBeUndefined()
    await put(store, undefined)
    await destroySession(store, 'id')
    expect(await findSessionInUse(store, 'id')).toBeUndefined()
  })
})
