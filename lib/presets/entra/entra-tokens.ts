import type { OidcUnknownClaims } from '../../config/claims.ts'
import { isGuid } from './entra-authority.ts'

/** Returns why a token identifies no user. `tid` and `oid` together identify one; `sub` differs in each application. */
export function findUserFault({ oid }: OidcUnknownClaims): string | undefined {
  if (oid === undefined) return 'oid is missing, so the user is unknown; request the scope profile'
  return isGuid(oid) ? undefined : 'oid is not a user ID'
}

/**
 * Whether an application obtained a token for itself. Such a token has `idtyp`, if its API requests that claim, or else
 * equal `oid` and `sub`. An ID token has neither.
 */
export function isApplicationToken({ idtyp, oid, sub }: OidcUnknownClaims): boolean {
  return idtyp === 'app' || (idtyp === undefined && oid !== undefined && oid === sub)
}

/**
 * Returns why an access token is rejected because of its owner, a user or an application. Only a user's token has a scope.
 */
export function findApplicationFault(claims: OidcUnknownClaims, appTokens: boolean): string | undefined {
  const { idtyp, scp } = claims
  const hasScope = typeof scp === 'string' && scp !== ''
  if (hasScope && (idtyp === undefined || idtyp === 'user')) return undefined
  if (hasScope || !isApplicationToken(claims))
    return 'the token is neither a user token with a scope (scp) nor an application token'
  return appTokens
    ? undefined
    : 'the token belongs to an application, not to a user; pass `appTokens: true` to accept such tokens'
}

/** Returns why a token was not issued by the policy. Each policy has its own keys and rules. */
export function b2cFault({ tfp, acr }: OidcUnknownClaims, policy: string): string | undefined {
  const named = tfp ?? acr
  if (typeof named === 'string' && named.toLowerCase() === policy.toLowerCase()) return undefined
  return `tfp or acr is not the policy ${policy}`
}

/**
 * Returns why a key must not sign tokens of this tenant. A key for all tenants has `{tenantid}` in its `issuer`, or no
 * `issuer`. Any other key is restricted to one tenant, such as that of all personal accounts.
 */
export function findKeyFault({ tid }: OidcUnknownClaims, keys: readonly OidcUnknownClaims[]): string | undefined {
  if (keys.length === 0) return 'the token has no kid, or its signing key is no longer published'
  const isGood = keys.some(({ issuer }) => {
    if (issuer === undefined) return true
    return typeof issuer === 'string' && (issuer.includes('/{tenantid}/') || issuer.includes(`/${String(tid)}/`))
  })
  return isGood ? undefined : 'the token is signed with a key of another tenant'
}
