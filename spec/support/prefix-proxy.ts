/** A reverse proxy that removes a prefix from the path, as many do, and does not announce it in headers. */
import { createServer, request } from 'node:http'
import { close, listen } from './app.ts'

export interface PrefixProxy {
  readonly url: string
  /** The target of requests, set once the application has started, because that needs the URL of the proxy. */
  target: string
  stop(): Promise<void>
}

export async function startPrefixProxy(prefix: string): Promise<PrefixProxy> {
  const proxy = { url: '', target: '', stop: () => close(server) }
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/'
    if (path !== prefix && !path.startsWith(`${prefix}/`) && !path.startsWith(`${prefix}?`)) {
      outgoing.writeHead(404).end('not below the prefix')
      return
    }
    const rest = path.slice(prefix.length)
    const { method, headers } = incoming
    const options = { method, headers, path: rest.startsWith('/') ? rest : `/${rest}`, agent: false } as const
    const onward = request(proxy.target, options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.writeHead(502).end())
    incoming.pipe(onward)
  })
  proxy.url = await listen(server)
  return proxy
}
