import type { ProviderOrIssuer } from 'express-session-oidc'

/** Options without the issuer of a test provider if they have a `provider`: both together are an error. */
export function oneProvider<Options extends Partial<ProviderOrIssuer<never>> | object>(options: Options): Options {
  return 'provider' in options && options.provider ? { ...options, issuer: undefined } : options
}
