/** A key and an untrusted certificate, made at run time. */
import { sign } from 'node:crypto'

/** Encodes one DER element (ITU-T X.690 8.1). The lengths suffice for a small certificate. */
function der(tag: number, ...parts: (Uint8Array | string | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = 0x30
const commonName = [0x55, 0x04, 0x03]
const subjectAltName = [0x55, 0x1d, 0x11]
const ecdsaWithSha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]

/** A self-signed certificate for 127.0.0.1 (RFC 5280 4.1), in PEM. */
export async function untrustedCertificate(): Promise<{ key: string; cert: string }> {
  const { subtle } = globalThis.crypto
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const key = pem('PRIVATE KEY', Buffer.from(await subtle.exportKey('pkcs8', pair.privateKey)))
  const publicKey = new Uint8Array(await subtle.exportKey('spki', pair.publicKey))
  const algorithm = der(sequence, der(0x06, ecdsaWithSha256))
  const name = der(sequence, der(0x31, der(sequence, der(0x06, commonName), der(0x0c, '127.0.0.1'))))
  const validity = der(sequence, der(0x17, '200101000000Z'), der(0x17, '491231235959Z'))
  // Clients compare an IP address with this extension only (RFC 9525 6.5).
  const alternativeName = der(sequence, der(0x06, subjectAltName), der(0x04, der(sequence, der(0x87, [127, 0, 0, 1]))))
  const extensions = der(0xa3, der(sequence, alternativeName))
  const version3 = der(0xa0, der(0x02, [2]))
  const toSign = der(sequence, version3, der(0x02, [1]), algorithm, name, validity, name, publicKey, extensions)
  const signature = sign('sha256', toSign, key)
  return { key, cert: pem('CERTIFICATE', der(sequence, toSign, algorithm, der(0x03, [0], signature))) }
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
