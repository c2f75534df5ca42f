import { checkMembers, checkText, fail } from './checks.ts'
import type { JsonObject } from './change.ts'
import { checkFaults } from './check-faults.ts'
import { FaultStack, type TestFaults } from './faults.ts'
import { checkRotation, KeyRing, type KeyRotation } from './keys.ts'
import { sign } from './jws.ts'
import { logOut } from './login.ts'
import { type ProviderSettings, resolveOptions, type TestProviderOptions } from './options.ts'
import type { TestRequest } from './request.ts'
import { RequestLog } from './request-log.ts'
import { ProviderServer } from './server.ts'
import { issuerOf, type ProviderState, seconds } from './state.ts'
import { tokenResponse } from './tokens.ts'
import type { JWK } from 'jose'

/** What to spread into the options of `createOidc`. */
export interface TestProviderConnection {
  readonly issuer: string
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret?: string
  /** `none` for a public client. */
  readonly clientAuth?: 'none'
}

/** An OpenID provider on loopback whose users, clock and faults are the spec's to choose. */
export interface TestProvider {
  readonly issuer: string
  /** Scheme, host and port: the issuer without its path. */
  readonly url: string
  /** The first client's. */
  readonly clientId: string
  /** The first client's; undefined where that is a public one. */
  readonly clientSecret: string | undefined

  /** Issuer and credentials of a client, to spread into the options of `createOidc`. Default: the first client. */
  settings(clientId?: string): TestProviderConnection

  /**
   * Says who is at the keyboard of every browser: where a login is needed, this user logs in at once, without a page.
   * `undefined`: nobody, so that browsers get the login page. Sessions that browsers have at the provider stay.
   */
  signIn(sub: string | undefined): void

  /** The requests that came, oldest first. */
  readonly requests: readonly TestRequest[]
  /** Those to one endpoint. */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Resolves to the first request to an endpoint since the last `forget()`, or to the one that is the `count`-th. */
  waitForRequest(endpoint: TestRequest['endpoint'], count?: number): Promise<TestRequest>
  /** Forgets the requests that came. */
  forget(): void

  /** Puts faults in force, on top of those that are. Returns the function that undoes just these. */
  misbehave(faults: TestFaults): () => void
  /** Undoes all faults. */
  behave(): void

  /** Makes a new signing key, which signs from now on. */
  rotateKeys(rotation?: KeyRotation): Promise<void>
  /** The public keys as they are published, newest first. */
  readonly keys: { readonly keys: readonly JWK[] }
  /**
   * Signs claims with the current key. Nothing is added to the claims. The header has `alg`, `kid` and `typ: JWT`; in
   * `header`, a member replaces one of these, and `undefined` removes it.
   */
  sign(claims: JsonObject, header?: JsonObject): Promise<string>
  /** A token response for a user without any login: access token, ID token, refresh token. */
  issueTokens(sub: string, options?: TokenRequest): Promise<JsonObject>

  /** The next authorization request is answered with this error. Default `access_denied`. Several calls queue up. */
  deny(error?: string, description?: string): void
  /** Ends all sessions of a user at the provider: a refresh is answered `invalid_grant`, `prompt=none` `login_required`. */
  endSession(sub: string): void
  /** The user can't log in any more, and a refresh is answered `invalid_grant`. */
  disableUser(sub: string): void
  enableUser(sub: string): void

