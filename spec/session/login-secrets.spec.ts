import { createECDH } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Deriver } from '../../lib/core/seal.ts'
import { deriveLoginSecrets, type LoginSecrets } from '../../lib/session/login-secrets.ts'
import { firstSecret, loginId, sealsWith, secondSecret } from './support/browser.ts'

const seals = sealsWith()
const bytes = Buffer.alloc(16, 7)
const login = { id: loginId(1), secret: 0, hasDpop: true }

/** The secrets of a login whose DPoP key is derived from these 48 bytes. */
function keyFrom(key: bigint): string {
  const text = Buffer.from(key.toString(16).padStart(96, '0'), 'hex')
  const derive = (_secret: number, _bytes: Buffer, _label: string, length: number): Buffer => text.subarray(0, length)
  const { dpopKey } = deriveLoginSecrets({ loginSecrets: { derive } as unknown as Deriver }, login, { secret: bytes })
  return dpopKey as string
}

function toNumber(key: string): bigint {
  return BigInt(`0x${Buffer.from(key, 'base64url').toString('hex')}`)
}

describe('deriveLoginSecrets()', () => {
  it('derives the same secrets for the response as for the request', () => {
    const secrets = deriveLoginSecrets(seals, login, { secret: bytes })
    expect(deriveLoginSecrets(sealsWith(), { ...login }, { secret: Buffer.alloc(16, 7) })).toEqual(secrets)
    expect(secrets.nonce).toMatch(/^[\w-]{22}$/)
    // RFC 7636, section 4.1: a verifier has 43 to 128 characters.
    expect(secrets.verifier).toMatch(/^[\w-]{43}$/)
    expect(secrets.dpopKey).toMatch(/^[\w-]{43}$/)
  })

  it('derives no DPoP key without the option `dpop`, and the same other secrets', () => {
    const { dpopKey, ...others } = deriveLoginSecrets(seals, { ...login, hasDpop: false }, { secret: bytes })
    expect(dpopKey).toBeUndefined()
    expect(deriveLoginSecrets(seals, login, { secret: bytes })).toMatchObject(others)
  })

  it('derives other secrets for another cookie, login, owner or secret, and none is that of another purpose', () => {
    const all = [
      deriveLoginSecrets(seals, login, { secret: bytes }),
      deriveLoginSecrets(seals, login, { secret: Buffer.alloc(16, 8) }),
      deriveLoginSecrets(seals, { ...login, id: loginId(2) }, { secret: bytes }),
      deriveLoginSecrets(sealsWith([firstSecret], 'theirs'), login, { secret: bytes }),
      deriveLoginSecrets(sealsWith([secondSecret]), login, { secret: bytes }),
    ]
    const beginnings = all.flatMap(({ nonce, verifier, dpopKey }) =>
      [nonce, verifier, dpopKey].map((value) => value?.slice(0, 20)),
    )
    expect(new Set(beginnings).size).toBe(15)
  })

  it('derives the secrets with the secret that sealed `state`, wherever it is in the list by now', () => {
    const before = deriveLoginSecrets(seals, login, { secret: bytes })
    const rotated = sealsWith([secondSecret, firstSecret])
    const derive = (secret: number): LoginSecrets =>
      deriveLoginSecrets(rotated, { ...login, secret }, { secret: bytes })
    expect(derive(1)).toEqual(before)
    expect(derive(0)).toEqual(deriveLoginSecrets(sealsWith([secondSecret]), login, { secret: bytes }))
    expect(derive(0).nonce).not.toBe(before.nonce)
  })
})

describe('the DPoP key of a login', () => {
  /** Order of the base point of P-256 (SEC 2, section 2.4.2). */
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

  it.each<[string, bigint, bigint]>([
    ['zero bits', 0n, 1n],
    ['the order less 2', order - 2n, order - 1n],
    ['the order less 1', order - 1n, 1n],
    ['the order', order, 2n],
    ['all bits set', 2n ** 384n - 1n, ((2n ** 384n - 1n) % (order - 1n)) + 1n],
    ['a key with two leading zero bytes', 2n ** 239n, 2n ** 239n + 1n],
    ['a key with half a leading zero byte', 2n ** 250n, 2n ** 250n + 1n],
  ])('the DPoP key of a login is at least 1 and less than the order of P-256, from %s', (_name, bits, expected) => {
    const key = keyFrom(bits)
    expect(key).toMatch(/^[\w-]{43}$/)
    expect(Buffer.from(key, 'base64url')).toHaveLength(32)
    expect(toNumber(key)).toBe(expected)
    // Node rejects a private key that is out of range.
    expect(() => createECDH('prime256v1').setPrivateKey(key, 'base64url')).not.toThrow()
  })

  it('the DPoP key of a login is a valid key for any cookie', () => {
    const keys = Array.from({ length: 300 }, (_, index) => {
      const secret = Buffer.alloc(16)
      secret.writeUInt32BE(index)
      return deriveLoginSecrets(seals, login, { secret }).dpopKey as string
    })
    for (const key of keys) {
      expect(key).toMatch(/^[\w-]{43}$/)
      expect(toNumber(key) > 0n && toNumber(key) < order).toBe(true)
    }
    expect(new Set(keys).size).toBe(300)
    // Some begin with a zero byte, which the member `d` of a JWK must keep (RFC 7518, section 6.2.2.1).
    expect(keys.some((key) => Buffer.from(key, 'base64url')[0] === 0)).toBe(true)
  })
})
