import { describe, expect, it } from 'vitest'
import { Lru } from '../../lib/core/lru.ts'

describe('a bounded map', () => {
  it('holds no more than its limit, and forgets what was written longest ago', () => {
    const map = new Lru<number>(3)
    for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) map.set(key, index)
    expect(map.size).toBe(3)
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([undefined, 1, 2, 3])
  })

  it('counts what is written again as new', () => {
    const map = new Lru<string>(2)
    map.set('a', 'old')
    map.set('b', 'b')
    map.set('a', 'new')
    map.set('c', 'c')
    expect(map.get('a')).toBe('new')
    expect(map.get('b')).toBeUndefined()
  })

  it('forgets what it is told to', () => {
    const map = new Lru<string>(2)
    map.set('a', 'a')
    map.delete('a')
    map.delete('never there')
    expect(map.size).toBe(0)
    expect(map.get('a')).toBeUndefined()
  })

  it('stays within its limit over many writes', () => {
    const map = new Lru<number>(100)
    for (let index = 0; index < 10_000; index++) map.set(String(index % 317), index)
    expect(map.size).toBe(100)
  })
})
