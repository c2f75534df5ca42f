/** Stored tokens of a login: how they are changed while others write, and how their login ends. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { LoginNeeded, OidcError, storeUnavailable } from '../../../lib/core/errors.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import {
  changeTokens,
  endUnlessReplaced,
  type LoginPlace,
  type TokenChange,
} from '../../../lib/logins/tokens/stored-tokens.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../../lib/store/login-record.ts'
import { makeLoginKey, makeTokensKey } from '../../../lib/store/login-records.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import type { StoredTokens } from '../../../lib/store/tokens.ts'
import { catchRejection } from '../../support/flow.ts'
import { makeLoginEntry } from '../../support/login-entries.ts'
import { heard, instanceWith } from '../support/stage.ts'

let instance: Instance
let records: MemoryRecords
const alice = makeLoginEntry('alice', { scope: ['openid', 'orders'] })
const bob = makeLoginEntry('bob')

beforeEach(() => {
  instance = instanceWith()
  records = new MemoryRecords()
})

function getTokens(accessToken: string, more: Partial<StoredTokens> = {}): StoredTokens {
  return {
    accessToken,
    tokenType: 'bearer',
    obtainedAt: 1_800_000_000,
    expiresAt: undefined,
    refreshToken: 'refresh',
    idToken: 'id',
    scope: ['openid'],
    ...more,
  }
}

const sealed = (tokens: StoredTokens): string => instance.loginsIn(records).seal(tokens, alice.loginId)

function kept(session = 's'): Promise<StoredTokens | undefined> {
  return instance.loginsIn(records).tokens(session, alice.loginId)
}

async function put(session: string, entries: Readonly<Record<string, LoginEntry>>, version = 7): Promise<string> {
  const text = writeRecord(entries, version, undefined)
  await records.set(makeLoginKey(session), text, 3600)
  return text
}

async function place(
  entries: Readonly<Record<string, LoginEntry>> = { default: alice, staff: bob },
): Promise<LoginPlace> {
  await put('s', entries)
  await records.set(makeTokensKey('s', 'default'), sealed(getTokens('old')), 3600)
  await records.set(makeTokensKey('s', 'staff'), 'those of staff', 3600)
  return { logins: instance.loginsIn(records), session: 's', entry: alice }
}

async function scopeOfLogin(): Promise<readonly string[] | undefined> {
  return LoginRecord.of('session', await records.get(makeLoginKey('s'))).entries['default']?.scope
}

/** Another process refreshes the tokens. */
async function refreshedByAnother(): Promise<void> {
  await put('s', { default: alice }, 8)
  await records.set(makeTokensKey('s', 'default'), sealed(getTokens('theirs')), 3600)
}

/** Another login moves this login into the session `t`. */
async function moved(): Promise<void> {
  await put('t', { default: alice }, 1)
  await records.set(makeTokensKey('t', 'default'), sealed(getTokens('moved')), 3600)
  await records.set(makeLoginKey('s'), writeReplaced('t', { default: alice }), 600)
  await records.delete([makeTokensKey('s', 'default')])
}

const toNew = (there: StoredTokens): TokenChange => ({
  tokens: { ...there, accessToken: `${there.accessToken}, new` },
  makeEntry: (entry) => ({ ...entry, roles: ['admin'] }),
})

/** Runs one of `acts` before each of the next replacements of the record. */
function before(...acts: (() => unknown)[]): void {
  const replace = records.replace.bind(records)
  vi.spyOn(records, 'replace').mockImplementation(async (...call) => {
    await acts.shift()?.()
    return replace(...call)
  })
}

