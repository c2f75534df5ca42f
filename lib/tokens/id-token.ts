import { decodeJwt } from 'jose'
import type { OidcUnknownClaims } from '../config/claims.ts'
import type { OidcIssuerRules } from '../config/issuer-rules.ts'
import { fail } from '../core/errors.ts'
import { describeClockDifference } from '../core/token-mismatch.ts'
import { findTokenHint, tokenInvalid } from './token-rejected.ts'
import { isPastTime, isSubject } from './claims-checks.ts'
import { findKeysWithKid, findRuleFault } from './issuer-checks.ts'
import type { Keys } from './key-set.ts'
import { verifyFresh } from './verify.ts'

/** Values against which both ID tokens and logout tokens are checked. */
export interface ClientTokenChecks {
  readonly issuer: string
  readonly clientId: string
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  /** Further rules of the options for the issuer's tokens. */
  readonly rules?: OidcIssuerRules | undefined
}

/** Values against which an ID token is checked. */
export interface IdTokenChecks extends ClientTokenChecks {
  /** The expected nonce; undefined if the token must have none. */
  readonly nonce: string | undefined
  /** Whether the token came with a refresh, and may omit the nonce (OIDC Core, section 12.2). */
  readonly isRefreshed?: boolean | undefined
}

/** The claims of a verified ID token. */
export type IdTokenClaims = OidcUnknownClaims & { readonly iss: string; readonly sub: string; readonly iat: number }

const fromFuture = 'iat is in the future'

/**
 * Verifies signature and claims of an ID token from the token endpoint (OIDC Core, section 3.1.3.7).
 *
 * @throws OidcError `token_invalid`, `login_refused`, `provider_unavailable`, `hook_failed`
 */
export async function verifyIdToken(token: string, keys: Keys, checks: IdTokenChecks): Promise<IdTokenClaims> {
  let claims: OidcUnknownClaims
  try {
    claims = await verifyFresh(token, keys, {
      ...(checks.rules?.tokenIssuer ? {} : { issuer: checks.issuer }),
      audience: checks.clientId,
      algorithms: [...checks.algorithms],
      clockTolerance: checks.clockToleranceSeconds,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
    })
  } catch (error) {
    throw tokenInvalid('ID token', error, findTokenHint(token, error, checks.algorithms))
  }
  const fault = findIdTokenFault(claims, checks)
  if (fault)
    throw tokenInvalid('ID token', fault, fault === fromFuture ? describeClockDifference(claims['iat']) : undefined)
  if (checks.rules) await checkRules(token, keys, claims, checks.rules)
  return claims as IdTokenClaims
}

/** Returns the claims of a stored ID token. It was verified when it was issued, and has been sealed since. */
export function decodeStoredIdToken(token: string): OidcUnknownClaims {
  return decodeJwt(token)
}

/**
 * Evaluates the rules of the issuer. If `accept` refuses the user, the login is refused; any other fault is the provider's.
 */
async function checkRules(token: string, keys: Keys, claims: OidcUnknownClaims, rules: OidcIssuerRules): Promise<void> {
  const fault = await findRuleFault(claims, rules, {
    token: 'id',
    keys: rules.accept ? findKeysWithKid(token, await keys.current()) : [],
  })
  if (!fault) return
  if (!fault.isRefusal) throw tokenInvalid('ID token', fault.reason)
  throw fail('login_refused', fault.reason)
}

function findIdTokenFault(claims: OidcUnknownClaims, checks: IdTokenChecks): string | undefined {
  const { sub, aud, azp, nonce, iat } = claims
  if (!isSubject(sub)) return 'sub is not a valid subject'
  if (nonce !== checks.nonce && !(checks.isRefreshed && nonce === undefined)) return 'nonce mismatch'
  if (azp !== undefined && azp !== checks.clientId) return 'azp is not this client'
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined)
    return 'azp is missing, although aud has several values'
  if (!isPastTime(iat, checks.clockToleranceSeconds)) return fromFuture
  return undefined
}
