/** Logouts of a login that has moved, or moves meanwhile, to another session: which login is ended, and which is not. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endLogin } from '../../lib/logins/logout/end-own-login.ts'
import type { Instance } from '../../lib/logins/instance.ts'
import { type LoginGroup } from '../../lib/store/login-groups.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { makeLoginKey, makeTokensKey } from '../../lib/store/login-records.ts'
import { catchRejection } from '../support/flow.ts'
import { makeLoginEntry } from '../support/login-entries.ts'
import { heard, instanceWith, putLogins, stageWith, type Stage } from './support/stage.ts'
import { makeTombstonesKey } from '../../lib/store/tombstones.ts'

let instance: Instance = instanceWith()
beforeEach(() => void (instance = instanceWith()))

const alice = makeLoginEntry('alice')
const staff = makeLoginEntry('bob')
const tokens = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: 1_800_000_000,
  expiresAt: undefined,
  refreshToken: undefined,
  idToken: 'id-token',
  scope: ['openid'],
}

/** Puts Alice's login into another session, with tokens that can be opened. */
async function putAlice({ records }: Stage, id: string): Promise<void> {
  await putLogins(records, id, { default: alice }, 1)
  await records.set(makeTokensKey(id, 'default'), instance.loginsIn(records).seal(tokens, alice.loginId), 3600)
}

/** Writes a record that the logins of a session are in another. */
function move(
  { records }: Stage,
  from: string,
  to: string,
  entries: Parameters<typeof writeReplaced>[1],
): Promise<void> {
  return records.set(makeLoginKey(from), writeReplaced(to, entries), 600)
}

/** Makes the first replacement fail, after `other` has run. */
function otherFirst({ records }: Stage, other: () => Promise<unknown>): void {
  vi.spyOn(records, 'replace').mockImplementationOnce(async () => {
    await other()
    return false
  })
}

describe('endLogin()', () => {
  it('a logout keeps another login in a record of the next version, with its tokens', async () => {
    const stage = await stageWith({ default: alice, staff })
    await putLogins(stage.records, stage.id, { default: alice, staff }, 6)
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ entry: alice })
    const record = LoginRecord.of('session', await stage.records.get(makeLoginKey(stage.id)))
    expect(record).toMatchObject({ version: 7 })
    expect(record.entries).toEqual({ staff })
    expect(await stage.records.get(makeTokensKey(stage.id, 'default'))).toBeUndefined()
    expect(await stage.records.get(makeTokensKey(stage.id, 'staff'))).toBe('tokens of login of bob')
  })

  it('a logout fails with store_unavailable after ten tries if the record keeps changing', async () => {
    const stage = await stageWith({ default: alice })
    const replace = vi.spyOn(stage.records, 'replace').mockResolvedValue(false)
    expect(await catchRejection(endLogin(instance, stage.session, 'user'))).toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: the login record changed too often',
    })
    expect(replace).toHaveBeenCalledTimes(10)
  })

  it('a logout ends nothing and does not fail if a newer version wrote the record', async () => {
    const stage = await stageWith({ default: alice })
    const newer = JSON.stringify({ format: 99, version: 1, entries: { default: alice } })
    await stage.records.set(makeLoginKey(stage.id), newer, 3600)
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(makeLoginKey(stage.id))).toBe(newer)
  })

  it('a logout succeeds and emits store_fault if the session cannot be deleted', async () => {
    const stage = await stageWith({ default: alice })
    const faults = heard(instance, 'store_fault')
    vi.spyOn(stage.store, 'destroy').mockImplementation((_id, done) => done?.(new Error('the connection is gone')))
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ entry: alice })
    expect(await stage.records.get(makeLoginKey(stage.id))).toBeUndefined()
    expect(faults).toMatchObject([{ detail: 'Error: the connection is gone' }])
  })

  it('a logout does not end another login that replaced its own meanwhile', async () => {
    const stage = await stageWith({ default: alice })
    const next = makeLoginEntry('alice', { loginId: 'the next login' })
    let text = ''
    otherFirst(stage, async () => (text = await putLogins(stage.records, stage.id, { default: next }, 2)))
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(makeLoginKey(stage.id))).toBe(text)
  })
})

