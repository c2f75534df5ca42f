import { unsetVariable, type Checks } from './checks.ts'

/** Client authentication (OIDC Core, section 9). */
export interface ResolvedClient {
  readonly clientSecret: string | undefined
  readonly clientAuth: 'client_secret_basic' | 'client_secret_post' | 'none'
}

/**
 * Returns the secret of a client and its authentication method. A missing secret never selects `none`: it may be an unset
 * environment variable.
 */
export function readClient(checks: Checks): ResolvedClient {
  const secret = checks.string('clientSecret', 'the secret registered with the provider')
  const auth = checks.choice('clientAuth', ['client_secret_basic', 'client_secret_post', 'none'], 'client_secret_basic')
  if (checks.refuseUndefined('clientSecret', unsetVariable)) return { clientSecret: undefined, clientAuth: auth }
  if (auth === 'none' && secret !== undefined) {
    checks.fault(
      "`clientAuth` 'none' is for public clients, which have no secret; remove `clientAuth` or `clientSecret`",
    )
  } else if (auth !== 'none' && !checks.has('clientSecret')) {
    checks.fault("`clientSecret` is missing; pass it, or pass `clientAuth: 'none'` for a public client")
  }
  return { clientSecret: secret, clientAuth: auth }
}
