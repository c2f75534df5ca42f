import { describe, expect, it } from 'vitest'
import { Deriver, Sealer } from '../../lib/core/seal.ts'
import { deriveSeals } from '../../lib/core/seals.ts'

const source = { secrets: ['a secret of at least 32 characters, for this spec'], owner: 'shop' }

describe('deriveSeals()', () => {
  const listSealers = (): [string, Sealer][] =>
    Object.entries(deriveSeals(source)).filter((each): each is [string, Sealer] => each[1] instanceof Sealer)

  it('derives a key for each purpose, so that no seal opens what another has sealed', () => {
    const sealers = listSealers()
    expect(sealers.map(([name]) => name)).toEqual([
      'tokens',
      'state',
      'details',
      'finished',
      'logout',
      'response',
      'needs',
    ])
    for (const [name, sealer] of sealers) {
      const sealed = sealer.seal('text', 'about')
      const opened = sealers.filter(([, other]) => other.open(sealed, 'about') !== undefined)
      expect(opened.map(([other]) => other)).toEqual([name])
    }
  })

  it('derives the same keys in every version, because the names of the purposes never change', () => {
    const purposes = ['tokens', 'state', 'details', 'finished', 'logout', 'response', 'needs']
    for (const [index, [, sealer]] of listSealers().entries()) {
      expect(new Sealer(source, purposes[index] as string).open(sealer.seal('text', 'about'), 'about')).toBe('text')
    }
  })

  it('derives the secrets of logins in progress for a purpose of their own', () => {
    const derive = (deriver: Deriver): string => deriver.derive(0, Buffer.alloc(16), 'nonce', 16).toString('hex')
    const expected = derive(new Deriver(source, 'login secrets'))
    expect(derive(deriveSeals(source).loginSecrets)).toBe(expected)
    expect(listSealers().map(([name]) => name)).not.toContain('loginSecrets')
  })
})
