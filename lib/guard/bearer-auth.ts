import type { OidcUnknownClaims } from '../config/claims.ts'
import { readRoles, type RoleReader } from '../config/role-claims.ts'
import { deepFreeze } from '../core/deep-freeze.ts'
import { parseScope } from '../core/scope.ts'

/**
 * A verified access token: `req.auth` behind a guard, and the result of `verifyToken`. It is deeply frozen, because
 * requests with the same token share it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-2.2
 * @example
 * app.get('/orders', api.requireBearer({ scope: 'orders:read' }), (req, res) => {
 *   res.json({ issuer: req.auth.issuer, sub: req.auth.sub })
 * })
 */
export interface BearerAuth<Claims extends object = object> {
  /** The access token itself. `JSON.stringify` and `util.inspect` do not show it. */
  readonly token: string
  /** All claims of the token or of its introspection response, including those that `distributedClaims` returned. */
  readonly claims: OidcUnknownClaims & Claims
  /** Subject, unique within one `issuer`; undefined if the token has none, as with Keycloak's lightweight access tokens. */
  readonly sub: string | undefined
  /** Granted scope: the words of the claims `scope` (RFC 9068, section 2.2.3) and `scp`, each a string or an array. */
  readonly scope: readonly string[]
  /**
   * Roles that the option `roles` returned for the token. Without it: the claim `roles`, Keycloak's realm roles, and its
   * client roles as `client:role`.
   */
  readonly roles: readonly string[]
  /** Issuer: one of the options' issuers, or one that `tokenIssuer` returned for the token. */
  readonly issuer: string
}

class VerifiedToken implements BearerAuth {
  readonly claims: OidcUnknownClaims
  readonly sub: string | undefined
  readonly scope: readonly string[]
  readonly roles: readonly string[]
  readonly issuer: string
  readonly #token: string

  constructor(token: string, issuer: string, claims: OidcUnknownClaims, roles: readonly string[]) {
    this.#token = token
    this.issuer = issuer
    this.claims = claims
    this.sub = claims['sub'] as string | undefined
    this.scope = Object.freeze(readTokenScope(claims))
    this.roles = Object.freeze(roles)
    Object.freeze(this)
  }

  get token(): string {
    return this.#token
  }
}

/**
 * Returns the {@link BearerAuth} of a verified token.
 *
 * @throws OidcError `hook_failed` if the application's `roles` fails.
 */
export function makeBearerAuth(
  token: string,
  issuer: string,
  claims: OidcUnknownClaims,
  roles: RoleReader | undefined,
): BearerAuth {
  deepFreeze(claims)
  const sources = { accessToken: claims, idToken: Object.freeze({}), userInfo: undefined }
  return new VerifiedToken(token, issuer, claims, readRoles(roles, sources))
}

function readTokenScope(claims: OidcUnknownClaims): string[] {
  const { scope, scp } = claims
  const granted = parseScope(scope) ?? []
  return scp === undefined ? granted : [...new Set([...granted, ...(parseScope(scp) ?? [])])]
}
