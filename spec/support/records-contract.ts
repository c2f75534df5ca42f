import { randomUUID } from 'node:crypto'
import type { OidcRecords, OidcRecordKey } from 'express-session-oidc'
import { describe, expect, it, vi } from 'vitest'

/** The contract that all implementations of `Records` must fulfill. */
export function describeRecords(records: () => OidcRecords): void {
  const fresh = (): OidcRecordKey => ({ session: randomUUID(), part: 'login' })

  describe('the contract of Records', () => {
    it('returns undefined until something is written', async () => {
      const key = fresh()
      expect(await records().get(key)).toBeUndefined()
      expect(await records().getAndDelete(key)).toBeUndefined()
      await records().delete([key])
      await records().delete([])
    })

    it('get() returns the last written value until it is deleted', async () => {
      const key = fresh()
      await records().set(key, 'first', 60)
      await records().set(key, 'second \u{1f511} "\\\n\0', 60)
      expect(await records().get(key)).toBe('second \u{1f511} "\\\n\0')
      expect(await records().get(key)).toBe('second \u{1f511} "\\\n\0')
      await records().delete([key])
      expect(await records().get(key)).toBeUndefined()
    })

    it('distinguishes an empty value from a missing record', async () => {
      const key = fresh()
      await records().set(key, '', 60)
      expect(await records().get(key)).toBe('')
      expect(await records().add(key, 'other', 60)).toBe(false)
      expect(await records().replace(key, '', 'other', 60)).toBe(true)
    })

    it('separates records by session, part, kind and id', async () => {
      const session = randomUUID()
      const keys: OidcRecordKey[] = [
        { session, part: 'login' },
        { session, part: 'moved' },
        { session, part: 'tokens:default' },
        { session: randomUUID(), part: 'login' },
        { kind: 'used', id: session },
        { kind: 'response', id: session },
        { kind: session, id: 'login' },
      ]
      for (const [index, key] of keys.entries()) await records().set(key, `value ${index}`, 60)
      const found = await Promise.all(keys.map((key) => records().get(key)))
      expect(found).toEqual(keys.map((_, index) => `value ${index}`))
      await records().delete(keys.slice(1))
      expect(await records().get(keys[0] as OidcRecordKey)).toBe('value 0')
      expect(await records().get(keys[1] as OidcRecordKey)).toBeUndefined()
    })

    it('add() writes only if there is no record', async () => {
      const key = fresh()
      expect(await records().add(key, 'first', 60)).toBe(true)
      expect(await records().add(key, 'second', 60)).toBe(false)
      expect(await records().get(key)).toBe('first')
      await records().delete([key])
      expect(await records().add(key, 'third', 60)).toBe(true)
    })

    it('replace() writes only if the record has exactly the expected value', async () => {
      const key = fresh()
      expect(await records().replace(key, 'first', 'second', 60)).toBe(false)
      expect(await records().get(key)).toBeUndefined()
      await records().set(key, 'first', 60)
      for (const other of ['', 'firs', 'first ', 'First', 'second'])
        expect(await records().replace(key, other, 'second', 60)).toBe(false)
      expect(await records().get(key)).toBe('first')
      expect(await records().replace(key, 'first', 'second', 60)).toBe(true)
      expect(await records().get(key)).toBe('second')
    })

    it('replace() with undefined deletes only if the record has exactly the expected value', async () => {
      const key = fresh()
      await records().set(key, 'first', 60)
      expect(await records().replace(key, 'other', undefined, 60)).toBe(false)
      expect(await records().get(key)).toBe('first')
      expect(await records().replace(key, 'first', undefined, 60)).toBe(true)
      expect(await records().get(key)).toBeUndefined()
      expect(await records().replace(key, 'first', undefined, 60)).toBe(false)
    })

    it('replace() drops other records of the session in the same step, and only if it succeeds', async () => {
      const session = randomUUID()
      const [login, tokens, other]: OidcRecordKey[] = ['login', 'tokens:default', 'tokens:partner'].map((part) => ({
        session,
        part,
      })) as [OidcRecordKey, OidcRecordKey, OidcRecordKey]
      for (const key of [login, tokens, other]) await records().set(key, 'first', 60)
      const dropped = [tokens, { session, part: 'never there' }]
      expect(await records().replace(login, 'another', 'second', 60, { delete: dropped })).toBe(false)
      expect(await records().get(tokens)).toBe('first')
      expect(await records().replace(login, 'first', 'second', 60, { delete: dropped })).toBe(true)
      expect(await records().get(login)).toBe('second')
      expect(await records().get(tokens)).toBeUndefined()
      expect(await records().get(other)).toBe('first')
      expect(await records().replace(login, 'second', undefined, 60, { delete: [other] })).toBe(true)
      expect(await records().get(login)).toBeUndefined()
      expect(await records().get(other)).toBeUndefined()
    })

    it('replace() writes other records of the session in the same step, and only if it succeeds', async () => {
      const session = randomUUID()
      const [login, tokens, other, gone]: OidcRecordKey[] = ['login', 'tokens:default', 'tokens:partner', 'gone'].map(
        (part) => ({ session, part }),
      ) as [OidcRecordKey, OidcRecordKey, OidcRecordKey, OidcRecordKey]
      for (const key of [login, tokens, gone]) await records().set(key, 'first', 60)
      const besides = {
        set: [tokens, other].map((key, index) => ({ key: key, value: `new ${index}`, seconds: 60 })),
        delete: [gone],
      }
      const all = (): Promise<unknown[]> => Promise.all([login, tokens, other, gone].map((key) => records().get(key)))
      expect(await records().replace(login, 'another', 'second', 60, besides)).toBe(false)
      expect(await all()).toEqual(['first', 'first', undefined, 'first'])
      expect(await records().replace(login, 'first', 'second', 60, besides)).toBe(true)
      expect(await all()).toEqual(['second', 'new 0', 'new 1', undefined])
      expect(await records().replace(login, 'second', undefined, 60, { set: besides.set })).toBe(true)
      expect(await all()).toEqual([undefined, 'new 0', 'new 1', undefined])
    })

    it('add() writes and drops other records of the session in the same step, and only if it succeeds', async () => {
      const session = randomUUID()
      const keys = ['login', 'tokens:default', 'gone'].map((part) => ({ session, part }))
      const [login, tokens, gone] = keys as [OidcRecordKey, OidcRecordKey, OidcRecordKey]
      await records().set(gone, 'first', 60)
      const besides = { set: [{ key: tokens, value: 'new', seconds: 60 }], delete: [gone] }
      const all = (): Promise<unknown[]> => Promise.all(keys.map((key) => records().get(key)))
      expect(await records().add(login, 'added', 60, besides)).toBe(true)
      expect(await all()).toEqual(['added', 'new', undefined])
      await records().set(gone, 'again', 60)
      const later = { set: [{ key: tokens, value: 'newer', seconds: 60 }], delete: [gone] }
      expect(await records().add(login, 'other', 60, later)).toBe(false)
      expect(await all()).toEqual(['added', 'new', 'again'])
      const third = { session: randomUUID(), part: 'login' }
      expect(await records().add(third, '', 60, {})).toBe(true)
      expect(await records().add(third, 'other', 60, {})).toBe(false)
      expect(await records().get(third)).toBe('')
    })

    it('one of many concurrent add() calls wins, and only its other records are written', async () => {
      const session = randomUUID()
      const [login, tokens] = [
        { session, part: 'login' },
        { session, part: 'tokens:default' },
      ]
      const won = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          records().add(login, `by ${index}`, 60, {
            set: [{ key: tokens, value: `tokens of ${index}`, seconds: 60 }],
          }),
        ),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await records().get(tokens)).toBe(`tokens of ${won.indexOf(true)}`)
    })

    it('getAndDelete() returns a value once', async () => {
      const key = fresh()
      await records().set(key, 'once', 60)
      expect(await records().getAndDelete(key)).toBe('once')
      expect(await records().getAndDelete(key)).toBeUndefined()
    })

    it('one of many concurrent add() calls wins', async () => {
      const key = fresh()
      const won = await Promise.all(Array.from({ length: 20 }, (_, index) => records().add(key, `by ${index}`, 60)))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await records().get(key)).toBe(`by ${won.indexOf(true)}`)
    })

    it('one of many concurrent replace() calls with the same expected value wins', async () => {
      const key = fresh()
      await records().set(key, 'start', 60)
      const won = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          records().replace(key, 'start', index % 2 ? undefined : `by ${index}`, 60),
        ),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
      const index = won.indexOf(true)
      expect(await records().get(key)).toBe(index % 2 ? undefined : `by ${index}`)
    })

    it('one of many concurrent getAndDelete() calls gets the value', async () => {
      const key = fresh()
      await records().set(key, 'once', 60)
      const taken = await Promise.all(Array.from({ length: 20 }, () => records().getAndDelete(key)))
      expect(taken.filter((value) => value !== undefined)).toEqual(['once'])
    })

    it('loses no update of concurrent compare-and-set loops', async () => {
      const key = fresh()
      await records().set(key, '0', 60)
      const increment = async (): Promise<void> => {
        for (;;) {
          const before = (await records().get(key)) as string
          if (await records().replace(key, before, String(Number(before) + 1), 60)) return
        }
      }
      await Promise.all(Array.from({ length: 10 }, increment))
      expect(await records().get(key)).toBe('10')
    })

    it('a set has the included members until they are excluded', async () => {
      const key: OidcRecordKey = { kind: 'set', id: randomUUID() }
      expect(await records().members(key)).toEqual([])
      await records().removeFromSet(key, ['first'])
      await records().addToSet(key, 'first', 60)
      await records().addToSet(key, 'second \u{1f511} "\\', 60)
      await records().addToSet(key, 'first', 90)
      expect((await records().members(key)).toSorted()).toEqual(['first', 'second \u{1f511} "\\'])
      await records().removeFromSet(key, ['first', 'another'])
      expect(await records().members(key)).toEqual(['second \u{1f511} "\\'])
      await records().removeFromSet(key, ['second \u{1f511} "\\'])
      expect(await records().members(key)).toEqual([])
      await records().removeFromSet(key, [])
    })

    it('a set loses no member when members are included and excluded concurrently', async () => {
      const key: OidcRecordKey = { kind: 'set', id: randomUUID() }
      const names = Array.from({ length: 50 }, (_, index) => `member ${index}`)
      await Promise.all(names.map((name) => records().addToSet(key, name, 60)))
      expect((await records().members(key)).toSorted()).toEqual(names.toSorted())
      await Promise.all(names.slice(1).map((name) => records().removeFromSet(key, [name])))
      expect(await records().members(key)).toEqual(['member 0'])
    })

    it('each member of a set expires at its own time', async () => {
      const key: OidcRecordKey = { kind: 'set', id: randomUUID() }
      await records().addToSet(key, 'short', 1)
      await records().addToSet(key, 'long', 60)
      await vi.waitFor(async () => expect(await records().members(key)).toEqual(['long']), { timeout: 10_000 })
    })
  })
}
