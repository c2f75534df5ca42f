/** The Redis commands of a login: how many, in how many round trips, and which keys share a command. */
import { RedisSessionStore } from 'express-session-oidc/redis'
import { describe, expect, it } from 'vitest'
import type { AppSetup } from '../support/app.ts'
import { flow } from '../support/flow.ts'
import { RedisTap, type RedisCall } from '../support/redis-tap.ts'
import { sessionId } from '../support/session-cookie.ts'

const test = flow({ sid: () => 'at the provider' })

declare module 'express-session' {
  interface SessionData {
    basket?: string
  }
}

/** A browser at an application; its `login()` returns the Redis commands of the callback. */
async function browser(setup: Partial<AppSetup> = {}) {
  const tap = new RedisTap(test.redis.client)
  const app = await test.start({
    ...setup,
    session: { store: new RedisSessionStore({ client: tap, idleSeconds: 600 }) },
    routes(app) {
      app.get('/basket', (req, res) => {
        req.session.basket = 'apple'
        res.send('put in')
      })
    },
  })
  const agent = app.agent()
  return {
    agent,
    session: async () => JSON.parse((await test.redis.client.get(`sess:${sessionId(agent)}`)) as string) as object,
    /** Logs in. Commands that do not wait for each other count as one round trip. */
    login: async (): Promise<string[][]> => {
      const begun = await agent.get('/login', { redirect: 'manual' })
      const consented = await agent.get(begun.headers.get('location') as string, { redirect: 'manual' })
      const trips: RedisCall[][] = []
      let underWay = 0
      tap.before = (call) => {
        if (underWay++ === 0) trips.push([])
        trips.at(-1)?.push(call)
      }
      tap.after = () => {
        underWay--
      }
      const answer = await agent.get(consented.headers.get('location') as string, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      tap.reset()
      return trips.map((trip) => trip.map(({ method, keys }) => `${method} ${keys.map(getKind).join(' ')}`).toSorted())
    },
  }
}

/** A key with its ids masked. */
function getKind(key: string): string {
  return key.replace(/(?<=sess:|used:|login:|logins:|ended:)[\w-]+/, 'id')
}

const responseUse = ['set oidc:used:id']
const index = ['eval oidc:logins:id', 'eval oidc:logins:id', 'set oidc:login:id']
const written = ['eval oidc:{sess:id} sess:id oidc:{sess:id}:tokens:default']
const tombstones = ['eval oidc:ended:id', 'eval oidc:ended:id']
const read = ['mGet sess:id oidc:{sess:id}']

describe('the callback of a login', () => {
  it(
    'the callback takes 8 commands in 5 round trips for a browser without a session',
    { meta: { id: 'login-commands-1' } },
    async () => {
      const { agent, login } = await browser()
      expect(await login()).toEqual([responseUse, index, written, tombstones, responseUse])
      expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it('the callback takes 10 commands for an anonymous visitor: it also reads and deletes the session', async () => {
    const { agent, login, session } = await browser()
    await agent.get('/basket')
    const former = sessionId(agent)
    expect(await login()).toEqual([read, responseUse, index, written, tombstones, ['del sess:id', ...responseUse]])
    expect(await test.redis.client.exists(`sess:${former}`)).toBe(0)
    expect(await session()).toMatchObject({ basket: 'apple', hasLogins: true })
  })

  it('the callback of a logged-in user deletes the former session and its tokens in one command', async () => {
    const { agent, login } = await browser()
    await login()
    const former = sessionId(agent)
    expect(await login()).toEqual([
      read,
      responseUse,
      index,
      written,
      tombstones,
      ['eval oidc:{sess:id}'],
      [
        'del oidc:login:id',
        'del sess:id oidc:{sess:id}:tokens:default',
        'eval oidc:logins:id',
        'eval oidc:logins:id',
        ...responseUse,
      ],
    ])
    expect(await test.redis.client.exists([`sess:${former}`, `oidc:{sess:${former}}:tokens:default`])).toBe(0)
  })

  it('the callback saves the session again if the application changes it during the response', async () => {
    const { login, session } = await browser({
      before(app) {
        app.use((req, res, next) => {
          const setHeader = res.setHeader.bind(res)
          res.setHeader = (name, value) => {
            if (name.toLowerCase() === 'location' && req.path === '/callback') req.session.basket = 'late'
            return setHeader(name, value)
          }
          next()
        })
      },
    })
    expect(await login()).toEqual([responseUse, index, written, tombstones, responseUse, ['set sess:id']])
    expect(await session()).toMatchObject({ basket: 'late', hasLogins: true })
  })
})
