import { describe, expect, it } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { loginKey, LoginRecords, takeover, tokensKey } from '../../lib/store/login-records.ts'
import type { Slots } from '../../lib/store/slot.ts'
import { ours, slotOf } from '../support/slots.ts'

const alice = slotOf('alice')
const bob = slotOf('bob')

/** Records of sessions, by their ids. */
async function recordsOf(texts: Readonly<Record<string, string>>): Promise<LoginRecords> {
  const records = new MemoryRecords()
  for (const [session, text] of Object.entries(texts)) await records.set(loginKey(session), text, 60)
  return new LoginRecords(records)
}

/** So many sessions that were replaced one by the next, and then one with the login. */
function replaced(times: number, slots: Slots): Promise<LoginRecords> {
  const ways = Array.from({ length: times }, (_, n) => [`${n}`, writeReplaced(`${n + 1}`, slots)] as const)
  return recordsOf({ ...Object.fromEntries(ways), [times]: writeRecord(slots, 4) })
}

describe('a login', () => {
  it('is found in its session, with the record as it was read', async () => {
    const text = writeRecord({ default: alice, staff: slotOf('bob') }, 7)
    const found = await (await recordsOf({ s: text })).find('s', ours, alice.loginId)
    expect(found).toMatchObject({ session: 's', record: { text, version: 7 }, slot: alice })
  })

  it.each([
    [1, true],
    [3, true],
    [4, false],
    [9, false],
  ])('that went over %d times is found: %s, since a way leads on three times at most', async (times, isFound) => {
    const found = await (await replaced(times, { default: alice })).find('0', ours, alice.loginId)
    expect(found?.session).toBe(isFound ? String(times) : undefined)
  })

  it.each<[string, Readonly<Record<string, string>>]>([
    ['no session', {}],
    ['a session that has none of the instance', { s: writeRecord({ staff: alice }, 1) }],
    ['another login of the instance', { s: writeRecord({ default: slotOf('bob') }, 1) }],
    ['one that has ended', { s: writeRecord({ default: { ...alice, endsAt: 1 } }, 1) }],
    ['a record that is none', { s: 'no record' }],
    ['a record of a newer version', { s: JSON.stringify({ format: 99, version: 1, slots: { default: alice } }) }],
    [
      'a session that was replaced by one with another login',
      { s: writeReplaced('t', { default: slotOf('bob') }), t: writeRecord({ default: alice }, 1) },
    ],
    [
      'a session that was replaced by one with a login of another instance',
      { s: writeReplaced('t', { staff: alice }), t: writeRecord({ default: alice }, 1) },
    ],
  ])('is not found in %s', async (_what, texts) => {
    expect(await (await recordsOf(texts)).find('s', ours, alice.loginId)).toBeUndefined()
  })
})

describe('the end of all logins of a session', () => {
  const key = { kind: 'login', id: alice.loginId }

  it('deletes their record, their tokens, and the index entries that lead there', async () => {
    const logins = await recordsOf({ s: writeRecord({ default: alice }, 1), t: writeRecord({ default: bob }, 1) })
    const { records } = logins
    for (const session of ['s', 't']) await records.set(tokensKey(session, 'default'), 'sealed', 60)
    await records.set(key, 's', 60)
    await logins.endAll('s')
    for (const gone of [loginKey('s'), tokensKey('s', 'default'), key]) expect(await records.get(gone)).toBeUndefined()
    for (const left of [loginKey('t'), tokensKey('t', 'default')]) expect(await records.get(left)).toBeDefined()
  })

  it('leaves the index entry of a login that is still in another session', async () => {
    const copied = { default: alice, staff: bob }
    const logins = await recordsOf({ s: writeRecord({ default: alice }, 1), t: writeRecord(copied, 1) })
    await logins.records.set(key, 's', 60)
    await logins.endAll('t')
    expect(await logins.records.get(loginKey('t'))).toBeUndefined()
    expect(await logins.records.get(key)).toBe('s')
  })

  it('leaves the record of a session that was replaced', async () => {
    const text = writeReplaced('t', { default: alice })
    const logins = await recordsOf({ s: text })
    await logins.endAll('s')
    expect(await logins.records.get(loginKey('s'))).toBe(text)
  })
})

describe('the way from a session that was replaced', () => {
  const ending = (seconds: number): Slots => ({ default: slotOf('alice', { endsAt: nowSeconds() + seconds }) })
  const seconds = (moving: Slots): number => takeover('s', LoginRecord.none, 't', moving).seconds

  it('is known as long as the logins last that went it, at least ten minutes', () => {
    expect(seconds(ending(3600))).toBeGreaterThan(3590)
    expect(seconds(ending(3600))).toBeLessThanOrEqual(3600)
    expect(seconds(ending(60))).toBe(600)
    expect(seconds({})).toBe(600)
  })
})
