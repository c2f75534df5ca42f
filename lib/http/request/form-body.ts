import type { Request } from 'express'
import { fail, type OidcError } from '../../core/errors.ts'

/** Maximum size of a form sent to a route of this package, in bytes. */
const mostBytes = 64 * 1024

/**
 * Reads the parameters of a form (application/x-www-form-urlencoded), even if the application has parsed the body.
 *
 * @throws OidcError `request_invalid` (413 or 415)
 */
export async function readForm(req: Request): Promise<URLSearchParams> {
  const type = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded')
    throw invalid(415, 'the Content-Type must be application/x-www-form-urlencoded')
  const parsed: unknown = req.body
  // A body parser for other types may have left an empty object and not read the body.
  const isRead = req.readableEnded || !req.readable
  if (parsed !== null && typeof parsed === 'object' && (isRead || Object.keys(parsed).length > 0)) {
    return readParsedBody(parsed)
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > mostBytes) throw invalid(413, `the body exceeds ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function readParsedBody(body: object): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(body)) {
    // A repeated parameter is a list. It stays repeated here, so that callers can reject it.
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof item === 'string') parameters.append(name, item)
    }
  }
  return parameters
}

function invalid(status: number, detail: string): OidcError {
  return fail('request_invalid', detail, { status })
}
