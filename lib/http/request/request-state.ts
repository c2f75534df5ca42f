import type { Request } from 'express'
import { companion, type Companion } from '../../core/companion.ts'
import { fail, setupInvalid } from '../../core/errors.ts'
import { localPath } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'
import { RequestSession, recordsFor } from '../../session/web-session.ts'
import { LoginRecord } from '../../store/login-record.ts'
import type { Slot } from '../../store/slot.ts'

/** What the routers know of one request, shared by all instances of an application. A class for the reason given in exchange.ts. */
export class RequestState {
  /** Undefined where the request has no session. */
  session: RequestSession | undefined
  /** The session that `login` is of: the application may have put another into the request since. */
  sessionId: string = ''
  login: LoginRecord = LoginRecord.none
  /** Whether the request is judged by an access token: then no session counts. */
  isByToken: boolean = false
  /** The instances whose routers the request has passed, with what a proxy in front took off the path. */
  readonly instances: Map<Instance, { readonly stripped: string }> = new Map()
}

const states: Companion<RequestState> = companion()

export function stateOf(req: Request): RequestState | undefined {
  return states.get(req)
}

/** The state of a request, made where this is the first router that it passes. */
export function ensureState(req: Request): RequestState {
  let state = states.get(req)
  if (!state) {
    state = new RequestState()
    states.set(req, state)
  }
  return state
}

/** Loads the logins of the request's session, where it has not been done. Returns a promise only where that takes a read. */
export function loadState(instance: Instance, req: Request, state: RequestState): void | Promise<void> {
  if (!req.session) return
  const records = recordsFor(req.sessionStore, instance.options.records)
  if (state.session && state.sessionId === req.sessionID) {
    if (state.session.records !== records) {
      throw setupInvalid(
        'all instances of an application must keep their logins in the same place: pass the same `records` to each',
      )
    }
    return
  }
  const session = new RequestSession(req, records)
  const take = (login: LoginRecord): void | Promise<void> => {
    state.session = session
    state.sessionId = req.sessionID
    state.login = login
    // A logout may still come with the cookie of a session that was replaced, and has to find its way.
    if (!session.hasLogins || !login.isOver || login.moved) return
    // What was written for a user does not outlive that user's login.
    return startOver(req, state, session)
  }
  const login = session.login()
  if (login instanceof Promise) return login.then(take)
  return take(login)
}

async function startOver(req: Request, state: RequestState, session: RequestSession): Promise<void> {
  await session.startOver()
  state.sessionId = req.sessionID
}

/** The instance of an owner, if the request has passed its router. */
export function passedInstance(req: Request, owner: string): Instance | undefined {
  const passed = states.get(req)?.instances.keys() ?? []
  return [...passed].find((instance) => instance.owner === owner)
}

/** The instance's login of the request, while it lasts and the request still has the session that it is of. */
export function slotOf(req: Request, instance: Instance): Slot | undefined {
  const state = states.get(req)
  if (!state?.session || state.isByToken || !req.session || req.sessionID !== state.sessionId) return undefined
  return instance.loginsIn(state.session.records).liveSlot(state.login)
}

/** The request's own path as the browser sees it, if one can be sent back there; else the base path. */
export function publicPath(req: Request, instance: Instance): string {
  const { origin, basePath } = instance.options
  const stripped = states.get(req)?.instances.get(instance)?.stripped ?? ''
  // The request target may be a whole URL (RFC 9112 3.2.2), to which nothing can be put in front.
  const path = req.originalUrl.startsWith('/') ? localPath(stripped + req.originalUrl, origin) : undefined
  return path ?? (basePath || '/')
}

/** The session of a request that has one; 503 where it has none, since then nobody can be judged. */
export function requireSession(req: Request, state: RequestState): RequestSession {
  if (req.session && state.session) return state.session
  throw fail(
    'session_missing',
    'the request has no session: is app.use(session(...)) before app.use(oidc.router), is the path within the cookie.path of the session, and is its store connected?',
  )
}
