/**
 * An application and its provider at public https: addresses, as in production. The application's process can be
 * replaced while browsers continue, and the connection to each endpoint of the provider can be broken.
 */
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import type { OidcOptions } from 'express-session-oidc'
import type { RedisSessionStore } from 'express-session-oidc/redis'
import {
  createUserAgent,
  type TestEndpointFault,
  type TestEndpoint,
  type UserAgent,
} from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, vi } from 'vitest'
import type { TestApp } from './app.ts'
import { untrustedCertificate } from './fault-certificate.ts'
import { behindTls, flow, noteRoutes, publicOrigin, type Flow } from './flow.ts'
import { reservePort } from './ports.ts'

/** The public issuer of the provider. */
export const publicIssuer = 'https://id.example.com'

/** A fault between the application and an endpoint: of the connection, or of the response. */
export type ProviderFault =
  { readonly way: 'refused' | 'no TLS' | 'untrusted' } | { readonly answer: TestEndpointFault }

/** The endpoints that the application itself calls. */
export const askedEndpoints = ['discovery', 'jwks', 'token', 'userinfo', 'par'] as const satisfies TestEndpoint[]
export type AskedEndpoint = (typeof askedEndpoints)[number]

export interface Stage {
  /** A new browser. */
  readonly browser: () => UserAgent
  /** Starts a new process, which answers all browsers from now on. */
  readonly newProcess: (setup: { options?: Partial<OidcOptions>; store: RedisSessionStore }) => Promise<TestApp>
  /** Breaks endpoints of the provider. Resolves to a function that repairs them. */
  readonly breakProvider: (endpoints: readonly AskedEndpoint[], fault: ProviderFault) => Promise<() => void>
}

/** Call this at the top of a file. Each call of `stage` makes a stage for one test. */
export function faultStages(): { readonly world: Flow; readonly stage: () => Stage } {
  const world = flow({
    clients: [
      {
        clientId: 'public-name',
        clientSecret: 'public-name-secret',
        redirectUris: [`${publicOrigin}/callback`],
        postLogoutRedirectUris: [`${publicOrigin}/`],
      },
    ],
  })
  let untrusted: TlsServer
  let ways = new Map<AskedEndpoint, string>()
  beforeAll(async () => {
    untrusted = createTlsServer(await untrustedCertificate(), (socket) => socket.end())
    untrusted.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => untrusted.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    await new Promise((resolve) => untrusted.close(resolve))
  })
  beforeEach(() => {
    const { fetch } = globalThis
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
      const way = ways.get(getEndpoint(url)) ?? world.provider.url
      return fetch(url.replace(publicIssuer, way), init)
    })
    const here = world.provider.issuer
    world.provider.misbehave({
      metadata: (given) => JSON.parse(JSON.stringify(given).replaceAll(here, publicIssuer)) as typeof given,
      idToken: { claims: { iss: publicIssuer } },
      authorizationResponse: { iss: publicIssuer },
    })
    ways = new Map()
  })
  const getWay = async (way: string): Promise<string> => {
    if (way === 'refused') return `http://127.0.0.1:${await reservePort()}`
    if (way === 'no TLS') return world.provider.url.replace('http:', 'https:')
    return `https://127.0.0.1:${(untrusted.address() as AddressInfo).port}`
  }
  const stage = (): Stage => {
    const proxies: Record<string, string> = { [publicIssuer]: world.provider.url }
    const tls = behindTls(world.provider)
    const connection = tls.options as Partial<OidcOptions>
    return {
      browser: () => createUserAgent({ baseUrl: publicOrigin, proxies }),
      async newProcess({ options, store }) {
        const app = await world.start({
          ...tls,
          options: { ...connection, issuer: publicIssuer, ...options },
          session: { ...tls.session, store },
          routes: (express, oidc) => {
            noteRoutes(express)
            express.get('/switch', oidc.login({ prompt: 'login', returnTo: '/notes' }))
          },
        })
        proxies[publicOrigin] = app.url
        return app
      },
      async breakProvider(endpoints, fault) {
        if ('answer' in fault) {
          return world.provider.misbehave({
            endpoints: Object.fromEntries(endpoints.map((endpoint) => [endpoint, fault.answer])),
          })
        }
        const way = await getWay(fault.way)
        for (const endpoint of endpoints) ways.set(endpoint, way)
        return () => ways.clear()
      },
    }
  }
  return { world, stage }
}

function getEndpoint(url: string): AskedEndpoint {
  const { pathname } = new URL(url)
  return askedEndpoints.find((endpoint) => pathname === `/${endpoint}`) ?? 'discovery'
}
