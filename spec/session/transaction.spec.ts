import { beforeEach, describe, expect, it, vi } from 'vitest'
import { toLocalPath } from '../../lib/core/urls.ts'
import { transactionSeconds } from '../../lib/core/limits.ts'
import { deriveSeals } from '../../lib/core/seals.ts'
import { nowSeconds } from '../../lib/core/clock.ts'
import { createTransactionId } from '../../lib/session/state.ts'
import {
  clearTransaction,
  readMaxAge,
  mostTransactions,
  openTransaction,
  measureCookie,
  findSurplusTransactions,
  makeTransactionCookie,
  type Transaction,
} from '../../lib/session/transaction.ts'
import {
  makeCookiePlace,
  makeBfcacheCookies,
  makeSilentCookie,
  type Cookie,
  type CookiePlace,
} from '../../lib/session/login-cookies.ts'
import { countFinished } from '../../lib/session/login-loop.ts'

const secrets = ['a secret of more than thirty-two characters']
const { transaction: sealer, finished } = deriveSeals({ secrets, owner: 'ours' })
const whole = { https: true, basePath: '', crossSite: false }
const place = makeCookiePlace('ours', whole)
const theirs: CookiePlace = makeCookiePlace('theirs', whole)

function makeTransaction(more: Partial<Transaction> = {}): Transaction {
  return {
    id: createTransactionId(),
    nonce: 'nonce',
    verifier: 'verifier',
    returnTo: '/profile',
    startedAt: nowSeconds(),
    scope: ['openid'],
    parameters: {},
    ...more,
  }
}

/** The cookies of a browser that has accepted these. */
function browserWith(...cookies: Cookie[]): Map<string, string> {
  return new Map(cookies.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])))
}

/** An id of 22 characters, like generated ones. */
function getId(index: number): string {
  return `id-${index}`.padEnd(22, '-')
}

