/** The access tokens of a login: how they are named and kept, what they lack, and how long they are good for. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  grantedScope,
  missingScope,
  nameOfExchanged,
  nameOfTarget,
  ownTarget,
  tokenNamed,
  withOther,
} from '../../../lib/logins/tokens/target.ts'
import type { AccessToken, KeptTokens } from '../../../lib/store/tokens.ts'
import { isFresh, isUsable } from '../../../lib/logins/tokens/freshness.ts'

const now = 1_800_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 }))

function token(more: Partial<AccessToken> = {}): AccessToken {
  return { accessToken: 'token', tokenType: 'bearer', obtainedAt: now, expiresAt: now + 300, scope: [], ...more }
}

function kept(others: KeptTokens['others'], scope: readonly string[] = ['openid']): KeptTokens {
  return { ...token({ scope: [...scope] }), refreshToken: 'refresh', idToken: 'id', others }
}

describe('an access token', () => {
  it.each<[string, Partial<AccessToken>, number, boolean]>([
    ['that does not say when it ends', { expiresAt: undefined }, 600, true],
    ['with as long to go as is asked for', { obtainedAt: now - 900, expiresAt: now + 30 }, 30, true],
    ['with a second less', { obtainedAt: now - 900, expiresAt: now + 29 }, 30, false],
    ['that ends now', { obtainedAt: now - 900, expiresAt: now }, 0, false],
    ['that has ended', { obtainedAt: now - 900, expiresAt: now - 1 }, 0, false],
    [
      'of a life as long as is asked for, in the first half of it',
      { obtainedAt: now - 15, expiresAt: now + 15 },
      30,
      true,
    ],
    ['of such a life, in the second half', { obtainedAt: now - 16, expiresAt: now + 14 }, 30, false],
    ['of unknown life with less than is asked for', { obtainedAt: undefined, expiresAt: now + 29 }, 30, false],
    ['of unknown life with as much', { obtainedAt: undefined, expiresAt: now + 30 }, 30, true],
  ])('%s is fresh for that long: %s', (_what, times, minValidSeconds, expected) => {
    expect(isFresh(token(times), minValidSeconds)).toBe(expected)
  })

  it('is usable until it ends, to the second', () => {
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
  ])('that was asked for with %s and granted %s lacks %j', (wanted, granted, missing) => {
    expect(missingScope({ scope: [wanted], resource: [] }, token({ scope: [granted] }))).toEqual(missing)
    expect(missingScope(ownTarget, token({ scope: [granted] }))).toEqual([])
  })
})

describe('the access tokens of a login', () => {
  it('are found by what they are good for, whatever the order of it', () => {
    const name = nameOfTarget({ scope: ['b', 'a'], resource: ['https://two', 'https://one'] })
    expect(nameOfTarget({ scope: ['a', 'b'], resource: ['https://one', 'https://two'] })).toBe(name)
    expect(nameOfTarget(ownTarget)).toBe('')
    const all = kept({ [name]: token({ accessToken: 'other' }) })
    expect(tokenNamed(all, name)?.accessToken).toBe('other')
    expect(tokenNamed(all, '')).toBe(all)
    for (const none of ['constructor', 'toString', 'x']) expect(tokenNamed(all, none)).toBeUndefined()
    expect(tokenNamed(kept(undefined), name)).toBeUndefined()
  })

  it('are kept without those that have ended, and the one that is replaced', () => {
    const others = {
      ended: token({ expiresAt: now }),
      lasting: token({ expiresAt: now + 1 }),
      endless: token({ expiresAt: undefined }),
      again: token({ accessToken: 'old' }),
    }
    const added = withOther(kept(others), 'again', token({ accessToken: 'new' }))
    expect(Object.keys(added.others ?? {})).toEqual(['lasting', 'endless', 'again'])
    expect(tokenNamed(added, 'again')?.accessToken).toBe('new')
  })

  it('are twenty besides its own at most: the oldest are forgotten', () => {
    let all = kept(undefined)
    for (let n = 0; n < 25; n++) all = withOther(all, `n${n}`, token())
    expect(Object.keys(all.others ?? {})).toEqual(Array.from({ length: 20 }, (_, n) => `n${n + 5}`))
  })

  it('say together what was granted, but for those that were exchanged', () => {
    const exchanged = nameOfExchanged(['api'], { scope: ['admin'], resource: [] })
    const all = kept({
      [nameOfTarget({ scope: ['orders'], resource: [] })]: token({ scope: ['orders', 'openid'] }),
      [exchanged]: token({ scope: ['admin'] }),
      [`not ${exchanged.slice(0, 9)}`]: token({ scope: ['mail'] }),
    })
    expect(grantedScope(all).toSorted()).toEqual(['mail', 'openid', 'orders'])
  })
})
