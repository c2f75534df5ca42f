import type { Request } from 'express'
import { MemoryStore, type Session, type SessionData } from 'express-session'
import type { OidcSessionStore } from '../config/session-store.ts'
import type { OidcRecords, OidcWrittenRecord } from '../core/records.ts'
import type { FailureLog } from '../core/failure-log.ts'
import { LoginRecord } from '../store/login-record.ts'
import { makeDataKey, LoginRecords, makeTokensKeys } from '../store/login-records.ts'
import { findAttachedLogin, findSessionRecords, type SessionRecords } from '../store/attached.ts'
import { wrapStoreErrors } from '../store/with-store-errors.ts'
import { MemoryRecords } from '../store/memory-records.ts'
import { callStore, isNoEntry } from '../store/store-call.ts'
import { StoreRecords } from '../store/store-records.ts'

declare module 'express-session' {
  interface SessionData {
    /**
     * Mark that express-session-oidc sets on a session with logins; applications must not change it. `true` if the session
     * store itself stores the logins as well (`RedisSessionStore` without the option `records`), otherwise `'elsewhere'`.
     */
    hasLogins?: true | 'elsewhere' | undefined
  }
}

/**
 * The records of each session store, and the wrapper of given ones. Cached, because records in memory and queues must be
 * shared.
 */
const made = new WeakMap<object, OidcRecords>()

export function isInMemory(store: OidcSessionStore): boolean {
  return store instanceof MemoryStore
}

/**
 * Returns the given records (option `records`), or else the records that belong to the session store. The instance that
 * makes the records logs a warning about them.
 */
export function makeRecords(store: OidcSessionStore, given: OidcRecords | undefined, log: FailureLog): OidcRecords {
  const key = given ?? store
  let records = made.get(key)
  if (!records) {
    records = given ? wrapStoreErrors(given) : makeStoreRecords(store, log)
    made.set(key, records)
  }
  return records
}

function makeStoreRecords(store: OidcSessionStore, log: FailureLog): OidcRecords {
  return (
    findSessionRecords(store)?.records ??
    (isInMemory(store) ? new MemoryRecords() : makeRecordsThroughStore(store, log))
  )
}

function makeRecordsThroughStore(store: OidcSessionStore, log: FailureLog): OidcRecords {
  log.warnOnce(
    'OIDC_STORE_NOT_ATOMIC',
    `logins are stored through ${store.constructor.name}, which has no atomic operations, so several processes can lose a logout`,
    'use `RedisSessionStore`, or pass `records: redisRecords({ client })`, both from express-session-oidc/redis',
  )
  return new StoreRecords(store)
}

/** Whether a session exists and has not expired. Reading it does not renew it; only its own requests do. */
export async function isSessionAlive(store: OidcSessionStore, id: string): Promise<boolean> {
  return (await readSession(store, id)) !== undefined
}

/**
 * Returns when a session was last used, in seconds since the epoch, or undefined if the session is over. `lastSeenAt` is
 * undefined if the store cannot tell.
 */
export async function findSessionInUse(
  store: OidcSessionStore,
  id: string,
): Promise<{ readonly lastSeenAt: number | undefined } | undefined> {
  const session = await readSession(store, id)
  if (!session) return undefined
  if (store.lastSeenAt) return { lastSeenAt: await store.lastSeenAt(id) }
  const { expires, originalMaxAge } = (session as Partial<SessionData>).cookie ?? {}
  if (!expires || typeof originalMaxAge !== 'number') return { lastSeenAt: undefined }
  return { lastSeenAt: Math.floor((new Date(expires).getTime() - originalMaxAge) / 1000) }
}

async function readSession(store: OidcSessionStore, id: string): Promise<object | undefined> {
  const found = await callStore<object | null | undefined>((done) =>
    store.get(id, (error, session) => done(isNoEntry(error) ? undefined : error, session)),
  )
  return found ?? undefined
}

/** Destroys a session without needing one of its requests. */
export function destroySession(store: OidcSessionStore, id: string): Promise<void> {
  return callStore<void>((done) => store.destroy(id, (error) => done(isNoEntry(error) ? undefined : error)))
}

