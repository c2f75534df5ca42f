import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hashShort } from '../../lib/core/short-hash.ts'

describe('hashShort()', () => {
  it('returns the first 66 bits of the SHA-256 hash in base64url', () => {
    const whole = createHash('sha256').update('a session id').digest('base64url')
    expect(hashShort('a session id')).toBe(whole.slice(0, 11))
    // FIPS 180-4: SHA-256 of the empty text begins with e3b0c44298fc1c14.
    expect(hashShort('')).toBe(Buffer.from('e3b0c44298fc1c149a', 'hex').toString('base64url').slice(0, 11))
  })

  it('returns a hash of one form for any text', () => {
    for (const text of ['', 'a', '\u{1f511}\0', 'x'.repeat(100_000)]) expect(hashShort(text)).toMatch(/^[\w-]{11}$/)
  })

  it('returns different hashes for different texts', () => {
    expect(new Set(Array.from({ length: 10_000 }, (_, n) => hashShort(String(n)))).size).toBe(10_000)
  })
})
