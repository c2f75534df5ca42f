import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import type { Instance } from '../logins/instance.ts'
import { OidcError } from '../core/errors.ts'
import { answerError, toldError, type Exchange } from './answers.ts'
import { handleCallback, handleCallbackPost } from './callback.ts'
import { makeContext } from './context.ts'
import { plainLogin, startLogin } from './login.ts'
import { handleLogout } from './logout.ts'
import { passRouter } from './mount.ts'
import { ensureState, loadState, slotOf, type RequestState } from './request-state.ts'

/** The router of an instance: its routes, and `req.oidc` on every request behind it. */
export function makeRouter(instance: Instance): Router {
  const { login, callback, logout } = instance.options.routes
  const router = express.Router()
  router.use(function oidcContext(req: Request, res: Response, next: NextFunction): void {
    const exchange = { instance, req, res, next }
    try {
      const state = ensureState(req)
      passRouter(instance, req, state)
      const loading = loadState(instance, req, state)
      if (!loading) return proceed(exchange, state)
      loading.then(
        () => proceed(exchange, state),
        (error: unknown) => answerError(exchange, toldError(instance, error)),
      )
    } catch (error) {
      answerError(exchange, toldError(instance, error))
    }
  })
  // Whoever only looks finishes and ends no login.
  for (const path of [callback, logout]) router.head(path, lookedAt)
  router.get(
    login,
    handler(instance, (exchange) => startLogin(exchange, plainLogin(exchange))),
  )
  router.get(callback, handler(instance, handleCallback))
  router.post(callback, handler(instance, handleCallbackPost))
  router.get(logout, handler(instance, handleLogout))
  router.post(logout, handler(instance, handleLogout))
  for (const [path, methods] of [
    [login, 'GET, HEAD'],
    [callback, 'GET, HEAD, POST'],
    [logout, 'GET, HEAD, POST'],
  ] as const) {
    router.all(
      path,
      handler(instance, (exchange) => refuseMethod(exchange, methods)),
    )
  }
  return router
}

/** `req.oidc` is the context of the latest login; where there is none, of the first instance. */
function proceed(exchange: Exchange, state: RequestState): void {
  const { instance, req } = exchange
  const latest = [...state.instances.keys()]
    .map((other) => slotOf(req, other)?.startedAt)
    .filter((startedAt) => startedAt !== undefined)
  const own = slotOf(req, instance)
  if (state.instances.size === 1 || (own && latest.every((startedAt) => startedAt <= own.startedAt))) {
    req.oidc = makeContext(exchange)
  }
  exchange.next()
}

/** A handler that waits for its work, in Express 4 too, which does not look at what a handler returns. */
export function handler(
  instance: Instance,
  work: (exchange: Exchange) => void | Promise<void>,
): (req: Request, res: Response, next: NextFunction) => void {
  return (req, res, next) => {
    const exchange = { instance, req, res, next }
    Promise.resolve()
      .then(() => work(exchange))
      .catch((error: unknown) => answerError(exchange, toldError(instance, error)))
  }
}

function lookedAt(_req: Request, res: Response): void {
  res.setHeader('Cache-Control', 'no-store')
  res.status(200).end()
}

function refuseMethod(exchange: Exchange, allowed: string): void {
  const error = new OidcError('request_invalid', 'This address does not take such a request.', {
    status: 405,
    headers: { Allow: allowed },
  })
  answerError(exchange, error)
}
