/** The secret is changed in two deploys without losing a login, and what cannot be read is left alone. */
import { createServer, type Server } from 'node:http'
import type { OidcEventName } from 'express-session-oidc'
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { close, listen, secret as old, type AppSetup, type TestApp } from '../support/app.ts'
import { flow, location, told } from '../support/flow.ts'
import { loggedIn } from '../support/logged-in.ts'
import { sessionId } from '../support/session-cookie.ts'
import { tokenRoutes, type ShownToken } from '../support/token-routes.ts'
import { askToken, pass, shownToken, stillClock } from '../support/tokens-app.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
stillClock()
const next = `${old}, and the next one`

function loginKey(agent: UserAgent): string {
  return `oidc:{sess:${sessionId(agent)}}`
}

function tokensKey(agent: UserAgent): string {
  return `${loginKey(agent)}:tokens:default`
}

async function start(secrets: string | string[], setup: Partial<AppSetup> = {}): Promise<TestApp> {
  return world.start({ options: { secret: secrets }, routes: tokenRoutes, ...setup })
}

/** A load balancer before applications that run side by side, of which each gets the next request in turn. */
class Front {
  readonly #server: Server
  readonly #all: TestApp[] = []
  #running: TestApp[] = []
  #turn = 0
  url = ''

  constructor() {
    this.#server = createServer((req, res) => {
      const { app } = this.#running[this.#turn++ % this.#running.length] as TestApp
      app(req, res)
    })
  }

  async open(): Promise<void> {
    this.url = await listen(this.#server)
    world.later(() => close(this.#server))
  }

  /** Puts applications with these secrets in the place of those that run. */
  async deploy(...configurations: string[][]): Promise<void> {
    const made = []
    for (const secrets of configurations) made.push(await start(secrets, { publicUrl: this.url }))
    this.#running = made
    this.#all.push(...made)
  }

  told(name: OidcEventName): Record<string, unknown>[] {
    return this.#all.flatMap((app) => told(app, name))
  }
}

describe('a secret that is changed in two deploys', () => {
  it('loses no login, whether in use or under way, while the applications of both run side by side', async () => {
    const front = new Front()
    await front.open()
    pass(0)
    const browsers: { agent: UserAgent; token: string }[] = []
    let underWay: { agent: UserAgent; authorization: string }[] = []
    const begin = async (): Promise<{ agent: UserAgent; authorization: string }> => {
      const agent = createUserAgent({ baseUrl: front.url })
      return { agent, authorization: location(await agent.get('/profile', { redirect: 'manual' })) }
    }
    /** All that browsers do, at once: refreshes, guarded requests, logins that were begun with the former applications. */
    const load = async (): Promise<void> => {
      pass(301)
      const finished = underWay
      const inUse = [...browsers]
      const [begun] = await Promise.all([
        Promise.all([begin(), begin()]),
        ...inUse.map(async (browser) => {
          const answers = await Promise.all([1, 2, 3].map(() => shownToken(browser.agent, front.url)))
          expect(new Set(answers.map(({ token }) => token)).size).toBe(1)
          expect(answers[0]?.token).not.toBe(browser.token)
          browser.token = answers[0]?.token ?? ''
        }),
        ...inUse.flatMap(({ agent }) =>
          [1, 2, 3, 4].map(async () => {
            expect((await agent.fetch(`${front.url}/profile`)).json()).toMatchObject({ user: { sub: 'alice' } })
          }),
        ),
        ...finished.map(async ({ agent, authorization }) => {
          const page = await agent.get(authorization)
          expect(page.url).toBe(`${front.url}/profile`)
          browsers.push({ agent, token: '' })
        }),
      ])
      underWay = begun
    }
    const deploys: string[][][] = [
      [[old]],
      [[old], [old, next]],
      [[old, next]],
      [
        [old, next],
        [next, old],
      ],
      [[next, old]],
      [[next, old], [next]],
      [[next]],
    ]
    for (const configurations of deploys) {
      await front.deploy(...configurations)
      await load()
    }
    expect(browsers).toHaveLength(12)
    expect(front.told('login')).toHaveLength(12)
    for (const event of ['logout', 'login_failed', 'refresh_failed'] as const) {
      expect([event, front.told(event)]).toEqual([event, []])
    }
  })
})

describe('tokens that cannot be opened', () => {
  it('leave the login, and need another for an access token', async () => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const sealed = await world.redis.client.get(tokensKey(agent))
    const other = await start(next)
    expect((await agent.fetch(`${other.url}/profile`)).json()).toMatchObject({ user: { sub: 'alice' } })
    for (const path of ['/token', '/token?scope=a', '/tokens']) {
      const answer = await agent.fetch(other.url + path)
      expect([path, answer.status]).toEqual([path, 401])
      expect(answer.json()).toMatchObject({ code: 'login_required', login: `${other.url}/login?returnTo=%2F` })
    }
    // Nor is it tried to recheck it.
    pass(300)
    expect((await agent.fetch(`${other.url}/profile`)).status).toBe(200)
    expect((await askToken(agent, other.url)).status).toBe(401)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(await world.redis.client.get(tokensKey(agent))).toBe(sealed)
    await shownToken(agent, app.url)
    expect(told(other, 'logout')).toEqual([])
  })

  it('are got by another login, to which a navigation is sent, and which keeps the session data', async () => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const other = await start(next)
    const page = await agent.get(`${other.url}/token`)
    expect(page.url).toBe(`${other.url}/token`)
    expect((page.json() as unknown as ShownToken).isAuthenticated).toBe(true)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
    expect(world.provider.requestsTo('authorize')[0]?.params.get('scope')).toBe('openid profile email')
  })

  it('are no hindrance to a logout, which does without them', async () => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const key = loginKey(agent)
    const other = await start(next)
    const answer = await agent.get(`${other.url}/logout`, { redirect: 'manual' })
    const end = new URL(location(answer))
    expect(end.origin).toBe(world.provider.url)
    expect(end.searchParams.get('id_token_hint')).toBeNull()
    expect(end.searchParams.get('client_id')).toBe('web')
    expect(world.provider.requestsTo('revocation')).toEqual([])
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect(await world.redis.client.keys(`${key.slice(0, -1)}*`)).toEqual([])
  })

  it.each<[string, (sealed: string) => string]>([
    ['were cut', (sealed) => sealed.slice(0, -8)],
    ['were sealed for another login', (sealed) => sealed.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
    ['are no text of ours', () => 'x'],
    ['are empty', () => ''],
  ])('since they %s are left as they are', async (_, damage) => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const key = tokensKey(agent)
    const damaged = damage((await world.redis.client.get(key)) ?? '')
    await world.redis.client.set(key, damaged)
    expect((await askToken(agent, app.url)).status).toBe(401)
    pass(300)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect(await world.redis.client.get(key)).toBe(damaged)
    expect((await agent.get(`${app.url}/token`)).status).toBe(200)
  })
})

