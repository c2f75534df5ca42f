/** Incremental authorization: more scope is requested in addition to the granted scope, once it is needed. */
import { requireAnyAuth, type OidcAuthRule, type OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { getContext, secret, type AppSetup, type TestApp } from '../support/app.ts'
import {
  changeUrl,
  flow,
  readLocation,
  noteRoutes,
  listNotes,
  readAuthorizationRequest,
  listEvents,
  listTransactions,
} from '../support/flow.ts'
import { loggedIn } from '../support/logged-in.ts'
import { sessionId } from '../support/session-cookie.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'
import { pass, stillClock } from '../support/tokens-app.ts'
import { waiting } from '../support/waiting.ts'

const world = flow()
stillClock()
const partner = partnerOfFile()

const usual = 'openid profile email'

interface Setup {
  rule?: OidcAuthRule
  options?: Partial<OidcOptions>
  routes?: NonNullable<AppSetup['routes']>
}

/** An application with `/calendar`, which needs the scope `calendar.read`. */
async function open({ rule = { scope: 'calendar.read' }, options = {}, routes }: Setup = {}): Promise<TestApp> {
  return world.start({
    options,
    routes: (express, oidc, url) => {
      noteRoutes(express)
      express.all('/calendar', oidc.requireAuth(rule), (req, res) => void res.json({ scope: getContext(req).scope }))
      express.get('/connect', oidc.login({ scope: 'calendar.read', returnTo: '/calendar' }))
      routes?.(express, oidc, url)
    },
  })
}

async function start(setup: Setup = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await open(setup)
  return { app, agent: await loggedIn(world, app) }
}

/** The scope of each authorization request since the last call. */
function requested(): (string | null)[] {
  const scopes = world.provider.requestsTo('authorize').map(({ params }) => params.get('scope'))
  world.provider.forget()
  return scopes
}

function grantOnly(...words: string[]): void {
  world.provider.grantOnly(words)
  world.later(() => world.provider.grantOnly(undefined))
}

/** The parameters of the authorization request that a URL of the application redirects to. */
async function askedAt(agent: UserAgent, url: string): Promise<URLSearchParams> {
  return new URL(readLocation(await agent.get(url, { redirect: 'manual' }))).searchParams
}

/** The login URL in a problem+json response. */
function getLogin(answer: UserAgentResponse): string {
  return String(answer.json()['login'])
}

describe('requireAuth({ scope }) on a navigation whose login lacks the scope', () => {
  it('requests the missing scope in addition to the granted scope, and returns to the page', async () => {
    const { app, agent } = await start()
    const before = sessionId(agent)
    await agent.fetch('/note/mine')
    const page = await agent.get('/calendar?week=7')
    expect(page.url).toBe(`${app.url}/calendar?week=7`)
    expect(page.json()).toEqual({ scope: [...usual.split(' '), 'calendar.read'] })
    expect(requested()).toEqual([`${usual} calendar.read`])
    // The same user logs in again: the session is new and keeps its data.
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['mine'], sub: 'alice' })
    expect(sessionId(agent)).not.toBe(before)
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(requested()).toEqual([])
    expect(listEvents(app, 'denied')).toEqual([])
  })

  it('requests the granted scope again, which may exceed the configured scope', async () => {
    const { agent } = await start({ routes: (express, oidc) => void express.get('/a', oidc.login({ scope: 'a' })) })
    await agent.get('/a')
    await agent.get('/calendar')
    expect(requested()).toEqual([`${usual} a`, `${usual} a calendar.read`])
  })

  it('requests openid and offline_access again, even if the token response omitted them', async () => {
    const app = await open({ options: { scope: 'openid offline_access a' } })
    const undo = world.provider.misbehave({ tokenResponse: { scope: 'a' } })
    const agent = await loggedIn(world, app)
    undo()
    await agent.get('/calendar')
    expect(requested()).toEqual(['openid offline_access a calendar.read'])
  })

  it('answers 403 if the user does not grant the scope, and requests it again after five minutes', async () => {
    const { app, agent } = await start()
    grantOnly('profile', 'email')
    const refused = await agent.get('/calendar')
    expect(refused.status).toBe(403)
    expect(refused.url).toBe(`${app.url}/calendar`)
    expect(refused.text()).toContain('This requires a permission that you have not granted.')
    expect(refused.text()).toContain('Go to the start page')
    expect(requested()).toEqual([`${usual} calendar.read`])
    expect(listEvents(app, 'denied')).toMatchObject([
      { code: 'not_allowed', status: 403, sub: 'alice', detail: 'missing scope: calendar.read' },
    ])
    expect((await agent.get('/profile')).status).toBe(200)
    pass(299)
    expect((await agent.get('/calendar')).status).toBe(403)
    expect(requested()).toEqual([])
    world.provider.grantOnly(undefined)
    pass(1)
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(requested()).toEqual([`${usual} calendar.read`])
  })

  it('answers 403 even if the user took longer than five minutes to deny the scope', async () => {
    const { agent } = await start()
    grantOnly('profile', 'email')
    const authorization = readLocation(await agent.get('/calendar', { redirect: 'manual' }))
    pass(400)
    expect((await agent.get(authorization)).status).toBe(403)
    expect(requested()).toHaveLength(1)
  })

  it('answers 403 if part of the scope is denied, and keeps the part that is granted', async () => {
    const { agent } = await start({ rule: { scope: ['a', 'calendar.read'] } })
    grantOnly('profile', 'email', 'a')
    expect((await agent.get('/calendar')).status).toBe(403)
    expect(requested()).toEqual([`${usual} a calendar.read`])
    expect((await agent.get('/calendar')).status).toBe(403)
    expect(requested()).toEqual([])
    expect((await agent.fetch('/profile')).json()).toMatchObject({ scope: [...usual.split(' '), 'a'] })
  })

  it('requests other scope at once after a denial', async () => {
    const { agent } = await start({
      routes: (express, oidc) => {
        express.get('/mail', oidc.requireAuth({ scope: 'mail' }), (_req, res) => void res.send('mail'))
      },
    })
    grantOnly('profile', 'email', 'mail')
    expect((await agent.get('/calendar')).status).toBe(403)
    expect((await agent.get('/mail')).status).toBe(200)
    expect(requested()).toEqual([`${usual} calendar.read`, `${usual} mail`])
  })

  it('shows a page with a link back if the user cancels, and keeps the login', async () => {
    const { app, agent } = await start()
    const before = sessionId(agent)
    world.provider.deny()
    const page = await agent.get('/calendar')
    expect(page.status).toBe(403)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.text()).toContain('You are still logged in.')
    expect(requested()).toHaveLength(1)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'authorization_denied', status: 403 }])
    expect(sessionId(agent)).toBe(before)
    expect((await agent.fetch('/profile')).json()).toMatchObject({ user: { sub: 'alice' }, scope: usual.split(' ') })
    expect((await agent.click(page, 'Go back')).url).toBe(`${app.url}/calendar`)
  })

  it('keeps no data of the former user if another user returns from the provider', async () => {
    const { app, agent } = await start()
    await agent.fetch('/note/mine')
    world.provider.endSession('alice')
    world.provider.signIn('bob')
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(await listNotes(agent, app)).toMatchObject({ notes: [], sub: 'bob' })
  })

  it('redirects a logged-in user to the provider and not to loginPage', async () => {
    const app = await open({ options: { loginPage: '/signin' } })
    expect(readLocation(await app.agent().get('/calendar', { redirect: 'manual' }))).toContain('/signin?returnTo=')
    const agent = app.agent()
    await agent.get('/login')
    world.provider.forget()
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(requested()).toEqual([`${usual} calendar.read`])
  })

  it('requests only the configured scope at first if nobody is logged in', async () => {
    const app = await open()
    expect((await app.agent().get('/calendar')).status).toBe(200)
    expect(requested()).toEqual([usual, `${usual} calendar.read`])
  })

  it('requests missing scope and a stronger login in one redirect', async () => {
    const { agent } = await start({ rule: { scope: 'calendar.read', acr: '2', maxAuthAgeSeconds: 60 } })
    pass(600)
    const page = await agent.get('/calendar', { redirect: 'manual' })
    const parameters = new URL(readLocation(page)).searchParams
    expect(parameters.get('scope')).toBe(`${usual} calendar.read`)
    expect(parameters.get('acr_values')).toBe('2')
    expect(parameters.get('max_age')).toBe('60')
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(requested()).toHaveLength(1)
  })

  it.each<[string, OidcAuthRule]>([
    ['a role', { roles: 'nobody' }],
    ['every role of anyRole', { anyRole: ['nobody'] }],
    ['a claim', { claims: { email: 'nobody@example.com' } }],
    ['every scope of anyScope', { anyScope: ['b', 'c'] }],
  ])('answers 403 at once if %s is missing too, which no login could provide', async (_, rule) => {
    const { app, agent } = await start({ rule: { scope: 'calendar.read', ...rule } })
    const page = await agent.get('/calendar')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('You are logged in, but you do not have permission to do this.')
    expect(requested()).toEqual([])
    expect(listEvents(app, 'denied')).toHaveLength(1)
  })

  it('requests the scope before it calls check, which can rely on it', async () => {
    const seen: unknown[] = []
    const check: OidcAuthRule['check'] = (_user, req) => (seen.push(getContext(req).scope), true)
    const { agent } = await start({ rule: { scope: 'calendar.read', check } })
    expect((await agent.get('/calendar')).status).toBe(200)
    expect(seen).toEqual([[...usual.split(' '), 'calendar.read']])
  })

  it('answers 503 while the provider is down, and keeps the login', async () => {
    const { app, agent } = await start()
    // Only a pushed authorization request makes the redirect depend on the provider.
    const other = await world.start({
      options: { par: true },
      routes: (express, oidc) => {
        express.get('/calendar', oidc.requireAuth({ scope: 'calendar.read' }), (_req, res) => void res.send('in'))
      },
    })
    world.provider.misbehave({ endpoints: { par: { status: 503 } } })
    expect((await agent.get(`${other.url}/calendar`)).status).toBe(503)
    expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  })
})

