import { describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../../lib/core/clock.ts'
import { recheck } from '../../../lib/logins/tokens/recheck.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { makeLoginEntry } from '../../support/login-entries.ts'
import { instanceWith } from '../support/stage.ts'

describe('recheck()', () => {
  it('rechecks a login at once in a process that has just started, and retries after 30 s', () => {
    // This clock begins at 0, as in a new process.
    vi.useFakeTimers({ toFake: ['performance'] })
    const instance = instanceWith({ recheckSeconds: 60 })
    const logins = instance.loginsIn(new MemoryRecords())
    const tries = vi.spyOn(logins, 'tokens').mockResolvedValue(undefined)
    const entry = makeLoginEntry('alice', { refreshable: true, checkedAt: nowSeconds() - 60 })
    const place = { logins, session: 's', entry }
    recheck(instance, place)
    recheck(instance, place)
    expect(tries).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(29_999)
    recheck(instance, place)
    expect(tries).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1)
    recheck(instance, place)
    expect(tries).toHaveBeenCalledTimes(2)
  })
})
