/** Requests to an application without a server, because a race sends thousands of them. */
import { IncomingMessage, ServerResponse, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { Express } from 'express'

export interface RaceAnswer {
  readonly status: number
  readonly location: string | undefined
  readonly setCookie: readonly string[]
  readonly retryAfter: string | undefined
  text(): string
  json(): unknown
}

const socket = {
  remoteAddress: '127.0.0.1',
  encrypted: true,
  on: () => socket,
  once: () => socket,
  removeListener: () => socket,
  destroy: () => socket,
} as unknown as Socket

/** Passes one GET, or one POST if there is a form, to the application. Resolves to the complete response. */
export function ask(
  app: Express,
  url: string,
  headers: IncomingHttpHeaders,
  form?: URLSearchParams,
): Promise<RaceAnswer> {
  return new Promise((resolve, reject) => {
    const req = new IncomingMessage(socket)
    const method = form ? 'POST' : 'GET'
    const sent = form ? { ...headers, 'content-type': 'application/x-www-form-urlencoded' } : headers
    Object.assign(req, {
      // There is no connection to close after reading. An own property is used because Express changes the prototype.
      _destroy: (error: Error | null, done: (error?: Error | null) => void): void => done(error),
      method,
      url,
      headers: sent,
      httpVersion: '1.1',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    })
    if (form) req.push(form.toString())
    req.push(null)
    const res = new ServerResponse(req)
    const chunks: Buffer[] = []
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    })
    res.assignSocket(sink as Socket)
    res.on('finish', () => {
      const whole = Buffer.concat(chunks).toString()
      const body = whole.slice(whole.indexOf('\r\n\r\n') + 4)
      const text = (name: string): string | undefined => res.getHeader(name)?.toString()
      resolve({
        status: res.statusCode,
        location: text('location'),
        setCookie: [res.getHeader('set-cookie') ?? []].flat().map(String),
        retryAfter: text('retry-after'),
        text: () => body,
        json: () => JSON.parse(body) as unknown,
      })
    })
    app(req as never, res as never, (error?: unknown) =>
      reject(error instanceof Error ? error : new Error(`no response from ${url}`, { cause: error })),
    )
  })
}
