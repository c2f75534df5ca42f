import { describe, expect, it } from 'vitest'
import { describe as describeError, maskSecrets } from '../../lib/core/describe.ts'

describe('describe()', () => {
  it('returns one line of limited length for any thrown value', () => {
    expect(describeError(new TypeError('fetch\n  failed'))).toBe('TypeError: fetch failed')
    expect(describeError(new Error(''))).toBe('Error')
    expect(describeError(Object.assign(new Error('x'), { code: 17 }))).toBe('Error: x')
    expect(describeError(new Error('x'.repeat(10_000))).length).toBeLessThan(600)
    expect(describeError('a text')).toBe('a text')
    expect(describeError('x'.repeat(10_000))).toHaveLength(500)
    expect(describeError({ code: 'secret' })).toBe('a thrown object')
    expect(describeError(undefined)).toBe('a thrown undefined')
  })
})

describe('maskSecrets()', () => {
  const odd = 'a "b" + c/d\u00e4'

  it.each([
    ['unencoded', odd],
    ['percent-encoded', encodeURIComponent(odd)],
    ['form-encoded', new URLSearchParams({ key: odd }).toString().slice('key='.length)],
    ['JSON-encoded', JSON.stringify(odd).slice(1, -1)],
  ])('masks every occurrence of a secret that is %s', (_form, shown) => {
    expect(maskSecrets(`${shown} and key=${shown};`, [undefined, odd])).toBe('[secret] and key=[secret];')
  })

  it('keeps the other text, including values that are too short to be secrets', () => {
    expect(maskSecrets('abc stays, abcd goes', ['abc', '', undefined, 'abcd'])).toBe('abc stays, [secret] goes')
  })

  it('runs before describe() truncates a text, so that no part of a secret remains', () => {
    const long = `secret-${'x'.repeat(60)}`
    for (const thrown of [`${'y'.repeat(480)} ${long}`, new Error(`${'y'.repeat(480)} ${long}`)]) {
      expect(describeError(thrown, [long])).toMatch(/y \[secret\]$/)
    }
  })
})
