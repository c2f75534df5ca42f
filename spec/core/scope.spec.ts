import { describe, expect, it } from 'vitest'
import { loginScope, parseScope, splitWords } from '../../lib/core/scope.ts'

describe('parseScope()', () => {
  it.each<[string, unknown, string[]]>([
    ['a string', 'openid profile', ['openid', 'profile']],
    ['a string with spaces at both ends and in a row', '  openid   profile ', ['openid', 'profile']],
    ['an array', ['openid', 'profile'], ['openid', 'profile']],
    ['duplicates', 'openid profile openid', ['openid', 'profile']],
    ['the first and the last allowed characters', '! # [ ] ~', ['!', '#', '[', ']', '~']],
  ])('reads %s', (_name, value, expected) => {
    expect(parseScope(value)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['an object', { length: 1, 0: 'openid' }],
    ['an empty string', ''],
    ['a string of spaces', '   '],
    ['an empty array', []],
    ['an array with a number', ['openid', 5]],
    ['an array with an empty string', ['openid', '']],
    ['an array with two words in one string', ['openid profile']],
    ['a quotation mark', 'open"id'],
    ['a backslash', 'open\\id'],
    ['a tab', 'openid\tprofile'],
    ['DEL', 'openid\x7f'],
    ['an accent', 'open\u00edd'],
    ['a control character at the beginning', '\x1fopenid'],
  ])('returns undefined for %s', (_name, value) => {
    expect(parseScope(value)).toBeUndefined()
  })
})

describe('splitWords()', () => {
  it.each<[string, string | readonly string[], string[]]>([
    ['a string', ' a  b ', ['a', 'b']],
    ['an array with an empty string', ['a', '', 'b c'], ['a', 'b c']],
    ['an empty string', '', []],
  ])('returns the words of %s', (_name, value, expected) => {
    expect(splitWords(value)).toEqual(expected)
  })

  it('returns a copy of an array', () => {
    const words = ['a']
    expect(splitWords(words)).not.toBe(words)
  })
})

describe('loginScope', () => {
  it('lists the scope values that concern the login and not an API', () => {
    expect([...loginScope]).toEqual(['openid', 'profile', 'email', 'offline_access'])
  })
})
