import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'
import { LoginRecord, writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { computeSecondsLeft, type LoginEntry } from '../../lib/store/login-entry.ts'
import { ours, makeLoginEntry } from '../support/login-entries.ts'

const read = (text: string): LoginRecord => LoginRecord.of('session', text)

describe('a login record', () => {
  it('reads a login record as it was written', () => {
    const entries = {
      default: makeLoginEntry('alice'),
      partner: makeLoginEntry('al', { sid: 'sid-1', acr: '2', authTime: 7 }),
    }
    const text = writeRecord(entries, 7, undefined)
    expect(read(text)).toMatchObject({ text, version: 7, moved: undefined, isReplaced: false })
    expect(read(text).entries).toEqual(entries)
  })

  it('parses a login record only if its text differs from the last one of its session', () => {
    const parse = vi.spyOn(JSON, 'parse')
    const of = (session: string, sub: string) =>
      LoginRecord.of(session, writeRecord({ default: makeLoginEntry(sub) }, 1, undefined))
    const first = of('parsed-1', 'alice')
    expect(parse).toHaveBeenCalledTimes(1)
    expect(of('parsed-1', 'alice')).toBe(first)
    expect(parse).toHaveBeenCalledTimes(1)
    expect(of('parsed-1', 'bob').entries['default']?.sub).toBe('bob')
    expect(of('parsed-1', 'alice').entries['default']?.sub).toBe('alice')
    // The same text is parsed again for another session.
    expect(of('parsed-2', 'alice')).not.toBe(first)
    expect(parse).toHaveBeenCalledTimes(4)
    parse.mockRestore()
    expect(LoginRecord.of('parsed-1', undefined)).toBe(LoginRecord.none)
  })

  it('keeps the parsed records of many sessions, but not without bound', () => {
    const text = (sub: string, characters: number): string =>
      writeRecord({ default: makeLoginEntry(sub, { roles: ['x'.repeat(characters)] }) }, 1, undefined)
    const first = Array.from({ length: 50 }, (_, index) => LoginRecord.of(`bounded-${index}`, text('alice', 20_000)))
    const isKept = (index: number): boolean =>
      LoginRecord.of(`bounded-${index}`, (first[index] as LoginRecord).text) === first[index]
    expect(first.every((_, index) => isKept(index))).toBe(true)
    for (let index = 0; index < 9; index++) LoginRecord.of(`large-${index}`, text('bob', 1_000_000))
    expect(isKept(0)).toBe(false)
  })

  it('freezes a login record deeply, because requests share it', () => {
    const user = { iss: 'https://id.example.com', sub: 'alice', address: { lines: ['1 Road', { more: [] }] } }
    const { entries } = read(
      writeRecord({ default: makeLoginEntry('alice', { user, roles: ['admin'] }) }, 1, undefined),
    )
    const open: unknown[] = [entries]
    let seen = 0
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      expect(Object.isFrozen(value)).toBe(true)
      seen++
      open.push(...Object.values(value as object).filter((each) => each !== null && typeof each === 'object'))
    }
    expect(seen).toBe(12)
    const { moved } = read(writeReplaced('new', { default: makeLoginEntry('alice') }))
    expect([moved, moved?.logins, moved?.logins['default']].every((each) => Object.isFrozen(each))).toBe(true)
  })

  it('recognizes a login record of a newer version, whatever its content', { meta: { id: 'login-record-1' } }, () => {
    const newer = [
      '{"format":2}',
      '{"format":2,"version":"x","entries":null}',
      '{"format":1.5,"version":1,"entries":{}}',
      JSON.stringify({ format: 2, version: 1, entries: { default: makeLoginEntry('alice', { endsAt: 1 }) } }),
      JSON.stringify({ format: 2, version: 1, entries: {}, replaced: { session: 's', logins: { default: 'login' } } }),
    ]
    for (const text of newer) {
      // It has no logins for this version, and it is not over: only the newer version can interpret it.
      expect(read(text)).toMatchObject({ text, isOver: false, isReplaced: false, moved: undefined })
      expect(read(text).entries).toEqual({})
    }
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
    '{"format":"1","version":1,"entries":{}}',
    '{"format":1,"entries":{}}',
    '{"format":1,"version":"1","entries":{}}',
    '{"format":1,"version":1}',
    '{"format":1,"version":1,"entries":null}',
    '{"format":1,"version":1,"entries":"default"}',
    '{"__proto__":{"format":1,"version":1,"entries":{}}}',
  ])('reads no login record from %j', (text) => {
    expect(read(text)).toMatchObject({ text, version: 0, isOver: true, isReplaced: false })
    expect(read(text).entries).toEqual({})
  })

  it.each([
    '{"format":1,"version":1,"entries":[]}',
    '{"format":1,"version":1,"entries":{"default":null}}',
    '{"format":1,"version":1,"entries":{"default":1}}',
    '{"format":1,"version":1,"entries":{"default":{}}}',
    '{"format":1,"version":1,"entries":{"default":{"endsAt":"9999999999"}}}',
    '{"format":1,"version":1,"entries":{"default":{"endsAt":9999999999}}}',
    '{"format":1,"version":1,"entries":{"default":{"sub":"alice","endsAt":null}}}',
  ])('reads no live login from %s, and does not fail', (text) => {
    const record = read(text)
    expect(record.isOver).toBe(true)
    expect(record.live(ours)).toBeUndefined()
    expect(record.liveEntries).toEqual({})
  })

  const whole = makeLoginEntry('alice')
  it.each<[keyof LoginEntry, unknown[]]>([
    ['loginId', [5, null, {}]],
    ['owner', [5, null, {}]],
    ['issuer', [5, null, {}]],
    ['sub', [5, null, {}]],
    ['startedAt', ['1', null, {}]],
    ['issuedAt', ['1', null, {}]],
    ['checkedAt', ['1', null, {}]],
    ['endsAt', ['9999999999', {}, [9999999999]]],
    ['roles', ['admin', null, { length: 0 }]],
    ['scope', ['openid', null, { length: 0 }]],
    ['user', ['alice', null, 5]],
    ['requested', ['openid', null, 5]],
  ])('ignores an entry whose %s is missing or of another type, but not the other entries', (member, values) => {
    const partner = makeLoginEntry('al')
    const { [member]: _left, ...without } = whole
    for (const odd of [without, ...values.map((value) => ({ ...whole, [member]: value }))]) {
      const entries = { default: odd, partner } as unknown as Record<string, LoginEntry>
      expect(read(writeRecord(entries, 1, undefined)).version).toBe(1)
      expect(read(writeRecord(entries, 1, undefined)).entries).toEqual({ partner })
    }
    expect(read(writeRecord({ default: whole, partner }, 1, undefined)).entries).toEqual({ default: whole, partner })
  })

  it('never fails to read a login record, whatever its text', { meta: { id: 'login-record-2' } }, () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        void read(text).liveEntries
        return read(text).text === text
      }),
    )
  })
})

