import type { TestJsonObject } from './change.ts'
import type { TestEntraFaults, TestEntraTokenFault } from './entra-state.ts'
import type { TestRequest } from './request.ts'

/**
 * The user, the API and the faults of an access token.
 *
 * @example
 * const token = await testEntra.accessToken({ user: 'alice', scope: 'Orders.Read Orders.Write' })
 */
export interface TestEntraTokenRequest extends TestEntraTokenFault {
  /** The name of the user.
   * @default none: a token for the application itself
   * @example testEntra.accessToken({ user: 'alice' }) */
  readonly user?: string | undefined
  /** The GUID of the tenant that issues the token.
   * @default the home tenant of the user, or Contoso without a user
   * @example testEntra.accessToken({ user: 'greta', tenant: testTenants.contoso }) */
  readonly tenant?: string | undefined
  /** The version of the access token.
   * @default the version of the API
   * @example testEntra.accessToken({ version: 1 }) */
  readonly version?: 1 | 2 | undefined
  /** The ID or URI of the API that the token is for.
   * @default the first API
   * @example testEntra.accessToken({ api: 'api://orders' }) */
  readonly api?: string | undefined
  /** The identifier of the client that the token is issued to.
   * @default the first client
   * @example testEntra.accessToken({ clientId: 'c0000000-0000-4000-8000-000000000002' }) */
  readonly clientId?: string | undefined
  /** The scope of a user's token, separated by spaces, without the URI of the API.
   * @default 'Orders.Read'
   * @example testEntra.accessToken({ user: 'alice', scope: 'Orders.Read Orders.Write' }) */
  readonly scope?: string | undefined
  /** The app roles in the token.
   * @default the roles of the user, or none without a user
   * @example testEntra.accessToken({ roles: ['Orders.Read.All'] }) */
  readonly roles?: readonly string[] | undefined
  /** Whether the token has the optional claim `idtyp`.
   * @default false
   * @example testEntra.accessToken({ idtyp: true }) */
  readonly idtyp?: boolean | undefined
  /** The host that issues the token.
   * @default 'login.microsoftonline.com'
   * @example testEntra.accessToken({ host: 'login.microsoftonline.us' }) */
  readonly host?: string | undefined
  /** The policy of a B2C token, for a `host` of B2C.
   * @default none
   * @example testEntra.accessToken({ user: 'alice', host: 'contoso.b2clogin.com', policy: 'b2c_1_signin' }) */
  readonly policy?: string | undefined
}

/**
 * A simulated Microsoft Entra ID on loopback, with the documents, tokens and host names of the real one.
 *
 * @example
 * ```ts
 * await using testEntra = await startTestEntra({ signIn: 'alice' })
 * ```
 */
export interface TestEntra {
  /** Scheme, host and port on loopback. */
  readonly url: string
  /** The identifier of the first client. */
  readonly clientId: string
  /** The secret of the first client; undefined if that client is public. */
  readonly clientSecret: string | undefined
  /** A `fetch` for the options of `createOidc` and `createBearer`. It sends requests for hosts of Entra to this server,
   * including `*.ciamlogin.com`, `*.b2clogin.com` and Microsoft Graph. For other hosts the response is an error. Nothing
   * reaches the real Entra.
   * @throws TypeError for a URL that is not `https:`
   * @example createBearer({ provider: entra({ tenant }), audience: 'api://orders', baseUrl, fetch: testEntra.fetch }) */
  readonly fetch: typeof globalThis.fetch
  /** Returns the option `proxies` of `createUserAgent`: it maps the fixed hosts of Entra, and the given ones, to this
   * server.
   * @example createUserAgent({ baseUrl, proxies: testEntra.proxies('contoso.b2clogin.com') }) */
  proxies(...hosts: string[]): Record<string, string>
  /** Returns the credentials of the first client and `fetch`, to spread into the options of `createOidc`.
   * @example createOidc({ provider: entra({ tenant }), ...testEntra.settings(), baseUrl, secret }) */
  settings(): { clientId: string; clientSecret: string; fetch: typeof globalThis.fetch }
  /** Sets the user at the keyboard of every browser, who logs in without a page. With `undefined`, browsers get the login
   * page.
   * @throws TypeError if there is no such user
   * @example testEntra.signIn('alice') */
  signIn(name: string | undefined): void
  /** Replaces all consents: an administrator consents to this scope for all users and clients. Each later login adds the
   * consent of its user. A refresh for any other scope is rejected with `consent_required`. `.default` of an API means the
   * scope of that API that has consent. At the start there is no consent.
   * @throws TypeError if the scope is not an array of non-empty strings
   * @example testEntra.consentTo(['api://orders/Orders.Read']) */
  consentTo(scope: readonly string[]): void
  /** Issues an access token for an API.
   * @throws TypeError if the request is invalid, for example for an unknown user or API
   * @example const token = await testEntra.accessToken({ user: 'alice' }) */
  accessToken(request?: TestEntraTokenRequest): Promise<string>
  /** Signs claims as given, with the header of Entra's tokens.
   * @example const token = await testEntra.sign({ iss: 'https://elsewhere.example', tid: testTenants.contoso }) */
  sign(claims: TestJsonObject, fault?: TestEntraTokenFault): Promise<string>
  /** Creates new signing keys, and no longer publishes the previous ones.
   * @example await testEntra.rotateKeys() */
  rotateKeys(): Promise<void>
  /** Replaces the faults; without an argument, removes them.
   * @throws TypeError if a fault is unknown
   * @example testEntra.misbehave({ idToken: { claims: { tid: testTenants.fabrikam } } }) */
  misbehave(faults?: TestEntraFaults): void
  /** The received requests, oldest first, with the URL at Entra's host. The latest 10,000 are kept.
   * @example testEntra.requests.map(({ url }) => url) */
  readonly requests: readonly TestRequest[]
  /** Returns the received requests to one endpoint, oldest first.
   * @example expect(testEntra.requestsTo('token')).toHaveLength(1) */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Removes all received requests from {@link TestEntra.requests}.
   * @example testEntra.forget() */
  forget(): void
  /** Stops the server and closes all connections.
   * @example await testEntra.stop() */
  stop(): Promise<void>
  /** Stops the server at the end of a block.
   * @example await using testEntra = await startTestEntra() */
  [Symbol.asyncDispose](): Promise<void>
}
