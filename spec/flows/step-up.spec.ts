/** Step-up: a stronger or more recent authentication is requested once it is needed (OIDC Core 3.1.2.1, RFC 9470). */
import type { OidcAuthRule, OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type AppSetup, type TestApp } from '../support/app.ts'
import { flow, readLocation, noteRoutes, listNotes, catchError, listEvents } from '../support/flow.ts'
import { loggedIn } from '../support/logged-in.ts'
import { sessionId } from '../support/session-cookie.ts'
import { pass, stillClock } from '../support/tokens-app.ts'
import { waiting } from '../support/waiting.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 3600 })
stillClock()

async function start(
  rule: OidcAuthRule,
  options: Partial<OidcOptions> = {},
  routes?: AppSetup['routes'],
): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({
    options,
    routes: (express, oidc, url) => {
      noteRoutes(express)
      express.all('/transfer', oidc.requireAuth(rule), (_req, res) => void res.send('transferred'))
      express.get('/confirm', oidc.login({ maxAuthAgeSeconds: 0, returnTo: '/profile' }))
      routes?.(express, oidc, url)
    },
  })
  return { app, agent: await loggedIn(world, app) }
}

/** `acr_values` and `max_age` of each authorization request since the last call. */
function requested(): { acr: string | null; maxAge: string | null }[] {
  const requests = world.provider.requestsTo('authorize')
  world.provider.forget()
  return requests.map(({ params }) => ({ acr: params.get('acr_values'), maxAge: params.get('max_age') }))
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

/** Sets claims of all further ID tokens of the provider. */
function says(claims: Record<string, unknown>): () => void {
  return world.provider.misbehave({ idToken: { claims } })
}

function expectPassed(page: UserAgentResponse): void {
  expect(page.text()).toBe('transferred')
}

describe('requireAuth({ acr })', () => {
  it('requests the acr from the provider, and admits a login that returns with it', async () => {
    const { app, agent } = await start({ acr: '2' })
    await agent.fetch('/note/mine')
    const page = await agent.get('/transfer?to=bob')
    expectPassed(page)
    expect(page.url).toBe(`${app.url}/transfer?to=bob`)
    expect(requested()).toEqual([{ acr: '2', maxAge: null }])
    expectPassed(await agent.get('/transfer'))
    expectPassed(await agent.fetch('/transfer'))
    expect(requested()).toEqual([])
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['mine'], sub: 'alice' })
    expect(listEvents(app, 'denied')).toEqual([])
  })

  it('requests several acr values in their order, and admits a login with one of them', async () => {
    const { agent } = await start({ acr: ['gold', 'silver'] })
    says({ acr: 'silver' })
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([{ acr: 'gold silver', maxAge: null }])
  })

  it('admits a login that already has the acr without a request', async () => {
    const { agent } = await start({ acr: ['2', '1'] })
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([])
  })

  it.each<[string, unknown]>([
    ['another acr', '1'],
    ['no acr', undefined],
    ['an acr that is not a string', 2],
    ['a list that contains the acr', ['2']],
  ])('answers 403 if the provider returns %s, and requests the acr again after five minutes', async (_, acr) => {
    const { app, agent } = await start({ acr: '2' })
    const undo = says({ acr })
    const page = await agent.get('/transfer')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('You need to confirm who you are.')
    expect(page.text()).toContain('Go to the start page')
    expect(requested()).toHaveLength(1)
    expect(listEvents(app, 'denied')).toMatchObject([
      { code: 'authentication_insufficient', status: 403, sub: 'alice', detail: 'insufficient acr' },
    ])
    expect((await agent.get('/profile')).status).toBe(200)
    pass(299)
    expect((await agent.get('/transfer')).status).toBe(403)
    expect((await agent.fetch('/transfer')).json()).toMatchObject({ status: 403, code: 'authentication_insufficient' })
    expect(requested()).toEqual([])
    undo()
    pass(1)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toHaveLength(1)
  })

  it('requests another acr at once, even if one was not reached', async () => {
    const { agent } = await start({ acr: '2' }, {}, (express, oidc) => {
      express.get('/vault', oidc.requireAuth({ acr: '3' }), (_req, res) => void res.send('open'))
    })
    const undo = says({ acr: '1' })
    expect((await agent.get('/transfer')).status).toBe(403)
    undo()
    expect((await agent.get('/vault')).text()).toBe('open')
    expect(requested()).toEqual([
      { acr: '2', maxAge: null },
      { acr: '3', maxAge: null },
    ])
  })

  it('uses the acr of the last refresh', async () => {
    const { app, agent } = await start({ acr: '2' })
    await agent.get('/transfer')
    says({ acr: '1' })
    pass(300)
    expectPassed(await agent.get('/transfer'))
    await until(() => listEvents(app, 'refresh').length === 1, 'the login was rechecked')
    world.provider.forget()
    await agent.get('/transfer', { redirect: 'manual' })
    expect((await agent.fetch('/transfer')).status).toBe(401)
  })

  it.each([
    ['access_denied', 403],
    ['unmet_authentication_requirements', 400],
  ])('shows an error page if the provider answers %s, and logs nobody out', async (error, status) => {
    const { agent } = await start({ acr: '2' })
    const before = sessionId(agent)
    world.provider.deny(error)
    const page = await agent.get('/transfer')
    expect(page.status).toBe(status)
    expect(page.text()).toContain('You are still logged in.')
    expect(requested()).toHaveLength(1)
    expect(sessionId(agent)).toBe(before)
    expect((await agent.get('/profile')).status).toBe(200)
  })
})

