import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { companion } from '../../lib/core/companion.ts'

describe('a companion', () => {
  it('belongs to its object alone, and the last one counts', () => {
    const names = companion<string>()
    const [one, other] = [{}, {}]
    names.set(one, 'first')
    names.set(one, 'second')
    expect(names.get(one)).toBe('second')
    expect(names.get(other)).toBeUndefined()
    expect(companion<string>().get(one)).toBeUndefined()
  })

  it('is nowhere in what the object shows, lists or gives away', () => {
    const names = companion<string>()
    const object = { shown: true }
    names.set(object, 'a secret')
    expect(Reflect.ownKeys(object)).toEqual(['shown'])
    expect(inspect(object, { showHidden: true, depth: null })).not.toContain('secret')
    expect(names.get({ ...object })).toBeUndefined()
    expect(names.get(Object.create(object) as object)).toBeUndefined()
    expect(names.get(structuredClone(object))).toBeUndefined()
  })
})
