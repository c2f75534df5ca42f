import { MemoryStore } from 'express-session'
import { OidcError } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { StoreRecords } from '../../lib/store/store-records.ts'
import { AsyncStore } from '../support/async-store.ts'
import { describeRecords } from '../support/records-contract.ts'

const key = { session: 'id', part: 'login' }
const other = { session: 'other', part: 'login' }

describe('records through a session store', () => {
  let store: AsyncStore
  let records: StoreRecords
  beforeEach(() => {
    store = new AsyncStore()
    records = new StoreRecords(store)
  })

  describeRecords(() => records)

  it('are under ids that no session has', async () => {
    await records.set(key, 'value', 60)
    await records.set({ kind: 'claim', id: 'id' }, 'value', 60)
    expect([...store.entries.keys()]).toEqual(['oidc session id login', 'oidc claim id'])
  })

  it('look to the store like sessions of their life', async () => {
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

  it('end with their life, also where the store keeps what is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    await records.set(key, 'value', 60)
    vi.setSystemTime(Date.now() + 60_000)
    expect(store.entries.size).toBe(1)
    expect(await records.get(key)).toBeUndefined()
    expect(await records.replace(key, 'value', 'other', 60)).toBe(false)
    expect(await records.add(key, 'new', 60)).toBe(true)
  })

  it('are none of a session that has such an id', async () => {
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

  it('do one thing after another for a key, and different keys at once', async () => {
    await Promise.all([records.add(key, 'a', 60), records.take(key), records.add(other, 'b', 60)])
    const of = (name: string): string[] => store.done.filter((line) => line.includes(`session ${name} `))
    expect(of('id').map((line) => line.split(' ')[0])).toEqual(['get', 'set', 'get', 'destroy'])
    expect(store.done.slice(0, 2)).toEqual(['get oidc session id login', 'get oidc session other login'])
  })

  it('go on for a key after an operation on it failed', async () => {
    let faults = 1
    store.fault = () => (faults-- > 0 ? { error: new Error('down') } : undefined)
    const [first, second] = await Promise.allSettled([records.add(key, 'a', 60), records.add(key, 'b', 60)])
    expect(first.status).toBe('rejected')
    expect(second).toEqual({ status: 'fulfilled', value: true })
  })

  describe('whose store fails', () => {
    const operations: [string, (records: StoreRecords) => Promise<unknown>, string[]][] = [
      ['get', (records) => records.get(key), ['get']],
      ['set', (records) => records.set(key, 'value', 60), ['set']],
      ['add', (records) => records.add(other, 'value', 60), ['get', 'set']],
      ['replace', (records) => records.replace(key, 'before', 'value', 60), ['get', 'set']],
      ['replace by nothing', (records) => records.replace(key, 'before', undefined, 60), ['get', 'destroy']],
      ['take', (records) => records.take(key), ['get', 'destroy']],
      ['delete', (records) => records.delete([key]), ['destroy']],
    ]
    const table = operations.flatMap(([name, run, steps]) =>
      steps.flatMap((step) => [
        { name, run, step, how: 'by its callback' },
        { name, run, step, how: 'by throwing' },
        { name, run, step, how: 'by a promise' },
      ]),
    )

    it.each(table)('at $step, $how: $name says so, and not that nothing is there', async ({ run, step, how }) => {
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
    })
  })

  it('take an ENOENT for nothing there, as express-session does of stores that keep files', async () => {
    store.fault = (operation) =>
      operation === 'get' ? { error: Object.assign(new Error('no such file'), { code: 'ENOENT' }) } : undefined
    expect(await records.get(key)).toBeUndefined()
    expect(await records.add(key, 'value', 60)).toBe(true)
  })

  it('take an ENOENT for done where something was to be deleted', async () => {
    store.fault = (operation) =>
      operation === 'destroy' ? { error: Object.assign(new Error('no such file'), { code: 'ENOENT' }) } : undefined
    await records.delete([key])
    await records.set(key, 'value', 60)
    expect(await records.replace(key, 'value', 'other', 60, { dropped: [other] })).toBe(true)
  })

  it('do not take an ENOENT for done where something was to be written', async () => {
    store.fault = (operation) =>
      operation === 'set' ? { error: Object.assign(new Error('no such folder'), { code: 'ENOENT' }) } : undefined
    const fault = { code: 'store_unavailable', status: 503 }
    await expect(records.set(key, 'value', 60)).rejects.toMatchObject(fault)
    await expect(records.add(key, 'value', 60)).rejects.toMatchObject(fault)
  })

  it('take a rejection for a fault, also with nothing', async () => {
    // eslint-disable-next-line typescript/prefer-promise-reject-errors
    Object.assign(store, { get: () => Promise.reject(undefined as unknown as Error) })
    await expect(records.get(key)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('work through the store that express-session brings', async () => {
    records = new StoreRecords(new MemoryStore())
    expect(await records.add(key, 'value', 60)).toBe(true)
    expect(await records.get(key)).toBe('value')
    expect(await records.take(key)).toBe('value')
    expect(await records.get(key)).toBeUndefined()
  })
})
