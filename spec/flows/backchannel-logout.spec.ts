/** OpenID Connect Back-Channel Logout 1.0. */
import { randomUUID } from 'node:crypto'
import express from 'express'
import { MemoryStore } from 'express-session'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { describe, expect, it, vi } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { flow, noteRoutes, listNotes, listEvents } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { deliver, logoutEvents, logoutToken } from '../support/logout-token.ts'
import { sidRoute } from '../support/sid-route.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { pass } from '../support/tokens-app.ts'

const world = flow({ algorithm: 'RS256', refreshTokens: 'rotating' })

const getRoute = (app: TestApp): string => app.url + app.oidc.paths.backchannelLogout

/** Logs each user in to the application, in a browser of its own. */
async function loggedIn(app: TestApp, ...subs: string[]) {
  const agents = []
  for (const sub of subs) {
    world.provider.signIn(sub)
    const agent = app.agent()
    await agent.get('/profile')
    agents.push({ agent, sid: (await agent.fetch('/sid')).json() as unknown as string })
  }
  return agents
}

const start = (setup: Parameters<typeof world.start>[0] = {}): Promise<TestApp> =>
  world.start({
    ...setup,
    routes: (app) => {
      noteRoutes(app)
      sidRoute(app)
    },
  })

describe('a logout token', () => {
  it(
    'a logout token with sid ends only the login of that session',
    { meta: { id: 'backchannel-logout-1' } },
    async () => {
      const app = await start()
      const [first, second, bob] = await loggedIn(app, 'alice', 'alice', 'bob')
      const answer = await deliver(getRoute(app), {
        logout_token: await logoutToken(world.provider, { sid: first?.sid }),
      })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('connection')).toBe('close')
      expect(await answer.text()).toBe('')
      expect(await listNotes(first!.agent, app)).toMatchObject({ sub: null })
      expect(await listNotes(second!.agent, app)).toMatchObject({ sub: 'alice' })
      expect(await listNotes(bob!.agent, app)).toMatchObject({ sub: 'bob' })
      expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'back_channel' }])
    },
  )

  it(
    'a logout token with sub ends all logins of that subject and no others',
    { meta: { id: 'backchannel-logout-2' } },
    async () => {
      const app = await start()
      const [first, second, bob] = await loggedIn(app, 'alice', 'alice', 'bob')
      const ids = await Promise.all([first, second, bob].map(async (one) => (await listNotes(one!.agent, app)).id))
      const answer = await deliver(getRoute(app), { logout_token: await logoutToken(world.provider, { sub: 'alice' }) })
      expect(answer.status).toBe(200)
      for (const { agent } of [first!, second!]) expect(await listNotes(agent, app)).toMatchObject({ sub: null })
      expect(await listNotes(bob!.agent, app)).toMatchObject({ sub: 'bob' })
      for (const id of ids.slice(0, 2)) expect(await world.redis.client.keys(`*${id}*`)).toEqual([])
      expect(await world.redis.client.exists(`oidc:{sess:${ids[2]}}`)).toBe(1)
    },
  )

  it('a logout token for unknown sessions is answered 200', async () => {
    const app = await start()
    const token = await logoutToken(world.provider, { sid: 'nonesuch', sub: 'alice' })
    expect((await deliver(getRoute(app), { logout_token: token, ignored_parameter: 'x' })).status).toBe(200)
  })

  it('a logout token is read from a body that the application has already parsed', async () => {
    const app = await start({ before: (express_) => void express_.use(express.urlencoded({ extended: false })) })
    const [alice] = await loggedIn(app, 'alice')
    const token = await logoutToken(world.provider, { sid: alice?.sid })
    expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
    expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: null })
  })

  it('a logout token is accepted only once', { meta: { id: 'backchannel-logout-3' } }, async () => {
    const app = await start()
    const details: unknown[] = []
    app.oidc.on('token_rejected', ({ detail }) => details.push(detail))
    const token = await logoutToken(world.provider, { sub: 'alice' })
    expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
    const again = await deliver(getRoute(app), { logout_token: token })
    expect(again.status).toBe(400)
    expect(await again.json()).toEqual({
      error: 'invalid_request',
      error_description: 'The logout_token is invalid.',
    })
    expect(details).toEqual(['jti was used before'])
  })

  it(
    'the jti is stored for the maximum age of a logout token plus twice the clock tolerance',
    { meta: { id: 'backchannel-logout-4' } },
    async () => {
      const prefix = `${randomUUID()}:`
      const store = new RedisSessionStore({ client: world.redis.client, prefix })
      const app = await start({ options: { clockToleranceSeconds: 50 }, session: { store } })
      const token = await logoutToken(world.provider, { sub: 'alice' })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
      const keys = await world.redis.client.keys(`oidc:${prefix}logout-token:*`)
      expect(keys).toHaveLength(1)
      const seconds = await world.redis.client.ttl(String(keys[0]))
      expect(seconds).toBeGreaterThanOrEqual(690)
      expect(seconds).toBeLessThanOrEqual(701)
    },
  )

  it(
    'a used logout token is rejected as used until it is too old to be accepted',
    { meta: { id: 'backchannel-logout-5' } },
    async () => {
      pass(0)
      const app = await start({ session: { store: new MemoryStore() } })
      const details: unknown[] = []
      app.oidc.on('token_rejected', ({ detail }) => details.push(detail))
      // As far in the future as the clock tolerance of 30 s allows, so that it is accepted for as long as possible.
      const iat = Math.floor(Date.now() / 1000) + 30
      const token = await logoutToken(world.provider, { sub: 'alice', iat, exp: iat + 3600 })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
      for (const seconds of [660, 1]) {
        pass(seconds)
        expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(400)
      }
      expect(details).toEqual(['jti was used before', 'iat is more than 600 seconds ago'])
    },
  )

  const now = (): number => Math.floor(Date.now() / 1000)
  it.each<[string, () => object, object?]>([
    ['without an event', () => ({ events: undefined })],
    ['with another event', () => ({ events: { 'http://schemas.openid.net/event/other': {} } })],
    ['whose event is not an object', () => ({ events: { [Object.keys(logoutEvents)[0] as string]: true } })],
    ['with a nonce', () => ({ nonce: 'n' })],
    ['of another issuer', () => ({ iss: 'https://evil.example' })],
    ['for another audience', () => ({ aud: 'other' })],
    ['without an audience', () => ({ aud: undefined })],
    ['without sub and sid', () => ({ sub: undefined })],
    ['with an empty sub', () => ({ sub: '' })],
    ['with a numeric sid', () => ({ sid: 7 })],
    [withId('backchannel-logout-7', 'without jti'), () => ({ jti: undefined })],
    [withId('backchannel-logout-8', 'without iat'), () => ({ iat: undefined })],
    ['whose iat is in the future', () => ({ iat: now() + 100 })],
    ['whose iat is too old', () => ({ iat: now() - 1000, exp: now() + 100 })],
    [withId('backchannel-logout-10', 'without exp'), () => ({ exp: undefined })],
    ['whose exp is null', () => ({ exp: null })],
    ['whose exp is a string', () => ({ exp: String(now() + 100) })],
    ['that has expired', () => ({ exp: now() - 100 })],
    ['with the typ of an access token', () => ({}), { typ: 'at+jwt' }],
    ['with an empty typ', () => ({}), { typ: '' }],
    ['with the typ null', () => ({}), { typ: null }],
    ['with a numeric typ', () => ({}), { typ: 5 }],
    ['with a typ in a list', () => ({}), { typ: ['logout+jwt'] }],
    ['with a media type other than application', () => ({}), { typ: 'text/logout+jwt' }],
    ['with alg none', () => ({}), { alg: 'none' }],
  ])(
    'answers 400 to a logout token %s, and keeps the login',
    { meta: { id: 'backchannel-logout-6' } },
    async (_what, claims, header) => {
      const app = await start()
      const [alice] = await loggedIn(app, 'alice')
      const token = await logoutToken(world.provider, { sub: 'alice', ...claims() }, header)
      const answer = await deliver(getRoute(app), { logout_token: token })
      expect(answer.status).toBe(400)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: 'alice' })
    },
  )

  it.each([undefined, 'JWT', 'application/jwt', 'logout+jwt', 'LOGOUT+JWT', 'Application/Logout+JWT'])(
    'accepts a logout token with the typ %s by default',
    { meta: { id: 'backchannel-logout-9' } },
    async (typ) => {
      const app = await start()
      const token = await logoutToken(world.provider, { sub: 'alice' }, { typ })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
    },
  )

  it.each([
    ['logout+jwt', 200],
    ['Application/Logout+JWT', 200],
    [undefined, 400],
    ['JWT', 400],
    ['at+jwt', 400],
  ])('answers a logout token with the typ %s by %i if `logoutTokenType` is required', async (typ, status) => {
    const app = await start({ options: { logoutTokenType: 'required' } })
    const token = await logoutToken(world.provider, { sub: 'alice' }, { typ })
    expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(status)
  })

  it('rejects a logout token whose exp is infinite', async () => {
    const app = await start()
    world.provider.misbehave({ logoutToken: { payload: (text) => text.replace(/"exp":\d+/, '"exp":1e999') } })
    const token = await world.provider.logoutToken({ sub: 'alice' })
    expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(400)
  })

  it('says how to fix a logout token without exp', async () => {
    const app = await start()
    const details: unknown[] = []
    app.oidc.on('token_rejected', ({ detail }) => details.push(detail))
    const token = await logoutToken(world.provider, { sub: 'alice', exp: undefined })
    await deliver(getRoute(app), { logout_token: token })
    expect(details).toEqual([
      expect.stringMatching(/^exp is missing, .*; update the provider .*configure it to send exp$/),
    ])
  })

  it.each(['Logout', null, 5])('ignores the claim typ %j in a logout token', async (typ) => {
    const app = await start()
    const token = await logoutToken(world.provider, { sub: 'alice', typ })
    expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
  })

  it('names the option that rejects a logout token without a type', async () => {
    const app = await start({ options: { logoutTokenType: 'required' } })
    const details: unknown[] = []
    app.oidc.on('token_rejected', ({ detail }) => details.push(detail))
    const token = await logoutToken(world.provider, { sub: 'alice' }, { typ: undefined })
    await deliver(getRoute(app), { logout_token: token })
    expect(details).toEqual(['typ is not logout+jwt, which `logoutTokenType` requires'])
  })
})

