import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { hashShort } from '../../lib/core/short-hash.ts'
import { makeDetailsCookie } from '../../lib/session/details-cookie.ts'
import { makeLoggedOutCookie } from '../../lib/session/logged-out.ts'
import {
  makeBfcacheCookies,
  makeCookiePlace,
  makeSilentCookie,
  type CookiePlace,
} from '../../lib/session/login-cookies.ts'
import { countFinished } from '../../lib/session/login-loop.ts'
import {
  addSession,
  clearProgressCookie,
  createProgressCookie,
  findProgressCookie,
  hashLoginsInProgress,
  hashSecret,
  listFrom,
  listProgressCookies,
  listSurplusCookies,
  mostInProgress,
  writeProgressCookie,
} from '../../lib/session/progress-cookie.ts'
import {
  atRoot,
  browserWith,
  loginId,
  place,
  plainPlace,
  progressCookie,
  sealsWith,
  theirs,
} from './support/browser.ts'

const seals = sealsWith()
const hashes = Array.from({ length: 6 }, (_, index) => hashShort(`session ${index}`))
const id = loginId(1)
const name = place.prefix + id.slice(0, 9)

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_500 }))

/** Writes the value of a cookie with so many sessions in `from`. */
function valueWith(count: number): string {
  return writeProgressCookie(place, { ...progressCookie(1), from: hashes.slice(0, count) }).value as string
}

/** What is read from a value of the cookie of {@link id}. */
function readValue(value: string): unknown {
  return listProgressCookies(place, new Map([[name, value]]))[0]
}

/** A browser with logins that began so many seconds ago, in the order in which it sends their cookies. */
function begunBefore(seconds: readonly number[], where: CookiePlace = place): Map<string, string> {
  return browserWith(
    ...seconds.map((ago, index) =>
      writeProgressCookie(where, {
        ...progressCookie(index, { ago }),
        name: where.prefix + loginId(index).slice(0, 9),
      }),
    ),
  )
}

function surplus(cookies: ReadonlyMap<string, string>): readonly string[] {
  return listSurplusCookies(place, cookies).map((cookie) => cookie.name)
}

function nameAt(index: number): string {
  return place.prefix + loginId(index).slice(0, 9)
}

describe('createProgressCookie()', () => {
  it('creates a cookie with 128 random bits and the time', () => {
    const made = createProgressCookie(place, id, hashes.slice(0, 2))
    expect(made).toEqual({
      name,
      secret: expect.any(Buffer) as Buffer,
      startedAt: 1_800_000_000,
      from: hashes.slice(0, 2),
    })
    const secrets = Array.from({ length: 1000 }, () => createProgressCookie(place, id, []).secret)
    expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1000)
    for (const secret of secrets) expect(secret).toHaveLength(16)
  })
})

describe('writeProgressCookie()', () => {
  it.each([
    [{}, { path: '/', secure: true, sameSite: 'Lax' }],
    [
      { https: false, basePath: '/shop' },
      { path: '/shop', secure: false, sameSite: 'Lax' },
    ],
    [{ crossSite: true }, { path: '/', secure: true, sameSite: 'None' }],
  ])('writes a small cookie that lasts for an hour: %j', (where, attributes) => {
    const here = makeCookiePlace('ours', { ...atRoot, ...where })
    const cookie = createProgressCookie(here, id, [])
    const written = writeProgressCookie(here, cookie)
    expect(written).toEqual({
      name: here.prefix + id.slice(0, 9),
      value: expect.stringMatching(/^[\w-]{28}$/) as string,
      maxAgeSeconds: 3600,
      ...attributes,
    })
    // It is removed with the attributes that it was set with.
    expect(clearProgressCookie(here, id)).toEqual({ ...written, value: undefined, maxAgeSeconds: 0 })
  })

  it('does not extend the life of a login when a session is added', () => {
    const life = (ago: number): unknown => writeProgressCookie(place, progressCookie(1, { ago })).maxAgeSeconds
    expect([0, 1, 900, 3599].map(life)).toEqual([3600, 3599, 2700, 1])
    expect([3600, 3601, 100_000].map(life)).toEqual([1, 1, 1])
    // The clock of the process that began the login is ahead.
    expect(life(-50)).toBe(3600)
  })

  it('needs at most 110 bytes, so that 24 logins need fewer than 3 kB', () => {
    const most = writeProgressCookie(place, { ...progressCookie(1), from: hashes.slice(0, 4) })
    const size = `${most.name}=${most.value}; `.length
    expect(size).toBeLessThanOrEqual(110)
    expect(size * mostInProgress).toBeLessThan(3000)
  })
})

