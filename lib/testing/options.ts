import { checkFunction, checkMembers, checkChoice, checkText, checkTexts, checkWholeNumber, fail } from './checks.ts'
import { checkClients, defaultClients, type TestClient } from './clients.ts'
import { checkAlgorithm } from './jws.ts'
import { checkUsers, defaultUsers, type TestUser } from './users.ts'

/**
 * Options of `startTestProvider`. All are optional.
 *
 * @example
 * const options: TestProviderOptions = { signIn: 'alice', accessTokenSeconds: 60, refreshTokens: 'rotating' }
 */
export interface TestProviderOptions {
  /** The users; a list must have at least one.
   * @default alice (roles `admin` and `user`) and bob (role `user`), with name, user name and email address
   * @example startTestProvider({ users: [{ sub: 'carol', claims: { email: 'carol@example.com' } }] }) */
  readonly users?: readonly TestUser[] | undefined
  /** The registered clients; a list must have at least one.
   * @default one confidential client, `web` with the secret `web-secret`
   * @example startTestProvider({ clients: [{ clientId: 'shop', clientSecret: 'shop-secret' }] }) */
  readonly clients?: readonly TestClient[] | undefined
  /** The `sub` of the user at the keyboard at the start, as with {@link TestProvider.signIn}.
   * @default nobody
   * @example startTestProvider({ signIn: 'alice' }) */
  readonly signIn?: string | undefined
  /** The path of the issuer: empty, or such as `/realms/acme`.
   * @default ''
   * @example startTestProvider({ path: '/realms/acme' }) */
  readonly path?: string | undefined
  /** The host name in the issuer. The provider listens on 127.0.0.1 in either case.
   * @default '127.0.0.1'
   * @example startTestProvider({ hostname: 'localhost' }) */
  readonly hostname?: '127.0.0.1' | 'localhost' | undefined
  /** The port to listen on; 0 selects a free one. The port stays the same through `stop()` and `start()`.
   * @default 0
   * @example startTestProvider({ port: 9000 }) */
  readonly port?: number | undefined
  /** The provider's clock, in milliseconds since 1970. All times in tokens and all expiries follow it.
   * @default Date.now
   * @example startTestProvider({ now: () => Date.now() + 3_600_000 }) // one hour ahead */
  readonly now?: (() => number) | undefined
  /** The algorithm that signs tokens: `RS`, `PS` or `ES` with `256`, `384` or `512` (such as `RS256`), `EdDSA` or `Ed25519`.
   * @default 'RS256'
   * @example startTestProvider({ algorithm: 'ES256' }) */
  readonly algorithm?: string | undefined
  /** Lifetime of access tokens, in whole seconds, at least 1.
   * @default 300
   * @example startTestProvider({ accessTokenSeconds: 60 }) */
  readonly accessTokenSeconds?: number | undefined
  /** Lifetime of ID tokens, in whole seconds, at least 1.
   * @default 300
   * @example startTestProvider({ idTokenSeconds: 60 }) */
  readonly idTokenSeconds?: number | undefined
  /** Whether the provider issues refresh tokens. `static`: one for the whole login. `rotating`: a new one at each refresh.
   * Each of these works once, and its reuse revokes all tokens of the login.
   * @default 'static'
   * @example startTestProvider({ refreshTokens: 'rotating' }) */
  readonly refreshTokens?: 'none' | 'static' | 'rotating' | undefined
  /** The format of refresh tokens: an opaque string, or a JWT as in Keycloak, which `keycloak-js` requires.
   * @default 'opaque'
   * @example startTestProvider({ refreshTokenForm: 'jwt' }) */
  readonly refreshTokenForm?: 'opaque' | 'jwt' | undefined
  /** The format of access tokens: a JWT with `typ: JWT`, a JWT of RFC 9068 (`at+jwt`), or an opaque string.
   * @default 'jwt'
   * @example startTestProvider({ accessTokens: 'at+jwt' }) */
  readonly accessTokens?: 'jwt' | 'at+jwt' | 'opaque' | undefined
  /** The audience of access tokens that were requested without a `resource` (RFC 8707).
   * @default 'account'
   * @example startTestProvider({ audience: 'https://api.example.com' }) */
  readonly audience?: string | readonly string[] | undefined
  /** The scopes that can be granted. Other requested scopes are ignored.
   * @default every requested scope
   * @example startTestProvider({ scopes: ['openid', 'profile', 'orders:read'] }) */
  readonly scopes?: readonly string[] | undefined
  /** The resources that tokens can be requested for (RFC 8707). The provider rejects any other with `invalid_target`. It
   * also rejects any other `audience` of a token exchange (RFC 8693), except a client identifier.
   * @default every requested resource
   * @example startTestProvider({ resources: ['https://api.example.com'] }) */
  readonly resources?: readonly string[] | undefined
  /** Whether the provider accepts pushed authorization requests (RFC 9126), or requires them.
   * @default 'offered'
   * @example startTestProvider({ pushedRequests: 'required' }) */
  readonly pushedRequests?: 'none' | 'offered' | 'required' | undefined
  /** Whether the provider binds tokens to the key of a client that sends a DPoP proof (RFC 9449).
   * @default 'offered'
   * @example startTestProvider({ dpop: 'none' }) */
  readonly dpop?: 'none' | 'offered' | undefined
  /** Whether DPoP proofs must have a nonce from the provider, at userinfo and at the endpoints for clients. A client gets
   * its first nonce with the error `use_dpop_nonce`, and later ones also with successful responses.
   * @default 'none'
   * @example startTestProvider({ dpopNonces: 'required' }) */
  readonly dpopNonces?: 'none' | 'required' | undefined
  /** Creates the `sid` of each new session at the provider.
   * @default a random identifier
   * @example startTestProvider({ sid: () => `session-${++count}` }) */
  readonly sid?: (() => string) | undefined
  /** How many requests {@link TestProvider.requests} keeps; the oldest are dropped.
   * @default 10000
   * @example startTestProvider({ keepRequests: 100 }) */
  readonly keepRequests?: number | undefined
}

/** The checked options with their defaults. */
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
      fail(`${name} must be empty, or start with a slash and not end with one, such as "/realms/acme"`)
    }
  },
  hostname: (value, name) => checkChoice(value, ['127.0.0.1', 'localhost'], name),
  port: (value, name) => checkWholeNumber(value, 0, 65_535, name),
  now: checkFunction,
  algorithm: checkAlgorithm,
  accessTokenSeconds: (value, name) => checkWholeNumber(value, 1, aCentury, name),
  idTokenSeconds: (value, name) => checkWholeNumber(value, 1, aCentury, name),
  refreshTokens: (value, name) => checkChoice(value, ['none', 'static', 'rotating'], name),
  refreshTokenForm: (value, name) => checkChoice(value, ['opaque', 'jwt'], name),
  accessTokens: (value, name) => checkChoice(value, ['jwt', 'at+jwt', 'opaque'], name),
  audience: (value, name) => (Array.isArray(value) ? checkTexts(value, name) : checkText(value, name)),
  scopes: checkTexts,
  resources: checkTexts,
  pushedRequests: (value, name) => checkChoice(value, ['none', 'offered', 'required'], name),
  dpop: (value, name) => checkChoice(value, ['none', 'offered'], name),
  dpopNonces: (value, name) => checkChoice(value, ['none', 'required'], name),
  sid: checkFunction,
  keepRequests: (value, name) => checkWholeNumber(value, 0, Number.MAX_SAFE_INTEGER, name),
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names the first invalid option.
 */
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
