/** The secret is changed in two deployments without losing a login, and unreadable records are not modified. */
import { createServer, type Server } from 'node:http'
import type { Express } from 'express'
import type { OidcEventName } from 'express-session-oidc'
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { close, listen, secret as old, type AppSetup, type TestApp } from '../support/app.ts'
import { flow, readLocation, noteRoutes, listNotes, listEvents } from '../support/flow.ts'
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

/** A load balancer that sends requests to several applications in turn. */
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

  /** Replaces the running applications by one for each list of secrets. */
  async deploy(...configurations: string[][]): Promise<void> {
    const made = []
    for (const secrets of configurations) made.push(await start(secrets, { publicUrl: this.url }))
    this.#running = made
    this.#all.push(...made)
  }

  reported(name: OidcEventName): Record<string, unknown>[] {
    return this.#all.flatMap((app) => listEvents(app, name))
  }
}

describe('a change of the secret in two deployments', () => {
  it('a change of the secret loses no login, in use or in progress, while old and new applications run', async () => {
    const front = new Front()
    await front.open()
    pass(0)
    const browsers: { agent: UserAgent; token: string }[] = []
    let underWay: { agent: UserAgent; authorization: string }[] = []
    const begin = async (): Promise<{ agent: UserAgent; authorization: string }> => {
      const agent = createUserAgent({ baseUrl: front.url })
      return { agent, authorization: readLocation(await agent.get('/profile', { redirect: 'manual' })) }
    }
    /** Concurrent refreshes, guarded requests, and logins that began at the former applications. */
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
    expect(front.reported('login')).toHaveLength(12)
    for (const event of ['logout', 'login_failed', 'refresh_failed'] as const) {
      expect([event, front.reported(event)]).toEqual([event, []])
    }
  })
})

describe('tokens that cannot be opened', () => {
  it('tokens that cannot be opened keep the login, but an access token requires a new login', async () => {
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
    // The login is not rechecked either.
    pass(300)
    expect((await agent.fetch(`${other.url}/profile`)).status).toBe(200)
    expect((await askToken(agent, other.url)).status).toBe(401)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(await world.redis.client.get(tokensKey(agent))).toBe(sealed)
    await shownToken(agent, app.url)
    expect(listEvents(other, 'logout')).toEqual([])
  })

  it('a navigation whose tokens cannot be opened gets new tokens by a login that keeps the session data', async () => {
    const routes = (express: Express): void => {
      tokenRoutes(express)
      noteRoutes(express)
    }
    const app = await start(old, { routes })
    const agent = await loggedIn(world, app)
    await agent.fetch(`${app.url}/note/apples`)
    const before = await listNotes(agent, app)
    const other = await start(next, { routes })
    const page = await agent.get(`${other.url}/token`)
    expect(page.url).toBe(`${other.url}/token`)
    expect((page.json() as unknown as ShownToken).isAuthenticated).toBe(true)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
    expect(world.provider.requestsTo('authorize')[0]?.params.get('scope')).toBe('openid profile email')
    const after = await listNotes(agent, other)
    expect(after).toMatchObject({ sub: 'alice', notes: ['apples'] })
    expect(after.id).not.toBe(before.id)
  })

  it('a logout succeeds without tokens that cannot be opened', async () => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const key = loginKey(agent)
    const other = await start(next)
    const answer = await agent.get(`${other.url}/logout`, { redirect: 'manual' })
    const end = new URL(readLocation(answer))
    expect(end.origin).toBe(world.provider.url)
    expect(end.searchParams.get('id_token_hint')).toBeNull()
    expect(end.searchParams.get('client_id')).toBe('web')
    expect(world.provider.requestsTo('revocation')).toEqual([])
    expect((await agent.fetch(app.url)).text()).toBe('hello stranger')
    expect(await world.redis.client.keys(`${key.slice(0, -1)}*`)).toEqual([])
  })

  it.each<[string, (sealed: string, foreign: string) => string]>([
    ['were truncated', (sealed) => sealed.slice(0, -8)],
    ['were altered', (sealed) => sealed.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
    ['were not written by the package', () => 'x'],
    ['are empty', () => ''],
    ['were sealed for another login', (_sealed, foreign) => foreign],
  ])('tokens that %s are not modified', async (_, damage) => {
    const app = await start(old)
    const agent = await loggedIn(world, app)
    const key = tokensKey(agent)
    const another = await loggedIn(world, app)
    const foreign = (await world.redis.client.get(tokensKey(another))) ?? ''
    const damaged = damage((await world.redis.client.get(key)) ?? '', foreign)
    await world.redis.client.set(key, damaged)
    expect((await askToken(agent, app.url)).status).toBe(401)
    pass(300)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
    expect((await askToken(agent, app.url)).status).toBe(401)
    expect(await world.redis.client.get(key)).toBe(damaged)
    expect((await agent.get(`${app.url}/token`)).status).toBe(200)
    // The other login keeps its own tokens.
    await shownToken(another, app.url)
  })
})

describe('a login record', () => {
  it('a login record in a newer format logs nobody in, causes no error, and is not modified', async () => {
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
})
