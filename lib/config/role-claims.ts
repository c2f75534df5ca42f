import { hookFailed } from '../core/errors.ts'
import type { OidcRoleSources, OidcUnknownClaims } from './claims.ts'

/** The option `roles`. */
export type RoleReader = (sources: OidcRoleSources) => readonly string[]

/** Maximum length of a client id in Keycloak. A longer one, repeated for each role, would multiply the size of a token. */
const longestClient = 255

const keycloakClaims = ['realm_access', 'resource_access']

/**
 * Returns the roles of a user or a token, from verified claims only.
 *
 * @throws OidcError `hook_failed` if the option `roles` throws or returns anything but an array of strings
 */
export function readRoles(own: RoleReader | undefined, sources: OidcRoleSources): string[] {
  if (!own)
    return [...new Set([...selectTexts(findSource(sources, ['roles'])?.['roles']), ...readKeycloakRoles(sources)])]
  let roles: unknown
  try {
    roles = own(sources)
  } catch (error) {
    throw hookFailed('roles', error)
  }
  if (Array.isArray(roles) && roles.every((role) => typeof role === 'string')) return [...roles]
  throw hookFailed('roles', new TypeError('the returned value is not an array of strings'))
}

/**
 * Returns Keycloak's realm roles, its client roles as `client:role`, and those of `client` without the prefix as well. The
 * first colon always ends the client's part, so no client can define the role of another: a colon in a client id is
 * encoded, and a client role whose name has a colon is listed only with its prefix.
 */
export function readKeycloakRoles(sources: OidcRoleSources, client?: string): string[] {
  const claims = findSource(sources, keycloakClaims)
  const roles = selectTexts(readRolesMember(claims?.['realm_access']))
  const clients = claims?.['resource_access']
  if (clients !== null && typeof clients === 'object') {
    for (const name of Object.keys(clients).filter(({ length }) => length <= longestClient)) {
      for (const role of selectTexts(readRolesMember((clients as OidcUnknownClaims)[name]))) {
        roles.push(`${encodeClientId(name)}:${role}`)
        if (name === client && !role.includes(':')) roles.push(role)
      }
    }
  }
  return [...new Set(roles)]
}

/** Encodes the separator, and the percent sign, so that no two client ids have the same encoding. */
function encodeClientId(clientId: string): string {
  return clientId.replace(/[%:]/g, encodeURIComponent)
}

/** Whether roles can be read from these claims without the option `roles`. */
export function hasRoleClaims(claims: OidcUnknownClaims): boolean {
  return hasAnyClaim(claims, ['roles', ...keycloakClaims])
}

/** The access token comes first, so that a user has the same roles at a session route as the token has at an API. */
function findSource(
  { accessToken, idToken, userInfo }: OidcRoleSources,
  names: string[],
): OidcUnknownClaims | undefined {
  return [accessToken, idToken, userInfo].find((claims) => claims && hasAnyClaim(claims, names))
}

/** Null means absent. */
function hasAnyClaim(claims: OidcUnknownClaims, names: string[]): boolean {
  return names.some((name) => claims[name] !== undefined && claims[name] !== null)
}

/** Returns the strings of a list; an empty list for any other value. */
function selectTexts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((each): each is string => typeof each === 'string') : []
}

function readRolesMember(access: unknown): unknown {
  return access !== null && typeof access === 'object' ? (access as { roles?: unknown }).roles : undefined
}
