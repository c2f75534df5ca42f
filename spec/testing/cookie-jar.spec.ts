import { describe, expect, it } from 'vitest'
import { CookieJar } from '../../lib/testing.ts'

const http = 'http://127.0.0.1:3000/'
const https = 'https://app.example.com/'

function taken(line: string, url: string): boolean {
  return new CookieJar().set(line, url) !== undefined
}

describe('CookieJar.set()', () => {
  it.each<[string, string, boolean]>([
    ['accepts a plain cookie', 'a=1', true],
    ['accepts attributes in upper and lower case', 'a=1; PATH=/; httponly; Max-Age=9; samesite=LAX', true],
    ['accepts a cookie without a name', '=1', true],
    ['rejects an empty cookie', '=', false],
    ['rejects a cookie of more than 4096 characters', `a=${'x'.repeat(4096)}`, false],
    ['rejects control characters', 'a=\u0001', false],
    ['accepts a Secure cookie over https', 'a=1; Secure', true],
    ['accepts __Host- with Secure and the path /', '__Host-a=1; Secure; Path=/', true],
    ['rejects __Host- without Secure', '__Host-a=1; Path=/', false],
    ['rejects __Host- with another path', '__Host-a=1; Secure; Path=/x', false],
    ['rejects __Host- without a path', '__Host-a=1; Secure', false],
    ['rejects __Host- with a domain', '__Host-a=1; Secure; Path=/; Domain=app.example.com', false],
    ['accepts __Secure- with Secure', '__Secure-a=1; Secure', true],
    ['rejects __Secure- without Secure', '__secure-a=1', false],
    ['rejects SameSite=None without Secure', 'a=1; SameSite=None', false],
    ['accepts SameSite=None with Secure', 'a=1; SameSite=None; Secure', true],
    ['accepts the parent domain', 'a=1; Domain=.example.com', true],
    ['rejects a domain of one label', 'a=1; Domain=com', false],
    ['rejects another domain', 'a=1; Domain=other.com', false],
  ])('%s', (_name, line, expected) => {
    expect(taken(line, https)).toBe(expected)
  })

  it('accepts Secure cookies over http from loopback only', () => {
    expect(taken('a=1; Secure', http)).toBe(true)
    expect(taken('a=1; Secure', 'http://localhost/')).toBe(true)
    expect(taken('a=1; Secure', 'http://app.localhost/')).toBe(true)
    expect(taken('a=1; Secure', 'http://[::1]/')).toBe(true)
    expect(taken('a=1; Secure', 'http://app.example.com/')).toBe(false)
  })

  it('accepts a Domain that equals the host, even an IP address, but no part of an address', () => {
    const jar = new CookieJar()
    expect(jar.set('a=1; Domain=127.0.0.1', http)).toMatchObject({ hostOnly: true })
    expect(jar.set('a=1; Domain=localhost', 'http://localhost/')).toMatchObject({ hostOnly: true })
    expect(jar.set('a=1; Domain=app.example.com', https)).toMatchObject({ hostOnly: false })
    expect(jar.set('a=1; Domain=0.0.1', http)).toBeUndefined()
  })
})

describe('CookieJar.header()', () => {
  it('selects cookies by host and domain, whatever the port', () => {
    const jar = new CookieJar()
    jar.set('host=1', https)
    jar.set('domain=2; Domain=example.com', https)
    expect(jar.header(https)).toBe('host=1; domain=2')
    expect(jar.header('https://app.example.com:8443/')).toBe('host=1; domain=2')
    expect(jar.header('https://other.example.com/')).toBe('domain=2')
    expect(jar.header('https://example.com/')).toBe('domain=2')
    expect(jar.header('https://notexample.com/')).toBeUndefined()
  })

  it('selects cookies by path, and sends the longest path first', () => {
    const jar = new CookieJar()
    jar.set('root=1; Path=/', http)
    jar.set('deep=1; Path=/a/b', http)
    jar.set('here=1', `${http}a/page`)
    jar.set('odd=1; Path=relative', `${http}x`)
    expect(jar.header(`${http}a/b`)).toBe('deep=1; here=1; root=1; odd=1')
    expect(jar.header(`${http}a/b/c`)).toBe('deep=1; here=1; root=1; odd=1')
    expect(jar.header(`${http}a/bc`)).toBe('here=1; root=1; odd=1')
    expect(jar.header(`${http}ab`)).toBe('root=1; odd=1')
  })

  it('sends no Secure cookies over plain http', () => {
    const jar = new CookieJar()
    jar.set('a=1; Secure', https)
    expect(jar.header('http://app.example.com/')).toBeUndefined()
    expect(jar.header(https)).toBe('a=1')
  })

  it('selects cookies by SameSite', () => {
    const jar = new CookieJar()
    for (const line of [
      'unset=1',
      'lax=1; SameSite=Lax',
      'strict=1; SameSite=Strict',
      'none=1; SameSite=None; Secure',
    ]) {
      jar.set(line, https)
    }
    jar.set('odd=1; SameSite=Whatever', https)
    const names = (context: object): string[] => jar.cookies(https, context).map(({ name }) => name)
    expect(names({})).toEqual(['unset', 'lax', 'strict', 'none', 'odd'])
    expect(names({ crossSite: true, safeNavigation: true })).toEqual(['unset', 'lax', 'none', 'odd'])
    expect(names({ crossSite: true })).toEqual(['none'])
  })
})

describe('the cookies in a CookieJar', () => {
  it('expires cookies by Max-Age, or else by Expires, and uses the given clock', () => {
    let now = Date.UTC(2030, 0, 1)
    const jar = new CookieJar(() => now)
    const cookie = jar.set('age=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', http)
    expect(cookie).toMatchObject({ expiresAt: now / 1000 + 60 })
    jar.set('date=1; Expires=Tue, 01 Jan 2030 00:02:00 GMT', http)
    jar.set('bad=1; Max-Age=soon; Expires=never', http)
    expect(jar.header(http)).toBe('age=1; date=1; bad=1')
    now += 60_000
    expect(jar.header(http)).toBe('date=1; bad=1')
    jar.closeBrowser()
    expect(jar.header(http)).toBe('date=1')
    now += 60_000
    expect(jar.header(http)).toBeUndefined()
  })

  it('replaces a cookie without changing its place in the order, and deletes cookies', () => {
    const jar = new CookieJar()
    jar.set('a=1', http)
    jar.set('b=1', http)
    jar.set('a=2', http)
    jar.set('a=other; Path=/deep', http)
    expect(jar.header(http)).toBe('a=2; b=1')
    expect(jar.get('a')).toMatchObject({ value: 'other', path: '/deep' })
    expect(jar.set('a=; Max-Age=0', http)).toMatchObject({ value: '' })
    expect(jar.header(http)).toBe('b=1')
    jar.delete('b')
    expect(jar.cookies().map(({ path }) => path)).toEqual(['/deep'])
    jar.clear()
    expect(jar.cookies()).toEqual([])
    expect(jar.get('a')).toBeUndefined()
  })

  it('keeps at most 180 cookies of a host, and drops the oldest', () => {
    const jar = new CookieJar()
    for (let index = 0; index < 200; index++) jar.set(`c${index}=1`, http)
    expect(jar.cookies(http)).toHaveLength(180)
    expect(jar.get('c19')).toBeUndefined()
    expect(jar.get('c20')).toBeDefined()
  })
})
