import type { OidcUnknownClaims } from '../config/claims.ts'
import { findTokenHint, tokenInvalid } from './token-rejected.ts'
import type { Keys } from './key-set.ts'
import { verifyFresh } from './verify.ts'

/** Values against which a userinfo response is checked. */
export interface UserInfoChecks {
  readonly issuer: string
  readonly clientId: string
  readonly sub: string
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
}

/**
 * Verifies a userinfo response: its signature, if it is signed, and that its `sub` is the user's (OIDC Core, section
 * 5.3.2).
 */
export async function verifyUserInfo(
  answer: OidcUnknownClaims | string,
  keys: Keys,
  checks: UserInfoChecks,
): Promise<OidcUnknownClaims> {
  const claims = typeof answer === 'string' ? await verifyUserInfoToken(answer, keys, checks) : answer
  // A missing `sub` is an error too: otherwise any response would pass for this user's.
  if (claims['sub'] !== checks.sub) throw tokenInvalid('userinfo', 'sub differs from that of the ID token')
  return claims
}

async function verifyUserInfoToken(token: string, keys: Keys, checks: UserInfoChecks): Promise<OidcUnknownClaims> {
  try {
    return await verifyFresh(token, keys, {
      issuer: checks.issuer,
      audience: checks.clientId,
      algorithms: [...checks.algorithms],
      clockTolerance: checks.clockToleranceSeconds,
    })
  } catch (error) {
    throw tokenInvalid('userinfo', error, findTokenHint(token, error, checks.algorithms))
  }
}
