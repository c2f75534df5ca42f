import { createClient } from 'redis'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeMissingPermission } from '../../lib/core/redis-permissions.ts'
import { getContext, startApp, type TestApp } from '../support/app.ts'
import { listEvents } from '../support/flow.ts'
import { ownRedis } from '../support/own-redis.ts'

const server = await ownRedis('the permissions of a Redis user')
const stops: (() => unknown)[] = []
let provider: TestProvider
beforeAll(async () => {
  provider = await startTestProvider({ signIn: 'alice', accessTokenSeconds: 1 })
})
afterAll(() => provider.stop())
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

/** Starts an application whose Redis user has the given rules. */
async function startAs(name: string, rules: readonly string[]): Promise<TestApp> {
  await server?.command('ACL', 'SETUSER', name, 'reset', 'on', '>password', ...rules)
  const client = createClient({ url: server?.url ?? '', username: name, password: 'password' })
  client.on('error', () => {})
  await client.connect()
  stops.push(() => client.close())
  const store = new RedisSessionStore({ client })
  const app = await startApp({
    provider,
    session: { store },
    options: { sessionStore: store },
    routes: (express, oidc) => {
      express.get('/token', oidc.requireAuth(), (req, res, next) => {
        getContext(req)
          .accessToken()
          .then((token) => res.send(token), next)
      })
    },
  })
  stops.push(() => app.stop())
  return app
}

describe.skipIf(!server)('a Redis user', () => {
  it('with the permissions that the message lists can do everything', async () => {
    const line = describeMissingPermission(new Error('NOPERM')) ?? ''
    const rules = (/ACL SETUSER <name> (.+)$/.exec(line)?.[1] ?? '').split(' ')
    const app = await startAs('listed', rules)
    const agent = app.agent()
    expect((await agent.get('/profile')).status).toBe(200)
    expect((await agent.get('/token')).status).toBe(200)
    const logins = await app.oidc.logins.list({ sub: 'alice' })
    expect(logins).toHaveLength(1)
    expect((await agent.post('/logout')).status).toBe(200)
    await app.agent().get('/profile')
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
    expect(listEvents(app, 'store_fault')).toEqual([])
  })

  it.each([
    ['EVAL', ['~*', '+@all', '-@scripting'], /NOPERM .*eval/],
    ['a command of a script', ['~*', '+@all', '-zadd'], /NOPERM|executing the script can't|ACL failure/],
    ['the keys of logins', ['~sess:*', '+@all'], /NOPERM|executing the script can't|ACL failure/],
  ])('without permission for %s gets 500 and the line for Redis, and lets nobody in', async (what, rules, refusal) => {
    const app = await startAs(what.replaceAll(' ', '-'), rules)
    const agent = app.agent()
    const page = await agent.get('/profile')
    expect(page.status).toBe(500)
    expect(page.headers.get('retry-after')).toBeNull()
    expect(page.text()).not.toMatch(/try again/i)
    expect((await agent.get('/')).text()).toBe('hello stranger')
    const [{ code, detail } = {}] = listEvents(app, 'login_failed')
    expect(code).toBe('setup_invalid')
    expect(detail).toMatch(refusal)
    expect(listEvents(app, 'store_fault')).toMatchObject([{ detail }])
    expect(detail).toContain('ACL SETUSER <name> ~sess:* ~oidc:* ')
  })
})

describe('describeMissingPermission()', () => {
  it.each([
    "NOPERM this user has no permissions to run the 'eval' command",
    "NOPERM User app has no permissions to run the 'eval' command",
    "ERR The user executing the script can't run this command or subcommand script: 0a1b, on @user_script:1.",
    'ERR ACL failure in script: No permissions to access a key',
    'NOAUTH Authentication required.',
  ])('recognizes %s', (message) => {
    expect(describeMissingPermission(new Error(message))).toContain('ACL SETUSER')
  })

  it.each([
    'LOADING Redis is loading the dataset in memory',
    'READONLY replica',
    'OOM command not allowed',
    'socket closed',
  ])('counts %s as an outage', (message) => {
    expect(describeMissingPermission(new Error(message))).toBeUndefined()
  })
})