function manyTransactions(count: number): { ids: string[]; cookies: Map<string, string> } {
  const list = Array.from({ length: count }, (_, index) =>
    makeTransaction({ id: getId(index), startedAt: nowSeconds() - 100 + index }),
  )
  return {
    ids: list.map(({ id }) => id),
    cookies: browserWith(...list.map((transaction) => makeTransactionCookie(sealer, place, transaction))),
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

describe('the transaction cookie', () => {
  it.each([
    [{ https: true, basePath: '' }, '__Host-oidc.', '/'],
    [{ https: true, basePath: '/shop' }, '__Host-oidc.', '/'],
    [{ https: false, basePath: '' }, 'oidc.', '/'],
    [{ https: false, basePath: '/shop' }, 'oidc.', '/shop'],
  ])('the name of the transaction cookie for %j begins with %s', (where, begin, path) => {
    const here = makeCookiePlace('ours', { ...whole, ...where })
    const cookie = makeTransactionCookie(sealer, here, makeTransaction({ id: 'id-1' }))
    expect(here.prefix.startsWith(begin)).toBe(true)
    expect(here.prefix.slice(begin.length)).toMatch(/^[\w-]{11}\.$/)
    expect(cookie).toMatchObject({
      name: `${here.prefix}id-1`,
      path,
      secure: where.https,
      sameSite: 'Lax',
      maxAgeSeconds: transactionSeconds,
    })
  })

  it('the transaction cookie has a different name for each owner and each base path', () => {
    const places = ['ours', 'theirs'].flatMap((owner) =>
      ['', '/shop', '/desk'].map((basePath) => makeCookiePlace(owner, { ...whole, basePath })),
    )
    expect(new Set(places.map(({ prefix }) => prefix)).size).toBe(6)
    expect(makeCookiePlace('ours', { ...whole }).prefix).toBe(place.prefix)
  })

  it('the transaction cookie is sent with a cross-site POST if the response arrives by one', () => {
    const cookie = makeTransactionCookie(sealer, { ...place, https: false, crossSite: true }, makeTransaction())
    expect(cookie).toMatchObject({ sameSite: 'None', secure: true })
  })

  it('the transaction cookie is removed with the attributes that it was set with', () => {
    const made = makeTransactionCookie(sealer, place, makeTransaction({ id: 'id-1' }))
    const { name, path, secure, sameSite } = made
    expect(clearTransaction(place, 'id-1')).toEqual({
      name,
      path,
      secure,
      sameSite,
      value: undefined,
      maxAgeSeconds: 0,
    })
  })

  it('the transaction cookie fits into the limit of browsers for any returnTo', () => {
    for (const wanted of [`/?q=${'a'.repeat(2044)}`, `/?q=${'\u00e9'.repeat(1000)}`, `/?q=${'"'.repeat(2000)}`]) {
      const returnTo = toLocalPath(wanted, 'https://app.example.com')
      if (returnTo === undefined) continue
      const transaction = makeTransaction({ nonce: 'n'.repeat(22), verifier: 'v'.repeat(43), returnTo })
      const { name, value } = makeTransactionCookie(sealer, place, transaction)
      // RFC 6265bis 5.6: browsers drop cookies whose name and value exceed 4096 bytes.
      expect(name.length + (value as string).length).toBeLessThanOrEqual(4096)
    }
  })
})

describe('a transaction', () => {
  it('a transaction can be opened in the browser that began it', () => {
    const transaction = makeTransaction({ parameters: { max_age: '60', prompt: 'none' } })
    const cookies = browserWith(makeTransactionCookie(sealer, place, transaction))
    expect(openTransaction(sealer, place, cookies, transaction.id)).toEqual(transaction)
    expect(readMaxAge(transaction)).toBe(60)
    expect(readMaxAge(makeTransaction())).toBeUndefined()
  })

  it('a transaction cannot be opened with another id, instance or secret, nor when altered', () => {
    const transaction = makeTransaction({ id: 'id-1' })
    const { name, value } = makeTransactionCookie(sealer, place, transaction)
    const sealed = value as string
    const open = (cookies: [string, string][], id = 'id-1', where = place, with_ = sealer): unknown =>
      openTransaction(with_, where, new Map(cookies), id)
    const { prefix } = place
    expect(open([])).toBeUndefined()
    expect(open([[name, sealed]], 'id-2')).toBeUndefined()
    expect(open([[`${prefix}id-2`, sealed]], 'id-2')).toBeUndefined()
    expect(open([[`${theirs.prefix}id-1`, sealed]])).toBeUndefined()
    for (const source of [
      { secrets, owner: 'theirs' },
      { secrets: ['another secret, of more than thirty-two characters'], owner: 'ours' },
    ]) {
      expect(open([[name, sealed]], 'id-1', place, deriveSeals(source).transaction)).toBeUndefined()
    }
    expect(open([[name, `${sealed}x`]])).toBeUndefined()
    expect(open([[name, 'garbage']])).toBeUndefined()
    expect(open([[name, '']])).toBeUndefined()
    expect(open([[name, sealed]])).toEqual(transaction)
  })

  it('a transaction cannot be opened from a cookie without the __Host- prefix', () => {
    const transaction = makeTransaction({ id: 'id-1' })
    const planted = makeTransactionCookie(sealer, makeCookiePlace('ours', { ...whole, https: false }), transaction)
    expect(`__Host-${planted.name}`).toBe(`${place.prefix}id-1`)
    expect(openTransaction(sealer, place, browserWith(planted), 'id-1')).toBeUndefined()
  })

  it("a transaction can be opened for 15 minutes by the server's clock", () => {
    const transaction = makeTransaction()
    const cookies = browserWith(makeTransactionCookie(sealer, place, transaction))
    vi.setSystemTime(Date.now() + (transactionSeconds - 1) * 1000)
    expect(openTransaction(sealer, place, cookies, transaction.id)).toEqual(transaction)
    vi.setSystemTime(Date.now() + 1000)
    expect(openTransaction(sealer, place, cookies, transaction.id)).toBeUndefined()
  })
})

describe('the transactions of one browser', () => {
  it('a browser has at most five transactions, and a new one replaces the oldest', () => {
    expect(mostTransactions).toBe(5)
    for (const count of [0, 1, 4]) {
      expect(findSurplusTransactions(sealer, place, manyTransactions(count).cookies, 0)).toEqual([])
    }
    expect(findSurplusTransactions(sealer, place, manyTransactions(5).cookies, 0)).toEqual([getId(0)])
    expect(findSurplusTransactions(sealer, place, manyTransactions(8).cookies, 0).toSorted()).toEqual(
      [0, 1, 2, 3].map(getId),
    )
  })

  /** A browser with transactions begun so many seconds ago, in the order of its header, and the size of each cookie. */
  function begunBefore(seconds: readonly number[], length = 1): { cookies: Map<string, string>; size: number } {
    const list = seconds.map((ago, index) =>
      makeTransactionCookie(
        sealer,
        place,
        makeTransaction({ id: getId(index), startedAt: nowSeconds() - ago, returnTo: '/'.padEnd(length, 'a') }),
      ),
    )
    const [first] = list as [Cookie, ...Cookie[]]
    expect(new Set(list.map(({ value }) => value?.length)).size).toBe(1)
    return { cookies: browserWith(...list), size: first.name.length + String(first.value).length }
  }

  it('the latest transactions are kept, in whatever order a browser sends them', () => {
    expect(findSurplusTransactions(sealer, place, begunBefore([10, 20, 50, 30, 40]).cookies, 0)).toEqual([getId(2)])
    expect(findSurplusTransactions(sealer, place, begunBefore([50, 40, 10, 20, 30]).cookies, 0)).toEqual([getId(0)])
    expect(findSurplusTransactions(sealer, place, begunBefore([20, 30, 40, 50, 60, 10]).cookies, 0).toSorted()).toEqual(
      [3, 4].map(getId).toSorted(),
    )
  })

  it('transactions of the same time are ordered as browsers send them, older first (RFC 6265 5.4)', () => {
    expect(findSurplusTransactions(sealer, place, begunBefore([10, 10, 10, 10, 10]).cookies, 0)).toEqual([getId(0)])
  })

  it('transaction cookies, including a new one, have at most 6144 characters; the oldest are dropped', () => {
    const { cookies, size } = begunBefore([30, 10, 20], 1000)
    const left = 6144 - 3 * size
    expect(size).toBeGreaterThan(1000)
    expect(left).toBeGreaterThan(0)
    expect(findSurplusTransactions(sealer, place, cookies, left)).toEqual([])
    expect(findSurplusTransactions(sealer, place, cookies, left + 1)).toEqual([getId(0)])
    expect(findSurplusTransactions(sealer, place, cookies, left + size)).toEqual([getId(0)])
    expect(findSurplusTransactions(sealer, place, cookies, left + size + 1).toSorted()).toEqual([0, 2].map(getId))
    expect(findSurplusTransactions(sealer, place, cookies, 6144)).toHaveLength(3)
  })

  it('unreadable and expired transactions are dropped and do not count', () => {
    const { cookies } = manyTransactions(4)
    const [garbage, moved, gone] = ['garbage', 'moved', 'old'].map((name) => name.padEnd(22, '-')) as [
      string,
      string,
      string,
    ]
    cookies.set(`${place.prefix}${garbage}`, 'garbage')
    cookies.set(`${place.prefix}${moved}`, cookies.get(`${place.prefix}${getId(0)}`) as string)
    const old = makeTransaction({ id: gone, startedAt: nowSeconds() - transactionSeconds })
    cookies.set(`${place.prefix}${gone}`, makeTransactionCookie(sealer, place, old).value as string)
    expect(findSurplusTransactions(sealer, place, cookies, 0).toSorted()).toEqual([garbage, moved, gone])
  })

  it('cookies of the application and of other instances are not dropped', () => {
    const { cookies } = manyTransactions(2)
    for (const name of ['connect.sid', 'theme', 'oidc.x', `${theirs.prefix}x`, `${place.prefix}x`]) {
      cookies.set(name, 'garbage')
    }
    cookies.set(theirs.prefix + getId(0), 'garbage')
    expect(findSurplusTransactions(sealer, place, cookies, 0)).toEqual([])
  })

  it('the cookie that counts finished logins is not dropped', () => {
    const { cookies } = manyTransactions(1)
    const { name, value } = countFinished(finished, place, new Map()).cookie
    cookies.set(name, value as string)
    expect(findSurplusTransactions(sealer, place, cookies, 0)).toEqual([])
  })

  it('at most twenty transactions are read and dropped at once, however many a browser sends', () => {
    const open = vi.spyOn(sealer, 'open')
    try {
      const { ids, cookies } = manyTransactions(150)
      const dropped = findSurplusTransactions(sealer, place, cookies, 0)
      expect(open).toHaveBeenCalledTimes(20)
      expect(dropped).toHaveLength(16)
      expect(ids.filter((id) => !dropped.includes(id))).toHaveLength(134)
    } finally {
      open.mockRestore()
    }
  })
})

describe('the other cookies of an instance', () => {
  const attributes = { path: '/', secure: true, sameSite: 'Lax' }

  it('the cookie that records a silent login lasts until the browser is closed', () => {
    const name = `${place.prefix}silent`
    expect(makeSilentCookie(place)).toEqual({ ...attributes, name, value: '1', maxAgeSeconds: undefined })
  })

  it('a logout sets a cookie and removes it again', () => {
    const name = `${place.prefix}bye`
    expect(makeBfcacheCookies(place)).toEqual([
      { ...attributes, name, value: '1', maxAgeSeconds: undefined },
      { ...attributes, name, value: undefined, maxAgeSeconds: 0 },
    ])
  })
})

describe('the size of a cookie', () => {
  it('the size of a cookie is that of its name and its value', () => {
    expect(measureCookie('name', 'value')).toBe(9)
    expect(measureCookie('name', '')).toBe(4)
    expect(measureCookie('name', undefined)).toBe(4)
  })
})

describe('finished logins', () => {
  /** Finishes logins one after another in one browser, and returns for each whether it was one too many. */
  function finish(count: number, cookies: Map<string, string>): boolean[] {
    return Array.from({ length: count }, () => {
      const { cookie, tooMany } = countFinished(finished, place, cookies)
      cookies.set(cookie.name, cookie.value as string)
      return tooMany
    })
  }

  it(
    'the sixth finished login within a minute is one too many, and then the count starts again',
    { meta: { id: 'transaction-1' } },
    () => {
      expect(finish(7, new Map())).toEqual([false, false, false, false, false, true, false])
    },
  )

  it('finished logins no longer count after a minute', () => {
    const cookies = new Map<string, string>()
    finish(5, cookies)
    vi.setSystemTime(Date.now() + 60_000)
    expect(finish(5, cookies)).toEqual([false, false, false, false, false])
  })

  it('finished logins are counted in a cookie that only the instance can write', () => {
    const cookies = new Map<string, string>()
    finish(5, cookies)
    const [name, value] = [...cookies][0] as [string, string]
    expect(name).toBe(`${place.prefix}finished`)
    expect(countFinished(finished, place, new Map([[name, `${value}x`]])).tooMany).toBe(false)
    expect(countFinished(finished, place, new Map([[name, 'garbage']])).tooMany).toBe(false)
    for (const other of [deriveSeals({ secrets, owner: 'theirs' }).finished, sealer]) {
      expect(countFinished(other, place, cookies).tooMany).toBe(false)
    }
    expect(countFinished(finished, place, cookies).tooMany).toBe(true)
  })
})
