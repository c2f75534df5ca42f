import { describe, expect, it } from 'vitest'
import { clearLoggedOut, hasLoggedOut, makeLoggedOutCookie } from '../../lib/session/logged-out.ts'
import { browserWith, place, plainPlace, theirs } from './support/browser.ts'

const loggedOut = makeLoggedOutCookie(place)

describe('the cookie of a logout', () => {
  it('the cookie of a logout lasts for an hour after the logout', () => {
    // Browsers send it with forms of other sites, which can begin a login, too.
    const attributes = { path: '/', secure: true, sameSite: 'None' }
    expect(loggedOut).toEqual({ ...attributes, name: `${place.prefix}out`, value: '1', maxAgeSeconds: 3600 })
  })

  it('the cookie of a logout shows a logout to the same instance only', () => {
    expect(hasLoggedOut(place, browserWith(loggedOut))).toBe(true)
    expect(hasLoggedOut(place, new Map())).toBe(false)
    expect(hasLoggedOut(theirs, browserWith(loggedOut))).toBe(false)
    // Any host of the site can set a cookie without the prefix.
    expect(hasLoggedOut(place, browserWith(makeLoggedOutCookie(plainPlace)))).toBe(false)
  })

  it('the cookie of a logout shows a logout with any value, since it only holds back other sites', () => {
    for (const value of ['', '0', 'x'.repeat(4000)])
      expect(hasLoggedOut(place, new Map([[loggedOut.name, value]]))).toBe(true)
  })

  it('the cookie of a logout is removed if the browser has it', () => {
    expect(clearLoggedOut(place, browserWith(loggedOut))).toEqual([
      { ...loggedOut, value: undefined, maxAgeSeconds: 0 },
    ])
    expect(clearLoggedOut(place, new Map())).toEqual([])
    expect(clearLoggedOut(theirs, browserWith(loggedOut))).toEqual([])
  })
})
