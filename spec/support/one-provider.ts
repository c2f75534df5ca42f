import type { OidcProviderOrIssuer } from 'express-session-oidc'

/** Options without the issuer of a test provider if they have a `provider`: both together are an error. */
export function oneProvider<Options extends Partial<OidcProviderOrIssuer<never>> | object>(options: Options): Options {
  return 'provider' in options && options.provider ? { ...options, issuer: undefined } : options
}