describe('changeTokens()', () => {
  it('changes tokens and entry in one step, and keeps the entries of other instances', async () => {
    const there = await place()
    const replace = vi.spyOn(records, 'replace')
    expect(await changeTokens(instance, there, toNew)).toMatchObject({ accessToken: 'old, new' })
    expect(replace).toHaveBeenCalledOnce()
    expect(await kept()).toMatchObject({ accessToken: 'old, new', refreshToken: 'refresh' })
    expect(LoginRecord.of('session', await records.get(makeLoginKey('s')))).toMatchObject({
      version: 8,
      entries: { default: { roles: ['admin'], loginId: alice.loginId }, staff: bob },
    })
  })

  it('keeps the scope that was granted for other APIs', async () => {
    const there = await place()
    await changeTokens(instance, there, (now) => ({
      tokens: { ...now, scope: ['openid', 'calendar'] },
      makeEntry: (entry) => entry,
    }))
    // The former tokens have `openid`; `orders` was granted for other APIs.
    expect(new Set(await scopeOfLogin())).toEqual(new Set(['openid', 'calendar', 'orders']))
  })

  it('removes the scope that the former tokens had and the new ones lack', async () => {
    const there = await place()
    await changeTokens(instance, there, (now) => ({ tokens: { ...now, scope: [] }, makeEntry: (entry) => entry }))
    expect(await scopeOfLogin()).toEqual(['orders'])
  })

  it('writes nothing if there is nothing to change', async () => {
    const there = await place()
    const replace = vi.spyOn(records, 'replace')
    expect(await changeTokens(instance, there, () => undefined)).toMatchObject({ accessToken: 'old' })
    expect(replace).not.toHaveBeenCalled()
  })

  it('changes the tokens that another process wrote meanwhile', async () => {
    const there = await place()
    before(refreshedByAnother)
    expect(await changeTokens(instance, there, toNew)).toMatchObject({ accessToken: 'theirs, new' })
    expect(LoginRecord.of('session', await records.get(makeLoginKey('s')))).toMatchObject({ version: 9 })
  })

  it('changes the tokens in the session to which their login moved meanwhile', async () => {
    const there = await place()
    before(moved)
    expect(await changeTokens(instance, there, toNew)).toMatchObject({ accessToken: 'moved, new' })
    expect(await kept('t')).toMatchObject({ accessToken: 'moved, new' })
    expect(await kept('s')).toBeUndefined()
  })

  it('reads again if the login moves between the two reads', async () => {
    const there = await place()
    const get = records.get.bind(records)
    let reads = 0
    vi.spyOn(records, 'get').mockImplementation(async (key) => {
      if (++reads === 2) await moved()
      return get(key)
    })
    expect(await changeTokens(instance, there, toNew)).toMatchObject({ accessToken: 'moved, new' })
  })

  it('returns undefined and writes nothing if the login has ended', async () => {
    const there = await place()
    await records.delete([makeLoginKey('s')])
    const replace = vi.spyOn(records, 'replace')
    expect(await changeTokens(instance, there, toNew)).toBeUndefined()
    expect(replace).not.toHaveBeenCalled()
  })

  it('returns undefined if the login still exists but its tokens are gone', async () => {
    const there = await place()
    await records.delete([makeTokensKey('s', 'default')])
    expect(await changeTokens(instance, there, toNew)).toBeUndefined()
  })

  it('does not overwrite tokens that were sealed with a newer secret', async () => {
    const there = await place()
    await records.set(makeTokensKey('s', 'default'), 'sealed with another secret', 3600)
    const change = vi.fn<(there: StoredTokens) => TokenChange>(toNew)
    expect(await catchRejection(changeTokens(instance, there, change))).toBeInstanceOf(LoginNeeded)
    expect(change).not.toHaveBeenCalled()
    expect(await records.get(makeTokensKey('s', 'default'))).toBe('sealed with another secret')
  })

  it('gives up after ten tries if the record keeps changing', async () => {
    const there = await place()
    const replace = vi.spyOn(records, 'replace').mockResolvedValue(false)
    expect(await catchRejection(changeTokens(instance, there, toNew))).toMatchObject({
      code: 'provider_unavailable',
      detail: 'the login record changed too often',
    })
    expect(replace).toHaveBeenCalledTimes(10)
  })
})

