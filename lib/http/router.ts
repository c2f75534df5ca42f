import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { Instance } from '../logins/instance.ts'
import { fail } from '../core/errors.ts'
import { answerError } from './response/error-page.ts'
import { handleBackchannelLogout } from './routes/backchannel-logout.ts'
import { handleCallback } from './routes/callback.ts'
import { handleCallbackPost } from './routes/callback-form-post.ts'
import { makeContext } from './context/make-context.ts'
import { readRequestedLogin, startLogin } from './routes/login.ts'
import { handleFrontchannelLogout } from './routes/frontchannel-logout.ts'
import { handleLogout } from './routes/logout.ts'
import { passRouter } from './request/mount.ts'
import { makeMetadataPath, serveResourceMetadata } from './routes/resource-metadata.ts'
import type { LoginEntry } from '../store/login-entry.ts'
import { ensureState, loadState, findEntry, getRequestState, type RequestState } from './request/request-state.ts'
import { reportError } from './response/report-error.ts'
import { HandlerContext } from './request/handler-context.ts'
import { resumeAfterLogout } from './routes/logout-return.ts'
import { registerRoutes } from './routes/return-path.ts'
import { watchIssuedSession } from './request/issued-session.ts'

/** The handlers of one path by method. Other methods are refused with 405. */
type Route = Readonly<Record<string, Handler>>
type Handler = (req: Request, res: Response, next: NextFunction) => void

/**
 * Returns the router of an instance. It is one handler instead of an Express Router, which would match its routes one after
 * another for every request of the application.
 */
export function makeRouter(instance: Instance): RequestHandler {
  const routes = makeRoutes(instance)
  const callback = normalizePath(instance.options.routes.callback)
  registerRoutes(instance.options)
  return function oidcRouter(req: Request, res: Response, next: NextFunction): void {
    const makeHandler = new HandlerContext(instance, req, res, next)
    const path = normalizePath(req.path)
    const proceed = (): void => {
      offerContext(makeHandler)
      const route = routes.get(path)
      if (!route) return resumeAfterLogout(makeHandler) ? undefined : next()
      const run = Object.hasOwn(route, req.method) ? (route[req.method] as Handler) : refuseMethod(instance, route)
      run(req, res, next)
    }
    try {
      const state = ensureState(req)
      passRouter(instance, req, state)
      // The record of a login's new session says by itself which sessions it has replaced.
      if (path !== callback) watchIssuedSession(makeHandler)
      const loading = loadState(instance, req, state)
      if (!loading) return proceed()
      loading.then(proceed, (error: unknown) => answerError(makeHandler, reportError(instance, error)))
    } catch (error) {
      answerError(makeHandler, reportError(instance, error))
    }
  }
}

function makeRoutes(instance: Instance): ReadonlyMap<string, Route> {
  const { routes, origin, basePath, issuer } = instance.options
  const metadata = serveResourceMetadata({ origin, basePath }, [issuer])
  const begin = handler(instance, (handler) => startLogin(handler, readRequestedLogin(handler)))
  const end = handler(instance, handleLogout)
  const get = handler(instance, handleCallback)
  const post = handler(instance, handleCallbackPost)
  const backchannel = handler(instance, handleBackchannelLogout)
  const frontchannel = handler(instance, handleFrontchannelLogout)
  // HEAD is safe (RFC 9110, section 9.2.1): it must not finish or end a login.
  return new Map<string, Route>([
    [normalizePath(routes.login), { GET: begin, HEAD: begin }],
    [normalizePath(routes.callback), { GET: get, HEAD: answerHead, POST: post }],
    [normalizePath(routes.logout), { GET: end, HEAD: answerHead, POST: end }],
    [normalizePath(routes.backchannelLogout), { POST: backchannel }],
    [normalizePath(routes.frontchannelLogout), { GET: frontchannel, HEAD: answerHead }],
    // The metadata is at the root (RFC 9728, section 3.1). A router that is mounted below the root never gets its request.
    ...(basePath === '' ? [[makeMetadataPath({ origin, basePath }), { GET: metadata, HEAD: metadata }] as const] : []),
  ])
}

/** Normalizes a path as Express does by default: case and a trailing slash do not matter. */
function normalizePath(path: string): string {
  return (path.endsWith('/') ? path.slice(0, -1) : path).toLowerCase()
}

/** Sets `req.oidc` to the context of the most recent login, or without a login to that of the first instance. */
function offerContext(handler: HandlerContext): void {
  const { instance, req } = handler
  const { instances } = getRequestState(req) as RequestState
  const own = instances.size > 1 ? findEntry(req, instance) : undefined
  const isLatest = (other: Instance): boolean =>
    (findEntry(req, other)?.startedAt ?? 0) <= (own as LoginEntry).startedAt
  if (instances.size === 1 || (own && [...instances.keys()].every(isLatest))) req.oidc = makeContext(handler)
}

/** Returns a handler that answers its errors. Express 4 ignores the promise that a handler returns. */
export function handler(instance: Instance, work: (handler: HandlerContext) => void | Promise<void>): Handler {
  return (req, res, next) => {
    const handler = new HandlerContext(instance, req, res, next)
    Promise.resolve()
      .then(() => work(handler))
      .catch((error: unknown) => answerError(handler, reportError(instance, error)))
  }
}

function answerHead(_req: Request, res: Response): void {
  res.setHeader('Cache-Control', 'no-store')
  res.status(200).end()
}

function refuseMethod(instance: Instance, route: Route): Handler {
  return handler(instance, (handler) => {
    const error = fail('request_invalid', undefined, {
      message: 'This method is not allowed here.',
      status: 405,
      headers: { Allow: Object.keys(route).join(', ') },
    })
    answerError(handler, error)
  })
}
