/**
 * JSON Web Signatures without a signing library. A library insists that header, payload and key match, but a provider with
 * faults must also sign when they do not.
 */
import { createHmac, webcrypto } from 'node:crypto'
import type { CryptoKey } from 'jose'
import type { TestJsonObject } from './change.ts'
import { checkChoice } from './checks.ts'

const sizes = ['256', '384', '512']
const algorithms = [...['RS', 'PS', 'ES'].flatMap((family) => sizes.map((size) => family + size)), 'EdDSA', 'Ed25519']

export function checkAlgorithm(value: unknown, name: string): void {
  checkChoice(value, algorithms, name)
}

/** The hash of a signature algorithm, which `at_hash` uses too (OIDC Core 3.1.3.6). */
export function findHash(algorithm: string): string {
  const size = algorithm.slice(2)
  return sizes.includes(size) ? `sha${size}` : 'sha512'
}

function makeAlgorithm(algorithm: string): webcrypto.Algorithm | webcrypto.RsaPssParams | webcrypto.EcdsaParams {
  const size = Number(algorithm.slice(2))
  switch (algorithm.slice(0, 2)) {
    case 'RS':
      return { name: 'RSASSA-PKCS1-v1_5' }
    case 'PS':
      return { name: 'RSA-PSS', saltLength: size / 8 }
    case 'ES':
      return { name: 'ECDSA', hash: `SHA-${size}` }
    default:
      return { name: 'Ed25519' }
  }
}

function signingInput(header: TestJsonObject, payload: string): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
}

/** Signs with the key's algorithm, whatever the header says. */
export async function sign(
  header: TestJsonObject,
  payload: string,
  algorithm: string,
  key: CryptoKey,
): Promise<string> {
  const input = signingInput(header, payload)
  const signature = await webcrypto.subtle.sign(makeAlgorithm(algorithm), key, Buffer.from(input))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

export function signWithSecret(header: TestJsonObject, payload: string, secret: string): string {
  const input = signingInput(header, payload)
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export function unsigned(header: TestJsonObject, payload: string): string {
  return `${signingInput(header, payload)}.`
}

/** The token with one bit of its signature flipped. */
export function corrupted(token: string): string {
  const dot = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(dot + 1), 'base64url')
  signature.writeUInt8(signature.readUInt8(0) ^ 1, 0)
  return `${token.slice(0, dot)}.${signature.toString('base64url')}`
}