describe('endLogin() for a login that moved to another session', () => {
  it('a logout ends a login in the session to which it moves meanwhile, and returns its tokens', async () => {
    const stage = await stageWith({ default: alice })
    otherFirst(stage, async () => {
      await putAlice(stage, 'next')
      await move(stage, stage.id, 'next', { default: alice })
    })
    const events = heard(instance, 'logout')
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ entry: alice, tokens })
    expect(await stage.records.get(makeLoginKey('next'))).toBeUndefined()
    expect(events).toMatchObject([{ sub: 'alice', loginId: alice.loginId, reason: 'user' }])
  })

  it('a logout ends a login in the session to which it moved before, and reports that it is late', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ entry: alice, isLate: true })
    expect(await stage.records.get(makeLoginKey('next'))).toBeUndefined()
    expect(await stage.records.get(makeTokensKey('next', 'default'))).toBeUndefined()
  })

  it.each([
    [1, true],
    [3, true],
    [4, false],
  ])('a logout after %d moves ends the login: %s, because it follows three moves at most', async (moves, isFound) => {
    const stage = await stageWith({ default: alice })
    const ids = [stage.id, ...Array.from({ length: moves }, (_, n) => `session-${n}`)]
    for (const [n, id] of ids.slice(0, -1).entries()) {
      await move(stage, id, String(ids[n + 1]), { default: alice })
    }
    const last = String(ids.at(-1))
    await putAlice(stage, last)
    const ended = await endLogin(instance, stage.session, 'user')
    expect(ended !== undefined).toBe(isFound)
    expect((await stage.records.get(makeLoginKey(last))) === undefined).toBe(isFound)
  })

  it('a logout does not end a login in the new session that did not move from its own', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { staff })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(makeLoginKey('next'))).toBe(writeRecord({ default: alice }, 1, undefined))
  })

  it('a logout does not end a later login that moved from its session to the new one', async () => {
    const stage = await stageWith({ default: alice })
    const later = makeLoginEntry('alice', { loginId: 'the next login' })
    otherFirst(stage, async () => {
      await putLogins(stage.records, 'next', { default: later }, 1)
      await move(stage, stage.id, 'next', { default: later })
    })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(makeLoginKey('next'))).toBe(writeRecord({ default: later }, 1, undefined))
  })

  it('a logout does not end another login that replaced its own in the new session', async () => {
    const stage = await stageWith({ default: alice })
    const later = makeLoginEntry('alice', { loginId: 'the next login' })
    await putLogins(stage.records, 'next', { default: later }, 1)
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(makeLoginKey('next'))).toBe(writeRecord({ default: later }, 1, undefined))
  })
})

describe('the tombstones of a logout by the user', () => {
  /** The tombstones that a login in progress would find. */
  async function tombstones({ records }: Stage, group: LoginGroup): Promise<object[]> {
    const found = await records.members(makeTombstonesKey(instance.owner, group))
    return found.map((text) => JSON.parse(text) as object)
  }

  it.each<[string, string | undefined, LoginGroup, LoginGroup]>([
    ['the session at the provider', 'sid-1', { sid: 'sid-1' }, { sub: 'alice' }],
    ['the user, if the login has no sid', undefined, { sub: 'alice' }, { sid: 'sid-1' }],
  ])('a logout leaves a tombstone for %s, and no other', async (_what, sid, group, other) => {
    const stage = await stageWith({ default: makeLoginEntry('alice', sid === undefined ? {} : { sid }) })
    await endLogin(instance, stage.session, 'user')
    const { issuer } = alice
    expect(await tombstones(stage, group)).toMatchObject([{ issuer, at: expect.any(Number) as number }])
    expect(await tombstones(stage, other)).toEqual([])
  })

  it('a logout of a login that moved to another session before leaves a tombstone too', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ isLate: true })
    expect(await tombstones(stage, { sub: 'alice' })).toHaveLength(1)
  })

  it('a logout without a login leaves no tombstone', async () => {
    for (const stage of [await stageWith(), await stageWith({ staff })]) {
      expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
      expect(await tombstones(stage, { sub: 'alice' })).toEqual([])
    }
  })
})
