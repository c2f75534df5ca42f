import type { OidcOptions } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { storeResponse, takeResponse } from '../../../lib/logins/login/stored-response.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { instanceWith } from '../support/stage.ts'

const metadata = {
  authorization_endpoint: 'https://id.example.com/authorize',
  token_endpoint: 'https://id.example.com/token',
  jwks_uri: 'https://id.example.com/jwks',
}
const instance = instanceWith()
let records = new MemoryRecords()
beforeEach(() => void (records = new MemoryRecords()))

describe('a stored authorization response that waits for its GET', () => {
  it('a stored response is returned once, unchanged', async () => {
    await storeResponse(instance, records, 'one', new URLSearchParams('code=a+b%26&state=s&code=2'))
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=a+b%26&state=s&code=2')
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
  })

  it('a stored response may have no parameters', async () => {
    await storeResponse(instance, records, 'one', new URLSearchParams())
    expect(await takeResponse(instance, records, 'one')).toEqual(new URLSearchParams())
  })

  it('a stored response is returned for its own login only', async () => {
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
    await storeResponse(instance, records, 'one', new URLSearchParams('code=1'))
    await storeResponse(instance, records, 'two', new URLSearchParams('code=2'))
    expect(String(await takeResponse(instance, records, 'two'))).toBe('code=2')
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=1')
  })

  it('the first stored response of a login is kept', async () => {
    await storeResponse(instance, records, 'one', new URLSearchParams('code=first'))
    await storeResponse(instance, records, 'one', new URLSearchParams('code=second'))
    expect(String(await takeResponse(instance, records, 'one'))).toBe('code=first')
  })

  it('a stored response lasts for a minute under its own key, and its code is sealed', async () => {
    const add = vi.spyOn(records, 'add')
    await storeResponse(instance, records, 'one', new URLSearchParams('code=the-code'))
    expect(add).toHaveBeenCalledExactlyOnceWith({ kind: 'response', id: 'one' }, expect.any(String), 60)
    const sealed = String(add.mock.calls[0]?.[1])
    expect(sealed + Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('the-code')
  })

  it.each<[string, Partial<OidcOptions>]>([
    ['client', { clientId: 'other' }],
    ['provider', { issuer: { ...metadata, issuer: 'https://other.example.com' } }],
    ['name', { name: 'other' }],
  ])('a stored response is not returned to an instance with another %s', async (_what, options) => {
    const other = instanceWith(options)
    await storeResponse(instance, records, 'one', new URLSearchParams('code=1'))
    expect(await takeResponse(other, records, 'one')).toBeUndefined()
    // An instance with the same settings gets it.
    await storeResponse(instance, records, 'two', new URLSearchParams('code=2'))
    expect(String(await takeResponse(instanceWith(), records, 'two'))).toBe('code=2')
  })

  it('a stored response that is not sealed for its login is not returned', async () => {
    await records.set({ kind: 'response', id: 'one' }, 'code=planted', 60)
    expect(await takeResponse(instance, records, 'one')).toBeUndefined()
    await storeResponse(instance, records, 'two', new URLSearchParams('code=2'))
    const sealed = await records.get({ kind: 'response', id: 'two' })
    await records.set({ kind: 'response', id: 'three' }, sealed as string, 60)
    expect(await takeResponse(instance, records, 'three')).toBeUndefined()
  })
})
