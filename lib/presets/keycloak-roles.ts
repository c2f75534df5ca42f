import type { UnknownClaims } from '../config/claims.ts'

/** Maximum length of a client id in Keycloak. A longer one, repeated for each role, would multiply the size of a token. */
const longestClient = 255

/**
 * Returns the roles in a token of Keycloak: realm roles plain, client roles as `client:role`, those of `client` both ways.
 */
export function keycloakRoles(claims: UnknownClaims, client: string | undefined): string[] {
  const roles = textsIn(rolesMember(claims['realm_access']))
  const clients = claims['resource_access']
  if (clients !== null && typeof clients === 'object') {
    for (const name of Object.keys(clients).filter(({ length }) => length <= longestClient)) {
      for (const role of textsIn(rolesMember((clients as UnknownClaims)[name]))) {
        roles.push(`${name}:${role}`)
        if (name === client) roles.push(role)
      }
    }
  }
  return [...new Set(roles)]
}

/** Returns the strings of a list; an empty list for any other value. */
export function textsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((each): each is string => typeof each === 'string') : []
}

function rolesMember(access: unknown): unknown {
  return access !== null && typeof access === 'object' ? (access as { roles?: unknown }).roles : undefined
}