describe('changeTokens() while the store is down', () => {
  const away = (): OidcError => storeUnavailable(new Error('away'))

  it('holds the tokens, and writes them once the store is back', async () => {
    const there = await place()
    const replace = vi.spyOn(records, 'replace')
    replace.mockRejectedValueOnce(away()).mockRejectedValueOnce(away())
    expect(await changeTokens(instance, there, toNew)).toMatchObject({ accessToken: 'old, new' })
    expect(replace).toHaveBeenCalledTimes(3)
    expect(await kept()).toMatchObject({ accessToken: 'old, new' })
  })

  it('does not write the tokens again if only the response was lost', async () => {
    const there = await place()
    const replace = records.replace.bind(records)
    const spied = vi.spyOn(records, 'replace').mockImplementationOnce(async (...call) => {
      await replace(...call)
      throw away()
    })
    const change = vi.fn<(there: StoredTokens) => TokenChange>(toNew)
    expect(await changeTokens(instance, there, change)).toMatchObject({ accessToken: 'old, new' })
    expect(spied).toHaveBeenCalledOnce()
    expect(change).toHaveBeenCalledOnce()
  })

  it('gives up after 30 seconds, and not before', async () => {
    const there = await place()
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const after = [29_000, 1000, 1]
    const get = vi.spyOn(records, 'get').mockImplementation(() => {
      now += after.shift() ?? 0
      return Promise.reject(away())
    })
    expect(await catchRejection(changeTokens(instance, there, toNew))).toMatchObject({ code: 'store_unavailable' })
    expect(get).toHaveBeenCalledTimes(3)
  })

  it.each([new OidcError('internal_error', 'no', { status: 500 }), new TypeError('unforeseen')])(
    'does not retry after %s, which is not a fault of the store',
    async (fault) => {
      const there = await place()
      const replace = vi.spyOn(records, 'replace').mockRejectedValue(fault)
      await expect(changeTokens(instance, there, toNew)).rejects.toBe(fault)
      expect(replace).toHaveBeenCalledOnce()
    },
  )
})

describe('endUnlessReplaced() for a login that the provider has ended', () => {
  const asSent = (there: StoredTokens): boolean => there.accessToken !== 'old'

  it('ends the login, and keeps those of other instances', async () => {
    const there = await place()
    const events = heard(instance, 'logout')
    expect(await endUnlessReplaced(instance, there, asSent)).toBeUndefined()
    const left = LoginRecord.of('session', await records.get(makeLoginKey('s')))
    expect(left).toMatchObject({ version: 8 })
    expect(left.entries).toEqual({ staff: bob })
    expect(await records.get(makeTokensKey('s', 'default'))).toBeUndefined()
    expect(await records.get(makeTokensKey('s', 'staff'))).toBe('those of staff')
    expect(events).toMatchObject([{ sub: 'alice', loginId: alice.loginId, reason: 'refresh_refused' }])
  })

  it('deletes the record of the only login', async () => {
    const there = await place({ default: alice })
    await endUnlessReplaced(instance, there, asSent)
    expect(await records.get(makeLoginKey('s'))).toBeUndefined()
  })

  it('keeps the login when its tokens were rotated', async () => {
    const there = await place()
    await records.set(makeTokensKey('s', 'default'), sealed(getTokens('theirs')), 3600)
    const events = heard(instance, 'logout')
    expect(await endUnlessReplaced(instance, there, asSent)).toMatchObject({ accessToken: 'theirs' })
    expect(await kept()).toMatchObject({ accessToken: 'theirs' })
    expect(events).toEqual([])
  })

  it('keeps the login when its tokens are rotated while it is being ended', async () => {
    const there = await place()
    before(refreshedByAnother)
    expect(await endUnlessReplaced(instance, there, asSent)).toMatchObject({ accessToken: 'theirs' })
    expect(await kept()).toMatchObject({ accessToken: 'theirs' })
  })

  it('ends a login without tokens, and does nothing the second time', async () => {
    const there = await place()
    await records.delete([makeTokensKey('s', 'default')])
    const events = heard(instance, 'logout')
    expect(await endUnlessReplaced(instance, there, asSent)).toBeUndefined()
    expect(await endUnlessReplaced(instance, there, asSent)).toBeUndefined()
    expect(events).toHaveLength(1)
  })

  it('keeps the login when its tokens were sealed with a newer secret, because they may have been rotated', async () => {
    const there = await place()
    await records.set(makeTokensKey('s', 'default'), 'sealed with another secret', 3600)
    expect(await catchRejection(endUnlessReplaced(instance, there, asSent))).toBeInstanceOf(LoginNeeded)
    expect(await records.get(makeLoginKey('s'))).toBeDefined()
  })

  it('fails with store_unavailable after ten tries if the record keeps changing', async () => {
    const there = await place()
    const replace = vi.spyOn(records, 'replace').mockResolvedValue(false)
    expect(await catchRejection(endUnlessReplaced(instance, there, asSent))).toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: the login record changed too often',
    })
    expect(replace).toHaveBeenCalledTimes(10)
  })
})
