import { createHash, webcrypto } from 'node:crypto'
import type { SigningKey } from './keys.ts'

/** Encodes one DER element (ITU-T X.690 8.1). The lengths suffice for a small certificate. */
function der(tag: number, ...parts: (Uint8Array | string | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = 0x30
const objectId = 0x06
const commonName = [0x55, 0x04, 0x03]
const sha256WithRsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]

/** The self-signed certificate of a signing key, as Entra publishes it: `x5c` and `x5t` (RFC 7517 4.7, 4.8). */
export async function makeCertificate({ publicKey, privateKey }: SigningKey): Promise<{ x5c: string[]; x5t: string }> {
  const spki = await webcrypto.subtle.exportKey('spki', publicKey)
  const algorithm = der(sequence, der(objectId, sha256WithRsa), der(0x05))
  const name = der(
    sequence,
    der(0x31, der(sequence, der(objectId, commonName), der(0x0c, 'accounts.accesscontrol.windows.net'))),
  )
  const validity = der(sequence, der(0x17, '200101000000Z'), der(0x17, '491231235959Z'))
  const toSign = der(sequence, der(0x02, [1]), algorithm, name, validity, name, new Uint8Array(spki))
  const signature = await webcrypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, toSign)
  const whole = der(sequence, toSign, algorithm, der(0x03, [0], new Uint8Array(signature)))
  return { x5c: [whole.toString('base64')], x5t: createHash('sha1').update(whole).digest('base64url') }
}
