/** A provider's metadata (OIDC Discovery 3, RFC 8414), where it is given rather than discovered. */
export interface ProviderMetadata {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly userinfo_endpoint?: string | undefined
  readonly end_session_endpoint?: string | undefined
  readonly [member: string]: unknown
}
