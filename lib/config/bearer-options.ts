import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import type { IssuerRules } from './issuer-rules.ts'
import type { RoleSources } from './claims.ts'

/** What access tokens are accepted, wherever they come from. */
export interface BearerSettings extends BindingOptions {
  /**
   * Who the tokens must be meant for (`aud`): this API's identifier at its provider, or a list of which one must be
   * named. A token for somebody else, who could pass it on, is not a token for this API (RFC 8725 3.9).
   */
  audience?: string | readonly string[] | undefined
  /**
   * Signature algorithms that are accepted (RFC 8725 3.1). Default: RS256, PS256, ES256, EdDSA, Ed25519 and those with
   * longer hashes. Symmetric ones and `none` cannot be had.
   */
  algorithms?: readonly string[] | undefined
  /**
   * Seconds for which a token that comes again is remembered in memory, so that its signature is not verified at each
   * request; never past its end or the withdrawal of its key. Rules are judged at each request all the same.
   * Default 60, at most 3600; 0: not at all.
   */
  rememberSeconds?: number | undefined
}

/** How access tokens are taken that are bound to a key. Without it they are refused: they are not for whoever has them. */
export interface BindingOptions {
  /**
   * Takes tokens that are bound to a DPoP key (RFC 9449), with the scheme DPoP and a proof for each request. `replay` is
   * where the proofs that were used are kept: `memory` for one process, else records that all processes share,
   * `redisRecords({ client })` for instance. Needs `baseUrl`, since a proof is for a URL. Default: none are taken.
   */
  dpop?: { readonly replay: 'memory' | Records } | undefined
  /**
   * Takes tokens that are bound to a client's certificate (RFC 8705 3). `true`: that of the TLS connection, whose server
   * must ask for it (`requestCert`); behind a proxy that ends TLS a function that gives what the proxy says, as PEM or
   * DER. Default: none are taken.
   */
  mtls?: true | { readonly certificate: (req: Request) => string | Uint8Array | undefined } | undefined
}

/** When the issuer is asked about tokens (RFC 7662), rather than their signatures verified. */
export interface IntrospectionSettings {
  /**
   * `opaque` (default): of tokens that are no JWT. `all`: of every token, so that one that was revoked is refused at
   * once; and for JWTs that do not say enough by themselves, Keycloak's lightweight ones.
   */
  tokens?: 'opaque' | 'all' | undefined
  /** Seconds for which an answer is remembered, during which a token that is revoked goes on being good. Default 0: not at all. */
  rememberSeconds?: number | undefined
}

/** The same, with the client as which the issuer is asked. */
export interface IntrospectionOptions extends IntrospectionSettings {
  /** The client identifier of this API at the issuer. */
  clientId: string
  /** Its secret. Must not be present and undefined. */
  clientSecret?: string | undefined
  /** How it authenticates: `client_secret_basic` (default), `client_secret_post`, or `none`. */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
}

/** What access tokens are accepted beside a login: those of its issuer. */
export interface LoginBearerSettings extends BearerSettings {
  /** Asks the issuer about tokens (RFC 7662), as the client of the login; `true` for all the defaults. Default: opaque tokens are refused. */
  introspection?: true | IntrospectionSettings | undefined
}

/** One issuer whose tokens are accepted. */
export interface BearerIssuer extends IssuerRules {
  /** The issuer identifier, exactly as the tokens' `iss` has it, unless `tokenIssuer` says otherwise. */
  issuer: string | URL
  /** Who tokens of this issuer must be meant for. Default: `audience` of the options. */
  audience?: string | readonly string[] | undefined
  /** Signature algorithms accepted of this issuer. Default: `algorithms` of the options. */
  algorithms?: readonly string[] | undefined
  /**
   * Its keys: the URL of its key set (RFC 7517), or the set itself. Default: the `jwks_uri` of its metadata, discovered
   * on first use.
   */
  keys?: URL | { readonly keys: readonly object[] } | undefined
  /** Asks it about tokens (RFC 7662). Only one issuer may have it: an opaque token does not say whose it is. Default: opaque tokens are refused. */
  introspection?: IntrospectionOptions | undefined
  /** The roles of its tokens. Default: `roles` of the options. */
  roles?: ((sources: RoleSources) => readonly string[]) | undefined
}

/** Options of `createBearer`. */
export interface BearerOptions extends BearerSettings, IssuerRules {
  /**
   * Whose tokens are accepted: an issuer identifier, or a list of issuers, which is closed. What a token says of its
   * issuer only chooses among them. Each must be `https:`, or on loopback.
   */
  issuer: string | URL | BearerIssuer | readonly (string | URL | BearerIssuer)[]
  /** Who the tokens must be meant for (`aud`): required, here or with each issuer. */
  audience?: string | readonly string[] | undefined
  /**
   * Where clients reach this API, with its path. With it, refusals name the API's metadata (RFC 9728), which `router`
   * serves. All public URLs are made of it, never of request headers. Default: no metadata.
   */
  baseUrl?: string | URL | undefined
  /**
   * The roles of a token, from its claims: `accessToken` of what it is given. Default: the claim `roles`, Keycloak's realm
   * roles as they are, and Keycloak's client roles as `client:role`.
   */
  roles?: ((sources: RoleSources) => readonly string[]) | undefined
  /** Asks the issuer about tokens (RFC 7662), where there is one issuer; else give it with that issuer. Default: opaque tokens are refused. */
  introspection?: IntrospectionOptions | undefined
  /** Name of this guard in its events. Default `bearer`. */
  name?: string | undefined
  /** Answers in our place: gets each error that our guards would answer. */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /** Seconds after which a request to the provider is given up, its body included. Default 5. */
  providerTimeoutSeconds?: number | undefined
  /** Seconds that the clocks of the provider and this machine may differ. Default 30, at most 300. */
  clockToleranceSeconds?: number | undefined
  /** The `fetch` that requests to the provider go through, for a proxy or a private certificate authority. Default: the global one. */
  fetch?: typeof globalThis.fetch | undefined
  /** Permits a provider on plain `http:` that is not on loopback. Its keys can then be forged by anyone on the way. Default false. */
  allowInsecureIssuer?: boolean | undefined
}
