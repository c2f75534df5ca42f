import { redisRecords } from 'express-session-oidc/redis'
import { describe, expect, it, vi } from 'vitest'
import {
  consumeResponse,
  findResponseUse,
  identifyResponse,
  isSameResponse,
  recordOutcome,
  type ResponseUse,
  type UsedResponse,
} from '../../../lib/logins/login/response-use.ts'
import type { OidcRecords } from '../../../lib/core/records.ts'
import { hashShort } from '../../../lib/core/short-hash.ts'
import { readState } from '../../../lib/session/state.ts'
import { wrapStoreErrors } from '../../../lib/store/with-store-errors.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { flow, readLocation, response } from '../../support/flow.ts'

const world = flow()
const first: UsedResponse = { id: 'a', response: hashShort('first code') }
const other: UsedResponse = { id: 'a', response: hashShort('other code') }
const done = { status: 'done', loginId: 'x', returnTo: '/there' } as const
const key = { kind: 'used', id: 'a' }

/** Records with the pending use of a response that began so many milliseconds ago. */
async function pendingSince(ms: number): Promise<MemoryRecords> {
  const records = new MemoryRecords()
  await setPending(records, ms)
  return records
}

function setPending(records: OidcRecords, ms: number): Promise<void> {
  const use: ResponseUse = { status: 'pending', at: Date.now() - ms, by: 'it', response: first.response }
  return records.set(key, JSON.stringify(use), 60)
}

describe('the use of an authorization response', () => {
  it('one of 50 concurrent callers can use an authorization response', { meta: { id: 'claim-1' } }, async () => {
    const records = redisRecords({ client: world.redis.client })
    const id = `many-${Math.random()}`
    const won = await Promise.all(Array.from({ length: 50 }, () => consumeResponse(records, { ...first, id })))
    expect(won.filter(Boolean)).toHaveLength(1)
  })

  it('an authorization response can be used once, whatever the outcome', async () => {
    const records = new MemoryRecords()
    expect(await consumeResponse(records, first)).toBe(true)
    expect(await consumeResponse(records, first)).toBe(false)
    await recordOutcome(records, first, { status: 'failed' })
    expect(await consumeResponse(records, first)).toBe(false)
    expect(await findResponseUse(records, 'a', 0)).toEqual({ status: 'failed', response: first.response })
    expect(await findResponseUse(records, 'b', 0)).toBeUndefined()
  })

  it('another code for the same `state` cannot be used either', async () => {
    const records = new MemoryRecords()
    expect(await consumeResponse(records, first)).toBe(true)
    expect(await consumeResponse(records, other)).toBe(false)
    expect(await consumeResponse(records, { ...other, id: 'b' })).toBe(true)
  })

  it('the use of a response is recorded for 30 minutes, from its begin and from its outcome', async () => {
    const records = new MemoryRecords()
    const add = vi.spyOn(records, 'add')
    const set = vi.spyOn(records, 'set')
    await consumeResponse(records, first)
    await recordOutcome(records, first, done)
    expect(add).toHaveBeenCalledExactlyOnceWith(key, expect.any(String), 1800)
    expect(set).toHaveBeenCalledExactlyOnceWith(key, JSON.stringify({ ...done, response: first.response }), 1800)
    // The code itself would be a secret in the store.
    expect(JSON.stringify([add.mock.calls, set.mock.calls])).not.toContain('first code')
  })

  it('a use whose response from the store was lost is released, and the next try succeeds at once', async () => {
    const records = new MemoryRecords()
    const losing = {
      ...wrapStoreErrors(records),
      add: async (...call: Parameters<OidcRecords['add']>) => {
        await records.add(...call)
        throw new Error('the connection closed')
      },
    }
    await expect(consumeResponse(losing, first)).rejects.toThrow('the connection closed')
    expect(await consumeResponse(records, first)).toBe(true)
  })

  it('a request that fails to use a response does not release the use by another', async () => {
    const records = new MemoryRecords()
    const failing = { ...wrapStoreErrors(records), add: () => Promise.reject(new Error('the connection closed')) }
    await consumeResponse(records, first)
    await expect(consumeResponse(failing, first)).rejects.toThrow('the connection closed')
    expect(await consumeResponse(records, first)).toBe(false)
  })

  it(
    'a login restarts with another code if the process that used its response has died',
    { meta: { id: 'claim-2' } },
    async () => {
      const app = await world.start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const parameters = new URL(callback).searchParams
      const id = readState(app.seals, parameters.get('state') as string)?.id as string
      const use = { status: 'pending', at: Date.now() - 600_000, by: 'it', ...identifyResponse(id, parameters) }
      await redisRecords({ client: world.redis.client }).set({ kind: 'used', id }, JSON.stringify(use), 60)
      const again = await agent.get(callback, { redirect: 'manual' })
      expect(readLocation(again)).toContain('/authorize')
      expect(world.provider.requestsTo('token')).toEqual([])
      expect((await agent.get(readLocation(again))).url).toBe(`${app.url}/profile`)
    },
  )
})

