import type { JWK } from 'jose'
import type { TestJsonObject } from './change.ts'
import { logoutToken, tellClients, type TestLogoutDelivery, type TestLogoutSubject } from './backchannel.ts'
import { checkFaults } from './check-faults.ts'
import { checkMembers, checkText, checkTexts, fail } from './checks.ts'
import { checkClients } from './clients.ts'
import { rotateNonce } from './dpop.ts'
import { type TestFaults } from './faults.ts'
import { FaultStack } from './fault-stack.ts'
import { sign } from './jws.ts'
import { checkRotation, KeyRing, type TestKeyRotation } from './keys.ts'
import { logOut } from './login.ts'
import { type ProviderSettings, resolveOptions, type TestProviderOptions } from './options.ts'
import { RequestLog } from './request-log.ts'
import type { TestRequest } from './request.ts'
import { ProviderServer } from './server.ts'
import { getIssuer, newState, type ProviderState, seconds } from './state.ts'
import type { TestLogoutUris, TestProvider, TestProviderConnection, TestTokenRequest } from './test-provider.ts'
import { tokenResponse } from './tokens.ts'

class RunningProvider implements TestProvider {
  readonly #state: ProviderState
  readonly #log: RequestLog
  readonly #server: ProviderServer

  constructor(settings: ProviderSettings, keys: KeyRing) {
    this.#state = newState(settings, keys, new FaultStack())
    this.signIn(settings.signIn)
    this.#log = new RequestLog(settings.keepRequests)
    this.#server = new ProviderServer(this.#state, this.#log)
  }

  get issuer(): string {
    return getIssuer(this.#state)
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
    if (client === undefined) return fail(`the client "${clientId}" does not exist`)
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

  async rotateKeys(rotation: TestKeyRotation = {}): Promise<void> {
    checkRotation(rotation, 'rotateKeys')
    await this.#state.keys.rotate(rotation)
  }

  rotateDpopNonce(rotation: { readonly keepOld?: boolean | undefined } = {}): void {
    checkMembers(rotation, ['keepOld'], 'rotateDpopNonce')
    if (this.#state.settings.dpopNonces === 'none') fail("dpopNonces is 'none'; set it to use nonces")
    rotateNonce(this.#state, rotation.keepOld === true)
  }

  get keys(): { readonly keys: readonly JWK[] } {
    return this.#state.keys.jwks
  }

  async sign(claims: TestJsonObject, header: TestJsonObject = {}): Promise<string> {
    const { algorithm, kid, privateKey } = this.#state.keys.current
    const wholeHeader = { alg: algorithm, kid, typ: 'JWT', ...header }
    return await sign(wholeHeader, JSON.stringify(claims), algorithm, privateKey)
  }

  async issueTokens(sub: string, options: TestTokenRequest = {}): Promise<TestJsonObject> {
    this.#checkUser(sub)
    checkMembers(options, ['clientId', 'scope', 'resource'], 'issueTokens')
    const { clientId } = this.settings(options.clientId)
    const authTime = seconds(this.#state)
    const scope = (options.scope ?? 'openid profile email').split(' ')
    const id = `issued-${this.#state.sessions.size}`
    const acr = '1'
    const clients = new Set([clientId])
    const session = { id, sid: this.#state.settings.sid?.() ?? id, sub, authTime, acr, clients, ended: false }
    this.#state.sessions.set(id, session)
    const resource = options.resource ?? []
    const grant = { session, clientId, scope, resource, nonce: undefined, authTime, acr, revoked: false }
    return await tokenResponse(this.#state, grant, { scope, resource, jkt: undefined }, 'authorization_code')
  }

  deny(error = 'access_denied', description?: string): void {
    checkText(error, 'the error to deny with')
    this.#state.denials.push({ error, description })
  }

  grantOnly(scope: readonly string[] | undefined): void {
    if (scope !== undefined) checkTexts(scope, 'the scope to grant')
    this.#state.consent = scope
  }

  endSession(sub: string): void {
    this.#checkUser(sub)
    for (const session of this.#state.sessions.values()) if (session.sub === sub) logOut(this.#state, session)
  }

  async logOut(sub: string): Promise<readonly TestLogoutDelivery[]> {
    this.#checkUser(sub)
    const ended = [...this.#state.sessions.values()].filter((session) => session.sub === sub)
    for (const session of ended) logOut(this.#state, session)
    return (await Promise.all(ended.map((session) => tellClients(this.#state, session)))).flat()
  }

  async logoutToken(about: TestLogoutSubject, clientId: string = this.clientId): Promise<string> {
    checkMembers(about, ['sub', 'sid'], 'logoutToken')
    return (await logoutToken(this.#state, clientId, about)) ?? fail('the faults remove the logout token')
  }

  registerLogout(uris: TestLogoutUris, clientId: string = this.clientId): void {
    checkMembers(uris, ['backchannelLogoutUri', 'frontchannelLogoutUri'], 'registerLogout')
    const { clients } = this.#state.settings
    const client = clients.get(clientId) ?? fail(`the client "${clientId}" does not exist`)
    const changed = checkClients([{ ...client, ...uris }]).get(clientId)
    if (changed) clients.set(clientId, changed)
  }

  disableUser(sub: string): void {
    this.#checkUser(sub)
    this.#state.disabled.add(sub)
  }

  enableUser(sub: string): void {
    this.#checkUser(sub)
    this.#state.disabled.delete(sub)
  }

  reset(): void {
    const state = this.#state
    this.behave()
    this.forget()
    for (const session of state.sessions.values()) logOut(state, session)
    for (const memory of [
      state.codes,
      state.refreshTokens,
      state.accessTokens,
      state.pushed,
      state.atLoginPage,
      state.proofs,
    ]) {
      memory.clear()
    }
    state.disabled.clear()
    state.denials.length = 0
    state.consent = undefined
    state.keyboard = state.settings.signIn
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
    if (!users.has(sub)) fail(`the user "${sub}" does not exist; use one of ${[...users.keys()].join(', ')}`)
  }
}

/**
 * Starts an OpenID provider on 127.0.0.1. For clients that run in browsers, scripts of any origin may fetch from it (CORS).
 * CORS preflight requests do not appear in `requests`.
 *
 * @throws TypeError that names the first invalid option; Error if the port is in use
 * @example
 * ```ts
 * const provider = await startTestProvider()
 * const oidc = createOidc({ ...provider.settings(), baseUrl, secret })
 * provider.signIn('alice')
 * ```
 */
export async function startTestProvider(options: TestProviderOptions = {}): Promise<TestProvider> {
  const settings = resolveOptions(options)
  const provider = new RunningProvider(settings, await KeyRing.create(settings.algorithm))
  await provider.start()
  return provider
}
