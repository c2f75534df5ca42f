import type { NextFunction, Request, Response } from 'express'
import type { Instance } from '../../logins/instance.ts'

/*
 * These are classes because V8 may allocate an object literal directly in the old generation ("allocation site
 * pretenuring"). There it would keep the whole request alive until the next full garbage collection.
 */

/** One request in a handler. */
export class RequestContext {
  readonly req: Request
  readonly res: Response
  readonly next: NextFunction

  constructor(req: Request, res: Response, next: NextFunction) {
    this.req = req
    this.res = res
    this.next = next
  }
}

/** One request in a handler of an instance. */
export class HandlerContext extends RequestContext {
  readonly instance: Instance

  constructor(instance: Instance, req: Request, res: Response, next: NextFunction) {
    super(req, res, next)
    this.instance = instance
  }
}
