import type { JWK } from 'jose'
import type { TestLogoutDelivery, TestLogoutSubject } from './backchannel.ts'
import type { TestJsonObject } from './change.ts'
import type { TestFaults } from './faults.ts'
import type { TestKeyRotation } from './keys.ts'
import type { TestRequest } from './request.ts'

/** The options of `createOidc` that connect it to the provider. */
export interface TestProviderConnection {
  /** The issuer identifier. */
  readonly issuer: string
  /** The client identifier. */
  readonly clientId: string
  /** The client secret; absent for a public client. */
  readonly clientSecret?: string
  /** `none` for a public client, otherwise absent. */
  readonly clientAuth?: 'none'
}

/**
 * An OpenID provider on loopback. Tests choose its users, its clock and its faults.
 *
 * @example
 * ```ts
 * await using provider = await startTestProvider()
 * provider.signIn('alice')
 * ```
 */
export interface TestProvider {
  /** The issuer identifier. */
  readonly issuer: string
  /** Scheme, host and port: the issuer without its path. */
  readonly url: string
  /** The identifier of the first client. */
  readonly clientId: string
  /** The secret of the first client; undefined if that client is public. */
  readonly clientSecret: string | undefined

  /** Returns the issuer and the credentials of a client, by default the first, to spread into the options of `createOidc`.
   * @throws TypeError if there is no such client
   * @example const oidc = createOidc({ ...provider.settings(), baseUrl, secret }) */
  settings(clientId?: string): TestProviderConnection

  /** Sets the user at the keyboard of every browser: when a login is needed, this user logs in at once, without a page. With
   * `undefined`, browsers get the login page. Sessions that browsers already have at the provider remain.
   * @throws TypeError if there is no such user
   * @example provider.signIn('alice') */
  signIn(sub: string | undefined): void

  /** The received requests, oldest first: the latest ones, up to the option `keepRequests`.
   * @example provider.requests.map(({ method, url, status }) => `${method} ${url}: ${status}`) */
  readonly requests: readonly TestRequest[]
  /** Returns the received requests to one endpoint, oldest first.
   * @example expect(provider.requestsTo('token')).toHaveLength(1) */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Resolves to the `count`-th request to an endpoint since the last `forget()`, by default the first.
   * @example const { params } = await provider.waitForRequest('revocation') */
  waitForRequest(endpoint: TestRequest['endpoint'], count?: number): Promise<TestRequest>
  /** Removes all received requests from {@link TestProvider.requests}.
   * @example provider.forget() */
  forget(): void

  /**
   * Adds faults to the active ones, and returns a function that undoes only these.
   *
   * @throws TypeError that names the first invalid fault
   * @example
   * ```ts
   * const undo = provider.misbehave({ endpoints: { token: { status: 503, times: 1 } } })
   * ```
   */
  misbehave(faults: TestFaults): () => void
  /** Undoes all faults.
   * @example provider.behave() */
  behave(): void

  /** Creates a new key, which signs all later tokens.
   * @throws TypeError if an option is invalid
   * @example await provider.rotateKeys({ keepOld: true }) */
  rotateKeys(rotation?: TestKeyRotation): Promise<void>
  /** Creates a new nonce for DPoP proofs. Proofs with the previous nonce are rejected with `use_dpop_nonce`. With `keepOld`
   * (default `false`), they remain valid, and the responses to them carry the new nonce.
   * @throws TypeError if the option `dpopNonces` is `none`
   * @example provider.rotateDpopNonce({ keepOld: true }) */
  rotateDpopNonce(rotation?: { readonly keepOld?: boolean | undefined }): void
  /** The published public keys, newest first.
   * @example const kid = provider.keys.keys[0]?.kid */
  readonly keys: { readonly keys: readonly JWK[] }
  /** Signs claims with the current key, and adds none. The header has `alg`, `kid` and `typ: JWT`. A member of `header`
   * replaces one of these, and `undefined` removes it.
   * @example const token = await provider.sign({ iss: provider.issuer, aud: 'orders', sub: 'alice', exp: 4_102_444_800 }) */
  sign(claims: TestJsonObject, header?: TestJsonObject): Promise<string>
  /** Issues an access token, an ID token and a refresh token for a user without a login. Resolves to the token response.
   * @throws TypeError if there is no such user or client, or if an option is unknown
   * @example const { access_token } = await provider.issueTokens('alice', { scope: 'openid orders:read' }) */
  issueTokens(sub: string, options?: TestTokenRequest): Promise<TestJsonObject>

