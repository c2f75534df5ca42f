import { nowSeconds } from '../core/clock.ts'
import { deepFreeze } from '../core/deep-freeze.ts'
import { GenerationalCache } from '../core/generational-cache.ts'
import { parseJson } from '../core/json.ts'
import { parseBrowser, type BrowserRecord } from './browser-record.ts'
import { isLoginEntry, type LoginEntry, type LoginEntries } from './login-entry.ts'

/** The format in which this version writes login records. A record with a higher one is a newer version's. */
const format = 1

/** The session that replaced another one, and the logins that moved there. Its other logins are unrelated. */
export interface Moved {
  readonly session: string
  /** Keyed by the name of the instance. */
  readonly logins: Readonly<Record<string, MovedLogin>>
}

/** A login that moved to another session. */
type MovedLogin = Pick<LoginEntry, 'loginId' | 'owner'>

/** An instance: its name, which is the key of its logins, and its identity (see `deriveOwner`). */
export interface InstanceId {
  readonly name: string
  readonly owner: string
}

/** A login record as JSON. */
interface Written {
  readonly format: number
  /** Increases with each write, so that two writes of equal content differ. */
  readonly version: number
  readonly entries: LoginEntries
  readonly browser?: BrowserRecord
  readonly replaced?: Moved
}

const nobody: LoginEntries = Object.freeze({})

/** Limit for parsed records, in bytes as estimated below. About 8,000 records of usual size fit, and take about 25 MB. */
const parsedBytes = 128 * 1024 * 1024
/** Estimate: a measured upper bound, for text that is mostly `{}`. Usual records take 3 bytes per character. */
const bytesPerCharacter = 16

/** The logins of one session as they were read. It is immutable: a write replaces the stored text if it equals `text`. */
export class LoginRecord {
  /** The record of a session that has none. */
  static readonly none: LoginRecord = new LoginRecord(undefined)
  /** The latest parsed record of each session. */
  static readonly #parsed = new GenerationalCache<LoginRecord>(Infinity, parsedBytes)

  /** Parses the record of a session, or returns the record that was parsed last if the text is the same. */
  static of(session: string, text: string | undefined): LoginRecord {
    if (text === undefined) return LoginRecord.none
    const last = LoginRecord.#parsed.get(session)
    if (last?.text === text) return last
    const record = new LoginRecord(text)
    LoginRecord.#parsed.set(session, record, text.length * bytesPerCharacter)
    return record
  }

  /** The text that a replacement must expect; undefined if there is no record. */
  readonly text: string | undefined
  readonly version: number
  /** All logins, including those that have ended; none if a newer version wrote the record. */
  readonly entries: LoginEntries
  /** What is known of the session's browser. */
  readonly browser: BrowserRecord | undefined
  /** Where the logins moved when another session replaced this one; undefined if no login moved. */
  readonly moved: Moved | undefined
  /** The session that has replaced this one. */
  readonly replacedBy: string | undefined
  /** Whether a newer version wrote the record. Then this version does not decide whether the session is over. */
  readonly #isNewer: boolean

  private constructor(text: string | undefined) {
    const written = text === undefined ? undefined : parseRecord(text)
    this.text = text
    this.#isNewer = written === 'newer'
    const known = written === 'newer' ? undefined : written
    this.version = known?.version ?? 0
    this.entries = known?.entries ?? nobody
    this.browser = known?.browser
    this.replacedBy = known?.replaced?.session
    this.moved = Object.keys(known?.replaced?.logins ?? {}).length > 0 ? known?.replaced : undefined
  }

  /** Whether another session has replaced this one. */
  get isReplaced(): boolean {
    return this.replacedBy !== undefined
  }

  /** Returns the login with an instance, unless it has ended. A login of another owner with the same name is ignored. */
  live({ name, owner }: InstanceId): LoginEntry | undefined {
    if (!Object.hasOwn(this.entries, name)) return undefined
    const entry = this.entries[name] as LoginEntry
    return entry.owner === owner && entry.endsAt > nowSeconds() ? entry : undefined
  }

  /** All logins that have not ended. */
  get liveEntries(): LoginEntries {
    const now = nowSeconds()
    return Object.fromEntries(Object.entries(this.entries).filter(([, entry]) => entry.endsAt > now))
  }

  /** Whether all logins have ended. False if a newer version wrote the record. */
  get isOver(): boolean {
    if (this.#isNewer) return false
    const now = nowSeconds()
    return !Object.values(this.entries).some((entry) => entry.endsAt > now)
  }

  /** Returns the id of the login with an instance that moved to another session. */
  movedLogin({ name, owner }: InstanceId): string | undefined {
    const logins = this.moved?.logins
    const login = logins && Object.hasOwn(logins, name) ? logins[name] : undefined
    return login?.owner === owner ? login.loginId : undefined
  }
}

/** Returns the text of a login record. */
export function writeRecord(entries: LoginEntries, version: number, browser: BrowserRecord | undefined): string {
  return JSON.stringify({ format, version, entries, ...(browser && { browser }) } satisfies Written)
}

/**
 * Returns the text of the login record of a replaced session. Nobody is logged in with it, but a logout that arrives with
 * the old cookie finds the moved logins. The text names the new session, so no two such texts are equal.
 */
export function writeReplaced(session: string, entries: LoginEntries): string {
  const logins = Object.fromEntries(
    Object.entries(entries).map(([name, { loginId, owner }]) => [name, { loginId, owner }]),
  )
  return JSON.stringify({ format, version: 0, entries: {}, replaced: { session, logins } } satisfies Written)
}

/** Parses a record; `newer` if a newer version wrote it, undefined if it is not a login record. */
function parseRecord(text: string): Written | 'newer' | undefined {
  const record = parseJson(text) as Partial<Written> | null | undefined
  if (!record || typeof record !== 'object' || typeof record.format !== 'number') return undefined
  if (record.format > format) return 'newer'
  if (typeof record.version !== 'number' || record.entries === null || typeof record.entries !== 'object')
    return undefined
  const stored = record.entries ?? {}
  const entries = Object.values(stored).every(isLoginEntry)
    ? stored
    : Object.fromEntries(Object.entries(stored).filter(([, entry]) => isLoginEntry(entry)))
  const replaced = isMoved(record.replaced) ? { replaced: record.replaced } : {}
  const browser = parseBrowser(record.browser)
  return deepFreeze({
    format: record.format,
    version: record.version,
    entries,
    ...(browser && { browser }),
    ...replaced,
  })
}

function isMoved(value: unknown): value is Moved {
  const moved = value as Partial<Moved> | null | undefined
  return typeof moved?.session === 'string' && typeof moved.logins === 'object' && moved.logins !== null
}