describe('requireAuth({ maxAuthAgeSeconds })', () => {
  it.each([
    [0, 30],
    [0, 120],
    [59, 30],
    [60, 0],
    [60, 120],
    [3600, 30],
  ])(
    'maxAuthAgeSeconds %i with clock tolerance %i requests a login one second later, or a minute after it requested one',
    async (age, tolerance) => {
      const { agent } = await start({ maxAuthAgeSeconds: age }, { clockToleranceSeconds: tolerance, recheckSeconds: 0 })
      for (const longest of [age, Math.max(age, 60), Math.max(age, 60)]) {
        expectPassed(await agent.get('/transfer'))
        pass(longest)
        expectPassed(await agent.get('/transfer'))
        expect([longest, requested()]).toEqual([longest, []])
        pass(1)
        expect((await agent.fetch('/transfer')).status).toBe(401)
        expectPassed(await agent.get('/transfer'))
        expect([longest, requested()]).toEqual([longest, [{ acr: null, maxAge: String(age) }]])
      }
    },
  )

  it('requests max_age with the first login of a user who is not logged in', async () => {
    const { app } = await start({ maxAuthAgeSeconds: 0 })
    expectPassed(await app.agent().get('/transfer'))
    expect(requested()).toEqual([{ acr: null, maxAge: '0' }])
  })

  it('requests acr and max_age together', async () => {
    const { agent } = await start({ acr: '2', maxAuthAgeSeconds: 60 })
    pass(200)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([{ acr: '2', maxAge: '60' }])
    pass(200)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([{ acr: '2', maxAge: '60' }])
  })

  it('a fresh authentication does not replace a missing acr', async () => {
    const { agent } = await start({ acr: '2', maxAuthAgeSeconds: 60 })
    pass(200)
    const undo = says({ acr: '1' })
    expect((await agent.get('/transfer')).status).toBe(403)
    undo()
    expect((await agent.get('/transfer')).status).toBe(403)
    expect(requested()).toHaveLength(1)
  })

  it('the acr alone does not replace a missing fresh authentication', async () => {
    const { agent } = await start({ acr: '2', maxAuthAgeSeconds: 60 }, {}, (express, oidc) => {
      express.get('/strong', oidc.requireAuth({ acr: '2' }), (_req, res) => void res.send('strong'))
    })
    expect((await agent.get('/strong')).text()).toBe('strong')
    pass(91)
    expect((await agent.fetch('/strong')).text()).toBe('strong')
    expect((await agent.fetch('/transfer')).json()).toMatchObject({ status: 401, code: 'authentication_insufficient' })
    world.provider.forget()
    // A response of the provider with the acr and the former auth_time does not replace it either.
    const undo = says({ acr: '2', auth_time: now() - 91 })
    expect((await agent.get('/transfer')).status).toBe(502)
    undo()
    expect(requested()).toEqual([{ acr: '2', maxAge: '60' }])
    expect((await agent.fetch('/transfer')).status).toBe(401)
    expectPassed(await agent.get('/transfer'))
  })

  it('requests a login if the ID token has no auth_time', async () => {
    const undo = says({ auth_time: undefined })
    const { agent } = await start({ maxAuthAgeSeconds: 3600 })
    undo()
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([{ acr: null, maxAge: '3600' }])
  })

  it('counts from the authentication, which a refresh does not renew', async () => {
    const { app, agent } = await start({ maxAuthAgeSeconds: 600 })
    pass(400)
    expectPassed(await agent.get('/transfer'))
    await until(() => listEvents(app, 'refresh').length === 1, 'the login was rechecked')
    pass(200)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([])
    pass(1)
    await agent.get('/transfer')
    expect(requested()).toEqual([{ acr: null, maxAge: '600' }])
  })

  it('counts from the authentication even if refreshed ID tokens have no auth_time', async () => {
    const { app, agent } = await start({ maxAuthAgeSeconds: 600 })
    says({ auth_time: undefined })
    pass(400)
    expectPassed(await agent.get('/transfer'))
    await until(() => listEvents(app, 'refresh').length === 1, 'the login was rechecked')
    expectPassed(await agent.get('/transfer'))
  })

  it('admits a user who lingers at the provider after authenticating, for a minute after auth_time', async () => {
    const { agent } = await start({ maxAuthAgeSeconds: 0 })
    pass(60)
    const authorization = readLocation(await agent.get('/transfer', { redirect: 'manual' }))
    world.provider.forget()
    pass(500)
    const undo = says({ auth_time: now() - 50 })
    expectPassed(await agent.get(authorization))
    undo()
    pass(10)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toHaveLength(1)
    pass(1)
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toHaveLength(1)
  })

  it('requests a login even after one that requested a larger max_age', async () => {
    const { agent } = await start({ maxAuthAgeSeconds: 0 }, {}, (express, oidc) => {
      express.get('/relaxed', oidc.requireAuth({ maxAuthAgeSeconds: 600 }), (_req, res) => void res.send('relaxed'))
    })
    pass(1000)
    const undo = says({ auth_time: now() - 500 })
    expect((await agent.get('/relaxed')).text()).toBe('relaxed')
    undo()
    expect(requested()).toEqual([{ acr: null, maxAge: '600' }])
    expectPassed(await agent.get('/transfer'))
    expect(requested()).toEqual([{ acr: null, maxAge: '0' }])
  })
})

