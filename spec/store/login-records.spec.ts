import { describe, expect, it } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { makeLoginKey, LoginRecords, planTakeover, makeTokensKey } from '../../lib/store/login-records.ts'
import type { LoginEntries } from '../../lib/store/login-entry.ts'
import { ours, makeLoginEntry } from '../support/login-entries.ts'

const alice = makeLoginEntry('alice')
const bob = makeLoginEntry('bob')

/** Stores the texts of login records, by session id. */
async function makeRecords(texts: Readonly<Record<string, string>>): Promise<LoginRecords> {
  const records = new MemoryRecords()
  for (const [session, text] of Object.entries(texts)) await records.set(makeLoginKey(session), text, 60)
  return new LoginRecords(records)
}

/** A chain of sessions, each replaced by the next. The last session has the logins. */
function replaced(times: number, entries: LoginEntries): Promise<LoginRecords> {
  const ways = Array.from({ length: times }, (_, n) => [`${n}`, writeReplaced(`${n + 1}`, entries)] as const)
  return makeRecords({ ...Object.fromEntries(ways), [times]: writeRecord(entries, 4, undefined) })
}

describe('find()', () => {
  it('finds a login in its session, with the record as it was read', async () => {
    const text = writeRecord({ default: alice, staff: makeLoginEntry('bob') }, 7, undefined)
    const found = await (await makeRecords({ s: text })).find('s', ours, alice.loginId)
    expect(found).toMatchObject({ session: 's', record: { text, version: 7 }, entry: alice })
  })

  it.each([
    [1, true],
    [3, true],
    [4, false],
    [9, false],
  ])('finds a login that was moved %d times: %s, because it follows at most three moves', async (times, isFound) => {
    const found = await (await replaced(times, { default: alice })).find('0', ours, alice.loginId)
    expect(found?.session).toBe(isFound ? String(times) : undefined)
  })

  it.each<[string, Readonly<Record<string, string>>]>([
    ['a session that does not exist', {}],
    ['a session without a login of the instance', { s: writeRecord({ staff: alice }, 1, undefined) }],
    [
      'a session with another login of the instance',
      { s: writeRecord({ default: makeLoginEntry('bob') }, 1, undefined) },
    ],
    ['a session whose login has expired', { s: writeRecord({ default: { ...alice, endsAt: 1 } }, 1, undefined) }],
    ['an invalid record', { s: 'no record' }],
    ['a record of a newer version', { s: JSON.stringify({ format: 99, version: 1, entries: { default: alice } }) }],
    [
      'a replaced session that names another login',
      { s: writeReplaced('t', { default: makeLoginEntry('bob') }), t: writeRecord({ default: alice }, 1, undefined) },
    ],
    [
      'a replaced session that names a login of another instance',
      { s: writeReplaced('t', { staff: alice }), t: writeRecord({ default: alice }, 1, undefined) },
    ],
  ])('does not find a login in %s', async (_what, texts) => {
    expect(await (await makeRecords(texts)).find('s', ours, alice.loginId)).toBeUndefined()
  })
})

describe('the browser of a session', () => {
  const browser = { mark: 'hash-mark-1', logins: ['hash-login1'], replaced: [{ session: 'hash-sessio', at: 5 }] }
  const none = { set: [], delete: [] }

  it('the browser stays in a record whose logins change', async () => {
    const logins = await makeRecords({ s: writeRecord({ default: alice, staff: bob }, 1, browser) })
    expect(await logins.replace('s', await logins.read('s'), { staff: bob }, none)).toBe(true)
    expect(await logins.read('s')).toMatchObject({ version: 2, entries: { staff: bob }, browser })
  })

  it('the browser is written with a new record, and replaced with it', async () => {
    const logins = await makeRecords({})
    const first = await logins.write('s', { entries: { default: alice }, browser }, none, undefined)
    expect(await logins.read('s')).toMatchObject({ version: 1, browser })
    const other = { ...browser, mark: 'hash-mark-2' }
    await logins.write('s', { entries: { default: alice }, browser: other }, none, first)
    expect(await logins.read('s')).toMatchObject({ version: 2, browser: other })
  })

  it('the browser is not in the record of a replaced session', async () => {
    const logins = await makeRecords({ s: writeRecord({ default: alice }, 1, browser) })
    await logins.takeOver(planTakeover('s', await logins.read('s'), 't', { default: alice }))
    expect((await logins.read('s')).isReplaced).toBe(true)
    expect(await logins.records.get(makeLoginKey('s'))).not.toContain('hash')
  })
})

describe('endAll()', () => {
  const key = { kind: 'login', id: alice.loginId }

  it('deletes the login record, the tokens, and the index entries that name the session', async () => {
    const logins = await makeRecords({
      s: writeRecord({ default: alice }, 1, undefined),
      t: writeRecord({ default: bob }, 1, undefined),
    })
    const { records } = logins
    for (const session of ['s', 't']) await records.set(makeTokensKey(session, 'default'), 'sealed', 60)
    await records.set(key, 's', 60)
    await logins.endAll('s')
    for (const gone of [makeLoginKey('s'), makeTokensKey('s', 'default'), key])
      expect(await records.get(gone)).toBeUndefined()
    for (const left of [makeLoginKey('t'), makeTokensKey('t', 'default')]) expect(await records.get(left)).toBeDefined()
  })

  it('keeps the index entry of a login that is still in another session', async () => {
    const copied = { default: alice, staff: bob }
    const logins = await makeRecords({
      s: writeRecord({ default: alice }, 1, undefined),
      t: writeRecord(copied, 1, undefined),
    })
    await logins.records.set(key, 's', 60)
    await logins.endAll('t')
    expect(await logins.records.get(makeLoginKey('t'))).toBeUndefined()
    expect(await logins.records.get(key)).toBe('s')
  })

  it('keeps the record of a replaced session', async () => {
    const text = writeReplaced('t', { default: alice })
    const logins = await makeRecords({ s: text })
    await logins.endAll('s')
    expect(await logins.records.get(makeLoginKey('s'))).toBe(text)
  })
})

describe('planTakeover()', () => {
  const ending = (seconds: number): LoginEntries => ({
    default: makeLoginEntry('alice', { endsAt: nowSeconds() + seconds }),
  })
  const seconds = (moving: LoginEntries): number => planTakeover('s', LoginRecord.none, 't', moving).seconds

  it('keeps the record of a replaced session as long as the moved logins last, at least ten minutes', () => {
    expect(seconds(ending(3600))).toBeGreaterThan(3590)
    expect(seconds(ending(3600))).toBeLessThanOrEqual(3600)
    expect(seconds(ending(60))).toBe(600)
    expect(seconds({})).toBe(600)
  })
})
