/** The end of a login that is, or goes meanwhile, elsewhere: which login is ended, and which is not. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endLogin } from '../../lib/logins/logout/end-own-login.ts'
import type { Instance } from '../../lib/logins/instance.ts'
import { type LoginGroup } from '../../lib/store/login-groups.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { loginKey, tokensKey } from '../../lib/store/login-records.ts'
import { rejection } from '../support/flow.ts'
import { slotOf } from '../support/slots.ts'
import { heard, instanceWith, putLogins, stageWith, type Stage } from './support/stage.ts'
import { tombstonesKey } from '../../lib/store/tombstones.ts'

let instance: Instance = instanceWith()
beforeEach(() => void (instance = instanceWith()))

const alice = slotOf('alice')
const staff = slotOf('bob')
const tokens = {
  accessToken: 'access-token',
  tokenType: 'bearer',
  obtainedAt: undefined,
  expiresAt: undefined,
  refreshToken: undefined,
  idToken: 'id-token',
  scope: ['openid'],
}

/** Puts Alice's login into another session, with tokens that open. */
async function putAlice({ records }: Stage, id: string): Promise<void> {
  await putLogins(records, id, { default: alice }, 1)
  await records.set(tokensKey(id, 'default'), instance.loginsIn(records).seal(tokens, alice.loginId), 3600)
}

/** Says that the logins of a session are in another. */
function move({ records }: Stage, from: string, to: string, slots: Parameters<typeof writeReplaced>[1]): Promise<void> {
  return records.set(loginKey(from), writeReplaced(to, slots), 600)
}

/** Lets the first replacement come too late, after what another does. */
function otherFirst({ records }: Stage, other: () => Promise<unknown>): void {
  vi.spyOn(records, 'replace').mockImplementationOnce(async () => {
    await other()
    return false
  })
}

describe('a logout', () => {
  it('beside another login leaves that in a record of the next version, and its tokens', async () => {
    const stage = await stageWith({ default: alice, staff })
    await putLogins(stage.records, stage.id, { default: alice, staff }, 6)
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ slot: alice })
    const record = LoginRecord.of('session', await stage.records.get(loginKey(stage.id)))
    expect(record).toMatchObject({ version: 7 })
    expect(record.slots).toEqual({ staff })
    expect(await stage.records.get(tokensKey(stage.id, 'default'))).toBeUndefined()
    expect(await stage.records.get(tokensKey(stage.id, 'staff'))).toBe('tokens of login of bob')
  })

  it('of a record that keeps changing is tried ten times, and the log is told why it failed', async () => {
    const stage = await stageWith({ default: alice })
    const replace = vi.spyOn(stage.records, 'replace').mockResolvedValue(false)
    expect(await rejection(endLogin(instance, stage.session, 'user'))).toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: the login record kept changing',
    })
    expect(replace).toHaveBeenCalledTimes(10)
  })

  it('of a record that a newer version wrote ends nothing, and fails nothing', async () => {
    const stage = await stageWith({ default: alice })
    const newer = JSON.stringify({ format: 99, version: 1, slots: { default: alice } })
    await stage.records.set(loginKey(stage.id), newer, 3600)
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(loginKey(stage.id))).toBe(newer)
  })

  it('whose session cannot be deleted stands, and the log is told why', async () => {
    const stage = await stageWith({ default: alice })
    const faults = heard(instance, 'store_fault')
    vi.spyOn(stage.store, 'destroy').mockImplementation((_id, done) => done?.(new Error('the connection is gone')))
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ slot: alice })
    expect(await stage.records.get(loginKey(stage.id))).toBeUndefined()
    expect(faults).toMatchObject([{ detail: 'Error: the connection is gone' }])
  })

  it('does not end another login, that took the place of its own meanwhile', async () => {
    const stage = await stageWith({ default: alice })
    const next = slotOf('alice', { loginId: 'the next login' })
    let text = ''
    otherFirst(stage, async () => (text = await putLogins(stage.records, stage.id, { default: next }, 2)))
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(loginKey(stage.id))).toBe(text)
  })
})

