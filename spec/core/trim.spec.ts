import { describe, expect, it } from 'vitest'
import { trim, trimEnd } from '../../lib/core/trim.ts'
import { growth } from '../support/growth.ts'

describe('trim()', () => {
  it.each([
    ['', ''],
    ['a', 'a'],
    [' a', 'a'],
    ['a\t', 'a'],
    [' \t a b\t \t', 'a b'],
    [' \t ', ''],
    ['a \t b', 'a \t b'],
  ])('removes spaces and tabs from both ends of %j', (text, expected) => {
    expect(trim(text, ' \t')).toBe(expected)
  })

  it.each(['\u00a0', '\u2003', '\ufeff', '\n', '\r', '\f', '\v'])(
    'keeps %j, which is not among the given characters',
    (character) => {
      const text = `${character}a${character}`
      expect(trim(` ${text}\t`, ' \t')).toBe(text)
    },
  )

  it('matches the regular expression for every text of six characters', () => {
    const texts = Array.from({ length: 4 ** 6 }, (_, index) =>
      Array.from({ length: 6 }, (_, place) => ' \tab'[Math.floor(index / 4 ** place) % 4]).join(''),
    )
    for (const text of texts) expect(trim(text, ' \t')).toBe(text.replace(/^[ \t]+|[ \t]+$/g, ''))
  })

  it.each([
    ['in the middle', (blanks: string) => `a${blanks}b`],
    ['at the start', (blanks: string) => `${blanks}b`],
    ['at the end', (blanks: string) => `a${blanks}`],
    ['alone', (blanks: string) => blanks],
  ])('takes time that is linear in the number of spaces %s', (_, text) => {
    expect(
      growth(
        (given) => trim(given, ' \t'),
        (length) => text(' '.repeat(length)),
      ),
    ).toBeLessThan(5)
  })
})

describe('trimEnd()', () => {
  it.each([
    ['https://id.example.com', 'https://id.example.com'],
    ['https://id.example.com/auth//', 'https://id.example.com/auth'],
    ['//a', '//a'],
    ['///', ''],
    ['', ''],
  ])('removes the slashes at the end of %j', (text, expected) => {
    expect(trimEnd(text, '/')).toBe(expected)
  })
})
