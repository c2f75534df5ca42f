import type { Session, SessionData } from 'express-session'
import { storeUnavailable } from '../core/errors.ts'

/** What a session has and how long it lives, without the moment at which its cookie ends, which each request moves. */
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
