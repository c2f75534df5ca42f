import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { makePrivateField } from '../../lib/core/private-field.ts'

describe('makePrivateField()', () => {
  it('returns the last value that was set for an object, and none for another object', () => {
    const names = makePrivateField<string>()
    const [one, other] = [{}, {}]
    names.set(one, 'first')
    names.set(one, 'second')
    expect(names.get(one)).toBe('second')
    expect(names.get(other)).toBeUndefined()
    expect(makePrivateField<string>().get(one)).toBeUndefined()
  })

  it('hides the value from the keys, util.inspect and copies of the object', () => {
    const names = makePrivateField<string>()
    const object = { shown: true }
    names.set(object, 'a secret')
    expect(Reflect.ownKeys(object)).toEqual(['shown'])
    expect(inspect(object, { showHidden: true, depth: null })).not.toContain('secret')
    expect(names.get({ ...object })).toBeUndefined()
    expect(names.get(Object.create(object) as object)).toBeUndefined()
    expect(names.get(structuredClone(object))).toBeUndefined()
  })
})