describe('an ID token that is sent as a logout token', () => {
  const id = (): object => ({
    sub: 'alice',
    azp: world.provider.clientId,
    nonce: 'n',
    auth_time: 1,
    typ: 'ID',
    jti: randomUUID(),
  })
  it.each<[string, () => object]>([
    ['of a login', () => ({ ...id(), events: undefined })],
    ['of a refresh, without a nonce', () => ({ ...id(), nonce: undefined, events: undefined })],
    ['with an event', () => ({ ...id(), nonce: undefined })],
    ['with an event and at_hash', () => ({ ...id(), nonce: undefined, typ: undefined, at_hash: 'x' })],
    ['with an event and a nonce', () => ({ ...id(), typ: undefined })],
    ['with an event and a nonce that is null', () => ({ ...id(), typ: undefined, nonce: null })],
  ])('is rejected under any type of the header: one %s', async (_what, claims) => {
    const app = await start()
    const [alice] = await loggedIn(app, 'alice')
    for (const typ of [undefined, 'JWT', 'logout+jwt']) {
      const token = await logoutToken(world.provider, claims(), { typ })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(400)
    }
    expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: 'alice' })
  })
})

describe('the signature of a logout token', () => {
  it.each(['corrupt', 'none', 'other-key', 'wrong-alg', 'hs256', 'hs256-public-key'] as const)(
    'a logout token whose signature is %s is answered 400, and the login is kept',
    { meta: { id: 'backchannel-logout-11' } },
    async (signature) => {
      const app = await start()
      const [alice] = await loggedIn(app, 'alice')
      world.provider.misbehave({ logoutToken: { signature } })
      const token = await world.provider.logoutToken({ sub: 'alice' })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(400)
      expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: 'alice' })
    },
  )

  it('idTokenSignedResponseAlg restricts the algorithm, whatever the provider metadata lists', async () => {
    const listed = { id_token_signing_alg_values_supported: ['RS256', 'ES256', 'PS256'] }
    world.provider.misbehave({ metadata: listed, logoutToken: { signature: 'wrong-alg' } })
    const token = await world.provider.logoutToken({ sub: 'alice' })
    const open = await start()
    expect((await deliver(getRoute(open), { logout_token: token })).status).toBe(200)
    const pinned = await start({ options: { idTokenSignedResponseAlg: 'RS256' } })
    const other = await world.provider.logoutToken({ sub: 'alice' })
    expect((await deliver(getRoute(pinned), { logout_token: other })).status).toBe(400)
  })
})

