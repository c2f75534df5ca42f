import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLoopback, isSecureUrl, toLocalPath, toLocalReferer, parseUrl } from '../../lib/core/urls.ts'
import { runs } from '../support/depth.ts'

const origin = 'https://app.example.com'

/** Inputs that make a careless check send the browser elsewhere. */
const tricks = [
  '',
  ' ',
  'evil.example',
  'evil.example/path',
  'https://evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'http://evil.example',
  'HTTPS://EVIL.EXAMPLE',
  'ftp://evil.example',
  'javascript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,x',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '//evil.example/%2f..',
  '//app.example.com',
  '//app.example.com@evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '\\/evil.example',
  '/\\/evil.example',
  '/path\\..\\..\\evil',
  '/?next=\\',
  '/#\\',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\n/evil.example',
  '\t//evil.example',
  '\n/path',
  ' /path',
  '/path with space',
  '/path\0',
  '/path\u007f',
  '/path\u0085',
  '/\ud800',
  '/path?\udfff',
  '/path\r\nSet-Cookie: a=b',
  '/%0d%0aSet-Cookie:%20a=b',
  '/%0A',
  '/%09/evil.example',
  '/%00',
  '/%7F',
  '/%5cevil.example',
  '/%5Cevil.example',
  '/path/%5c..',
  '/%2f/evil.example',
  '/%2fevil.example',
  '/%2Fevil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/./..//evil.example',
  '/%2e//evil.example',
  '/%2e%2e//evil.example',
  '/.%2e//evil.example',
  '/a/..//evil.example',
  '/a/%2e%2e//evil.example',
  '/a/../..//evil.example',
  '/a/b/../..//evil.example',
  '/./%2fevil.example',
  '/../%2fevil.example',
  '/a/../%2fevil.example',
  '/a/%2e%2e/%2fevil.example',
  '?next=//evil.example',
  '#//evil.example',
  '.',
  '..',
  './path',
  '@evil.example',
  ':80',
]

describe('toLocalPath()', { meta: { id: 'urls-1' } }, () => {
  it.each(tricks)('rejects %j', (input) => {
    expect(toLocalPath(input, origin)).toBeUndefined()
  })

  it.each(
    ['.', '..', '%2e', '%2E', '%2e.', '.%2E', '%2e%2e'].flatMap((dots) => [
      `/${dots}`,
      `/a/${dots}`,
      `/a/${dots}/b?c#d`,
    ]),
  )('rejects %j, which URL parsers turn into another path', (input) => {
    expect(toLocalPath(input, origin)).toBeUndefined()
  })

  it.each([undefined, null, 0, true, {}, [], ['/path'], { toString: () => '/path' }, new URL('/path', origin)])(
    'rejects a value that is not a string: %j',
    (input) => {
      expect(toLocalPath(input, origin)).toBeUndefined()
    },
  )

  it.each([
    ['/', '/'],
    ['/path', '/path'],
    ['/path/', '/path/'],
    ['/path?tab=2#part', '/path?tab=2#part'],
    ['/?next=https://elsewhere.example', '/?next=https://elsewhere.example'],
    ['/path?next=//elsewhere.example', '/path?next=//elsewhere.example'],
    ['/path?line=%0d%0a', '/path?line=%0d%0a'],
    ['/path?back=%5c', '/path?back=%5c'],
    ['/a%2fb', '/a%2fb'],
    ['/a//b', '/a//b'],
    ['/a/.../b', '/a/.../b'],
    ['/.well-known/a', '/.well-known/a'],
    ['/a?b=/../c', '/a?b=/../c'],
    ['/@elsewhere.example', '/@elsewhere.example'],
    ['/:80', '/:80'],
    ['/https://elsewhere.example', '/https://elsewhere.example'],
    ['/caf\u00e9?q=\u00e9', '/caf%C3%A9?q=%C3%A9'],
    ['/?q="<>', '/?q=%22%3C%3E'],
  ])('accepts %j as the path %j', (input, path) => {
    expect(toLocalPath(input, origin)).toBe(path)
  })

  it('accepts at most 2048 characters', () => {
    const longest = `/${'a'.repeat(2047)}`
    expect(toLocalPath(longest, origin)).toBe(longest)
    expect(toLocalPath(`${longest}a`, origin)).toBeUndefined()
  })

  const pieces = fc.constantFrom(
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%2F',
    '%5c',
    '%00',
    '%0a',
    '%',
    '?',
    '#',
    '@',
    ':',
    ' ',
    '\t',
    '\n',
    '\r',
    '\0',
    'https:',
    'javascript:',
    'evil.example',
    'app.example.com',
    'a',
    '\u00e9',
    '\ud800',
    ';',
    '&',
    '=',
  )
  const inputs = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.array(pieces, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
  )

  it('returns for any input only paths that keep a browser on its origin', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const path = toLocalPath(input, origin)
        if (path === undefined) return
        expect(path).toMatch(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/)
        // Whatever page and origin the browser resolves the path against.
        for (const base of [`${origin}/`, `${origin}/deep/page?x`, 'http://127.0.0.1:3000/shop/']) {
          expect(new URL(path, base).origin).toBe(new URL(base).origin)
        }
        expect(new URL(path, origin).href).toBe(origin + path)
      }),
      { numRuns: runs(5000) },
    )
  })

  it('returns its own result unchanged', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const path = toLocalPath(input, origin)
        if (path !== undefined) expect(toLocalPath(path, origin)).toBe(path)
      }),
      { numRuns: runs(5000) },
    )
  })

  it('returns at most 2048 characters even after encoding, so that the path fits into a cookie', () => {
    // Non-ASCII characters grow sixfold to ninefold when they are percent-encoded.
    for (const input of [`/?q=${'\u00e9'.repeat(1000)}`, `/${'"'.repeat(2000)}`]) {
      expect(toLocalPath(input, origin)?.length ?? 0).toBeLessThanOrEqual(2048)
    }
  })
})

