import type { Request, RequestHandler, Response } from 'express'

/** An asynchronous handler for every Express: its errors go to the error handlers. */
export function waiting(work: (req: Request, res: Response) => Promise<void>): RequestHandler {
  return (req, res, next) => {
    work(req, res).catch(next)
  }
}
