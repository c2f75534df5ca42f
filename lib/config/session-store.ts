import type { Checks } from './checks.ts'

/**
 * Methods of a session store (`Store` of express-session) that this package calls without a request.
 * @example
 * const store = new RedisSessionStore({ client })
 * const oidc = createOidc({ ...options, sessionStore: store })
 * app.use(session({ ...sessionOptions, store }))
 */
export interface OidcSessionStore {
  /** Reads a session; calls back without one if it does not exist. */
  get(id: string, callback: (error: unknown, session?: object | null) => void): unknown
  /** Writes a session. */
  set(id: string, session: object, callback?: (error?: unknown) => void): unknown
  /** Deletes a session. */
  destroy(id: string, callback?: (error?: unknown) => void): unknown
  /** Returns the seconds since the epoch at which a session was last used; undefined if it does not exist. Optional. */
  lastSeenAt?(id: string): Promise<number | undefined>
}

const methods = ['get', 'set', 'destroy']

/** Returns the option `sessionStore`; undefined if it is missing or invalid. */
export function readSessionStore(checks: Checks): OidcSessionStore | undefined {
  const given = checks.value('sessionStore') as Record<string, unknown> | null | undefined
  if (given === undefined) return undefined
  if (given !== null && methods.every((method) => typeof given[method] === 'function')) {
    return given as unknown as OidcSessionStore
  }
  checks.fault('`sessionStore` must have the methods get, set and destroy; pass the store that `session()` has')
  return undefined
}
