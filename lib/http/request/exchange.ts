import type { NextFunction, Request, Response } from 'express'
import type { Instance } from '../../logins/instance.ts'

/** One request on its way through a handler of an instance. */
export interface Exchange {
  readonly instance: Instance
  readonly req: Request
  readonly res: Response
  readonly next: NextFunction
}