describe('other requests whose login lacks scope', () => {
  it('a script gets 403 with a login URL that requests the missing scope', async () => {
    const { app, agent } = await start()
    for (const method of ['GET', 'POST']) {
      const answer = await agent.fetch('/calendar', { method, from: `${app.url}/notes` })
      expect([method, answer.status]).toEqual([method, 403])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.json()).toMatchObject({ code: 'not_allowed', status: 403 })
      expect(answer.cookiesSet).toEqual([])
      const login = getLogin(answer)
      expect(login).toMatch(`${app.url}/login?returnTo=%2Fnotes&ask=`)
      expect(login).not.toContain('calendar')
      expect((await askedAt(agent, login)).get('scope')).toBe(`${usual} calendar.read`)
    }
    expect(listEvents(app, 'denied')).toHaveLength(2)
    const page = await agent.get(getLogin(await agent.fetch('/calendar', { from: `${app.url}/notes` })))
    expect(page.url).toBe(`${app.url}/notes`)
    expect((await agent.fetch('/calendar')).status).toBe(200)
  })

  it('a form gets a 403 page with a link that requests the missing scope and returns to the form', async () => {
    const { app, agent } = await start()
    const page = await agent.post('/calendar', { a: '1' }, { from: `${app.url}/notes` })
    expect(page.status).toBe(403)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const back = await agent.click(page, 'Continue')
    expect(back.url).toBe(`${app.url}/notes`)
    expect(requested()).toEqual([`${usual} calendar.read`])
  })

  it('a HEAD request is redirected to the login route, and no login begins', async () => {
    const { agent } = await start()
    const answer = await agent.fetch('/calendar', {
      method: 'HEAD',
      redirect: 'manual',
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    })
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toMatch(/^\/login\?returnTo=%2Fcalendar&ask=[\w-]+$/)
    expect(answer.cookiesSet).toEqual([])
    expect((await askedAt(agent, answer.headers.get('location') ?? '')).get('scope')).toBe(`${usual} calendar.read`)
  })

  it('with redirect: false, a navigation gets a 403 page with a link that requests the scope', async () => {
    const { agent } = await start({ rule: { scope: 'calendar.read', redirect: false } })
    const page = await agent.get('/calendar')
    expect(page.status).toBe(403)
    expect(requested()).toEqual([])
    await agent.click(page, 'Continue')
    expect((await agent.get('/calendar')).status).toBe(200)
  })

  it('neither a script nor a form gets a login URL once the scope was denied', async () => {
    const { app, agent } = await start()
    grantOnly('profile', 'email')
    await agent.get('/calendar')
    const answer = await agent.fetch('/calendar', { from: `${app.url}/notes` })
    expect(answer.status).toBe(403)
    expect(answer.json()).not.toHaveProperty('login')
    const form = await agent.post('/calendar', {}, { from: `${app.url}/notes` })
    expect(form.status).toBe(403)
    expect(form.text()).not.toContain('ask=')
  })

  it('authorize() reports 403 for missing scope', async () => {
    const { agent } = await start({
      routes: (express, oidc) => {
        express.get(
          '/authorized',
          waiting(async (req, res) => {
            res.json(await oidc.authorize(req, { scope: 'calendar.read' }))
          }),
        )
      },
    })
    expect((await agent.fetch('/authorized')).json()).toEqual({
      ok: false,
      status: 403,
      code: 'not_allowed',
      headers: {},
    })
  })
})

