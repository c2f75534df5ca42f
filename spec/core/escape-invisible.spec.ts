import { describe, expect, it } from 'vitest'
import { OidcError } from 'express-session-oidc'
import { fail, LoginNeeded, providerUnavailable, setupInvalid } from '../../lib/core/errors.ts'
import { escapeInvisible } from '../../lib/core/escape-invisible.ts'
import { Events } from '../../lib/core/events.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()

describe('escapeInvisible()', () => {
  it.each([
    ['a terminal escape', '\u001b[2K', '\\u{1b}[2K'],
    ['line breaks', 'a\r\nb', 'a\\u{d}\\u{a}b'],
    ['a null and a delete', '\0\u007f', '\\u{0}\\u{7f}'],
    ['C1 controls', '\u0085\u009b31m', '\\u{85}\\u{9b}31m'],
    ['line separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['bidirectional controls', '\u202e\u2066\u200f\u061c', '\\u{202e}\\u{2066}\\u{200f}\\u{61c}'],
    ['characters without width', 'a\u200bb\u200dc\ufeff', 'a\\u{200b}b\\u{200d}c\\u{feff}'],
    ['a soft hyphen', 'ad\u00admin', 'ad\\u{ad}min'],
    ['a blank letter', 'a\u3164', 'a\\u{3164}'],
    ['variation selectors and tags', '\ufe0f\u{e0041}\u{e0100}', '\\u{fe0f}\\u{e0041}\\u{e0100}'],
    ['half of a surrogate pair', '\ud83d!', '\\u{d83d}!'],
  ])('escapes %s', (_, text, escaped) => {
    expect(escapeInvisible(text)).toBe(escaped)
    expect(escapeInvisible(escaped)).toBe(escaped)
  })

  it.each(['', 'missing role: admin', 'gr\u00f6\u00dfer \u4e2d\u6587 \u0639\u0631\u0628\u064a \u{1f600} "\\n" %0A'])(
    'leaves a text that shows all its characters: %s',
    (text) => expect(escapeInvisible(text)).toBe(text),
  )
})

describe('texts for the log', () => {
  const odd = 'ok\u001b[2K\u0085\u202e\nforged'
  const escaped = 'ok\\u{1b}[2K\\u{85}\\u{202e}\\u{a}forged'

  it('every error escapes its detail', () => {
    const needed = { provider: 'default', owner: '', scope: [], parameters: {}, detail: odd }
    for (const error of [
      fail('not_allowed', odd),
      providerUnavailable(odd),
      new LoginNeeded('not_allowed', needed),
      new OidcError('not_allowed', 'No.', { status: 403, detail: odd }),
    ]) {
      expect(error.detail).toBe(escaped)
    }
    expect(fail('not_allowed').detail).toBeUndefined()
    expect(setupInvalid(odd)).toMatchObject({ detail: escaped, message: `express-session-oidc: ${escaped}` })
  })

  it('every event escapes its detail, and the control characters of its subject', () => {
    const events = new Events('default')
    const seen: object[] = []
    events.on('denied', (event) => seen.push(event))
    events.emit('denied', { code: 'not_allowed', status: 403, sub: 'z\u200dz', detail: odd })
    events.emit('denied', { code: 'not_allowed', status: 403, sub: odd, detail: undefined })
    events.emit('denied', { code: 'not_allowed', status: 403, sub: undefined, detail: undefined })
    expect(seen).toMatchObject([
      { sub: 'z\u200dz', detail: escaped },
      { sub: escaped, detail: undefined },
      { sub: undefined, detail: undefined },
    ])
  })

  it('every warning escapes its message', async () => {
    const events = new Events('default')
    events.log.warnOnce('OIDC_TRUST_PROXY', odd, odd)
    events.on('store_fault', () => {
      throw Object.assign(new Error('x'), { name: odd })
    })
    events.emit('store_fault', { detail: 'x' })
    expect(warnings.map(({ message }) => message)).toEqual([
      `${escaped}; ${escaped}`,
      expect.stringContaining(`threw ${escaped};`),
    ])
  })
})
