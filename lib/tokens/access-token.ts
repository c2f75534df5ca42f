import type { OidcUnknownClaims } from '../config/claims.ts'
import { acceptedAlgorithms } from '../config/algorithms.ts'
import { findTokenHint, tokenInvalid } from './token-rejected.ts'
import type { Keys } from './key-set.ts'
import { verifyFresh } from './verify.ts'

/** Values against which the claims of a login's access token are checked. */
export interface OwnAccessTokenChecks {
  readonly issuer: string
  readonly clientId: string
  readonly sub: string
  /** Thumbprint of the login's DPoP key; undefined if it has none. */
  readonly thumbprint: string | undefined
  readonly clockToleranceSeconds: number
}

/** Whether a token has the form of a signed JWT. */
export function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
}

/**
 * Verifies the access token of a login, so that roles can be read from it. Its audience is an API and is not checked. Its
 * issuer is, and so are client, subject and DPoP key if the token names them.
 *
 * @throws OidcError `token_invalid`, or `provider_unavailable` if the keys cannot be fetched.
 */
export async function verifyOwnAccessToken(
  token: string,
  keys: Keys,
  checks: OwnAccessTokenChecks,
): Promise<OidcUnknownClaims> {
  let claims: OidcUnknownClaims
  try {
    claims = await verifyFresh(token, keys, {
      issuer: checks.issuer,
      algorithms: [...acceptedAlgorithms],
      clockTolerance: checks.clockToleranceSeconds,
      requiredClaims: ['exp'],
    })
  } catch (error) {
    throw tokenInvalid('access token', error, findTokenHint(token, error, acceptedAlgorithms))
  }
  for (const member of ['azp', 'client_id'] as const) {
    if (claims[member] !== undefined && claims[member] !== checks.clientId) {
      throw tokenInvalid('access token', `${member} is not this client`)
    }
  }
  if (claims['sub'] !== undefined && claims['sub'] !== checks.sub)
    throw tokenInvalid('access token', 'sub differs from that of the ID token')
  // The key that the token is bound to (RFC 7800, section 3.1; RFC 9449, section 6.1).
  const { jkt } = Object(claims['cnf']) as { jkt?: unknown }
  if (jkt !== undefined && jkt !== checks.thumbprint) {
    throw tokenInvalid('access token', 'cnf is not the key of the login')
  }
  return claims
}
