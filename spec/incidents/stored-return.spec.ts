/**
 * A login stores its return target in a cookie, and later in the records. The target is checked again when it is used.
 */
import { describe, expect, it } from 'vitest'
import { consumeResponse, recordOutcome } from '../../lib/logins/login/response-use.ts'
import { readState } from '../../lib/session/state.ts'
import { openTransaction, makeTransactionCookie } from '../../lib/session/transaction.ts'
import { redisRecords } from '../../lib/store/redis-records.ts'
import type { TestApp } from '../support/app.ts'
import { flow, response } from '../support/flow.ts'

const world = flow()
const hostile = [
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example/',
  '/%0d%0aSet-Cookie:x=y',
  'javascript:alert(1)',
]

function getId({ seals }: TestApp, callback: string): string {
  const state = readState(seals, new URL(callback).searchParams.get('state') ?? '')
  if (!state) throw new Error('the state is not one of ours')
  return state.id
}

describe.each(hostile)('a return target stored as %j', (returnTo) => {
  it(
    'a stored return target in the transaction cookie does not lead a login off this origin',
    { meta: { id: 'stored-return-1' } },
    async () => {
      const app = await world.start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const kept = new Map(agent.jar.cookies().map(({ name, value }) => [name, value]))
      const transaction = openTransaction(app.seals.transaction, app.place, kept, getId(app, callback))
      if (!transaction) throw new Error('the cookie is not one of ours')
      const forged = makeTransactionCookie(app.seals.transaction, app.place, { ...transaction, returnTo })
      agent.jar.set(`${forged.name}=${forged.value ?? ''}; Path=/; HttpOnly`, app.url)
      const answer = await agent.get(callback, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(new URL(String(answer.headers.get('location')), app.url).origin).toBe(app.url)
      expect(answer.headers.get('location')).not.toContain('evil.example')
    },
  )

  it(
    'a stored return target in the record of a used response does not lead a reload off this origin',
    { meta: { id: 'stored-return-2' } },
    async () => {
      const app = await world.start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const records = redisRecords({ client: world.redis.client })
      await consumeResponse(records, getId(app, callback))
      await recordOutcome(records, getId(app, callback), { status: 'done', loginId: 'x', returnTo })
      const answer = await agent.get(callback, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(new URL(String(answer.headers.get('location')), app.url).origin).toBe(app.url)
      expect(answer.headers.get('location')).not.toContain('evil.example')
    },
  )
})
