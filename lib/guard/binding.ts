import { createHash } from 'node:crypto'
import { storeUnavailable } from '../core/errors.ts'
import type { OidcRecords } from '../core/records.ts'
import { verifyDpopProof } from '../tokens/dpop-proof.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import type { BearerAuth } from './bearer-auth.ts'

/** Which proofs of possession are accepted for key-bound tokens. */
export interface BindingPolicy {
  /** Records of used proofs, so that each is accepted once; undefined if DPoP is not accepted. */
  readonly dpop: OidcRecords | undefined
  /** Whether client certificates are accepted (RFC 8705). */
  readonly mtls: boolean
  /** Accepted signature algorithms of DPoP proofs. */
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
}

/** The parts of a request that prove possession of the key of its token. */
export interface Presentation {
  readonly scheme: 'bearer' | 'dpop'
  readonly method: string
  /** The URL of the request as clients see it; undefined if the options have no `baseUrl`. */
  readonly url: URL | undefined
  /** Value of the `DPoP` header. */
  readonly proof: string | undefined
  /** Returns the certificate whose key the client has proved to possess, in DER. */
  readonly certificate: () => Uint8Array | undefined
}

/** Whether a token is bound to a key, or was presented with the scheme of such tokens. */
export function isKeyBound(auth: BearerAuth, scheme: Presentation['scheme']): boolean {
  return scheme === 'dpop' || auth.claims['cnf'] !== undefined
}

/**
 * Checks that the client has the key that its token is bound to (`cnf`; RFC 7800, section 3.1). Every request is checked,
 * even if its token is cached. Returns a promise only for a DPoP key.
 *
 * @throws TokenRejected if the proof is missing or invalid; OidcError `store_unavailable`, `hook_failed`
 */
export function proveBinding(
  policy: BindingPolicy,
  auth: BearerAuth,
  presentation: Presentation | undefined,
): void | Promise<void> {
  const confirmation = auth.claims['cnf']
  if (confirmation === undefined) {
    throw new TokenRejected('the token is not bound to a key (cnf is missing); present it with the scheme Bearer')
  }
  const { jkt, 'x5t#S256': certificate } = Object(confirmation) as Record<string, unknown>
  if (jkt === undefined && certificate === undefined) {
    throw new TokenRejected('cnf has neither jkt nor x5t#S256; other bindings are not supported')
  }
  if (presentation === undefined)
    throw new TokenRejected('the token is bound to a key (cnf), and there is no request that proves possession')
  if (certificate !== undefined) proveCertificate(policy, certificate, presentation)
  if (jkt !== undefined) return proveKey(policy, auth, jkt, presentation)
  if (presentation.scheme === 'dpop') {
    throw new TokenRejected('the token is bound to a certificate, not to a DPoP key; present it with the scheme Bearer')
  }
}

/** Checks the hash of the client's certificate (RFC 8705, section 3). */
function proveCertificate({ mtls }: BindingPolicy, thumbprint: unknown, { certificate }: Presentation): void {
  if (!mtls) throw new TokenRejected('the token is bound to a certificate (cnf); set `mtls` to accept such tokens')
  const der = certificate()
  if (der === undefined)
    throw new TokenRejected('the token is bound to a certificate (cnf), and the client presented none')
  if (createHash('sha256').update(der).digest('base64url') !== thumbprint) {
    throw new TokenRejected('the certificate of the client is not the one in cnf')
  }
}

/** Checks that the proof is by this key, for this request, and was not used before (RFC 9449, section 7.1). */
async function proveKey(
  { dpop, algorithms, clockToleranceSeconds }: BindingPolicy,
  { token }: BearerAuth,
  thumbprint: unknown,
  { scheme, method, url, proof }: Presentation,
): Promise<void> {
  if (!dpop || !url) throw new TokenRejected('the token is bound to a key (cnf); set `dpop` to accept such tokens')
  if (scheme !== 'dpop') {
    throw new TokenRejected('the token is bound to a key (cnf); present it with the scheme DPoP and a proof', 'proof')
  }
  const checks = { method, url, token, thumbprint, algorithms, clockToleranceSeconds }
  const { jti, seconds } = await verifyDpopProof(proof, checks)
  // A `jti` is unique only among the proofs of one key. The hash limits the length of the stored id.
  const id = createHash('sha256')
    .update(`${String(thumbprint)} ${jti}`)
    .digest('base64url')
  let isFirst: boolean
  try {
    isFirst = await dpop.add({ kind: 'dpop', id }, '1', seconds)
  } catch (error) {
    throw storeUnavailable(error)
  }
  if (!isFirst) throw new TokenRejected('DPoP proof: jti was used before', 'proof')
}
