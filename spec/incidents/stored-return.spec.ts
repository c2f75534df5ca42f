/**
 * A login stores its return target in `state` or in a cookie, and later in the records. The target is checked again when it is
 * used.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  consumeResponse,
  identifyResponse,
  recordOutcome,
  type UsedResponse,
} from '../../lib/logins/login/response-use.ts'
import { readState } from '../../lib/session/state.ts'
import { redisRecords } from '../../lib/store/redis-records.ts'
import type { TestApp } from '../support/app.ts'
import { flow, listEvents, readLocation, response } from '../support/flow.ts'
import { plantLogin, type PlantedParts } from '../support/planted-login.ts'

const world = flow()
const hostile = [
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example/',
  '/%0d%0aSet-Cookie:x=y',
  'javascript:alert(1)',
]

function getResponse({ seals }: TestApp, callback: string): UsedResponse {
  const { searchParams } = new URL(callback)
  const state = readState(seals, searchParams.get('state') ?? '')
  if (!state) throw new Error('the state is not one of ours')
  return identifyResponse(state.id, searchParams)
}

describe.each(hostile)('a return target stored as %j', (returnTo) => {
  it.each<[string, PlantedParts]>([
    ['state', { page: returnTo }],
    ['the cookie with details', { isPageShort: true, details: { page: returnTo } }],
  ])(
    'a stored return target in %s does not lead a login off this origin',
    { meta: { id: 'stored-return-1' } },
    async (_where, parts) => {
      const app = await world.start()
      const agent = app.agent()
      const callback = new URL(await response(agent, '/profile'))
      const login = plantLogin(app, parts)
      for (const [name, value] of login.cookies) agent.jar.set(`${name}=${value}; Path=/; HttpOnly`, app.url)
      // The provider issues a code for the nonce of this login.
      const authorization = new URL(world.provider.requestsTo('authorize')[0]?.url ?? '', world.provider.url)
      authorization.searchParams.set('nonce', login.nonce)
      authorization.searchParams.set('state', login.state)
      const challenge = createHash('sha256').update(login.verifier).digest('base64url')
      authorization.searchParams.set('code_challenge', challenge)
      const planted = readLocation(await agent.get(authorization, { redirect: 'manual' }))
      expect(new URL(planted).pathname).toBe(callback.pathname)
      const answer = await agent.get(planted, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(new URL(String(answer.headers.get('location')), app.url).origin).toBe(app.url)
      expect(answer.headers.get('location')).not.toContain('evil.example')
      expect(listEvents(app, 'login')).toHaveLength(1)
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
      await consumeResponse(records, getResponse(app, callback))
      await recordOutcome(records, getResponse(app, callback), { status: 'done', loginId: 'x', returnTo })
      const answer = await agent.get(callback, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(new URL(String(answer.headers.get('location')), app.url).origin).toBe(app.url)
      expect(answer.headers.get('location')).not.toContain('evil.example')
    },
  )
})