describe('the age of an authentication', () => {
  it.each([30, 300])('is not extended by a clock of the provider that is %i seconds ahead', async (ahead) => {
    const { agent } = await start({ maxAuthAgeSeconds: 60 }, { clockToleranceSeconds: ahead, recheckSeconds: 0 })
    pass(61)
    const behave = says({ auth_time: now() + ahead })
    expectPassed(await agent.get('/transfer'))
    behave()
    pass(60)
    expectPassed(await agent.fetch('/transfer'))
    pass(1)
    expect((await agent.fetch('/transfer')).status).toBe(401)
  })

  it('is not renewed by a refreshed ID token with a later auth_time (OIDC Core 12.2)', async () => {
    const { app, agent } = await start({ maxAuthAgeSeconds: 600 }, { recheckSeconds: 300 })
    const behave = says({ auth_time: now() + 400 })
    pass(400)
    expectPassed(await agent.fetch('/transfer'))
    await until(() => listEvents(app, 'refresh').length === 1, 'the login was rechecked')
    behave()
    pass(201)
    expect((await agent.fetch('/transfer')).status).toBe(401)
  })
})

describe('an authorization response that is held back', () => {
  /** Begins a step-up, lets the user authenticate, and returns the URL of the response when `seconds` have passed. */
  async function holdBack(agent: UserAgent, seconds: number, path = '/transfer'): Promise<string> {
    const authorization = readLocation(await agent.get(path, { redirect: 'manual' }))
    return holdBackFrom(agent, authorization, seconds)
  }

  async function holdBackFrom(agent: UserAgent, authorization: string, seconds: number): Promise<string> {
    const authTime = now()
    // The provider's codes expire after a minute.
    pass(seconds - 20)
    const response = readLocation(await agent.get(authorization, { redirect: 'manual' }))
    pass(20)
    says({ auth_time: authTime })
    return response
  }

  it.each([0, 60])('does not extend maxAuthAgeSeconds %i', async (maxAuthAgeSeconds) => {
    const { agent } = await start({ maxAuthAgeSeconds })
    pass(61)
    const response = await holdBack(agent, 45)
    expectPassed(await agent.get(response))
    pass(15)
    expectPassed(await agent.fetch('/transfer'))
    pass(1)
    expect((await agent.fetch('/transfer')).status).toBe(401)
  })

  it('gets a page instead of the route if it is too late by less than the clock tolerance, and no redirect', async () => {
    const { app, agent } = await start({ maxAuthAgeSeconds: 60 })
    pass(61)
    const response = await holdBack(agent, 61)
    world.provider.forget()
    const page = await agent.get(response)
    expect([page.status, page.url]).toEqual([401, `${app.url}/transfer`])
    expect(page.text()).toContain('Please confirm who you are')
    expect((await agent.get('/transfer')).status).toBe(401)
    expect(requested()).toEqual([])
    expect(listEvents(app, 'denied')).toMatchObject([
      {
        status: 401,
        detail: expect.stringMatching(/^auth_time is older .*clock.*; synchronize both by NTP$/) as string,
      },
      { status: 401 },
    ])
    says({ auth_time: now() })
    const end = await agent.click(page, 'Continue')
    expect(requested()).toEqual([{ acr: null, maxAge: '0' }])
    expect(end.url).toBe(`${app.url}/transfer`)
    expectPassed(end)
  })

  it.each(['/transfer', '/up'])('restarts the login of %s once, and then gets an error page', async (path) => {
    const { app, agent } = await start({ maxAuthAgeSeconds: 60 }, {}, (express, oidc) => {
      express.get('/up', oidc.login({ maxAuthAgeSeconds: 60, returnTo: '/transfer' }))
    })
    for (const isLateAgain of [false, true]) {
      pass(61)
      const response = await holdBack(agent, 91, path)
      world.provider.forget()
      const restarted = readLocation(await agent.get(response, { redirect: 'manual' }))
      expect(new URL(restarted).origin).toBe(new URL(world.provider.issuer).origin)
      expect((await agent.fetch('/transfer')).status).toBe(401)
      const page = await agent.get(await holdBackFrom(agent, restarted, isLateAgain ? 91 : 20))
      expect(requested()).toEqual([{ acr: null, maxAge: '60' }])
      if (!isLateAgain) expectPassed(page)
      else {
        expect(page.status).toBe(401)
        expect(page.text()).toContain('The login took too long.')
      }
    }
    const detail = expect.stringMatching(/clock.*NTP/) as string
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'login_required', status: 401, detail }])
    expect((await agent.get('/profile')).status).toBe(200)
  })

  it('causes no redirect loop if the clock of the provider is behind, and is requested again after 5 minutes', async () => {
    const { agent } = await start({ maxAuthAgeSeconds: 60 }, { clockToleranceSeconds: 120 })
    pass(61)
    const behind = (): (() => void) => says({ auth_time: now() - 100 })
    let undo = behind()
    expect((await agent.get('/transfer')).status).toBe(401)
    expect((await agent.get('/transfer')).status).toBe(401)
    undo()
    pass(299)
    expect((await agent.get('/transfer')).status).toBe(401)
    expect(requested()).toEqual([{ acr: null, maxAge: '60' }])
    pass(1)
    undo = behind()
    expect((await agent.get('/transfer')).status).toBe(401)
    undo()
    expect(requested()).toEqual([{ acr: null, maxAge: '60' }])
  })
})