describe('the value of the cookie of a login', () => {
  it.each([0, 1, 2, 3, 4])('the value of a login cookie is read with %i sessions in `from`', (count) => {
    expect(readValue(valueWith(count))).toEqual({ ...progressCookie(1), from: hashes.slice(0, count) })
  })

  it('the value of a login cookie is malformed with five sessions in `from`', () => {
    expect(readValue(valueWith(5))).toBeUndefined()
  })

  const valid = valueWith(1)
  it.each<[string, string]>([
    ['an empty value', ''],
    ['a character too few', valid.slice(0, -1)],
    ['a character too many', `${valid}a`],
    ['no time', valid.slice(0, 22)],
    ['a shorter time', `${valid.slice(0, 27)}${valid.slice(28)}`],
    ['an empty session', `${valid}.`],
    ['a separator without a session in front', `${valid.slice(0, 28)}.${valid.slice(28)}`],
    ['another separator', valid.replace('.', '~')],
    ['a character outside of base64url', `+${valid.slice(1)}`],
    ['a space in front', ` ${valid}`],
    ['a line break behind', `${valid}\n`],
    ['quotes', `"${valid}"`],
    ['a sealed text', seals.details.seal('text', 'context')],
    ['4 kB', 'A'.repeat(4000)],
  ])('the value of a login cookie is malformed: %s', (_name, value) => {
    expect(readValue(value)).toBeUndefined()
    expect(surplus(new Map([[name, value]]))).toEqual([name])
    expect(hashLoginsInProgress(place, new Map([[name, value]]))).toEqual([])
    expect(listFrom(place, new Map([[name, value]]))).toEqual([])
  })

  it('the value of a login cookie has times of up to 32 bits', () => {
    for (const startedAt of [0, 1, 1_800_000_000, 2 ** 32 - 1]) {
      const { value } = writeProgressCookie(place, { ...progressCookie(1), startedAt })
      expect(readValue(value as string)).toMatchObject({ startedAt })
    }
  })
})

describe('findProgressCookie()', () => {
  const own = progressCookie(1, { from: hashes.slice(0, 1) })
  const { value } = writeProgressCookie(place, own)
  const cookies = new Map([[name, value as string]])
  const hash = hashSecret(own)

  it('finds the cookie of a login by its id and the hash of its secret', () => {
    expect(findProgressCookie(place, cookies, { id, cookie: hash })).toEqual(own)
    expect(hash).toBe(hashShort(Buffer.alloc(16, 1).toString('base64url')))
  })

  it('finds no cookie for another login, or for another secret', () => {
    expect(findProgressCookie(place, cookies, { id: loginId(2), cookie: hash })).toBeUndefined()
    expect(findProgressCookie(place, cookies, { id, cookie: hashSecret(progressCookie(2)) })).toBeUndefined()
    expect(findProgressCookie(place, cookies, { id, cookie: '' })).toBeUndefined()
    expect(findProgressCookie(place, new Map(), { id, cookie: hash })).toBeUndefined()
    expect(findProgressCookie(place, new Map([[name, 'garbage']]), { id, cookie: hash })).toBeUndefined()
  })

  it('finds no cookie of another login whose id begins with the same characters', () => {
    const similar = `${id.slice(0, 9)}${'x'.repeat(13)}`
    expect(findProgressCookie(place, cookies, { id: similar, cookie: hashSecret(progressCookie(2)) })).toBeUndefined()
  })

  it('finds no cookie of another owner, nor over https one without the prefix __Host-', () => {
    for (const other of [theirs, plainPlace]) {
      const planted = browserWith(writeProgressCookie(place, { ...own, name: other.prefix + id.slice(0, 9) }))
      expect(findProgressCookie(place, planted, { id, cookie: hash })).toBeUndefined()
      expect(findProgressCookie(other, planted, { id, cookie: hash })).toBeDefined()
    }
  })
})

