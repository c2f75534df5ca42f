import type { TestJsonObject } from './change.ts'
import { checkMembers, checkChoice, checkTexts, fail } from './checks.ts'
import { entraHosts } from './entra-documents.ts'
import {
  isTenantId,
  resolveEntraOptions,
  testTenants,
  type EntraSettings,
  type TestEntraOptions,
} from './entra-options.ts'
import { consentTo } from './entra-scopes.ts'
import { EntraServer } from './entra-server.ts'
import { newKeys, type EntraState, type TestEntraFaults, type TestEntraTokenFault } from './entra-state.ts'
import type { TestEntraTokenRequest, TestEntra } from './test-entra.ts'
import { accessTokenClaims, findMember, signEntra } from './entra-tokens.ts'
import { FaultStack } from './fault-stack.ts'
import { KeyRing } from './keys.ts'
import { resolveOptions } from './options.ts'
import type { TestRequest } from './request.ts'
import { RequestLog } from './request-log.ts'
import { newState, type ProviderState } from './state.ts'
import type { TestUser } from './users.ts'

/** Returns the state for the code of the test provider. The `sub` of each user is the name of the user. */
function newProviderState(settings: EntraSettings, keys: KeyRing): ProviderState {
  const users = [...settings.users.values()].map(({ name, displayName, upn }): TestUser => ({
    sub: name,
    claims: { name: displayName, preferred_username: upn, email: upn },
  }))
  const faults = new FaultStack()
  // Entra's authorization responses have no `iss` (RFC 9207).
  faults.add({ authorizationResponse: { iss: undefined } })
  const clients = [...settings.clients.values()]
  return newState(
    resolveOptions({ users, clients, now: settings.now, pushedRequests: 'none', dpop: 'none' }),
    keys,
    faults,
  )
}

class RunningEntra implements TestEntra {
  readonly #entra: EntraState
  readonly #log = new RequestLog(10_000)
  readonly #server: EntraServer

  constructor(entra: EntraState) {
    this.#entra = entra
    this.signIn(entra.settings.signIn)
    this.#server = new EntraServer(entra, this.#log)
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  get url(): string {
    return this.#entra.provider.origin
  }

  get clientId(): string {
    return [...this.#entra.settings.clients.keys()][0] as string
  }

  get clientSecret(): string | undefined {
    return this.#entra.settings.clients.get(this.clientId)?.clientSecret
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (url.protocol !== 'https:') return fail(`the simulated Entra received a request for ${url.origin}; use https:`)
    // The path begins with the requested host; the server answers 404 unless that is a host of Entra.
    return await globalThis.fetch(`${this.url}/${url.host}${url.pathname}${url.search}`, init)
  }

  proxies(...hosts: string[]): Record<string, string> {
    return Object.fromEntries([...entraHosts, ...hosts].map((host) => [`https://${host}`, this.url]))
  }

  settings(): { clientId: string; clientSecret: string; fetch: typeof globalThis.fetch } {
    const { clientId, clientSecret = '', fetch } = this
    return { clientId, clientSecret, fetch }
  }

  signIn(name: string | undefined): void {
    const { users } = this.#entra.settings
    if (name !== undefined && !users.has(name)) {
      fail(`the user "${name}" does not exist; use one of ${[...users.keys()].join(', ')}`)
    }
    this.#entra.provider.keyboard = name
  }

  consentTo(scope: readonly string[]): void {
    checkTexts(scope, 'the scope to consent to')
    consentTo(this.#entra, scope)
  }

  async accessToken(request: TestEntraTokenRequest = {}): Promise<string> {
    const known = ['user', 'tenant', 'version', 'api', 'clientId', 'scope', 'roles', 'idtyp', 'host', 'policy']
    checkMembers(request, [...known, 'claims', 'header', 'key'], 'accessToken')
    const { users, apis } = this.#entra.settings
    const { host = 'login.microsoftonline.com', policy, clientId = this.clientId, roles, idtyp = false } = request
    const user = request.user === undefined ? undefined : users.get(request.user)
    if (request.user !== undefined && user === undefined) fail(`the user "${request.user}" does not exist`)
    const tid = request.tenant ?? user?.tenant ?? testTenants.contoso
    if (!isTenantId(tid)) fail('tenant must be a GUID in lower case')
    const member = user && findMember(user, tid)
    if (user && !member) fail(`${user.name} has no account in the tenant ${tid}`)
    const api = apis.find(({ appId, uri }) => request.api === undefined || [appId, uri].includes(request.api))
    if (api === undefined) return fail(`the API "${request.api}" does not exist`)
    const version = request.version ?? api.version ?? 2
    const scope = (request.scope ?? 'Orders.Read').split(' ')
    const wanted = { member, tid, api, version, clientId, scope, roles, idtyp }
    return await signEntra(this.#entra, accessTokenClaims(this.#entra, { host, policy }, wanted), request)
  }

  sign(claims: TestJsonObject, fault?: TestEntraTokenFault): Promise<string> {
    return signEntra(this.#entra, claims, fault)
  }

  async rotateKeys(): Promise<void> {
    const { keys } = this.#entra.provider
    await keys.rotate()
    this.#entra.keys = await newKeys(keys)
  }

  misbehave(faults: TestEntraFaults = {}): void {
    checkMembers(faults, ['idToken', 'metadata', 'jwks'], 'misbehave')
    if (faults.idToken) {
      checkMembers(faults.idToken, ['claims', 'header', 'key'], 'misbehave.idToken')
      const { key } = faults.idToken
      if (key !== undefined) checkChoice(key, ['consumers', 'organizations'], 'misbehave.idToken.key')
    }
    this.#entra.faults = faults
  }

  get requests(): readonly TestRequest[] {
    return this.#log.all
  }

  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[] {
    return this.#log.to(endpoint)
  }

  forget(): void {
    this.#log.forget()
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/**
 * Starts a simulated Microsoft Entra ID on 127.0.0.1.
 *
 * @throws TypeError that names the first invalid option; Error if the port is in use
 * @example
 * ```ts
 * const testEntra = await startTestEntra()
 * const oidc = createOidc({ provider: entra({ tenant: testTenants.contoso }), ...testEntra.settings(), baseUrl, secret })
 * const browser = createUserAgent({ baseUrl, proxies: testEntra.proxies() })
 * testEntra.signIn('alice')
 * ```
 */
export async function startTestEntra(options: TestEntraOptions = {}): Promise<TestEntra> {
  const settings = resolveEntraOptions(options)
  const ring = await KeyRing.create('RS256')
  const keys = await newKeys(ring)
  const entra = new RunningEntra({
    settings,
    provider: newProviderState(settings, ring),
    graphTokens: new Map(),
    consents: new Map(),
    keys,
    faults: {},
  })
  await entra.start()
  return entra
}
