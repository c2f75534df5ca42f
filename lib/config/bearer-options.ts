import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
import type { OidcRecords } from '../core/records.ts'
import type { OidcProvider, OidcProviderOrIssuer } from './oidc-provider.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'
import type { OidcRoleSources } from './claims.ts'

/** Access tokens that are accepted, by `createBearer` and beside a login. */
export interface BearerTokenOptions extends BearerBindingOptions {
  /**
   * Audience of the tokens (`aud`): this API's identifier at its provider, or a list of which a token must name one. A
   * token for another audience is refused, because that audience could pass it on. Passing `undefined` is an error.
   * @default none: each rule must then name an audience
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.9
   * @example createOidc({ ...options, bearer: { audience: 'orders' } })
   */
  audience?: string | readonly string[] | undefined
  /**
   * Accepted signature algorithms. Symmetric algorithms and `none` are never accepted.
   * @default ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'RS384', 'RS512', 'PS384', 'PS512', 'ES384', 'ES512']
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.1
   * @example createOidc({ ...options, bearer: { audience: 'orders', algorithms: ['ES256'] } })
   */
  algorithms?: readonly string[] | undefined
  /**
   * Seconds, up to 3600, for which a token that arrives again is cached in memory, so that its signature is not verified at
   * each request. It never stays in the cache after it has expired or its key was withdrawn. Rules are evaluated at each
   * request. 0 disables the cache.
   * @default 60
   * @example createOidc({ ...options, bearer: { audience: 'orders', cacheSeconds: 10 } })
   */
  cacheSeconds?: number | undefined
}

/**
 * Proofs of the keys that access tokens are bound to (`cnf`, RFC 7800, section 3.1). Without these options, bound tokens
 * are refused: the client that presents one may have stolen it.
 */
export interface BearerBindingOptions {
  /**
   * Accepts tokens that are bound to a DPoP key, with the scheme DPoP and a proof for each request. `replay` is where used
   * proofs are stored: `memory` for one process, otherwise records that all processes share. `createBearer` then also needs
   * `baseUrl`, because each proof is for a URL.
   * @default tokens that are bound to a DPoP key are refused
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-7
   * @example createBearer({ ...options, baseUrl: 'https://api.example.com', dpop: { replay: redisRecords({ client }) } })
   */
  dpop?: { readonly replay: 'memory' | OidcRecords } | undefined
  /**
   * Accepts tokens that are bound to a client certificate. `true` uses the certificate of the TLS connection, whose server
   * needs `requestCert`. Behind a proxy that terminates TLS, `certificate` returns what the proxy sends, as PEM or DER. The
   * proxy must not let clients send that header themselves.
   * @default tokens that are bound to a certificate are refused
   * @see https://www.rfc-editor.org/rfc/rfc8705#section-3
   * @example createBearer({ ...options, mtls: { certificate: (req) => decodeURIComponent(req.get('x-cert') ?? '') } })
   */
  mtls?: true | { readonly certificate: (req: Request) => string | Uint8Array | undefined } | undefined
}

/**
 * Token introspection: the issuer is asked about tokens, instead of verifying their signatures.
 * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
 */
export interface OidcIntrospectionOptions {
  /**
   * Tokens that the issuer is asked about. `opaque`: tokens that are not JWTs. `all`: every token, so that a revoked one is
   * refused immediately. `all` also serves JWTs that say too little by themselves, such as Keycloak's lightweight ones.
   * @default 'opaque'
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: { tokens: 'all' } } })
   */
  tokens?: 'opaque' | 'all' | undefined
  /**
   * Seconds, up to 3600, for which an answer is cached. A revoked token stays accepted for that long. 0 disables the cache.
   * @default 0
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: { cacheSeconds: 10 } } })
   */
  cacheSeconds?: number | undefined
}

/**
 * Token introspection with the client that asks.
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
   * @example createBearer({ ...options, introspection: { clientId: 'orders', clientSecret: process.env.CLIENT_SECRET } })
   */
  clientSecret?: string | undefined
  /**
   * Authentication of this client at the introspection endpoint.
   * @default 'client_secret_basic'
   * @example createBearer({ ...options, introspection: { clientId, clientSecret, clientAuth: 'client_secret_post' } })
   */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
}

