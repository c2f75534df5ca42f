import { beforeEach, describe, expect, it, vi } from 'vitest'
import { MemoryRecords, formatKey } from '../../lib/store/memory-records.ts'
import { describeRecords } from '../support/records-contract.ts'

describe('MemoryRecords', () => {
  let records = new MemoryRecords()
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    records = new MemoryRecords()
  })

  describeRecords(() => records)

  const key = { session: 'id', part: 'login' }
  const pass = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000)

  it('treats an expired record as missing in every operation', async () => {
    await records.set(key, 'value', 60)
    pass(59.9)
    expect(await records.get(key)).toBe('value')
    pass(0.1)
    expect(await records.get(key)).toBeUndefined()
    expect(await records.getAndDelete(key)).toBeUndefined()
    await records.set(key, 'value', 60)
    pass(60)
    expect(await records.replace(key, 'value', 'other', 60)).toBe(false)
    expect(await records.add(key, 'new', 60)).toBe(true)
  })

  it('restarts the lifetime of a record that is replaced', async () => {
    await records.set(key, 'value', 60)
    pass(50)
    await records.replace(key, 'value', 'other', 60)
    pass(50)
    expect(await records.get(key)).toBe('other')
  })

  it('deletes expired records that nobody reads again', async () => {
    for (let index = 0; index < 1000; index++) await records.set({ kind: 'used', id: String(index) }, 'x', 30)
    const deleted = vi.spyOn(Map.prototype, 'delete')
    try {
      pass(61)
      await records.set(key, 'value', 60)
      expect(deleted.mock.calls.filter(([name]) => String(name).startsWith('used '))).toHaveLength(1000)
      expect(await records.get(key)).toBe('value')
    } finally {
      deleted.mockRestore()
    }
  })

  it('deletes expired records once a minute, not at each write, and keeps the others', async () => {
    const used = (id: string): { kind: string; id: string } => ({ kind: 'used', id })
    await records.set(used('half'), 'x', 30)
    await records.set(used('whole'), 'x', 60)
    await records.set(used('more'), 'x', 61)
    const deleted = vi.spyOn(Map.prototype, 'delete')
    const gone = (): unknown[] =>
      deleted.mock.calls.map(([name]) => name).filter((name) => String(name).startsWith('used '))
    try {
      pass(59.9)
      await records.set(key, 'value', 600)
      expect(gone()).toEqual([])
      pass(0.1)
      await records.set(key, 'value', 600)
      expect(gone()).toEqual(['used half', 'used whole'])
      pass(59.9)
      await records.set(key, 'value', 600)
      expect(gone()).toHaveLength(2)
      expect(await records.get(key)).toBe('value')
    } finally {
      deleted.mockRestore()
    }
  })

  it('formatKey() returns one name for each key', () => {
    expect(formatKey({ session: 'id', part: 'login' })).toBe('session id login')
    expect(formatKey({ kind: 'used', id: 'id' })).toBe('used id')
  })
})
