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
      expect(map.size).toBeLessThanOrEqual(100)
      for (let back = 0; back < Math.min(50, index + 1); back++)
        expect(map.get(String(index - back))).toBe(index - back)
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
