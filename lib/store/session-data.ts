import type { Session, SessionData } from 'express-session'
import { storeUnavailable } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'

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

export function parseSession(text: string): SessionData {
  const data = parseJson(text)
  if (data !== null && typeof data === 'object') return data as SessionData
  throw storeUnavailable(
    new Error('a session in Redis is not a JSON object; check whether something else writes to this key'),
  )
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
