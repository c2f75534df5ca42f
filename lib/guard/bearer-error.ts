import type { OidcErrorCode } from '../core/error-table.ts'
import { OidcError } from '../core/errors.ts'

/**
 * Value of `error` in a challenge and in the response body.
 *
 * - `invalid_request` (400): the request presents a token in an invalid way (RFC 6750, section 3.1)
 * - `invalid_token` (401): the token is invalid, expired or for another audience (RFC 6750, section 3.1)
 * - `insufficient_scope` (403): the token does not meet the rule of the route (RFC 6750, section 3.1)
 * - `insufficient_user_authentication` (401): the user must authenticate again, or in a stronger way (RFC 9470, section 3)
 * - `invalid_dpop_proof` (401): the DPoP proof is missing or invalid (RFC 9449, section 7.1)
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
 */
export type BearerErrorName =
  'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'insufficient_user_authentication' | 'invalid_dpop_proof'

/** Parameters that all challenges of a guard have. */
export interface ChallengeBase {
  /** Protection space (RFC 9110, section 11.5): the guard's audience, or its origin if each rule has an audience. */
  readonly realm: string
  /** URL of the API's metadata (RFC 9728, section 5.1). */
  readonly resourceMetadata: string | undefined
  /** Algorithms of DPoP proofs, separated by spaces (RFC 9449, section 7.1); undefined if DPoP is not accepted. */
  readonly dpopAlgorithms: string | undefined
}

/** A refused request, with the texts for the client and for the log. */
export interface Refusal {
  readonly code: OidcErrorCode
  readonly status: number
  /** For the client: printable ASCII without quotes. */
  readonly message: string
  /** For the log. */
  readonly detail?: string | undefined
  /** Undefined if the request presented no token (RFC 6750, section 3.1). */
  readonly error?: BearerErrorName | undefined
  /** Whether the error is in the DPoP challenge, because the proof is missing or invalid. */
  readonly isByProof?: boolean | undefined
  /** Requirements of the rule as challenge parameters: `scope`, `acr_values`, `max_age`. */
  readonly needed?: Readonly<Record<string, string>> | undefined
}

/**
 * Error for a request or an access token that a guard refuses. `headers` contains the challenge (`WWW-Authenticate`).
 *
 * Its `code` is `token_required` (401), `token_invalid` (401), `authentication_insufficient` (401), `not_allowed` (403) or
 * `request_invalid` (400).
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
 * @example
 * const auth = await api.verifyToken(token).catch((error) => {
 *   if (error instanceof BearerError) return undefined // refused; other errors are faults
 *   throw error
 * })
 */
export class BearerError extends OidcError {
  override readonly name = 'BearerError'
  /** Value of `error` in the challenge; undefined if the request presented no token. */
  readonly error: BearerErrorName | undefined
  /** Further parameters of the challenge: `scope`, or `acr_values` and `max_age`; empty for other requirements. */
  readonly needed: Readonly<Record<string, string>>
  /** Subject of a valid token that does not meet the rule; otherwise undefined. */
  readonly sub: string | undefined

  constructor(base: ChallengeBase, refusal: Refusal, sub?: string) {
    super(refusal.code, refusal.message, {
      status: refusal.status,
      detail: refusal.detail,
      headers: { 'WWW-Authenticate': formatChallenges(base, refusal) },
    })
    this.error = refusal.error
    this.needed = refusal.needed ?? {}
    this.sub = sub
  }
}

/**
 * Returns the value of `WWW-Authenticate` (RFC 6750, section 3; RFC 9449, section 7.1). The error is in the DPoP challenge
 * if the proof is the reason, otherwise in the Bearer challenge. Without a refusal, there is no error.
 */
export function formatChallenges(base: ChallengeBase, refusal?: Refusal): string {
  const { error, message, needed, isByProof = false } = refusal ?? {}
  const own = error === undefined ? {} : { error, error_description: message, ...needed }
  const metadata = base.resourceMetadata === undefined ? {} : { resource_metadata: base.resourceMetadata }
  const challenge = (scheme: string, said: object, algs: object = {}): string =>
    `${scheme} ${formatParameters({ realm: base.realm, ...said, ...algs, ...metadata })}`
  if (base.dpopAlgorithms === undefined) return challenge('Bearer', own)
  const dpop = challenge('DPoP', isByProof ? own : {}, { algs: base.dpopAlgorithms })
  return `${challenge('Bearer', isByProof ? {} : own)}, ${dpop}`
}

function formatParameters(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`)
    .join(', ')
}