describe('the logins of a session', () => {
  it('isOver is true from the moment that the last login expires, to the second', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const now = nowSeconds()
    const ending = (...ends: number[]): LoginRecord =>
      read(
        writeRecord(
          Object.fromEntries(ends.map((endsAt, n) => [`i${n}`, makeLoginEntry('a', { endsAt })])),
          1,
          undefined,
        ),
      )
    expect(ending(now - 1, now + 1).isOver).toBe(false)
    expect(ending(now - 1, now).isOver).toBe(true)
    expect(ending().isOver).toBe(true)
    expect(LoginRecord.none.isOver).toBe(true)
  })
})

describe('the record of a replaced session', () => {
  it('names the session and the id of each login that was moved', () => {
    const text = writeReplaced('successor', { default: makeLoginEntry('alice'), staff: makeLoginEntry('bob') })
    const record = read(text)
    expect(record).toMatchObject({ text, isOver: true, isReplaced: true, moved: { session: 'successor' } })
    expect(record.entries).toEqual({})
    expect(record.movedLogin(ours)).toBe('login of alice')
    expect(record.movedLogin({ ...ours, name: 'staff' })).toBe('login of bob')
    for (const other of ['partner', 'constructor', '__proto__'])
      expect(record.movedLogin({ ...ours, name: other })).toBeUndefined()
  })

  it('movedLogin() finds no login for another owner with the same name', () => {
    const record = read(writeReplaced('successor', { default: makeLoginEntry('alice') }))
    expect(record.movedLogin({ ...ours, owner: 'another' })).toBeUndefined()
    for (const login of ['"login"', 'null', '5', '[]']) {
      const odd = `{"format":1,"version":0,"entries":{},"replaced":{"session":"s","logins":{"default":${login}}}}`
      expect(read(odd).movedLogin(ours)).toBeUndefined()
    }
  })

  it('moved is undefined if no login was moved', () => {
    expect(read(writeReplaced('successor', {}))).toMatchObject({ isReplaced: true, moved: undefined })
  })

  it.each(['null', '5', '{}', '{"session":5,"logins":{}}', '{"session":"s"}', '{"session":"s","logins":null}'])(
    'does not treat a record as replaced if its destination is %s',
    (replaced) => {
      const record = read(`{"format":1,"version":1,"entries":{},"replaced":${replaced}}`)
      expect(record).toMatchObject({ isReplaced: false, moved: undefined })
      expect(record.movedLogin(ours)).toBeUndefined()
    },
  )
})

