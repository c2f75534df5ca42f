import { fail, OidcError, describe } from '../core/errors.ts'

/**
 * A token that did not pass, unless the reason is a fault of ours already. The reason is for the log alone; jose's own
 * errors carry the token's claims.
 */
export function tokenInvalid(what: string, reason: unknown): OidcError {
  if (reason instanceof OidcError) return reason
  return fail('token_invalid', `${what}: ${describe(reason)}`)
}

/** A token that a client presented is not good. The message says why, for the log alone. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected'
  /** What the client may know of it: nothing of what makes a signature good. */
  readonly kind: 'expired' | 'audience' | 'proof' | 'other'

  constructor(reason: string, kind: TokenRejected['kind'] = 'other') {
    super(reason)
    this.kind = kind
  }
}

/** Whether other keys than those at hand might verify the token: none fits, or one that does says no. */
export function isKeyMismatch(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
}
