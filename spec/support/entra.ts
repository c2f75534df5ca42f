/** Shared by the specs of Entra: a simulated Entra for a file, and applications and APIs that use it. */
import { createServer } from 'node:http'
import express from 'express'
import {
  createBearer,
  entra,
  type Bearer,
  type BearerOptions,
  type EntraOptions,
  type OidcOptions,
} from 'express-session-oidc'
import { startTestEntra, type TestEntra, type TestEntraOptions, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { close, listen, startApp, type AppSetup, type TestApp } from './app.ts'

export interface EntraForFile {
  readonly id: TestEntra
  /** Starts an application whose users log in there. It stops after the test. */
  login(options: EntraOptions, more?: Partial<OidcOptions>, setup?: Partial<AppSetup>): Promise<TestApp>
  /** Starts an API that accepts tokens from there. It stops after the test. */
  api(options: Partial<BearerOptions>, more?: EntraOptions): Promise<TestApi>
}

export interface TestApi {
  readonly bearer: Bearer
  /** The `detail` of each rejected token and each provider fault. */
  readonly details: string[]
  /** Sends a request with a token. `auth` is the body of a success, which has `req.auth`. */
  call(
    token: string,
    path?: string,
  ): Promise<{ status: number; auth: Record<string, unknown>; body: Record<string, unknown> }>
}

/** Call this at the top of a file. Before each test there are no faults, and nobody is at the keyboard. */
export function entraForFile(options: TestEntraOptions = {}): EntraForFile {
  let id: TestEntra | undefined
  let stops: (() => Promise<void>)[] = []
  beforeAll(async () => {
    id = await startTestEntra(options)
  })
  afterAll(() => id?.stop())
  beforeEach(() => {
    id?.misbehave()
    id?.signIn(undefined)
    id?.consentTo([])
    id?.forget()
  })
  afterEach(async () => {
    for (const stop of stops) await stop()
    stops = []
  })
  return {
    get id() {
      return id as TestEntra
    },
    async login(given, more = {}, setup = {}) {
      const running = id as TestEntra
      const app = await startApp({
        provider: { settings: () => running.settings() } as unknown as TestProvider,
        options: { provider: entra(given), ...more },
        ...setup,
      })
      stops.push(() => app.stop())
      return app
    },
    async api(given, more) {
      const running = id as TestEntra
      const bearer = createBearer({
        log: false,
        ...(more && { provider: entra(more) }),
        fetch: running.fetch,
        ...given,
      } as BearerOptions)
      const details: string[] = []
      bearer.on('token_rejected', ({ detail }) => details.push(detail ?? ''))
      bearer.on('provider_fault', ({ detail }) => details.push(detail ?? ''))
      const app = express()
      app.get('/', bearer.requireBearer(), (req, res) => void res.json(req.auth))
      app.get('/read', bearer.requireBearer({ scope: 'Orders.Read' }), (req, res) => void res.json(req.auth))
      app.get('/admin', bearer.requireBearer({ roles: ['Admin'] }), (req, res) => void res.json(req.auth))
      const server = createServer(app)
      const url = await listen(server)
      stops.push(() => close(server))
      return {
        bearer,
        details,
        async call(token, path = '/') {
          const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
          const body = (await response.json()) as Record<string, unknown>
          return { status: response.status, auth: body, body }
        },
      }
    },
  }
}
