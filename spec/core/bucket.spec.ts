import { beforeEach, describe, expect, it, vi } from 'vitest'
import { TokenBucket } from '../../lib/core/bucket.ts'
import { passMs, stopClocks } from '../support/clocks.ts'

beforeEach(() => stopClocks())

/** Calls `take()` several times in a row, and returns the wait of each call. */
function takes(bucket: TokenBucket, times: number): number[] {
  return Array.from({ length: times }, () => bucket.take())
}

describe('a TokenBucket of 3 that refills by one every 1000 ms', () => {
  it('permits three calls at once, then returns how long to wait', () => {
    const bucket = new TokenBucket(3, 1000)
    expect(takes(bucket, 5)).toEqual([0, 0, 0, 1000, 1000])
    passMs(400)
    expect(bucket.take()).toBe(600)
    passMs(599)
    expect(bucket.take()).toBe(1)
    passMs(1)
    expect(takes(bucket, 2)).toEqual([0, 1000])
  })

  it('permits one call every 1000 ms under constant load', () => {
    const bucket = new TokenBucket(3, 1000)
    let permitted = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      if (bucket.take() === 0) permitted += 1
      passMs(100)
    }
    expect(permitted).toBe(3 + 59)
  })

  it('refills to three at most, however long it is unused', () => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    passMs(3600_000)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
  })

  it('begins to refill a full bucket only when one is taken', () => {
    const bucket = new TokenBucket(3, 1000)
    passMs(5999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    passMs(3999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    passMs(2999)
    expect(takes(bucket, 3)).toEqual([0, 0, 1])
  })

  it('keeps the time that has passed toward the next refill', () => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    passMs(1500)
    expect(takes(bucket, 2)).toEqual([0, 500])
  })

  it.each([-3600_000, 3600_000])('neither gains nor loses anything if the wall clock is set by %i ms', (ms) => {
    const bucket = new TokenBucket(3, 1000)
    takes(bucket, 3)
    vi.setSystemTime(Date.now() + ms)
    expect(bucket.take()).toBe(1000)
    passMs(1000)
    expect(takes(bucket, 2)).toEqual([0, 1000])
  })
})
