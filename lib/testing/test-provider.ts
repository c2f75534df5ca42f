import type { JWK } from 'jose'
import type { TestLogoutDelivery, TestLogoutSubject } from './backchannel.ts'
import type { TestJsonObject } from './change.ts'
import type { TestFaults } from './faults.ts'
import type { TestKeyRotation } from './keys.ts'
import type { TestRequest } from './request.ts'

/** Options of `createOidc` that connect it to the provider. */
export interface TestProviderConnection {
  /** The issuer identifier. */
  readonly issuer: string
  /** The client identifier. */
  readonly clientId: string
  /** The client secret; absent for a public client. */
  readonly clientSecret?: string
  /** `none` for a public client, else absent. */
  readonly clientAuth?: 'none'
}

/** An OpenID provider on loopback. Tests choose its users, its clock and its faults. */
export interface TestProvider {
  /** The issuer identifier. */
  readonly issuer: string
  /** Scheme, host and port: the issuer without its path. */
  readonly url: string
  /** The identifier of the first client. */
  readonly clientId: string
  /** The secret of the first client; undefined if that client is public. */
  readonly clientSecret: string | undefined

  /**
   * Issuer and credentials of a client, by default the first, to spread into the options of `createOidc`.
   *
   * @throws TypeError if there is no such client.
   */
  settings(clientId?: string): TestProviderConnection

  /**
   * Sets the user at the keyboard of every browser: when a login is needed, this user logs in at once, without a page.
   * With `undefined`, browsers get the login page. Sessions that browsers have at the provider stay.
   *
   * @throws TypeError if there is no such user.
   */
  signIn(sub: string | undefined): void

  /** The received requests, oldest first. */
  readonly requests: readonly TestRequest[]
  /** The received requests to one endpoint, oldest first. */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Resolves to the `count`-th request to an endpoint since the last `forget()`, by default the first. */
  waitForRequest(endpoint: TestRequest['endpoint'], count?: number): Promise<TestRequest>
  /** Clears the received requests. */
  forget(): void

  /**
   * Adds faults to the active ones, and returns a function that undoes only these.
   *
   * @throws TypeError that names the first invalid fault.
   * @example
   * ```ts
   * const undo = provider.misbehave({ endpoints: { token: { status: 503, times: 1 } } })
   * ```
   */
  misbehave(faults: TestFaults): () => void
  /** Undoes all faults. */
  behave(): void

  /** Makes a new key, which signs all later tokens. */
  rotateKeys(rotation?: TestKeyRotation): Promise<void>
  /**
   * Makes a new nonce for DPoP proofs. Proofs with the previous nonce are rejected with `use_dpop_nonce`. With `keepOld`,
   * they stay valid and their responses carry the new nonce.
   *
   * @throws TypeError if the option `dpopNonces` is `none`.
   */
  rotateDpopNonce(rotation?: { readonly keepOld?: boolean | undefined }): void
  /** The published public keys, newest first. */
  readonly keys: { readonly keys: readonly JWK[] }
  /**
   * Signs claims with the current key, and adds none. The header has `alg`, `kid` and `typ: JWT`; a member of `header`
   * replaces one of these, and `undefined` removes it.
   */
  sign(claims: TestJsonObject, header?: TestJsonObject): Promise<string>
  /** Issues an access token, an ID token and a refresh token for a user without a login. Resolves to the token response. */
  issueTokens(sub: string, options?: TestTokenRequest): Promise<TestJsonObject>

  /** Answers the next authorization request with this error, by default `access_denied`. Several calls queue up. */
  deny(error?: string, description?: string): void
  /**
   * Limits the scope that users grant from now on, whatever is requested. `openid` is always granted. `undefined` removes
   * the limit. Earlier grants stay.
   */
  grantOnly(scope: readonly string[] | undefined): void
  /**
   * Ends all sessions of a user, and sends their clients a logout token (OIDC Back-Channel Logout 1.0). Resolves to the
   * responses, after five seconds at the latest.
   */
  logOut(sub: string): Promise<readonly TestLogoutDelivery[]>
  /**
   * A logout token for a client, by default the first (OIDC Back-Channel Logout 1.0 section 2.4). Active faults apply.
   *
   * @throws TypeError if a fault omits the token.
   */
  logoutToken(about: TestLogoutSubject, clientId?: string): Promise<string>
  /** Sets the logout URIs of a client, by default the first, if its port is known only after the provider has started. */
  registerLogout(uris: TestLogoutUris, clientId?: string): void
  /**
   * Ends all sessions of a user at the provider without notifying clients. A refresh is then answered with `invalid_grant`,
   * `prompt=none` with `login_required`.
   */
  endSession(sub: string): void
  /** Disables a user, who can then no longer log in. A refresh is answered with `invalid_grant`. */
  disableUser(sub: string): void
  /** Undoes `disableUser`. */
  enableUser(sub: string): void

  /**
   * Restores the initial state, for a provider that several tests share. It clears faults, sessions, tokens, denials and
   * received requests, enables all users, removes the limit of `grantOnly`, and restores the user of the option `signIn`.
   * Keys and port stay.
   */
  reset(): void

  /** Stops the server: cuts all connections at once, and refuses new ones. */
  stop(): Promise<void>
  /** Starts again on the same port, with the same state. */
  start(): Promise<void>
  /** Stops at the end of a block: `await using provider = await startTestProvider()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The URIs at which a client receives logouts. */
export interface TestLogoutUris {
  /** Receives logout tokens (OIDC Back-Channel Logout 1.0 section 2.2). */
  readonly backchannelLogoutUri?: string | undefined
  /** Loaded in a frame of the provider's page (OIDC Front-Channel Logout 1.0 section 2). */
  readonly frontchannelLogoutUri?: string | undefined
}

/** The client, scope and resources of issued tokens. */
export interface TestTokenRequest {
  /**
   * The identifier of the client.
   *
   * @default the first client
   */
  readonly clientId?: string | undefined
  /**
   * The scope, separated by spaces.
   *
   * @default 'openid profile email'
   */
  readonly scope?: string | undefined
  /**
   * The resources that the access token is for (RFC 8707).
   *
   * @default none
   */
  readonly resource?: readonly string[] | undefined
}
