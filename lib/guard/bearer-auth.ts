import type { UnknownClaims, RoleSources } from '../config/claims.ts'
import { keycloakRoles, textsIn } from '../presets/keycloak-roles.ts'
import { deepFreeze } from '../core/deep-freeze.ts'
import { hookFailed } from '../core/errors.ts'
import { scopeList } from '../core/scope.ts'

/** What an access token says, once it was verified. Frozen, all through: requests with the same token share it. */
export interface BearerAuth<Claims extends object = UnknownClaims> {
  /** The access token itself. Not shown by `JSON.stringify` or `util.inspect`. */
  readonly token: string
  /** All its claims. */
  readonly claims: UnknownClaims & Claims
  /** Who it was issued for; undefined where the provider leaves it out, as in Keycloak's lightweight tokens. */
  readonly sub: string | undefined
  /** The granted scope: `scope` (RFC 9068 2.2.3) or `scp`, a string or an array. */
  readonly scope: readonly string[]
  readonly roles: readonly string[]
  /** Who issued it: one of those of the options, or what `tokenIssuer` says. */
  readonly issuer: string
}

class VerifiedToken implements BearerAuth {
  readonly claims: UnknownClaims
  readonly sub: string | undefined
  readonly scope: readonly string[]
  readonly roles: readonly string[]
  readonly issuer: string
  readonly #token: string

  constructor(token: string, issuer: string, claims: UnknownClaims, roles: readonly string[]) {
    this.#token = token
    this.issuer = issuer
    this.claims = claims
    this.sub = claims['sub'] as string | undefined
    this.scope = Object.freeze(scopeOf(claims))
    this.roles = Object.freeze(roles)
    Object.freeze(this)
  }

  get token(): string {
    return this.#token
  }
}

/**
 * What a verified token says.
 *
 * @throws OidcError `hook_failed` where `roles` of the application failed.
 */
export function bearerAuth(
  token: string,
  issuer: string,
  claims: UnknownClaims,
  roles: ((sources: RoleSources) => readonly string[]) | undefined,
): BearerAuth {
  deepFreeze(claims)
  return new VerifiedToken(token, issuer, claims, rolesOf(claims, roles))
}

function rolesOf(claims: UnknownClaims, own: ((sources: RoleSources) => readonly string[]) | undefined): string[] {
  if (!own) {
    const ofKeycloak = keycloakRoles(claims, undefined)
    return claims['roles'] === undefined ? ofKeycloak : [...new Set([...textsIn(claims['roles']), ...ofKeycloak])]
  }
  let roles: unknown
  try {
    roles = own({ accessToken: claims, idToken: Object.freeze({}), userInfo: undefined })
  } catch (error) {
    throw hookFailed('roles', error)
  }
  if (Array.isArray(roles) && roles.every((role) => typeof role === 'string')) return [...roles]
  throw hookFailed('roles', new TypeError('it must return an array of strings'))
}

function scopeOf(claims: UnknownClaims): string[] {
  const { scope, scp } = claims
  const granted = scopeList(scope) ?? []
  return scp === undefined ? granted : [...new Set([...granted, ...(scopeList(scp) ?? [])])]
}
