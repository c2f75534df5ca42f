/** Records in every format so far can be read, because logins outlast an update of the package. */
import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { deriveSeals } from '../../lib/core/seals.ts'
import { LoginRecord, writeRecord, type InstanceId } from '../../lib/store/login-record.ts'
import type { LoginEntry } from '../../lib/store/login-entry.ts'
import { openTokens, sealTokens, type StoredTokens } from '../../lib/store/tokens.ts'

interface Fixture {
  secret: string
  instance: InstanceId
  loginId: string
  records: Record<'first' | 'whole' | 'replaced', string>
  entries: Record<'first' | 'whole', LoginEntry>
  sealed: Record<'least' | 'most', string>
  tokens: Record<'least' | 'most', StoredTokens>
}

const path = new URL('fixtures/format-1.json', import.meta.url)
const fixture = JSON.parse(readFileSync(path, 'utf8')) as Fixture
const { secret, instance, loginId } = fixture
const { owner } = instance

describe('a login record of format 1', () => {
  it.each(['first', 'whole'] as const)('a login record of format 1 is read: %s', (name) => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_100_000 })
    const record = LoginRecord.of('session', fixture.records[name])
    expect(record.live(instance)).toEqual(fixture.entries[name])
    expect(record.isOver).toBe(false)
    vi.setSystemTime(1_800_028_810_000)
    expect(record.live(instance)).toBeUndefined()
  })

  it('a login record of format 1 of a replaced session is read', () => {
    const record = LoginRecord.of('session', fixture.records.replaced)
    expect(record.moved).toEqual({ session: 'another-session', logins: { default: { loginId, owner } } })
  })

  it('a login record is still written in format 1; another format would need a fixture of its own', () => {
    const { whole } = fixture.entries
    const partner = LoginRecord.of('session', fixture.records.whole).entries['partner'] as LoginEntry
    expect(writeRecord({ default: whole, partner }, 7, undefined)).toBe(fixture.records.whole)
  })
})

describe('the browser in a login record of format 1', () => {
  it('the browser in a login record is still written and read in this form', () => {
    const browser =
      '{"mark":"hash-mark-1","logins":["hash-login1"],"replaced":[{"session":"hash-sessio","at":1800000000}]}'
    const text = `${fixture.records.whole.slice(0, -1)},"browser":${browser}}`
    const record = LoginRecord.of('session', text)
    expect(record.browser).toEqual(JSON.parse(browser))
    expect(writeRecord(record.entries, record.version, record.browser)).toBe(text)
  })
})

describe('tokens of format 1', () => {
  const { tokens: sealer } = deriveSeals({ secrets: [secret], owner })

  it.each(['least', 'most'] as const)('tokens of format 1 are opened: %s', (name) => {
    expect(openTokens(sealer, fixture.sealed[name], loginId)).toEqual(fixture.tokens[name])
  })

  it('tokens of format 1 are opened if a newer secret precedes the one that sealed them', () => {
    const secrets = ['another secret of more than thirty-two characters', secret]
    const later = deriveSeals({ secrets, owner }).tokens
    expect(openTokens(later, fixture.sealed.most, loginId)).toEqual(fixture.tokens.most)
  })

  it('tokens are still written in format 1', () => {
    const sealed = sealTokens(sealer, fixture.tokens.most, loginId)
    expect(sealer.open(sealed, loginId)).toBe(sealer.open(fixture.sealed.most, loginId))
  })
})
