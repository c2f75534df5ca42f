import { ClientSecretBasic, ClientSecretPost, None, type ClientAuth } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'

/**
 * Returns the configured client authentication (OIDC Core, section 9). The library's default depends on the client
 * metadata.
 */
export function makeClientAuth(options: Pick<ResolvedOptions, 'clientAuth' | 'clientSecret'>): ClientAuth {
  if (options.clientAuth === 'none') return None()
  return options.clientAuth === 'client_secret_post'
    ? ClientSecretPost(options.clientSecret)
    : ClientSecretBasic(options.clientSecret)
}
