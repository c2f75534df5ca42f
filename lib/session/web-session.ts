import type { Request } from 'express'
import { MemoryStore, type Session, type SessionData } from 'express-session'
import type { SessionStore } from '../config/session-store.ts'
import type { Records, WrittenRecord } from '../core/records.ts'
import { warnOnce } from '../core/warnings.ts'
import { LoginRecord } from '../store/login-record.ts'
import { dataKey, LoginRecords, tokensKeys } from '../store/login-records.ts'
import { attachedLogin, recordsIn, type SessionRecords } from '../store/attached.ts'
import { answerable } from '../store/answerable.ts'
import { MemoryRecords } from '../store/memory-records.ts'
import { callStore, isNoEntry } from '../store/store-call.ts'
import { StoreRecords } from '../store/store-records.ts'

declare module 'express-session' {
  interface SessionData {
    /**
     * Set by express-session-oidc: this session has logins; `true` where its own store keeps them beside it,
     * `elsewhere` where other records do.
     */
    hasLogins?: true | 'elsewhere' | undefined
  }
}

/** Records of a session store, and those given, by what they are made of. */
const made = new WeakMap<object, Records>()

/** Whether sessions are kept by express-session's own `MemoryStore`. */
export function isInMemory(store: SessionStore): boolean {
  return store instanceof MemoryStore
}

/** The records for the sessions of a store: those given, else those beside it. */
export function recordsFor(store: SessionStore, given: Records | undefined): Records {
  const key = given ?? store
  let records = made.get(key)
  if (!records) {
    records = given ? answerable(given) : besideStore(store)
    made.set(key, records)
  }
  return records
}

function besideStore(store: SessionStore): Records {
  return recordsIn(store)?.records ?? (isInMemory(store) ? new MemoryRecords() : throughStore(store))
}

function throughStore(store: SessionStore): Records {
  warnOnce(
    'OIDC_STORE_NOT_ATOMIC',
    `logins are kept through the session store ${store.constructor.name}, which has no atomic operations: within one process they are safe, across several a logout can be lost. ` +
      'Use RedisSessionStore, or pass `records: redisRecords({ client })`, both of express-session-oidc/redis.',
  )
  return new StoreRecords(store)
}

/** Whether a session lives. To ask does not renew it: that is done by its requests. */
export async function sessionLives(store: SessionStore, id: string): Promise<boolean> {
  return (await readSession(store, id)) !== undefined
}

/** When a session that lives was last in use, as far as its store can tell. */
export async function sessionInUse(
  store: SessionStore,
  id: string,
): Promise<{ readonly lastSeenAt: number | undefined } | undefined> {
  const session = await readSession(store, id)
  if (!session) return undefined
  if (store.lastSeenAt) return { lastSeenAt: await store.lastSeenAt(id) }
  const { expires, originalMaxAge } = (session as Partial<SessionData>).cookie ?? {}
  if (!expires || typeof originalMaxAge !== 'number') return { lastSeenAt: undefined }
  return { lastSeenAt: Math.floor((new Date(expires).getTime() - originalMaxAge) / 1000) }
}

async function readSession(store: SessionStore, id: string): Promise<object | undefined> {
  const found = await callStore<object | null | undefined>((done) =>
    store.get(id, (error, session) => done(isNoEntry(error) ? undefined : error, session)),
  )
  return found ?? undefined
}

/** Ends a session that may be no request's. */
export function destroySession(store: SessionStore, id: string): Promise<void> {
  return callStore<void>((done) => store.destroy(id, (error) => done(isNoEntry(error) ? undefined : error)))
}

/** A new session in place of a request's own, which can be taken back until its login is complete. */
export interface RenewedSession {
  readonly id: string
  /**
   * Saves the new session and keeps the former one. If the store keeps sessions as records, it saves nothing and returns
   * the record that must be written with the login.
   */
  save(): Promise<WrittenRecord[]>
  /** Puts the former session back into the request, and takes the new one out of the store where it got there. */
  discard(): Promise<void>
  /** Deletes the former session from the store, with the tokens of the logins that it had. */
  dropFormer(login: LoginRecord): Promise<void>
}

