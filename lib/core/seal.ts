import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/** The input of key derivation. */
export interface KeySource {
  /** The option `secret` as a list. The first encrypts; each can decrypt, so that a secret can be replaced. */
  readonly secrets: readonly string[]
  /** The instance, see `deriveOwner`. One instance cannot open what another has sealed. */
  readonly owner: string
}

/**
 * Derives one key from each secret. No two purposes share a key: a sealed `state` never opens as tokens, and a key that
 * encrypts derives no secrets. The keys are key objects, because raw bytes are ten times slower in Node 24.
 */
function deriveKeys({ secrets, owner }: KeySource, purpose: string): readonly [KeyObject, ...KeyObject[]] {
  const info = `express-session-oidc 1 ${owner} ${purpose}`
  return secrets.map((secret) => createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', info, 32)))) as [
    KeyObject,
    ...KeyObject[],
  ]
}

/**
 * Authenticated encryption with AES-256-GCM for one purpose. Nonces are random, so one key may seal 2^32 texts
 * (NIST SP 800-38D, section 8.3). See SECURITY.md, "Keys".
 */
export class Sealer {
  readonly #keys: readonly [KeyObject, ...KeyObject[]]

  constructor(source: KeySource, purpose: string) {
    this.#keys = deriveKeys(source, purpose)
  }

  /** Seals a text, which opens only with the same `context`. */
  seal(plain: string, context: string): string {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#keys[0], nonce)
    cipher.setAAD(Buffer.from(context))
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return sealed.toString('base64url')
  }

  /** Opens a text; undefined if it was sealed with another secret or context, or for another purpose or owner. */
  open(sealed: string, context: string): string | undefined {
    return this.openWithSecret(sealed, context)?.text
  }

  /** Opens a text as {@link open} does, and returns the index of the secret that sealed it as well. */
  openWithSecret(sealed: string, context: string): { text: string; secret: number } | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    // Decoding ignores invalid characters and trailing bits, so other spellings of the same bytes are rejected.
    if (bytes.length < nonceBytes + tagBytes || bytes.toString('base64url') !== sealed) return undefined
    for (const [secret, key] of this.#keys.entries()) {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(-tagBytes))
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()])
        return { text: text.toString('utf8'), secret }
      } catch {
        continue
      }
    }
    return undefined
  }
}

/** Derives secrets from random bytes that only a browser stores, for one purpose (HKDF, RFC 5869). */
export class Deriver {
  readonly #keys: readonly [KeyObject, ...KeyObject[]]

  constructor(source: KeySource, purpose: string) {
    this.#keys = deriveKeys(source, purpose)
  }

  /** Derives `length` bytes with the secret of this index. Neither the bytes nor the secret alone give the result. */
  derive(secret: number, bytes: Buffer, label: string, length: number): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#keys[secret] as KeyObject, bytes, label, length))
  }
}
