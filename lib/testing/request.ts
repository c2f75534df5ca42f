import type { IncomingMessage } from 'node:http'

/** The endpoints of the provider; `login` is where its login page is sent to. */
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

/** A request that the provider got. */
export interface TestRequest {
  /** `unknown` where the path is none of the provider's. */
  readonly endpoint: TestEndpoint | 'unknown'
  readonly method: string
  /** The whole URL, query included. */
  readonly url: string
  /** The header fields, names in lower case; several of one name are joined with commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The parameters of the query and of a form body, in this order. */
  readonly params: URLSearchParams
  /** The body as text. */
  readonly body: string
  /** When it came, in milliseconds by the provider's clock. */
  readonly at: number
  /** The status it was answered with; undefined while there is no answer, and where the connection was cut instead. */
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
  endpointOf: (path: string) => TestEndpoint | 'unknown',
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
  return { endpoint: endpointOf(url.pathname), method, url: url.href, headers, params, body, at, status: undefined }
}
