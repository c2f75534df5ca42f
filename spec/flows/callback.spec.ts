import { createOidc, LoginRefused, type OidcError, type OidcOptions } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import {
  changeUrl,
  flow,
  forgetTransactions,
  makeGate,
  readLocation,
  noteRoutes,
  listNotes,
  response,
  listEvents,
  listTransactions,
} from '../support/flow.ts'

const world = flow({ algorithm: 'RS256' })
const { start } = world

/** An application with routes that write to the session, and one that lets another user log in. */
function startNotes(options: Partial<OidcOptions> = {}, before?: Parameters<typeof start>[0]): Promise<TestApp> {
  return start({
    ...before,
    options,
    routes: (express, oidc) => {
      noteRoutes(express)
      express.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
    },
  })
}

function sessionCookie(agent: UserAgent): string {
  return agent.jar.get('connect.sid')?.value ?? ''
}

describe('a completed login', () => {
  it('a login creates a new session and destroys the old one', { meta: { id: 'callback-1' } }, async () => {
    const app = await startNotes()
    const agent = app.agent()
    await agent.get('/note/apples')
    const before = { ...(await listNotes(agent, app)), cookie: sessionCookie(agent) }
    await agent.get('/profile')
    const after = await listNotes(agent, app)
    expect(after.sub).toBe('alice')
    expect(after.id).not.toBe(before.id)
    expect(await world.redis.client.exists(`sess:${before.id}`)).toBe(0)

    const thief = app.agent()
    thief.jar.set(`connect.sid=${before.cookie}; Path=/`, app.url)
    expect(await listNotes(thief, app)).toMatchObject({ notes: [], sub: null })
  })

  it('a login does not adopt a planted session id', async () => {
    const app = await startNotes()
    const attacker = app.agent()
    await attacker.get('/note/planted')
    const victim = app.agent()
    victim.jar.set(`connect.sid=${sessionCookie(attacker)}; Path=/`, app.url)
    expect((await victim.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    expect(await listNotes(attacker, app)).toMatchObject({ notes: [], sub: null })
  })

  it('a login keeps the session data of an anonymous visitor', async () => {
    const app = await startNotes()
    const agent = app.agent()
    await agent.get('/note/apples')
    await agent.get('/profile')
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
  })

  it('a second login of the same user keeps the session data under a new session id', async () => {
    const app = await startNotes()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/note/pears')
    const before = { ...(await listNotes(agent, app)), cookie: sessionCookie(agent) }
    await agent.get('/switch')
    const after = await listNotes(agent, app)
    expect(after).toMatchObject({ notes: ['pears'], sub: 'alice' })
    expect(after.id).not.toBe(before.id)
    const thief = app.agent()
    thief.jar.set(`connect.sid=${before.cookie}; Path=/`, app.url)
    expect(await listNotes(thief, app)).toMatchObject({ notes: [], sub: null })
  })

  it('a login of another user starts with an empty session', { meta: { id: 'callback-2' } }, async () => {
    const app = await startNotes()
    const agent = app.agent()
    await agent.get('/note/before')
    await agent.get('/profile')
    await agent.get('/note/secret')
    const former = await listNotes(agent, app)
    world.provider.signIn('bob')
    expect((await agent.get('/switch')).json()).toMatchObject({ user: { sub: 'bob' }, roles: ['user'] })
    const after = await listNotes(agent, app)
    expect(after).toMatchObject({ notes: [], sub: 'bob' })
    expect(after.id).not.toBe(former.id)
    expect(await world.redis.client.exists(`sess:${former.id}`)).toBe(0)
  })

  it('the login event has issuer, sub and loginId, and no other user data', async () => {
    const app = await startNotes()
    await app.agent().get('/profile')
    expect(listEvents(app, 'login')).toEqual([
      {
        provider: 'default',
        at: expect.any(Number) as number,
        issuer: world.provider.issuer,
        sub: 'alice',
        loginId: expect.any(String) as string,
      },
    ])
    expect(listEvents(app, 'login_failed')).toEqual([])
  })
})

describe('afterLogin', () => {
  it('afterLogin receives user, tokens and roles, and writes to the session of the new login', async () => {
    const seen: unknown[] = []
    const app = await startNotes({
      afterLogin: (req, { user, tokens, roles }) => {
        seen.push({ sub: user.sub, roles, tokens: Object.keys(tokens), scope: tokens.scope })
        req.session.flowNotes = [...(req.session.flowNotes ?? []), 'from the hook']
      },
    })
    const agent = app.agent()
    await agent.get('/note/apples')
    await agent.get('/profile')
    expect(seen).toEqual([
      {
        sub: 'alice',
        roles: ['admin', 'user'],
        tokens: expect.arrayContaining(['accessToken', 'idToken', 'refreshToken', 'expiresAt', 'tokenType']) as unknown,
        scope: ['openid', 'profile', 'email'],
      },
    ])
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples', 'from the hook'], sub: 'alice' })
  })

  it('afterLogin can return the path to redirect to', async () => {
    const app = await startNotes({ afterLogin: async () => '/notes?welcome=1' })
    expect((await app.agent().get('/profile')).url).toBe(`${app.url}/notes?welcome=1`)
  })

  it.each<[string | number]>([['https://evil.example/'], ['//evil.example/'], ['welcome'], [42]])(
    'an afterLogin that returns %j fails the login and keeps the previous session',
    async (where) => {
      let wanted: unknown
      const app = await startNotes({ afterLogin: () => wanted as string })
      const agent = await loggedIn(app)
      const former = await listNotes(agent, app)
      wanted = where
      const page = await agent.get('/switch')
      expect(page.status).toBe(500)
      expect(page.text()).not.toContain('evil.example')
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'hook_failed', status: 500 }])
      expect(await listNotes(agent, app)).toEqual(former)
    },
  )

  it('an afterLogin that throws LoginRefused answers 403 with its text and keeps the previous session', async () => {
    let refuses = false
    const app = await startNotes({
      afterLogin: (req) => {
        req.session.flowNotes = ['of a refused login']
        if (refuses) throw new LoginRefused('Your account is <locked>.')
      },
    })
    const agent = await loggedIn(app)
    const former = await listNotes(agent, app)
    refuses = true
    world.provider.signIn('bob')
    const page = await agent.get('/switch')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('Your account is &#60;locked&#62;.')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(await listNotes(agent, app)).toEqual(former)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'login_refused', status: 403 }])
    expect(listEvents(app, 'login')).toHaveLength(1)
    refuses = false
    const [link] = /href="[^"]*"/.exec(page.text()) ?? []
    expect(link).toBe('href="/login"')
    world.provider.signIn('bob')
    expect((await agent.get('/switch')).json()).toMatchObject({ user: { sub: 'bob' } })
  })

  it('an afterLogin that throws LoginRefused keeps the data of an anonymous session', async () => {
    const app = await startNotes({
      afterLogin: () => {
        throw new LoginRefused('No.')
      },
    })
    const agent = app.agent()
    await agent.get('/note/apples')
    const former = await listNotes(agent, app)
    expect((await agent.get('/profile')).status).toBe(403)
    expect(await listNotes(agent, app)).toEqual(former)
  })

  it('an afterLogin that throws anything else answers 500 and keeps the previous session', async () => {
    let fault: unknown
    const app = await startNotes({
      afterLogin: async () => {
        if (fault !== undefined) throw fault
      },
    })
    const agent = await loggedIn(app)
    const former = await listNotes(agent, app)
    for (fault of [new Error('no database at 10.0.0.7'), 'a string', null]) {
      const page = await agent.get('/switch')
      expect(page.status).toBe(500)
      expect(page.text()).not.toContain('10.0.0.7')
      expect(await listNotes(agent, app)).toEqual(former)
    }
    expect(listEvents(app, 'login_failed')).toMatchObject([
      { code: 'hook_failed', detail: '`afterLogin` failed: Error: no database at 10.0.0.7' },
      { code: 'hook_failed' },
      { code: 'hook_failed' },
    ])
  })

  it('an afterLogin that throws an OidcError other than LoginRefused answers 500', async () => {
    const app = await startNotes({
      afterLogin: (req) => {
        // Throws, since the user is not logged in until the hook has returned.
        app.oidc.user(req)
      },
    })
    const page = await app.agent().get('/profile')
    expect(page.status).toBe(500)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'hook_failed' }])
  })
})

