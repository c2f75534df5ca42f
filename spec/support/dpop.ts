/** A client with a DPoP key (RFC 9449), which makes valid proofs and altered ones. */
import { createHash } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'

export interface ProofParts {
  readonly url: string
  readonly method?: string
  readonly token: string
  /** Changes to the claims of a valid proof; `undefined` leaves a claim out. */
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly key?: CryptoKey
}

export interface DpopClient {
  readonly thumbprint: string
  readonly jwk: JWK
  readonly privateJwk: JWK
  proof(of: ProofParts): Promise<string>
}

export async function dpopClient(alg = 'ES256'): Promise<DpopClient> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    jwk,
    privateJwk: await exportJWK(privateKey),
    proof({ url, method = 'GET', token, claims, header, key = privateKey }) {
      const content = {
        jti: crypto.randomUUID(),
        htm: method,
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        ath: createHash('sha256').update(token).digest('base64url'),
        ...claims,
      }
      return new SignJWT(content).setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...header }).sign(key)
    },
  }
}
