import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Answer, fromResponse, json, send } from './answer.ts'
import { authorize, login } from './authorize.ts'
import { crossOriginHeaders, preflightAnswer } from './cors.ts'
import { discovery, jwks, paths } from './discovery.ts'
import { endSession } from './end-session.ts'
import { misbehave } from './misbehave.ts'
import { pushRequest } from './pushed-requests.ts'
import { readRequest, type TestEndpoint, type TestRequest } from './request.ts'
import type { RequestLog } from './request-log.ts'
import type { ProviderState } from './state.ts'
import { tokenEndpoint } from './token-endpoint.ts'
import { introspect, revoke, userInfo } from './token-endpoints.ts'

type Endpoint = (provider: ProviderState, request: TestRequest) => Answer | Promise<Answer>

const endpoints: Readonly<Record<TestEndpoint, { readonly run: Endpoint; readonly methods: readonly string[] }>> = {
  discovery: { run: discovery, methods: ['GET'] },
  jwks: { run: jwks, methods: ['GET'] },
  authorize: { run: authorize, methods: ['GET', 'POST'] },
  login: { run: login, methods: ['POST'] },
  token: { run: tokenEndpoint, methods: ['POST'] },
  userinfo: { run: userInfo, methods: ['GET', 'POST'] },
  end_session: { run: endSession, methods: ['GET', 'POST'] },
  revocation: { run: revoke, methods: ['POST'] },
  introspection: { run: introspect, methods: ['POST'] },
  par: { run: pushRequest, methods: ['POST'] },
}

async function runEndpoint(provider: ProviderState, request: TestRequest): Promise<Answer> {
  const missing = request.endpoint === 'par' && provider.settings.pushedRequests === 'none'
  if (request.endpoint === 'unknown' || missing) return json({ error: 'not_found' }, 404)
  const { run, methods } = endpoints[request.endpoint]
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (!methods.includes(method)) return json({ error: 'method_not_allowed' }, 405, { allow: methods.join(', ') })
  return await run(provider, request)
}

/** The provider's server on loopback. It can stop, and start again on the same port. */
export class ProviderServer {
  readonly #provider: ProviderState
  readonly #log: RequestLog
  #server: Server | undefined
  #stopped: () => void = () => {}
  #down: Promise<void> = Promise.resolve()
  #port: number

  constructor(provider: ProviderState, log: RequestLog) {
    this.#provider = provider
    this.#log = log
    this.#port = provider.settings.port
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy())
    })
    this.#server = server
    this.#down = new Promise((resolve) => (this.#stopped = resolve))
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.#port, '127.0.0.1', resolve)
      })
    } catch (error) {
      this.#server = undefined
      throw error
    }
    this.#port = (server.address() as AddressInfo).port
    this.#provider.origin = `http://${this.#provider.settings.hostname}:${this.#port}`
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#stopped()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
    // Gives clients in this process time to notice that their idle connections are closed, before they send the next
    // request.
    await nextTurn()
    await nextTurn()
  }

  #findEndpoint(path: string): TestEndpoint | 'unknown' {
    const { path: base } = this.#provider.settings
    // RFC 8414 section 3.1 puts the well-known part before the issuer's path.
    if (path === `/.well-known/oauth-authorization-server${base}`) return 'discovery'
    for (const [endpoint, below] of Object.entries(paths)) if (path === base + below) return endpoint as TestEndpoint
    return 'unknown'
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const provider = this.#provider
    const request = await readRequest(
      incoming,
      provider.origin,
      (path) => this.#findEndpoint(path),
      provider.settings.now() / 1000,
    )
    const preflight = preflightAnswer(request)
    if (preflight !== undefined) return send(preflight, outgoing)
    this.#log.add(request)
    // Also on the responses of faults, so that scripts in a browser can read them.
    for (const [name, value] of Object.entries(crossOriginHeaders(request))) outgoing.setHeader(name, value)
    try {
      await this.#answer(request, outgoing)
    } catch (error) {
      send(json({ error: 'server_error', error_description: String(error) }, 500), outgoing)
    } finally {
      if (outgoing.headersSent) request.status = outgoing.statusCode
    }
  }

  async #answer(request: TestRequest, outgoing: ServerResponse): Promise<void> {
    const { faults } = this.#provider
    const work = (): Promise<Answer> => runEndpoint(this.#provider, request)
    const response = await faults.respond(request)
    if (response !== undefined) return send(await fromResponse(response), outgoing)
    const met = request.endpoint === 'unknown' ? undefined : faults.atEndpoint(request.endpoint, request)
    if (met === undefined) return send(await work(), outgoing)
    await misbehave(met.fault, { undone: met.undone, down: this.#down }, work, outgoing)
  }
}
