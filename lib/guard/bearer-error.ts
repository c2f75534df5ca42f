import type { OidcErrorCode } from '../core/error-table.ts'
import { OidcError } from '../core/errors.ts'

/** `error` of a refusal on the wire (RFC 6750 3.1, RFC 9470 3, RFC 9449 7.1). */
export type BearerErrorName =
  'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'insufficient_user_authentication' | 'invalid_dpop_proof'

/** What every challenge of a guard says of it. */
export interface ChallengeBase {
  /** What is guarded, in the words of the provider: the audience. */
  readonly realm: string
  /** Where its metadata are (RFC 9728 5.1). */
  readonly resourceMetadata: string | undefined
  /** Algorithms of DPoP proofs, where they are taken (RFC 9449 7.1). */
  readonly dpopAlgorithms: string | undefined
}

/** What a refusal says on the wire, besides the base. */
export interface Refusal {
  readonly code: OidcErrorCode
  readonly status: number
  /** For the client, of printable ASCII without quotes. */
  readonly message: string
  /** For the log. */
  readonly detail?: string | undefined
  /** Undefined where nothing was presented (RFC 6750 3.1). */
  readonly error?: BearerErrorName | undefined
  /** Whether a DPoP proof was, or should have been, there. */
  readonly isByProof?: boolean | undefined
  /** What would be needed: `scope`, `acr_values`, `max_age`. */
  readonly needed?: Readonly<Record<string, string>> | undefined
}

/**
 * A guard of Bearer tokens refuses: `headers` has the challenge, `error` and `needed` say in the words of the
 * specifications what it says (RFC 6750, RFC 9449, RFC 9470).
 */
export class BearerError extends OidcError {
  override readonly name = 'BearerError'
  readonly error: BearerErrorName | undefined
  readonly needed: Readonly<Record<string, string>>
  /** Whose token it was, where it was good. */
  readonly sub: string | undefined

  constructor(base: ChallengeBase, refusal: Refusal, sub?: string) {
    super(refusal.code, refusal.message, {
      status: refusal.status,
      detail: refusal.detail,
      headers: { 'WWW-Authenticate': challengeOf(base, refusal) },
    })
    this.error = refusal.error
    this.needed = refusal.needed ?? {}
    this.sub = sub
  }
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 3, RFC 9449 7.1): the scheme that was used says what was wrong. Without a
 * refusal nothing was presented.
 */
export function challengeOf(base: ChallengeBase, refusal?: Refusal): string {
  const { error, message, needed, isByProof = false } = refusal ?? {}
  const own = error === undefined ? {} : { error, error_description: message, ...needed }
  const metadata = base.resourceMetadata === undefined ? {} : { resource_metadata: base.resourceMetadata }
  const challenge = (scheme: string, said: object, algs: object = {}): string =>
    `${scheme} ${parametersOf({ realm: base.realm, ...said, ...algs, ...metadata })}`
  if (base.dpopAlgorithms === undefined) return challenge('Bearer', own)
  const dpop = challenge('DPoP', isByProof ? own : {}, { algs: base.dpopAlgorithms })
  return `${challenge('Bearer', isByProof ? {} : own)}, ${dpop}`
}

function parametersOf(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`)
    .join(', ')
}
