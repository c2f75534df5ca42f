import { beforeEach, describe, expect, it, vi } from 'vitest'
import { TokenBucket } from '../../lib/core/bucket.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

/** Calls `take()` several times in a row, and returns the wait of each call. */
function takes(bucket: TokenBucket, times: number): number[] {
  return Array.from({ length: times }, () => bucket.take())
}

describe('a TokenBucket of 3 that refills by one every 1000 ms', () => {
  it('permits three calls at once, then returns how long to wait', () => {
    const bucket = new TokenBucket(3, 1000)
    expect(takes(bucket, 5)).toEqual([0, 0, 0, 1000, 1000])
    pass(400)
    expect(bucket.take()).toBe(600)
    pass(599)
    expect(bucket.take()).toBe(1)
    pass(1)
    expect(takes(bucket, 2)).toEqual([0, 1000])
  })

  it('permits one call every 1000 ms under constant load', () => {
    const bucket = new TokenBucket(3, 1000)
    let permitted = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      if (bucket.take() === 0) permitted += 1
      pass(100)
    }
    expect(permitted).toBe(3 + 59)
  })

  it('refills to three at most, however long it is unused', () => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    pass(3600_000)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
  })

  it('begins to refill a full bucket only when one is taken', () => {
    const bucket = new TokenBucket(3, 1000)
    pass(5999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    pass(3999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    pass(2999)
    expect(takes(bucket, 3)).toEqual([0, 0, 1])
  })

  it('keeps the time that has passed toward the next refill', () => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    pass(1500)
    expect(takes(bucket, 2)).toEqual([0, 500])
  })

  it('neither refills early nor stays empty longer if the clock is set back', () => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    pass(-3600_000)
    expect(bucket.take()).toBe(1000)
    pass(1000)
    expect(takes(bucket, 2)).toEqual([0, 1000])
    pass(-1)
    expect(bucket.take()).toBe(1000)
  })
})
