import type { Response } from 'express'
import type { OidcError } from '../../core/errors.ts'
import { BearerError } from '../../guard/bearer-error.ts'

/** Answers a client: problem+json (RFC 9457), with what the specifications of Bearer tokens name. */
export function sendProblem(res: Response, error: OidcError, members: object = {}): void {
  const { message, status, code } = error
  const named =
    error instanceof BearerError && error.error !== undefined
      ? { error: error.error, error_description: message, ...error.needed }
      : {}
  setStatus(res, error)
  sendJson(res, 'application/problem+json', { title: message, status, code, ...named, ...members })
}

export function setStatus(res: Response, error: OidcError): void {
  res.statusCode = error.status
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
}

/** Sends JSON that no browser takes for a page. */
export function sendJson(res: Response, type: string, body: object): void {
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end(JSON.stringify(body))
}