describe('a repeated authorization response', () => {
  it(
    'a reload redirects to the same page as before, with a single token request',
    { meta: { id: 'callback-3' } },
    async () => {
      const app = await startNotes()
      const agent = app.agent()
      const callback = await response(agent, '/profile?tab=1')
      expect((await agent.get(callback)).status).toBe(200)
      const again = await agent.get(callback, { redirect: 'manual' })
      expect(again.status).toBe(303)
      expect(again.headers.get('location')).toBe('/profile?tab=1')
      expect(again.headers.get('cache-control')).toBe('no-store')
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
      expect(world.provider.requestsTo('token')).toHaveLength(1)
    },
  )

  it('the back button redirects to the page that afterLogin had returned', { meta: { id: 'callback-4' } }, async () => {
    const app = await startNotes({ afterLogin: () => '/profile?welcome' })
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await agent.get(callback)
    await agent.get('/note/later')
    expect((await agent.get(callback)).url).toBe(`${app.url}/profile?welcome`)
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['later'], sub: 'alice' })
  })

  it(
    'two concurrent responses cause one token request and redirect to the same page',
    { meta: { id: 'callback-5' } },
    async () => {
      const door = makeGate('/callback')
      const app = await startNotes({}, { before: door.install })
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      const clicks = [agent.get(callback, { redirect: 'manual' }), agent.get(callback, { redirect: 'manual' })]
      await Promise.all([door.arrived(2), world.provider.waitForRequest('token')])
      undo()
      for (const answer of await Promise.all(clicks)) {
        expect(answer.status).toBe(303)
        expect(answer.headers.get('location')).toBe('/profile')
      }
      expect(world.provider.requestsTo('token')).toHaveLength(1)
      expect(listEvents(app, 'login')).toHaveLength(1)
      expect((await agent.get('/profile')).hops).toHaveLength(1)
    },
  )

  it('20 concurrent responses cause one token request', { meta: { id: 'callback-6' } }, async () => {
    const door = makeGate('/callback')
    const app = await startNotes({}, { before: door.install })
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    const clicks = Array.from({ length: 20 }, () => agent.get(callback, { redirect: 'manual' }))
    await Promise.all([door.arrived(20), world.provider.waitForRequest('token')])
    undo()
    for (const answer of await Promise.all(clicks)) expect(answer.headers.get('location')).toBe('/profile')
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a response that reaches two processes causes one token request', { meta: { id: 'callback-7' } }, async () => {
    const one = await startNotes()
    const other = await startNotes({ baseUrl: one.url })
    const agent = one.agent()
    const callback = await response(agent, '/profile')
    await agent.get(callback)
    const there = callback.replace(one.url, other.url)
    const again = await agent.get(there, { redirect: 'manual' })
    expect(again.status).toBe(303)
    expect(again.headers.get('location')).toBe('/profile')
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a used response in another browser is answered 400 and logs nobody in', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await agent.get(callback)
    const other = app.agent()
    const page = await other.get(callback)
    expect(page.status).toBe(400)
    expect(await listNotes(other, app)).toMatchObject({ sub: null })
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'callback_used', status: 400 }])
    expect(world.provider.requestsTo('token')).toHaveLength(1)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
  })

  it('a used response after the logout is answered 400', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    await agent.get(callback)
    await agent.post('/logout')
    const page = await agent.get(callback, { redirect: 'manual' })
    expect(page.status).toBe(400)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a response whose token request failed starts a new login with a new code', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile?tab=1')
    world.provider.misbehave({ endpoints: { token: { status: 500, times: 1 } } })
    expect((await agent.get(callback)).status).toBe(503)
    const retry = await agent.get(callback)
    expect(retry.url).toBe(`${app.url}/profile?tab=1`)
    expect(retry.json()).toMatchObject({ user: { sub: 'alice' } })
    const codes = world.provider.requestsTo('token').map(({ params }) => params.get('code'))
    expect(codes).toHaveLength(2)
    expect(new Set(codes).size).toBe(2)
  })

  it('the new login after a failed token request requests the same scope', async () => {
    const app = await start({
      routes: (express, oidc) => {
        express.get('/connect', oidc.login({ scope: 'openid calendar.read', returnTo: '/profile' }))
      },
    })
    const agent = app.agent()
    const callback = await response(agent, '/connect')
    world.provider.misbehave({ endpoints: { token: { status: 500, times: 1 } } })
    await agent.get(callback)
    const retry = await agent.get(callback, { redirect: 'manual' })
    expect(new URL(readLocation(retry)).searchParams.get('scope')).toBe('openid calendar.read')
  })
})

