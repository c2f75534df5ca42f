import { MemoryStore } from 'express-session'
import { OidcError } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { StoreRecords } from '../../lib/store/store-records.ts'
import { AsyncStore } from '../support/async-store.ts'
import { describeRecords } from '../support/records-contract.ts'

const key = { session: 'id', part: 'login' }
const other = { session: 'other', part: 'login' }

describe('StoreRecords', () => {
  let store: AsyncStore
  let records: StoreRecords
  beforeEach(() => {
    store = new AsyncStore()
    records = new StoreRecords(store)
  })

  describeRecords(() => records)

  it('stores records under ids that no session has', async () => {
    await records.set(key, 'value', 60)
    await records.set({ kind: 'used', id: 'id' }, 'value', 60)
    expect([...store.entries.keys()]).toEqual(['oidc session id login', 'oidc used id'])
  })

  it('stores records in the form of sessions with their lifetime', async () => {
    const before = Date.now()
    await records.set(key, 'value', 60)
    const { cookie } = JSON.parse([...store.entries.values()][0] as string) as {
      cookie: { originalMaxAge: number; maxAge: number; expires: string }
    }
    expect(cookie).toMatchObject({ originalMaxAge: 60_000, maxAge: 60_000 })
    const ends = Date.parse(cookie.expires)
    expect(ends).toBeGreaterThanOrEqual(before + 60_000)
    expect(ends).toBeLessThanOrEqual(Date.now() + 60_000)
  })

  it('treats an expired record as missing, even if the store keeps it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    await records.set(key, 'value', 60)
    vi.setSystemTime(Date.now() + 60_000)
    expect(store.entries.size).toBe(1)
    expect(await records.get(key)).toBeUndefined()
    expect(await records.replace(key, 'value', 'other', 60)).toBe(false)
    expect(await records.add(key, 'new', 60)).toBe(true)
  })

  it('does not read a session as a record if its id is that of a record', async () => {
    const cookie = { originalMaxAge: null, path: '/' }
    for (const data of [
      { cookie },
      { cookie, oidcRecord: 'x' },
      { cookie, oidcRecord: 1, oidcRecordEndsAt: Date.now() + 1000 },
      { cookie, oidcRecord: 'x', oidcRecordEndsAt: 'never' },
    ]) {
      store.entries.set('oidc session id login', JSON.stringify(data))
      expect(await records.get(key)).toBeUndefined()
    }
  })

  it('serializes operations on one key, and runs those on different keys concurrently', async () => {
    await Promise.all([records.add(key, 'a', 60), records.getAndDelete(key), records.add(other, 'b', 60)])
    const of = (name: string): string[] => store.done.filter((line) => line.includes(`session ${name} `))
    expect(of('id').map((line) => line.split(' ')[0])).toEqual(['get', 'set', 'get', 'destroy'])
    expect(store.done.slice(0, 2)).toEqual(['get oidc session id login', 'get oidc session other login'])
  })

  it('continues with a key after an operation on it has failed', async () => {
    let faults = 1
    store.fault = () => (faults-- > 0 ? { error: new Error('down') } : undefined)
    const [first, second] = await Promise.allSettled([records.add(key, 'a', 60), records.add(key, 'b', 60)])
    expect(first.status).toBe('rejected')
    expect(second).toEqual({ status: 'fulfilled', value: true })
  })

  describe('with a store that fails', () => {
    const operations: [string, (records: StoreRecords) => Promise<unknown>, string[]][] = [
      ['get', (records) => records.get(key), ['get']],
      ['set', (records) => records.set(key, 'value', 60), ['set']],
      ['add', (records) => records.add(other, 'value', 60), ['get', 'set']],
      ['replace', (records) => records.replace(key, 'before', 'value', 60), ['get', 'set']],
      ['replace with undefined', (records) => records.replace(key, 'before', undefined, 60), ['get', 'destroy']],
      ['getAndDelete', (records) => records.getAndDelete(key), ['get', 'destroy']],
      ['delete', (records) => records.delete([key]), ['destroy']],
    ]
    const table = operations.flatMap(([name, run, steps]) =>
      steps.flatMap((step) => [
        { name, run, step, how: 'by its callback' },
        { name, run, step, how: 'by throwing' },
        { name, run, step, how: 'by a promise' },
      ]),
    )

    it.each(table)(
      'rejects if $step fails $how: $name does not answer as if nothing were stored',
      async ({ run, step, how }) => {
        await records.set(key, 'before', 60)
        const error = Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
        if (how === 'by a promise') {
          Object.assign(store, { [step]: () => Promise.reject(error) })
        } else {
          store.fault = (operation) => (operation === step ? { error, thrown: how === 'by throwing' } : undefined)
        }
        const failed = await run(records).catch((thrown: unknown) => thrown)
        expect(failed).toBeInstanceOf(OidcError)
        expect(failed).toMatchObject({
          code: 'store_unavailable',
          status: 503,
          headers: { 'Retry-After': '5' },
          detail: 'Error (ECONNRESET): connection lost',
        })
      },
    )
  })

  it('treats ENOENT as a missing record, as express-session does for file stores', async () => {
    store.fault = (operation) =>
      operation === 'get' ? { error: Object.assign(new Error('no such file'), { code: 'ENOENT' }) } : undefined
    expect(await records.get(key)).toBeUndefined()
    expect(await records.add(key, 'value', 60)).toBe(true)
  })

  it('treats ENOENT at a deletion as success', async () => {
    store.fault = (operation) =>
      operation === 'destroy' ? { error: Object.assign(new Error('no such file'), { code: 'ENOENT' }) } : undefined
    await records.delete([key])
    await records.set(key, 'value', 60)
    expect(await records.replace(key, 'value', 'other', 60, { delete: [other] })).toBe(true)
  })

  it('treats ENOENT at a write as a fault', async () => {
    store.fault = (operation) =>
      operation === 'set' ? { error: Object.assign(new Error('no such folder'), { code: 'ENOENT' }) } : undefined
    const fault = { code: 'store_unavailable', status: 503 }
    await expect(records.set(key, 'value', 60)).rejects.toMatchObject(fault)
    await expect(records.add(key, 'value', 60)).rejects.toMatchObject(fault)
  })

  it('treats a rejection as a fault, even with undefined', async () => {
    // eslint-disable-next-line typescript/prefer-promise-reject-errors
    Object.assign(store, { get: () => Promise.reject(undefined as unknown as Error) })
    await expect(records.get(key)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('works with the MemoryStore of express-session', async () => {
    records = new StoreRecords(new MemoryStore())
    expect(await records.add(key, 'value', 60)).toBe(true)
    expect(await records.get(key)).toBe('value')
    expect(await records.getAndDelete(key)).toBe('value')
    expect(await records.get(key)).toBeUndefined()
  })
})