describe('the ask parameter of a login URL', () => {
  async function address(agent: UserAgent, app: TestApp): Promise<string> {
    return getLogin(await agent.fetch('/calendar', { from: `${app.url}/notes` }))
  }

  it.each<[string, (ask: string) => string | string[]]>([
    ['was tampered with', (ask) => ask.slice(0, -2) + (ask.endsWith('AA') ? 'BB' : 'AA')],
    ['is truncated', (ask) => ask.slice(0, -4)],
    ['is not sealed', () => '{"scope":["admin"],"parameters":{}}'],
    ['is empty', () => ''],
    ['is too long', (ask) => ask.repeat(50)],
    ['is duplicated', (ask) => [ask, ask]],
  ])('a plain login begins if the ask parameter %s', async (_, tamper) => {
    const { app, agent } = await start()
    const url = await address(agent, app)
    const ask = new URL(url).searchParams.get('ask') ?? ''
    const parameters = await askedAt(agent, changeUrl(url, { ask: tamper(ask) }))
    expect(parameters.get('scope')).toBe(usual)
    expect(parameters.get('max_age')).toBeNull()
  })

  it('a plain login begins if the ask parameter is from another application or instance', async () => {
    let other: ReturnType<typeof partner.routes> | undefined
    const app = await open({ routes: (express, oidc, url) => void (other = partner.routes(express, oidc, url)) })
    const agent = await loggedIn(world, app)
    const ask = new URL(await address(agent, app)).searchParams.get('ask') ?? ''
    expect((await askedAt(agent, `${app.url}/login?ask=${ask}`)).get('scope')).toBe(`${usual} calendar.read`)
    expect((await askedAt(agent, `${app.url}${other?.paths.login}?ask=${ask}`)).get('scope')).toBe(usual)
    const stranger = await world.start({ options: { secret: `another ${secret}` } })
    expect((await askedAt(agent, `${stranger.url}/login?ask=${ask}`)).get('scope')).toBe(usual)
  })

  it('the ask parameter adds to the configured scope if nobody is logged in', async () => {
    const { app, agent } = await start()
    const url = await address(agent, app)
    expect((await askedAt(app.agent(), url)).get('scope')).toBe(`${usual} calendar.read`)
  })

  it('the ask parameter begins no login for a script', async () => {
    const { app, agent } = await start()
    const url = await address(agent, app)
    expect((await agent.fetch(url)).status).toBe(401)
    expect(listTransactions(agent)).toEqual([])
  })
})

