import { describe, expect, it } from 'vitest'
import { makeGroupId, listGroups } from '../../lib/store/login-groups.ts'
import { makeLoginEntry } from '../support/login-entries.ts'
import { endsLoginInProgress } from '../../lib/store/tombstones.ts'

describe('makeGroupId() and listGroups()', () => {
  it('makeGroupId() returns another id for another owner', () => {
    const ids = ['one', 'two', ''].map((owner) => makeGroupId(owner, { sub: 'alice' }))
    expect(new Set(ids).size).toBe(3)
    expect(makeGroupId('one', { sub: 'alice' })).toBe(ids[0])
  })

  it('makeGroupId() returns different ids for a sub and an equal sid', () => {
    const ids = [{ sub: 'x' }, { sid: 'x' }, { sub: 'y' }, { sid: 'y' }].map((group) => makeGroupId('owner', group))
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[\w-]{43}$/)
  })

  it('listGroups() returns the group of the sub, and that of the sid if there is one', () => {
    expect(listGroups(makeLoginEntry('alice'))).toEqual([{ sub: 'alice' }])
    expect(listGroups(makeLoginEntry('alice', { sid: 'sid-1' }))).toEqual([{ sub: 'alice' }, { sid: 'sid-1' }])
  })
})

describe('endsLoginInProgress()', () => {
  const at = 1_800_000_000.5
  const begunBefore = makeLoginEntry('alice', { startedAt: at - 0.1 })

  it.each<[string, Parameters<typeof endsLoginInProgress>, boolean]>([
    ['that began before the logout', [{ at, issuedAt: at }, begunBefore], true],
    [
      'that began in the same millisecond',
      [
        { at, issuedAt: at },
        { ...begunBefore, startedAt: at },
      ],
      true,
    ],
    [
      'that began after the logout',
      [
        { at, issuedAt: at },
        { ...begunBefore, startedAt: at + 0.1 },
      ],
      false,
    ],
    ['from the issuer that the logout names', [{ at, issuedAt: at, issuer: begunBefore.issuer }, begunBefore], true],
    ['from another issuer', [{ at, issuedAt: at, issuer: 'https://other.example.com' }, begunBefore], false],
    [
      'whose user authenticated after the logout',
      [
        { at, issuedAt: at - 60 },
        { ...begunBefore, authTime: at - 59 },
      ],
      false,
    ],
    [
      'whose user authenticated no later than the logout',
      [
        { at, issuedAt: at },
        { ...begunBefore, authTime: at },
      ],
      true,
    ],
  ])('a logout ends a login in progress %s: %s', (_what, [tombstone, entry], expected) => {
    expect(endsLoginInProgress(tombstone, entry)).toBe(expected)
  })
})
