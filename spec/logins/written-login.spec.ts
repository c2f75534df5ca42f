/** The writes of a login: their order, the effect of other writes in between, and what a rollback undoes. */
import { beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import { hashShort } from '../../lib/core/short-hash.ts'
import { nowSeconds } from '../../lib/core/clock.ts'
import { finishLogin, type FinishInput, type Finished } from '../../lib/logins/login/finish.ts'
import { FormerSessionChanged } from '../../lib/logins/login/overtaken.ts'
import type { Identity } from '../../lib/logins/login/identity.ts'
import type { Instance } from '../../lib/logins/instance.ts'
import { formatKey } from '../../lib/store/memory-records.ts'
import type { Arrival } from '../../lib/session/session-trust.ts'
import type { LoginInProgress } from '../../lib/session/login-in-progress.ts'
import type { BrowserRecord } from '../../lib/store/browser-record.ts'
import type { LoginEntries } from '../../lib/store/login-entry.ts'
import { makeGroupId } from '../../lib/store/login-groups.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { makeLoginKey, makeTokensKey } from '../../lib/store/login-records.ts'
import { makeLoginEntry } from '../support/login-entries.ts'
import { catchRejection } from '../support/flow.ts'
import { warningsOfSpecs } from '../support/warnings.ts'
import { heard, instanceWith, stageWith, type Stage } from './support/stage.ts'

const who = vi.hoisted(() => ({ identity: undefined as unknown }))
vi.mock('../../lib/provider/authorization-code.ts', async (original) => ({
  ...(await original<typeof import('../../lib/provider/authorization-code.ts')>()),
  exchangeCode: () => Promise.resolve({}),
}))
vi.mock('../../lib/logins/login/identity.ts', () => ({ identify: () => Promise.resolve(who.identity) }))

const issuer = 'https://id.example.com'
const warnings = warningsOfSpecs()
let instance: Instance = instanceWith()
beforeEach(() => {
  instance = instanceWith({ maxLoginSeconds: 7200 })
  who.identity = makeIdentity()
})

function makeIdentity(claims: object = {}): Identity {
  return {
    claims: { iss: issuer, sub: 'alice', iat: nowSeconds(), ...claims },
    user: { iss: issuer, sub: 'alice' },
    roles: [],
    tokens: {
      accessToken: 'the-access-token',
      tokenType: 'bearer',
      obtainedAt: 1_800_000_000,
      expiresAt: undefined,
      refreshToken: 'the-refresh-token',
      idToken: 'the-id-token',
      scope: ['openid'],
    },
  }
}

const inProgress: Omit<LoginInProgress, 'startedAt'> = {
  id: 'login in progress',
  nonce: 'nonce',
  verifier: 'verifier',
  dpopKey: undefined,
  returnTo: '/profile',
  scope: ['openid'],
  parameters: {},
  cookie: 'hash-cookie',
  mark: undefined,
  from: [],
  hasDetails: false,
  isPageLost: false,
}

/** The session arrives in a cookie that no other host can set. */
const arrival: Arrival = { cookies: ['__Host-sid'], mark: undefined, inProgress: [] }
const planted: Arrival = { ...arrival, cookies: ['connect.sid'] }

/** Finishes a login, and cleans up after it. */
async function finished(
  { session }: Stage,
  more: Partial<FinishInput> = {},
  begun: Partial<LoginInProgress> = {},
): Promise<Finished> {
  const login = await finishLogin(instance, {
    parameters: new URLSearchParams(),
    state: 'state',
    login: { ...inProgress, startedAt: nowSeconds(), ...begun },
    arrival,
    session,
    afterLogin: () => Promise.resolve(),
    requestSecrets: [],
    findInstance: () => undefined,
    localPath: (wanted) => (typeof wanted === 'string' && wanted.startsWith('/') ? wanted : undefined),
    ...more,
  })
  await login.cleanUp()
  return login
}

/** Makes one replacement of the former record fail for each of `others`, after calling it. */
function othersFirst({ records, id }: Stage, ...others: (() => unknown)[]): MockInstance<Stage['records']['replace']> {
  const replace = records.replace.bind(records)
  return vi.spyOn(records, 'replace').mockImplementation(async (...call) => {
    const isFormer = 'session' in call[0] && call[0].session === id
    const other = isFormer ? others.shift() : undefined
    if (!other) return replace(...call)
    await other()
    return false
  })
}

describe('finishLogin()', () => {
  it('writes the index, then tokens and login record in one step, and then reads the tombstones', async () => {
    // The seconds that are left must not depend on the speed of the machine.
    vi.useFakeTimers({ toFake: ['Date'] })
    const stage = await stageWith()
    const set = vi.spyOn(stage.records, 'set')
    const add = vi.spyOn(stage.records, 'add')
    const addToSet = vi.spyOn(stage.records, 'addToSet')
    const members = vi.spyOn(stage.records, 'members')
    who.identity = makeIdentity({ sid: 'at the provider' })
    const others = (['get', 'replace', 'getAndDelete', 'delete', 'removeFromSet'] as const).map((name) =>
      vi.spyOn(stage.records, name),
    )
    const { login, loginId, returnTo } = await finished(stage)
    expect(returnTo).toBe('/profile')
    expect(others.flatMap(({ mock }) => mock.calls)).toEqual([])
    expect(set).toHaveBeenCalledExactlyOnceWith({ kind: 'login', id: loginId }, stage.session.id, 7200)
    const groups = [{ sub: 'alice' }, { sid: 'at the provider' }].map((group) => makeGroupId(instance.owner, group))
    expect(addToSet.mock.calls).toEqual(groups.map((id) => [{ kind: 'logins', id }, loginId, 7200]))
    expect(members.mock.calls).toEqual(groups.map((id) => [{ kind: 'ended', id }]))
    const getOrder = (spy: { mock: { invocationCallOrder: number[] } }): number[] => spy.mock.invocationCallOrder
    // A logout before that read leaves a tombstone that it finds. A logout after it finds the login in the index.
    const [recordAt] = getOrder(add) as [number]
    for (const before of [...getOrder(set), ...getOrder(addToSet)]) expect(before).toBeLessThan(recordAt)
    for (const question of getOrder(members)) expect(question).toBeGreaterThan(recordAt)
    const tokens = {
      key: makeTokensKey(stage.session.id, 'default'),
      value: expect.any(String) as string,
      seconds: 7200,
    }
    const besides = { set: [tokens], delete: [] }
    expect(add).toHaveBeenCalledExactlyOnceWith(makeLoginKey(stage.session.id), login.text, 7200, besides)
    const sealed = await stage.records.get(tokens.key)
    expect(instance.loginsIn(stage.records).open(sealed, loginId)).toMatchObject({ accessToken: 'the-access-token' })
    // The request continues with the record that was written.
    expect(login).toEqual(LoginRecord.of('session', login.text))
    expect(login).toMatchObject({ version: 1, entries: { default: { loginId, sub: 'alice' } } })
  })

  it('copies the tokens of other instances for the rest of the life of their logins', async () => {
    const staff = makeLoginEntry('bob', { endsAt: nowSeconds() + 500 })
    const stage = await stageWith({ staff })
    const add = vi.spyOn(stage.records, 'add')
    const { login } = await finished(stage)
    const moved = add.mock.calls[0]?.[3]?.set?.find(({ key }) => 'part' in key && key.part === 'tokens:staff')
    expect(moved).toMatchObject({ key: makeTokensKey(stage.session.id, 'staff'), value: 'tokens of login of bob' })
    expect(moved?.seconds).toBeGreaterThan(490)
    expect(moved?.seconds).toBeLessThanOrEqual(500)
    expect(login.entries).toMatchObject({ staff })
    expect(await stage.records.get(makeTokensKey(stage.id, 'staff'))).toBeUndefined()
  })

  it('returns the path from afterLogin, or else where the login began', async () => {
    const went = async (wanted: unknown): Promise<string> =>
      (await finished(await stageWith(), { afterLogin: () => Promise.resolve(wanted) })).returnTo
    expect(await went('/welcome')).toBe('/welcome')
    expect(await went(undefined)).toBe('/profile')
    expect(await went(null)).toBe('/profile')
  })

  it('fails with hook_failed if afterLogin returns anything but a local path or nothing', async () => {
    for (const wanted of ['https://evil.example', 5, '', false]) {
      const error = await catchRejection(finished(await stageWith(), { afterLogin: () => Promise.resolve(wanted) }))
      expect(error).toMatchObject({
        code: 'hook_failed',
        detail:
          '`afterLogin` failed: TypeError: the returned value is not a path on this origin; return one such as /welcome',
      })
    }
  })

  it('fails with hook_failed if afterLogin throws, and masks tokens in the detail', async () => {
    const afterLogin: FinishInput['afterLogin'] = ({ tokens }) =>
      Promise.reject(new Error(`${tokens.accessToken}, ${tokens.refreshToken}, ${tokens.idToken}: not welcome`))
    const error = await catchRejection(finished(await stageWith(), { afterLogin }))
    expect(error).toMatchObject({
      code: 'hook_failed',
      detail: '`afterLogin` failed: Error: [secret], [secret], [secret]: not welcome',
    })
  })

  it('rejects an auth_time in the future if max_age was requested (OIDC Core 3.1.3.7)', async () => {
    const ahead = nowSeconds() + 1000
    who.identity = makeIdentity({ auth_time: ahead })
    const stage = await stageWith()
    const error = await catchRejection(finished(stage, {}, { parameters: { max_age: '60' } }))
    expect(error).toMatchObject({
      code: 'token_invalid',
      detail: 'ID token: auth_time is in the future, so max_age cannot be checked',
    })
    expect(stage.session.id).toBe(stage.id)
    // Without max_age the login succeeds, and the auth_time is not stored.
    const { login } = await finished(stage)
    expect(login.entries['default']).not.toHaveProperty('authTime')
    who.identity = makeIdentity({ auth_time: nowSeconds() - 5 })
    expect((await finished(await stageWith(), {}, { parameters: { max_age: '60' } })).returnTo).toBe('/profile')
  })

  it('succeeds and emits store_fault if the former session cannot be deleted', async () => {
    const faults = heard(instance, 'store_fault')
    const stage = await stageWith({ staff: makeLoginEntry('bob') })
    vi.spyOn(stage.store, 'destroy').mockImplementation((_id, done) => done?.(new Error('the connection is gone')))
    const { loginId } = await finished(stage)
    expect(LoginRecord.of('session', await stage.records.get(makeLoginKey(stage.session.id)))).toMatchObject({
      entries: { default: { loginId } },
    })
    expect(faults).toMatchObject([{ detail: 'Error: the connection is gone' }])
  })
})

describe('finishLogin() while the former session changes', () => {
  it('writes the login in up to five tries', async () => {
    const stage = await stageWith({ default: makeLoginEntry('alice') })
    othersFirst(stage, ...Array.from({ length: 4 }, () => () => {}))
    const { login } = await finished(stage)
    expect(login).toMatchObject({ version: 5 })
    expect(await stage.records.get(makeLoginKey(stage.session.id))).toBe(login.text)
  })

  it('fails with store_unavailable if the former session changes every time', async () => {
    const stage = await stageWith({ default: makeLoginEntry('alice') })
    othersFirst(stage, ...Array.from({ length: 5 }, () => () => {}))
    expect(await catchRejection(finished(stage))).toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: the former session changed too often during the login',
    })
    expect(stage.session.id).toBe(stage.id)
  })

  it('deletes the copied tokens of logins that ended meanwhile, and only those', async () => {
    const [staff, partner] = [makeLoginEntry('bob'), makeLoginEntry('carol')]
    const stage = await stageWith({ default: makeLoginEntry('alice'), staff, partner })
    const left = { default: makeLoginEntry('alice'), partner }
    const replace = othersFirst(stage, () =>
      stage.records.set(makeLoginKey(stage.id), writeRecord(left, 2, undefined), 3600),
    )
    const { login, loginId } = await finished(stage)
    const { id } = stage.session
    const again = replace.mock.calls.find(([key]) => 'session' in key && key.session === id)
    expect(again?.[4]?.delete).toEqual([makeTokensKey(id, 'staff')])
    // The first try has already written its own tokens.
    expect(again?.[4]?.set?.map(({ key }) => key)).toEqual([makeTokensKey(id, 'partner')])
    expect(await stage.records.get(makeTokensKey(id, 'staff'))).toBeUndefined()
    expect(await stage.records.get(makeTokensKey(id, 'partner'))).toBe('tokens of login of carol')
    const { entries } = login
    expect(Object.keys(entries).toSorted()).toEqual(['default', 'partner'])
    expect(entries['default']?.loginId).toBe(loginId)
    expect(login).toEqual(LoginRecord.of('session', login.text))
  })

  it('deletes no copied tokens if all logins still exist', async () => {
    const stage = await stageWith({ default: makeLoginEntry('alice'), staff: makeLoginEntry('bob') })
    const replace = othersFirst(stage, () => {})
    const deleted = vi.spyOn(stage.records, 'delete')
    await finished(stage)
    expect(replace.mock.calls.flatMap(([, , , , besides]) => besides?.delete ?? [])).toEqual([])
    // The tokens of the former session, once the login is complete, and the index entry of the replaced login.
    expect(deleted.mock.calls).toEqual([
      [[makeTokensKey(stage.id, 'default'), makeTokensKey(stage.id, 'staff')]],
      [[{ kind: 'login', id: 'login of alice' }]],
    ])
  })

  it.each([
    ['was deleted', undefined],
    ['has no logins left', writeRecord({}, 2, undefined)],
    [
      'was written by a newer version',
      JSON.stringify({ format: 99, version: 1, entries: { default: makeLoginEntry('x') } }),
    ],
  ])(
    'fails with FormerSessionChanged if the former record %s, and does not modify that record',
    async (_what, text) => {
      const faults = heard(instance, 'store_fault')
      const stage = await stageWith({ default: makeLoginEntry('alice'), staff: makeLoginEntry('bob') })
      const key = makeLoginKey(stage.id)
      const replace = othersFirst(stage, () =>
        text === undefined ? stage.records.delete([key]) : stage.records.set(key, text, 3600),
      )
      const deleted = vi.spyOn(stage.records, 'delete')
      const failing = finished(stage)
      await expect(failing).rejects.toThrow(FormerSessionChanged)
      await expect(failing).rejects.toThrow('the former session was logged out or replaced during the login')
      expect(await stage.records.get(key)).toBe(text)
      // There was one replacement, which failed, and the rollback does not overwrite the record.
      expect(replace).toHaveBeenCalledOnce()
      // The rollback deletes everything that the login wrote, including copied tokens.
      const made = deleted.mock.calls.map(([keys]) => keys).filter((keys) => keys.some((each) => 'part' in each))
      const parts = made.at(-1)?.map((each) => 'part' in each && each.part)
      expect(parts?.toSorted()).toEqual(['login', 'tokens:default', 'tokens:staff'])
      expect(faults).toEqual([])
    },
  )
})

