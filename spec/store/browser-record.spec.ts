import { describe, expect, it } from 'vitest'
import { parseBrowser, type BrowserRecord } from '../../lib/store/browser-record.ts'
import { LoginRecord, writeRecord } from '../../lib/store/login-record.ts'
import { makeLoginEntry, ours } from '../support/login-entries.ts'

const browser: BrowserRecord = {
  mark: 'hash-mark-1',
  logins: ['hash-login1', 'hash-login2'],
  replaced: [{ session: 'hash-sessio', at: 1_800_000_000 }],
}

/** The record of a session with a login, whose member `browser` has this text. */
function readWith(text: string): LoginRecord {
  const entries = JSON.stringify({ default: makeLoginEntry('alice') })
  return LoginRecord.of('session', `{"format":1,"version":3,"entries":${entries},"browser":${text}}`)
}

/** Values of each kind that a member must not have. */
const odd: readonly unknown[] = [null, 5, true, '', 'text', {}, [null], [5], [{}], [[]], { 0: 'x', length: 1 }]

describe('parseBrowser()', () => {
  it('returns the browser of a login record, without members that it does not know', () => {
    expect(parseBrowser(browser)).toEqual(browser)
    expect(parseBrowser({ ...browser, isTrusted: true })).toEqual(browser)
    expect(parseBrowser({ mark: '', logins: [], replaced: [] })).toEqual({ mark: '', logins: [], replaced: [] })
  })

  it.each([undefined, ...odd, [], 'x'.repeat(100_000), [browser]])('returns undefined for %j', (value) => {
    expect(parseBrowser(value)).toBeUndefined()
  })

  it.each([undefined, ...odd, []].filter((value) => typeof value !== 'string'))(
    'returns undefined if the mark is %j',
    (mark) => {
      expect(parseBrowser({ ...browser, mark })).toBeUndefined()
    },
  )

  it.each([undefined, ...odd, ['hash', null], ['hash', ['hash']]])(
    'returns undefined if the logins are %j',
    (logins) => {
      expect(parseBrowser({ ...browser, logins })).toBeUndefined()
    },
  )

  it.each([
    undefined,
    ...odd,
    ['hash'],
    [{ session: 'hash' }],
    [{ at: 5 }],
    [{ session: 5, at: 5 }],
    [{ session: 'hash', at: '5' }],
    [{ session: 'hash', at: null }],
    [{ session: 'hash', at: 5 }, null],
  ])('returns undefined if the replaced sessions are %j', (replaced) => {
    expect(parseBrowser({ ...browser, replaced })).toBeUndefined()
  })

  it.each(['mark', 'logins', 'replaced'])('returns undefined without %s', (name) => {
    expect(parseBrowser({ ...browser, [name]: undefined })).toBeUndefined()
  })
})

describe('the browser of a login record', () => {
  it('is read as it was written, and frozen', () => {
    const record = LoginRecord.of('session', writeRecord({ default: makeLoginEntry('alice') }, 1, browser))
    expect(record.browser).toEqual(browser)
    expect(Object.isFrozen(record.browser)).toBe(true)
    expect(Object.isFrozen(record.browser?.logins)).toBe(true)
    expect(Object.isFrozen(record.browser?.replaced[0])).toBe(true)
  })

  it('is missing in a record that was written without one', () => {
    const text = writeRecord({ default: makeLoginEntry('alice') }, 1, undefined)
    expect(text).not.toContain('browser')
    expect(LoginRecord.of('session', text).browser).toBeUndefined()
    expect(LoginRecord.none.browser).toBeUndefined()
  })

  it.each([
    'null',
    '[]',
    '5',
    '"text"',
    '{}',
    '{"mark":null,"logins":[],"replaced":[]}',
    `{"mark":"m","logins":[${'null,'.repeat(100_000)}null],"replaced":[]}`,
    `"${'x'.repeat(1_000_000)}"`,
    `${'['.repeat(500)}${']'.repeat(500)}`,
    '{"__proto__":{"mark":"m","logins":[],"replaced":[]}}',
  ])('is ignored if it is malformed, and the login is not: %.60s', (text) => {
    const record = readWith(text)
    expect(record.browser).toBeUndefined()
    expect(record.live(ours)).toMatchObject({ sub: 'alice' })
    expect(record.version).toBe(3)
  })

  it('is ignored in a record of a newer version', () => {
    const text = JSON.stringify({ format: 99, version: 1, entries: {}, browser })
    expect(LoginRecord.of('session', text).browser).toBeUndefined()
  })
})
