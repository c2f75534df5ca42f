import type { NextFunction, Request, Response } from 'express'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import type { OidcContext } from '../context/context.ts'

/** A mark that exists only in types. */
declare const given: unique symbol

/**
 * The type of `res.locals` behind a guard. Express's types pass only this from one handler of a route to the next, so it
 * carries what the guard has set in the request.
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
   * The context of this request's login, set by `oidc.router`; undefined before it. With several instances, it is
   * the context of the most recent login. After `requireAuth` in the same route, its type has a user.
   *
   * @example
   * app.get('/profile', oidc.requireAuth(), (req, res) => res.json(req.oidc.user))
   */
  oidc: GivenByGuard<this, 'oidc', OidcContext | undefined>
  /**
   * The verified access token of this request, set by `requireBearer` and `requireAuth({ bearer })`; undefined if no token
   * was presented. After `requireBearer` in the same route, it is always set, unless the rule is `optional`.
   *
   * @example
   * app.get('/orders', api.requireBearer(), (req, res) => res.json(req.auth.claims))
   */
  auth: GivenByGuard<this, 'auth', BearerAuth | undefined>
}

/** The body of a request or a response, as Express types it. */
type Body = Request['body']

/**
 * A handler that sets properties of the request. The types of later handlers in the same route include these properties.
 * Express accepts it wherever it accepts a handler.
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
    // With `extends`, because other packages also declare properties with these names.
    interface Request extends OidcRequest {}
  }
}