describe('FormerSessionChanged', () => {
  const alice = makeLoginEntry('alice')

  /** The error of Alice's login whose former session is replaced meanwhile by one with these logins. */
  async function catchReplaced(replacing: LoginEntries): Promise<FormerSessionChanged> {
    const stage = await stageWith({ default: alice })
    const { records } = stage
    othersFirst(stage, async () => {
      await records.set(makeLoginKey('next'), writeRecord(replacing, 1, undefined), 3600)
      await records.set(makeLoginKey(stage.id), writeReplaced('next', { default: alice }), 3600)
    })
    const error: unknown = await finished(stage).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(FormerSessionChanged)
    expect(stage.session.id).toBe(stage.id)
    return error as FormerSessionChanged
  }

  it('has the login that has replaced the former session, if it is of the same user', async () => {
    const replacement = makeLoginEntry('alice', { loginId: 'the login of another tab' })
    expect((await catchReplaced({ default: replacement, staff: makeLoginEntry('bob') })).replacement).toEqual(
      replacement,
    )
  })

  it.each<[string, LoginEntries]>([
    ['another user', { default: makeLoginEntry('bob') }],
    ['the same subject at another issuer', { default: makeLoginEntry('alice', { issuer: 'https://other.example' }) }],
    ['another owner', { default: makeLoginEntry('alice', { owner: 'another' }) }],
    ['another instance', { staff: makeLoginEntry('alice') }],
    ['a login that has expired', { default: makeLoginEntry('alice', { endsAt: nowSeconds() - 1 }) }],
    ['no login', {}],
  ])('has no replacement if the other session has a login of %s', async (_name, replacing) => {
    expect((await catchReplaced(replacing)).replacement).toBeUndefined()
  })

  it('has no replacement if the other session is not known', async () => {
    const stage = await stageWith({ default: alice })
    othersFirst(stage, () => stage.records.set(makeLoginKey(stage.id), writeReplaced('next', { default: alice }), 60))
    await expect(finished(stage)).rejects.toMatchObject({ replacement: undefined })
  })
})

