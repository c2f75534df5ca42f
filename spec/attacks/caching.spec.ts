/** Caches, above all shared ones, store none of our responses or cookies. Responses of the application are unchanged. */
import { LoginRefused, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { AppSetup, TestApp } from '../support/app.ts'
import { changeUrl, flow, forgetTransactions, response } from '../support/flow.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'
import { getContext } from '../support/app.ts'

const world = flow()
const manual = { redirect: 'manual' } as const
const asPage = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
const other = ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

interface Place {
  readonly app: TestApp
  readonly agent: UserAgent
  /** Makes the session store fail. */
  readonly failStore: () => void
}

interface Case {
  readonly status: number
  readonly setup?: Omit<Partial<AppSetup>, 'options'> & { options?: Partial<OidcOptions> }
  readonly send: (place: Place) => Promise<UserAgentResponse>
}

async function logIn(agent: UserAgent): Promise<void> {
  expect((await agent.get('/login?returnTo=/profile')).status).toBe(200)
}

/** Takes a login up to its authorization response and delivers it. */
async function callback(
  agent: UserAgent,
  change: Record<string, string | string[] | undefined> = {},
  page = '/profile',
): Promise<UserAgentResponse> {
  return agent.get(changeUrl(await response(agent, page), change), manual)
}

function head(agent: UserAgent, path: string): Promise<UserAgentResponse> {
  return agent.fetch(path, { ...manual, method: 'HEAD', headers: asPage })
}

const ofLogin: Record<string, Case> = {
  'a login request': { status: 302, send: ({ agent }) => agent.get('/login', manual) },
  'a login request with PAR': {
    status: 302,
    setup: { options: { par: true } },
    send: ({ agent }) => agent.get('/login', manual),
  },
  'a login request by a form': {
    status: 200,
    send: ({ agent }) => agent.post('/connect', {}, { followRefresh: false }),
  },
  'a login request by req.oidc.login()': { status: 302, send: ({ agent }) => agent.get('/begin', manual) },
  'HEAD on the login route': { status: 200, send: ({ agent }) => head(agent, '/login') },
  'HEAD on a route with login()': { status: 200, send: ({ agent }) => head(agent, '/connect') },
  'a login request by a fetch': { status: 401, send: ({ agent }) => agent.fetch('/login', manual) },
  'a login request by a prefetch': {
    status: 401,
    send: ({ agent }) => agent.get('/login', { headers: { 'sec-purpose': 'prefetch' } }),
  },
  ...ofMethods('the login route', '/login', ['POST', ...other]),
  'a login request while the provider is down': {
    status: 503,
    send: async ({ agent }) => {
      await world.provider.stop()
      return agent.get('/login', manual)
    },
  },
  'a login request by a client that the provider rejects': {
    status: 500,
    setup: { options: { par: true, clientSecret: 'wrong' } },
    send: ({ agent }) => agent.get('/login', manual),
  },
}

function ofMethods(what: string, path: string, methods: readonly string[]): Record<string, Case> {
  return Object.fromEntries(
    methods.flatMap((method): [string, Case][] => [
      [`${method} on ${what}`, { status: 405, send: ({ agent }) => agent.fetch(path, { ...manual, method }) }],
      [
        `${method} on ${what} by a form`,
        { status: 405, send: ({ agent }) => agent.fetch(path, { ...manual, method, headers: asPage }) },
      ],
    ]),
  )
}

const refusing: Partial<OidcOptions> = {
  afterLogin: () => {
    throw new LoginRefused('Not today.')
  },
}
const failing: Partial<OidcOptions> = {
  afterLogin: () => {
    throw new Error('away')
  },
}

const ofCallback: Record<string, Case> = {
  'a completed login': { status: 303, send: ({ agent }) => callback(agent) },
  'a completed second login': {
    status: 303,
    send: async ({ agent }) => {
      await logIn(agent)
      return callback(agent, {}, '/connect')
    },
  },
  'a repeated authorization response': {
    status: 303,
    send: async ({ agent }) => {
      const url = await response(agent, '/profile')
      await agent.get(url, manual)
      return agent.get(url, manual)
    },
  },
  'a repeated authorization response in another browser': {
    status: 400,
    send: async ({ app, agent }) => {
      const url = await response(agent, '/profile')
      await agent.get(url, manual)
      return app.agent().get(url, manual)
    },
  },
  'an authorization response without its cookie': {
    status: 302,
    send: async ({ agent }) => {
      const url = await response(agent, '/profile')
      forgetTransactions(agent)
      return agent.get(url, manual)
    },
  },
  'a second authorization response without its cookie': {
    status: 400,
    send: async ({ app }) => {
      const agent = app.agent()
      let url = await response(agent, '/profile')
      forgetTransactions(agent)
      const again = (await agent.get(url, manual)).headers.get('location') ?? ''
      url = (await agent.get(again, manual)).headers.get('location') ?? ''
      forgetTransactions(agent)
      return agent.get(url, manual)
    },
  },
  'an authorization response that failed before': {
    status: 302,
    setup: { options: failing },
    send: async ({ agent }) => {
      const url = await response(agent, '/profile')
      await agent.get(url, manual)
      return agent.get(url, manual)
    },
  },
  'an invalid state': { status: 400, send: ({ agent }) => agent.get('/callback?state=x&code=x', manual) },
  'an invalid state by a fetch': {
    status: 400,
    send: ({ agent }) => agent.fetch('/callback?state=x&code=x'),
  },
  'a duplicate state': { status: 400, send: ({ agent }) => callback(agent, { state: ['a', 'b'] }) },
  'a login that the user canceled': {
    status: 403,
    send: ({ agent }) => callback(agent, { code: undefined, error: 'access_denied' }),
  },
  'a login that the provider rejected': {
    status: 400,
    send: ({ agent }) => callback(agent, { code: undefined, error: 'server_error' }),
  },
  'a failed silent login': {
    status: 303,
    send: async ({ agent }) => {
      world.provider.signIn(undefined)
      const url = (await agent.get('/silent', manual)).headers.get('location') ?? ''
      return agent.get((await agent.get(url, manual)).headers.get('location') ?? '', manual)
    },
  },
  'an unknown code': { status: 400, send: ({ agent }) => callback(agent, { code: 'x' }) },
  'a callback while the token endpoint is down': {
    status: 503,
    send: async ({ agent }) => {
      world.provider.misbehave({ endpoints: { token: { status: 502 } } })
      return callback(agent)
    },
  },
  'a callback of a client that the token endpoint rejects': {
    status: 500,
    setup: { options: { clientSecret: 'wrong' } },
    send: ({ agent }) => callback(agent),
  },
  'a callback with an invalid ID token': {
    status: 502,
    send: async ({ agent }) => {
      world.provider.misbehave({ idToken: { signature: 'corrupt' } })
      return callback(agent)
    },
  },
  'a login that afterLogin rejects': {
    status: 403,
    setup: { options: refusing },
    send: ({ agent }) => callback(agent),
  },
  'a login whose afterLogin throws': {
    status: 500,
    setup: { options: failing },
    send: ({ agent }) => callback(agent),
  },
  'a callback while the store fails': {
    status: 503,
    send: async ({ agent, failStore }) => {
      const url = await response(agent, '/profile')
      failStore()
      return agent.get(url, manual)
    },
  },
  'a login loop without a session cookie': {
    status: 400,
    setup: { session: { cookie: { secure: true, sameSite: 'lax' } } },
    send: async ({ app }) => {
      const agent = app.agent({ maxHops: 60 })
      return agent.get('/profile')
    },
  },
  'HEAD on the callback route': { status: 200, send: ({ agent }) => head(agent, '/callback?state=x&code=x') },
  'an unexpected POST to the callback': {
    status: 400,
    send: ({ agent }) => agent.post('/callback', { state: 'x' }, manual),
  },
  'a POST of another content type to the callback': {
    status: 415,
    send: ({ agent }) =>
      agent.fetch('/callback', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
  },
  'a POST to the callback that is too large': {
    status: 413,
    send: ({ agent }) => agent.post('/callback', { state: 'x'.repeat(70_000) }, manual),
  },
  'a form_post response': {
    status: 303,
    setup: { options: { responseMode: 'form_post' } },
    send: async ({ app }) => {
      const agent = app.agent({ site: (url) => url.origin })
      const page = await agent.get('/profile', { followForms: false })
      return agent.submit(page, manual)
    },
  },
  ...ofMethods('the callback route', '/callback', other),
}

const ofLogout: Record<string, Case> = {
  ...Object.fromEntries(
    [true, false].flatMap((isUser): [string, Case][] => {
      const who = isUser ? 'of a user' : 'of a visitor'
      const as =
        (send: Case['send']): Case['send'] =>
        async (place) => {
          if (isUser) await logIn(place.agent)
          return send(place)
        }
      return [
        [`a logout ${who}`, { status: 303, send: as(({ agent }) => agent.get('/logout', manual)) }],
        [
          `a logout ${who} by a form`,
          { status: 200, send: as(({ agent }) => agent.post('/logout', {}, { followRefresh: false })) },
        ],
        [
          `a logout ${who} by a fetch`,
          { status: 200, send: as(({ agent }) => agent.fetch('/logout', { method: 'POST' })) },
        ],
        [`a logout ${who} by req.oidc.logout()`, { status: 303, send: as(({ agent }) => agent.get('/end', manual)) }],
        [
          `a logout ${who} by a route with logout()`,
          { status: 200, send: as(({ agent }) => agent.post('/leave', {}, { followRefresh: false })) },
        ],
        [
          `a logout ${who} by a cross-site link, which asks for confirmation`,
          { status: 200, send: as(({ agent }) => agent.get('/logout', { headers: crossSite })) },
        ],
        [
          `a logout ${who} by a cross-site form`,
          { status: 403, send: as(({ agent }) => agent.post('/logout', {}, { headers: crossSite })) },
        ],
        [`HEAD on the logout route ${who}`, { status: 200, send: as(({ agent }) => head(agent, '/logout')) }],
      ]
    }),
  ),
  'a logout while the provider is down': {
    status: 303,
    send: async ({ agent }) => {
      await logIn(agent)
      await world.provider.stop()
      return agent.get('/logout', manual)
    },
  },
  'a logout while the store fails': {
    status: 503,
    send: async ({ agent, failStore }) => {
      await logIn(agent)
      failStore()
      return agent.get('/logout', manual)
    },
  },
  ...ofMethods('the logout route', '/logout', other),
}

const ofGuard: Record<string, Case> = {
  'a guarded page without a login': { status: 302, send: ({ agent }) => agent.get('/guarded', manual) },
  'a guarded page without a login, with a loginPage': {
    status: 302,
    setup: { options: { loginPage: '/signin' } },
    send: ({ agent }) => agent.get('/guarded', manual),
  },
  'HEAD on a guarded page without a login': { status: 302, send: ({ agent }) => head(agent, '/guarded') },
  'a guarded form without a login': { status: 401, send: ({ agent }) => agent.post('/guarded') },
  'a guarded fetch without a login': { status: 401, send: ({ agent }) => agent.fetch('/guarded') },
  'HEAD by a fetch without a login': {
    status: 401,
    send: ({ agent }) => agent.fetch('/guarded', { method: 'HEAD' }),
  },
  'a forbidden page': {
    status: 403,
    send: async ({ agent }) => {
      await logIn(agent)
      return agent.get('/forbidden', manual)
    },
  },
  'a forbidden fetch': {
    status: 403,
    send: async ({ agent }) => {
      await logIn(agent)
      return agent.fetch('/forbidden')
    },
  },
  'a cross-site form': { status: 403, send: ({ agent }) => agent.post('/guarded', {}, { headers: crossSite }) },
  'a guarded page whose check throws': {
    status: 500,
    send: async ({ agent }) => {
      await logIn(agent)
      return agent.get('/broken', manual)
    },
  },
  'a guarded page while the store fails': {
    status: 503,
    send: async ({ agent, failStore }) => {
      await logIn(agent)
      failStore()
      return agent.get('/guarded', manual)
    },
  },
  'a guarded page while the provider is down': {
    status: 503,
    send: async ({ agent }) => {
      await world.provider.stop()
      return agent.get('/guarded', manual)
    },
  },
  'a page that calls oidc.user() without a login': { status: 401, send: ({ agent }) => agent.get('/me', manual) },
  'a fetch whose route calls oidc.user() without a login': { status: 401, send: ({ agent }) => agent.fetch('/me') },
}

async function startPlace({ setup = {} }: Pick<Case, 'setup'>, before?: AppSetup['before']): Promise<Place> {
  const store = switchedRedis(world.redis.client)
  const app = await world.start({
    session: { store: new RedisSessionStore({ client: store.client, idleSeconds: 600 }) },
    ...setup,
    ...(setup.session && { session: setup.session }),
    ...(before && { before }),
    routes: (made, oidc) => {
      made.all('/guarded', oidc.requireAuth(), (_req, res) => void res.send('inside'))
      made.all('/forbidden', oidc.requireAuth({ roles: 'nobody' }), (_req, res) => void res.send('inside'))
      made.all('/broken', oidc.requireAuth({ check: () => Promise.reject(new Error('away')) }))
      made.all('/connect', oidc.login({ returnTo: '/profile' }))
      made.get('/silent', oidc.login({ prompt: 'none' }))
      made.post('/leave', oidc.logout())
      made.get(
        '/begin',
        waiting((req) => getContext(req).login()),
      )
      made.get(
        '/end',
        waiting((req) => getContext(req).logout()),
      )
      made.get('/me', (req, res) => void res.json(oidc.user(req)))
    },
  })
  return { app, agent: app.agent(), failStore: () => store.fail() }
}

/** The responses of the application before a page that set one of our cookies. */
function settingCookies(page: UserAgentResponse, app: TestApp): UserAgentResponse['hops'] {
  return page.hops.filter(
    ({ url, headers }) => url.startsWith(app.url) && headers.getSetCookie().some((line) => line.startsWith('oidc.')),
  )
}

const cases = { ...ofLogin, ...ofCallback, ...ofLogout, ...ofGuard }

const caches: AppSetup['before'] = (app) => {
  app.use((_req, res, next) => {
    res.set({ 'Cache-Control': 'public, max-age=600', Expires: 'Thu, 01 Jan 2099 00:00:00 GMT' })
    next()
  })
}

/** Error responses, which `onError` can replace. */
const errors = Object.entries(cases).filter(([, { status }]) => status >= 400)

describe.each([
  ['sets no cache headers', undefined],
  ['makes everything cacheable', caches],
])('responses of the package in an application that %s', (_name, before) => {
  it.each(Object.entries(cases))('no-store is set in the response to %s', async (_what, one) => {
    const place = await startPlace(one, before)
    const answer = await one.send(place)
    expect({ status: answer.status, cache: answer.headers.get('cache-control') }).toEqual({
      status: one.status,
      cache: 'no-store',
    })
    for (const name of ['etag', 'last-modified']) expect(answer.headers.get(name)).toBeNull()
    for (const hop of settingCookies(answer, place.app))
      expect(hop.headers.get('cache-control'), hop.url).toBe('no-store')
  })

  it('no-store is set in responses that onError sends', async () => {
    const onError: OidcOptions['onError'] = (error, _req, res) => void res.status(error.status).send('our own page')
    const faults: string[] = []
    for (const [what, { setup = {}, ...one }] of errors) {
      await world.provider.start()
      world.provider.behave()
      const place = await startPlace({ setup: { ...setup, options: { ...setup.options, onError } } }, before)
      const answer = await one.send(place)
      expect(answer.status, what).toBe(one.status)
      if (answer.hops.at(-1)?.method !== 'HEAD') expect(answer.text()).toBe('our own page')
      const cache = answer.headers.get('cache-control')
      if (cache !== 'no-store') faults.push(`${what}: ${cache}`)
    }
    expect(faults).toEqual([])
  })
})

describe('the session cookie and caches', () => {
  it(
    'the session cookie of a login is only set in responses with no-store',
    { meta: { id: 'caching-1' } },
    async () => {
      const { app, agent } = await startPlace({}, caches)
      const page = await agent.get('/profile')
      const setting = page.hops.filter(({ headers }) =>
        headers.getSetCookie().some((line) => line.startsWith('connect.sid=')),
      )
      expect(setting.map(({ url }) => new URL(url).pathname)).toEqual(['/callback'])
      for (const hop of setting) expect(hop.headers.get('cache-control')).toBe('no-store')
      expect(settingCookies(page, app).length).toBeGreaterThanOrEqual(2)
    },
  )

  it(
    'the session cookie of a second login is only set in responses with no-store',
    { meta: { id: 'caching-2' } },
    async () => {
      const { agent } = await startPlace({}, caches)
      await logIn(agent)
      const page = await agent.get('/connect')
      const setting = page.hops.filter(
        ({ headers }) => headers.getSetCookie().length > 0 && headers.get('location') !== null,
      )
      for (const hop of setting) {
        if (hop.url.includes(world.provider.issuer)) continue
        expect(hop.headers.get('cache-control')).toBe('no-store')
      }
    },
  )
})

describe('responses of the application', () => {
  const routes: NonNullable<AppSetup['routes']> = (made, oidc) => {
    made.get('/plain', oidc.requireAuth(), (_req, res) => void res.end('inside'))
    made.get('/report', oidc.requireAuth(), (_req, res) => {
      res.set({ 'Cache-Control': 'private, max-age=60', Vary: 'Cookie' }).send('inside')
    })
    made.get('/open', (_req, res) => void res.set('Cache-Control', 'public, max-age=600').send('open'))
  }

  it('a guard does not change the headers of a response to GET or HEAD', async () => {
    const app = await world.start({ routes })
    const agent = app.agent()
    await logIn(agent)
    for (const method of ['GET', 'HEAD']) {
      const plain = await agent.fetch('/plain', { method })
      expect(plain.status).toBe(200)
      const names = [...plain.headers.keys()].filter(
        (name) => !['connection', 'date', 'transfer-encoding'].includes(name),
      )
      // Express sets Content-Length and ETag only in `res.send()`. For `res.end()` Node adds Content-Length, but not to HEAD.
      expect(names.filter((name) => name !== 'content-length')).toEqual(['x-powered-by'])
      const report = await agent.fetch('/report', { method })
      expect(report.headers.get('cache-control')).toBe('private, max-age=60')
      expect(report.headers.get('vary')).toBe('Cookie')
      const etag = report.headers.get('etag') ?? ''
      expect(etag).toMatch(/^W\//)
      const again = await agent.fetch('/report', { method, headers: { 'if-none-match': etag } })
      expect(again.status).toBe(304)
      expect(again.headers.get('cache-control')).toBe('private, max-age=60')
    }
  })

  it('the headers of an unguarded response do not change, with and without a login', async () => {
    const app = await world.start({ routes })
    const agent = app.agent()
    for (const isUser of [false, true]) {
      if (isUser) await logIn(agent)
      const open = await agent.get('/open')
      expect(open.headers.get('cache-control')).toBe('public, max-age=600')
      expect(open.headers.get('set-cookie')).toBeNull()
    }
  })

  it('a guard does not buffer a streamed response', async () => {
    let goOn: () => void = () => {}
    const waited = new Promise<void>((resolve) => (goOn = resolve))
    const app = await world.start({
      routes: (made, oidc) => {
        made.get('/stream', oidc.requireAuth(), (_req, res) => {
          res.set('Cache-Control', 'private')
          res.write('first ')
          void waited.then(() => res.end('last'))
        })
      },
    })
    const agent = app.agent()
    await logIn(agent)
    const answer = await fetch(`${app.url}/stream`, { headers: { cookie: agent.jar.header(app.url) ?? '' } })
    expect(answer.headers.get('cache-control')).toBe('private')
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first ')
    goOn()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('last')
    expect((await reader.read()).done).toBe(true)
  })
})

describe('a response that has started before a guard, login or logout', () => {
  const ways: Record<string, (agent: UserAgent) => Promise<UserAgentResponse>> = {
    'a page without a login': (agent) => agent.get('/early/page', manual),
    'a fetch without a login': (agent) => agent.fetch('/early/page'),
    'a form without a login': (agent) => agent.post('/early/page', {}, manual),
    'a forbidden page': async (agent) => {
      await logIn(agent)
      return agent.get('/early/forbidden', manual)
    },
    'login()': (agent) => agent.get('/early/login', manual),
    'logout()': (agent) => agent.get('/early/logout', manual),
    'req.oidc.login()': (agent) => agent.get('/early/begin', manual),
    'req.oidc.logout()': (agent) => agent.get('/early/end', manual),
  }

  it.each(
    [{}, { loginPage: '/signin' }].flatMap((options) =>
      Object.entries(ways).map(([what, send]) => ({ what, send, options, where: options.loginPage ?? 'the provider' })),
    ),
  )(
    'a started response is aborted without guarded content: $what, with a redirect to $where',
    async ({ send, options }) => {
      let inside = 0
      const app = await world.start({
        options,
        routes: (made, oidc) => {
          const enter = waiting(async (_req, res) => {
            inside++
            res.end('inside')
          })
          made.use('/early', (_req, res, next) => {
            res.set('Cache-Control', 'public, max-age=600')
            res.write('begun')
            next()
          })
          made.all('/early/page', oidc.requireAuth(), enter)
          made.all('/early/forbidden', oidc.requireAuth({ roles: 'nobody' }), enter)
          made.get('/early/login', oidc.login())
          made.get('/early/logout', oidc.logout())
          made.get(
            '/early/begin',
            waiting((req) => getContext(req).login()),
          )
          made.get(
            '/early/end',
            waiting((req) => getContext(req).logout()),
          )
        },
      })
      const agent = app.agent()
      await expect(send(agent)).rejects.toThrow('aborted')
      expect(inside).toBe(0)
      expect((await agent.get('/')).status).toBe(200)
    },
  )
})
