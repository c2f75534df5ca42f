import type { Request } from 'express'
import type { Session, SessionData } from 'express-session'
import { companion, type Companion } from '../core/companion.ts'
import { ownProperties } from '../core/own-properties.ts'
import { Lru } from '../core/lru.ts'
import { LoginRecord } from './login-record.ts'
import type { WrittenRecord } from '../core/records.ts'
import { dataKey, loginKey, LoginRecords } from './login-records.ts'
import { attachedLogin, attachLogin, keepRecords } from './attached.ts'
import { RedisStore, requireConnectRedis } from './connect-redis.ts'
import { answered, defaultPrefix, redisKey, withoutTimeout, type RedisClient } from './redis-client.ts'
import { redisRecords, requireClient, requirePrefix, requireTimeout } from './redis-records.ts'
import { contentOf, isLive, parseSession } from './session-data.ts'

/** Options of {@link RedisSessionStore}. */
export interface RedisSessionStoreOptions {
  /** A connected node-redis client (`redis` 5 or later), or a cluster or sentinel of it. */
  client: RedisClient
  /** Seconds without a request after which a session ends. A shorter `cookie.maxAge` of the session itself counts instead. Default 86400 (a day). */
  idleSeconds?: number | undefined
  /** Prefix of the keys of sessions, which goes into the keys of all records. Default `sess:`. */
  prefix?: string | undefined
  /** Seconds after which a command is given up and the request answered with 503. Default 5. */
  timeoutSeconds?: number | undefined
}

type Callback<Data = void> = (error?: unknown, data?: Data) => unknown

/** A session, and the seconds that it has left. */
const lifeScript = `return {redis.call('GET', KEYS[1]), redis.call('TTL', KEYS[1])}`

/** Sessions of which it is remembered when they were last renewed. */
const mostRenewed = 50_000
/** A session in use is renewed at most this often by one process. */
const renewEverySeconds = 60

/**
 * Sessions in Redis that know of logins: a session and its logins are read with one command, a session that was ended
 * does not come back by the save of a slow request, and a session in use is renewed once a minute rather than at each
 * request.
 */
export class RedisSessionStore extends RedisStore {
  readonly #client: RedisClient
  readonly #reader: () => RedisClient
  readonly #idleSeconds: number
  readonly #timeoutSeconds: number
  readonly #logins: LoginRecords
  readonly #renewed = new Lru<number>(mostRenewed)
  /** Login records on their way from `get` to `createSession`. */
  readonly #loaded: Companion<LoginRecord> = companion()
  /** Session objects that exist in Redis, or whose first write is on its way. */
  readonly #existing: Companion<boolean> = companion()
  /** Content of the sessions that were written with their login, until the next save. */
  readonly #written: Companion<string> = companion()

  /** @throws TypeError where an option is wrong, or the installed connect-redis is older than version 9. */
  constructor(options: RedisSessionStoreOptions) {
    requireConnectRedis('RedisSessionStore')
    requireClient((options as RedisSessionStoreOptions | undefined)?.client, 'RedisSessionStore')
    const { client, idleSeconds = 86_400, prefix = defaultPrefix, timeoutSeconds = 5 } = ownProperties(options)
    if (!(idleSeconds > 0 && Number.isFinite(idleSeconds))) {
      throw new TypeError('RedisSessionStore: idleSeconds must be a number of seconds greater than 0')
    }
    requireTimeout(timeoutSeconds, 'RedisSessionStore')
    requirePrefix(prefix, 'RedisSessionStore')
    super({ client, prefix, ttl: Math.ceil(idleSeconds) })
    this.#client = client
    this.#reader = withoutTimeout(client)
    this.#idleSeconds = idleSeconds
    this.#timeoutSeconds = timeoutSeconds
    const records = redisRecords({ client, prefix, timeoutSeconds })
    this.#logins = new LoginRecords(records)
    keepRecords(this, {
      records,
      isOverridden: () =>
        (['set', 'destroy'] as const).some((name) => this[name] !== RedisSessionStore.prototype[name]),
      isStored: (session) => this.#existing.get(session) === true,
      toWrite: (session) => this.#toWrite(session),
    })
  }