describe('listProgressCookies()', () => {
  it('lists the logins of this instance, the oldest first', () => {
    const cookies = begunBefore([10, 300, 20, 20, 5])
    expect(listProgressCookies(place, cookies).map((cookie) => cookie.name)).toEqual([1, 2, 3, 0, 4].map(nameAt))
  })

  it('lists no other cookies', () => {
    const others = new Map([...begunBefore([10], theirs), ...begunBefore([10], plainPlace)])
    const { value } = writeProgressCookie(place, progressCookie(1))
    for (const other of [`${place.prefix}x`, `${place.prefix}details`, `${name}x`, name.slice(0, -1), `x${name}`])
      others.set(other, value as string)
    expect(listProgressCookies(place, others)).toEqual([])
  })
})

describe('listSurplusCookies()', () => {
  it('removes the oldest logins, so that there are at most 24 with the new one', () => {
    expect(mostInProgress).toBe(24)
    const ages = Array.from({ length: 30 }, (_, index) => 1000 - index)
    for (const count of [0, 1, 23]) expect(surplus(begunBefore(ages.slice(0, count)))).toEqual([])
    expect(surplus(begunBefore(ages.slice(0, 24)))).toEqual([nameAt(0)])
    expect(surplus(begunBefore(ages.slice(0, 25)))).toEqual([nameAt(0), nameAt(1)])
    expect(surplus(begunBefore(ages))).toEqual([0, 1, 2, 3, 4, 5, 6].map(nameAt))
  })

  it('removes the oldest, in whatever order the browser sends them', () => {
    const ages = Array.from({ length: 24 }, (_, index) => 100 + index)
    expect(surplus(begunBefore(ages))).toEqual([nameAt(23)])
    expect(surplus(begunBefore([...ages.slice(12), ...ages.slice(0, 12)]))).toEqual([nameAt(11)])
  })

  it('removes no login that is younger than 60 seconds', () => {
    const young = Array.from({ length: 24 }, () => 59)
    expect(surplus(begunBefore(young))).toEqual([])
    expect(surplus(begunBefore([60, ...young.slice(1)]))).toEqual([nameAt(0)])
    expect(surplus(begunBefore([61, 60, ...young]))).toEqual([0, 1].map(nameAt))
    // Of more than 24, only those that are old enough are removed.
    expect(surplus(begunBefore([60, ...young, ...young]))).toEqual([nameAt(0)])
  })

  it('removes no login of a process whose clock is ahead', () => {
    expect(surplus(begunBefore(Array.from({ length: 40 }, () => -899)))).toEqual([])
    expect(surplus(begunBefore([70, ...Array.from({ length: 24 }, () => -899)]))).toEqual([nameAt(0)])
  })

  it('removes a login whose time is further ahead than any clock of a login in progress', () => {
    expect(surplus(begunBefore([-900, -899]))).toEqual([nameAt(0)])
  })

  it('removes malformed cookies, which do not count', () => {
    const cookies = begunBefore(Array.from({ length: 23 }, () => 100))
    cookies.set(nameAt(100), 'garbage').set(nameAt(101), '')
    expect(surplus(cookies)).toEqual([100, 101].map(nameAt))
  })

  it('removes no cookie of the application, of another owner, or of this instance for another use', () => {
    const ages = Array.from({ length: 30 }, () => 1000)
    const cookies = new Map([...begunBefore(ages, theirs), ...begunBefore(ages, plainPlace)])
    for (const other of ['connect.sid', 'theme', 'oidc.x', `${place.prefix}x`, theirs.prefix + id.slice(0, 9)])
      cookies.set(other, 'garbage')
    const kept = [
      makeDetailsCookie(seals.details, place, id, { page: '/' }),
      makeLoggedOutCookie(place),
      makeSilentCookie(place),
      makeBfcacheCookies(place)[0] as ReturnType<typeof makeSilentCookie>,
      countFinished(seals.finished, place, new Map()).cookie,
    ]
    for (const cookie of kept) cookies.set(cookie.name, cookie.value as string)
    expect(surplus(cookies)).toEqual([])
  })

  it('removes a cookie with the attributes that it was set with', () => {
    const shop = makeCookiePlace('ours', { https: false, basePath: '/shop', crossSite: false })
    const { path, secure, sameSite } = writeProgressCookie(shop, createProgressCookie(shop, id, []))
    const [removed] = listSurplusCookies(shop, new Map([[shop.prefix + id.slice(0, 9), 'garbage']]))
    expect(removed).toMatchObject({ path, secure, sameSite, value: undefined, maxAgeSeconds: 0 })
  })
})

