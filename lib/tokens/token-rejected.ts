import { decodeProtectedHeader } from 'jose'
import { describe } from '../core/describe.ts'
import { fail, OidcError } from '../core/errors.ts'
import { describeAlgorithm, describeClockDifference } from '../core/token-mismatch.ts'

/**
 * Creates the error for a token that failed its checks; returns `reason` itself if it is an OidcError. The reason is only
 * for the log. Errors of jose are not kept, because they carry the claims of the token.
 */
export function tokenInvalid(what: string, reason: unknown, hint?: string): OidcError {
  if (reason instanceof OidcError) return reason
  return fail('token_invalid', `${what}: ${describe(reason)}${hint === undefined ? '' : `; ${hint}`}`)
}

/** Returns what an operator can change about a token that the provider has just issued and jose has rejected, if anything. */
export function findTokenHint(token: string, fault: unknown, algorithms: readonly string[]): string | undefined {
  const { code, claim, payload } = Object(fault) as { code?: unknown; claim?: unknown; payload?: { iat?: unknown } }
  if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') return describeAlgorithm(readTokenAlgorithm(token), algorithms)
  const isByTime = code === 'ERR_JWT_EXPIRED' || (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' && claim === 'nbf')
  return isByTime ? describeClockDifference(payload?.iat) : undefined
}

function readTokenAlgorithm(token: string): unknown {
  try {
    return decodeProtectedHeader(token).alg
  } catch {
    return undefined
  }
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
