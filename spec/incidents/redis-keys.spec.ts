/** Redis keys contain only ids that the package generates. No value from a user, a browser or a provider gets into one. */
import { startTestProvider } from 'express-session-oidc/testing'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { flow } from '../support/flow.ts'
import { RedisTap } from '../support/redis-tap.ts'
import { RedisSessionStore } from 'express-session-oidc/redis'

const world = flow()

const hostile = '}{sess:*}\r\nDEL x\r\n%s%n\0 *?[a-z] $(id) \u{1f511}'

it(
  'no name, subject, sid, cookie or parameter becomes part of a key or a script',
  { meta: { id: 'redis-keys-1' } },
  async () => {
    const scripts: string[] = []
    const tap = new RedisTap({
      get: (key) => world.redis.client.get(key),
      mGet: (keys) => world.redis.client.mGet(keys),
      set: (key, value, options) => world.redis.client.set(key, value, options),
      del: (keys) => world.redis.client.del(keys),
      getDel: (key) => world.redis.client.getDel(key),
      expire: (key, seconds) => world.redis.client.expire(key, seconds),
      eval(script, options) {
        scripts.push(script)
        return world.redis.client.eval(script, options)
      },
    })
    const provider = await startTestProvider({
      signIn: hostile,
      users: [{ sub: hostile, claims: { name: hostile, preferred_username: hostile, groups: [hostile] } }],
      sid: () => hostile,
    })
    world.later(() => provider.stop())
    const store = new RedisSessionStore({ client: tap, idleSeconds: 600 })
    const app = await startApp({ provider, session: { store } })
    world.later(() => app.stop())

    for (let n = 0; n < 2; n++) {
      const agent = app.agent()
      await agent.get(`/profile?q=${encodeURIComponent(hostile)}`)
      expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: hostile } })
      await agent.get('/logout')
    }
    for (const session of [hostile, `s:${hostile}.x`, 's:../../x', '{sess:x}']) {
      const line = { cookie: `connect.sid=${encodeURIComponent(session)}` }
      expect((await app.agent().fetch('/profile', { headers: line })).status).toBe(401)
    }
    for (const state of [hostile, '*', '../x', 'sess:*']) {
      await app.agent().get(`/callback?code=x&state=${encodeURIComponent(state)}`)
    }

    const keys = new Set(tap.calls.flatMap((call) => call.keys))
    expect(keys.size).toBeGreaterThan(4)
    const id = '[A-Za-z0-9_-]{22,64}'
    for (const key of keys) {
      expect(key).toMatch(new RegExp(`^(?:sess:${id}|oidc:\\{sess:${id}\\}(?::tokens:default)?|oidc:\\w+:${id})$`))
    }
    expect(scripts.length).toBeGreaterThan(1)
    // One text for each purpose, because values are passed as arguments.
    expect(new Set(scripts).size).toBe(5)
  },
)
