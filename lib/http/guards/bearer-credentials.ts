import type { IncomingMessage } from 'node:http'

/** A request presents a token in a way that it must not (400, RFC 6750 3.1). The message is for the client. */
export class MalformedCredentials extends Error {
  override readonly name = 'MalformedCredentials'
}

/** What was presented. The token is whatever comes after the scheme: see {@link requireTokenForm}. */
export interface Credentials {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** Longest access token that is looked at. */
export const longestToken = 16_384

/** Whether a request is to be judged by an access token: it has an `Authorization` header that is about one. */
export function presentsToken(req: IncomingMessage): boolean {
  const { authorization } = req.headers
  if (authorization === undefined) return false
  return isTokenScheme(authorization) || authorizations(req).some(isTokenScheme)
}

/** The scheme alone counts (RFC 9110 11.1): what comes after it may be malformed, and is then refused. */
function isTokenScheme(value: string): boolean {
  return /^(?:bearer|dpop)(?![\w!#$%&'*+.^`|~-])/i.test(value)
}

/**
 * What a request presents in its `Authorization` header (RFC 6750 2.1); undefined where that is no token.
 *
 * @throws MalformedCredentials also where one is in the query or in a form, from where it gets into logs and histories.
 */
export function presentedToken(req: IncomingMessage): Credentials | undefined {
  if (hasTokenElsewhere(req)) {
    throw new MalformedCredentials('An access token belongs into the Authorization header and nowhere else.')
  }
  const { authorization } = req.headers
  if (authorization === undefined) return undefined
  if (authorizations(req).length > 1) throw new MalformedCredentials('There is more than one Authorization header.')
  if (!isTokenScheme(authorization)) return undefined
  // One space is what everyone sends.
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
  return new MalformedCredentials('The Authorization header is not of the form: Bearer, a space, the access token.')
}

/** All of them: Node gives the first alone in `headers`. */
function authorizations({ rawHeaders }: IncomingMessage): string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 13 && name.toLowerCase() === 'authorization') values.push(rawHeaders[index + 1] as string)
  }
  return values
}

/** RFC 6750 2.2 and 2.3 are not supported (RFC 9700 4.3.2): who uses them is to be told, rather than that nothing came. */
function hasTokenElsewhere(req: IncomingMessage): boolean {
  const { url = '', originalUrl = url, body } = req as IncomingMessage & { originalUrl?: string; body?: unknown }
  const query = originalUrl.indexOf('?')
  if (query !== -1 && new URLSearchParams(originalUrl.slice(query)).has('access_token')) return true
  if (body === null || typeof body !== 'object' || !Object.hasOwn(body, 'access_token')) return false
  return /^application\/x-www-form-urlencoded\b/i.test(req.headers['content-type'] ?? '')
}