describe('finishLogin() with a session that was planted', () => {
  const mark = 'a mark of 22 character'

  /** Finishes Alice's login whose session arrives in a cookie that any host of the site can set. */
  function finishPlanted(
    stage: Stage,
    begun: Partial<LoginInProgress> = {},
    more: Partial<Arrival> = {},
  ): Promise<Finished> {
    return finished(stage, { arrival: { ...planted, ...more } }, begun)
  }

  /** A session with a note of the application, and these logins. */
  async function stageWithNote(entries: LoginEntries = {}, browser?: BrowserRecord): Promise<Stage> {
    const stage = await stageWith(entries)
    if (browser) await stage.records.set(makeLoginKey(stage.id), writeRecord(entries, 1, browser), 3600)
    Object.assign(stage.req.session, { note: 'apples' })
    return stage
  }

  const hasNote = ({ req }: Stage): boolean => 'note' in req.session

  it('keeps neither its data nor its logins, and ends them', async () => {
    const stage = await stageWithNote({ staff: makeLoginEntry('mallory') })
    const { login } = await finishPlanted(stage)
    expect(Object.keys(login.entries)).toEqual(['default'])
    expect(hasNote(stage)).toBe(false)
    const { records, id, session } = stage
    expect(await records.get(makeTokensKey(session.id, 'staff'))).toBeUndefined()
    expect(await records.get(makeTokensKey(id, 'staff'))).toBeUndefined()
    expect(LoginRecord.of('old', await records.get(makeLoginKey(id))).isOver).toBe(true)
  })

  it('keeps the data of an anonymous session only if the login names it', async () => {
    const dropped = await stageWithNote()
    await finishPlanted(dropped)
    expect(hasNote(dropped)).toBe(false)
    const kept = await stageWithNote()
    await finishPlanted(kept, { from: [hashShort(kept.id)] })
    expect(hasNote(kept)).toBe(true)
  })

  it('keeps logins of other instances only if the mark agrees as well', async () => {
    const staff = makeLoginEntry('bob')
    const browser = { mark: hashShort(mark), logins: [], replaced: [] }
    for (const [shown, expected] of [
      [mark, ['staff', 'default']],
      ['another mark', ['default']],
      [undefined, ['default']],
    ] as const) {
      const stage = await stageWithNote({ staff }, browser)
      const begun = { from: [hashShort(stage.id)], mark: hashShort(mark) }
      const { login } = await finishPlanted(stage, begun, { mark: shown })
      expect(Object.keys(login.entries)).toEqual(expected)
      expect(hasNote(stage)).toBe(true)
    }
  })

  it('warns once if something is lost, and names the fix', async () => {
    await finishPlanted(await stageWithNote({ staff: makeLoginEntry('bob') }))
    await finishPlanted(await stageWithNote())
    expect(warnings.map(({ code }) => code)).toEqual(['OIDC_SESSION_NOT_KEPT'])
    expect(warnings[0]?.message).toContain("session({ name: '__Host-sid', cookie: { secure: true, path: '/' }, ... })")
  })

  it('does not warn if nothing is lost', async () => {
    await finishPlanted(await stageWithNote({ default: makeLoginEntry('alice') }))
    await finishPlanted(await stageWithNote({ default: makeLoginEntry('bob') }))
    await finished(await stageWithNote({ staff: makeLoginEntry('bob') }))
    await finishPlanted(await stageWith(), {}, { cookies: [] })
    expect(warnings).toEqual([])
  })
})

