/** The access tokens of a login: their names, how they are stored, missing scope, and freshness. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  listGrantedScope,
  findMissingScope,
  formatExchangeName,
  formatTargetName,
  ownTarget,
  findNamedToken,
  addAdditionalToken,
} from '../../../lib/logins/tokens/target.ts'
import type { AccessToken, StoredTokens } from '../../../lib/store/tokens.ts'
import { isFresh, isUsable } from '../../../lib/logins/tokens/freshness.ts'

const now = 1_800_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 }))

function token(more: Partial<AccessToken> = {}): AccessToken {
  return { accessToken: 'token', tokenType: 'bearer', obtainedAt: now, expiresAt: now + 300, scope: [], ...more }
}

function kept(others: StoredTokens['additional'], scope: readonly string[] = ['openid']): StoredTokens {
  return { ...token({ scope: [...scope] }), refreshToken: 'refresh', idToken: 'id', additional: others }
}

describe('an access token', () => {
  it.each<[string, Partial<AccessToken>, number, boolean]>([
    ['without an expiry', { expiresAt: undefined }, 600, true],
    ['with minValidSeconds left', { obtainedAt: now - 900, expiresAt: now + 30 }, 30, true],
    ['with a second less than minValidSeconds left', { obtainedAt: now - 900, expiresAt: now + 29 }, 30, false],
    ['that expires now', { obtainedAt: now - 900, expiresAt: now }, 0, false],
    ['that has expired', { obtainedAt: now - 900, expiresAt: now - 1 }, 0, false],
    ['with a life of minValidSeconds, in its first half', { obtainedAt: now - 15, expiresAt: now + 15 }, 30, true],
    ['with a life of minValidSeconds, in its second half', { obtainedAt: now - 16, expiresAt: now + 14 }, 30, false],
  ])('isFresh() evaluates a token %s: %s', (_what, times, minValidSeconds, expected) => {
    expect(isFresh(token(times), minValidSeconds)).toBe(expected)
  })

  it('isUsable() accepts a token until it expires, to the second', () => {
    expect(isUsable(token({ expiresAt: undefined }))).toBe(true)
    expect(isUsable(token({ expiresAt: now + 1 }))).toBe(true)
    expect(isUsable(token({ expiresAt: now }))).toBe(false)
  })

  it.each<[string, string, readonly string[]]>([
    ['orders.read', 'orders.read', []],
    ['orders.read', 'api://orders/orders.read', []],
    ['api://orders/orders.read', 'orders.read', []],
    ['orders.read', 'other.orders.read', ['orders.read']],
    ['orders.read', 'orders.read/x', ['orders.read']],
    ['orders.read/x', 'orders.read', ['orders.read/x']],
    ['api://orders/.default', 'orders.read', []],
    ['/.default/orders', 'orders.read', ['/.default/orders']],
    ['openid', 'orders.read', []],
  ])('a token for which %s was requested and %s granted lacks %j', (wanted, granted, missing) => {
    expect(findMissingScope({ scope: [wanted], resource: [] }, token({ scope: [granted] }))).toEqual(missing)
    expect(findMissingScope(ownTarget, token({ scope: [granted] }))).toEqual([])
  })
})

describe('the access tokens of a login', () => {
  it('tokens are found by their scope and resources, in whatever order', () => {
    const name = formatTargetName({ scope: ['b', 'a'], resource: ['https://two', 'https://one'] })
    expect(formatTargetName({ scope: ['a', 'b'], resource: ['https://one', 'https://two'] })).toBe(name)
    expect(formatTargetName(ownTarget)).toBe('')
    const all = kept({ [name]: token({ accessToken: 'other' }) })
    expect(findNamedToken(all, name)?.accessToken).toBe('other')
    expect(findNamedToken(all, '')).toBe(all)
    for (const none of ['constructor', 'toString', 'x']) expect(findNamedToken(all, none)).toBeUndefined()
    expect(findNamedToken(kept(undefined), name)).toBeUndefined()
  })

  it('addAdditionalToken() drops expired tokens and the one that it replaces', () => {
    const others = {
      ended: token({ expiresAt: now }),
      lasting: token({ expiresAt: now + 1 }),
      endless: token({ expiresAt: undefined }),
      again: token({ accessToken: 'old' }),
    }
    const added = addAdditionalToken(kept(others), 'again', token({ accessToken: 'new' }))
    expect(Object.keys(added.additional ?? {})).toEqual(['lasting', 'endless', 'again'])
    expect(findNamedToken(added, 'again')?.accessToken).toBe('new')
  })

  it('addAdditionalToken() keeps at most twenty additional tokens and drops the oldest', () => {
    let all = kept(undefined)
    for (let n = 0; n < 25; n++) all = addAdditionalToken(all, `n${n}`, token())
    expect(Object.keys(all.additional ?? {})).toEqual(Array.from({ length: 20 }, (_, n) => `n${n + 5}`))
  })

  it('listGrantedScope() combines the scope of all tokens but exchanged ones', () => {
    const exchanged = formatExchangeName(['api'], { scope: ['admin'], resource: [] })
    const all = kept({
      [formatTargetName({ scope: ['orders'], resource: [] })]: token({ scope: ['orders', 'openid'] }),
      [exchanged]: token({ scope: ['admin'] }),
      [`not ${exchanged.slice(0, 9)}`]: token({ scope: ['mail'] }),
    })
    expect(listGrantedScope(all).toSorted()).toEqual(['mail', 'openid', 'orders'])
  })
})
