import { type Agent, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** One HTTP request. Redirects are not followed. */
export interface HttpCall {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
  readonly agent: Agent | undefined
  readonly ca: string | undefined
  /** The origin to which a request is sent instead, keyed by the origin of `url`. */
  readonly proxies: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

function readHeaders(incoming: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  return headers
}

/** The headers that a reverse proxy in front of an application sets. */
function forwarded(url: URL): Record<string, string> {
  return {
    host: url.host,
    'x-forwarded-proto': url.protocol.slice(0, -1),
    'x-forwarded-host': url.host,
    'x-forwarded-for': '127.0.0.1',
  }
}

export function callHttp({ url, method, headers, body, signal, agent, ca, proxies }: HttpCall): Promise<HttpAnswer> {
  const target = proxies[url.origin]
  const to = target === undefined ? url : new URL(url.pathname + url.search, target)
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options = {
    method,
    headers: { ...headers, ...length, ...(target === undefined ? {} : forwarded(url)) },
    // By default each request has its own connection, because an open one would keep a server from closing.
    agent: agent ?? false,
    ...(signal === undefined ? {} : { signal }),
    ...(ca === undefined ? {} : { ca }),
  }
  return new Promise((resolve, reject) => {
    const send = to.protocol === 'https:' ? requestHttps : requestHttp
    const outgoing = send(to, options, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({
          status: incoming.statusCode ?? 0,
          headers: readHeaders(incoming),
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