describe('a logout of a login that moved to another session', () => {
  it('while it ran ends it there, and has its tokens', async () => {
    const stage = await stageWith({ default: alice })
    otherFirst(stage, async () => {
      await putAlice(stage, 'next')
      await move(stage, stage.id, 'next', { default: alice })
    })
    const events = heard(instance, 'logout')
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ slot: alice, tokens })
    expect(await stage.records.get(loginKey('next'))).toBeUndefined()
    expect(events).toMatchObject([{ sub: 'alice', loginId: alice.loginId, reason: 'user' }])
  })

  it('before it came ends it there, and is known to be late', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ slot: alice, isLate: true })
    expect(await stage.records.get(loginKey('next'))).toBeUndefined()
    expect(await stage.records.get(tokensKey('next', 'default'))).toBeUndefined()
  })

  it.each([
    [1, true],
    [3, true],
    [4, false],
  ])('%d times ends it: %s, since a way leads on three times at most', async (moves, isFound) => {
    const stage = await stageWith({ default: alice })
    const ids = [stage.id, ...Array.from({ length: moves }, (_, n) => `session-${n}`)]
    for (const [n, id] of ids.slice(0, -1).entries()) {
      await move(stage, id, String(ids[n + 1]), { default: alice })
    }
    const last = String(ids.at(-1))
    await putAlice(stage, last)
    const ended = await endLogin(instance, stage.session, 'user')
    expect(ended !== undefined).toBe(isFound)
    expect((await stage.records.get(loginKey(last))) === undefined).toBe(isFound)
  })

  it('does not end a login there that did not come from here', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { staff })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(loginKey('next'))).toBe(writeRecord({ default: alice }, 1))
  })

  it('does not end a login there that came from here after its own', async () => {
    const stage = await stageWith({ default: alice })
    const later = slotOf('alice', { loginId: 'the next login' })
    otherFirst(stage, async () => {
      await putLogins(stage.records, 'next', { default: later }, 1)
      await move(stage, stage.id, 'next', { default: later })
    })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(loginKey('next'))).toBe(writeRecord({ default: later }, 1))
  })

  it('does not end another login that has taken its place there', async () => {
    const stage = await stageWith({ default: alice })
    const later = slotOf('alice', { loginId: 'the next login' })
    await putLogins(stage.records, 'next', { default: later }, 1)
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
    expect(await stage.records.get(loginKey('next'))).toBe(writeRecord({ default: later }, 1))
  })
})

describe('a logout by the user', () => {
  /** The logouts that a login in progress would find. */
  async function tombstones({ records }: Stage, group: LoginGroup): Promise<object[]> {
    const found = await records.members(tombstonesKey(instance.owner, group))
    return found.map((text) => JSON.parse(text) as object)
  }

  it.each<[string, string | undefined, LoginGroup, LoginGroup]>([
    ['the session at the provider', 'sid-1', { sid: 'sid-1' }, { sub: 'alice' }],
    ['the user, where the provider names no session', undefined, { sub: 'alice' }, { sid: 'sid-1' }],
  ])('ends logins in progress of %s, and no others', async (_what, sid, group, other) => {
    const stage = await stageWith({ default: slotOf('alice', sid === undefined ? {} : { sid }) })
    await endLogin(instance, stage.session, 'user')
    const { issuer } = alice
    expect(await tombstones(stage, group)).toMatchObject([{ issuer, at: expect.any(Number) as number }])
    expect(await tombstones(stage, other)).toEqual([])
  })

  it('ends them too where its login went over into another session before', async () => {
    const stage = await stageWith({ default: alice })
    await putAlice(stage, 'next')
    await move(stage, stage.id, 'next', { default: alice })
    expect(await endLogin(instance, stage.session, 'user')).toMatchObject({ isLate: true })
    expect(await tombstones(stage, { sub: 'alice' })).toHaveLength(1)
  })

  it('of which there is no login ends none', async () => {
    for (const stage of [await stageWith(), await stageWith({ staff })]) {
      expect(await endLogin(instance, stage.session, 'user')).toBeUndefined()
      expect(await tombstones(stage, { sub: 'alice' })).toEqual([])
    }
  })
})
