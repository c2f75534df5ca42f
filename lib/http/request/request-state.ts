import type { Request } from 'express'
import { makePrivateField, type PrivateField } from '../../core/private-field.ts'
import { fail, setupInvalid } from '../../core/errors.ts'
import { toLocalPath } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'
import { RequestSession, makeRecords } from '../../session/web-session.ts'
import { LoginRecord } from '../../store/login-record.ts'
import type { LoginEntry } from '../../store/login-entry.ts'

/** The routers' state of one request, shared by all instances. It is a class for the reason given in handler-context.ts. */
export class RequestState {
  /** Undefined if the request has no session. */
  session: RequestSession | undefined
  /** The attributes of the session's cookie, which are still known when a logout has destroyed the session. */
  sessionCookie: Request['session']['cookie'] | undefined
  /** The id of the session that `login` belongs to. The application may have replaced the session since. */
  sessionId: string = ''
  login: LoginRecord = LoginRecord.none
  /** Whether the request is authorized by an access token, so that its session is ignored. */
  isByToken: boolean = false
  /** The instances whose routers the request has passed, with the part of the path that a proxy has removed. */
  readonly instances: Map<Instance, { readonly stripped: string }> = new Map()
}

const states: PrivateField<RequestState> = makePrivateField()

export function getRequestState(req: Request): RequestState | undefined {
  return states.get(req)
}

/** Returns the state of a request, and creates it in the first router. */
export function ensureState(req: Request): RequestState {
  let state = states.get(req)
  if (!state) {
    state = new RequestState()
    states.set(req, state)
  }
  return state
}

/** Loads the logins of the request's session once. Returns a promise only if that requires a read from the store. */
export function loadState(instance: Instance, req: Request, state: RequestState): void | Promise<void> {
  if (!req.session) return
  requireExpressSession(req)
  state.sessionCookie = req.session.cookie
  const records = makeRecords(req.sessionStore, instance.options.records)
  if (state.session && state.sessionId === req.sessionID) {
    if (state.session.records !== records) {
      throw setupInvalid('the instances of this application have different records; pass the same `records` to each')
    }
    return
  }
  const session = new RequestSession(req, records)
  const adopt = (login: LoginRecord): void | Promise<void> => {
    state.session = session
    state.sessionId = req.sessionID
    state.login = login
    // A replaced session is kept: a logout with its cookie must still find the login that moved.
    if (!session.hasLogins || !login.isOver || login.moved) return
    // Session data of a user must not outlive the user's login.
    return startOver(req, state, session)
  }
  const login = session.login()
  if (login instanceof Promise) return login.then(adopt)
  return adopt(login)
}

/** Throws if the session is that of another middleware, such as cookie-session, which has no store and no `regenerate`. */
function requireExpressSession({ sessionStore, session }: Partial<Request>): void {
  if (typeof sessionStore?.generate === 'function' && typeof session?.save === 'function') return
  throw setupInvalid(
    '`req.session` is not a session of express-session; replace the other session middleware, such as cookie-session, by `app.use(session(...))` of express-session, before `app.use(oidc.router)`',
  )
}

async function startOver(req: Request, state: RequestState, session: RequestSession): Promise<void> {
  await session.startOver()
  state.sessionId = req.sessionID
}

/** Returns the instance with this owner if the request has passed its router. */
export function findPassedInstance(req: Request, owner: string): Instance | undefined {
  const passed = states.get(req)?.instances.keys() ?? []
  return [...passed].find((instance) => instance.owner === owner)
}

/** Returns the request's login with the instance, if it has not ended and the request still has the login's session. */
export function findEntry(req: Request, instance: Instance): LoginEntry | undefined {
  const state = states.get(req)
  if (!state?.session || state.isByToken || !req.session || req.sessionID !== state.sessionId) return undefined
  return instance.loginsIn(state.session.records).liveEntry(state.login)
}

/** Returns the request's path as the browser sees it if a redirect leads back to exactly it, otherwise the base path. */
export function makePublicPath(req: Request, instance: Instance): string {
  const { origin, basePath } = instance.options
  const stripped = states.get(req)?.instances.get(instance)?.stripped ?? ''
  // In absolute form (RFC 9112, section 3.2.2) the request target is a whole URL, which takes no prefix.
  const path = req.originalUrl.startsWith('/') ? toLocalPath(stripped + req.originalUrl, origin) : undefined
  return path ?? (basePath || '/')
}

/** Returns the id of a request's session; undefined if it has none. */
export function findSessionId(req: Request): string | undefined {
  return req.session ? req.sessionID : undefined
}

/**
 * Takes the session from a request that must neither save one nor set its cookie: a cross-site POST has no session cookie, so
 * a new session would replace that of the browser. Without an id, express-session does not destroy the session either.
 */
export function detachSession(req: Request): void {
  Object.assign(req, { session: undefined, sessionID: undefined })
}

/** Returns the session of a request. Without one no decision is possible, so it throws `session_missing` (503). */
export function requireSession(req: Request, state: RequestState): RequestSession {
  if (req.session && state.session) return state.session
  throw fail(
    'session_missing',
    'the request has no session; put `app.use(session(...))` before `app.use(oidc.router)`, and check `cookie.path` and the connection of the session store',
  )
}
