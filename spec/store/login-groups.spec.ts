import { describe, expect, it } from 'vitest'
import { groupId, groupsOf } from '../../lib/store/login-groups.ts'
import { slotOf } from '../support/slots.ts'
import { endsLoginInProgress } from '../../lib/store/tombstones.ts'

describe('a group of logins', () => {
  it('is named for its owner', () => {
    const ids = ['one', 'two', ''].map((owner) => groupId(owner, { sub: 'alice' }))
    expect(new Set(ids).size).toBe(3)
    expect(groupId('one', { sub: 'alice' })).toBe(ids[0])
  })

  it('of a subject is another than of a session at the provider that has the same name', () => {
    const ids = [{ sub: 'x' }, { sid: 'x' }, { sub: 'y' }, { sid: 'y' }].map((group) => groupId('owner', group))
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[\w-]{43}$/)
  })

  it('is that of the subject, and that of the session at the provider if there is one', () => {
    expect(groupsOf(slotOf('alice'))).toEqual([{ sub: 'alice' }])
    expect(groupsOf(slotOf('alice', { sid: 'sid-1' }))).toEqual([{ sub: 'alice' }, { sid: 'sid-1' }])
  })
})

describe('a logout', () => {
  const at = 1_800_000_000.5
  const begunBefore = slotOf('alice', { startedAt: at - 0.1 })

  it.each<[string, Parameters<typeof endsLoginInProgress>, boolean]>([
    ['that was begun before it', [{ at, issuedAt: at }, begunBefore], true],
    [
      'that was begun at the same time',
      [
        { at, issuedAt: at },
        { ...begunBefore, startedAt: at },
      ],
      false,
    ],
    [
      'that was begun after it',
      [
        { at, issuedAt: at },
        { ...begunBefore, startedAt: at + 0.1 },
      ],
      false,
    ],
    ['of the issuer that it names', [{ at, issuedAt: at, issuer: begunBefore.issuer }, begunBefore], true],
    ['of another issuer', [{ at, issuedAt: at, issuer: 'https://other.example.com' }, begunBefore], false],
    [
      'whose user authenticated after it',
      [
        { at, issuedAt: at - 60 },
        { ...begunBefore, authTime: at - 59 },
      ],
      false,
    ],
    [
      'whose user authenticated before it',
      [
        { at, issuedAt: at },
        { ...begunBefore, authTime: at },
      ],
      true,
    ],
  ])('ends a login in progress %s: %s', (_what, [tombstone, slot], expected) => {
    expect(endsLoginInProgress(tombstone, slot)).toBe(expected)
  })
})