  /** Goes down: all connections are cut at once, new ones refused. */
  stop(): Promise<void>
  /** Comes up again on the same port, with all that it knew. */
  start(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** For whom and for what tokens are issued. */
export interface TokenRequest {
  /** Default: the first client. */
  readonly clientId?: string | undefined
  /** Scopes, parted by spaces. Default `openid profile email`. */
  readonly scope?: string | undefined
  /** The resources that the access token is for (RFC 8707). Default: none. */
  readonly resource?: readonly string[] | undefined
}

function newState(settings: ProviderSettings, keys: KeyRing): ProviderState {
  return {
    settings,
    faults: new FaultStack(),
    keys,
    sessions: new Map(),
    codes: new Map(),
    refreshTokens: new Map(),
    accessTokens: new Map(),
    pushed: new Map(),
    atLoginPage: new Map(),
    disabled: new Set(),
    denials: [],
    keyboard: undefined,
    origin: '',
  }
}

class RunningProvider implements TestProvider {
  readonly #state: ProviderState
  readonly #log: RequestLog
  readonly #server: ProviderServer

  constructor(settings: ProviderSettings, keys: KeyRing) {
    this.#state = newState(settings, keys)
    this.#log = new RequestLog(settings.keepRequests)
    this.#server = new ProviderServer(this.#state, this.#log)
  }

  get issuer(): string {
    return issuerOf(this.#state)
  }

  get url(): string {
    return this.#state.origin
  }

  get clientId(): string {
    return [...this.#state.settings.clients.keys()][0] as string
  }

  get clientSecret(): string | undefined {
    return this.#state.settings.clients.get(this.clientId)?.clientSecret
  }

  settings(clientId: string = this.clientId): TestProviderConnection {
    const client = this.#state.settings.clients.get(clientId)
    if (client === undefined) return fail(`there is no client "${clientId}"`)
    const credentials =
      client.clientSecret === undefined ? { clientAuth: 'none' as const } : { clientSecret: client.clientSecret }
    return { issuer: this.issuer, clientId, ...credentials }
  }

  signIn(sub: string | undefined): void {
    if (sub !== undefined) this.#checkUser(sub)
    this.#state.keyboard = sub
  }

  get requests(): readonly TestRequest[] {
    return this.#log.all
  }

  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[] {
    return this.#log.to(endpoint)
  }

  waitForRequest(endpoint: TestRequest['endpoint'], count = 1): Promise<TestRequest> {
    return this.#log.waitFor(endpoint, count)
  }

  forget(): void {
    this.#log.forget()
  }

  misbehave(faults: TestFaults): () => void {
    checkFaults(faults)
    return this.#state.faults.add(faults)
  }

  behave(): void {
    this.#state.faults.clear()
  }

  async rotateKeys(rotation: KeyRotation = {}): Promise<void> {
    checkRotation(rotation, 'rotateKeys')
    await this.#state.keys.rotate(rotation)
  }

  get keys(): { readonly keys: readonly JWK[] } {
    return this.#state.keys.jwks
  }

  async sign(claims: JsonObject, header: JsonObject = {}): Promise<string> {
    const { algorithm, kid, privateKey } = this.#state.keys.current
    const wholeHeader = { alg: algorithm, kid, typ: 'JWT', ...header }
    return await sign(wholeHeader, JSON.stringify(claims), algorithm, privateKey)
  }

  async issueTokens(sub: string, options: TokenRequest = {}): Promise<JsonObject> {
    this.#checkUser(sub)
    checkMembers(options, ['clientId', 'scope', 'resource'], 'issueTokens')
    const { clientId } = this.settings(options.clientId)
    const authTime = seconds(this.#state)
    const scope = (options.scope ?? 'openid profile email').split(' ')
    const id = `issued-${this.#state.sessions.size}`
    const session = { id, sid: this.#state.settings.sid?.() ?? id, sub, authTime, acr: '1', ended: false }
    this.#state.sessions.set(id, session)
    const resource = options.resource ?? []
    const grant = { session, clientId, scope, resource, nonce: undefined, revoked: false }
    return await tokenResponse(this.#state, grant, { scope, resource }, 'authorization_code')
  }

  deny(error = 'access_denied', description?: string): void {
    checkText(error, 'the error to deny with')
    this.#state.denials.push({ error, description })
  }

  endSession(sub: string): void {
    this.#checkUser(sub)
    for (const session of this.#state.sessions.values()) if (session.sub === sub) logOut(this.#state, session)
  }

  disableUser(sub: string): void {
    this.#checkUser(sub)
    this.#state.disabled.add(sub)
  }

  enableUser(sub: string): void {
    this.#checkUser(sub)
    this.#state.disabled.delete(sub)
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }

  async start(): Promise<void> {
    await this.#server.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #checkUser(sub: string): void {
    const { users } = this.#state.settings
    if (!users.has(sub)) fail(`there is no user "${sub}"; there are ${[...users.keys()].join(', ')}`)
  }
}

/**
 * Starts an OpenID provider on 127.0.0.1. Throws a TypeError that names a wrong option.
 *
 * ```ts
 * const provider = await startTestProvider()
 * const oidc = createOidc({ ...provider.settings(), baseUrl, secret })
 * provider.signIn('alice')
 * ```
 */
export async function startTestProvider(options: TestProviderOptions = {}): Promise<TestProvider> {
  const settings = resolveOptions(options)
  const provider = new RunningProvider(settings, await KeyRing.create(settings.algorithm))
  provider.signIn(options.signIn)
  await provider.start()
  return provider
}
