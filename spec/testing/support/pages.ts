/** A server with the pages that a test defines. Any other path answers with an echo of the request. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { close, listen } from '../../support/app.ts'

export interface Page {
  readonly status?: number
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
}

/** The request as the server received it. */
export interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Pages {
  readonly url: string
  readonly show: (path: string, page: Page) => void
  readonly stop: () => Promise<void>
}

export async function startPages(): Promise<Pages> {
  const pages = new Map<string, Page>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const page = pages.get(url.split('?')[0] ?? '')
      const echo = JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() })
      const type = page?.body === undefined ? 'application/json' : 'text/html; charset=utf-8'
      response.writeHead(page?.status ?? 200, { 'content-type': type, ...page?.headers }).end(page?.body ?? echo)
    })
  })
  const url = await listen(server)
  return { url, show: (path, page) => void pages.set(path, page), stop: () => close(server) }
}
