import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MemoryRecords, nameOf } from '../../lib/session/memory-records.ts'
import { describeRecords } from '../support/records-contract.ts'

describe('records in memory', () => {
  let records = new MemoryRecords()
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    records = new MemoryRecords()
  })
  afterEach(() => void vi.useRealTimers())

  describeRecords(() => records)

  const key = { session: 'id', part: 'login' }
  const pass = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000)

  it('end with their life, for whoever asks', async () => {
    await records.set(key, 'value', 60)
    pass(59.9)
    expect(await records.get(key)).toBe('value')
    pass(0.1)
    expect(await records.get(key)).toBeUndefined()
    expect(await records.take(key)).toBeUndefined()
    await records.set(key, 'value', 60)
    pass(60)
    expect(await records.replace(key, 'value', 'other', 60)).toBe(false)
    expect(await records.add(key, 'new', 60)).toBe(true)
  })

  it('live anew from a replacement on', async () => {
    await records.set(key, 'value', 60)
    pass(50)
    await records.replace(key, 'value', 'other', 60)
    pass(50)
    expect(await records.get(key)).toBe('other')
  })

  it('do not stay for good where nobody asks for them again', async () => {
    for (let index = 0; index < 1000; index++) await records.set({ kind: 'claim', id: String(index) }, 'x', 30)
    const deleted = vi.spyOn(Map.prototype, 'delete')
    try {
      pass(61)
      await records.set(key, 'value', 60)
      expect(deleted.mock.calls.filter(([name]) => String(name).startsWith('claim '))).toHaveLength(1000)
      expect(await records.get(key)).toBe('value')
    } finally {
      deleted.mockRestore()
    }
  })

  it('have one name for a key', () => {
    expect(nameOf({ session: 'id', part: 'login' })).toBe('session id login')
    expect(nameOf({ kind: 'claim', id: 'id' })).toBe('claim id')
  })
})