/** A new session that replaces the session of the request, and can be discarded until its login is complete. */
export interface RenewedSession {
  readonly id: string
  /**
   * Saves the new session and keeps the former one. If the store keeps sessions as records, it saves nothing and returns
   * the record that must be written with the login.
   */
  save(): Promise<OidcWrittenRecord[]>
  /** Restores the request's former session, and destroys the new one if it may have been saved. */
  discard(): Promise<void>
  /** Deletes the former session from the store, and the tokens of the given login record. */
  dropFormer(login: LoginRecord): Promise<void>
}

/** The session of one request. It keeps Express out of the use cases. */
export class RequestSession {
  readonly records: OidcRecords
  readonly #req: Request

  constructor(req: Request, records: OidcRecords) {
    this.#req = req
    this.records = records
  }

  /** The store's records, if they hold both session and logins, so that one step can write both. */
  get #sessionRecords(): SessionRecords | undefined {
    const sessionRecords = findSessionRecords(this.#req.sessionStore)
    return sessionRecords?.records === this.records ? sessionRecords : undefined
  }

  get id(): string {
    return this.#req.sessionID
  }

  /** Whether this session ever had logins; they may all have ended. */
  get hasLogins(): boolean {
    return Boolean(this.#req.session?.hasLogins)
  }

  /**
   * Returns the login record, without I/O if the store has read it together with the session, or if the session never had
   * logins.
   */
  login(): LoginRecord | Promise<LoginRecord> {
    const session = this.#req.session
    if (!session?.hasLogins) return LoginRecord.none
    // With the option `records`, the record that the store has read is not the one that counts.
    const read = this.#sessionRecords ? findAttachedLogin(session) : undefined
    return read ?? this.readLogin(this.id)
  }

  /** Reads the current login record of any session. */
  readLogin(id: string): Promise<LoginRecord> {
    return new LoginRecords(this.records).read(id)
  }

  /** Creates a session with a new id, in memory only. `keepData` copies the application's data into it. */
  renew(keepData: boolean): RenewedSession {
    const req = this.#req
    const former = { id: req.sessionID, session: req.session }
    const store = req.sessionStore
    store.generate(req)
    const renewed = req.session
    if (keepData) Object.assign(renewed, copyData(former.session))
    const { id } = renewed
    const { records } = this
    const sessionRecords = this.#sessionRecords
    renewed.hasLogins = sessionRecords ? true : 'elsewhere'
    let saved = false
    return {
      id,
      async save() {
        // `afterLogin` may have regenerated the request's session. The login belongs to the session created here.
        req.session = renewed
        req.sessionID = id
        saved = true
        if (sessionRecords && !sessionRecords.isOverridden()) return [sessionRecords.toWrite(renewed)]
        await callStore<void>((done) => renewed.save(done))
        return []
      },
      async discard() {
        req.sessionID = former.id
        req.session = former.session
        if (saved) await callStore<void>((done) => store.destroy(id, done))
      },
      async dropFormer({ entries }) {
        if (sessionRecords && !sessionRecords.isStored(former.session)) return
        const tokens = makeTokensKeys(former.id, Object.keys(entries))
        // A session without the mark may still have logins. `destroy` ends them; deleting the session data would not.
        const isKnown = tokens.length > 0 || findAttachedLogin(former.session)?.text === undefined
        if (sessionRecords && isKnown && !sessionRecords.isOverridden())
          return records.delete([makeDataKey(former.id), ...tokens])
        if (tokens.length > 0) await records.delete(tokens)
        await callStore<void>((done) => store.destroy(former.id, done))
      },
    }
  }

  /** Destroys the request's session and replaces it by a new, anonymous one. */
  async startOver(): Promise<void> {
    const req = this.#req
    await callStore<void>((done) => req.session.destroy(done))
    req.sessionStore.generate(req)
  }

  /** Destroys a session in the store, and removes it from the request if it is the request's own. */
  destroy(id: string): Promise<void> {
    const req = this.#req
    return callStore<void>((done) =>
      id === req.sessionID && req.session ? req.session.destroy(done) : req.sessionStore.destroy(id, done),
    )
  }
}

function copyData(session: Session & Partial<SessionData>): object {
  const { cookie: _cookie, hasLogins: _hasLogins, ...data } = session
  // A JSON round trip, as through a store: the two sessions share no objects. `__proto__` would change the prototype.
  return JSON.parse(JSON.stringify(data), (name, value: unknown) =>
    name === '__proto__' ? undefined : value,
  ) as object
}
