import { checkFunction, checkMembers, checkOneOf, checkText, checkTexts, checkWholeNumber, fail } from './checks.ts'
import { checkClients, defaultClients, type TestClient } from './clients.ts'
import { checkAlgorithm } from './jws.ts'
import { checkUsers, defaultUsers, type TestUser } from './users.ts'

/** What can be chosen of a test provider. All of it is optional. */
export interface TestProviderOptions {
  /** Default: alice (roles `admin` and `user`) and bob (role `user`), with name, user name and email address. */
  readonly users?: readonly TestUser[] | undefined
  /** Default: one confidential client, `web` with the secret `web-secret`. */
  readonly clients?: readonly TestClient[] | undefined
  /** The `sub` of the user at the keyboard from the start, as with {@link TestProvider.signIn}. Default: nobody. */
  readonly signIn?: string | undefined
  /** The path of the issuer, such as `/realms/acme`. Default: none. */
  readonly path?: string | undefined
  /** The host name in the issuer. The provider listens on 127.0.0.1 either way. Default `127.0.0.1`. */
  readonly hostname?: '127.0.0.1' | 'localhost' | undefined
  /** The port to listen on. Default 0: a free one, which is kept through `stop()` and `start()`. */
  readonly port?: number | undefined
  /** The provider's clock, in milliseconds since 1970. All times in tokens and all expiries follow it. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** The algorithm that tokens are signed with: RS256 to ES512, or EdDSA. Default `RS256`. */
  readonly algorithm?: string | undefined
  /** How long access tokens are good for, in seconds. Default 300. */
  readonly accessTokenSeconds?: number | undefined
  /** How long ID tokens are good for, in seconds. Default 300. */
  readonly idTokenSeconds?: number | undefined
  /**
   * `none`: no refresh tokens. `static`: one for the whole login, given once. `rotating`: each is good once; when a
   * spent one comes back, the login's tokens all end. Default `static`.
   */
  readonly refreshTokens?: 'none' | 'static' | 'rotating' | undefined
  /**
   * The form of refresh tokens: a text that means nothing to clients, or a JWT as Keycloak has it, which `keycloak-js` insists
   * upon. Default `opaque`.
   */
  readonly refreshTokenForm?: 'opaque' | 'jwt' | undefined
  /** The form of access tokens: a JWT with `typ: JWT`, one of RFC 9068 (`at+jwt`), or an opaque text. Default `jwt`. */
  readonly accessTokens?: 'jwt' | 'at+jwt' | 'opaque' | undefined
  /** The audience of access tokens for which no `resource` was asked (RFC 8707). Default `account`. */
  readonly audience?: string | readonly string[] | undefined
  /** The scopes that can be granted; others asked for are left out. Default: whatever is asked for. */
  readonly scopes?: readonly string[] | undefined
  /**
   * The resources that tokens can be had for (RFC 8707); others are an `invalid_target`. So is another `audience` of a token
   * exchange (RFC 8693), unless it is that of a client. Default: whatever is asked for.
   */
  readonly resources?: readonly string[] | undefined
  /** Pushed authorization requests (RFC 9126). Default `offered`. */
  readonly pushedRequests?: 'none' | 'offered' | 'required' | undefined
  /** Tokens that are bound to a key of the client's (DPoP, RFC 9449), for clients that send a proof. Default `offered`. */
  readonly dpop?: 'none' | 'offered' | undefined
  /**
   * Whether DPoP proofs must have a nonce of the provider's, at its endpoints for clients and at userinfo. A client learns it
   * by an error `use_dpop_nonce`, later ones by good answers too; see {@link TestProvider.rotateDpopNonce}. Default `none`.
   */
  readonly dpopNonces?: 'none' | 'required' | undefined
  /** Makes the `sid` of a new provider session. Default: random. */
  readonly sid?: (() => string) | undefined
  /** How many of the latest requests are kept in `requests`. Default 10000. */
  readonly keepRequests?: number | undefined
}

