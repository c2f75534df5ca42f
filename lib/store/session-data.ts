import type { Session, SessionData } from 'express-session'
import { storeUnavailable } from '../core/errors.ts'

/** The content and lifetime of a session as text. The expiry of its cookie is left out, because each request moves it. */
export function contentOf(session: SessionData, seconds: number): string {
  const { expires: _expires, ...cookie } = JSON.parse(JSON.stringify(session.cookie ?? {})) as object & {
    expires?: unknown
  }
  return JSON.stringify([{ ...session, cookie }, seconds])
}

/** Whether this is the session of a request rather than data that somebody made. */
export function isLive(session: SessionData): boolean {
  return typeof (session as Partial<Session>).save === 'function'
}

export function parseSession(text: string): SessionData {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    data = undefined
  }
  if (data !== null && typeof data === 'object') return data as SessionData
  throw storeUnavailable(new Error('a session in Redis is no JSON object: does something else write to this key?'))
}
