import type { JWK } from 'jose'
import type { LogoutDelivery, LogoutSubject } from './backchannel.ts'
import type { JsonObject } from './change.ts'
import type { TestFaults } from './faults.ts'
import type { KeyRotation } from './keys.ts'
import type { TestRequest } from './request.ts'

/** What to spread into the options of `createOidc`. */
export interface TestProviderConnection {
  /** The issuer identifier. */
  readonly issuer: string
  /** The client's identifier. */
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret?: string
  /** `none` for a public client. */
  readonly clientAuth?: 'none'
}

/** An OpenID provider on loopback whose users, clock and faults are the spec's to choose. */
export interface TestProvider {
  /** The issuer identifier. */
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
  /**
   * Makes a new nonce for DPoP proofs. Proofs with the former one are refused with `use_dpop_nonce`, or, with `keepOld`, are
   * good still, and their answers bring the new one.
   */
  rotateDpopNonce(rotation?: { readonly keepOld?: boolean | undefined }): void
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
  /**
   * Users grant this scope and no other from now on, whatever they are asked for, except `openid`: without that a login is
   * none. `undefined`: all of it again. What was granted before stays.
   */
  grantOnly(scope: readonly string[] | undefined): void
  /**
   * Ends all sessions of a user, and tells the clients that took part by the back channel. Resolves once all have answered,
   * or five seconds later, to what they answered.
   */
  logOut(sub: string): Promise<readonly LogoutDelivery[]>
  /** A logout token for a client (OIDC Back-Channel Logout 1.0 section 2.4), as the faults have it. Default: the first client. */
  logoutToken(about: LogoutSubject, clientId?: string): Promise<string>
  /** Says where a client is told of logouts, where that is known only once it listens. Default: the first client. */
  registerLogout(uris: LogoutUris, clientId?: string): void
  /** Ends all sessions of a user at the provider, and tells nobody: a refresh is answered `invalid_grant`, `prompt=none` `login_required`. */
  endSession(sub: string): void
  /** The user can't log in any more, and a refresh is answered `invalid_grant`. */
  disableUser(sub: string): void
  /** Takes `disableUser` back. */
  enableUser(sub: string): void

  /**
   * Back to how it started, for a provider that several specs share: no faults, sessions, denials or recorded requests, all
   * users enabled, who grant what is asked for, at the keyboard who was there first. Keys and port stay.
   */
  reset(): void

  /** Goes down: all connections are cut at once, new ones refused. */
  stop(): Promise<void>
  /** Comes up again on the same port, with all that it knew. */
  start(): Promise<void>
  /** Stops at the end of a block: `await using provider = await startTestProvider()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Where a client is told of logouts. */
export interface LogoutUris {
  readonly backchannelLogoutUri?: string | undefined
  readonly frontchannelLogoutUri?: string | undefined
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
