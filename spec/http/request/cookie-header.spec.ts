import type { Request, Response } from 'express'
import { describe, expect, it } from 'vitest'
import { hasCookie, listSessionCookies, readCookies, setCookies } from '../../../lib/http/request/cookie-header.ts'
import { growth } from '../../support/growth.ts'

function read(cookie: string | undefined): Record<string, string> {
  return Object.fromEntries(readCookies({ headers: { cookie } } as unknown as Request))
}

describe('readCookies()', { meta: { id: 'cookies-2' } }, () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1; b=2', { a: '1', b: '2' }],
    ['a=1;b=2;', { a: '1', b: '2' }],
    ['  a = 1 ;\tb=2', { a: '1', b: '2' }],
    ['a=', { a: '' }],
    ['a=b=c==', { a: 'b=c==' }],
    ['a="1"', { a: '"1"' }],
    ['a', {}],
    ['=1', {}],
    [';;;', {}],
    ['=; =; a=1', { a: '1', '': '' }],
    [
      '__proto__=1; constructor=2',
      Object.fromEntries([
        ['__proto__', '1'],
        ['constructor', '2'],
      ]),
    ],
  ])('reads the Cookie header %j', (header, expected) => {
    const { '': _unnamed, ...found } = read(header)
    const { '': _, ...wanted } = expected as Record<string, string>
    expect(found).toEqual(wanted)
  })

  it('does not decode names, so that no name can stand for another', { meta: { id: 'cookies-3' } }, () => {
    expect(read('%5F%5FHost-oidc=1; oidc%2Edefault=2')).toEqual({ '%5F%5FHost-oidc': '1', 'oidc%2Edefault': '2' })
  })

  it('does not decode values', () => {
    expect(read('a=%41%zz')).toEqual({ a: '%41%zz' })
  })

  it('omits a duplicate name, even with equal values, and keeps the others', { meta: { id: 'cookies-4' } }, () => {
    expect(read('a=1; b=2; a=3')).toEqual({ b: '2' })
    expect(read('a=1; a=1; a=1')).toEqual({})
  })

  it('reads a header of 20,000 cookies', () => {
    const header = Array.from({ length: 20_000 }, (_, index) => `c${index}=1`).join('; ')
    expect(Object.keys(read(header))).toHaveLength(20_000)
  })
})

describe('a long run of white space in a Cookie header', () => {
  const request = (cookie: string): Request => ({ headers: { cookie } }) as unknown as Request
  const headers: [string, (space: string) => string][] = [
    ['in a name', (space) => `a${space}b=1`],
    ['in front of a name', (space) => `${space}a=1`],
    ['in a value', (space) => `a=1${space}2`],
    ['in a part without a value', (space) => `a=1;b${space}c`],
  ]
  it.each(headers.flatMap(([where, header]) => [' ', '\t'].map((character) => [where, character, header] as const)))(
    'takes time that is linear in the length of white space %s, as %j',
    (_where, character, header) => {
      const text = (length: number): string => header(character.repeat(length))
      expect(growth((cookie) => readCookies(request(cookie)), text)).toBeLessThan(5)
      expect(growth((cookie) => hasCookie(request(cookie), 'z'), text)).toBeLessThan(5)
    },
  )
})

describe('hasCookie()', () => {
  it.each([
    [undefined, false],
    ['', false],
    ['a=1', true],
    ['b=2; a=', true],
    ['a=1; b=2; a=3', true],
    ['b=2;\ta =1', true],
    ['a', true],
    ['aa=1; b=a; xa=2', false],
    ['%61=1', false],
  ])('for the Cookie header %j, returns %j', (cookie, expected) => {
    expect(hasCookie({ headers: { cookie } } as unknown as Request, 'a')).toBe(expected)
  })
})