describe('single logout at the provider', () => {
  it("the logout token that follows the user's own logout is answered 200", async () => {
    const app = await start()
    world.provider.registerLogout({ backchannelLogoutUri: getRoute(app) })
    const [alice] = await loggedIn(app, 'alice')
    await alice!.agent.post('/logout')
    expect(listEvents(app, 'logout')).toMatchObject([{ reason: 'user' }])
    expect(listEvents(app, 'store_fault')).toEqual([])
    world.provider.registerLogout({ backchannelLogoutUri: undefined })
  })

  it(
    "a user's logout at the provider ends all logins of that user here",
    { meta: { id: 'backchannel-logout-12' } },
    async () => {
      const app = await start()
      world.provider.registerLogout({ backchannelLogoutUri: getRoute(app) })
      const [first, second, bob] = await loggedIn(app, 'alice', 'alice', 'bob')
      const deliveries = await world.provider.logOut('alice')
      expect(deliveries.length).toBeGreaterThanOrEqual(2)
      for (const delivery of deliveries) expect(delivery).toEqual({ clientId: 'web', status: 200 })
      for (const { agent } of [first!, second!]) expect(await listNotes(agent, app)).toMatchObject({ sub: null })
      expect(await listNotes(bob!.agent, app)).toMatchObject({ sub: 'bob' })
      world.provider.registerLogout({ backchannelLogoutUri: undefined })
    },
  )
})

