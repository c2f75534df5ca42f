/** DPoP proofs (RFC 9449), and how the provider validates them. */
import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, type JWTPayload, jwtVerify, type JWTVerifyResult } from 'jose'
import { type Answer, oauthError } from './answer.ts'
import type { TestRequest } from './request.ts'
import { expired, type ProviderState, remember } from './state.ts'

export const proofAlgorithms: readonly string[] = ['ES256', 'ES384', 'ES512', 'PS256', 'RS256', 'EdDSA', 'Ed25519']

/** Maximum difference between the `iat` of a proof and the provider's clock, in seconds. */
const proofSeconds = 60

/** The result of a request with a valid proof, or with none. */
export interface Proof {
  /** The thumbprint of the proved key; undefined if the request has no proof. */
  readonly jkt: string | undefined
  readonly nonce: unknown
}

/** An error of a proof (RFC 9449 sections 5 and 8). */
export interface ProofFault {
  readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce'
  readonly description: string
}

function newNonce(): string {
  return randomBytes(16).toString('base64url')
}

/** Makes a new nonce for proofs. With `keepOld`, the previous one stays valid. */
export function rotateNonce({ dpopNonces }: ProviderState, keepOld: boolean): void {
  dpopNonces.splice(keepOld ? 1 : 0)
  dpopNonces.unshift(newNonce())
}

function currentNonce({ dpopNonces }: ProviderState): string {
  return (dpopNonces[0] ??= newNonce())
}

function invalid(description: string): ProofFault {
  return { error: 'invalid_dpop_proof', description }
}

/** Why a claim does not match the request, if any. Nonce and replay are checked elsewhere (RFC 9449 section 4.3). */
function misfit(
  provider: ProviderState,
  { method, url }: TestRequest,
  { jti, htm, htu, iat, ath }: JWTPayload,
  accessToken: string | undefined,
): string | undefined {
  const { origin, pathname } = new URL(url)
  if (typeof jti !== 'string' || jti === '') return 'jti is missing'
  if (htm !== method) return `htm must be ${method}`
  // RFC 9449 section 4.2: the URL without query and fragment.
  if (htu !== origin + pathname) return `htu must be ${origin + pathname}`
  const age = typeof iat === 'number' ? provider.settings.now() / 1000 - iat : Number.NaN
  if (!(Math.abs(age) <= proofSeconds)) return `iat must be within ${proofSeconds} s of now`
  if (accessToken === undefined) return undefined
  const hash = createHash('sha256').update(accessToken).digest('base64url')
  return ath === hash ? undefined : 'ath must be the hash of the access token'
}

async function verifyProofToken(provider: ProviderState, text: string): Promise<JWTVerifyResult | ProofFault> {
  try {
    const currentDate = new Date(provider.settings.now())
    return await jwtVerify(text, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: [...proofAlgorithms], currentDate })
  } catch (error) {
    return invalid(String(error))
  }
}

/** Validates the proof of a request, if it has one, and returns its key. A proof works once (RFC 9449 section 4.3). */
export async function readProof(
  provider: ProviderState,
  request: TestRequest,
  accessToken?: string,
): Promise<Proof | ProofFault> {
  const text = request.headers['dpop']
  const { settings, dpopNonces, proofs } = provider
  if (text === undefined || settings.dpop === 'none') return { jkt: undefined, nonce: undefined }
  const proof = await verifyProofToken(provider, text)
  if ('error' in proof) return proof
  const { payload, protectedHeader } = proof
  const description = misfit(provider, request, payload, accessToken)
  if (description !== undefined) return invalid(description)
  const { nonce } = payload
  if (settings.dpopNonces === 'required' && !dpopNonces.includes(String(nonce))) {
    return { error: 'use_dpop_nonce', description: 'the proof must have the nonce of the DPoP-Nonce header' }
  }
  const jkt = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
  const id = `${jkt} ${String(payload.jti)}`
  if (proofs.has(id)) return invalid('the proof was used before')
  remember(proofs, id, { expiresAt: settings.now() + 2 * proofSeconds * 1000 }, expired(provider))
  return { jkt, nonce }
}

/** The nonce for the next proof, if this proof had none or not the latest (RFC 9449 section 8). */
export function nonceHeaders(provider: ProviderState, proof: Proof | ProofFault): Answer['headers'] {
  if (provider.settings.dpopNonces === 'none') return {}
  const nonce = currentNonce(provider)
  const isDue = 'error' in proof ? proof.error === 'use_dpop_nonce' : proof.jkt !== undefined && proof.nonce !== nonce
  return isDue ? { 'dpop-nonce': nonce } : {}
}

/** Runs an endpoint for clients with the thumbprint of the proved key, and adds the next nonce to the response. */
export async function withProof(
  provider: ProviderState,
  request: TestRequest,
  run: (jkt: string | undefined) => Answer | Promise<Answer>,
): Promise<Answer> {
  const proof = await readProof(provider, request)
  const answer = 'error' in proof ? oauthError(400, proof.error, proof.description) : await run(proof.jkt)
  return { ...answer, headers: { ...answer.headers, ...nonceHeaders(provider, proof) } }
}
