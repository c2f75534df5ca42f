import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16
const macBytes = 16

/**
 * Authenticated encryption (AES-256-GCM) and authentication (HMAC-SHA-256) under keys derived from the application's
 * secrets. The first secret seals, all of them open, so that a secret can be changed without losing what it sealed.
 * A key serves one purpose only: what was sealed as a transaction never opens as a token record.
 */
export class Sealer {
  readonly #keys: readonly Buffer[]

  constructor(secrets: readonly string[], purpose: string) {
    this.#keys = secrets.map((secret) =>
      Buffer.from(hkdfSync('sha256', secret, '', `express-session-oidc 1 ${purpose}`, 32)),
    )
  }

  /** Seals `plain`, bound to `context`: it opens only with the same one. */
  seal(plain: string, context: string): string {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#keys[0] as Buffer, nonce)
    cipher.setAAD(Buffer.from(context))
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return sealed.toString('base64url')
  }

  /** What was sealed, or undefined where it was not sealed by one of the secrets for this purpose and context. */
  open(sealed: string, context: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    // One text only: base64url decoding forgives what is not base64url, and trailing bits.
    if (bytes.length < nonceBytes + tagBytes || bytes.toString('base64url') !== sealed) return undefined
    for (const key of this.#keys) {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(-tagBytes))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString(
          'utf8',
        )
      } catch {
        continue
      }
    }
    return undefined
  }

  /** A short authentication code of `text`. */
  mac(text: string): string {
    return macOf(this.#keys[0] as Buffer, text).toString('base64url')
  }

  /** Whether `mac` was made of `text` under one of the secrets. */
  verifies(text: string, mac: string): boolean {
    const given = Buffer.from(mac, 'base64url')
    if (given.length !== macBytes || given.toString('base64url') !== mac) return false
    return this.#keys.some((key) => timingSafeEqual(macOf(key, text), given))
  }
}

function macOf(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest().subarray(0, macBytes)
}