describe('parseUrl()', () => {
  const long = 'a'.repeat(1025)

  it.each([
    `https://${long}`,
    `https://${long}/path`,
    `https:${long}/`,
    `https:/${long}`,
    `https:////${long}?`,
    `https:\\\\${long}`,
    `ht\ttps:/\n/${long}`,
    ` https:/\r/${long}`,
    `https://${long}@app.example.com/`,
    `https://%61${long.slice(1)}/`,
  ])('rejects the host of %j, which is longer than 1024 characters', (text) => {
    expect(() => new URL(text)).not.toThrow()
    expect(parseUrl(text)).toBeUndefined()
    expect(parseUrl(text, 'http://app.example.com')).toBeUndefined()
  })

  it.each([`//${long}/`, `/\\${long}`, `\\\t\\${long}`, ` \n/\r/${long}?a`])(
    'rejects the host of the reference %j',
    (text) => {
      expect(() => new URL(text, origin)).not.toThrow()
      expect(parseUrl(text, origin)).toBeUndefined()
    },
  )

  it.each([`/${long}/a`, `?${long}`, `#${long}`, `${long}/a`, `a/${long}`])(
    'accepts the reference %j, which has no host',
    (text) => {
      expect(parseUrl(text, origin)?.href).toBe(new URL(text, origin).href)
    },
  )

  it.each([
    `https://${long.slice(1)}/`,
    `https://app.example.com/${long}`,
    `https://app.example.com?${long}`,
    `https://app.example.com#${long}`,
    `https://app.example.com\\${long}`,
    'urn:example:api',
  ])('accepts %j', (text) => {
    expect(parseUrl(text)?.href).toBe(new URL(text).href)
  })

  it('accepts a relative reference of any length', () => {
    expect(parseUrl(`/${long}`, origin)?.pathname).toBe(`/${long}`)
  })

  it('returns undefined for a text that is no URL', () => {
    expect(parseUrl('/path')).toBeUndefined()
  })
})

describe('toLocalReferer()', () => {
  it.each([
    [`${origin}/form?step=2`, '/form?step=2'],
    [origin, '/'],
    [`${origin}/form#part`, '/form'],
    ['https://APP.example.com:443/form', '/form'],
  ])('reduces the Referer %s on this origin to %s', (referer, path) => {
    expect(toLocalReferer(referer, origin)).toBe(path)
  })

  it.each([
    undefined,
    '',
    '/form',
    'null',
    'about:blank',
    'http://app.example.com/form',
    'https://app.example.com:8443/form',
    'https://app.example.com.evil.example/form',
    'https://evil.example/https://app.example.com/form',
    'https://app.example.com//evil.example',
    'https://app.example.com/%5cevil.example',
    ['https://app.example.com/form'],
  ])('rejects the Referer %j', (referer) => {
    expect(toLocalReferer(referer, origin)).toBeUndefined()
  })
})

describe('isLoopback() and isSecureUrl()', () => {
  it.each(['localhost', 'app.localhost', '127.0.0.1', '127.10.20.30', '[::1]'])('treats %s as loopback', (hostname) => {
    expect(isLoopback(hostname)).toBe(true)
    expect(isSecureUrl(`http://${hostname}:8080/path`, false)).toBe(true)
  })

  it.each([
    'example.com',
    'localhost.example.com',
    'notlocalhost',
    '127.0.0.1.example.com',
    '128.0.0.1',
    '0.0.0.0',
    '10.0.0.1',
    '10.127.0.0.1',
    '[::2]',
    '',
  ])('does not treat %j as loopback', (hostname) => {
    expect(isLoopback(hostname)).toBe(false)
  })

  it('accepts https: URLs, and http: URLs only if permitted', () => {
    expect(isSecureUrl('https://id.example.com', false)).toBe(true)
    expect(isSecureUrl('http://id.example.com', false)).toBe(false)
    expect(isSecureUrl('http://id.example.com', true)).toBe(true)
  })

  it.each([
    '',
    'id.example.com',
    'javascript:alert(1)',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    undefined,
    null,
    1,
    {},
    ['https://id.example.com'],
  ])('rejects %j as a secure URL, even if http: is permitted', (value) => {
    expect(isSecureUrl(value, false)).toBe(false)
    expect(isSecureUrl(value, true)).toBe(false)
  })
})
