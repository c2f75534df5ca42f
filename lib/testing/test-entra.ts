import type { TestJsonObject } from './change.ts'
import type { TestEntraFaults, TestEntraTokenFault } from './entra-state.ts'
import type { TestRequest } from './request.ts'

/** The user, the API and the faults of an access token. */
export interface TestEntraTokenRequest extends TestEntraTokenFault {
  /**
   * The name of the user.
   *
   * @default none: a token for the application itself
   */
  readonly user?: string | undefined
  /**
   * The GUID of the tenant that issues the token.
   *
   * @default the home tenant of the user, or Contoso without a user
   */
  readonly tenant?: string | undefined
  /**
   * The version of the token's format.
   *
   * @default the version of the API
   */
  readonly version?: 1 | 2 | undefined
  /**
   * The ID or URI of the API that the token is for.
   *
   * @default the first API
   */
  readonly api?: string | undefined
  /**
   * The identifier of the client that the token is issued to.
   *
   * @default the first client
   */
  readonly clientId?: string | undefined
  /**
   * The scope of a user's token, separated by spaces, without the URI of the API.
   *
   * @default 'Orders.Read'
   */
  readonly scope?: string | undefined
  /**
   * The app roles in the token.
   *
   * @default the roles of the user, or none without a user
   */
  readonly roles?: readonly string[] | undefined
  /**
   * Whether the token has the optional claim `idtyp`.
   *
   * @default false
   */
  readonly idtyp?: boolean | undefined
  /**
   * The host that issues the token.
   *
   * @default 'login.microsoftonline.com'
   */
  readonly host?: string | undefined
  /**
   * The policy of a B2C token.
   *
   * @default none
   */
  readonly policy?: string | undefined
}

/** A simulated Microsoft Entra ID on loopback, with the documents, tokens and host names of the real one. */
export interface TestEntra {
  /** Scheme, host and port on loopback. */
  readonly url: string
  /** The identifier of the first client. */
  readonly clientId: string
  /** The secret of the first client; undefined if that client is public. */
  readonly clientSecret: string | undefined
  /**
   * A `fetch` for the options of `createOidc` and `createBearer`. It sends requests for hosts of Entra to this server,
   * those for `*.ciamlogin.com`, `*.b2clogin.com` and Microsoft Graph included. For other hosts the response is an error.
   * Nothing reaches the real Entra.
   *
   * @throws TypeError for a URL that is not `https:`.
   */
  readonly fetch: typeof globalThis.fetch
  /** The option `proxies` of `createUserAgent`: maps the fixed hosts of Entra, and the given ones, to this server. */
  proxies(...hosts: string[]): Record<string, string>
  /** The first client and `fetch`, to spread into the options of `createOidc` beside `provider: entra({ tenant })`. */
  settings(): { clientId: string; clientSecret: string; fetch: typeof globalThis.fetch }
  /**
   * Sets the user at the keyboard of every browser, who logs in without a page. With `undefined`, browsers get the login
   * page.
   *
   * @throws TypeError if there is no such user.
   */
  signIn(name: string | undefined): void
  /**
   * Replaces all consents: an administrator consents to this scope for all users and clients. Later logins add the consent
   * of their user. A refresh for any other scope is answered with `consent_required`. `.default` of an API means the scope
   * that has consent. At the start there is no consent.
   */
  consentTo(scope: readonly string[]): void
  /**
   * Issues an access token for an API.
   *
   * @throws TypeError if the request is invalid, for example for an unknown user or API.
   */
  accessToken(request?: TestEntraTokenRequest): Promise<string>
  /** Signs claims as given, with the header of Entra's tokens. */
  sign(claims: TestJsonObject, fault?: TestEntraTokenFault): Promise<string>
  /** Makes new signing keys, and no longer publishes the previous ones. */
  rotateKeys(): Promise<void>
  /** Replaces the faults; without an argument, removes them. */
  misbehave(faults?: TestEntraFaults): void
  /** The received requests, oldest first, with the URL at Entra's host. The latest 10,000 are kept. */
  readonly requests: readonly TestRequest[]
  /** The received requests to one endpoint, oldest first. */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Clears the received requests. */
  forget(): void
  /** Stops the server and cuts all connections. */
  stop(): Promise<void>
  /** Stops at the end of a block: `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
