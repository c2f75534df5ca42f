import type { IncomingMessage } from 'node:http'

/** A token is presented in a forbidden way: 400 (RFC 6750, section 3.1). The message is for the client. */
export class MalformedCredentials extends Error {
  override readonly name = 'MalformedCredentials'
}

/** The presented scheme and token. The token is not checked yet: see {@link requireTokenForm}. */
export interface Credentials {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** Maximum length of an access token. */
export const longestToken = 16_384

/** Whether a request presents an access token: an `Authorization` header has the scheme Bearer or DPoP. */
export function hasToken(req: IncomingMessage): boolean {
  const { authorization } = req.headers
  if (authorization === undefined) return false
  return isTokenScheme(authorization) || listAuthorizations(req).some(isTokenScheme)
}

/** Compares only the scheme (RFC 9110, section 11.1), so that malformed credentials are refused rather than ignored. */
function isTokenScheme(value: string): boolean {
  return /^(?:bearer|dpop)(?![\w!#$%&'*+.^`|~-])/i.test(value)
}

/**
 * Returns the token of the `Authorization` header (RFC 6750, section 2.1); undefined if there is none.
 *
 * @throws MalformedCredentials also for a token in the query or in a form, which logs and browser histories would keep.
 */
export function readPresentedToken(req: IncomingMessage): Credentials | undefined {
  if (hasTokenElsewhere(req)) {
    throw new MalformedCredentials('Send the access token in the Authorization header only.')
  }
  const { authorization } = req.headers
  if (authorization === undefined) return undefined
  if (listAuthorizations(req).length > 1)
    throw new MalformedCredentials('The request has more than one Authorization header.')
  if (!isTokenScheme(authorization)) return undefined
  const [scheme] = /^\w+ +/.exec(authorization) ?? []
  if (scheme === undefined) throw malformed()
  return { scheme: /^d/i.test(scheme) ? 'dpop' : 'bearer', token: authorization.slice(scheme.length) }
}

/**
 * Returns a token if it has the form of one (b64token; RFC 6750, section 2.1, and RFC 9449, section 7.1). Reading a long
 * token takes a while, so callers skip this for tokens that they know.
 *
 * @throws MalformedCredentials
 */
export function requireTokenForm(token: string): string {
  if (token.length > longestToken || !/^[\w.~+/-]+=*$/.test(token)) throw malformed()
  return token
}

function malformed(): MalformedCredentials {
  return new MalformedCredentials('The Authorization header must have the form: Bearer, a space, the access token.')
}

/** Returns all `Authorization` headers: Node's `headers` has only the first. */
function listAuthorizations({ rawHeaders }: IncomingMessage): string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 13 && name.toLowerCase() === 'authorization') values.push(rawHeaders[index + 1] as string)
  }
  return values
}

/**
 * Whether a form or the query has a token (RFC 6750, sections 2.2 and 2.3). Both are refused (RFC 9700, section 4.3.2) with
 * a clear error.
 */
function hasTokenElsewhere(req: IncomingMessage): boolean {
  const { url = '', originalUrl = url, body } = req as IncomingMessage & { originalUrl?: string; body?: unknown }
  const query = originalUrl.indexOf('?')
  if (query !== -1 && new URLSearchParams(originalUrl.slice(query)).has('access_token')) return true
  if (body === null || typeof body !== 'object' || !Object.hasOwn(body, 'access_token')) return false
  return /^application\/x-www-form-urlencoded\b/i.test(req.headers['content-type'] ?? '')
}
