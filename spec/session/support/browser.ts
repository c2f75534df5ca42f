/** An instance and its browser, for specs of cookies: keys, cookie attributes, and the cookies that a browser has accepted. */
import { deriveSeals, type Seals } from '../../../lib/core/seals.ts'
import { nowSeconds } from '../../../lib/core/clock.ts'
import { makeCookiePlace, type Cookie, type CookiePlace } from '../../../lib/session/login-cookies.ts'
import type { ProgressCookie } from '../../../lib/session/progress-cookie.ts'
import type { State } from '../../../lib/session/state.ts'

export const firstSecret = 'a secret of more than thirty-two characters'
export const secondSecret = 'another secret, of more than thirty-two characters'

/** The keys of an instance with these secrets. */
export function sealsWith(secrets: readonly string[] = [firstSecret], owner = 'ours'): Seals {
  return deriveSeals({ secrets, owner })
}

export const atRoot = { https: true, basePath: '', crossSite: false }
export const place: CookiePlace = makeCookiePlace('ours', atRoot)
export const theirs: CookiePlace = makeCookiePlace('theirs', atRoot)
/** The same instance without https. */
export const plainPlace: CookiePlace = makeCookiePlace('ours', { ...atRoot, https: false })

/** The cookies of a browser that has accepted these, in the order in which it sends them. */
export function browserWith(...cookies: readonly Cookie[]): Map<string, string> {
  return new Map(cookies.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])))
}

/** A login id, which differs for each number in its first characters. */
export function loginId(index: number): string {
  return `${String(index).padStart(4, '0')}-login-id-of-22`.padEnd(22, '_')
}

/** The cookie of the login with this number, which began so many seconds ago. */
export function progressCookie(index: number, { ago = 0, from = [] as readonly string[] } = {}): ProgressCookie {
  const secret = Buffer.alloc(16, index)
  return { name: place.prefix + loginId(index).slice(0, 9), secret, startedAt: nowSeconds() - ago, from }
}

/** The contents of a `state` for a plain login. */
export function makeState(more: Partial<State> = {}): State {
  return {
    id: loginId(1),
    startedAt: Date.now() / 1000,
    attempt: 0,
    isSilent: false,
    asksMore: false,
    cookie: 'hash-cookie',
    mark: undefined,
    page: '/profile',
    scope: undefined,
    checked: {},
    isPageShort: false,
    needsDetails: false,
    ...more,
  }
}
