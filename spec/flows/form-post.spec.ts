import { request } from 'node:http'
import express from 'express'
import type { OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent, UserAgentInit, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { AppSetup, TestApp } from '../support/app.ts'
import {
  behindTls,
  flow,
  forgetTransactions,
  readLocation,
  noteRoutes,
  listNotes,
  listTransactions,
  publicOrigin,
  response,
  listEvents,
} from '../support/flow.ts'
import { sessionId } from '../support/session-cookie.ts'

const world = flow()

function start({
  options,
  ...setup
}: Omit<Partial<AppSetup>, 'options'> & { options?: Partial<OidcOptions> } = {}): Promise<TestApp> {
  return world.start({ routes: noteRoutes, ...setup, options: { responseMode: 'form_post', ...options } })
}

/** A browser for which application and provider are different sites, as they usually are. */
function browser(app: TestApp): UserAgent {
  return app.agent({ site: (url) => url.origin })
}

/** Follows a login up to the form that posts the response, and returns the fields of that form. */
async function posted(agent: UserAgent, page: string): Promise<{ fields: Record<string, string>; url: string }> {
  const form = await agent.get(page, { followForms: false })
  const fields = [...form.text().matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return {
    url: form.url,
    fields: Object.fromEntries(fields.map(([, name, value]) => [name ?? '', decode(value ?? '')])),
  }
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|amp);/g, (_, code?: string) => (code ? String.fromCharCode(Number(code)) : '&'))
}

function post(
  agent: UserAgent,
  app: TestApp,
  fields: Record<string, string | string[]>,
  init: UserAgentInit = {},
): Promise<UserAgentResponse> {
  return agent.post(`${app.url}/callback`, fields, { from: `${world.provider.issuer}/authorize`, ...init })
}