/** The options, checked and complete. */
export interface ProviderSettings {
  readonly users: ReadonlyMap<string, TestUser>
  readonly clients: Map<string, TestClient>
  readonly signIn: string | undefined
  readonly path: string
  readonly hostname: string
  readonly port: number
  readonly now: () => number
  readonly algorithm: string
  readonly accessTokenSeconds: number
  readonly idTokenSeconds: number
  readonly refreshTokens: 'none' | 'static' | 'rotating'
  readonly refreshTokenForm: 'opaque' | 'jwt'
  readonly accessTokens: 'jwt' | 'at+jwt' | 'opaque'
  readonly audience: string | readonly string[]
  readonly scopes: readonly string[] | undefined
  readonly resources: readonly string[] | undefined
  readonly pushedRequests: 'none' | 'offered' | 'required'
  readonly dpop: 'none' | 'offered'
  readonly dpopNonces: 'none' | 'required'
  readonly sid: (() => string) | undefined
  readonly keepRequests: number
}

const aCentury = 3_155_760_000

const checks: Readonly<Record<keyof TestProviderOptions, (value: unknown, name: string) => void>> = {
  users: () => {},
  clients: () => {},
  signIn: checkText,
  path: (value, name) => {
    if (typeof value !== 'string' || !/^(\/[\w.~%-]+)*$/.test(value)) {
      fail(`${name} must be empty or start with a slash and not end with one, as in "/realms/acme"`)
    }
  },
  hostname: (value, name) => checkOneOf(value, ['127.0.0.1', 'localhost'], name),
  port: (value, name) => checkWholeNumber(value, 0, 65_535, name),
  now: checkFunction,
  algorithm: checkAlgorithm,
  accessTokenSeconds: (value, name) => checkWholeNumber(value, 1, aCentury, name),
  idTokenSeconds: (value, name) => checkWholeNumber(value, 1, aCentury, name),
  refreshTokens: (value, name) => checkOneOf(value, ['none', 'static', 'rotating'], name),
  refreshTokenForm: (value, name) => checkOneOf(value, ['opaque', 'jwt'], name),
  accessTokens: (value, name) => checkOneOf(value, ['jwt', 'at+jwt', 'opaque'], name),
  audience: (value, name) => (Array.isArray(value) ? checkTexts(value, name) : checkText(value, name)),
  scopes: checkTexts,
  resources: checkTexts,
  pushedRequests: (value, name) => checkOneOf(value, ['none', 'offered', 'required'], name),
  dpop: (value, name) => checkOneOf(value, ['none', 'offered'], name),
  dpopNonces: (value, name) => checkOneOf(value, ['none', 'required'], name),
  sid: checkFunction,
  keepRequests: (value, name) => checkWholeNumber(value, 0, Number.MAX_SAFE_INTEGER, name),
}

/** Checks the options and fills in the defaults. Throws a TypeError that names the first wrong one. */
export function resolveOptions(options: TestProviderOptions): ProviderSettings {
  checkMembers(options, Object.keys(checks), 'the options of startTestProvider')
  for (const [name, check] of Object.entries(checks)) {
    const value = options[name as keyof TestProviderOptions]
    if (value !== undefined) check(value, name)
  }
  return {
    users: checkUsers(options.users ?? defaultUsers),
    clients: checkClients(options.clients ?? defaultClients),
    signIn: options.signIn,
    path: options.path ?? '',
    hostname: options.hostname ?? '127.0.0.1',
    port: options.port ?? 0,
    now: options.now ?? Date.now,
    algorithm: options.algorithm ?? 'RS256',
    accessTokenSeconds: options.accessTokenSeconds ?? 300,
    idTokenSeconds: options.idTokenSeconds ?? 300,
    refreshTokens: options.refreshTokens ?? 'static',
    refreshTokenForm: options.refreshTokenForm ?? 'opaque',
    accessTokens: options.accessTokens ?? 'jwt',
    audience: options.audience ?? 'account',
    scopes: options.scopes,
    resources: options.resources,
    pushedRequests: options.pushedRequests ?? 'offered',
    dpop: options.dpop ?? 'offered',
    dpopNonces: options.dpopNonces ?? 'none',
    sid: options.sid,
    keepRequests: options.keepRequests ?? 10_000,
  }
}
