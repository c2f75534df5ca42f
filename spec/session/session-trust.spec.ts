import { beforeEach, describe, expect, it, vi } from 'vitest'
import { hashShort } from '../../lib/core/short-hash.ts'
import { findTrust, listRecent, type Arrival } from '../../lib/session/session-trust.ts'
import type { BrowserRecord } from '../../lib/store/browser-record.ts'

const now = 1_800_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 }))

const full = { data: true, logins: true }
const dataOnly = { data: true, logins: false }
const nothing = { data: false, logins: false }

const id = 'the session that arrived'
const mark = 'the mark of the browser'
const marked = hashShort(mark)
const former = hashShort('a session that it replaced')

const login = { from: [] as readonly string[], cookie: 'hash-cookie', mark: marked as string | undefined }
const arrival: Arrival = { cookies: ['connect.sid'], mark, inProgress: [] }
const browser: BrowserRecord = { mark: marked, logins: [], replaced: [] }

interface Row {
  readonly login?: Partial<typeof login>
  readonly arrival?: Partial<Arrival>
  readonly browser?: Partial<BrowserRecord> | 'none'
  readonly isSameUser?: boolean
}

function trust(row: Row): unknown {
  const known = row.browser === 'none' ? undefined : { ...browser, ...row.browser }
  const session = { id, browser: known, isSameUser: row.isSameUser ?? false }
  return findTrust({ ...login, ...row.login }, session, { ...arrival, ...row.arrival })
}

const fromIt: Row = { login: { from: [hashShort(id)] } }
const fromFormer: Row = {
  login: { from: [former] },
  browser: { replaced: [{ session: former, at: now }] },
}

describe('findTrust()', () => {
  it.each<[string, Row, object]>([
    // Nothing shows that the session is of this browser.
    ['a session in a cookie that another host can set', {}, nothing],
    ['a session without a record', { browser: 'none' }, nothing],
    ['a session of a browser without a mark', { arrival: { mark: undefined } }, nothing],
    ['a session whose mark alone agrees', { login: { from: [hashShort('another')] } }, nothing],

    // The name of its cookie.
    ['a session that this request has created', { arrival: { cookies: [] }, browser: 'none' }, full],
    ['a session in one cookie with the prefix __Host-', { arrival: { cookies: ['__Host-sid'] } }, full],
    ['a session in one cookie with the prefix __Secure-', { arrival: { cookies: ['__Secure-sid'] } }, nothing],
    ['a session in one cookie with the prefix in other case', { arrival: { cookies: ['__host-sid'] } }, nothing],
    ['a session in one cookie with the prefix within', { arrival: { cookies: ['x__Host-sid'] } }, nothing],
    ['a session in one cookie with an encoded prefix', { arrival: { cookies: ['%5F%5FHost-sid'] } }, nothing],
    ['a session in one cookie with a space in front', { arrival: { cookies: ['\u00a0__Host-sid'] } }, nothing],
    ['a session in another cookie as well', { arrival: { cookies: ['__Host-sid', 'connect.sid'] } }, nothing],
    ['a session in another cookie before', { arrival: { cookies: ['connect.sid', '__Host-sid'] } }, nothing],
    ['a session in two cookies of one name', { arrival: { cookies: ['__Host-sid', '__Host-sid'] } }, nothing],
    ['a session in two cookies with the prefix', { arrival: { cookies: ['__Host-sid', '__Host-other'] } }, nothing],

    // Its user.
    ['a session of the same user', { isSameUser: true, browser: 'none', arrival: { mark: undefined } }, full],

    // The record names the cookie of this login.
    ['a session made while this login was in progress', { browser: { logins: ['x', 'hash-cookie'] } }, full],
    ['a session made while other logins were in progress', { browser: { logins: ['x', 'y'] } }, nothing],

    // The cookie of the login names the session.
    ['a session in `from`', fromIt, full],
    ['a session in `from` among others', { login: { from: ['x', hashShort(id), 'y', 'z'] } }, full],
    ['a session in `from`, without a record', { ...fromIt, browser: 'none' }, dataOnly],
    ['a session in `from` by its id', { login: { from: [id] } }, nothing],

    // The cookie of the login names a session that this one has replaced.
    ['a session that replaced one in `from`', fromFormer, full],
    [
      'a session that replaced one in `from` 899 seconds ago',
      { ...fromFormer, browser: { replaced: [{ session: former, at: now - 899 }] } },
      full,
    ],
    [
      'a session that replaced one in `from` 900 seconds ago',
      { ...fromFormer, browser: { replaced: [{ session: former, at: now - 900 }] } },
      nothing,
    ],
    [
      'a session that replaced one in `from` 899 seconds ahead',
      { ...fromFormer, browser: { replaced: [{ session: former, at: now + 899 }] } },
      full,
    ],
    [
      'a session that replaced one in `from` 900 seconds ahead',
      { ...fromFormer, browser: { replaced: [{ session: former, at: now + 900 }] } },
      nothing,
    ],
    [
      'a session that replaced several, one of them in `from`',
      { ...fromFormer, browser: { replaced: ['a', 'b', former, 'c'].map((session) => ({ session, at: now })) } },
      full,
    ],
    [
      'a session that replaced others',
      { ...fromFormer, browser: { replaced: [{ session: hashShort('other'), at: now }] } },
      nothing,
    ],
  ])('for %s, returns %j', (_name, row, expected) => {
    expect(trust(row)).toEqual(expected)
  })

  it.each<[string, Row]>([
    ['the login had no mark', { login: { mark: undefined } }],
    ['the login had another mark', { login: { mark: hashShort('other') } }],
    ['the login had the mark itself instead of its hash', { login: { mark } }],
    ['the request has no mark', { arrival: { mark: undefined } }],
    ['the request has another mark', { arrival: { mark: 'another mark' } }],
    ['the request has the hash of the mark', { arrival: { mark: marked } }],
    ['the record has another mark', { browser: { mark: hashShort('other') } }],
    ['the record has an empty mark', { browser: { mark: '' } }],
    ['the record is not known', { browser: 'none' }],
    ['no mark is known anywhere', { login: { mark: undefined }, arrival: { mark: undefined }, browser: 'none' }],
    ['login and record have the same other mark', { login: { mark: 'x' }, browser: { mark: 'x' } }],
    ['request and record have the same other mark', { arrival: { mark: 'x' }, browser: { mark: hashShort('x') } }],
    ['login and request have the same other mark', { login: { mark: hashShort('x') }, arrival: { mark: 'x' } }],
  ])('keeps no logins of other instances of a session in `from` if %s', (_name, row) => {
    const { browser: named, ...others } = row
    const isUnknown = named === 'none'
    const ways = [
      { from: [hashShort(id)], replaced: [] },
      // Without a record, no session is known to be replaced.
      ...(isUnknown ? [] : [{ from: [former], replaced: [{ session: former, at: now }] }]),
    ]
    for (const { from, replaced } of ways) {
      const merged = { ...others, login: { from, ...row.login } }
      expect(trust({ ...merged, browser: isUnknown ? 'none' : { replaced, ...named } })).toEqual(dataOnly)
    }
  })
})

describe('listRecent()', () => {
  it('returns the sessions that were replaced less than 15 minutes ago, by any clock', () => {
    const replaced = [-900, -899, 0, 899, 900, Infinity, Number.NaN].map((ago) => ({
      session: `${ago}`,
      at: now - ago,
    }))
    expect(listRecent({ ...browser, replaced }).map(({ session }) => session)).toEqual(['-899', '0', '899'])
    expect(listRecent(undefined)).toEqual([])
  })
})
