import type { NextFunction, Request, Response } from 'express'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import type { OidcContext } from '../context/context.ts'

/** A mark that exists only in types. */
declare const given: unique symbol

/**
 * The type of `res.locals` behind a guard. Express's types pass it from one handler of a route to the next, and nothing
 * else, so it carries what the guard has set in the request.
 */
export type GuardedLocals<Given extends object> = Response['locals'] & { readonly [given]?: Given }

/** What a guard has set as the property `Name` of a request of type `Req`. */
export type GivenByGuard<Req, Name extends string, Unguarded> = Req extends {
  readonly res?: { readonly locals: { readonly [given]?: infer Given } } | undefined
}
  ? Given extends Readonly<Record<Name, infer Value>>
    ? Value
    : Unguarded
  : Unguarded

/** The properties of Express's `Request` that this package sets. */
export interface OidcRequest {
  /**
   * The context of this request's login, set by `oidc.router`; undefined before it. With several instances, of the most
   * recent login. Behind `requireAuth`, in the same route, it has a user.
   *
   * @example
   * app.get('/profile', oidc.requireAuth(), (req, res) => res.json(req.oidc.user))
   */
  oidc: GivenByGuard<this, 'oidc', OidcContext | undefined>
  /**
   * The verified access token of this request, set by `requireBearer` and `requireAuth({ bearer })`; undefined if no token
   * was presented. Behind `requireBearer`, in the same route, it is there, unless the rule is `optional`.
   *
   * @example
   * app.get('/orders', api.requireBearer(), (req, res) => res.json(req.auth.claims))
   */
  auth: GivenByGuard<this, 'auth', BearerAuth | undefined>
}

/** The body of a request or a response, as Express types it. */
type Body = Request['body']

/**
 * A handler that sets properties of the request, which the later handlers of the same route see in its type. It passes
 * wherever Express takes a handler.
 *
 * @example
 * const guard: OidcGuard<{ oidc: OidcLoginContext }> = oidc.requireAuth()
 */
export interface OidcGuard<Given extends object> {
  // An overload, so that Express accepts several guards in one route. Types are inferred from the last one.
  (req: Request, res: Response, next: NextFunction): void
  (
    req: Request<Request['params'], Body, Body, Request['query'], GuardedLocals<Given>>,
    res: Response<Body, GuardedLocals<Given>>,
    next: NextFunction,
  ): void
}

declare global {
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    // By `extends`, because other packages declare properties with these names, too.
    interface Request extends OidcRequest {}
  }
}