  /** Reads a session and its logins. A session whose logins have all ended is over. */
  override get(sid: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> {
    return answer(this.#read(sid), callback)
  }

  /** Writes a session: one that is new only where none of its id exists, one that was loaded only where it still does. */
  override set(sid: string, session: SessionData, callback?: Callback): Promise<void> {
    return answer(this.#write(sid, session), callback)
  }

  /** Renews a session in use, at most once a minute; answers at once, since nothing of the response waits for it. */
  override touch(sid: string, session: SessionData, callback?: Callback): Promise<void> {
    const life = this.#life(session)
    const now = Date.now()
    const renewed = this.#renewed.get(sid)
    const every = Math.min(renewEverySeconds, life / 2) * 1000
    if (renewed === undefined || now - renewed >= every) {
      this.#renewed.set(sid, now)
      // A renewal that failed is made up for by the next request.
      this.#run(() => this.#client.expire(this.prefix + sid, life)).catch(() => this.#renewed.delete(sid))
    }
    callback?.()
    return Promise.resolve()
  }

  /** Deletes a session with its logins and tokens. */
  override destroy(sid: string, callback?: Callback): Promise<void> {
    return answer(this.#remove(sid), callback)
  }

  /** Seconds since the epoch at which a session was last in use, to the minute that it is renewed by; undefined where there is none. */
  async lastSeenAt(sid: string): Promise<number | undefined> {
    const words = { keys: [this.prefix + sid], arguments: [] }
    const [text, left] = (await this.#run(() => this.#client.eval(lifeScript, words))) as unknown[]
    if (typeof text !== 'string') return undefined
    const maxAge = parseSession(text).cookie?.originalMaxAge
    const life = typeof maxAge === 'number' ? Math.min(this.#idleSeconds, maxAge / 1000) : this.#idleSeconds
    return Math.floor(Date.now() / 1000 - Math.max(0, Math.ceil(life) - Number(left)))
  }

  override createSession(req: Request, data: SessionData): Session & SessionData {
    const session = super.createSession(req, data)
    this.#existing.set(session, true)
    const loaded = this.#loaded.get(data)
    if (loaded) attachLogin(session, loaded)
    return session
  }

  async #read(sid: string): Promise<SessionData | null> {
    const keys = [this.prefix + sid, redisKey(loginKey(sid), this.prefix)]
    const [text, login] = await this.#run(() => this.#reader().mGet(keys))
    const record = LoginRecord.of(sid, typeof login === 'string' ? login : undefined)
    if (typeof text !== 'string') return this.#moved(record)
    const data = parseSession(text)
    if (data.hasLogins === true && record.isOver) {
      // What was written for a user does not outlive that user's login. A session that was replaced is deleted by who
      // did, once that is certain.
      if (!record.isReplaced) await this.#remove(sid)
      return this.#moved(record)
    }
    this.#existing.set(data, true)
    this.#loaded.set(data, record)
    return data
  }

  /**
   * An empty session in the place of one whose logins have just gone over into another: a logout that arrives with the
   * old cookie meanwhile must find its way. Nobody is logged in with it, and nothing of it is ever written.
   */
  #moved(record: LoginRecord): SessionData | null {
    if (!record.moved) return null
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }
    const data: SessionData = { cookie, hasLogins: true }
    this.#loaded.set(data, record)
    return data
  }

  async #write(sid: string, session: SessionData): Promise<void> {
    if (attachedLogin(session)?.isReplaced) return
    const key = this.prefix + sid
    const value = JSON.stringify(session)
    const expiration = { type: 'EX' as const, value: this.#life(session) }
    const existing = this.#existing.get(session) === true
    const written = this.#written.get(session)
    if (written) {
      // At the end of the request express-session saves the session of a login again.
      this.#written.set(session, '')
      if (written === contentOf(session, expiration.value)) return
    }
    if (existing) {
      await this.#run(() => this.#client.set(key, value, { condition: 'XX', expiration }))
    } else if (isLive(session)) {
      this.#existing.set(session, true)
      try {
        await this.#run(() => this.#client.set(key, value, { condition: 'NX', expiration }))
      } catch (error) {
        this.#existing.set(session, false)
        throw error
      }
    } else {
      // Data that never came from here and belong to no request: somebody writes sessions by hand.
      await this.#run(() => this.#client.set(key, value, { expiration }))
    }
    this.#renewed.set(sid, Date.now())
  }

  /** The record of a new session, which is written with its login. */
  #toWrite(session: Session): WrittenRecord {
    const value = JSON.stringify(session)
    const seconds = this.#life(session)
    this.#existing.set(session, true)
    this.#written.set(session, contentOf(session, seconds))
    this.#renewed.set(session.id, Date.now())
    return { key: dataKey(session.id), value, seconds }
  }

  async #remove(sid: string): Promise<void> {
    this.#renewed.delete(sid)
    await this.#logins.endAll(sid)
    await this.#run(() => this.#client.del([this.prefix + sid]))
  }

  /** Seconds that a session lives from now: the idle time, or less where its cookie ends earlier. */
  #life(session: SessionData): number {
    const expires = session.cookie?.expires
    const left = expires ? (new Date(expires).getTime() - Date.now()) / 1000 : Infinity
    return Math.max(1, Math.ceil(Math.min(this.#idleSeconds, left)))
  }

  #run<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    return answered(command, this.#timeoutSeconds)
  }
}

/**
 * Answers a store's call both ways. With a callback the promise never rejects, since nobody listens to it; the
 * callback runs outside, so that what it throws does not call it again.
 */
function answer<Data>(work: Promise<Data>, callback: Callback<Data> | undefined): Promise<Data> {
  if (!callback) return work
  work.then(
    (data) => void callback(null, data),
    (error: unknown) => void callback(error),
  )
  return work.catch(() => undefined as Data)
}
