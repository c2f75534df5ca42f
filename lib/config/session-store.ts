import type { Checks } from './checks.ts'

/** What a session store (`Store` of express-session) has that is asked for without a request. */
export interface SessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): unknown
  set(id: string, session: object, callback?: (error?: unknown) => void): unknown
  destroy(id: string, callback?: (error?: unknown) => void): unknown
  /** Seconds since the epoch at which a session was last in use; undefined where there is none. `RedisSessionStore` has it. */
  lastSeenAt?(id: string): Promise<number | undefined>
}

const methods = ['get', 'set', 'destroy']

/** The option `sessionStore`; undefined where it is not given or is none. */
export function sessionStoreOf(checks: Checks): SessionStore | undefined {
  const given = checks.value('sessionStore') as Record<string, unknown> | null | undefined
  if (given === undefined) return undefined
  if (given !== null && methods.every((method) => typeof given[method] === 'function')) {
    return given as unknown as SessionStore
  }
  checks.fault(
    'sessionStore must be a session store, the same as session() has: new RedisSessionStore({ client }), or your own',
  )
  return undefined
}
