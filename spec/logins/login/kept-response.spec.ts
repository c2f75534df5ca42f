import { beforeEach, describe, expect, it, vi } from 'vitest'
import { keepResponse, takeResponse } from '../../../lib/logins/login/kept-response.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { instanceWith } from '../support/stage.ts'

const instance = instanceWith()
let records = new MemoryRecords()
beforeEach(() => void (records = new MemoryRecords()))

describe('a response that waits for its GET', () => {
  it('is had once, as it came', async () => {
    await keepResponse(instance, records, 'one', new URLSearchParams('code=a+b%26&state=s&code=2'))
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=a+b%26&state=s&code=2')
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
  })

  it('without parameters is one too', async () => {
    await keepResponse(instance, records, 'one', new URLSearchParams())
    expect(await takeResponse(instance, records, 'one')).toEqual(new URLSearchParams())
  })

  it('is that of its own login', async () => {
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
    await keepResponse(instance, records, 'one', new URLSearchParams('code=1'))
    await keepResponse(instance, records, 'two', new URLSearchParams('code=2'))
    expect(String(await takeResponse(instance, records, 'two'))).toBe('code=2')
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=1')
  })

  it('that came first is the one that is kept', async () => {
    await keepResponse(instance, records, 'one', new URLSearchParams('code=first'))
    await keepResponse(instance, records, 'one', new URLSearchParams('code=second'))
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=first')
  })

  it('waits for a minute, under a name of its own, and nobody who reads the records sees its code', async () => {
    const add = vi.spyOn(records, 'add')
    await keepResponse(instance, records, 'one', new URLSearchParams('code=the-code'))
    expect(add).toHaveBeenCalledExactlyOnceWith({ kind: 'response', id: 'one' }, expect.any(String), 60)
    const sealed = String(add.mock.calls[0]?.[1])
    expect(sealed + Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('the-code')
  })

  it('is none for an instance of the same name at another provider', async () => {
    const other = instanceWith({ clientId: 'other' })
    await keepResponse(instance, records, 'one', new URLSearchParams('code=1'))
    expect(await takeResponse(other, records, 'one')).toBeUndefined()
  })

  it('that was sealed otherwise, or for another login, is none', async () => {
    await records.set({ kind: 'response', id: 'one' }, 'code=planted', 60)
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
    await keepResponse(instance, records, 'two', new URLSearchParams('code=2'))
    const sealed = await records.get({ kind: 'response', id: 'two' })
    await records.set({ kind: 'response', id: 'three' }, sealed as string, 60)
    expect(await takeResponse(instance, records, 'three')).toBeUndefined()
  })
})
