import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { hashShort } from '../../lib/core/short-hash.ts'
import { selectKept, type ArrivedLogin, type FormerSession, type Kept } from '../../lib/session/former-session.ts'
import type { LoginInProgress } from '../../lib/session/login-in-progress.ts'
import type { BrowserRecord } from '../../lib/store/browser-record.ts'
import type { LoginEntry, LoginEntries } from '../../lib/store/login-entry.ts'
import { LoginRecord, writeRecord } from '../../lib/store/login-record.ts'
import { makeLoginEntry } from '../support/login-entries.ts'

const now = 1_800_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 }))

const id = 'the former session'
const mark = 'the mark of the browser'
const newMark = 'the new mark'
const alice = makeEntry('alice')
const staff = makeEntry('staff-user', { owner: 'owner of staff' })
const replacedLong = { session: 'hash-long-1', at: now - 900 }
const replacedNow = { session: 'hash-recent', at: now - 899 }
const browser: BrowserRecord = {
  mark: hashShort(mark),
  logins: ['hash-login1'],
  replaced: [replacedLong, replacedNow],
}

/** A login that ends in an hour. */
function makeEntry(sub: string, more: Partial<LoginEntry> = {}): LoginEntry {
  return makeLoginEntry(sub, { endsAt: now + 3600, ...more })
}

interface Given {
  readonly entries?: LoginEntries
  readonly hadLogins?: boolean
  readonly browser?: BrowserRecord | undefined
  readonly login?: Partial<LoginInProgress>
  readonly arrival?: Partial<ArrivedLogin['arrival']>
}

/** Alice's login with the instance `default`, at its callback with the former session. */
function select({ entries = {}, ...given }: Given = {}): Kept {
  const known = 'browser' in given ? given.browser : browser
  const hasRecord = Object.keys(entries).length > 0
  const former: FormerSession = {
    id,
    hadLogins: given.hadLogins ?? hasRecord,
    record: hasRecord ? LoginRecord.of('former', writeRecord(entries, 1, known)) : LoginRecord.none,
  }
  return selectKept(former, {
    login: { from: [], cookie: 'hash-cookie', mark: hashShort(mark), ...given.login } as unknown as LoginInProgress,
    arrival: { cookies: ['__Host-sid'], mark, inProgress: ['hash-cookie', 'hash-other1'], ...given.arrival },
    name: 'default',
    user: alice,
    newMark,
  })
}

const untrusted: Given = { arrival: { cookies: ['connect.sid'] } }
const isIn: Given = { login: { from: [hashShort(id)] }, arrival: { cookies: ['connect.sid'] } }
const self = { session: hashShort(id), at: now }

describe('selectKept() for a trusted session', () => {
  it('keeps the data of an anonymous session', () => {
    expect(select()).toEqual({
      data: true,
      entries: {},
      mark,
      browser: { mark: hashShort(mark), logins: ['hash-other1'], replaced: [self] },
      isUntrusted: false,
    })
  })

  it('keeps data, other logins, mark and lists of a session of the same user', () => {
    expect(select({ entries: { default: alice, staff } })).toEqual({
      data: true,
      entries: { staff },
      mark,
      browser: {
        mark: hashShort(mark),
        logins: ['hash-login1', 'hash-other1'],
        replaced: [replacedNow, self],
      },
      isUntrusted: false,
    })
  })

  it('keeps all of a session whose user has logged in with another instance', () => {
    expect(select({ entries: { staff } })).toMatchObject({
      data: true,
      entries: { staff },
      mark,
      browser: { logins: ['hash-login1', 'hash-other1'], replaced: [replacedNow, self] },
    })
  })

  it.each([
    ['another user', { default: makeEntry('bob') }],
    ['a user with the same subject at another issuer', { default: makeEntry('alice', { issuer: 'https://other' }) }],
    ['a login of another owner under the same name', { default: makeEntry('alice', { owner: 'other' }) }],
  ])('keeps nothing of a session of %s, and begins with a new mark and empty lists', (_name, entries) => {
    expect(select({ entries: { ...entries, staff } })).toEqual({
      data: false,
      entries: {},
      mark: newMark,
      browser: { mark: hashShort(newMark), logins: [], replaced: [] },
      isUntrusted: false,
    })
  })

  it('keeps no data of a session whose logins have all ended', () => {
    expect(select({ hadLogins: true })).toMatchObject({ data: false, entries: {}, isUntrusted: false })
    const entries = { default: makeEntry('alice', { endsAt: now }) }
    expect(select({ entries, hadLogins: true })).toMatchObject({ data: false, entries: {}, isUntrusted: false })
  })

  it('takes a new mark if the browser has none', () => {
    const { mark: given, browser: made } = select({ entries: { default: alice }, arrival: { mark: undefined } })
    expect([given, made.mark]).toEqual([newMark, hashShort(newMark)])
  })

  it('does not take a session that this request has created for a replaced one', () => {
    expect(select({ arrival: { cookies: [] } }).browser.replaced).toEqual([])
  })

  it('ignores a login under a name that all objects have', () => {
    const former = { id, hadLogins: false, record: LoginRecord.none }
    const arrival = { cookies: ['__Host-sid'], mark, inProgress: [] }
    const login = { from: [], cookie: 'c', mark: undefined } as unknown as LoginInProgress
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(selectKept(former, { login, arrival, name, user: alice, newMark })).toMatchObject({ data: true, mark })
  })
})

