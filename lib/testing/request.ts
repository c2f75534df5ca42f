import type { IncomingMessage } from 'node:http'

/** An endpoint of the provider. `login` receives the form of the login page, `par` pushed authorization requests. */
export type TestEndpoint =
  | 'discovery'
  | 'jwks'
  | 'authorize'
  | 'login'
  | 'token'
  | 'userinfo'
  | 'end_session'
  | 'revocation'
  | 'introspection'
  | 'par'

/** A request that the provider received. */
export interface TestRequest {
  /** The requested endpoint; `unknown` for any other path. */
  readonly endpoint: TestEndpoint | 'unknown'
  /** The HTTP method. */
  readonly method: string
  /** The full URL with its query. */
  readonly url: string
  /** The header fields by name in lower case. Several fields of one name are joined with commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The parameters of the query, then those of a form body. */
  readonly params: URLSearchParams
  /** The body as text. */
  readonly body: string
  /** The time of the request by the provider's clock, in seconds since 1970, with a fraction. */
  readonly at: number
  /** The HTTP status of the response; undefined until the response is sent, and if the connection was cut instead. */
  readonly status: number | undefined
}

const largestBody = 1_000_000

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= largestBody) chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

export async function readRequest(
  incoming: IncomingMessage,
  origin: string,
  findEndpoint: (path: string) => TestEndpoint | 'unknown',
  at: number,
): Promise<TestRequest & { status: number | undefined }> {
  const url = new URL(incoming.url ?? '/', origin)
  const headers = Object.fromEntries(
    Object.entries(incoming.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
  )
  const body = await readBody(incoming)
  const params = new URLSearchParams(url.searchParams)
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    for (const [name, value] of new URLSearchParams(body)) params.append(name, value)
  }
  const method = incoming.method ?? 'GET'
  return { endpoint: findEndpoint(url.pathname), method, url: url.href, headers, params, body, at, status: undefined }
}
