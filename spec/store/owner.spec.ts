import { describe, expect, it } from 'vitest'
import { ownerOf } from '../../lib/store/owner.ts'

const parts = { issuer: 'https://id.example.com', clientId: 'web', name: 'default' }

describe('the owner of logins', () => {
  it('differs with the issuer, the client and the name', () => {
    const all = [
      parts,
      { ...parts, issuer: 'https://other.example.com' },
      { ...parts, clientId: 'other' },
      { ...parts, name: 'other' },
      { ...parts, clientId: 'default', name: 'web' },
      { ...parts, clientId: 'web","default', name: '' },
    ]
    expect(new Set(all.map(ownerOf)).size).toBe(all.length)
  })

  it('is the same in every process, in 22 characters', () => {
    expect(ownerOf({ ...parts })).toMatch(/^[\w-]{22}$/)
    // Fixed: another hash would end all logins at an update.
    expect(ownerOf(parts)).toBe('EQD3s55zGMMmD2xgqRfFUP')
  })
})
