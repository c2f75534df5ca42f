import { createHash } from 'node:crypto'
import { acceptedAlgorithms } from '../config/algorithms.ts'
import { storeUnavailable } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import { verifyDpopProof } from '../tokens/dpop-proof.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import type { BearerAuth } from './bearer-auth.ts'

/** How proofs of the keys that tokens are bound to are taken. */
export interface BindingPolicy {
  /** Where the proofs that were used are kept, so that none is used again; undefined: no DPoP. */
  readonly dpop: Records | undefined
  /** Whether certificates of TLS are looked at (RFC 8705). */
  readonly mtls: boolean
  readonly clockToleranceSeconds: number
}

/** How a token was presented. */
export interface Presentation {
  readonly scheme: 'bearer' | 'dpop'
  readonly method: string
  /** The URL of the request as clients see it; undefined where the options say nothing of it. */
  readonly url: URL | undefined
  /** The header `DPoP`. */
  readonly proof: string | undefined
  /** The certificate that the client has proved to have, as it is in DER. */
  readonly certificate: () => Uint8Array | undefined
}

/** Whether a token, or the way it was presented, asks for a proof. */
export function asksForProof(auth: BearerAuth, scheme: Presentation['scheme']): boolean {
  return scheme === 'dpop' || auth.claims['cnf'] !== undefined
}

/**
 * Checks that whoever presents a token has the key that it is bound to (`cnf`, RFC 7800 3.1), at every request, also where
 * the token is remembered. Returns a promise only where there is a proof to verify.
 *
 * @throws TokenRejected, OidcError `store_unavailable`
 */
export function proveBinding(
  policy: BindingPolicy,
  auth: BearerAuth,
  presentation: Presentation | undefined,
): void | Promise<void> {
  const confirmation = auth.claims['cnf']
  if (confirmation === undefined) {
    throw new TokenRejected('it is bound to no key (no cnf): present it with the scheme Bearer')
  }
  const { jkt, 'x5t#S256': certificate } = Object(confirmation) as Record<string, unknown>
  if (jkt === undefined && certificate === undefined) {
    throw new TokenRejected('it is bound to a key (cnf) in a way that is not known')
  }
  if (presentation === undefined) throw new TokenRejected('it is bound to a key (cnf), which nothing proves here')
  if (certificate !== undefined) proveCertificate(policy, certificate, presentation)
  if (jkt !== undefined) return proveKey(policy, auth, jkt, presentation)
  if (presentation.scheme === 'dpop') {
    throw new TokenRejected('it is bound to a certificate and to no DPoP key: present it with the scheme Bearer')
  }
}

/** RFC 8705 3: the hash of the certificate of the connection. */
function proveCertificate({ mtls }: BindingPolicy, thumbprint: unknown, { certificate }: Presentation): void {
  if (!mtls) throw new TokenRejected('it is bound to a certificate (cnf), and the option mtls is not set')
  const der = certificate()
  if (der === undefined) throw new TokenRejected('it is bound to a certificate (cnf), and the client has shown none')
  if (createHash('sha256').update(der).digest('base64url') !== thumbprint) {
    throw new TokenRejected('it is bound to another certificate (cnf) than the client has shown')
  }
}

/** RFC 9449 7.1: a proof by the key, for this request alone, that was not used before. */
async function proveKey(
  { dpop, clockToleranceSeconds }: BindingPolicy,
  { token }: BearerAuth,
  thumbprint: unknown,
  { scheme, method, url, proof }: Presentation,
): Promise<void> {
  if (!dpop || !url) throw new TokenRejected('it is bound to a key (cnf), and the option dpop is not set')
  if (scheme !== 'dpop') {
    throw new TokenRejected('it is bound to a key (cnf): present it with the scheme DPoP and a proof', 'proof')
  }
  const checks = { method, url, token, thumbprint, algorithms: acceptedAlgorithms, clockToleranceSeconds }
  const { jti, seconds } = await verifyDpopProof(proof, checks)
  // Each client has identifiers of its own; the hash bounds what is kept of them.
  const id = createHash('sha256')
    .update(`${String(thumbprint)} ${jti}`)
    .digest('base64url')
  let isFirst: boolean
  try {
    isFirst = await dpop.add({ kind: 'dpop', id }, '1', seconds)
  } catch (error) {
    throw storeUnavailable(error)
  }
  if (!isFirst) throw new TokenRejected('DPoP proof: it was used before', 'proof')
}
