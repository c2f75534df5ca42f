import { trimEnd } from '../core/trim.ts'
import { parseUrl } from '../core/urls.ts'
import { Checks, optionsInvalid } from '../config/checks.ts'
import { OidcProvider } from '../config/oidc-provider.ts'
import { readKeycloakRoles } from '../config/role-claims.ts'

/** Options of {@link keycloak}. */
export interface KeycloakOptions {
  /**
   * URL at which browsers reach Keycloak, including its path, if any (`/auth` before Keycloak 17), but without `/realms/`
   * and what follows.
   * @example keycloak({ url: 'https://id.example.com', realm: 'acme' })
   */
  url: string | URL
  /**
   * Name of the realm.
   * @example keycloak({ url: 'https://id.example.com', realm: 'acme' })
   */
  realm: string
  /**
   * Client whose roles are also listed by their plain name, without the prefix `<client>:`. Usually this is the `clientId`
   * of this application. A role whose name contains a colon keeps its prefix, because it could be the role of another
   * client.
   * @default none
   * @example keycloak({ url: 'https://id.example.com', realm: 'acme', client: 'web' })
   */
  client?: string | undefined
}

/**
 * Returns the provider of a Keycloak realm, for `createOidc` and `createBearer`: its issuer, and roles from the access
 * token. Realm roles keep their name (`admin`), client roles are named `client:role` (`orders:read`). In the client's part,
 * `:` is encoded as `%3A` and `%` as `%25`: the role `admin` of the client `https://orders.example.com` is
 * `https%3A//orders.example.com:admin`.
 * @throws OidcError `options_invalid`, which names every fault.
 * @example createOidc({ provider: keycloak({ url: 'https://id.example.com', realm: 'acme' }), ...options })
 */
export function keycloak(options: KeycloakOptions): OidcProvider {
  const checks = new Checks(options, 'the options of keycloak()', ['url', 'realm', 'client'])
  const given = checks.value('url')
  const url = given instanceof URL ? given.href : given
  if (typeof url !== 'string' || !parseUrl(url))
    checks.fault("`url` must be an absolute URL such as 'https://id.example.com'")
  else if (/\/realms\//.test(url))
    checks.fault("`url` contains '/realms/'; remove it and what follows, and pass the realm as `realm`")
  const realm = checks.required('realm', 'the name of the realm')
  const client = checks.string('client', 'the client identifier whose roles need no prefix')
  if (checks.faults.length > 0) throw optionsInvalid('keycloak()', checks.faults)
  return new OidcProvider({
    issuer: `${trimEnd(url as string, '/')}/realms/${encodeURIComponent(realm as string)}`,
    roles: (sources) => readKeycloakRoles(sources, client),
  })
}