describe('an authorization response without the cookie of its login', () => {
  it(
    'a missing cookie restarts the login once, then is answered 400 with the likely causes',
    { meta: { id: 'callback-8' } },
    async () => {
      const app = await startNotes()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      forgetTransactions(agent)
      const again = await agent.get(callback, { redirect: 'manual' })
      expect(again.status).toBe(302)
      expect(readLocation(again)).toContain(world.provider.issuer)
      const second = readLocation(await agent.get(readLocation(again), { redirect: 'manual' }))
      forgetTransactions(agent)
      const page = await agent.get(second)
      expect(page.status).toBe(400)
      expect(page.url).toBe(second)
      expect(page.text()).toMatch(/cookies may be blocked/i)
      expect(page.text()).toMatch(/another address|another host/i)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'transaction_missing', status: 400 }])
      const { detail } = listEvents(app, 'login_failed')[0] as { detail: string }
      for (const cause of ['another host', 'https:', 'blocked']) expect(detail).toContain(cause)
      expect(world.provider.requestsTo('token')).toEqual([])
    },
  )

  it('the restarted login succeeds if only the first cookie was lost', { meta: { id: 'callback-9' } }, async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    forgetTransactions(agent)
    const page = await agent.get(callback)
    expect(page.url).toBe(`${app.url}/profile`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a response to a login of another browser is not used (login CSRF)', { meta: { id: 'callback-10' } }, async () => {
    const app = await startNotes()
    const attacker = app.agent()
    world.provider.signIn('bob')
    const callback = await response(attacker, '/profile')
    world.provider.signIn('alice')
    const victim = app.agent()
    const answer = await victim.get(callback, { crossSite: true, redirect: 'manual' })
    expect(readLocation(answer)).toContain(`${world.provider.issuer}/authorize`)
    expect(world.provider.requestsTo('token')).toEqual([])
    const page = await victim.get(callback, { crossSite: true })
    // Like any link, it leads to a page of the attacker's choice, but with the login of the victim.
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    // The attacker's code is still unused.
    expect((await attacker.get(callback)).json()).toMatchObject({ user: { sub: 'bob' } })
  })

  it('a HEAD request, a prefetch or a script does not restart the login', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    forgetTransactions(agent)
    const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    const answers = [
      await agent.fetch(callback, { method: 'HEAD', headers: navigation, redirect: 'manual' }),
      await agent.get(callback, { headers: { 'sec-purpose': 'prefetch' }, redirect: 'manual' }),
      await agent.fetch(callback, { redirect: 'manual' }),
    ]
    expect(answers.flatMap(({ cookiesSet }) => cookiesSet)).toEqual([])
  })

  it('a login in progress expires after 15 minutes and is then restarted', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const began = Date.now()
    const app = await startNotes()
    // The clock of this browser stands still, so only the application can expire the cookie.
    const agent = app.agent({ now: () => began })
    const inTime = await response(agent, '/profile')
    const late = await response(agent, '/profile')
    vi.setSystemTime(began + 899_000)
    expect(listTransactions(agent)).toHaveLength(2)
    const fresh = await agent.get(inTime, { redirect: 'manual' })
    // The code expired after a minute, but the login has not.
    expect(fresh.headers.get('location') ?? '').not.toContain('/authorize')
    vi.setSystemTime(began + 901_000)
    const again = await agent.get(late, { redirect: 'manual' })
    expect(readLocation(again)).toContain(`${world.provider.issuer}/authorize`)
    expect((await agent.get(readLocation(again))).url).toBe(`${app.url}/profile`)
  })
})