describe('a login record', () => {
  it('of a newer format is nobody: no fault, and it is left as it is', async () => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const newer = JSON.stringify({ format: 2, whatever: [] })
    await world.redis.client.set(loginKey(agent), newer)
    const sealed = await world.redis.client.get(tokensKey(agent))
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(401)
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect((await agent.get(`${app.url}/logout`, { redirect: 'manual' })).status).toBe(303)
    expect(await world.redis.client.get(loginKey(agent))).toBe(newer)
    expect(await world.redis.client.get(tokensKey(agent))).toBe(sealed)
    expect(await world.redis.client.exists(`sess:${sessionId(agent)}`)).toBe(1)
    expect((await agent.get(`${app.url}/profile`)).status).toBe(200)
  })

  it('of a version that kept neither what was asked for nor whether it can be rechecked is a login', async () => {
    const app = await world.start({
      options: { secret: old },
      routes: (express, oidc) => {
        tokenRoutes(express)
        express.get('/calendar', oidc.requireAuth({ scope: 'calendar.read' }), (_req, res) => void res.send('inside'))
      },
    })
    const agent = await loggedIn(world, app)
    const record = JSON.parse((await world.redis.client.get(loginKey(agent))) ?? '') as {
      slots: { default: Record<string, unknown> }
    }
    const { asked: _asked, refreshable: _refreshable, ...slot } = record.slots.default
    await world.redis.client.set(loginKey(agent), JSON.stringify({ ...record, slots: { default: slot } }))
    pass(301)
    expect((await agent.fetch(`${app.url}/profile`)).json()).toMatchObject({ user: { sub: 'alice' } })
    await shownToken(agent, app.url)
    expect((await agent.get(`${app.url}/calendar`)).text()).toBe('inside')
  })
})
