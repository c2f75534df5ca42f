import { describe, expect, it } from 'vitest'
import { parseJson } from '../../lib/core/json.ts'

describe('parseJson()', () => {
  it('returns the value of valid JSON, and undefined for any other text', () => {
    expect(parseJson('{"a":[1,null]}')).toEqual({ a: [1, null] })
    expect(parseJson('null')).toBeNull()
    expect(parseJson('{"a":')).toBeUndefined()
    expect(parseJson('')).toBeUndefined()
  })
})
