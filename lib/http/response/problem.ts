import type { Response } from 'express'
import type { OidcError } from '../../core/errors.ts'
import { BearerError } from '../../guard/bearer-error.ts'

/** Sends problem+json (RFC 9457), with the members of the Bearer token specifications (RFC 6750, section 3). */
export function sendProblem(res: Response, error: OidcError, members: object = {}): void {
  const { message, status, code } = error
  const bearerMembers =
    error instanceof BearerError && error.error !== undefined
      ? { error: error.error, error_description: message, ...error.needed }
      : {}
  setStatus(res, error)
  sendJson(res, 'application/problem+json', { title: message, status, code, ...bearerMembers, ...members })
}

export function setStatus(res: Response, error: OidcError): void {
  res.statusCode = error.status
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
}

/** Sends JSON that no browser renders as a page. */
export function sendJson(res: Response, type: string, body: object): void {
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end(JSON.stringify(body))
}
