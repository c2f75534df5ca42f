import { describe, expect, it } from 'vitest'
import { GenerationalCache } from '../../lib/core/generational-cache.ts'

function filled(limit: number, keys: readonly string[]): GenerationalCache<number> {
  const map = new GenerationalCache<number>(limit)
  for (const [index, key] of keys.entries()) map.set(key, index)
  return map
}

describe('GenerationalCache', () => {
  it('holds no more entries than its limit, and at least the newest half of that number', () => {
    const map = new GenerationalCache<number>(100)
    for (let index = 0; index < 10_000; index++) {
      map.set(String(index), index)
      const newer = Array.from({ length: Math.min(50, index + 1) }, (_, back) => index - back)
      if (map.size > 100) throw new Error(`${map.size} after ${index}`)
      if (newer.some((each) => map.get(String(each)) !== each)) throw new Error(`one is gone after ${index}`)
    }
    expect(map.get('0')).toBeUndefined()
  })

  it('keeps half of its limit of entries as long as no other key is written', () => {
    const keys = Array.from({ length: 50 }, (_, index) => String(index))
    const map = filled(100, [...keys, ...keys, ...keys])
    expect(map.size).toBe(50)
    expect(keys.map((key) => map.get(key))).toEqual(keys.map((_, index) => 100 + index))
  })

  it('treats an entry that is written again as new', () => {
    const map = filled(4, ['a', 'b', 'c', 'a', 'd'])
    expect(map.get('a')).toBe(3)
    expect(map.get('b')).toBeUndefined()
  })

  it('deletes entries from both halves', () => {
    const map = filled(4, ['a', 'b', 'c'])
    for (const key of ['a', 'c', 'never there']) map.delete(key)
    expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, 1, undefined])
    expect(map.size).toBe(1)
  })
})

describe('GenerationalCache with a weight limit', () => {
  it('holds no more than the weight limit plus the last entry, and at least about half of it', () => {
    const weights = new Map<string, number>()
    const map = new GenerationalCache<number>(1000, 100)
    for (let index = 0; index < 5000; index++) {
      const key = String(index)
      weights.set(key, index % 17)
      map.set(key, index, index % 17)
      let held = 0
      for (let back = Math.max(0, index - 200); back <= index; back++)
        if (map.get(String(back)) !== undefined) held += weights.get(String(back)) as number
      expect(held).toBeLessThanOrEqual(100 + 16)
      if (index > 100) expect(held).toBeGreaterThanOrEqual(50 - 16)
    }
  })

  it('also limits the number of entries, which have no weight by default', () => {
    const map = new GenerationalCache<number>(10, 100)
    for (let index = 0; index < 50; index++) map.set(String(index), index)
    expect(map.size).toBeLessThanOrEqual(10)
    const weightless = new GenerationalCache<number>(1000, 1)
    for (let index = 0; index < 100; index++) weightless.set(String(index), index)
    expect(weightless.size).toBe(100)
  })

  it('counts the weight of a rewritten entry again, so that rewriting cannot make it grow', () => {
    const map = new GenerationalCache<number>(1000, 100)
    for (let index = 0; index < 100; index++) {
      map.set('same', index, 10)
      expect(map.size).toBeLessThanOrEqual(1)
      expect(map.get('same')).toBe(index)
    }
  })

  it('holds an entry that is heavier than the limit until the next heavy entry', () => {
    const map = new GenerationalCache<number>(1000, 100)
    map.set('light', 1, 1)
    map.set('heavy', 2, 1000)
    expect(map.get('heavy')).toBe(2)
    map.set('next', 3, 60)
    expect(['light', 'heavy', 'next'].map((key) => map.get(key))).toEqual([undefined, undefined, 3])
  })
})
