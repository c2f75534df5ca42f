import { copyOwnProperties } from '../core/own-properties.ts'
import type { OidcRoleSources, OidcUnknownClaims } from './claims.ts'
import type { OidcIssuerRules } from './issuer-rules.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** Options of `customProvider`. In the examples below, `options` stands for the other options. */
export interface CustomProviderOptions extends OidcIssuerRules {
  /**
   * The provider's issuer identifier, exactly as in its metadata, which is discovered on first use. Or the metadata itself,
   * as an object or as the `file:` URL of a JSON file. The provider's URLs must be `https:` or on loopback.
   * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
   * @example customProvider({ issuer: 'https://id.example.com', accept: ({ tier }) => tier === 'gold' })
   */
  issuer: string | URL | OidcProviderMetadata
  /**
   * Scope that logins request if `createOidc` has no option `scope`: a string or an array that contains `openid`.
   * @default 'openid profile email'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
   * @example customProvider({ ...options, scope: 'openid profile groups' })
   */
  scope?: string | readonly string[] | undefined
  /**
   * Returns the roles of a user or a token. An option `roles` next to `provider` replaces it.
   * @default the roles that `createOidc` and `createBearer` read by default
   * @example customProvider({ ...options, roles: ({ idToken }) => (idToken.groups ?? []) as string[] })
   */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
}

/** Settings of a provider. A metadata file has been read already. */
export interface ProviderSettings extends Omit<CustomProviderOptions, 'issuer'> {
  readonly issuer: string | OidcProviderMetadata
  /**
   * Whether the provider issued a token with these claims to an application for itself. Such a token has no scope, but is
   * an access token. Only presets have this function.
   */
  readonly isApplicationToken?: ((claims: OidcUnknownClaims) => boolean) | undefined
}

/**
 * A provider: its issuer, the scope and roles of its users, and the rules for its tokens. Create it with
 * `keycloak()`, `entra()` or `customProvider()`, and pass it as the option `provider` of `createOidc` and `createBearer`. It
 * cannot be changed, copied or extended, so no option can replace one of its rules.
 * @example
 * const provider = keycloak({ url: 'https://id.example.com', realm: 'acme' })
 * const oidc = createOidc({ provider, ...options })
 * const api = createBearer({ provider, audience: 'orders' })
 */
export class OidcProvider {
  // The only state, and private: a spread copy has no issuer either, so it cannot lose the rules unnoticed.
  readonly #settings: ProviderSettings

  /** @internal */
  constructor(settings: ProviderSettings) {
    this.#settings = Object.freeze(copyOwnProperties(settings))
    Object.freeze(this)
  }

  /** The issuer identifier, or the URL below which the metadata is found if the rules name another issuer. */
  get issuer(): string {
    const { issuer } = this.#settings
    return typeof issuer === 'string' ? issuer : issuer.issuer
  }

  /** Returns the roles of a user or a token; undefined if the provider has no such function. */
  get roles(): ((sources: OidcRoleSources) => readonly string[]) | undefined {
    return this.#settings.roles
  }

  /** @internal Returns the settings of a provider; undefined for any other value. */
  static reveal(value: unknown): ProviderSettings | undefined {
    return value !== null && typeof value === 'object' && #settings in value ? value.#settings : undefined
  }
}

/** The options `provider` and `issuer`: exactly one is given. */
export interface ProviderAndIssuer<Issuer> {
  /**
   * The provider that `keycloak()`, `entra()` or `customProvider()` returned: its issuer, its scope and roles, and the rules
   * for its tokens. The options `scope` and `roles` replace those of the provider; no option replaces a rule. Passing a copy
   * of a provider, or `issuer` as well, is an error (`options_invalid`).
   * @default none: `issuer` is required
   * @example
   * createOidc({ ...options, provider: keycloak({ url: 'https://id.example.com', realm: 'acme' }) })
   * createBearer({ provider: entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46' }), audience: 'orders' })
   */
  provider: OidcProvider
  /**
   * The provider's issuer identifier, exactly as in its metadata, which is discovered on first use. Or the metadata itself,
   * as an object or as the `file:` URL of a JSON file. The provider's URLs must be `https:` or on loopback. In
   * `createBearer`, an identifier, an entry with its own settings, or a list of at most 1000 identifiers, providers and
   * entries. The list is fixed: a token's `iss` only selects an entry. Passing `provider` as well is an error
   * (`options_invalid`).
   * @default none: `provider` is required
   * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
   * @example
   * createOidc({ ...options, issuer: new URL('./provider.json', import.meta.url) })
   * createBearer({ ...options, issuer: ['https://id.example.com', 'https://id.example.org'] })
   */
  issuer: Issuer
}

/** The option `provider` or the option `issuer`. */
export type OidcProviderOrIssuer<Issuer> =
  | (Pick<ProviderAndIssuer<Issuer>, 'provider'> & Partial<ProviderAndIssuer<Issuer>>)
  | (Pick<ProviderAndIssuer<Issuer>, 'issuer'> & Partial<ProviderAndIssuer<Issuer>>)