describe('hashLoginsInProgress()', () => {
  it('returns the hashes of the logins of all instances on this host', () => {
    const cookies = new Map([...begunBefore([10, 20]), ...begunBefore([30], theirs)])
    expect(hashLoginsInProgress(place, cookies)).toEqual([0, 1, 0].map((index) => hashSecret(progressCookie(index))))
    expect(hashLoginsInProgress(theirs, cookies)).toHaveLength(3)
  })

  it('counts over https only cookies that no other host can set, and without https only the others', () => {
    const cookies = new Map([...begunBefore([10]), ...begunBefore([10, 20], plainPlace)])
    expect(hashLoginsInProgress(place, cookies)).toEqual([hashSecret(progressCookie(0))])
    expect(hashLoginsInProgress(plainPlace, cookies)).toHaveLength(2)
  })

  it('counts no cookie with a similar name', () => {
    const { value } = writeProgressCookie(place, progressCookie(1))
    const names = [`x${name}`, `${name}x`, name.slice(0, -1), name.replace('oidc', 'other'), name.toLowerCase(), 'oidc']
    const others = names.filter((other) => other !== name)
    expect(hashLoginsInProgress(place, new Map(others.map((other) => [other, value as string])))).toEqual([])
  })
})

describe('addSession() and listFrom()', () => {
  it('addSession() keeps the four latest sessions, each once', () => {
    const [a, b, c, d, e] = hashes as [string, string, string, string, string]
    expect(addSession([], a)).toEqual([a])
    expect(addSession([a, b, c], d)).toEqual([a, b, c, d])
    expect(addSession([a, b, c, d], e)).toEqual([b, c, d, e])
    expect(addSession([a, b, c, d], b)).toEqual([a, c, d, b])
    expect(addSession([a], a)).toEqual([a])
  })

  it('listFrom() returns the four latest sessions of all logins of this owner, each once', () => {
    const [a, b, c, d, e, f] = hashes as [string, string, string, string, string, string]
    const write = (index: number, ago: number, from: readonly string[], where = place) =>
      writeProgressCookie(where, {
        ...progressCookie(index, { ago, from }),
        name: where.prefix + loginId(index).slice(0, 9),
      })
    const cookies = browserWith(write(1, 10, [d, e]), write(2, 50, [a, b, c]), write(3, 20, [c, d]))
    expect(listFrom(place, cookies)).toEqual([b, c, d, e])
    expect(listFrom(place, browserWith(write(1, 10, [a, b]), write(2, 20, [b])))).toEqual([b, a])
    expect(listFrom(place, browserWith(write(1, 10, [a]), write(2, 10, [f], theirs)))).toEqual([a])
    expect(listFrom(place, new Map())).toEqual([])
    expect(nowSeconds()).toBe(1_800_000_000)
  })
})
