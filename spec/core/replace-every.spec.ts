import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replaceEvery } from '../../lib/core/replace-every.ts'
import { runs } from '../support/depth.ts'

describe('replaceEvery()', () => {
  it.each([
    ['', 'a', ''],
    ['abc', 'b', 'a-c'],
    ['abcabc', 'abc', '--'],
    ['aaaaa', 'aa', '--a'],
    ['aabaabaaab', 'aabaaab', 'aab-'],
    ['ababac', 'abac', 'ab-'],
    ['abc', 'abcd', 'abc'],
    ['a\u{1f600}b', '\u{1f600}', 'a-b'],
  ])('replaces in %j every occurrence of %j, from the left', (text, part, expected) => {
    expect(replaceEvery(text, part, '-')).toBe(expected)
  })

  it('replaces the same occurrences as replaceAll() in texts full of near matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 60 })
    const part = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(text, part, (given, found) => {
        expect(replaceEvery(given, found, '[x]')).toBe(given.replaceAll(found, '[x]'))
      }),
      { numRuns: runs(1000) },
    )
  })
})