describe('selectKept() for a session that nothing shows to be of this browser', () => {
  it.each<[string, Given]>([
    ['an anonymous session', {}],
    ['a session with logins of other instances', { entries: { staff } }],
    ['a session without a known browser', { entries: { staff }, browser: undefined }],
  ])('keeps nothing of %s, and reports that', (_name, given) => {
    expect(select({ ...given, ...untrusted })).toEqual({
      data: false,
      entries: {},
      mark: newMark,
      browser: { mark: hashShort(newMark), logins: ['hash-other1'], replaced: [] },
      isUntrusted: true,
    })
  })

  it('keeps all of a session of the same user', () => {
    expect(select({ entries: { default: alice, staff }, ...untrusted })).toMatchObject({
      data: true,
      entries: { staff },
      mark,
      browser: { logins: ['hash-login1', 'hash-other1'], replaced: [replacedNow, self] },
      isUntrusted: false,
    })
  })

  it('reports nothing if nothing would have been kept anyway', () => {
    expect(select({ entries: { default: makeEntry('bob') }, ...untrusted }).isUntrusted).toBe(false)
    expect(select({ hadLogins: true, ...untrusted }).isUntrusted).toBe(false)
  })
})

describe('selectKept() for a session in the cookie of the login', () => {
  it('keeps the data', () => {
    expect(select(isIn)).toMatchObject({ data: true, mark, browser: { replaced: [self] }, isUntrusted: false })
  })

  it('keeps logins of other instances if the mark agrees', () => {
    expect(select({ entries: { staff }, ...isIn })).toMatchObject({
      data: true,
      entries: { staff },
      isUntrusted: false,
    })
  })

  it.each<[string, Given]>([
    ['record', { browser: { ...browser, mark: hashShort('other') } }],
    ['request', { arrival: { cookies: ['connect.sid'], mark: 'another' } }],
    ['login', { login: { from: [hashShort(id)], mark: undefined } }],
  ])(
    'keeps the data, but no logins of other instances, if the mark of the %s differs, and reports that',
    (_name, given) => {
      expect(select({ entries: { staff }, ...isIn, ...given })).toMatchObject({
        data: true,
        entries: {},
        isUntrusted: true,
      })
    },
  )

  it('keeps nothing of another user', () => {
    expect(select({ entries: { default: makeEntry('bob'), staff }, ...isIn })).toMatchObject({
      data: false,
      entries: {},
      mark: newMark,
      browser: { logins: [], replaced: [] },
    })
  })
})

describe('the lists of the new record', () => {
  const hashes = (count: number, start = 0): string[] => Array.from({ length: count }, (_, n) => `hash-${start + n}`)

  it('the list of logins has each login of the browser once, without the finished one', () => {
    const found = select({
      entries: { default: alice },
      arrival: { inProgress: ['a', 'hash-login1', 'hash-cookie', 'a'] },
    })
    expect(found.browser.logins).toEqual(['hash-login1', 'a'])
  })

  it('the list of logins has at most the 24 latest', () => {
    const known = { ...browser, logins: hashes(20) }
    const logins = (inProgress: string[]): readonly string[] =>
      select({ entries: { default: alice }, browser: known, arrival: { inProgress } }).browser.logins
    expect(logins(hashes(4, 20))).toEqual(hashes(24))
    expect(logins(hashes(5, 20))).toEqual(hashes(24, 1))
    expect(logins(hashes(100, 20))).toEqual(hashes(24, 96))
  })

  it('the list of replaced sessions has at most the 24 latest', () => {
    const replaced = (count: number): readonly string[] => {
      const known = { ...browser, replaced: hashes(count).map((session) => ({ session, at: now })) }
      return select({ entries: { default: alice }, browser: known }).browser.replaced.map(({ session }) => session)
    }
    expect(replaced(23)).toEqual([...hashes(23), hashShort(id)])
    expect(replaced(24)).toEqual([...hashes(23, 1), hashShort(id)])
    expect(nowSeconds()).toBe(now)
  })
})
