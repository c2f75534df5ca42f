import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Bucket } from '../../lib/core/bucket.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

/** So many taken, one after the other: what each is told to wait. */
function takes(bucket: Bucket, times: number): number[] {
  return Array.from({ length: times }, () => bucket.take())
}

describe('a bucket of 3, filled by one in 1000 ms', () => {
  it('permits three at once, and then says how long to wait', () => {
    const bucket = new Bucket(3, 1000)
    expect(takes(bucket, 5)).toEqual([0, 0, 0, 1000, 1000])
    pass(400)
    expect(bucket.take()).toBe(600)
    pass(599)
    expect(bucket.take()).toBe(1)
    pass(1)
    expect(takes(bucket, 2)).toEqual([0, 1000])
  })

  it('permits one in 1000 ms to whoever asks all the time, and no more', () => {
    const bucket = new Bucket(3, 1000)
    let permitted = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      if (bucket.take() === 0) permitted += 1
      pass(100)
    }
    expect(permitted).toBe(3 + 59)
  })

  it('fills up to three and no further, however long nothing is asked', () => {
    const bucket = new Bucket(3, 1000)
    takes(bucket, 3)
    pass(3600_000)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
  })

  it('that was full begins to fill when one is taken, not before', () => {
    const bucket = new Bucket(3, 1000)
    pass(5999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    pass(3999)
    expect(takes(bucket, 4)).toEqual([0, 0, 0, 1000])
    pass(2999)
    expect(takes(bucket, 3)).toEqual([0, 0, 1])
  })

  it('keeps what is begun of the next one', () => {
    const bucket = new Bucket(3, 1000)
    takes(bucket, 3)
    pass(1500)
    expect(takes(bucket, 2)).toEqual([0, 500])
  })

  it('is neither filled nor kept empty by a clock that is set back', () => {
    const bucket = new Bucket(3, 1000)
    takes(bucket, 3)
    pass(-3600_000)
    expect(bucket.take()).toBe(1000)
    pass(1000)
    expect(takes(bucket, 2)).toEqual([0, 1000])
    pass(-1)
    expect(bucket.take()).toBe(1000)
  })
})
