import { ClientSecretBasic, ClientSecretPost, None, type ClientAuth } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'

/** Client authentication as configured (OIDC Core 9), never the library's default, which depends on what is given. */
export function clientAuth(options: Pick<ResolvedOptions, 'clientAuth' | 'clientSecret'>): ClientAuth {
  if (options.clientAuth === 'none') return None()
  return options.clientAuth === 'client_secret_post'
    ? ClientSecretPost(options.clientSecret)
    : ClientSecretBasic(options.clientSecret)
}
