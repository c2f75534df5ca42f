import {
  EmbeddedJWK,
  calculateJwkThumbprint,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWK,
  type JWTPayload,
} from 'jose'
import { createHash } from 'node:crypto'
import { describe } from '../core/describe.ts'
import { parseUrl } from '../core/urls.ts'
import { TokenRejected } from './token-rejected.ts'

/** Values against which a DPoP proof is checked (RFC 9449, section 4.3). */
export interface DpopProofChecks {
  readonly method: string
  /** The URL of the request as clients see it. */
  readonly url: URL
  /** The access token that the proof accompanies. */
  readonly token: string
  /** The thumbprint that the token is bound to (`cnf.jkt`; RFC 9449, section 6.1). */
  readonly thumbprint: unknown
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
}

/** Maximum age of a proof, in seconds. A proof is for one request. */
const proofSeconds = 60
/** Maximum length of a proof, and of its `jti`. */
const longestProof = 8192
const longestId = 256

/** A valid proof, not yet checked for reuse. */
export interface DpopProof {
  readonly jti: string
  /** Seconds for which another proof with the same `jti` must be refused. */
  readonly seconds: number
}

/**
 * Verifies a DPoP proof, and that its key is the one that the access token is bound to (RFC 9449, sections 4.3 and 7.1).
 *
 * @throws TokenRejected
 */
export async function verifyDpopProof(proof: string | undefined, checks: DpopProofChecks): Promise<DpopProof> {
  if (proof === undefined) throw rejectProof('the DPoP header is missing')
  // Node joins several headers with commas, which no JWT contains.
  if (proof.length > longestProof || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(proof))
    throw rejectProof('the DPoP header is not a JWT')
  // Before the signature: the client chooses the key, and some keys make the verification expensive.
  if ((await findProofThumbprint(proof)) !== checks.thumbprint)
    throw rejectProof('its key is not the one that the token is bound to')
  const { jti, htm, htu, ath } = await verifyProofSignature(proof, checks)
  if (typeof jti !== 'string' || jti === '' || jti.length > longestId)
    throw rejectProof('jti is not a valid identifier')
  if (htm !== checks.method) throw rejectProof('htm is not the method of the request')
  if (!isSameUrl(htu, checks.url)) throw rejectProof(`htu is not ${checks.url.origin}${checks.url.pathname}`)
  if (ath !== createHash('sha256').update(checks.token).digest('base64url'))
    throw rejectProof('ath is not the hash of the access token')
  return { jti, seconds: proofSeconds + 2 * checks.clockToleranceSeconds }
}

/** Returns the thumbprint of the key in the header of a proof (RFC 7638). Nothing is verified yet. */
async function findProofThumbprint(proof: string): Promise<string> {
  try {
    return await calculateJwkThumbprint(decodeProtectedHeader(proof).jwk as JWK)
  } catch (error) {
    throw rejectProof(`its header has no valid jwk: ${describe(error)}`)
  }
}

async function verifyProofSignature(proof: string, checks: DpopProofChecks): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...checks.algorithms],
      maxTokenAge: proofSeconds,
      clockTolerance: checks.clockToleranceSeconds,
    })
    return payload
  } catch (error) {
    throw rejectProof(describeProofFault(error, checks.algorithms))
  }
}

function describeProofFault(error: unknown, algorithms: readonly string[]): string {
  return error instanceof errors.JOSEAlgNotAllowed
    ? `its alg is not in \`algorithms\` of the guard (${algorithms.join(', ')}), which also applies to proofs; add the alg of the clients' proofs, or limit the tokens with \`algorithms\` of an entry of \`issuers\``
    : describe(error)
}

/** Compares URLs without query and fragment (RFC 9449, section 4.3, check 9). */
function isSameUrl(htu: unknown, url: URL): boolean {
  const given = typeof htu === 'string' ? parseUrl(htu) : undefined
  return given?.origin === url.origin && given.pathname === url.pathname
}

function rejectProof(reason: string): TokenRejected {
  return new TokenRejected(`DPoP proof: ${reason}`, 'proof')
}
