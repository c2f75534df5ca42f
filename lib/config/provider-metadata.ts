/**
 * A provider's metadata, passed as the option `issuer` instead of being discovered.
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
 */
export interface OidcProviderMetadata {
  /** The issuer identifier, exactly as in the `iss` of ID tokens, unless `tokenIssuer` returns another. */
  readonly issuer: string
  /** URL that browsers are redirected to for a login. */
  readonly authorization_endpoint: string
  /** URL of the token endpoint. */
  readonly token_endpoint: string
  /** URL of the provider's key set, which verifies its tokens. */
  readonly jwks_uri: string
  /** URL of the userinfo endpoint. Required for `userInfo: true`. */
  readonly userinfo_endpoint?: string | undefined
  /** URL that browsers are redirected to for a logout. Without it, a logout ends the login only here. */
  readonly end_session_endpoint?: string | undefined
  /** Any other member of the metadata. */
  readonly [member: string]: unknown
}
