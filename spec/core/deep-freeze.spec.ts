import { describe, expect, it } from 'vitest'
import { deepFreeze } from '../../lib/core/deep-freeze.ts'

describe('deepFreeze()', () => {
  it('freezes all nested objects and arrays in place', () => {
    const value = { one: { two: [1, null, { three: 'x' }] }, none: null, text: 'text' }
    expect(deepFreeze(value)).toBe(value)
    const parts = [value, value.one, value.one.two, value.one.two[2]]
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true)
    expect(value).toEqual({ one: { two: [1, null, { three: 'x' }] }, none: null, text: 'text' })
  })

  it('freezes values that are nested deeper than the call stack', () => {
    const depth = 200_000
    const value = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown[]
    deepFreeze(value)
    let [inner, levels] = [value, 1]
    while (inner.length > 0) [inner, levels] = [inner[0] as unknown[], levels + 1]
    expect(levels).toBe(depth)
    expect(Object.isFrozen(inner)).toBe(true)
  })
})