/** The session of one request, as the use cases see it. */
export class RequestSession {
  readonly records: Records
  readonly #req: Request

  constructor(req: Request, records: Records) {
    this.#req = req
    this.records = records
  }

  /** How the session is kept, if it is among the same records as its logins. */
  get #kept(): SessionRecords | undefined {
    const kept = recordsIn(this.#req.sessionStore)
    return kept?.records === this.records ? kept : undefined
  }

  get id(): string {
    return this.#req.sessionID
  }

  /** Whether logins were ever kept beside this session. */
  get hasLogins(): boolean {
    return Boolean(this.#req.session?.hasLogins)
  }

  /**
   * The login record: the one that the store read along with the session, else one read from the records. Where the
   * session has no logins there is none, and nothing is read.
   */
  login(): LoginRecord | Promise<LoginRecord> {
    const session = this.#req.session
    if (!session?.hasLogins) return LoginRecord.none
    // Only those of its own store were read along; records given as an option are others.
    const read = this.#kept ? attachedLogin(session) : undefined
    return read ?? this.readLogin(this.id)
  }

  /** Reads the login record of a session anew. */
  readLogin(id: string): Promise<LoginRecord> {
    return new LoginRecords(this.records).read(id)
  }

  /** Makes a session of a new id, in memory; with `keepData` the application's data are copied. */
  renew(keepData: boolean): RenewedSession {
    const req = this.#req
    const former = { id: req.sessionID, session: req.session }
    const store = req.sessionStore
    store.generate(req)
    const renewed = req.session
    if (keepData) Object.assign(renewed, dataOf(former.session))
    const { id } = renewed
    const { records } = this
    const kept = this.#kept
    renewed.hasLogins = kept ? true : 'elsewhere'
    let saved = false
    return {
      id,
      async save() {
        // The hook may have put another session into the request; what is saved is the one that was made here.
        req.session = renewed
        req.sessionID = id
        saved = true
        if (kept && !kept.isOverridden()) return [kept.toWrite(renewed)]
        await callStore<void>((done) => renewed.save(done))
        return []
      },
      async discard() {
        req.sessionID = former.id
        req.session = former.session
        if (saved) await callStore<void>((done) => store.destroy(id, done))
      },
      async dropFormer({ slots }) {
        if (kept && !kept.isStored(former.session)) return
        const tokens = tokensKeys(former.id, Object.keys(slots))
        // A session without its mark may still have logins. `destroy` ends them; a plain deletion would not.
        const isKnown = tokens.length > 0 || attachedLogin(former.session)?.text === undefined
        if (kept && isKnown && !kept.isOverridden()) return records.delete([dataKey(former.id), ...tokens])
        if (tokens.length > 0) await records.delete(tokens)
        await callStore<void>((done) => store.destroy(former.id, done))
      },
    }
  }

  /** Ends the request's session and gives the request an anonymous one in its place. */
  async startOver(): Promise<void> {
    const req = this.#req
    await callStore<void>((done) => req.session.destroy(done))
    req.sessionStore.generate(req)
  }

  /** Ends a session in the store, and in the request where it is the request's own. */
  destroy(id: string): Promise<void> {
    const req = this.#req
    return callStore<void>((done) =>
      id === req.sessionID && req.session ? req.session.destroy(done) : req.sessionStore.destroy(id, done),
    )
  }
}

function dataOf(session: Session & Partial<SessionData>): object {
  const { cookie: _cookie, hasLogins: _hasLogins, ...data } = session
  // As it would come back from the store, so that the two sessions share nothing; and no name that is not plain data.
  return JSON.parse(JSON.stringify(data), (name, value: unknown) =>
    name === '__proto__' ? undefined : value,
  ) as object
}