describe('listSessionCookies()', () => {
  const id = 'An_id-of-32-characters-012345678'
  const list = (cookie: string | undefined): readonly string[] =>
    listSessionCookies({ headers: { cookie } } as unknown as Request, id)

  it.each([
    ['of express-session, signed and encoded', `connect.sid=s%3A${id}.signature`],
    ['of express-session, signed and not encoded', `connect.sid=s:${id}.signature`],
    ['with nothing but the id', `connect.sid=${id}`],
    ['in quotes', `connect.sid="${id}"`],
    [
      'with every character encoded',
      `connect.sid=${id.replaceAll(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`)}`,
    ],
    ['with a malformed encoding elsewhere', `connect.sid=%zz${id}`],
  ])('finds a cookie %s', (_name, header) => {
    expect(list(header)).toEqual(['connect.sid'])
  })

  it('finds all cookies with the id, those of one name as often as they come', () => {
    const header = `__Host-sid=s%3A${id}.x; theme=dark; connect.sid=s%3A${id}.y; connect.sid=s%3A${id}.x`
    expect(list(header)).toEqual(['__Host-sid', 'connect.sid', 'connect.sid'])
  })

  it('returns names as they were sent, so that an encoded prefix does not pass for the prefix', () => {
    expect(list(`%5F%5FHost-sid=s%3A${id}.x`)).toEqual(['%5F%5FHost-sid'])
    // The no-break space in front is part of the name for browsers.
    expect(list(`\u00a0__Host-sid=s%3A${id}.x`)).toEqual(['\u00a0__Host-sid'])
  })

  it.each([[undefined], [''], ['connect.sid=s%3Aanother.x'], [`${id}=1`], [`connect.sid=s%3A${id.slice(1)}.x`]])(
    'finds no cookie in the header %j',
    (header) => {
      expect(list(header)).toEqual([])
    },
  )
})

describe('setCookies()', () => {
  function set(
    cookies: Parameters<typeof setCookies>[1],
    request: object = {},
  ): { headers: Record<string, string>; appended: string[] } {
    const headers: Record<string, string> = {}
    const appended: string[] = []
    setCookies(
      {
        req: request,
        setHeader: (name: string, value: string) => (headers[name] = value),
        append: (name: string, value: string) => appended.push(`${name}: ${value}`),
      } as unknown as Response,
      cookies,
    )
    return { headers, appended }
  }
  const cookie = { name: 'oidc.a', path: '/', secure: false, sameSite: 'Lax', maxAgeSeconds: 900 } as const

  it('sets all attributes, and keeps the response out of caches', { meta: { id: 'cookies-5' } }, () => {
    expect(set([{ ...cookie, value: 'v' }])).toEqual({
      headers: { 'Cache-Control': 'no-store' },
      appended: ['Set-Cookie: oidc.a=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax'],
    })
    expect(set([{ ...cookie, value: 'v', secure: true, sameSite: 'None', path: '/shop' }]).appended).toEqual([
      'Set-Cookie: oidc.a=v; Path=/shop; Max-Age=900; HttpOnly; SameSite=None; Secure',
    ])
  })

  it('sets a session cookie if there is no maximum age', () => {
    expect(set([{ ...cookie, value: '1', maxAgeSeconds: undefined }]).appended).toEqual([
      'Set-Cookie: oidc.a=1; Path=/; HttpOnly; SameSite=Lax',
    ])
  })

  it('deletes a cookie with the attributes that it was set with', { meta: { id: 'cookies-6' } }, () => {
    expect(set([{ ...cookie, value: undefined, maxAgeSeconds: 0 }]).appended).toEqual([
      'Set-Cookie: oidc.a=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
  })

  it.each([
    ['none over https', { sameSite: 'none', secure: true }, true],
    ['None over https', { sameSite: 'None', secure: true }, true],
    ['none without `secure`', { sameSite: 'none' }, false],
    ['none with `secure: auto`', { sameSite: 'none', secure: 'auto' }, false],
    ['lax', { sameSite: 'lax', secure: true }, false],
    ['true, which is strict', { sameSite: true, secure: true }, false],
  ])(
    'sends its cookies with cross-site requests only if the session cookie is: sameSite %s',
    (_name, session, isSent) => {
      const attributes = isSent ? 'SameSite=None; Secure' : 'SameSite=Lax'
      const { appended } = set([{ ...cookie, value: 'v' }], { session: { cookie: session } })
      expect(appended).toEqual([`Set-Cookie: oidc.a=v; Path=/; Max-Age=900; HttpOnly; ${attributes}`])
      // A cookie is removed with the attributes that it was set with.
      const removed = set([{ ...cookie, value: undefined, maxAgeSeconds: 0 }], { session: { cookie: session } })
      expect(removed.appended).toEqual([`Set-Cookie: oidc.a=; Path=/; Max-Age=0; HttpOnly; ${attributes}`])
    },
  )

  it('does nothing without cookies', () => {
    expect(set([])).toEqual({ headers: {}, appended: [] })
  })
})