describe('findResponseUse()', () => {
  it('waits for the use of the response in progress', async () => {
    const records = new MemoryRecords()
    await consumeResponse(records, first)
    const waiting = findResponseUse(records, 'a', 30)
    await recordOutcome(records, first, done)
    expect(await waiting).toEqual({ ...done, response: first.response })
  })

  it('returns the use by a process that has died as failed after a while', async () => {
    expect(await findResponseUse(await pendingSince(60_000), 'a', 59)).toEqual({
      status: 'failed',
      response: first.response,
    })
  })

  it('waits for as long as the use may take, to the millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const records = await pendingSince(59_000)
    const waiting = findResponseUse(records, 'a', 59)
    await recordOutcome(records, first, done)
    expect(await waiting).toMatchObject({ status: 'done' })
    await setPending(records, 59_001)
    expect(await findResponseUse(records, 'a', 59)).toMatchObject({ status: 'failed' })
  })

  it('does not wait longer for a process whose clock is ahead', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const records = await pendingSince(-3_600_000)
    const get = vi.spyOn(records, 'get').mockImplementation(async (...call) => {
      vi.advanceTimersByTime(2001)
      return MemoryRecords.prototype.get.apply(records, call)
    })
    expect(await findResponseUse(records, 'a', 4)).toMatchObject({ status: 'failed' })
    expect(get).toHaveBeenCalledTimes(2)
  })

  it('reads the store once for all requests of a process that wait for one response', async () => {
    const records = await pendingSince(0)
    const get = vi.spyOn(records, 'get')
    const waiting = Array.from({ length: 100 }, () => findResponseUse(records, 'a', 30))
    const another = findResponseUse(records, 'b', 30)
    expect(get).toHaveBeenCalledTimes(2)
    await recordOutcome(records, first, done)
    expect(new Set((await Promise.all(waiting)).map((use) => use?.status))).toEqual(new Set(['done']))
    expect(await another).toBeUndefined()
    expect(get.mock.calls.filter(([read]) => 'id' in read && read.id === 'a').length).toBeLessThanOrEqual(3)
  })

  it('reads the store again once a wait is over, and separately for other records', async () => {
    const [records, others] = [await pendingSince(60_000), new MemoryRecords()]
    expect(await findResponseUse(records, 'a', 30)).toMatchObject({ status: 'failed' })
    await recordOutcome(records, first, done)
    const found = [findResponseUse(records, 'a', 30), findResponseUse(others, 'a', 30)]
    expect(await Promise.all(found)).toMatchObject([{ status: 'done' }, undefined])
  })

  it('does not join a wait if it must not wait', async () => {
    const records = await pendingSince(1000)
    const waiting = findResponseUse(records, 'a', 30)
    expect(await findResponseUse(records, 'a', 0)).toMatchObject({ status: 'failed' })
    await recordOutcome(records, first, done)
    expect(await waiting).toMatchObject({ status: 'done' })
  })
})

describe('identifyResponse()', () => {
  it.each([
    ['a code', { code: 'the code', state: 's', iss: 'i' }, hashShort('the code')],
    ['an error', { error: 'access_denied', state: 's' }, hashShort('access_denied')],
    ['a code and an error', { code: 'the code', error: 'access_denied' }, hashShort('the code')],
    ['an empty code', { code: '', state: 's' }, hashShort('')],
    ['neither', { state: 's' }, ''],
  ])('identifies a response with %s', (_name, parameters, expected) => {
    expect(identifyResponse('a', new URLSearchParams(parameters))).toEqual({ id: 'a', response: expected })
  })
})

describe('isSameResponse()', () => {
  const use: ResponseUse = { ...done, response: first.response }

  it('is true for the response that was used, and for a reload without its parameters', () => {
    expect(isSameResponse(use, first)).toBe(true)
    expect(isSameResponse(use, { id: 'a', response: '' })).toBe(true)
  })

  it('is false for another code', () => {
    expect(isSameResponse(use, other)).toBe(false)
    expect(isSameResponse({ ...use, response: '' }, other)).toBe(false)
  })
})