describe('form_post', () => {
  it('form_post logs in by a POST from the provider and a GET with the session cookie', async () => {
    const app = await start()
    const agent = browser(app)
    await agent.get('/note/apples')
    const page = await agent.get('/profile?tab=1')
    expect(page.url).toBe(`${app.url}/profile?tab=1`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    expect(world.provider.requestsTo('authorize')[0]?.params.get('response_mode')).toBe('form_post')
    const [first, second] = page.hops.filter((hop) => hop.url.startsWith(`${app.url}/callback`))
    expect(first).toMatchObject({ method: 'POST', status: 303, url: `${app.url}/callback` })
    expect(first?.requestHeaders['sec-fetch-site']).toBe('cross-site')
    expect(first?.requestHeaders['cookie']).not.toContain('connect.sid')
    expect(first?.headers.get('cache-control')).toBe('no-store')
    expect(second).toMatchObject({ method: 'GET', status: 303 })
    // No URL contains the code.
    for (const hop of page.hops) expect(hop.url).not.toContain('code=')
    expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
  })

  it('the cookie of a login is SameSite=None, so that a POST from another site sends it', async () => {
    const app = await start()
    const begun = await browser(app).get('/login', { redirect: 'manual' })
    expect(begun.cookiesSet).toMatchObject([{ sameSite: 'None', secure: true, httpOnly: true, path: '/' }])
  })

  it('the cookie of a login is SameSite=None over https, with the prefix __Host-', async () => {
    const app = await start({
      publicUrl: publicOrigin,
      before: (express) => void express.set('trust proxy', 1),
      session: { cookie: { secure: true, sameSite: 'lax' } },
      options: world.provider.settings('public-name'),
    })
    const agent = app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
    const page = await agent.get('/profile')
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    const [cookie] = page.cookiesSet
    expect(cookie).toMatchObject({ sameSite: 'None', secure: true })
    expect(cookie?.name).toMatch(/^__Host-/)
  })

  it('an error response by form_post is answered with the error page', async () => {
    const app = await start()
    world.provider.deny('access_denied', 'not today')
    const page = await browser(app).get('/profile')
    expect(page.status).toBe(403)
    expect(page.text()).toContain('not today')
  })

  it('a reload of the GET redirects to the same page, without a second token request', async () => {
    const app = await start()
    const agent = browser(app)
    const page = await agent.get('/profile')
    const get = page.hops.findLast((hop) => hop.url.includes('/callback?'))?.url ?? ''
    expect((await agent.get(get)).url).toBe(`${app.url}/profile`)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a repeated POST redirects to the same page, without a second token request', async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    expect((await post(agent, app, fields)).json()).toMatchObject({ user: { sub: 'alice' } })
    expect((await post(agent, app, fields)).url).toBe(`${app.url}/profile`)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('two concurrent POSTs cause one token request', async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const both = await Promise.all([post(agent, app, fields), post(agent, app, fields)])
    expect(both.map(({ url }) => url)).toEqual([`${app.url}/profile`, `${app.url}/profile`])
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('a POST from a browser that did not start the login logs nobody in (login CSRF)', async () => {
    const app = await start()
    world.provider.signIn('bob')
    const attacker = browser(app)
    const { fields } = await posted(attacker, '/profile')
    world.provider.signIn('alice')
    const victim = browser(app)
    const answer = await post(victim, app, fields, { crossSite: true, redirect: 'manual' })
    expect(answer.status).toBe(303)
    const next = await victim.get(readLocation(answer), { redirect: 'manual' })
    expect(readLocation(next)).toContain(`${world.provider.issuer}/authorize`)
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('a response that arrives without the cookie of its login is not stored', async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const stranger = browser(app)
    const answer = await post(stranger, app, fields, { crossSite: true, redirect: 'manual' })
    expect(answer.status).toBe(303)
    // This browser has the cookie, so a stored response would log it in.
    const page = await agent.get(readLocation(answer), { redirect: 'manual' })
    expect(page.headers.get('location')).not.toBe('/profile')
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('a POST without the cookie of its login restarts the login once, then names the likely cause', async () => {
    const app = await start()
    const agent = browser(app)
    const first = await posted(agent, '/profile')
    forgetTransactions(agent)
    const again = await post(agent, app, first.fields, { redirect: 'manual' })
    const second = await posted(agent, readLocation(again))
    forgetTransactions(agent)
    const page = await post(agent, app, second.fields)
    expect(page.status).toBe(400)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'transaction_missing' }])
    expect((listEvents(app, 'login_failed')[0] as { detail: string }).detail).toContain('SameSite=None')
  })

  it.each([
    ['modified', (state: string) => `${state.slice(0, -2)}AA`],
    ['empty', () => ''],
    ['missing', () => undefined],
  ])('a POST with a %s state is answered 400', async (_name, change) => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const { state, ...others } = fields
    const wrong = change(state ?? '')
    const page = await post(agent, app, wrong === undefined ? others : { ...others, state: wrong })
    expect(page.status).toBe(400)
    expect(page.hops).toHaveLength(1)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect((await post(agent, app, fields)).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a POST with a duplicate parameter is answered 400', { meta: { id: 'form-post-1' } }, async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const page = await post(agent, app, { ...fields, code: [fields['code'] ?? '', 'another'] })
    expect(page.status).toBe(400)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'request_invalid' }])
  })

  it('a response in the query of the POST is answered 400', async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const query = new URLSearchParams(fields).toString()
    const page = await agent.post(`${app.url}/callback?${query}`, {}, { from: world.provider.issuer })
    expect(page.status).toBe(400)
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  const misplaced = (app: TestApp): unknown[] =>
    listEvents(app, 'login_failed').map(({ code, detail }) => [code, /responseMode.*'form_post'/.test(String(detail))])

  it.each([
    ['a code', ['state', 'code']],
    ['an error', ['state', 'error']],
  ])(
    '%s in the query of the GET is answered 400, and the login can still be finished by form_post',
    async (_, names) => {
      const app = await start()
      const agent = browser(app)
      const { fields } = await posted(agent, '/profile')
      const response = { ...fields, error: 'access_denied' }
      const query = new URLSearchParams(Object.entries(response).filter(([name]) => names.includes(name))).toString()
      const page = await agent.get(`/callback?${query}`)
      expect(page.status).toBe(400)
      expect(misplaced(app)).toEqual([['request_invalid', true]])
      expect(world.provider.requestsTo('token')).toEqual([])
      const after = await agent.post('/callback', fields, { from: world.provider.issuer })
      expect(after.json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it('a response in the query of the GET is not used in place of one that was stored by a POST', async () => {
    const app = await start()
    const agent = browser(app)
    const { fields } = await posted(agent, '/profile')
    const stored = await agent.post('/callback', fields, { from: world.provider.issuer, redirect: 'manual' })
    const location = readLocation(stored)
    expect((await agent.get(`${location}&code=another`)).status).toBe(400)
    expect((await agent.get(location)).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('a silent login whose response is in the query leads back to the public page', async () => {
    const app = await start({
      routes: (express, oidc) => void express.get('/open', oidc.trySilentLogin(), (_req, res) => void res.send('open')),
    })
    const agent = browser(app)
    const begun = await agent.get('/open', { redirect: 'manual' })
    const state = new URL(readLocation(begun)).searchParams.get('state') ?? ''
    const page = await agent.get(`/callback?${new URLSearchParams({ state, code: 'x' }).toString()}`)
    expect(page.text()).toBe('open')
    expect(misplaced(app)).toEqual([['request_invalid', true]])
  })

  it('a POST to an instance with the response mode `query` is answered 400', async () => {
    const app = await start({ options: { responseMode: 'query' } })
    const answer = await browser(app).post(`${app.url}/callback`, { state: 'x', code: 'y' }, { crossSite: true })
    expect(answer.status).toBe(400)
  })
})

describe('the session at the POST of a form_post', () => {
  const settings = [
    ['the usual options', {}],
    ['saveUninitialized', { saveUninitialized: true }],
    ["unset: 'destroy'", { unset: 'destroy' }],
    [
      "saveUninitialized, resave, rolling and unset: 'destroy'",
      { saveUninitialized: true, resave: true, rolling: true, unset: 'destroy' },
    ],
  ] as const

  /** Keys of all sessions in the store, as only this test uses its prefix. */
  async function startCounting(
    session: object,
  ): Promise<{ app: TestApp; list: () => Promise<string[]>; used: string[] }> {
    const prefix = `form-post-${Math.random().toString(36).slice(2)}:`
    const used: string[] = []
    const store = new RedisSessionStore({ client: world.redis.client, prefix, idleSeconds: 600 })
    for (const method of ['set', 'touch', 'destroy'] as const) {
      const original = store[method].bind(store) as (...parameters: unknown[]) => unknown
      Object.assign(store, {
        [method]: (...parameters: unknown[]) => {
          used.push(method)
          return original(...parameters)
        },
      })
    }
    const app = await start({ session: { store, ...session } })
    const list = async (): Promise<string[]> =>
      (await world.redis.client.keys(`*${prefix}*`)).filter((key) => !key.includes('oidc:')).toSorted()
    return { app, list, used }
  }

  it.each(settings)(
    'with %s, the POST of a response saves no session, sets no cookie of one and destroys none',
    async (_what, session) => {
      const { app, list, used } = await startCounting(session)
      const agent = browser(app)
      await agent.get('/note/apples')
      const before = agent.jar.get('connect.sid')?.value
      const { fields } = await posted(agent, '/profile')
      const sessions = await list()
      expect(sessions.length).toBeGreaterThan(0)
      used.length = 0
      const answer = await post(agent, app, fields, { redirect: 'manual' })
      expect(answer.status).toBe(303)
      expect(answer.cookiesSet).toEqual([])
      expect(used).toEqual([])
      expect(await list()).toEqual(sessions)
      expect(agent.jar.get('connect.sid')?.value).toBe(before)
      // The login is finished with the session that the POST has left alone.
      expect((await agent.get(readLocation(answer))).json()).toMatchObject({ user: { sub: 'alice' } })
      expect(await listNotes(agent, app)).toMatchObject({ notes: ['apples'], sub: 'alice' })
    },
  )

  it.each(settings)(
    'with %s, a cross-site POST that is refused, or whose login is gone, leaves the session of a logged-in user alone',
    async (_what, session) => {
      const { app, list, used } = await startCounting(session)
      const agent = browser(app)
      await agent.get('/profile')
      const { id } = await listNotes(agent, app)
      const gone = await posted(browser(app), '/profile')
      const sessions = await list()
      used.length = 0
      for (const fields of [gone.fields, { state: 'forged', code: 'x' }, {}]) {
        const answer = await post(agent, app, fields, { crossSite: true, redirect: 'manual' })
        expect(answer.cookiesSet.filter(({ name }) => name === 'connect.sid')).toEqual([])
      }
      expect(used).not.toContain('destroy')
      expect(await list()).toEqual(sessions)
      expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice', id })
    },
  )

  it('in response mode `query`, a refused POST sets no cookie of a session either', async () => {
    const app = await start({ session: { saveUninitialized: true }, options: { responseMode: 'query' } })
    const agent = browser(app)
    const { searchParams } = new URL(await response(agent, '/profile'))
    for (const state of ['forged', searchParams.get('state') ?? '']) {
      const answer = await post(agent, app, { state, code: 'x' }, { crossSite: true })
      expect(answer.status).toBe(400)
      expect(answer.cookiesSet).toEqual([])
    }
  })

  it('with a session cookie that the POST does carry (SameSite=None), the session stays as it is', async () => {
    const app = await start({
      ...behindTls(world.provider),
      session: { cookie: { secure: true, sameSite: 'none' }, saveUninitialized: true, unset: 'destroy' },
      options: world.provider.settings('public-name'),
    })
    const agent = app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url }, site: (url) => url.origin })
    await agent.get('/note/apples')
    const { fields } = await posted(agent, '/profile')
    const id = sessionId(agent)
    const from = `${world.provider.issuer}/authorize`
    const answer = await agent.post('/callback', fields, { from, redirect: 'manual' })
    expect(answer.hops[0]?.requestHeaders['cookie']).toContain('connect.sid')
    expect(answer.cookiesSet).toEqual([])
    expect(sessionId(agent)).toBe(id)
    expect(await world.redis.client.exists(`sess:${id}`)).toBe(1)
    expect((await agent.get(readLocation(answer))).json()).toMatchObject({ user: { sub: 'alice' } })
    expect((await agent.get('/notes')).json()).toMatchObject({ notes: ['apples'], sub: 'alice' })
    expect(listTransactions(agent)).toEqual([])
  })
})

describe('the body of a form_post', () => {
  it('a body of another content type is answered 415', async () => {
    const app = await start()
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', undefined]) {
      const answer = await app.agent().fetch('/callback', {
        method: 'POST',
        body: '{"state":"x"}',
        headers: { 'content-type': type },
      })
      expect(answer.status).toBe(415)
    }
  })

  it(
    'a body that is too large is answered 413, and the sender receives the response',
    { meta: { id: 'form-post-2' } },
    async () => {
      const app = await start()
      for (const size of [66_000, 2_000_000]) {
        const answer = await app.agent().post('/callback', { state: 'x', code: 'y'.repeat(size) })
        expect(answer.status).toBe(413)
      }
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'request_invalid' }, { code: 'request_invalid' }])
    },
  )

  it('an endless body is aborted', async () => {
    const app = await start()
    const sent = await endless(`${app.url}/callback`)
    expect(sent).toBeLessThan(50_000_000)
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it.each([
    ['express.urlencoded', () => express.urlencoded({ extended: false })],
    ['express.urlencoded, extended', () => express.urlencoded({ extended: true })],
    ['express.json, which does not read it', () => express.json()],
  ])('the response is read behind %s', async (_name, parser) => {
    const app = await start({ before: (app) => void app.use(parser()) })
    const agent = browser(app)
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    const { fields } = await posted(agent, '/login')
    const twice = await post(agent, app, { ...fields, code: [fields['code'] ?? '', 'another'] })
    expect(twice.status).toBe(400)
  })

  it('the response is read behind a parser that leaves {} for other content types, as in Express 4', async () => {
    const app = await start({
      before: (app) =>
        void app.use((req, _res, next) => {
          req.body = {}
          next()
        }),
    })
    expect((await browser(app).get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })
})

/** Sends an endless form, and resolves with the number of bytes sent before the server gave up. */
function endless(url: string): Promise<number> {
  return new Promise((resolve) => {
    let sent = 0
    const outgoing = request(url, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    const done = (): void => {
      outgoing.destroy()
      resolve(sent)
    }
    outgoing.on('error', done)
    outgoing.on('response', done)
    outgoing.on('close', done)
    const chunk = 'x'.repeat(65_536)
    const more = (): void => {
      if (outgoing.destroyed || sent > 100_000_000) return done()
      sent += chunk.length
      if (outgoing.write(chunk)) setImmediate(more)
      else outgoing.once('drain', more)
    }
    more()
  })
}