describe('auth_time in the response to max_age', () => {
  it.each<[string, (startedAt: number) => unknown, string?]>([
    ['is missing', () => undefined],
    ['is older than max_age permits', (startedAt) => startedAt - 31],
    ['is in the future', (startedAt) => startedAt + 31],
    ['is a string', (startedAt) => String(startedAt), 'provider_response_invalid'],
    ['is null', () => null, 'provider_response_invalid'],
    ['is a list', (startedAt) => [startedAt], 'provider_response_invalid'],
    ['is huge', () => 1e300],
  ])(
    'rejects the login if auth_time %s, and does not change the former session',
    async (_, authTime, code = 'token_invalid') => {
      const { app, agent } = await start({ maxAuthAgeSeconds: 0 })
      await agent.fetch('/note/mine')
      const before = [sessionId(agent), (await agent.fetch('/profile')).json()]
      for (const path of ['/transfer', '/confirm']) {
        pass(31)
        const undo = says({ auth_time: authTime(now()) })
        const page = await agent.get(path)
        undo()
        expect([path, page.status]).toEqual([path, 502])
        expect(requested()).toEqual([{ acr: null, maxAge: '0' }])
      }
      expect(listEvents(app, 'login_failed')).toMatchObject([
        { code, status: 502 },
        { code, status: 502 },
      ])
      expect([sessionId(agent), (await agent.fetch('/profile')).json()]).toEqual(before)
      expect(await listNotes(agent, app)).toMatchObject({ notes: ['mine'], sub: 'alice' })
      expect(listEvents(app, 'login')).toHaveLength(1)
    },
  )

  it.each<[string, (startedAt: number) => unknown]>([
    ['just now', (startedAt) => startedAt],
    ['within the clock tolerance', (startedAt) => startedAt - 30],
    ['ahead within the clock tolerance', (startedAt) => startedAt + 30],
    ['not a whole number', (startedAt) => startedAt - 0.5],
  ])('accepts the login if auth_time is %s', async (_, authTime) => {
    const { agent } = await start({ maxAuthAgeSeconds: 0 })
    pass(31)
    says({ auth_time: authTime(now()) })
    expectPassed(await agent.get('/transfer'))
    expect((await agent.get('/confirm')).status).toBe(200)
  })

  it('accepts the login if the user lingers at the provider, for a minute and the clock tolerance after auth_time', async () => {
    const { agent } = await start({ maxAuthAgeSeconds: 0 })
    for (const [age, status] of [
      [90, 200],
      [91, 502],
    ]) {
      const authorization = readLocation(await agent.get('/confirm', { redirect: 'manual' }))
      pass(130)
      const undo = says({ auth_time: now() - (age as number) })
      // The restarted login fails, because its auth_time is the same.
      expect([age, (await agent.get(authorization)).status]).toEqual([age, status])
      undo()
    }
  })
})

