import type { UnknownClaims } from '../config/claims.ts'
import { acceptedAlgorithms } from '../config/algorithms.ts'
import { tokenInvalid } from './token-rejected.ts'
import type { Keys } from './key-set.ts'
import { verifyFresh } from './verify.ts'

/** What the access token of a login must fit for its claims to be read. */
export interface OwnAccessTokenChecks {
  readonly issuer: string
  readonly clientId: string
  readonly sub: string
  /** Of the key of the login; undefined where it is bound to none. */
  readonly thumbprint: string | undefined
  readonly clockToleranceSeconds: number
}

/** Whether a token looks like a signed JWT, whose claims can be read once it is verified. */
export function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
}

/**
 * Verifies the access token that came with a login, so that roles may be read from it. It is not for us (its audience
 * is an API's), so what must fit is who issued it, to which client and for whom.
 *
 * @throws OidcError `token_invalid`, or `provider_unavailable` where the keys cannot be had.
 */
export async function verifyOwnAccessToken(
  token: string,
  keys: Keys,
  checks: OwnAccessTokenChecks,
): Promise<UnknownClaims> {
  let claims: UnknownClaims
  try {
    claims = await verifyFresh(token, keys, {
      issuer: checks.issuer,
      algorithms: [...acceptedAlgorithms],
      clockTolerance: checks.clockToleranceSeconds,
      requiredClaims: ['exp'],
    })
  } catch (error) {
    throw tokenInvalid('access token', error)
  }
  for (const member of ['azp', 'client_id'] as const) {
    if (claims[member] !== undefined && claims[member] !== checks.clientId) {
      throw tokenInvalid('access token', `${member} is another client`)
    }
  }
  if (claims['sub'] !== undefined && claims['sub'] !== checks.sub) throw tokenInvalid('access token', 'sub is another')
  // RFC 9449 6.1, RFC 7800 3.1.
  const { jkt } = Object(claims['cnf']) as { jkt?: unknown }
  if (jkt !== undefined && jkt !== checks.thumbprint) {
    throw tokenInvalid('access token', 'it is bound to another key (cnf) than the login')
  }
  return claims
}
