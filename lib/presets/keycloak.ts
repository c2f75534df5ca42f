import { trimEnd } from '../core/trim.ts'
import { parsedUrl } from '../core/urls.ts'
import { Checks, optionsInvalid } from '../config/checks.ts'
import { keycloakRoles } from './keycloak-roles.ts'
import type { RoleSources } from '../config/claims.ts'

/** Options of {@link keycloak}. */
export interface KeycloakOptions {
  /** Where browsers reach Keycloak: `https://id.example.com`, with its path where it has one (`/auth` before Keycloak 17). */
  url: string | URL
  /** The realm. */
  realm: string
  /**
   * The client whose roles are given plain, without `<client>:` before them: commonly this application's own
   * `clientId`. Default: none.
   */
  client?: string | undefined
}

/**
 * Options for a Keycloak realm, to spread into those of `createOidc`: the issuer, and roles from the verified access
 * token. Realm roles come plain (`admin`), roles of a client as `client:role` (`orders:read`), those of `client` both
 * ways.
 *
 * @throws OidcError `options_invalid`
 */
export function keycloak(options: KeycloakOptions): {
  issuer: string
  roles: (sources: RoleSources) => readonly string[]
} {
  const checks = new Checks(options, 'the options of keycloak()', ['url', 'realm', 'client'])
  const given = checks.value('url')
  const url = given instanceof URL ? given.href : given
  if (typeof url !== 'string' || !parsedUrl(url))
    checks.fault("url must be an absolute URL such as 'https://id.example.com'")
  else if (/\/realms\//.test(url)) checks.fault("url must end before '/realms/...': the realm is an option of its own")
  const realm = checks.string('realm', 'the name of the realm')
  if (realm === undefined && checks.value('realm') === undefined) checks.fault('realm is missing')
  const client = checks.string('client', 'the clientId whose roles are given plain')
  if (checks.faults.length > 0) throw optionsInvalid('keycloak()', checks.faults)
  return {
    issuer: `${trimEnd(url as string, '/')}/realms/${encodeURIComponent(realm as string)}`,
    roles: ({ accessToken, idToken }) => keycloakRoles(accessToken ?? idToken, client),
  }
}
