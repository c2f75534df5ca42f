import { describe, expect, it } from 'vitest'
import { hashShort } from '../../lib/core/short-hash.ts'
import { createMark, hashMark, makeMarkCookie, readMark } from '../../lib/session/browser-mark.ts'
import { makeCookiePlace } from '../../lib/session/login-cookies.ts'
import { atRoot, browserWith, place, plainPlace, theirs } from './support/browser.ts'

describe('createMark()', () => {
  it('creates 128 random bits, which differ each time', () => {
    const marks = Array.from({ length: 1000 }, createMark)
    expect(new Set(marks).size).toBe(1000)
    for (const mark of marks) expect(mark).toMatch(/^[\w-]{22}$/)
  })
})

describe('the cookie of the mark', () => {
  const mark = createMark()

  it('the cookie of the mark lasts as long as a login, and is removed without a mark', () => {
    const attributes = { name: '__Host-oidc.mark', path: '/', secure: true, sameSite: 'Lax' }
    expect(makeMarkCookie(place, mark, 7200)).toEqual({ ...attributes, value: mark, maxAgeSeconds: 7200 })
    expect(makeMarkCookie(place, undefined, 0)).toEqual({ ...attributes, value: undefined, maxAgeSeconds: 0 })
  })

  it('the cookie of the mark is one for all instances on a host, whatever their base paths are', () => {
    const cookies = browserWith(makeMarkCookie(place, mark, 60))
    expect(readMark(theirs, cookies)).toBe(mark)
    for (const https of [true, false]) {
      const shop = makeCookiePlace('theirs', { ...atRoot, https, basePath: '/shop' })
      expect(makeMarkCookie(shop, mark, 60)).toMatchObject({ path: '/' })
      expect(makeMarkCookie(shop, undefined, 0)).toMatchObject({ path: '/' })
    }
  })

  it('the cookie of the mark counts over https only with the prefix __Host-, which no other host can set', () => {
    const planted = makeMarkCookie(plainPlace, mark, 60)
    expect(planted).toMatchObject({ name: 'oidc.mark', secure: false })
    expect(readMark(place, browserWith(planted))).toBeUndefined()
    expect(readMark(plainPlace, browserWith(planted))).toBe(mark)
  })
})

describe('readMark() and hashMark()', () => {
  const read = (value: string): unknown => readMark(place, new Map([['__Host-oidc.mark', value]]))
  const hash = (value: string): unknown => hashMark(place, new Map([['__Host-oidc.mark', value]]))

  it('readMark() and hashMark() return the mark, and its short hash', () => {
    const mark = createMark()
    expect(read(mark)).toBe(mark)
    expect(hash(mark)).toBe(hashShort(mark))
  })

  it.each(['', 'a'.repeat(21), 'a'.repeat(23), `${'a'.repeat(21)}.`, `${'a'.repeat(21)}=`, `${'a'.repeat(22)}\n`, ' '])(
    'return undefined for a malformed mark: %j',
    (value) => {
      expect(read(value)).toBeUndefined()
      expect(hash(value)).toBeUndefined()
    },
  )

  it('readMark() and hashMark() return undefined without a mark', () => {
    expect(readMark(place, new Map())).toBeUndefined()
    expect(hashMark(place, new Map())).toBeUndefined()
  })
})
