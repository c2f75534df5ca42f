import { describe, expect, it } from 'vitest'
import { makeDetailsCookie, openDetails, type LoginDetails } from '../../lib/session/details-cookie.ts'
import { makeCookiePlace } from '../../lib/session/login-cookies.ts'
import {
  atRoot,
  browserWith,
  firstSecret,
  loginId,
  place,
  plainPlace,
  sealsWith,
  secondSecret,
  theirs,
} from './support/browser.ts'

const seals = sealsWith()
const id = loginId(1)

function make(details: LoginDetails): ReturnType<typeof makeDetailsCookie> {
  return makeDetailsCookie(seals.details, place, id, details)
}

/** The details that a browser returns for the login; undefined if it ignores the cookie. */
function remake(details: LoginDetails): LoginDetails | undefined {
  const cookie = make(details)
  // RFC 6265bis, section 5.6: browsers ignore a cookie whose name and value exceed 4096 bytes.
  const cookies = cookie.name.length + (cookie.value as string).length > 4096 ? new Map() : browserWith(cookie)
  return openDetails(seals.details, place, cookies, id)
}

/** The number of characters of name and value. */
function measure(details: LoginDetails): number {
  const { name, value } = make(details)
  return name.length + (value as string).length
}

const full: LoginDetails = {
  page: '/profile?tab=1',
  scope: ['openid', 'email'],
  checked: { max_age: '60', prompt: 'login' },
  parameters: { login_hint: 'alice', claims: '{"id_token":{}}' },
}

describe('makeDetailsCookie() and openDetails()', () => {
  it('makeDetailsCookie() and openDetails() keep all details of a login', () => {
    expect(remake(full)).toEqual(full)
    for (const [name, value] of Object.entries(full)) expect(remake({ [name]: value })).toEqual({ [name]: value })
    expect(remake({})).toEqual({})
  })

  it.each([
    [{}, { path: '/', secure: true, sameSite: 'Lax' }],
    [
      { https: false, basePath: '/shop' },
      { path: '/shop', secure: false, sameSite: 'Lax' },
    ],
    [{ crossSite: true }, { path: '/', secure: true, sameSite: 'None' }],
  ])(
    'makeDetailsCookie() and openDetails() use one cookie for all logins of an instance, which lasts for an hour: %j',
    (where, attributes) => {
      const here = makeCookiePlace('ours', { ...atRoot, ...where })
      const [one, other] = [1, 2].map((index) => makeDetailsCookie(seals.details, here, loginId(index), full))
      expect(one).toMatchObject({ name: `${here.prefix}details`, maxAgeSeconds: 3600, ...attributes })
      expect(other?.name).toBe(one?.name)
    },
  )

  it('makeDetailsCookie() and openDetails() hide the details', () => {
    const { value } = make({ page: '/patients/alice-miller' })
    expect(value).toMatch(/^[\w-]+$/)
    expect(Buffer.from(value as string, 'base64url').toString('latin1')).not.toMatch(/alice|patients/)
  })

  it('makeDetailsCookie() and openDetails() open no details of another login, owner or secret, nor altered ones', () => {
    const cookies = browserWith(make(full))
    const { name, value } = make(full)
    expect(openDetails(seals.details, place, cookies, id)).toEqual(full)
    for (const other of [loginId(2), id.slice(0, -1), '', `${id} `])
      expect(openDetails(seals.details, place, cookies, other)).toBeUndefined()
    for (const other of [sealsWith([firstSecret], 'theirs'), sealsWith([secondSecret])])
      expect(openDetails(other.details, place, cookies, id)).toBeUndefined()
    for (const other of [theirs, plainPlace]) expect(openDetails(seals.details, other, cookies, id)).toBeUndefined()
    for (const other of ['', 'garbage', `${value}x`, String(value).slice(1), seals.state.seal('{}', id)])
      expect(openDetails(seals.details, place, new Map([[name, other]]), id)).toBeUndefined()
    expect(openDetails(seals.details, place, new Map(), id)).toBeUndefined()
  })

  it('makeDetailsCookie() and openDetails() open no details from a cookie without the prefix __Host-, which any host of the site can set', () => {
    const planted = makeDetailsCookie(seals.details, plainPlace, id, full)
    expect(openDetails(seals.details, place, browserWith(planted), id)).toBeUndefined()
  })

  it('makeDetailsCookie() and openDetails() open the details after a new secret was put in front', () => {
    const rotated = sealsWith([secondSecret, firstSecret])
    expect(openDetails(rotated.details, place, browserWith(make(full)), id)).toEqual(full)
  })
})

describe('details that are too large for a cookie', () => {
  /** A page with which the cookie has so many characters, or as few more as possible. */
  function pageFor(size: number, others: LoginDetails): string {
    let length = size - Math.ceil((measure({ ...others, page: '' }) * 3) / 4) - 1200
    while (measureWhole({ ...others, page: `/${'a'.repeat(length)}` }) < size) length++
    return `/${'a'.repeat(length)}`
  }

  /** The size of a cookie from which nothing is left out. */
  function measureWhole(details: LoginDetails): number {
    return `${place.prefix}details`.length + seals.details.seal(JSON.stringify(details), id).length
  }

  it('details that are too large keep a page that just fits, and lose the page with one byte more', () => {
    const { page: _page, ...others } = full
    const page = pageFor(4000, others)
    const [fitting, larger] = [page, `${page}a`].map((each) => ({ ...others, page: each }))
    expect(measureWhole(fitting as LoginDetails)).toBe(4000)
    expect(measureWhole(larger as LoginDetails)).toBeGreaterThan(4000)
    expect(remake(fitting as LoginDetails)).toEqual(fitting)
    expect(remake(larger as LoginDetails)).toEqual(others)
  })

  it('details that are too large lose the page, then the parameters that nothing checks, and never scope and checked parameters', () => {
    const long = 'x'.repeat(4000)
    const { page: _page, parameters: _parameters, ...least } = full
    expect(remake({ ...full, page: long })).toEqual({ ...least, parameters: full.parameters })
    expect(remake({ ...full, parameters: { claims: long } })).toEqual(least)
    expect(remake({ ...full, page: long, parameters: { claims: long } })).toEqual(least)
    expect(remake({ page: long })).toEqual({})
    expect(remake({ page: '/', parameters: { claims: long } })).toEqual({})
  })

  it('details that are too large are as large as a browser accepts', () => {
    for (let length = 2800; length < 3000; length++) expect(measure({ page: 'x'.repeat(length) })).toBeLessThan(4096)
  })

  it('details that are too large are ignored by browsers if scope and checked parameters are too large', () => {
    expect(remake({ scope: ['x'.repeat(4000)] })).toBeUndefined()
    expect(remake({ ...full, checked: { acr_values: 'x'.repeat(4000) } })).toBeUndefined()
  })
})
