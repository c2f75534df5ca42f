import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { isPastTime, isSubject } from '../../lib/tokens/claims-checks.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

describe('isPastTime()', () => {
  it('isPastTime() accepts numbers up to the clock tolerance ahead', () => {
    const now = nowSeconds()
    const times = [0, -5, now - 1, now, now + 29.9, now + 30, now + 30.1, now + 1000, String(now), null, undefined, []]
    expect(times.filter((time) => isPastTime(time, 30))).toEqual([0, -5, now - 1, now, now + 29.9, now + 30])
    for (const value of [Number.NaN, -Infinity, Infinity]) expect(isPastTime(value, 30)).toBe(false)
  })
})

describe('isSubject()', () => {
  it('isSubject() accepts texts of 1 to 255 characters', () => {
    const values = ['a', 'a'.repeat(255), 'a'.repeat(256), '', 5, null, undefined, ['a']]
    expect(values.filter((value) => isSubject(value))).toEqual(['a', 'a'.repeat(255)])
  })
})