describe('oidc.login({ scope })', () => {
  it('oidc.login({ scope }) adds to the granted scope if the user is logged in', async () => {
    const { app, agent } = await start()
    const page = await agent.get('/connect')
    expect(page.url).toBe(`${app.url}/calendar`)
    expect(page.json()).toEqual({ scope: [...usual.split(' '), 'calendar.read'] })
    expect(requested()).toEqual([`${usual} calendar.read`])
  })

  it('oidc.login({ scope }) replaces the configured scope if nobody is logged in', async () => {
    const app = await open()
    expect((await readAuthorizationRequest(app.agent(), `${app.url}/connect`)).get('scope')).toBe(
      'openid calendar.read',
    )
  })

  it('oidc.login({ scope }) requests the scope each time, even after a denial', async () => {
    const { agent } = await start()
    grantOnly('profile', 'email')
    expect((await agent.get('/connect')).status).toBe(403)
    expect((await agent.get('/connect')).status).toBe(403)
    expect(requested()).toHaveLength(2)
    world.provider.grantOnly(undefined)
    expect((await agent.get('/connect')).status).toBe(200)
  })

  it('oidc.login({ scope }) does not request the scope that another instance was granted', async () => {
    const app = await open({
      routes: (express, oidc, url) => {
        const other = partner.routes(express, oidc, url)
        express.get('/partner-connect', other.login({ scope: 'b' }))
      },
    })
    const agent = await loggedIn(world, app)
    await agent.get('/calendar')
    expect((await readAuthorizationRequest(agent, `${app.url}/partner-connect`)).get('scope')).toBe('openid b')
  })
})

