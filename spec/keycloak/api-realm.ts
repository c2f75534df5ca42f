/**
 * A separate realm for each file whose specs call an API with access tokens of a real Keycloak. It has Keycloak's
 * default client scopes, like any new realm.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import {
  createBearer,
  type Bearer,
  type BearerOptions,
  type BearerRule,
  type OidcEventName,
} from 'express-session-oidc'
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest'
import { close, listen } from '../support/app.ts'
import { administrator } from './support.ts'
import { oneProvider } from '../support/one-provider.ts'

export interface ApiRealm {
  /** False, with a notice, if the realm cannot be created. */
  readonly isThere: boolean
  readonly url: string
  readonly name: string
  readonly issuer: string
  /** Calls the administration API of this realm. */
  admin(method: string, path: string, body?: object): Promise<unknown>
  /** Registers a client, by default a public one that may request tokens with a password. Resolves to its names. */
  client(settings?: { attributes?: Record<string, string> } & Record<string, unknown>): Promise<Client>
  /** Sends a token request as a client. A parameter with several values is repeated. */
  ask(
    client: Client,
    parameters: Record<string, string | readonly string[]>,
    headers?: Record<string, string>,
  ): Promise<TokenAnswer>
  /** Requests the tokens of a user with the password. */
  tokens(client: Client, user: string, scope?: string): Promise<Tokens>
  /** Starts an API for `orders` in this realm, with a route for each rule. It stops after the test. */
  api(options?: ApiOptions, rules?: Record<string, BearerRule>): Promise<Api>
  /** Registers a function that runs after the test. */
  later(undo: () => unknown): void
}

/** A client of Keycloak, with its name in tokens and its ID in the administration API. */
export interface Client {
  readonly clientId: string
  readonly id: string
  readonly secret: string | undefined
}

export interface TokenAnswer {
  readonly status: number
  readonly body: Record<string, unknown>
}

export interface Tokens {
  readonly access: string
  readonly id: string
  readonly refresh: string
}

export type ApiOptions = Partial<BearerOptions> | ((url: string) => Partial<BearerOptions>)