describe('an entry', () => {
  const name = '__proto__'

  it('returns an entry only for its own instance, even for names of built-in object members', () => {
    const record = read(writeRecord({ default: makeLoginEntry('alice') }, 1, undefined))
    expect(record.live(ours)?.sub).toBe('alice')
    for (const other of ['partner', 'constructor', 'toString', 'hasOwnProperty', name]) {
      expect(record.live({ ...ours, name: other })).toBeUndefined()
    }
    expect(LoginRecord.none.live(ours)).toBeUndefined()
  })

  it('does not return an entry of another owner, which still keeps the session alive', () => {
    const record = read(writeRecord({ default: makeLoginEntry('alice', { owner: 'another' }) }, 1, undefined))
    expect(record.live(ours)).toBeUndefined()
    expect(record.isOver).toBe(false)
    expect(Object.keys(record.liveEntries)).toEqual(['default'])
  })

  it('ignores an entry named __proto__ in hostile JSON, which changes no prototype', () => {
    const record = read(`{"format":1,"version":1,"entries":{"${name}":${JSON.stringify(makeLoginEntry('mallory'))}}}`)
    expect(record.live(ours)).toBeUndefined()
    const entries = record.liveEntries
    expect(Object.getPrototypeOf(entries)).toBe(Object.prototype)
    expect(Object.keys(entries)).toEqual([name])
    expect(({} as { sub?: unknown }).sub).toBeUndefined()
  })

  it('does not return an entry that has expired, to the second', { meta: { id: 'login-record-3' } }, () => {
    const now = nowSeconds()
    const entries = {
      over: makeLoginEntry('a', { endsAt: now - 1 }),
      ending: makeLoginEntry('b', { endsAt: now }),
      live: makeLoginEntry('c', { endsAt: now + 100 }),
    }
    const record = read(writeRecord(entries, 1, undefined))
    expect(record.live({ ...ours, name: 'over' })).toBeUndefined()
    expect(record.live({ ...ours, name: 'ending' })).toBeUndefined()
    expect(record.live({ ...ours, name: 'live' })?.sub).toBe('c')
    expect(Object.keys(record.liveEntries)).toEqual(['live'])
    expect(LoginRecord.none.liveEntries).toEqual({})
  })

  it('computeSecondsLeft() returns the time until the last entry expires, at least one second', () => {
    const now = nowSeconds()
    const left = computeSecondsLeft({
      one: makeLoginEntry('a', { endsAt: now + 50 }),
      two: makeLoginEntry('b', { endsAt: now + 90 }),
    })
    expect(left).toBeGreaterThan(80)
    expect(left).toBeLessThanOrEqual(90)
    expect(computeSecondsLeft({ one: makeLoginEntry('a', { endsAt: now - 50 }) })).toBe(1)
    expect(computeSecondsLeft({})).toBe(1)
  })
})
