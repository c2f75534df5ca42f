import { redisRecords } from 'express-session-oidc/redis'
import { describe, expect, it, vi } from 'vitest'
import { consumeResponse, findResponseUse, recordOutcome } from '../../../lib/logins/login/response-use.ts'
import type { OidcRecords } from '../../../lib/core/records.ts'
import { wrapStoreErrors } from '../../../lib/store/with-store-errors.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { flow, readLocation, response } from '../../support/flow.ts'

const world = flow()

describe('the use of an authorization response', () => {
  it('one of 50 concurrent callers can use an authorization response', { meta: { id: 'claim-1' } }, async () => {
    const records = redisRecords({ client: world.redis.client })
    const id = `many-${Math.random()}`
    const won = await Promise.all(Array.from({ length: 50 }, () => consumeResponse(records, id)))
    expect(won.filter(Boolean)).toHaveLength(1)
  })

  it('an authorization response can be used once, whatever the outcome', async () => {
    const records = new MemoryRecords()
    expect(await consumeResponse(records, 'a')).toBe(true)
    expect(await consumeResponse(records, 'a')).toBe(false)
    await recordOutcome(records, 'a', { status: 'failed' })
    expect(await consumeResponse(records, 'a')).toBe(false)
    expect(await findResponseUse(records, 'a', 0)).toEqual({ status: 'failed' })
    expect(await findResponseUse(records, 'b', 0)).toBeUndefined()
  })

  it('a second request waits for the use of the response in progress', async () => {
    const records = new MemoryRecords()
    await consumeResponse(records, 'a')
    const waiting = findResponseUse(records, 'a', 30)
    await recordOutcome(records, 'a', { status: 'done', loginId: 'x', returnTo: '/there' })
    expect(await waiting).toEqual({ status: 'done', loginId: 'x', returnTo: '/there' })
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
    await expect(consumeResponse(losing, 'a')).rejects.toThrow('the connection closed')
    expect(await consumeResponse(records, 'a')).toBe(true)
  })

  it('a request that fails to use a response does not release the use by another', async () => {
    const records = new MemoryRecords()
    const failing = { ...wrapStoreErrors(records), add: () => Promise.reject(new Error('the connection closed')) }
    await consumeResponse(records, 'a')
    await expect(consumeResponse(failing, 'a')).rejects.toThrow('the connection closed')
    expect(await consumeResponse(records, 'a')).toBe(false)
  })

  it('the use of a response by a process that has died counts as failed after a while', async () => {
    const records = new MemoryRecords()
    await recordOutcome(records, 'a', { status: 'pending', at: Date.now() - 60_000, by: 'it' })
    expect(await findResponseUse(records, 'a', 59)).toEqual({ status: 'failed' })
  })

  it('a second request waits for as long as the use may take, to the millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const records = new MemoryRecords()
    await recordOutcome(records, 'a', { status: 'pending', at: Date.now() - 59_000, by: 'it' })
    const waiting = findResponseUse(records, 'a', 59)
    await recordOutcome(records, 'a', { status: 'done', loginId: 'x', returnTo: '/there' })
    expect(await waiting).toMatchObject({ status: 'done' })
    await recordOutcome(records, 'a', { status: 'pending', at: Date.now() - 59_001, by: 'it' })
    expect(await findResponseUse(records, 'a', 59)).toEqual({ status: 'failed' })
  })

  it(
    'a login restarts with another code if the process that used its response has died',
    { meta: { id: 'claim-2' } },
    async () => {
      const app = await world.start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const id = new URL(callback).searchParams.get('state')?.split('.')[0] as string
      await recordOutcome(redisRecords({ client: world.redis.client }), id, {
        status: 'pending',
        at: Date.now() - 600_000,
        by: 'it',
      })
      const again = await agent.get(callback, { redirect: 'manual' })
      expect(readLocation(again)).toContain('/authorize')
      expect(world.provider.requestsTo('token')).toEqual([])
      expect((await agent.get(readLocation(again))).url).toBe(`${app.url}/profile`)
    },
  )
})
