import type { OidcUnknownClaims } from '../../config/claims.ts'
import { isGuid } from './entra-authority.ts'

/** Returns why a token identifies no user. `tid` and `oid` together do; `sub` differs in each application. */
export function userFault({ oid }: OidcUnknownClaims): string | undefined {
  if (oid === undefined) return 'oid is missing, so that it names no user: ask for the scope profile'
  return isGuid(oid) ? undefined : 'oid is no ID of a user'
}

/**
 * Returns why an access token is rejected by its owner. Only a user's token has a scope. An application's token has
 * `idtyp`, if its API requests that claim, or the same `oid` and `sub`. An ID token has neither.
 */
export function applicationFault(claims: OidcUnknownClaims, appTokens: boolean): string | undefined {
  const { idtyp, scp, oid, sub } = claims
  const hasScope = typeof scp === 'string' && scp !== ''
  if (hasScope && (idtyp === undefined || idtyp === 'user')) return undefined
  const isApplication = idtyp === 'app' || (idtyp === undefined && oid !== undefined && oid === sub)
  if (hasScope || !isApplication) return "it is neither a user's with a scope (scp) nor an application's"
  return appTokens ? undefined : 'it is that of an application and no user: pass appTokens: true to take such tokens'
}

/** Returns why a token is not from the policy. Each policy has its own keys and rules. */
export function b2cFault({ tfp, acr }: OidcUnknownClaims, policy: string): string | undefined {
  const named = tfp ?? acr
  if (typeof named === 'string' && named.toLowerCase() === policy.toLowerCase()) return undefined
  return `it is not by the policy ${policy} (tfp or acr)`
}

/**
 * Returns why a key must not sign tokens of this tenant. A key for all tenants has `{tenantid}` in its `issuer`, or no
 * `issuer`. Any other key is restricted to one tenant, such as that of all personal accounts.
 */
export function keyFault({ tid }: OidcUnknownClaims, keys: readonly OidcUnknownClaims[]): string | undefined {
  if (keys.length === 0) return 'its key is published no more, or it names none (kid)'
  const isGood = keys.some(({ issuer }) => {
    if (issuer === undefined) return true
    return typeof issuer === 'string' && (issuer.includes('/{tenantid}/') || issuer.includes(`/${String(tid)}/`))
  })
  return isGood ? undefined : 'it is signed with a key of another tenant'
}
