import type { UnknownClaims } from './claims.ts'

/** The roles in a token of Keycloak: realm roles plain, those of clients as `client:role`, those of `client` both ways. */
export function keycloakRoles(claims: UnknownClaims, client: string | undefined): string[] {
  const roles = new Set(rolesIn(claims['realm_access']))
  const clients = claims['resource_access']
  if (clients !== null && typeof clients === 'object') {
    for (const [name, access] of Object.entries(clients)) {
      for (const role of rolesIn(access)) {
        roles.add(`${name}:${role}`)
        if (name === client) roles.add(role)
      }
    }
  }
  return [...roles]
}

function rolesIn(access: unknown): string[] {
  const roles = access !== null && typeof access === 'object' ? (access as { roles?: unknown }).roles : undefined
  return Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : []
}