describe('a state that this instance did not create', () => {
  it('a callback with an error but without state is answered 400, and the event quotes it as unverified', async () => {
    const app = await startNotes()
    const words = 'error=invalid_scope&error_description=Invalid%20scopes%3A%20ofline_access'
    const page = await app.agent().get(`/callback?${words}`)
    expect(page.status).toBe(400)
    expect(page.text()).not.toContain('ofline_access')
    await app.agent().get(`/callback?state=forged&${words}`)
    const says = 'says "invalid_scope" "Invalid scopes: ofline_access"; this is unverified, since any site can send it'
    expect(listEvents(app, 'login_failed')).toMatchObject([
      { code: 'state_unknown', detail: `an error response without state ${says}` },
      { code: 'state_unknown', detail: `an error response whose state is not of this application ${says}` },
    ])
    await app.agent().get(`/callback?error=${'e'.repeat(900)}&error_description=%1b[2J${'d'.repeat(3000)}`)
    const { detail } = listEvents(app, 'login_failed').at(-1) as { detail: string }
    expect(detail.length).toBeLessThan(600)
    expect(detail).not.toContain('\u001b')
  })

  const states: [string, (state: string) => string | string[] | undefined][] = [
    ['missing', () => undefined],
    ['empty', () => ''],
    ['of another length', (state) => `${state}x`],
    ['with a modified beginning', (state) => (state.startsWith('A') ? 'B' : 'A') + state.slice(1)],
    ['with a modified middle', (state) => state.slice(0, 60) + (state[60] === 'A' ? 'B' : 'A') + state.slice(61)],
    ['with a modified tag', (state) => state.slice(0, -8) + (state.endsWith('AAAAAAAA') ? 'B' : 'A').repeat(8)],
    ['without its tag', (state) => state.slice(0, -22)],
    ['without its nonce', (state) => state.slice(16)],
    ['in two parts', (state) => `${state.slice(0, 30)}.${state.slice(30)}`],
    ['with padding', (state) => `${state}==`],
    ['unsealed', () => Buffer.from('["id",1,0,"hash",0,"/",0,{}]').toString('base64url')],
    ['in plain text', () => '["id",1,0,"hash",0,"/",0,{}]'],
    ['of the form of older versions', (state) => `${state.slice(0, 22)}.0.${state.slice(-22)}`],
    ['a script', () => '<script>alert(1)</script>'],
    ['huge', () => 'x'.repeat(6000)],
  ]

  it.each(states)(
    'an invalid state is answered 400 without a restart: %s',
    { meta: { id: 'callback-11' } },
    async (_name, change) => {
      const app = await startNotes()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const state = new URL(callback).searchParams.get('state') ?? ''
      const page = await agent.get(changeUrl(callback, { state: change(state) }))
      expect(page.status).toBe(400)
      expect(page.hops).toHaveLength(1)
      expect(page.text()).not.toContain('<script')
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])
      expect(world.provider.requestsTo('token')).toEqual([])
      // The login in progress is still usable.
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it('a state of an application with another secret is answered 400', async () => {
    const one = await startNotes()
    const other = await startNotes({ secret: 'another secret of more than thirty-two characters' })
    const agent = one.agent()
    const callback = (await response(agent, '/profile')).replace(one.url, other.url)
    const page = await agent.get(callback)
    expect(page.status).toBe(400)
    expect(page.hops).toHaveLength(1)
  })

  it(
    'a state under a previous secret is accepted while `secret` lists it',
    { meta: { id: 'callback-12' } },
    async () => {
      const one = await startNotes()
      const other = await startNotes({
        secret: ['a new secret that has more than thirty-two characters', secret],
        baseUrl: one.url,
      })
      const agent = one.agent()
      const callback = (await response(agent, '/profile')).replace(one.url, other.url)
      expect((await agent.get(callback, { redirect: 'manual' })).headers.get('location')).toBe('/profile')
    },
  )

  it('a state of another instance with the same secret is answered 400', async () => {
    const { provider } = world
    const app = await start({
      routes: (express, _oidc, url) => {
        const staff = createOidc({ ...provider.settings(), baseUrl: url, secret, name: 'staff' })
        express.use(staff.router)
        express.get('/staff', staff.requireAuth(), (req, res) => res.send(req.oidc.provider))
        staff.on('login', () => app.events.push({ name: 'login', event: {} }))
      },
    })
    const agent = app.agent()
    const ours = await response(agent, '/profile')
    const theirs = await response(agent, '/staff')
    for (const crossed of [
      ours.replace('/callback', '/staff/callback'),
      theirs.replace('/staff/callback', '/callback'),
    ]) {
      const page = await agent.get(crossed)
      expect(page.status).toBe(400)
      expect(page.hops).toHaveLength(1)
    }
    expect(world.provider.requestsTo('token')).toEqual([])
    expect((await agent.get(theirs)).text()).toBe('staff')
    expect((await agent.get(ours)).status).toBe(200)
  })
})

