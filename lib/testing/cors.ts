/** CORS, for clients that run in browsers: scripts of any origin may fetch. */
import type { Answer } from './answer.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

/** The endpoints that scripts fetch. The others are for navigations, or for servers that have a secret. */
const fetched: ReadonlySet<TestRequest['endpoint']> = new Set<TestEndpoint>([
  'discovery',
  'jwks',
  'token',
  'userinfo',
  'revocation',
  'par',
])

/**
 * The headers that let scripts of any origin read the response. Scripts may send cookies, as `keycloak-js` does: none of
 * these endpoints reads them.
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

/** The response to a CORS preflight request (Fetch 3.2.2); undefined for any other request. */
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
