import type { Request } from 'express'
import type { Session, SessionData } from 'express-session'
import { makePrivateField, type PrivateField } from '../core/private-field.ts'
import { copyOwnProperties } from '../core/own-properties.ts'
import { GenerationalCache } from '../core/generational-cache.ts'
import { LoginRecord } from './login-record.ts'
import type { OidcWrittenRecord } from '../core/records.ts'
import { makeDataKey, makeLoginKey, LoginRecords } from './login-records.ts'
import { findAttachedLogin, attachLogin, keepRecords } from './attached.ts'
import { RedisStore, requireConnectRedis } from './connect-redis.ts'
import { runWithTimeout, defaultPrefix, formatRedisKey, removeTimeout, type OidcRedisClient } from './redis-client.ts'
import { redisRecords, requireClient, requirePrefix, requireTimeout } from './redis-records.ts'
import { isLive, parseSession, serializeContent, SessionState } from './session-data.ts'

/** Options of {@link RedisSessionStore}. */
export interface RedisSessionStoreOptions {
  /**
   * A connected client of the package `redis` (version 5 or later): a client, pool, cluster or sentinel.
   * @example new RedisSessionStore({ client: await createClient({ url: process.env.REDIS_URL }).connect() })
   */
  client: OidcRedisClient
  /**
   * Seconds without a request after which a session expires, greater than 0. A shorter `cookie.maxAge` of the session
   * takes precedence.
   * @default 86400
   * @example new RedisSessionStore({ client, idleSeconds: 3600 })
   */
  idleSeconds?: number | undefined
  /**
   * Prefix of the keys of sessions, and part of the key of every record. Braces are allowed only around a hash tag of
   * Redis Cluster, which puts all keys on one master.
   * @default 'sess:'
   * @example new RedisSessionStore({ client, prefix: 'shop:' })
   */
  prefix?: string | undefined
  /**
   * Time limit of a command, in seconds: greater than 0, at most 300. After that, the response is 503.
   *
   * @default 5
   * @example new RedisSessionStore({ client, timeoutSeconds: 2 })
   */
  timeoutSeconds?: number | undefined
}

type Callback<Data = void> = (error?: unknown, data?: Data) => unknown

/** Reads a session and its remaining lifetime in seconds. */
const lifeScript = `return {redis.call('GET', KEYS[1]), redis.call('TTL', KEYS[1])}`

/** Maximum number of sessions whose latest renewal a process remembers. */
const mostRenewed = 50_000
/**
 * Seconds between two renewals of a session by one process. A session with less than twice this lifetime is renewed more
 * often.
 */
const renewEverySeconds = 60

/**
 * Session store in Redis for sessions with logins. It reads a session and its logins with one command. A slow request
 * cannot restore a destroyed session. A process renews a session in use at most once a minute, or twice per lifetime if
 * that is more often.
 * @example app.use(session({ store: new RedisSessionStore({ client }), secret, resave: false, saveUninitialized: false }))
 */
export class RedisSessionStore extends RedisStore {
  readonly #client: OidcRedisClient
  readonly #reader: () => OidcRedisClient
  readonly #idleSeconds: number
  readonly #timeoutSeconds: number
  readonly #logins: LoginRecords
  readonly #renewed = new GenerationalCache<number>(mostRenewed)
  readonly #states: PrivateField<SessionState> = makePrivateField()

  /** @throws TypeError if an option is invalid, or if the installed connect-redis is older than version 9. */
  constructor(options: RedisSessionStoreOptions) {
    requireConnectRedis('RedisSessionStore')
    requireClient((options as RedisSessionStoreOptions | undefined)?.client, 'RedisSessionStore')
    const { client, idleSeconds = 86_400, prefix = defaultPrefix, timeoutSeconds = 5 } = copyOwnProperties(options)
    if (!(idleSeconds > 0 && Number.isFinite(idleSeconds))) {
      throw new TypeError('RedisSessionStore: `idleSeconds` must be a number of seconds greater than 0')
    }
    requireTimeout(timeoutSeconds, 'RedisSessionStore')
    requirePrefix(prefix, 'RedisSessionStore')
    super({ client, prefix, ttl: Math.ceil(idleSeconds) })
    this.#client = client
    this.#reader = removeTimeout(client)
    this.#idleSeconds = idleSeconds
    this.#timeoutSeconds = timeoutSeconds
    const records = redisRecords({ client, prefix, timeoutSeconds })
    this.#logins = new LoginRecords(records)
    keepRecords(this, {
      records,
      isOverridden: () =>
        (['set', 'destroy'] as const).some((name) => this[name] !== RedisSessionStore.prototype[name]),
      isStored: (session) => this.#states.get(session)?.isStored === true,
      toWrite: (session) => this.#toWrite(session),
    })
  }

