import { OidcError, describe } from '../core/errors.ts'

/**
 * A token that did not pass, unless the reason is a fault of ours already. The reason is for the log alone; jose's own
 * errors carry the token's claims.
 */
export function tokenInvalid(what: string, reason: unknown): OidcError {
  if (reason instanceof OidcError) return reason
  return new OidcError('token_invalid', 'The login service gave an answer that cannot be accepted.', {
    status: 502,
    detail: `${what}: ${describe(reason)}`,
  })
}

/** Whether other keys than those at hand might verify the token: none fits, or one that does says no. */
export function isKeyMismatch(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
}
