import type { UnknownClaims } from '../../config/claims.ts'
import { isGuid } from './entra-authority.ts'

/** Why a token names no user: `tid` and `oid` do together, `sub` is another in each application. */
export function userFault({ oid }: UnknownClaims): string | undefined {
  if (oid === undefined) return 'oid is missing, so that it names no user: ask for the scope profile'
  return isGuid(oid) ? undefined : 'oid is no ID of a user'
}

/**
 * Why an access token is refused for whose it is. Only that of a user has a scope. What an application got for itself
 * says so in `idtyp`, where its API asks for that claim, or has the same `oid` and `sub`; and an ID token has neither.
 */
export function applicationFault(claims: UnknownClaims, appTokens: boolean): string | undefined {
  const { idtyp, scp, oid, sub } = claims
  const hasScope = typeof scp === 'string' && scp !== ''
  if (hasScope && (idtyp === undefined || idtyp === 'user')) return undefined
  const isApplication = idtyp === 'app' || (idtyp === undefined && oid !== undefined && oid === sub)
  if (hasScope || !isApplication) return "it is neither a user's with a scope (scp) nor an application's"
  return appTokens ? undefined : 'it is that of an application and no user: pass appTokens: true to take such tokens'
}

/** Why a token is not one of the policy, which each has keys and rules of its own. */
export function b2cFault({ tfp, acr }: UnknownClaims, policy: string): string | undefined {
  const named = tfp ?? acr
  if (typeof named === 'string' && named.toLowerCase() === policy.toLowerCase()) return undefined
  return `it is not by the policy ${policy} (tfp or acr)`
}

/**
 * Why a key is not good for the tenant of a token. One that is published for all says so in its `issuer`, or has none;
 * others are those of one tenant alone, such as that of all personal accounts.
 */
export function keyFault({ tid }: UnknownClaims, keys: readonly UnknownClaims[]): string | undefined {
  if (keys.length === 0) return 'its key is published no more, or it names none (kid)'
  const isGood = keys.some(({ issuer }) => {
    if (issuer === undefined) return true
    return typeof issuer === 'string' && (issuer.includes('/{tenantid}/') || issuer.includes(`/${String(tid)}/`))
  })
  return isGood ? undefined : 'it is signed with a key of another tenant'
}
