import { describe, expect, it } from 'vitest'
import { deriveOwner } from '../../lib/store/owner.ts'

const parts = { issuer: 'https://id.example.com', clientId: 'web', name: 'default' }

describe('deriveOwner()', () => {
  it('returns another owner for another issuer, client id or name', () => {
    const all = [
      parts,
      { ...parts, issuer: 'https://other.example.com' },
      { ...parts, clientId: 'other' },
      { ...parts, name: 'other' },
      { ...parts, clientId: 'default', name: 'web' },
      { ...parts, clientId: 'web","default', name: '' },
    ]
    expect(new Set(all.map(deriveOwner)).size).toBe(all.length)
  })

  it('returns the same 22 characters in every process', () => {
    expect(deriveOwner({ ...parts })).toMatch(/^[\w-]{22}$/)
    // The value is fixed, because another hash would end all logins at an update.
    expect(deriveOwner(parts)).toBe('EQD3s55zGMMmD2xgqRfFUP')
  })
})