describe('a malformed authorization response', () => {
  it.each(['state', 'code', 'iss', 'error', 'error_description'])(
    'a duplicate parameter is answered 400: %s',
    { meta: { id: 'callback-13' } },
    async (name) => {
      const app = await startNotes()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const value = new URL(callback).searchParams.get(name) ?? 'x'
      const page = await agent.get(changeUrl(callback, { [name]: [value, value] }))
      expect(page.status).toBe(400)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'request_invalid' }])
      expect(world.provider.requestsTo('token')).toEqual([])
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it.each([
    ['another issuer (mix-up)', { iss: 'https://evil.example' }],
    ['no issuer, although the provider announces one', { iss: undefined }],
    ['a code and an ID token', { id_token: 'eyJhbGciOiJub25lIn0.e30.' }],
    ['a JWT-secured response', { response: 'eyJhbGciOiJub25lIn0.e30.' }],
  ])('a response with %s is rejected, and its code is sent nowhere', async (_name, change) => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const page = await agent.get(changeUrl(callback, change))
    expect([400, 502]).toContain(page.status)
    expect(page.text()).not.toContain('evil.example')
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    // A reload of the original response starts a new login.
    expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a response without issuer is accepted if the provider does not announce one', async () => {
    world.provider.misbehave({
      metadata: { authorization_response_iss_parameter_supported: undefined },
      authorizationResponse: { iss: undefined },
    })
    const app = await startNotes()
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a response without a code logs nobody in', { meta: { id: 'callback-14' } }, async () => {
    const app = await startNotes()
    const agent = app.agent()
    world.provider.misbehave({ authorizationResponse: { code: undefined } })
    const page = await agent.get('/profile')
    expect([400, 502]).toContain(page.status)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })

  it('a response with an unknown code logs nobody in', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const page = await agent.get(changeUrl(callback, { code: 'made-up' }))
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(page.text()).toContain('href="/login"')
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })
})

