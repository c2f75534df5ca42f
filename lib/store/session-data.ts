import type { Session, SessionData } from 'express-session'
import { storeUnavailable } from '../core/errors.ts'
import { isJsonObject, parseJson } from '../core/json.ts'

/** Returns the content and lifetime of a session as text, without the times of its cookie, which each request moves. */
export function serializeContent(session: SessionData, seconds: number): string {
  const cookie = JSON.parse(JSON.stringify(session.cookie ?? {})) as Record<string, unknown>
  // express-session sets both at each request, and `originalMaxAge` may lose a millisecond each time.
  const { expires: _expires, originalMaxAge: _originalMaxAge, ...others } = cookie
  return JSON.stringify([{ ...session, cookie: others }, seconds])
}

/** Whether this is the session of a request, rather than data that the application has created. */
export function isLive(session: SessionData): boolean {
  return typeof (session as Partial<Session>).save === 'function'
}

/**
 * Parses a stored session.
 *
 * @throws OidcError `store_unavailable` if the text is not a session. With a cookie of the wrong form, express-session throws
 * where it reads the session, or where it writes the response, and then never answers.
 */
export function parseSession(text: string): SessionData {
  const data = parseJson(text)
  if (isJsonObject(data) && isJsonObject(data['cookie']) && isCookie(data['cookie'])) {
    // express-session would restore it as an invalid date.
    if (data['cookie']['expires'] === '') data['cookie']['expires'] = null
    return data as unknown as SessionData
  }
  throw storeUnavailable(
    new Error('a value in Redis is not a session; check whether something else writes to this key'),
  )
}

/**
 * Whether express-session can restore a stored cookie and serialize it. Null, false and the empty string mean that a member
 * is not set.
 */
function isCookie(cookie: Record<string, unknown>): boolean {
  const { originalMaxAge, expires, path, domain, sameSite, priority } = cookie
  return (
    isUnsetOr(originalMaxAge, typeof originalMaxAge === 'number') &&
    isUnsetOr(expires, typeof expires === 'string' && !Number.isNaN(Date.parse(expires))) &&
    isUnsetOr(path, isAttribute(path)) &&
    isUnsetOr(domain, isAttribute(domain)) &&
    isUnsetOr(sameSite, isAmong(sameSite, [true, 'strict', 'lax', 'none'])) &&
    isUnsetOr(priority, isAmong(priority, ['low', 'medium', 'high']))
  )
}

function isUnsetOr(value: unknown, isValid: boolean): boolean {
  return value === undefined || value === null || value === false || value === '' || isValid
}

function isAmong(value: unknown, values: readonly unknown[]): boolean {
  return values.includes(typeof value === 'string' ? value.toLowerCase() : value)
}

/** Whether a value can be that of a cookie attribute (RFC 6265, section 4.1.1). */
function isAttribute(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-:<-~]*$/.test(value)
}

/**
 * What `RedisSessionStore` knows about a session object. Its login record is attached to the object as well (`attachLogin`).
 *
 * | session object                   | state                | command of the next save       |
 * | -------------------------------- | -------------------- | ------------------------------ |
 * | new in a request                 | none                 | SET NX                         |
 * | loaded by `get`, or saved        | `isStored`           | SET XX                         |
 * | written with its login           | `isStored`, content  | none if unchanged, else SET XX |
 * | in place of a replaced session   | any                  | none                           |
 * | data that the application made   | none                 | SET                            |
 */
export class SessionState {
  /** Whether the session exists in Redis, or its first write is in progress. */
  isStored: boolean = true
  /** The content that was written with the login, until the next save. */
  #content: string | undefined

  constructor(content?: string) {
    this.#content = content
  }

  /** Whether the save that express-session makes at the end of a login's request would write the same again. */
  isUnchanged(session: SessionData, seconds: number): boolean {
    const content = this.#content
    this.#content = undefined
    return content !== undefined && content === serializeContent(session, seconds)
  }
}