  /** Returns a session and attaches its logins; null if there is none, or if all its logins have ended. */
  override get(sid: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> {
    return answer(this.#read(sid), callback)
  }

  /** Writes a session: a new one only if its id is unused, a loaded one only if it still exists. */
  override set(sid: string, session: SessionData, callback?: Callback): Promise<void> {
    return answer(this.#write(sid, session), callback)
  }

  /** Renews a session if a renewal is due. Answers at once, because no response depends on the renewal. */
  override touch(sid: string, session: SessionData, callback?: Callback): Promise<void> {
    const life = this.#life(session)
    const now = Date.now()
    const renewedAt = this.#renewed.get(sid)
    const intervalMs = Math.min(renewEverySeconds, life / 2) * 1000
    if (renewedAt === undefined || now - renewedAt >= intervalMs) {
      this.#renewed.set(sid, now)
      // The next request retries a renewal that failed.
      this.#run(() => this.#client.expire(this.prefix + sid, life)).catch(() => this.#renewed.delete(sid))
    }
    callback?.()
    return Promise.resolve()
  }

  /** Deletes a session, its logins and its tokens. */
  override destroy(sid: string, callback?: Callback): Promise<void> {
    return answer(this.#remove(sid), callback)
  }

  /** Returns when a session was last used, in seconds since the epoch, to the minute; undefined if there is none. */
  async lastSeenAt(sid: string): Promise<number | undefined> {
    const options = { keys: [this.prefix + sid], arguments: [] }
    const [text, secondsLeft] = (await this.#run(() => this.#client.eval(lifeScript, options))) as unknown[]
    if (typeof text !== 'string') return undefined
    const maxAge = parseSession(text).cookie.originalMaxAge
    const life = typeof maxAge === 'number' ? Math.min(this.#idleSeconds, maxAge / 1000) : this.#idleSeconds
    return Math.floor(Date.now() / 1000 - Math.max(0, Math.ceil(life) - Number(secondsLeft)))
  }

  /** Creates the session of a request from what `get` returned, with the logins attached. */
  override createSession(req: Request, data: SessionData): Session & SessionData {
    const session = super.createSession(req, data)
    this.#states.set(session, new SessionState())
    const login = findAttachedLogin(data)
    if (login) attachLogin(session, login)
    return session
  }

  async #read(sid: string): Promise<SessionData | null> {
    const keys = [this.prefix + sid, formatRedisKey(makeLoginKey(sid), this.prefix)]
    const [text, login] = await this.#run(() => this.#reader().mGet(keys))
    const record = LoginRecord.of(sid, typeof login === 'string' ? login : undefined)
    if (typeof text !== 'string') return this.#moved(record)
    const data = parseSession(text)
    if (data.hasLogins === true && record.isOver) {
      // Data that were written for a user must not outlive that user's login. A replaced session is deleted by the login
      // that replaced it, once that login is complete.
      if (!record.isReplaced) await this.#remove(sid)
      return this.#moved(record)
    }
    this.#states.set(data, new SessionState())
    attachLogin(data, record)
    return data
  }

  /**
   * Returns an empty session in place of one whose logins moved, so that a logout with the old cookie finds them.
   * Nobody is logged in with it, and it is never written.
   */
  #moved(record: LoginRecord): SessionData | null {
    if (!record.moved) return null
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }
    const data: SessionData = { cookie, hasLogins: true }
    attachLogin(data, record)
    return data
  }

  async #write(sid: string, session: SessionData): Promise<void> {
    if (findAttachedLogin(session)?.isReplaced) return
    const value = JSON.stringify(session)
    const seconds = this.#life(session)
    const state = this.#states.get(session)
    if (state?.isUnchanged(session, seconds)) return
    const write = async (options: { condition?: 'NX' | 'XX' }): Promise<void> => {
      const expiration = { type: 'EX' as const, value: seconds }
      await this.#run(() => this.#client.set(this.prefix + sid, value, { ...options, expiration }))
    }
    if (state?.isStored) await write({ condition: 'XX' })
    else if (isLive(session)) await this.#writeNew(session, () => write({ condition: 'NX' }))
    else await write({})
    this.#renewed.set(sid, Date.now())
  }

  /** Runs the first write of a session. While it is in progress, a second write treats the session as stored. */
  async #writeNew(session: SessionData, write: () => Promise<void>): Promise<void> {
    const state = new SessionState()
    this.#states.set(session, state)
    try {
      await write()
    } catch (error) {
      state.isStored = false
      throw error
    }
  }

  /** Returns the record of a new session, which the caller writes with its login. */
  #toWrite(session: Session): OidcWrittenRecord {
    const value = JSON.stringify(session)
    const seconds = this.#life(session)
    this.#states.set(session, new SessionState(serializeContent(session, seconds)))
    this.#renewed.set(session.id, Date.now())
    return { key: makeDataKey(session.id), value, seconds }
  }

  async #remove(sid: string): Promise<void> {
    this.#renewed.delete(sid)
    await this.#logins.endAll(sid)
    await this.#run(() => this.#client.del([this.prefix + sid]))
  }

  /** Returns the lifetime in seconds: the idle time, or less if the cookie expires earlier. */
  #life(session: SessionData): number {
    const expires = session.cookie?.expires
    const cookieSeconds = expires ? (new Date(expires).getTime() - Date.now()) / 1000 : Infinity
    return Math.max(1, Math.ceil(Math.min(this.#idleSeconds, cookieSeconds)))
  }

  #run<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    return runWithTimeout(command, this.#timeoutSeconds)
  }
}

/**
 * Answers by promise or callback. With a callback the promise never rejects, because nobody awaits it. If the callback
 * throws, it is not called again.
 */
function answer<Data>(work: Promise<Data>, callback: Callback<Data> | undefined): Promise<Data> {
  if (!callback) return work
  work.then(
    (data) => void callback(null, data),
    (error: unknown) => void callback(error),
  )
  return work.catch(() => undefined as Data)
}
