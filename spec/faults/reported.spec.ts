/** Reports of a fault: each affected request gets its own answer, and each failed login its own event. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { faultStages } from '../support/fault-stage.ts'
import { response, listEvents } from '../support/flow.ts'
import { RedisTap } from '../support/redis-tap.ts'

const { world, stage } = faultStages()

/** Two browsers return from the provider to a new process, whose single discovery fails for both. */
async function together(options: Partial<OidcOptions> = {}): Promise<[TestApp, UserAgentResponse[]]> {
  const { browser, newProcess } = stage()
  await newProcess({ store: world.store() })
  const browsers = [browser(), browser()]
  const callbacks = await Promise.all(browsers.map((agent) => response(agent, '/login')))
  const tap = new RedisTap(world.redis.client)
  const app = await newProcess({ store: new RedisSessionStore({ client: tap }), options })
  world.provider.forget()
  let uses = 0
  tap.after = ({ keys: [key] }) => void (key?.startsWith('oidc:used:') && uses++)
  const release = world.provider.misbehave({ endpoints: { discovery: { status: 500, hang: true } } })
  const answers = Promise.all(browsers.map((agent, index) => agent.get(callbacks[index] ?? '')))
  await until(() => uses === 2, 'both callbacks have used their responses')
  for (let turn = 0; turn < 3; turn++) await nextTurn()
  release()
  const both = await answers
  expect(both.map(({ status }) => status)).toEqual([503, 503])
  expect(world.provider.requestsTo('discovery')).toHaveLength(1)
  return [app, both]
}

describe('one failed discovery for two requests', () => {
  it('onError answers each of the two requests', async () => {
    const onError: OidcOptions['onError'] = (error, _req, res) => void res.status(error.status).send('our own page')
    const [, answers] = await together({ onError })
    expect(answers.map((answer) => answer.text())).toEqual(['our own page', 'our own page'])
  })

  it('each of the two logins emits login_failed', async () => {
    const [app] = await together()
    expect(listEvents(app, 'login_failed')).toMatchObject([{ status: 503 }, { status: 503 }])
  })
})

describe('a login that cannot start', () => {
  it.each([
    ['rejects the client', { status: 401, body: { error: 'invalid_client' } }, 500, 'invalid_client'],
    ['breaks the protocol', { status: 201, body: { hello: 'world' } }, 502, 'request_uri'],
  ])('a login that cannot start because the provider %s emits an event', async (_name, par, status, detail) => {
    const { browser, newProcess } = stage()
    const app = await newProcess({ store: world.store(), options: { par: true } })
    world.provider.misbehave({ endpoints: { par } })
    expect((await browser().get('/login')).status).toBe(status)
    expect(JSON.stringify(app.events)).toContain(detail)
  })
})