export interface ApiAnswer {
  readonly status: number
  readonly challenge: string
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

export interface Api {
  readonly url: string
  readonly bearer: Bearer
  readonly events: { name: OidcEventName; detail: string | undefined }[]
  /** Calls a route with a token or with these headers. The default route `/` accepts any valid token. */
  call(token: string | Record<string, string>, path?: string, method?: string): Promise<ApiAnswer>
}

/** The API as a client of Keycloak: it has no logins, and introspects tokens. */
export const orders: Client = { clientId: 'orders', id: '', secret: 'orders-secret' }

/** Call this at the top of a file. `realm` has further settings of the realm, `url` is that of a separate Keycloak. */
export function apiRealm(what: string, realm: object = {}, url: string = inject('keycloakUrl')): ApiRealm {
  const administers = administrator(url, what)
  const name = `apis-${randomUUID()}`
  const issuer = `${url}/realms/${name}`
  const tokenUrl = `${issuer}/protocol/openid-connect/token`
  let undoing: (() => unknown)[] = []
  const later = (undo: () => unknown): void => void undoing.push(undo)

  beforeAll(() => administers?.makeRealm({ ...getRealm(name), ...realm }))
  afterAll(() => administers?.dropRealm(name))
  afterEach(async () => {
    for (const undo of undoing.toReversed()) await undo()
    undoing = []
  })

  const admin: ApiRealm['admin'] = async (method, path, body) => administers?.call(method, `/${name}${path}`, body)
  const ask: ApiRealm['ask'] = async (client, parameters, headers = {}) => {
    const { clientId, secret } = client
    const body = new URLSearchParams({ client_id: clientId, ...(secret !== undefined && { client_secret: secret }) })
    for (const [name, values] of Object.entries(parameters)) {
      body.delete(name)
      for (const value of [values].flat()) body.append(name, value)
    }
    const answer = await fetch(tokenUrl, { method: 'POST', body, headers })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  return {
    isThere: administers !== undefined,
    url,
    name,
    issuer,
    admin,
    later,
    ask,
    async client(settings = {}) {
      const clientId = `client-${randomUUID()}`
      const made: Client = { clientId, id: randomUUID(), secret: settings['secret'] as string | undefined }
      await admin('POST', '/clients', {
        id: made.id,
        clientId,
        publicClient: made.secret === undefined,
        directAccessGrantsEnabled: true,
        redirectUris: ['http://127.0.0.1/*'],
        ...settings,
      })
      return made
    },
    async tokens(client, user, scope = 'openid') {
      const { status, body } = await ask(client, {
        grant_type: 'password',
        username: user,
        password: `${user}-pw`,
        scope,
      })
      expect(status, JSON.stringify(body)).toBe(200)
      return {
        access: body['access_token'] as string,
        id: body['id_token'] as string,
        refresh: body['refresh_token'] as string,
      }
    },
    async api(options = {}, rules = {}) {
      const app = express()
      const server = createServer(app)
      const apiUrl = await listen(server)
      later(() => close(server))
      const given = typeof options === 'function' ? options(apiUrl) : options
      const bearer = createBearer(oneProvider({ issuer, audience: 'orders', ...given }))
      const events: Api['events'] = []
      for (const event of ['token_rejected', 'denied', 'provider_fault', 'store_fault'] as const) {
        bearer.on(event, ({ detail }) => events.push({ name: event, detail }))
      }
      app.use(bearer.router)
      for (const [path, rule] of Object.entries({ '/': {}, ...rules })) {
        app.all(path, bearer.requireBearer(rule), (req, res) => {
          const { sub, scope, roles, claims } = req.auth
          res.json({ sub, scope, roles, claims })
        })
      }
      return {
        url: apiUrl,
        bearer,
        events,
        async call(token, path = '/', method = 'GET') {
          const headers = typeof token === 'string' ? { authorization: `Bearer ${token}` } : token
          const answer = await fetch(apiUrl + path, { method, headers })
          return {
            status: answer.status,
            challenge: answer.headers.get('www-authenticate') ?? '',
            headers: answer.headers,
            body: (await answer.json()) as Record<string, unknown>,
          }
        },
      }
    },
  }
}

/**
 * Alice has a role of the client `billing`, so that Keycloak puts `billing` into the audience of her tokens, and the
 * default roles. Bob has only a realm role, so that his tokens have no audience.
 */
function getRealm(name: string): object {
  const person = (username: string, lastName: string): object => ({
    username,
    enabled: true,
    email: `${username}@example.test`,
    firstName: username,
    lastName,
    credentials: [{ type: 'password', value: `${username}-pw` }],
  })
  const server = { standardFlowEnabled: false }
  return {
    realm: name,
    enabled: true,
    roles: { realm: [{ name: 'admin' }, { name: 'user' }], client: { billing: [{ name: 'clerk' }] } },
    clients: [
      { ...server, clientId: orders.clientId, secret: orders.secret },
      { ...server, clientId: 'billing', secret: 'billing-secret' },
    ],
    users: [
      {
        ...person('alice', 'Archer'),
        realmRoles: [`default-roles-${name}`, 'admin', 'user'],
        clientRoles: { billing: ['clerk'] },
      },
      { ...person('bob', 'Baker'), realmRoles: ['user'] },
    ],
  }
}

/** Adds a client scope with an Audience mapper to a client, by the steps of docs/apis.md. Resolves to its name. */
export async function addAudience(
  realm: ApiRealm,
  client: Client,
  settings: { isOptional?: boolean; mapper?: Record<string, string> } = {},
): Promise<string> {
  const id = randomUUID()
  const name = `orders-${id}`
  const config = settings.mapper ?? { 'included.client.audience': 'orders' }
  await realm.admin('POST', '/client-scopes', {
    id,
    name,
    protocol: 'openid-connect',
    protocolMappers: [
      {
        name: 'audience',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-audience-mapper',
        config: { 'access.token.claim': 'true', ...config },
      },
    ],
  })
  const list = settings.isOptional ? 'optional-client-scopes' : 'default-client-scopes'
  await realm.admin('PUT', `/clients/${client.id}/${list}/${id}`)
  return name
}

/** The header and payload of a token, without verification. */
export function getContent(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)
  return { header: header ?? {}, claims: claims ?? {} }
}
