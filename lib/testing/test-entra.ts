import type { JsonObject } from './change.ts'
import type { TestEntraFaults, TestEntraTokenFault } from './entra-state.ts'
import type { TestRequest } from './request.ts'

/** For whom and for what an access token is issued, and what is wrong with it. */
export interface EntraTokenRequest extends TestEntraTokenFault {
  /** The user's name. Default: none, so that it is for the application itself. */
  readonly user?: string | undefined
  /** The tenant that it is issued in. Default: the user's own, else Contoso. */
  readonly tenant?: string | undefined
  /** The version of its format. Default: that of the API. */
  readonly version?: 1 | 2 | undefined
  /** The ID or URI of the API that it is for. Default: the first. */
  readonly api?: string | undefined
  /** The client that it is issued to. Default: the first. */
  readonly clientId?: string | undefined
  /** The scope of a user's, without the URI of the API. Default `Orders.Read`. */
  readonly scope?: string | undefined
  /** Roles of an application. Default: none. */
  readonly roles?: readonly string[] | undefined
  /** Whether the API has the optional claim `idtyp`. Default false. */
  readonly idtyp?: boolean | undefined
  /** The host that issues it. Default `login.microsoftonline.com`. */
  readonly host?: string | undefined
  /** The policy of B2C. Default: none. */
  readonly policy?: string | undefined
}

/** Microsoft Entra ID on loopback, with its documents and tokens, under its own host names. */
export interface TestEntra {
  /** Scheme, host and port on loopback. */
  readonly url: string
  /** The first client's. */
  readonly clientId: string
  readonly clientSecret: string | undefined
  /**
   * For the option `fetch` of `createOidc` and `createBearer`: requests to Entra's hosts come here, also those to
   * `*.ciamlogin.com`, `*.b2clogin.com` and Microsoft Graph; any other is refused, so that nothing reaches the real one.
   */
  readonly fetch: typeof globalThis.fetch
  /** For the option `proxies` of `createUserAgent`: Entra's hosts, with those named here. */
  proxies(...hosts: string[]): Record<string, string>
  /** Client and `fetch`, to spread into the options of `createOidc` beside those of `entra()`. */
  settings(): { clientId: string; clientSecret: string; fetch: typeof globalThis.fetch }
  /** Says by name who is at the keyboard of every browser; `undefined`: nobody, so that browsers get the login page. */
  signIn(name: string | undefined): void
  /**
   * From now on an administrator has consented to this scope for all users and clients, and users to what they are asked for
   * from now on: a refresh for any other is answered `consent_required`. `.default` of an API stands for what there is consent
   * to. At first: none.
   */
  consentTo(scope: readonly string[]): void
  /** An access token for an API. */
  accessToken(request?: EntraTokenRequest): Promise<string>
  /** Signs claims as they are, with the header that tokens have. */
  sign(claims: JsonObject, fault?: TestEntraTokenFault): Promise<string>
  /** Makes new keys, which sign from now on; the former ones are published no more. */
  rotateKeys(): Promise<void>
  /** Puts these faults in force instead of those that were; none: behaves. */
  misbehave(faults?: TestEntraFaults): void
  /** The requests that came, oldest first, with the URL that they were meant for. */
  readonly requests: readonly TestRequest[]
  /** Those to one endpoint. */
  requestsTo(endpoint: TestRequest['endpoint']): readonly TestRequest[]
  /** Forgets the requests that came. */
  forget(): void
  stop(): Promise<void>
  /** Stops at the end of a block: `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