  /** Answers the next authorization request with this error, by default `access_denied`. Several calls apply to as many
   * requests, in order.
   * @throws TypeError if the error is empty
   * @example provider.deny('temporarily_unavailable') */
  deny(error?: string, description?: string): void
  /** Limits the scope that users grant from now on, whatever is requested. `openid` is always granted. `undefined` removes
   * the limit. Earlier grants remain.
   * @throws TypeError if the scope is not an array of non-empty strings
   * @example provider.grantOnly(['profile']) */
  grantOnly(scope: readonly string[] | undefined): void
  /** Ends all sessions of a user, and sends a logout token to the clients of these sessions (OIDC Back-Channel Logout 1.0).
   * Resolves to the outcomes, after five seconds at the latest.
   * @throws TypeError if there is no such user
   * @example const [delivery] = await provider.logOut('alice') */
  logOut(sub: string): Promise<readonly TestLogoutDelivery[]>
  /** Creates a logout token for a client, by default the first (OIDC Back-Channel Logout 1.0 section 2.4). Active faults
   * apply.
   * @throws TypeError if a fault omits the token, or if a member of `about` is unknown
   * @example const token = await provider.logoutToken({ sub: 'alice' }) */
  logoutToken(about: TestLogoutSubject, clientId?: string): Promise<string>
  /** Sets the logout URIs of a client, by default the first. For applications whose port is known only after the provider
   * has started.
   * @throws TypeError if there is no such client, or if a URI is not a URL
   * @example provider.registerLogout({ backchannelLogoutUri: `${baseUrl}/backchannel-logout` }) */
  registerLogout(uris: TestLogoutUris, clientId?: string): void
  /** Ends all sessions of a user at the provider without notifying clients. The provider then rejects a refresh with
   * `invalid_grant`, and `prompt=none` with `login_required`.
   * @throws TypeError if there is no such user
   * @example provider.endSession('alice') */
  endSession(sub: string): void
  /** Disables a user, who can then no longer log in. The provider rejects a refresh with `invalid_grant`.
   * @throws TypeError if there is no such user
   * @example provider.disableUser('alice') */
  disableUser(sub: string): void
  /** Lets a disabled user log in again.
   * @throws TypeError if there is no such user
   * @example provider.enableUser('alice') */
  enableUser(sub: string): void

  /** Restores the initial state, for a provider that several tests share. It clears faults, sessions, tokens, denials and
   * received requests, enables all users, removes the limit of `grantOnly`, and restores the user of the option `signIn`.
   * The port, the keys, the DPoP nonces and registered logout URIs remain.
   * @example afterEach(() => provider.reset()) */
  reset(): void

  /** Stops the server: closes all connections at once, and refuses new ones.
   * @example await provider.stop() */
  stop(): Promise<void>
  /** Starts the server again on the same port, with the same state.
   * @throws Error if the port is in use
   * @example await provider.start() */
  start(): Promise<void>
  /** Stops the server at the end of a block.
   * @example await using provider = await startTestProvider() */
  [Symbol.asyncDispose](): Promise<void>
}

/** The URIs at which a client receives logouts. */
export interface TestLogoutUris {
  /** The URI that receives logout tokens (OIDC Back-Channel Logout 1.0 section 2.2).
   * @default the registered URI
   * @example provider.registerLogout({ backchannelLogoutUri: `${baseUrl}/backchannel-logout` }) */
  readonly backchannelLogoutUri?: string | undefined
  /** The URI that the provider's page loads in a frame (OIDC Front-Channel Logout 1.0 section 2).
   * @default the registered URI
   * @example provider.registerLogout({ frontchannelLogoutUri: `${baseUrl}/frontchannel-logout` }) */
  readonly frontchannelLogoutUri?: string | undefined
}

/** The client, scope and resources of issued tokens. */
export interface TestTokenRequest {
  /** The identifier of the client.
   * @default the first client
   * @example provider.issueTokens('alice', { clientId: 'shop' }) */
  readonly clientId?: string | undefined
  /** The scope, separated by spaces.
   * @default 'openid profile email'
   * @example provider.issueTokens('alice', { scope: 'openid orders:read' }) */
  readonly scope?: string | undefined
  /** The resources that the access token is for (RFC 8707).
   * @default none
   * @example provider.issueTokens('alice', { resource: ['https://api.example.com'] }) */
  readonly resource?: readonly string[] | undefined
}
