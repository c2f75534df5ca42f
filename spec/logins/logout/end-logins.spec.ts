/** Logouts by the application or by the provider, without a request of the browser. */
import { MemoryStore } from 'express-session'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Instance } from '../../../lib/logins/instance.ts'
import { endByApplication, endLogins } from '../../../lib/logins/logout/end-logins.ts'
import { listLogins } from '../../../lib/logins/logout/list-logins.ts'
import { revokeTokens } from '../../../lib/logins/revoke.ts'
import { makeLoginKey } from '../../../lib/store/login-records.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import { putTokens, makeLoginEntry, someTokens as tokens } from '../../support/login-entries.ts'
import { heard, instanceWith, putLogins } from '../support/stage.ts'

vi.mock('../../../lib/logins/revoke.ts', () => ({ revokeTokens: vi.fn(async () => {}) }))

let records = new MemoryRecords()
let store = new MemoryStore()
let instance: Instance = instanceWith()
beforeEach(() => {
  records = new MemoryRecords()
  store = new MemoryStore()
  instance = instanceWith({ records })
  vi.mocked(revokeTokens).mockClear()
})

/** Logs a user in, in a separate session. */
async function logIn(
  session: string,
  entry: LoginEntry,
  others: Readonly<Record<string, LoginEntry>> = {},
): Promise<void> {
  const logins = instance.loginsIn(records)
  await putLogins(records, session, { default: entry, ...others }, 1)
  await putTokens(logins, session, entry, tokens)
  await logins.index(session, entry)
  await new Promise<void>((resolve) => store.set(session, { cookie: {} } as never, () => resolve()))
}

function sessions(): string[] {
  return Object.keys((store as unknown as { sessions: object }).sessions)
}

/** Whether a logout has ended a login in progress of this user that began a second ago. */
function endsInProgress(entry: LoginEntry): Promise<boolean> {
  return instance.loginsIn(records).wasLoggedOut({ ...entry, startedAt: Date.now() / 1000 - 1 })
}

describe('endByApplication() with an id', () => {
  it('ends the login, its session and logins in progress with its sid, and revokes its tokens', async () => {
    const alice = makeLoginEntry('alice', { sid: 'sid-1' })
    await logIn('s', alice)
    const ended = heard(instance, 'logout')
    expect(await endByApplication(instance, store, { id: alice.loginId })).toBe(1)
    expect(ended).toMatchObject([{ loginId: alice.loginId, reason: 'application' }])
    expect(await records.get(makeLoginKey('s'))).toBeUndefined()
    expect(sessions()).toEqual([])
    expect(revokeTokens).toHaveBeenCalledExactlyOnceWith(
      instance,
      expect.objectContaining({ refreshToken: 'refresh-token' }),
    )
    expect(await endsInProgress(alice)).toBe(true)
    expect(await endsInProgress(makeLoginEntry('alice', { sid: 'sid-2' }))).toBe(false)
  })

  it('ends no login in progress if the login has no sid', async () => {
    const alice = makeLoginEntry('alice')
    await logIn('s', alice)
    const addToSet = vi.spyOn(records, 'addToSet')
    expect(await endByApplication(instance, store, { id: alice.loginId })).toBe(1)
    expect(addToSet).not.toHaveBeenCalled()
    expect(await endsInProgress(alice)).toBe(false)
  })

  it('keeps the session if it has another login', async () => {
    const alice = makeLoginEntry('alice')
    await logIn('s', alice, { staff: makeLoginEntry('bob') })
    expect(await endByApplication(instance, store, { id: alice.loginId })).toBe(1)
    expect(sessions()).toEqual(['s'])
    expect(await records.get(makeLoginKey('s'))).toContain('bob')
  })

  it('returns 0 and revokes nothing if there is no such login', async () => {
    expect(await endByApplication(instance, store, { id: 'another' })).toBe(0)
    const alice = makeLoginEntry('alice', { endsAt: 1 })
    await records.set({ kind: 'login', id: alice.loginId }, 's', 60)
    expect(await endByApplication(instance, store, { id: alice.loginId })).toBe(0)
    expect(revokeTokens).not.toHaveBeenCalled()
  })

  it('ends a login whose tokens cannot be opened, and revokes nothing', async () => {
    const alice = makeLoginEntry('alice')
    await logIn('s', alice)
    await putLogins(records, 's', { default: alice }, 1)
    expect(await endByApplication(instance, store, { id: alice.loginId })).toBe(1)
    expect(revokeTokens).not.toHaveBeenCalled()
  })
})

describe('the logins of a user', () => {
  it('endLogins() ends 45 logins once each, and leaves their group empty', async () => {
    const many = Array.from({ length: 45 }, (_, n) => makeLoginEntry('alice', { loginId: `login ${n}` }))
    for (const [n, entry] of many.entries()) await logIn(`s${n}`, entry)
    const ended = heard(instance, 'logout')
    const logout = { group: { sub: 'alice' }, issuer: undefined, issuedAt: undefined }
    expect(await endLogins(instance, store, logout, 'back_channel')).toHaveLength(45)
    expect(ended).toHaveLength(45)
    expect(sessions()).toEqual([])
    expect(await instance.loginsIn(records).members({ sub: 'alice' })).toEqual([])
  })

  it('listLogins() returns logins, latest first, and removes those that no longer exist from the group', async () => {
    const many = Array.from({ length: 25 }, (_, n) =>
      makeLoginEntry('alice', { loginId: `login ${n}`, startedAt: 1000 + n }),
    )
    for (const [n, entry] of many.entries()) await logIn(`s${n}`, entry)
    await new Promise<void>((resolve) => store.destroy('s3', () => resolve()))
    await records.delete([makeLoginKey('s4')])
    const listed = await listLogins(instance, store, { sub: 'alice', issuer: undefined })
    const expected = many.filter((_, n) => n !== 3 && n !== 4).map(({ loginId }) => loginId)
    expect(listed.map(({ entry }) => entry.loginId)).toEqual(expected.toReversed())
    expect((await instance.loginsIn(records).members({ sub: 'alice' })).toSorted()).toEqual(expected.toSorted())
    expect(await listLogins(instance, store, { sub: 'alice', issuer: 'https://other.example.com' })).toEqual([])
  })
})
