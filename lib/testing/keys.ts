import { createECDH } from 'node:crypto'
import {
  calculateJwkThumbprint,
  compactVerify,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
} from 'jose'
import type { TestJsonObject } from './change.ts'
import { checkMembers, fail } from './checks.ts'
import { checkAlgorithm } from './jws.ts'

/** A signing key pair of the provider. */
export interface SigningKey {
  readonly algorithm: string
  /** Undefined if neither the header nor the key set has a `kid`. */
  readonly kid: string | undefined
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

/** Options of a key rotation. */
export interface TestKeyRotation {
  /** Whether the previous keys stay in the key set.
   * @default false
   * @example await provider.rotateKeys({ keepOld: true }) */
  readonly keepOld?: boolean | undefined
  /** The `kid` of the new key. With `null`, neither the key set nor the header of a token has one.
   * @default the thumbprint of the key
   * @example await provider.rotateKeys({ kid: 'key-2' }) */
  readonly kid?: string | null | undefined
  /** The algorithm of the new key, as in {@link TestProviderOptions.algorithm}.
   * @default the algorithm of the previous key
   * @example await provider.rotateKeys({ algorithm: 'ES256' }) */
  readonly algorithm?: string | undefined
}

export function checkRotation(rotation: TestKeyRotation, name: string): void {
  checkMembers(rotation, ['keepOld', 'kid', 'algorithm', 'when'], name)
  const { keepOld, kid, algorithm } = rotation
  if (keepOld !== undefined && typeof keepOld !== 'boolean') fail(`${name}.keepOld must be a boolean`)
  if (kid !== undefined && kid !== null && typeof kid !== 'string') fail(`${name}.kid must be a string or null`)
  if (algorithm !== undefined) checkAlgorithm(algorithm, `${name}.algorithm`)
}

async function generate(algorithm: string, kid?: string | null): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), use: 'sig', alg: algorithm }
  const name = kid === null ? undefined : (kid ?? (await calculateJwkThumbprint(jwk)))
  return {
    algorithm,
    kid: name,
    privateKey,
    publicKey,
    publicJwk: name === undefined ? jwk : { kid: name, ...jwk },
  }
}

/** The keys of the provider: the published ones, the former ones, and those for invalid signatures. */
export class KeyRing {
  readonly #published: SigningKey[]
  readonly #former: SigningKey[] = []
  #current: SigningKey
  #foreign: SigningKey | undefined
  #alternate: SigningKey | undefined

  static async create(algorithm: string): Promise<KeyRing> {
    return new KeyRing(await generate(algorithm))
  }

  private constructor(key: SigningKey) {
    this.#current = key
    this.#published = [key]
  }

  /** The key that signs tokens. */
  get current(): SigningKey {
    return this.#current
  }

  /** The key set as published, newest key first. */
  get jwks(): { keys: JWK[] } {
    return { keys: this.#published.map((key) => ({ ...key.publicJwk })) }
  }

  async rotate(rotation: TestKeyRotation = {}): Promise<void> {
    const key = await generate(rotation.algorithm ?? this.#current.algorithm, rotation.kid)
    if (!rotation.keepOld) this.#former.push(...this.#published.splice(0))
    this.#published.unshift(key)
    this.#current = key
  }

  /** An unpublished key of the current algorithm. */
  async foreign(): Promise<SigningKey> {
    if (this.#foreign?.algorithm !== this.#current.algorithm) this.#foreign = await generate(this.#current.algorithm)
    return this.#foreign
  }

  /** A published key whose algorithm differs from the current one. */
  async alternate(): Promise<SigningKey> {
    const algorithm = this.#current.algorithm === 'ES256' ? 'RS256' : 'ES256'
    if (this.#alternate?.algorithm !== algorithm) this.#alternate = await generate(algorithm)
    const key = this.#alternate
    if (!this.#published.includes(key)) this.#published.push(key)
    return key
  }

  /** The public key as PEM. A verifier that confuses algorithms takes it for a shared secret. */
  async publicPem(): Promise<string> {
    return await exportSPKI(this.#current.publicKey)
  }

  /** The claims of a token that this provider signed with a current or former key; undefined for any other token. */
  async verify(token: string): Promise<TestJsonObject | undefined> {
    for (const key of [...this.#published, ...this.#former]) {
      try {
        const { payload } = await compactVerify(token, key.publicKey, { algorithms: [key.algorithm] })
        return JSON.parse(Buffer.from(payload).toString()) as TestJsonObject
      } catch {
        // The next key may match.
      }
    }
    return undefined
  }
}

/**
 * Creates keys of kinds that a relying party must be able to skip in a key set. They are a secp256k1 key, a P-256 key
 * without `alg`, an Ed25519 key, an RSA key for encryption, a symmetric key, and a key of an unknown type.
 *
 * @example
 * ```ts
 * const extra = await oddKeys()
 * provider.misbehave({ jwks: ({ keys }) => ({ keys: [...extra, ...keys] }) })
 * ```
 */
export async function oddKeys(): Promise<JWK[]> {
  const [encryption, ed25519, ec] = await Promise.all([
    generateKeyPair('RSA-OAEP', { extractable: true }),
    generateKeyPair('EdDSA', { extractable: true }),
    generateKeyPair('ES256', { extractable: true }),
  ])
  const point = createECDH('secp256k1').generateKeys()
  const coordinate = (from: number): string => point.subarray(from, from + 32).toString('base64url')
  return [
    { kty: 'EC', crv: 'secp256k1', kid: 'odd-secp256k1', x: coordinate(1), y: coordinate(33) },
    { ...(await exportJWK(ec.publicKey)), kid: 'odd-p256' },
    { ...(await exportJWK(ed25519.publicKey)), kid: 'odd-ed25519', use: 'sig' },
    { ...(await exportJWK(encryption.publicKey)), kid: 'odd-encryption', use: 'enc', alg: 'RSA-OAEP' },
    { kty: 'oct', kid: 'odd-symmetric', k: Buffer.from('not a secret at all').toString('base64url') },
    { kty: 'LATTICE', kid: 'odd-future', n: 'AQAB' },
  ]
}
