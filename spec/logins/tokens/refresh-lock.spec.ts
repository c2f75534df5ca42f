/** The refresh lock, as each caller sees it; races/refresh-processes tests it across processes. */
import { describe, expect, it, vi } from 'vitest'
import { fail, LoginNeeded, OidcError, providerUnavailable, storeUnavailable } from '../../../lib/core/errors.ts'
import type { OidcRecordKey } from '../../../lib/core/records.ts'
import { withLock, type LockedRefresh } from '../../../lib/logins/tokens/refresh-lock.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import type { StoredTokens } from '../../../lib/store/tokens.ts'
import { catchRejection } from '../../support/flow.ts'
import { passMs, stopClocks } from '../../support/clocks.ts'

const lock: OidcRecordKey = { kind: 'refresh', id: 'a login' }
const tokens = { accessToken: 'new' } as StoredTokens

function refresh(records: MemoryRecords, more: Partial<LockedRefresh> = {}): Promise<StoredTokens> {
  return withLock({
    records,
    loginId: 'a login',
    seconds: 15,
    work: () => Promise.resolve(tokens),
    readResult: () => Promise.resolve(undefined),
    ...more,
  })
}

describe('a caller that has the refresh lock', () => {
  it('holds the lock while it works, and then releases it', async () => {
    const records = new MemoryRecords()
    const work = async (): Promise<StoredTokens> => {
      expect(await records.get(lock)).toMatch(/^[\w-]{22}$/)
      return tokens
    }
    expect(await refresh(records, { work })).toBe(tokens)
    expect(await records.get(lock)).toBeUndefined()
  })

  it('renews the lock while it works, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const records = new MemoryRecords()
    const replace = vi.spyOn(records, 'replace')
    const work = async (): Promise<StoredTokens> => {
      const owner = await records.get(lock)
      await vi.advanceTimersByTimeAsync(4999)
      expect(replace).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(5002)
      expect(replace.mock.calls).toEqual([
        [lock, owner, owner, 15],
        [lock, owner, owner, 15],
      ])
      return tokens
    }
    await refresh(records, { work })
    expect(replace).toHaveBeenCalledTimes(3)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(replace).toHaveBeenCalledTimes(3)
  })

  it('gets its tokens even if the lock cannot be released', async () => {
    const records = new MemoryRecords()
    vi.spyOn(records, 'replace').mockRejectedValue(storeUnavailable(new Error('gone')))
    expect(await refresh(records)).toBe(tokens)
  })

  it('fails and leaves no lock if it cannot tell whether it has the lock', async () => {
    const records = new MemoryRecords()
    const add = records.add.bind(records)
    vi.spyOn(records, 'add').mockImplementation(async (...call) => {
      await add(...call)
      throw storeUnavailable(new Error('the answer is lost'))
    })
    const work = vi.fn<LockedRefresh['work']>()
    expect(await catchRejection(refresh(records, { work }))).toMatchObject({ code: 'store_unavailable' })
    expect(work).not.toHaveBeenCalled()
    await vi.waitFor(async () => expect(await records.get(lock)).toBeUndefined())
  })
})

describe('a caller that waits for the refresh lock', () => {
  it('polls for the result of the other refresh, and returns it', async () => {
    const records = new MemoryRecords()
    await records.add(lock, 'another', 60)
    const byAnother = vi.fn<LockedRefresh['readResult']>()
    byAnother.mockResolvedValueOnce(undefined).mockResolvedValueOnce(undefined).mockResolvedValueOnce(tokens)
    const work = vi.fn<LockedRefresh['work']>()
    expect(await refresh(records, { work, readResult: byAnother })).toBe(tokens)
    expect(byAnother).toHaveBeenCalledTimes(3)
    expect(work).not.toHaveBeenCalled()
  })

  it('refreshes if the lock is released without a result', async () => {
    const records = new MemoryRecords()
    await records.add(lock, 'another', 60)
    const byAnother = async (): Promise<undefined> => {
      await records.delete([lock])
      return undefined
    }
    expect(await refresh(records, { readResult: byAnother })).toBe(tokens)
  })

  it('waits for as long as a lock lives without a renewal, and then fails with provider_unavailable', async () => {
    stopClocks()
    const records = new MemoryRecords()
    await records.add(lock, 'another', 600)
    let looks = 0
    const byAnother = (): Promise<undefined> => {
      // It looks once more at the end, because the lock may have expired in between.
      if (++looks === 1) passMs(15_000)
      if (looks === 2) passMs(51)
      return Promise.resolve(undefined)
    }
    expect(await catchRejection(refresh(records, { readResult: byAnother }))).toMatchObject({
      code: 'provider_unavailable',
      detail: 'timed out waiting for a refresh in another process',
    })
    expect(looks).toBe(2)
  })
})

describe('a refresh that fails', () => {
  it('a temporary fault is noted for its Retry-After, and other callers get it without a try', async () => {
    const records = new MemoryRecords()
    const set = vi.spyOn(records, 'replace')
    const fault = providerUnavailable('the provider is down', 7)
    expect(await catchRejection(refresh(records, { work: () => Promise.reject(fault) }))).toBe(fault)
    expect(set.mock.calls[0]?.[3]).toBe(7)
    const work = vi.fn<LockedRefresh['work']>()
    expect(await catchRejection(refresh(records, { work }))).toMatchObject({
      code: 'provider_unavailable',
      status: 503,
      headers: { 'Retry-After': '7' },
      detail: 'a recent refresh failed: the provider is down',
    })
    expect(work).not.toHaveBeenCalled()
  })

  it('a fault without a detail is noted with its code for five seconds', async () => {
    const records = new MemoryRecords()
    const fault = new OidcError('provider_response_invalid', 'invalid', { status: 502 })
    await catchRejection(refresh(records, { work: () => Promise.reject(fault) }))
    expect(await catchRejection(refresh(records))).toMatchObject({
      code: 'provider_unavailable',
      headers: { 'Retry-After': '5' },
      detail: 'a recent refresh failed: provider_response_invalid',
    })
  })

  it('a rejection of the client is noted as such, since waiting does not help', async () => {
    const records = new MemoryRecords()
    await catchRejection(refresh(records, { work: () => Promise.reject(fail('client_rejected', 'wrong secret')) }))
    expect(await catchRejection(refresh(records))).toMatchObject({
      code: 'client_rejected',
      status: 500,
      headers: {},
      detail: 'a recent refresh failed: wrong secret',
    })
  })

  it.each([
    ['the end of the login', new OidcError('login_required', 'log in', { status: 401 })],
    ['a fault of the store', storeUnavailable(new Error('gone'))],
    [
      'a token that needs user interaction',
      new LoginNeeded('not_allowed', { provider: 'default', owner: 'owner', scope: ['a'], parameters: {}, detail: '' }),
    ],
    ['an unexpected error', new TypeError('unforeseen')],
  ])('%s is not noted, and the next caller tries itself', async (_what, fault) => {
    const records = new MemoryRecords()
    await expect(refresh(records, { work: () => Promise.reject(fault) })).rejects.toBe(fault)
    expect(await records.get(lock)).toBeUndefined()
    expect(await refresh(records)).toBe(tokens)
  })
})
