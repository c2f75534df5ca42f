import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
import type { OidcLogEntry } from '../core/failure-log.ts'
import type { OidcRecords } from '../core/records.ts'
import type { OidcProvider, OidcProviderOrIssuer } from './oidc-provider.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'
import type { OidcRoleSources } from './claims.ts'

/** Options for the access tokens that `createBearer` accepts, or that `createOidc` accepts in addition to logins. */
export interface BearerTokenOptions extends BearerBindingOptions {
  /**
   * Audience of the tokens (`aud`): this API's identifier at its provider. With a list, a token must name one of its values.
   * A token for another audience is refused, because an API that received it could replay it here. Passing `undefined` is an
   * error.
   * @default none: each rule must then name an audience
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.9
   * @example createOidc({ ...options, bearer: { audience: 'orders' } })
   */
  audience?: string | readonly string[] | undefined
  /**
   * Accepted signature algorithms of tokens and DPoP proofs. Symmetric algorithms and `none` are never accepted.
   * @default ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'RS384', 'RS512', 'PS384', 'PS512', 'ES384', 'ES512']
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.1
   * @example createOidc({ ...options, bearer: { audience: 'orders', algorithms: ['ES256'] } })
   */
  algorithms?: readonly string[] | undefined
  /**
   * Seconds, up to 3600, for which a verified token is cached in memory, so that later requests with it need no signature
   * check. An entry is no longer used once the token has expired or its key was withdrawn. Rules are evaluated at each
   * request. 0 disables the cache.
   * @default 60
   * @example createOidc({ ...options, bearer: { audience: 'orders', cacheSeconds: 10 } })
   */
  cacheSeconds?: number | undefined
}

/**
 * Options for access tokens that are bound to a key (`cnf`, RFC 7800, section 3.1). Without these options, such tokens are
 * refused: the client that presents one may have stolen it.
 */
export interface BearerBindingOptions {
  /**
   * Accepts tokens that are bound to a DPoP key. Each request then needs the scheme DPoP and a new proof. `replay` is where
   * used proofs are stored: `memory` for one process, otherwise records that all processes share. `createBearer` then also
   * requires `baseUrl`, because each proof is for a URL.
   * @default tokens that are bound to a DPoP key are refused
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-7
   * @example createBearer({ ...options, baseUrl: 'https://api.example.com', dpop: { replay: redisRecords({ client }) } })
   */
  dpop?: { readonly replay: 'memory' | OidcRecords } | undefined
  /**
   * Accepts tokens that are bound to a client certificate. `true` uses the certificate of the TLS connection; the TLS server
   * needs `requestCert`. Behind a proxy that terminates TLS, `certificate` returns the certificate that the proxy forwards,
   * as PEM or DER. The proxy must remove the header that carries it from the requests of clients.
   * @default tokens that are bound to a certificate are refused
   * @see https://www.rfc-editor.org/rfc/rfc8705#section-3
   * @example createBearer({ ...options, mtls: { certificate: (req) => decodeURIComponent(req.get('x-cert') ?? '') } })
   */
  mtls?: true | { readonly certificate: (req: Request) => string | Uint8Array | undefined } | undefined
}

/**
 * Options of token introspection, which requests the claims of a token from its issuer. At most 50 introspections of tokens
 * that were not accepted before are in flight, and 200 of others. Beyond that, the response is 503.
 * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
 */
export interface OidcIntrospectionOptions {
  /**
   * Tokens that are introspected. `opaque`: tokens that are not JWTs. `all`: every token, so that a revoked one is refused
   * immediately. Use `all` also for JWTs that lack claims, such as Keycloak's lightweight access tokens. The signature of a
   * JWT is verified first, unless the issuer publishes no keys, so that a forged one is never sent.
   * @default 'opaque'
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: { tokens: 'all' } } })
   */
  tokens?: 'opaque' | 'all' | undefined
  /**
   * Seconds, up to 3600, for which an introspection response is cached. A revoked token stays accepted for that long. 0
   * disables the cache. A token that is not active is rejected for 5 seconds in any case.
   * @default 0
   * @see https://www.rfc-editor.org/rfc/rfc7662#section-4
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: { cacheSeconds: 10 } } })
   */
  cacheSeconds?: number | undefined
}

/**
 * Options of token introspection, with the client that authenticates the requests.
 * @example createBearer({ ...options, introspection: { clientId: 'orders', clientSecret: process.env.CLIENT_SECRET } })
 */
export interface BearerIntrospectionOptions extends OidcIntrospectionOptions {
  /**
   * The client identifier of this API at the issuer.
   * @example createBearer({ ...options, introspection: { clientId: 'orders', clientSecret } })
   */
  clientId: string
  /**
   * The secret of this client. Required unless `clientAuth` is `none`. Passing `clientSecret: undefined` is an error.
   * @default none
   * @example createBearer({ ...options, introspection: { clientId: 'orders', clientSecret: process.env.CLIENT_SECRET } })
   */
  clientSecret?: string | undefined
  /**
   * Authentication of this client at the introspection endpoint.
   * @default 'client_secret_basic'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
   * @example createBearer({ ...options, introspection: { clientId, clientSecret, clientAuth: 'client_secret_post' } })
   */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
}

/** Options for access tokens from the issuer of the logins, which `createOidc` accepts in addition to sessions. */
export interface OidcBearerOptions extends BearerTokenOptions {
  /**
   * Introspects tokens at the issuer, with the client of the logins. `true` uses the defaults.
   * @default opaque tokens are refused
   * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: true } })
   */
  introspection?: true | OidcIntrospectionOptions | undefined
}

/**
 * An issuer whose tokens are accepted, as `provider` or as `issuer`, with its own settings.
 * @example
 * const issuer = [{ issuer: 'https://id.example.com', keys }, { provider: entra({ tenant }) }]
 * const api = createBearer({ audience: 'orders', issuer })
 */