describe('an invalid request to the back-channel logout route', () => {
  it.each<[string, RequestInit]>([
    ['an empty body', { body: new URLSearchParams() }],
    ['an empty logout token', { body: new URLSearchParams({ logout_token: '' }) }],
    [
      'two logout tokens',
      { body: 'logout_token=a&logout_token=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    ['a JSON body', { body: '{"logout_token":"a"}', headers: { 'content-type': 'application/json' } }],
    ['a body that is too large', { body: new URLSearchParams({ logout_token: 'a'.repeat(70_000) }) }],
    ['a value that is not a JWT', { body: new URLSearchParams({ logout_token: 'a.b.c' }) }],
  ])(
    'the back-channel logout route answers 400 with a JSON error to %s',
    { meta: { id: 'backchannel-logout-13' } },
    async (_what, init) => {
      const app = await start()
      const answer = await fetch(getRoute(app), { method: 'POST', ...init })
      expect(answer.status).toBe(400)
      expect(answer.headers.get('content-type')).toContain('application/json')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
    },
  )

  it('the back-channel logout route answers 405 to methods other than POST', async () => {
    const app = await start()
    const answer = await fetch(getRoute(app))
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
  })
})

describe('a logout token during an outage', () => {
  it(
    'a logout token is answered 503 while the store is down, and accepted afterwards',
    { meta: { id: 'backchannel-logout-14' } },
    async () => {
      const redis = switchedRedis(world.redis.client)
      const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
      const app = await start({ session: { store } })
      const [alice] = await loggedIn(app, 'alice')
      const token = await world.provider.logoutToken({ sub: 'alice' })
      redis.fail()
      const answer = await deliver(getRoute(app), { logout_token: token })
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
      redis.heal()
      expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: 'alice' })
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
      expect(await listNotes(alice!.agent, app)).toMatchObject({ sub: null })
    },
  )

  it(
    'a logout token whose use cannot be recorded is answered 503, and accepted afterwards',
    { meta: { id: 'backchannel-logout-15' } },
    async () => {
      const redis = switchedRedis(world.redis.client)
      const app = await start({ session: { store: new RedisSessionStore({ client: redis.client }) } })
      const token = await world.provider.logoutToken({ sub: 'alice' })
      redis.fail('set')
      const answer = await deliver(getRoute(app), { logout_token: token })
      expect(answer.status).toBe(503)
      expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
      redis.heal()
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(200)
      expect((await deliver(getRoute(app), { logout_token: token })).status).toBe(400)
    },
  )

  it('a logout token is answered 503 while the keys cannot be fetched, and accepted afterwards', async () => {
    const app = await start()
    const token = await world.provider.logoutToken({ sub: 'alice' })
    await world.provider.stop()
    const answer = await deliver(getRoute(app), { logout_token: token })
    expect(answer.status).toBe(503)
    await world.provider.start()
    const again = async (): Promise<number> => (await deliver(getRoute(app), { logout_token: token })).status
    await vi.waitFor(async () => expect(await again()).toBe(200), { timeout: 15_000, interval: 200 })
  })
})
