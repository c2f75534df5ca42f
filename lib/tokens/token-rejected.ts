import { describe } from '../core/describe.ts'
import { fail, OidcError } from '../core/errors.ts'

/**
 * Creates the error for a token that failed its checks; returns `reason` itself if it is an OidcError. The reason is only
 * for the log. Errors of jose are not kept, because they carry the claims of the token.
 */
export function tokenInvalid(what: string, reason: unknown): OidcError {
  if (reason instanceof OidcError) return reason
  return fail('token_invalid', `${what}: ${describe(reason)}`)
}

/** Rejection of a presented token. The message is the reason, which is only for the log. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected'
  /** The part of the reason that the client may know, because it does not help to forge a token. */
  readonly kind: 'expired' | 'audience' | 'proof' | 'other'

  constructor(reason: string, kind: TokenRejected['kind'] = 'other') {
    super(reason)
    this.kind = kind
  }
}

/** Whether other keys might verify the token: no key matches it, or the signature is invalid. */
export function isKeyMismatch(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
}