describe('the browser in the record of a login', () => {
  const mark = 'a mark of 22 character'
  const shown: Arrival = { ...arrival, mark, inProgress: ['hash-cookie', 'hash-other1'] }

  it('the record names the mark, the logins in progress and the session that it replaced', async () => {
    const stage = await stageWith({ default: makeLoginEntry('alice') })
    const finishedLogin = await finished(stage, { arrival: shown })
    expect(finishedLogin.mark).toBe(mark)
    const text = await stage.records.get(makeLoginKey(stage.session.id))
    expect(LoginRecord.of('session', text).browser).toEqual({
      mark: hashShort(mark),
      logins: ['hash-other1'],
      replaced: [{ session: hashShort(stage.id), at: expect.any(Number) as number }],
    })
  })

  it('the browser gets a new mark at a change of the user, and the record names that one', async () => {
    const stage = await stageWith({ default: makeLoginEntry('bob') })
    const { mark: given, login } = await finished(stage, { arrival: shown })
    expect(given).toMatch(/^[\w-]{22}$/)
    expect(login.browser).toEqual({ mark: hashShort(given), logins: [], replaced: [] })
  })

  it('the browser gets the mark of the last try, if the former session changes', async () => {
    const marks: string[] = []
    for (const sub of ['alice', 'bob']) {
      const stage = await stageWith({ default: makeLoginEntry('alice') })
      const key = makeLoginKey(stage.id)
      const changed = writeRecord({ default: makeLoginEntry(sub), staff: makeLoginEntry('carol') }, 2, undefined)
      othersFirst(stage, () => stage.records.set(key, changed, 3600))
      const { mark: given, login } = await finished(stage, { arrival: shown })
      expect(login.version).toBe(2)
      expect(login.browser?.mark).toBe(hashShort(given))
      expect(await stage.records.get(makeLoginKey(stage.session.id))).toBe(login.text)
      marks.push(given)
    }
    expect(marks[0]).toBe(mark)
    expect(marks[1]).not.toBe(mark)
  })

  it('a login without a mark gets the same new one in each try', async () => {
    const stage = await stageWith({ default: makeLoginEntry('alice') })
    const replace = othersFirst(
      stage,
      () => {},
      () => {},
    )
    const { mark: given } = await finished(stage)
    const texts = replace.mock.calls.flatMap(([key, , text]) =>
      'session' in key && key.session === stage.session.id ? [LoginRecord.of('any', text).browser?.mark] : [],
    )
    expect(texts).toEqual([hashShort(given), hashShort(given)])
  })
})