/** Access tokens of the issuer of a login that are accepted beside its sessions. */
export interface OidcBearerOptions extends BearerTokenOptions {
  /**
   * Asks the issuer about tokens, as the client of the login. `true` uses the defaults.
   * @default opaque tokens are refused
   * @see https://www.rfc-editor.org/rfc/rfc7662#section-2
   * @example createOidc({ ...options, bearer: { audience: 'orders', introspection: true } })
   */
  introspection?: true | OidcIntrospectionOptions | undefined
}

/**
 * An issuer whose tokens are accepted, as `provider` or as `issuer`, with settings of its own.
 * @example
 * createBearer({ audience: 'orders', issuer: [{ issuer: 'https://id.example.com', keys }, { provider: entra({ tenant }) }] })
 */
export type BearerIssuer = BearerIssuerOptions & OidcProviderOrIssuer<string | URL | OidcProviderMetadata>

/** Settings of one issuer, beside `provider` or `issuer`. */
export interface BearerIssuerOptions {
  /**
   * Audience of this issuer's tokens.
   * @default `audience` of the options
   * @example createBearer({ issuer: [{ issuer: 'https://id.example.com', audience: 'orders' }] })
   */
  audience?: string | readonly string[] | undefined
  /**
   * Accepted signature algorithms of this issuer.
   * @default `algorithms` of the options
   * @example createBearer({ ...options, issuer: [{ issuer: 'https://id.example.com', algorithms: ['ES256'] }] })
   */
  algorithms?: readonly string[] | undefined
  /**
   * Keys of this issuer: the URL of its key set, or the key set itself.
   * @default the `jwks_uri` of its metadata, which are discovered on first use
   * @see https://www.rfc-editor.org/rfc/rfc7517#section-5
   * @example createBearer({ ...options, issuer: { issuer, keys: new URL('https://id.example.com/keys') } })
   */
  keys?: URL | { readonly keys: readonly object[] } | undefined
  /**
   * Asks this issuer about tokens. Only one issuer may have it, because an opaque token does not name its issuer.
   * @default `introspection` of the options
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
 * examples of the members, `options` are the other options.
 * @example createBearer({ issuer: 'https://id.example.com', audience: 'orders', baseUrl: 'https://api.example.com' })
 */
export type BearerOptions = BearerApiOptions &
  OidcProviderOrIssuer<string | URL | BearerIssuer | readonly (string | URL | OidcProvider | BearerIssuer)[]>

/** Options of `createBearer` beside `provider` or `issuer`. */
export interface BearerApiOptions extends BearerTokenOptions {
  /**
   * Audience of the tokens (`aud`), required here or with each issuer. A token must name one of a list.
   * @example createBearer({ ...options, audience: 'orders' })
   */
  audience?: string | readonly string[] | undefined
  /**
   * URL at which clients reach this API, with its path. With it, refusals name the API's metadata (RFC 9728), which
   * `router` serves. All public URLs are derived from it, never from request headers.
   * @default none: no metadata are served
   * @example createBearer({ ...options, baseUrl: 'https://api.example.com' })
   */
  baseUrl?: string | URL | undefined
  /**
   * Returns the roles of a token from its claims, which it gets as `accessToken`.
   * @default the roles of `provider`, otherwise the claim `roles`, Keycloak's realm roles, and Keycloak's client roles as `client:role`
   * @example createBearer({ ...options, roles: ({ accessToken }) => (accessToken?.groups ?? []) as string[] })
   */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
  /**
   * Asks the issuer about tokens, if there is one issuer. With several issuers, pass it in the entry of one of them.
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
   * @example createBearer({ ...options, onError: (error, req, res) => res.status(error.status).send(error.code) })
   */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /**
   * Seconds after which a request to the provider is aborted, its body included: from 0.1 to 300.
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
   * The `fetch` for requests to the provider, for example with a proxy or a private certificate authority.
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
