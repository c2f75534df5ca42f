import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, json, send } from './answer.ts'
import { authorize, login } from './authorize.ts'
import { endSession } from './end-session.ts'
import { entraDiscovery, entraHosts, entraJwks, isB2c } from './entra-documents.ts'
import { entraToken, graph } from './entra-endpoints.ts'
import { entraError } from './entra-error.ts'
import { isTenantId } from './entra-options.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'
import { readRequest, type TestEndpoint, type TestRequest } from './request.ts'
import type { RequestLog } from './request-log.ts'

/** The endpoint and version by the end of the path, which follows the path of the authority. */
const endpoints: readonly (readonly [string, TestEndpoint, 1 | 2])[] = [
  ['/v2.0/.well-known/openid-configuration', 'discovery', 2],
  ['/.well-known/openid-configuration', 'discovery', 1],
  ['/discovery/v2.0/keys', 'jwks', 2],
  ['/discovery/keys', 'jwks', 1],
  ['/oauth2/v2.0/authorize', 'authorize', 2],
  ['/oauth2/v2.0/token', 'token', 2],
  ['/oauth2/v2.0/logout', 'end_session', 2],
]

interface Route {
  readonly endpoint: TestEndpoint | 'unknown'
  readonly address: EntraAddress
}

/** Finds the endpoint of a request. The host determines the cloud or kind of tenant, the path the rest. */
function findRoute(host: string, path: string): Route {
  const none: EntraAddress = { host, tenant: '', policy: undefined, version: 2 }
  if (path === '/login') return { endpoint: 'login', address: none }
  if (path === '/oidc/userinfo') return { endpoint: 'userinfo', address: none }
  for (const [end, endpoint, version] of endpoints) {
    if (!path.endsWith(end)) continue
    const [, tenant = '', policy, ...rest] = path.slice(0, -end.length).split('/')
    const isWhole = (policy !== undefined) === isB2c(host) && policy !== 'v2.0'
    if (rest.length > 0 || !isWhole) continue
    return { endpoint, address: { host, tenant, policy, version } }
  }
  return { endpoint: 'unknown', address: none }
}

function isEntraHost(name: string): boolean {
  return entraHosts.includes(name) || /^[\w-]+\.(?:b2clogin|ciamlogin)\.com$/.test(name)
}

/** The intended host and path of a request. A proxy sends the host in `Host`; otherwise the path begins with it. */
function readTarget(incoming: IncomingMessage): { host: string; url: string } {
  const url = incoming.url ?? '/'
  const named = (incoming.headers.host ?? '').replace(/:\d+$/, '')
  if (isEntraHost(named)) return { host: named, url }
  const first = url.split(/[/?]/)[1] ?? ''
  return isEntraHost(first) ? { host: first, url: url.slice(first.length + 1) } : { host: entraHosts[0] as string, url }
}

/** The server of the simulated Entra, on loopback, for all host names of Entra. */
export class EntraServer {
  readonly #entra: EntraState
  readonly #log: RequestLog
  readonly #server: Server

  constructor(entra: EntraState, log: RequestLog) {
    this.#entra = entra
    this.#log = log
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy())
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#entra.settings.port, '127.0.0.1', resolve)
    })
    this.#entra.provider.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { settings } = this.#entra
    const { host, url } = readTarget(incoming)
    incoming.url = url
    const { pathname } = new URL(url, `https://${host}`)
    const { endpoint, address } = findRoute(host, pathname)
    const request = await readRequest(incoming, `https://${host}`, () => endpoint, settings.now() / 1000)
    this.#log.add(request)
    try {
      send(await this.#answer(request, address, pathname), outgoing)
    } catch (error) {
      send(json({ error: 'server_error', error_description: String(error) }, 500), outgoing)
    } finally {
      request.status = outgoing.statusCode
    }
  }

  async #answer(request: TestRequest, address: EntraAddress, path: string): Promise<Answer> {
    const entra = this.#entra
    if (request.endpoint === 'login') return await login(entra.provider, request)
    if (/^(?:graph\.|microsoftgraph\.)/.test(address.host)) return graph(entra, path, request)
    const { tenant } = address
    if (
      request.endpoint !== 'unknown' &&
      !isTenantId(tenant) &&
      !['common', 'organizations', 'consumers'].includes(tenant)
    ) {
      return entraError(entra, 400, 'invalid_tenant', 90_002, `Tenant '${tenant}' not found.`)
    }
    switch (request.endpoint) {
      case 'discovery':
        return await entraDiscovery(entra, address)
      case 'jwks':
        return await entraJwks(entra, address)
      case 'authorize':
        return await authorize(entra.provider, request)
      case 'token':
        return await entraToken(entra, address, request)
      case 'end_session':
        return await endSession(entra.provider, request)
      default:
        return entraError(entra, 404, 'not_found', 900_144, 'This address does not exist.')
    }
  }
}
