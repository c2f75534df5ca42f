import { parseUrl } from '../../core/urls.ts'
import { callResource, type PresentedToken, type ResourceAnswer } from '../../provider/protected-resource.ts'

/** A call of an API. */
export interface ResourceCall {
  readonly url: URL
  readonly init: RequestInit
  /** Undefined after a redirect to another origin. */
  readonly token: PresentedToken | undefined
}

/** Status codes of redirects (Fetch Standard, section 2.2.3). */
const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** Maximum number of redirects that are followed (Fetch Standard, section 4.4, HTTP-redirect fetch). */
const mostRedirects = 20

/** Headers of the application that `fetch` in Node.js does not send to another origin. openid-client refuses `authorization`. */
const originHeaders = /^(?:proxy-authorization|cookie|host)$/i

/** Headers about a body, which a redirect may remove (Fetch Standard, request-body-header name). */
const bodyHeaders = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']

/**
 * Calls an API, and follows redirects as `fetch` does (Fetch Standard, section 4.4), if `init.redirect` does not say
 * otherwise. Each redirect within the origin gets the token with a new DPoP proof. `permit` throws for a URL that no redirect
 * may lead to: the request's body and headers would go there.
 */
export async function callFollowing(first: ResourceCall, permit: (url: URL) => void): Promise<ResourceAnswer> {
  const { redirect = 'follow' } = first.init
  if (redirect !== 'follow') return callResource(first.token, first.url, first.init)
  let call = first
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const answer = await callResource(call.token, call.url, { ...call.init, redirect: 'manual' })
    const { response } = answer
    const location = redirectStatuses.has(response.status) ? response.headers.get('location') : null
    if (location === null) return markRedirected(answer, redirects)
    await response.body?.cancel()
    call = redirectCall(call, response.status, readLocation(location, call.url))
    permit(call.url)
  }
  throw fetchFailed('redirect count exceeded')
}

/** Marks a response that redirects have led to, as `fetch` does. */
function markRedirected(answer: ResourceAnswer, redirects: number): ResourceAnswer {
  if (redirects > 0) Object.defineProperty(answer.response, 'redirected', { value: true })
  return answer
}

/** Parses a `Location` header. Its bytes are UTF-8, which Node.js reads as Latin-1. */
function readLocation(location: string, base: URL): URL {
  const url = parseUrl(Buffer.from(location, 'latin1').toString('utf8'), base.href)
  if (!url || !/^https?:$/.test(url.protocol)) throw fetchFailed('the location of a redirect is not an HTTP URL')
  return url
}

/** Returns the call that follows a redirect. */
function redirectCall({ url, init, token }: ResourceCall, status: number, location: URL): ResourceCall {
  const headers = new Headers(init.headers)
  const isElsewhere = location.origin !== url.origin
  if (isElsewhere) {
    for (const name of [...headers.keys()].filter((key) => originHeaders.test(key))) headers.delete(name)
  }
  const method = (init.method ?? 'GET').toUpperCase()
  const next = { url: location, token: isElsewhere ? undefined : token }
  const becomesGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST'
  if (becomesGet) {
    for (const name of bodyHeaders) headers.delete(name)
    return { ...next, init: { ...init, method: 'GET', headers, body: null } }
  }
  if (status !== 303 && !isRepeatable(init.body))
    throw fetchFailed('a redirect requires the body again, which is a stream')
  return { ...next, init: { ...init, headers } }
}

/** Returns false for a stream: the first call has consumed it. */
export function isRepeatable(body: RequestInit['body']): boolean {
  return !(body instanceof ReadableStream) && !(body && Symbol.asyncIterator in Object(body))
}

/** Creates the error that `fetch` rejects with. */
function fetchFailed(reason: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(reason) })
}