describe('the event of a finished login', () => {
  it.each([
    [true, true],
    [false, undefined],
  ])('the event says whether the page was lost: %s', async (isPageLost, expected) => {
    const events = heard(instance, 'login')
    const { loginId } = await finished(await stageWith(), {}, { isPageLost })
    expect(events).toMatchObject([{ issuer, sub: 'alice', loginId, isPageLost: expected }])
  })
})

describe('finishLogin() that fails', () => {
  it('deletes all that it wrote, emits no store_fault, and keeps the former session', async () => {
    const faults = heard(instance, 'store_fault')
    const stage = await stageWith({ default: makeLoginEntry('alice'), staff: makeLoginEntry('bob') })
    const text = await stage.records.get(makeLoginKey(stage.id))
    const add = vi.spyOn(stage.records, 'add').mockResolvedValue(false)
    const replace = vi.spyOn(stage.records, 'replace')
    const deleted = vi.spyOn(stage.records, 'delete')
    expect(await catchRejection(finished(stage))).toMatchObject({
      code: 'store_unavailable',
      detail: 'Error: the new session already has a login record',
    })
    const [[key]] = add.mock.calls as unknown as [[{ session: string }]]
    const made = key.session
    expect(made).not.toBe(stage.id)
    expect(deleted).toHaveBeenCalledTimes(2)
    expect(new Set(deleted.mock.calls[0]?.[0].map(formatKey))).toEqual(
      new Set([makeLoginKey(made), makeTokensKey(made, 'default'), makeTokensKey(made, 'staff')].map(formatKey)),
    )
    const [[{ id: loginId }]] = deleted.mock.calls[1] as unknown as [[{ kind: string; id: string }]]
    expect(await stage.records.get({ kind: 'login', id: loginId })).toBeUndefined()
    expect(await instance.loginsIn(stage.records).members({ sub: 'alice' })).toEqual([])
    expect(await stage.records.get(makeTokensKey(made, 'staff'))).toBeUndefined()
    expect(replace).not.toHaveBeenCalled()
    expect(await stage.records.get(makeLoginKey(stage.id))).toBe(text)
    expect(await stage.records.get(makeTokensKey(stage.id, 'staff'))).toBe('tokens of login of bob')
    expect(stage.session.id).toBe(stage.id)
    expect(faults).toEqual([])
  })

  it('restores the former record for the rest of its life if the response to its replacement was lost', async () => {
    const endsAt = nowSeconds() + 1800
    const stage = await stageWith({ default: makeLoginEntry('alice', { endsAt }) })
    const text = await stage.records.get(makeLoginKey(stage.id))
    const { records } = stage
    const replace = records.replace.bind(records)
    const spied = vi.spyOn(records, 'replace').mockImplementationOnce(async (...call) => {
      await replace(...call)
      // The read that would show the outcome fails too.
      vi.spyOn(records, 'get').mockRejectedValueOnce(new Error('the connection is gone'))
      throw new Error('the answer is lost')
    })
    await expect(finished(stage)).rejects.toThrow('the connection is gone')
    expect(await records.get(makeLoginKey(stage.id))).toBe(text)
    const [ending, undoing] = spied.mock.calls
    expect(ending?.slice(0, 2)).toEqual([makeLoginKey(stage.id), text])
    expect(ending?.[3]).toBe(600)
    expect(undoing?.slice(0, 3)).toEqual([makeLoginKey(stage.id), ending?.[2], text])
    expect(undoing?.[3]).toBeGreaterThan(1790)
    expect(undoing?.[3]).toBeLessThanOrEqual(1800)
    expect(spied).toHaveBeenCalledTimes(2)
  })

  it('emits the fault of a rollback that fails too, and rejects with the original fault', async () => {
    const faults = heard(instance, 'store_fault')
    const stage = await stageWith({ default: makeLoginEntry('alice') })
    vi.spyOn(stage.records, 'add').mockRejectedValue(new Error('the first fault'))
    vi.spyOn(stage.records, 'delete').mockRejectedValue(new Error('the second fault'))
    await expect(finished(stage)).rejects.toThrow('the first fault')
    expect(faults).toMatchObject([{ detail: 'Error: the second fault' }])
  })
})

describe('the index after a login that replaces the session of another user', () => {
  const groups = ({ records }: Stage, loginId: string) =>
    Promise.all([instance.loginsIn(records).members({ sub: 'bob' }), records.get({ kind: 'login', id: loginId })])

  it('the index no longer has the former login', async () => {
    const bob = makeLoginEntry('bob')
    const stage = await stageWith({ default: bob })
    await instance.loginsIn(stage.records).index(stage.id, bob)
    await finished(stage)
    expect(await groups(stage, bob.loginId)).toEqual([[], undefined])
  })

  it('the index has no entry for a login of another owner, whose groups are not changed', async () => {
    const bob = makeLoginEntry('bob', { owner: 'another' })
    const stage = await stageWith({ default: bob })
    await stage.records.set({ kind: 'login', id: bob.loginId }, stage.id, 60)
    const removeFromSet = vi.spyOn(stage.records, 'removeFromSet')
    await finished(stage)
    expect(await groups(stage, bob.loginId)).toEqual([[], undefined])
    expect(removeFromSet).not.toHaveBeenCalled()
  })
})