describe('other requests whose login is too weak', () => {
  it('a script gets 401 with a login URL that requests what is needed', async () => {
    const { app, agent } = await start({ acr: ['3', '2'], maxAuthAgeSeconds: 60 })
    for (const method of ['GET', 'POST']) {
      const answer = await agent.fetch('/transfer', { method, from: `${app.url}/notes` })
      expect([method, answer.status]).toEqual([method, 401])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.json()).toMatchObject({ code: 'authentication_insufficient', status: 401 })
      const login = String(answer.json()['login'])
      expect(login).toMatch(`${app.url}/login?returnTo=%2Fnotes&ask=`)
      expect((await agent.get(login)).url).toBe(`${app.url}/notes`)
      expect(requested()).toEqual([{ acr: '3 2', maxAge: '60' }])
      expectPassed(await agent.fetch('/transfer', { method }))
      pass(91)
    }
    expect(listEvents(app, 'denied')).toMatchObject([{ code: 'authentication_insufficient' }, { status: 401 }])
  })

  it('a form gets a 401 page with a link that requests what is needed and returns to the form', async () => {
    const { app, agent } = await start({ acr: '2' })
    const page = await agent.post('/transfer', { to: 'bob' }, { from: `${app.url}/notes` })
    expect(page.status).toBe(401)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.text()).toContain('Please confirm who you are')
    expect((await agent.click(page, 'Continue')).url).toBe(`${app.url}/notes`)
    expect(requested()).toEqual([{ acr: '2', maxAge: null }])
    expectPassed(await agent.post('/transfer', { to: 'bob' }))
  })

  it('with redirect: false, a navigation gets a 401 page with a link that requests what is needed', async () => {
    const { agent } = await start({ acr: '2', redirect: false })
    const page = await agent.get('/transfer')
    expect(page.status).toBe(401)
    expect(requested()).toEqual([])
    await agent.click(page, 'Continue')
    expectPassed(await agent.get('/transfer'))
  })

  it('authorize() reports 401 for a login that is too weak, and 403 once the acr was requested', async () => {
    const { agent } = await start({ acr: '2' }, {}, (express, oidc) => {
      express.get(
        '/authorized',
        waiting(async (req, res) => {
          res.json(await oidc.authorize(req, { acr: '2' }))
        }),
      )
    })
    const code = 'authentication_insufficient'
    expect((await agent.fetch('/authorized')).json()).toEqual({ ok: false, status: 401, code, headers: {} })
    const undo = says({ acr: '1' })
    await agent.get('/transfer')
    undo()
    expect((await agent.fetch('/authorized')).json()).toEqual({ ok: false, status: 403, code, headers: {} })
    pass(300)
    await agent.get('/transfer')
    expect((await agent.fetch('/authorized')).json()).toMatchObject({ ok: true, user: { sub: 'alice' } })
  })
})

