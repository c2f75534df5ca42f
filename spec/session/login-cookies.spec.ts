import { describe, expect, it } from 'vitest'
import {
  formatSilentName,
  makeBfcacheCookies,
  makeCookie,
  makeCookiePlace,
  makeSilentCookie,
} from '../../lib/session/login-cookies.ts'
import { atRoot, place, plainPlace } from './support/browser.ts'

describe('makeCookiePlace()', () => {
  it.each([
    [{ https: true, basePath: '' }, /^__Host-oidc\.[\w-]{8}\.$/],
    [{ https: true, basePath: '/shop' }, /^__Host-oidc\.[\w-]{8}\.$/],
    [{ https: false, basePath: '' }, /^oidc\.[\w-]{8}\.$/],
    [{ https: false, basePath: '/shop' }, /^oidc\.[\w-]{8}\.$/],
  ])('for %j, names begin with %s', (where, form) => {
    expect(makeCookiePlace('ours', { ...atRoot, ...where }).prefix).toMatch(form)
  })

  it('returns a prefix that differs for each owner and each base path', () => {
    const places = ['ours', 'theirs', 'our', ''].flatMap((owner) =>
      ['', '/shop', '/desk', '/shop/desk'].map((basePath) => makeCookiePlace(owner, { ...atRoot, basePath })),
    )
    expect(new Set(places.map(({ prefix }) => prefix)).size).toBe(16)
    expect(makeCookiePlace('ours', { ...atRoot }).prefix).toBe(place.prefix)
    // The border between owner and path counts.
    expect(makeCookiePlace('ours/a', { ...atRoot, basePath: '' }).prefix).not.toBe(
      makeCookiePlace('ours', { ...atRoot, basePath: '/a' }).prefix,
    )
  })
})

describe('makeCookie()', () => {
  it.each([
    [
      { https: true, basePath: '' },
      { path: '/', secure: true, sameSite: 'Lax' },
    ],
    // A cookie with the prefix __Host- must have the path / (RFC 6265bis, section 4.1.3.2).
    [
      { https: true, basePath: '/shop' },
      { path: '/', secure: true, sameSite: 'Lax' },
    ],
    [
      { https: false, basePath: '' },
      { path: '/', secure: false, sameSite: 'Lax' },
    ],
    [
      { https: false, basePath: '/shop' },
      { path: '/shop', secure: false, sameSite: 'Lax' },
    ],
    [{ crossSite: true }, { path: '/', secure: true, sameSite: 'None' }],
    [
      { https: false, crossSite: true },
      { path: '/', secure: true, sameSite: 'None' },
    ],
  ])('for %j, sets the attributes %j', (where, attributes) => {
    const here = makeCookiePlace('ours', { ...atRoot, ...where })
    expect(makeCookie(here, 'a', 'v', 60)).toEqual({ name: 'a', value: 'v', maxAgeSeconds: 60, ...attributes })
    expect(makeCookie(here, 'a', 'v', undefined)).toMatchObject({ maxAgeSeconds: undefined, ...attributes })
    // A cookie is removed with the attributes that it was set with.
    expect(makeCookie(here, 'a', undefined, 60)).toEqual({
      name: 'a',
      value: undefined,
      maxAgeSeconds: 0,
      ...attributes,
    })
  })
})

describe('the other cookies of an instance', () => {
  const attributes = { path: '/', secure: true, sameSite: 'Lax' }

  it('the cookie that records a silent login lasts until the browser is closed', () => {
    const name = `${place.prefix}silent`
    expect(formatSilentName(place)).toBe(name)
    expect(makeSilentCookie(place)).toEqual({ ...attributes, name, value: '1', maxAgeSeconds: undefined })
  })

  it('a logout sets a cookie and removes it again', () => {
    const name = `${place.prefix}bye`
    expect(makeBfcacheCookies(place)).toEqual([
      { ...attributes, name, value: '1', maxAgeSeconds: undefined },
      { ...attributes, name, value: undefined, maxAgeSeconds: 0 },
    ])
    expect(makeBfcacheCookies(plainPlace)).toMatchObject([{ secure: false }, { secure: false }])
  })
})
