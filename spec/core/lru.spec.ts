import { describe, expect, it } from 'vitest'
import { Lru } from '../../lib/core/lru.ts'

function filled(limit: number, keys: readonly string[]): Lru<number> {
  const map = new Lru<number>(limit)
  for (const [index, key] of keys.entries()) map.set(key, index)
  return map
}

describe('a bounded map', () => {
  it('holds no more than its limit, however many are written, and at least the newer half of it', () => {
    const map = new Lru<number>(100)
    for (let index = 0; index < 10_000; index++) {
      map.set(String(index), index)
      const newer = Array.from({ length: Math.min(50, index + 1) }, (_, back) => index - back)
      if (map.size > 100) throw new Error(`${map.size} after ${index}`)
      if (newer.some((each) => map.get(String(each)) !== each)) throw new Error(`one is gone after ${index}`)
    }
    expect(map.get('0')).toBeUndefined()
  })

  it('holds as many as half of its limit for as long as nothing else is written', () => {
    const keys = Array.from({ length: 50 }, (_, index) => String(index))
    const map = filled(100, [...keys, ...keys, ...keys])
    expect(map.size).toBe(50)
    expect(keys.map((key) => map.get(key))).toEqual(keys.map((_, index) => 100 + index))
  })

  it('counts what is written again as new', () => {
    const map = filled(4, ['a', 'b', 'c', 'a', 'd'])
    expect(map.get('a')).toBe(3)
    expect(map.get('b')).toBeUndefined()
  })

  it('forgets what it is told to, in both halves', () => {
    const map = filled(4, ['a', 'b', 'c'])
    for (const key of ['a', 'c', 'never there']) map.delete(key)
    expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, 1, undefined])
    expect(map.size).toBe(1)
  })
})

describe('a bounded map with a limit of weight', () => {
  it('holds no more than that, besides what was written last, and at least half of it', () => {
    const weights = new Map<string, number>()
    const map = new Lru<number>(1000, 100)
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

  it('is bounded by number too, and weighs nothing where nothing is said', () => {
    const map = new Lru<number>(10, 100)
    for (let index = 0; index < 50; index++) map.set(String(index), index)
    expect(map.size).toBeLessThanOrEqual(10)
    const weightless = new Lru<number>(1000, 1)
    for (let index = 0; index < 100; index++) weightless.set(String(index), index)
    expect(weightless.size).toBe(100)
  })

  it('counts what is written again once more, so that nobody grows it by writing one thing', () => {
    const map = new Lru<number>(1000, 100)
    for (let index = 0; index < 100; index++) {
      map.set('same', index, 10)
      expect(map.size).toBeLessThanOrEqual(1)
      expect(map.get('same')).toBe(index)
    }
  })

  it('forgets all but the heaviest where that is heavier than the limit', () => {
    const map = new Lru<number>(1000, 100)
    map.set('light', 1, 1)
    map.set('heavy', 2, 1000)
    expect(map.get('heavy')).toBe(2)
    map.set('next', 3, 60)
    expect(['light', 'heavy', 'next'].map((key) => map.get(key))).toEqual([undefined, undefined, 3])
  })
})