export type BearerIssuer = BearerIssuerOptions & OidcProviderOrIssuer<string | URL | OidcProviderMetadata>

/** Settings of one issuer, in addition to `provider` or `issuer`. */
export interface BearerIssuerOptions {
  /**
   * Audience of this issuer's tokens (`aud`). With a list, a token must name one of its values.
   * @default `audience` of the options
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.9
   * @example createBearer({ issuer: [{ issuer: 'https://id.example.com', audience: 'orders' }] })
   */
  audience?: string | readonly string[] | undefined
  /**
   * Accepted signature algorithms of this issuer. Symmetric algorithms and `none` are never accepted.
   * @default `algorithms` of the options
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.1
   * @example createBearer({ ...options, issuer: [{ issuer: 'https://id.example.com', algorithms: ['ES256'] }] })
   */
  algorithms?: readonly string[] | undefined
  /**
   * Keys of this issuer: the URL of its key set, or the key set itself.
   * @default the `jwks_uri` in its metadata, which is discovered on first use
   * @see https://www.rfc-editor.org/rfc/rfc7517#section-5
   * @example createBearer({ ...options, issuer: { issuer, keys: new URL('https://id.example.com/keys') } })
   */
  keys?: URL | { readonly keys: readonly object[] } | undefined
  /**
   * Introspects tokens at this issuer. Only one issuer can have this option, because opaque tokens do not name their issuer.
   * @default `introspection` of the options
   * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
   * @example createBearer({ ...options, issuer: [{ issuer, introspection: { clientId, clientSecret } }, otherIssuer] })
   */
  introspection?: BearerIntrospectionOptions | undefined
  /**
   * Returns the roles of this issuer's tokens.
   * @default the roles of `provider`, otherwise `roles` of the options
   * @example createBearer({ ...options, issuer: { issuer, roles: ({ accessToken }) => [String(accessToken?.group)] } })
   */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
}

/**
 * Options of `createBearer`: the provider or the issuers whose tokens are accepted, and the settings of the API. In the
 * examples below, `options` stands for the other options.
 * @example createBearer({ issuer: 'https://id.example.com', audience: 'orders', baseUrl: 'https://api.example.com' })
 */
export type BearerOptions = BearerApiOptions &
  OidcProviderOrIssuer<string | URL | BearerIssuer | readonly (string | URL | OidcProvider | BearerIssuer)[]>

/** Options of `createBearer` other than `provider` and `issuer`. */
export interface BearerApiOptions extends BearerTokenOptions {
  /**
   * Audience of the tokens (`aud`), required here or for each issuer. With a list, a token must name one of its values.
   * @default none: each entry of `issuer` must then have an audience
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.9
   * @example createBearer({ ...options, audience: 'orders' })
   */
  audience?: string | readonly string[] | undefined
  /**
   * URL at which clients reach this API, including its path. If it is set, `router` serves the API's metadata (RFC 9728),
   * and each challenge names the URL of the metadata. All public URLs are derived from it, never from request headers.
   * @default none: no metadata is served
   * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
   * @example createBearer({ ...options, baseUrl: 'https://api.example.com' })
   */
  baseUrl?: string | URL | undefined
  /**
   * Returns the roles of a token from its claims, which are passed as `accessToken`.
   * @default the roles of `provider`, otherwise the claim `roles`, Keycloak's realm roles, and Keycloak's client roles as
   * `client:role`
   * @example createBearer({ ...options, roles: ({ accessToken }) => (accessToken?.groups ?? []) as string[] })
   */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
  /**
   * Introspects tokens at the issuer, if there is only one. With several issuers, set it in the entry of one of them.
   * @default opaque tokens are refused
   * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
   * @example createBearer({ ...options, introspection: { clientId: 'orders', clientSecret: process.env.CLIENT_SECRET } })
   */
  introspection?: BearerIntrospectionOptions | undefined
  /**
   * Name of this guard in its events.
   * @default 'bearer'
   * @example createBearer({ ...options, name: 'orders-api' })
   */
  name?: string | undefined
  /**
   * Custom error handler, called instead of sending the built-in problem+json.
   * @default the built-in problem+json
   * @example createBearer({ ...options, onError: (error, req, res) => res.status(error.status).send(error.code) })
   */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /**
   * Where failures are logged that the request itself did not cause, and warnings about the setup: see the option `log` of
   * `createOidc`.
   * @default one line on standard error for each
   * @example createBearer({ ...options, log: ({ level, ...entry }) => pino[level](entry) })
   */
  log?: false | ((entry: Readonly<OidcLogEntry>) => unknown) | undefined
  /**
   * Seconds after which a request to the provider is aborted, including its response body: from 0.1 to 300.
   * @default 5
   * @example createBearer({ ...options, providerTimeoutSeconds: 10 })
   */
  providerTimeoutSeconds?: number | undefined
  /**
   * Seconds by which the clocks of the provider and this machine may differ: from 0 to 300.
   * @default 30
   * @example createBearer({ ...options, clockToleranceSeconds: 5 })
   */
  clockToleranceSeconds?: number | undefined
  /**
   * Replacement for `fetch` in requests to the provider, for example to use a proxy or a private certificate authority.
   * @default globalThis.fetch
   * @example createBearer({ ...options, fetch: proxiedFetch })
   */
  fetch?: typeof globalThis.fetch | undefined
  /**
   * Permits a provider on plain `http:` that is not on loopback. Anyone on the network path can then forge its keys.
   * @default false
   * @example createBearer({ ...options, issuer: 'http://id.internal', allowInsecureIssuer: true })
   */
  allowInsecureIssuer?: boolean | undefined
}
