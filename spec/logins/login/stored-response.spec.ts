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
  it('a stored response is returned once', async () => {
    await storeResponse(instance, records, 'one', new URLSearchParams('code=a+b%26&state=s&iss=https://a.test'))
    expect(Object.fromEntries((await takeResponse(instance, records, 'one')) ?? [])).toEqual({
      code: 'a b&',
      state: 's',
      iss: 'https://a.test',
    })
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

  it('a stored response has only the parameters that the callback reads, and the error texts are cut', async () => {
    const needed = { code: 'c', state: 's', iss: 'i', error: 'e'.repeat(100), error_description: 'd'.repeat(500) }
    const sent = { ...needed, error: 'e'.repeat(5000), error_description: 'd'.repeat(5000), junk: 'x'.repeat(60_000) }
    const others = ['id_token', 'response', 'access_token', 'user', 'error_uri', 'session_state', '__proto__']
    const all = new URLSearchParams({ ...sent, ...Object.fromEntries(others.map((name) => [name, 'x'.repeat(9000)])) })
    await storeResponse(instance, records, 'one', all)
    expect(Object.fromEntries((await takeResponse(instance, records, 'one')) ?? [])).toEqual(needed)
  })

  // Codes of Azure AD B2C that did not fit into a URL of 4096 characters are the longest that are known.
  it.each([43, 1000, 2319, 5500])('a stored response has a code of %d characters in at most 8 kB', async (length) => {
    const add = vi.spyOn(records, 'add')
    const sent = { code: 'c'.repeat(length), state: 's'.repeat(48), iss: 'https://id.example.com/realms/acme' }
    await storeResponse(instance, records, 'one', new URLSearchParams(sent))
    expect(String(add.mock.calls[0]?.[1]).length).toBeLessThanOrEqual(8192)
    expect((await takeResponse(instance, records, 'one'))?.get('code')).toBe(sent.code)
  })

  it.each([
    ['code', { code: 'c'.repeat(6000) }],
    ['iss', { code: 'c', iss: 'i'.repeat(6000) }],
    ['state', { code: 'c', state: 's'.repeat(6000) }],
    ['code that is longer once it is encoded', { code: '\u{1F511}'.repeat(501) }],
  ])('a response whose %s is too large is rejected with the fix, and not stored', async (_what, sent) => {
    const add = vi.spyOn(records, 'add')
    const rejected = storeResponse(instance, records, 'one', new URLSearchParams(sent))
    await expect(rejected).rejects.toMatchObject({
      code: 'request_invalid',
      status: 413,
      detail: expect.stringMatching(
        /^the authorization response by form_post has \d+ bytes, .* `responseMode: 'query'`$/,
      ),
    })
    expect(add).not.toHaveBeenCalled()
  })
})