describe('requireAuth({ acr, maxAuthAgeSeconds, bearer: true })', () => {
  async function token(claims: object): Promise<string> {
    const base = {
      iss: world.provider.issuer,
      sub: 'bob',
      aud: 'orders',
      client_id: 'web',
      iat: now(),
      exp: now() + 600,
    }
    return world.provider.sign({ ...base, jti: 'one', acr: '2', auth_time: now(), ...claims }, { typ: 'at+jwt' })
  }

  it.each<[string, object, number]>([
    ['that is strong and fresh', {}, 200],
    ['with a weaker acr', { acr: '1' }, 401],
    ['without acr', { acr: undefined }, 401],
    ['with an auth_time that is too old', { auth_time: 1 }, 401],
    ['without auth_time', { auth_time: undefined }, 401],
  ])('evaluates an access token %s by the same rule', async (_, claims, status) => {
    const rule: OidcAuthRule = { acr: '2', maxAuthAgeSeconds: 60, bearer: true }
    const { agent } = await start(rule, { bearer: { audience: 'orders' } })
    const authorization = `Bearer ${await token(claims)}`
    const answer = await agent.fetch('/transfer', { headers: { authorization } })
    expect(answer.status).toBe(status)
    if (status === 401) {
      const challenge = answer.headers.get('www-authenticate')
      expect(challenge).toContain('error="insufficient_user_authentication"')
      expect(challenge).toContain('acr_values="2"')
      expect(challenge).toContain('max_age="60"')
    }
    // The login of the session is evaluated separately.
    expect((await agent.fetch('/transfer')).status).toBe(401)
    expectPassed(await agent.get('/transfer'))
  })
})

describe('an invalid rule', () => {
  it.each<[object, RegExp]>([
    [{ acr: '' }, /`acr` must be printable ASCII; pass an authentication context class/],
    [{ acr: '  ' }, /`acr` must be/],
    [{ acr: [] }, /`acr` must be/],
    [{ acr: undefined }, /`acr` must be/],
    [{ acr: 2 }, /`acr` must be/],
    [{ acr: ['2', 3] }, /`acr` must be/],
    [{ acr: 'a"b' }, /`acr` must be/],
    [{ acr: 'gr\u00f6\u00dfer' }, /`acr` must be/],
    [{ maxAuthAgeSeconds: -1 }, /`maxAuthAgeSeconds` must be a number of seconds from 0/],
    [{ maxAuthAgeSeconds: '60' }, /`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: Number.NaN }, /`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: Infinity }, /`maxAuthAgeSeconds` must be/],
    [{ maxAuthAgeSeconds: undefined }, /`maxAuthAgeSeconds` is undefined/],
    [{ maxAge: 60 }, /`maxAge` is not an option/],
  ])('requireAuth() throws for the invalid rule %o', async (rule, message) => {
    await start({}, {}, (_express, oidc) => {
      const error = catchError(() => oidc.requireAuth(rule))
      expect(error.code).toBe('options_invalid')
      expect(error.message).toMatch(message)
    })
  })
})