describe('requireAnyAuth with scope', () => {
  function twoInstances(rule: OidcAuthRule): Setup {
    return {
      routes: (express, oidc, url) => {
        const other = partner.routes(express, oidc, url)
        express.get('/any', requireAnyAuth([oidc, other], rule), (req, res) => void res.json(req.oidc.provider))
      },
    }
  }

  it('requireAnyAuth requests the scope from the provider of the existing login', async () => {
    const app = await open(twoInstances({ scope: 'calendar.read' }))
    const agent = app.agent()
    await agent.get('/partner-profile')
    partner.provider().forget()
    expect((await agent.get('/any')).json()).toBe('partner')
    expect(partner.provider().requestsTo('authorize')).toHaveLength(1)
    expect(requested()).toEqual([])
  })

  it('requireAnyAuth requests the scope from the first provider if both logins lack it, and keeps both', async () => {
    const app = await open(twoInstances({ scope: 'calendar.read' }))
    const agent = await loggedIn(world, app)
    await agent.get('/partner-profile')
    partner.provider().forget()
    expect((await agent.get('/any')).json()).toBe('default')
    expect(requested()).toEqual([`${usual} calendar.read`])
    expect(partner.provider().requestsTo('authorize')).toEqual([])
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: 'bob' })
  })

  it('requireAnyAuth requests the scope from the second provider if the first login also lacks a role', async () => {
    const app = await open(twoInstances({ scope: 'calendar.read', roles: 'user' }))
    const undo = world.provider.misbehave({
      idToken: { claims: { roles: ['guest'] } },
      accessToken: { claims: { realm_access: { roles: ['guest'] } } },
    })
    const agent = await loggedIn(world, app)
    undo()
    await agent.get('/partner-profile')
    partner.provider().forget()
    expect((await agent.get('/any')).json()).toBe('partner')
    expect(requested()).toEqual([])
  })
})
