import type { Request, RequestHandler, Response } from 'express'

/** A handler that waits for its work in every Express: what it throws goes on to the error handlers. */
export function waiting(work: (req: Request, res: Response) => Promise<void>): RequestHandler {
  return (req, res, next) => {
    work(req, res).catch(next)
  }
}
