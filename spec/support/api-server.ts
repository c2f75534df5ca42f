/** A service that an application calls with tokens. It records requests, and answers as a test configures. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { close, listen } from './app.ts'

export interface ApiRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface ApiAnswer {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** An object is sent as JSON. Default: empty. */
  readonly body?: string | object
  /** Cuts the connection instead. */
  readonly drop?: boolean
}

/** A response, or a function that makes it from the request; a promise holds the request. */
export type ApiAnswering = ApiAnswer | ((request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>)

export interface ApiServer {
  readonly origin: string
  /** The received requests, oldest first. */
  readonly requests: readonly ApiRequest[]
  /** The header `Authorization` of each request. */
  readonly authorizations: readonly (string | undefined)[]
  /** Sets the response to all later requests. Initially: 200 with an empty body. */
  answer(answering: ApiAnswering): void
  /** Sets the response to the next request; several calls queue up. */
  answerOnce(answering: ApiAnswering): void
  /** Clears the received requests and the configured responses. */
  reset(): void
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

async function read(incoming: IncomingMessage): Promise<ApiRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method = '', url = '', headers } = incoming
  return { method, path: url, headers, body: Buffer.concat(chunks).toString() }
}

export async function startApiServer(): Promise<ApiServer> {
  const requests: ApiRequest[] = []
  const once: ApiAnswering[] = []
  let usual: ApiAnswering = {}

  const server = createServer((incoming, outgoing) => {
    const respond = async (): Promise<void> => {
      const request = await read(incoming)
      requests.push(request)
      const answering = once.shift() ?? usual
      const {
        status = 200,
        headers = {},
        body = '',
        drop,
      } = await (typeof answering === 'function' ? answering(request) : answering)
      if (drop) {
        outgoing.destroy()
        return
      }
      if (typeof body === 'object') outgoing.setHeader('content-type', 'application/json')
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
      outgoing.writeHead(status).end(typeof body === 'object' ? JSON.stringify(body) : body)
    }
    respond().catch(() => outgoing.destroy())
  })
  const origin = await listen(server)
  const stop = (): Promise<void> => close(server)
  return {
    origin,
    requests,
    get authorizations() {
      return requests.map(({ headers }) => headers.authorization)
    },
    answer(answering) {
      usual = answering
    },
    answerOnce(answering) {
      once.push(answering)
    },
    reset() {
      requests.length = once.length = 0
      usual = {}
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