describe('an error response of the provider', () => {
  it('access_denied is answered with a 403 page that links to the login', { meta: { id: 'callback-15' } }, async () => {
    const app = await startNotes()
    const agent = await anonymousWithNotes(app)
    const former = await listNotes(agent, app)
    world.provider.deny()
    const page = await agent.get('/profile')
    expect(page.status).toBe(403)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).toContain('canceled')
    expect(await listNotes(agent, app)).toEqual(former)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'authorization_denied', status: 403 }])
    const again = await agent.click(page, 'Log in again')
    expect(again.text()).toBe('hello alice')
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it.each(['invalid_scope', 'server_error', 'temporarily_unavailable', 'unauthorized_client', 'login_required'])(
    'the error %s is answered with a 400 page',
    async (error) => {
      const app = await startNotes()
      const agent = app.agent()
      world.provider.deny(error, 'the words of the provider')
      const page = await agent.get('/profile')
      expect(page.status).toBe(400)
      expect(page.text()).toContain('The login service could not complete the login.')
      expect(page.text()).toMatch(/<small>[^<]*the words of the provider[^<]*<\/small>/)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'authorization_failed', status: 400 }])
      expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    },
  )

  it(
    "the provider's error text is escaped in the page, and kept in `detail` only",
    { meta: { id: 'callback-16' } },
    async () => {
      const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
      const errors: OidcError[] = []
      const app = await startNotes()
      const agent = app.agent()
      world.provider.deny('server_error', hostile)
      const page = await agent.get('/profile')
      expect(page.text()).not.toContain('<img')
      expect(page.text()).not.toContain('<script')
      expect(page.text()).toMatch(/<small>[^<]*img src=x[^<]*<\/small>/)

      const own = await startNotes({
        onError: (error, _req, res) => {
          errors.push(error)
          res.status(error.status).send('our own page')
        },
      })
      world.provider.deny('server_error', hostile)
      expect((await own.agent().get('/profile')).text()).toBe('our own page')
      expect(errors).toHaveLength(1)
      expect(errors[0]?.message).not.toContain('img')
      expect(errors[0]?.detail).toContain('img src=x')
    },
  )

  it(
    'the error text is not shown if the state is invalid, since anyone can put it into the URL',
    { meta: { id: 'callback-17' } },
    async () => {
      const app = await startNotes()
      const page = await app.agent().get('/callback?error=<script>alert(1)</script>&error_description=<b>call+0800</b>')
      expect(page.status).toBe(400)
      expect(page.text()).not.toContain('<script')
      expect(page.text()).not.toContain('0800')
      expect(page.headers.get('content-type')).toContain('text/html')
    },
  )

  it('an error code with markup is escaped', { meta: { id: 'callback-18' } }, async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const page = await agent.get(
      changeUrl(callback, { code: undefined, error: '<script>alert(1)</script>', error_description: undefined }),
    )
    expect(page.status).toBe(400)
    expect(page.text()).not.toContain('<script')
  })

  it('an error page shows the text of the provider as its language writes it, and the event escapes it', async () => {
    const app = await startNotes()
    const persian =
      '\u0646\u0645\u06cc\u200c\u062a\u0648\u0627\u0646\u06cc\u062f \u0648\u0627\u0631\u062f \u0634\u0648\u06cc\u062f'
    world.provider.deny('access_denied', persian)
    expect((await app.agent().get('/profile')).text()).toContain(persian)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ detail: expect.stringContaining('\\u{200c}') as string }])
  })

  it('a subject with control characters is logged in, and its events escape them', async () => {
    const app = await startNotes()
    world.provider.misbehave({ idToken: { claims: { sub: 'ali\u001b[2Kce\n' } } })
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(listEvents(app, 'login')).toMatchObject([{ sub: 'ali\\u{1b}[2Kce\\u{a}' }])
  })

  it('a long error text is truncated in the page', async () => {
    const app = await startNotes()
    const agent = app.agent()
    world.provider.deny('server_error', 'x'.repeat(4000))
    expect((await agent.get('/profile')).text().length).toBeLessThan(3000)
  })

  it('an error response is answered with problem+json to a fetch', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const answer = await agent.fetch(changeUrl(callback, { code: undefined, error: 'access_denied' }))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status: 403, code: 'authorization_denied' })
  })
})

