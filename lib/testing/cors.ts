/** Requests of scripts of other origins (CORS): clients that run in browsers. */
import type { Answer } from './answer.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

/** What scripts fetch. Pages go to the others, or servers, which have a secret. */
const fetched: ReadonlySet<TestRequest['endpoint']> = new Set<TestEndpoint>([
  'discovery',
  'jwks',
  'token',
  'userinfo',
  'revocation',
  'par',
])

/**
 * What lets a script read the answer, of whatever origin it is. None of these endpoints looks at cookies, which scripts may
 * send along: `keycloak-js` does.
 */
export function crossOriginHeaders({ endpoint, headers }: TestRequest): Answer['headers'] {
  if (!fetched.has(endpoint)) return {}
  if (headers.origin === undefined) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': headers.origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'WWW-Authenticate, DPoP-Nonce',
  }
}

/** The answer to a browser that asks whether a script may send a request (Fetch 3.2.2); undefined for any other request. */
export function preflightAnswer(request: TestRequest): Answer | undefined {
  const { endpoint, method, headers } = request
  const wanted = headers['access-control-request-method']
  if (method !== 'OPTIONS' || headers.origin === undefined || wanted === undefined) return undefined
  if (!fetched.has(endpoint)) return undefined
  return {
    status: 204,
    headers: {
      ...crossOriginHeaders(request),
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    },
    body: '',
  }
}
