import { beforeEach, describe, expect, it, vi } from 'vitest'
import { listMembers, addMember, removeMembers } from '../../lib/store/record-sets.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

describe('a set that is stored as text', () => {
  it('keeps each member of a set until its own expiry, to the millisecond', () => {
    const { text } = addMember(addMember(undefined, 'short', 10).text, 'long', 60)
    expect(listMembers(text)).toEqual(['short', 'long'])
    vi.setSystemTime(Date.now() + 9999)
    expect(listMembers(text)).toEqual(['short', 'long'])
    vi.setSystemTime(Date.now() + 1)
    expect(listMembers(text)).toEqual(['long'])
  })

  it('keeps a set until its last member expires', () => {
    const { text, seconds } = addMember(addMember(undefined, 'long', 60).text, 'short', 10)
    expect(seconds).toBe(60)
    vi.setSystemTime(Date.now() + 15_000)
    expect(removeMembers(text, ['another'])).toMatchObject({ seconds: 45 })
  })

  it('returns undefined for a set without members', () => {
    const { text } = addMember(addMember(undefined, 'one', 60).text, 'two', 60)
    expect(listMembers(removeMembers(text, ['one'])?.text)).toEqual(['two'])
    expect(removeMembers(text, ['one', 'two'])).toBeUndefined()
    expect(removeMembers(undefined, ['one'])).toBeUndefined()
    expect(listMembers(undefined)).toEqual([])
  })

  it('renews a member of a set that is added again', () => {
    const { text } = addMember(addMember(undefined, 'one', 10).text, 'one', 60)
    vi.setSystemTime(Date.now() + 30_000)
    expect(listMembers(text)).toEqual(['one'])
  })
})