describe('a browser that does not keep the session cookie', () => {
  it(
    'more than five logins within a minute are answered with a page that explains the loop',
    { meta: { id: 'callback-19' } },
    async () => {
      // Over http a `secure` cookie is never sent, so each login leads to the next one.
      const app = await start({ session: { cookie: { secure: true, sameSite: 'lax' } } })
      const agent = app.agent({ maxHops: 60 })
      const page = await agent.get('/profile')
      expect(page.status).toBe(400)
      expect(page.url).toContain('/callback')
      expect(page.text()).toContain('session cookie')
      expect(listEvents(app, 'login')).toHaveLength(6)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'login_loop', status: 400 }])
      expect((listEvents(app, 'login_failed')[0] as { detail: string }).detail).toContain('trust proxy')
    },
  )

  it('a user who logs in every 13 seconds is not taken for a loop', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const app = await startNotes()
    const agent = app.agent()
    for (let login = 0; login < 12; login++) {
      expect((await agent.get('/switch')).status).toBe(200)
      vi.setSystemTime(Date.now() + 13_000)
    }
  })
})

describe('a store failure during the callback', () => {
  it('a store failure is answered 503 and keeps the login in progress for a retry', async () => {
    const app = await startNotes()
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const { client } = world.redis
    const set = vi.spyOn(client, 'set').mockRejectedValue(new Error('LOADING'))
    const page = await agent.get(callback)
    set.mockRestore()
    expect(page.status).toBe(503)
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(listTransactions(agent)).toHaveLength(1)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a callback while the session store is disconnected is answered 503', async () => {
    const store = world.store()
    const app = await startNotes({}, { session: { store } })
    // Session stores emit this when they lose their connection.
    store.emit('disconnect')
    const page = await app.agent().get('/callback?state=x')
    expect(page.status).toBe(503)
  })
})

async function anonymousWithNotes(app: TestApp): Promise<UserAgent> {
  const agent = app.agent()
  await agent.get('/note/apples')
  expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: null })
  return agent
}

async function loggedIn(app: TestApp): Promise<UserAgent> {
  const agent = app.agent()
  await agent.get('/profile')
  await agent.get('/note/pears')
  expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
  return agent
}
