import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import {
  isOver,
  liveSlot,
  liveSlots,
  readRecord,
  secondsLeft,
  writeRecord,
  type LoginRecord,
  type Slot,
} from '../../lib/session/login-record.ts'
import { slotOf } from '../support/slots.ts'

const read = (text: string): LoginRecord => readRecord(text) as LoginRecord

describe('a login record', () => {
  it('is read as it was written', () => {
    const slots = { default: slotOf('alice'), partner: slotOf('al', { sid: 'sid-1', acr: '2', authTime: 7 }) }
    expect(readRecord(writeRecord(slots, 7))).toEqual({ format: 1, version: 7, slots })
  })

  it('of a newer version is known as such, whatever it looks like', { meta: { id: 'login-record-1' } }, () => {
    expect(readRecord('{"format":2}')).toBe('newer')
    expect(readRecord('{"format":2,"version":"x","slots":null}')).toBe('newer')
    expect(readRecord('{"format":1.5,"version":1,"slots":{}}')).toBe('newer')
  })

  it.each([
    '',
    'x',
    '{',
    'null',
    'true',
    '1',
    '"text"',
    '[]',
    '{}',
    '{"format":"1","version":1,"slots":{}}',
    '{"format":1,"slots":{}}',
    '{"format":1,"version":"1","slots":{}}',
    '{"format":1,"version":1}',
    '{"format":1,"version":1,"slots":null}',
    '{"format":1,"version":1,"slots":"default"}',
    '{"__proto__":{"format":1,"version":1,"slots":{}}}',
  ])('is not %j', (text) => {
    expect(readRecord(text)).toBeUndefined()
  })

  it.each([
    '{"format":1,"version":1,"slots":[]}',
    '{"format":1,"version":1,"slots":{"default":null}}',
    '{"format":1,"version":1,"slots":{"default":1}}',
    '{"format":1,"version":1,"slots":{"default":{}}}',
    '{"format":1,"version":1,"slots":{"default":{"endsAt":"9999999999"}}}',
    '{"format":1,"version":1,"slots":{"default":{"endsAt":9999999999}}}',
    '{"format":1,"version":1,"slots":{"default":{"sub":"alice","endsAt":null}}}',
  ])('logs nobody in, and fails nothing, that is %s', (text) => {
    const record = readRecord(text)
    expect(record).not.toBe('newer')
    expect(liveSlot(record as LoginRecord | undefined, 'default')).toBeUndefined()
    expect(liveSlots(record as LoginRecord | undefined)).toEqual({})
  })

  const whole = slotOf('alice')
  it.each<[keyof Slot, unknown[]]>([
    ['loginId', [5, null, {}]],
    ['issuer', [5, null, {}]],
    ['sub', [5, null, {}]],
    ['startedAt', ['1', null, {}]],
    ['checkedAt', ['1', null, {}]],
    ['endsAt', ['9999999999', {}, [9999999999]]],
    ['roles', ['admin', null, { length: 0 }]],
    ['scope', ['openid', null, { length: 0 }]],
    ['user', ['alice', null, 5]],
  ])('logs nobody in by a slot whose %s is missing or of another type, and others by theirs', (member, values) => {
    const partner = slotOf('al')
    const { [member]: _left, ...without } = whole
    for (const odd of [without, ...values.map((value) => ({ ...whole, [member]: value }))]) {
      const slots = { default: odd, partner } as unknown as Record<string, Slot>
      expect(readRecord(writeRecord(slots, 1))).toEqual({ format: 1, version: 1, slots: { partner } })
    }
    expect(read(writeRecord({ default: whole, partner }, 1)).slots).toEqual({ default: whole, partner })
  })

  it('never fails to be read, whatever it is', { meta: { id: 'login-record-2' } }, () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const record = readRecord(text)
        if (record !== undefined && record !== 'newer') liveSlots(record)
      }),
    )
  })
})

describe('the logins of a session', () => {
  it('are over at the end of the last of them, to the second', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const now = nowSeconds()
    const ending = (...ends: number[]): LoginRecord =>
      read(writeRecord(Object.fromEntries(ends.map((endsAt, n) => [`i${n}`, slotOf('a', { endsAt })])), 1))
    expect(isOver(ending(now - 1, now + 1))).toBe(false)
    expect(isOver(ending(now - 1, now))).toBe(true)
    expect(isOver(ending())).toBe(true)
    expect(isOver(undefined)).toBe(true)
    expect(isOver('newer')).toBe(false)
  })
})

describe('a slot', () => {
  const name = '__proto__'

  it('is there for its own instance alone, also where names are those of every object', () => {
    const record = read(writeRecord({ default: slotOf('alice') }, 1))
    expect(liveSlot(record, 'default')?.sub).toBe('alice')
    for (const other of ['partner', 'constructor', 'toString', 'hasOwnProperty', name]) {
      expect(liveSlot(record, other)).toBeUndefined()
    }
    expect(liveSlot(undefined, 'default')).toBeUndefined()
  })

  it('named __proto__ by hostile JSON changes no prototype and is no login', () => {
    const record = read(`{"format":1,"version":1,"slots":{"${name}":${JSON.stringify(slotOf('mallory'))}}}`)
    expect(liveSlot(record, 'default')).toBeUndefined()
    const slots = liveSlots(record)
    expect(Object.getPrototypeOf(slots)).toBe(Object.prototype)
    expect(Object.keys(slots)).toEqual([name])
    expect(({} as { sub?: unknown }).sub).toBeUndefined()
  })

  it('is over at its end, to the second', { meta: { id: 'login-record-3' } }, () => {
    const now = nowSeconds()
    const slots = {
      over: slotOf('a', { endsAt: now - 1 }),
      ending: slotOf('b', { endsAt: now }),
      live: slotOf('c', { endsAt: now + 100 }),
    }
    const record = read(writeRecord(slots, 1))
    expect(liveSlot(record, 'over')).toBeUndefined()
    expect(liveSlot(record, 'ending')).toBeUndefined()
    expect(liveSlot(record, 'live')?.sub).toBe('c')
    expect(Object.keys(liveSlots(record))).toEqual(['live'])
    expect(liveSlots(undefined)).toEqual({})
  })

  it('decides how long its record is kept: till the last of them ends, a second at least', () => {
    const now = nowSeconds()
    const left = secondsLeft({ one: slotOf('a', { endsAt: now + 50 }), two: slotOf('b', { endsAt: now + 90 }) })
    expect(left).toBeGreaterThan(80)
    expect(left).toBeLessThanOrEqual(90)
    expect(secondsLeft({ one: slotOf('a', { endsAt: now - 50 }) })).toBe(1)
    expect(secondsLeft({})).toBe(1)
  })
})
