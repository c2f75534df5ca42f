import { createHash } from 'node:crypto'
import { MemoryStore } from 'express-session'
import { createOidc, type OidcLoginParameters } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { deriveSeals, type Seals } from '../../lib/core/seals.ts'
import { deriveLoginSecrets } from '../../lib/session/login-secrets.ts'
import { findProgressCookie } from '../../lib/session/progress-cookie.ts'
import { readState, type OpenedState } from '../../lib/session/state.ts'
import { secret, type TestApp } from '../support/app.ts'
import {
  behindTls,
  flow,
  readLocation,
  publicOrigin,
  readAuthorizationRequest,
  response,
  catchError,
  listTransactions,
} from '../support/flow.ts'

const world = flow({ algorithm: 'RS256' })
const { start } = world

describe('a login', () => {
  it('a login that begins at a guarded page returns to it with its query', async () => {
    const app = await start()
    const page = await app.agent().get('/profile?tab=2')
    expect(page.status).toBe(200)
    expect(page.url).toBe(`${app.url}/profile?tab=2`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice', iss: world.provider.issuer }, roles: ['admin', 'user'] })
  })

  it('a login shows the pages of the provider to a user who is not logged in there', async () => {
    world.provider.signIn(undefined)
    const app = await start()
    const agent = app.agent()
    const loginPage = await agent.get('/profile')
    expect(loginPage.url).toContain(world.provider.issuer)
    const page = await agent.submit(loginPage, { button: 'bob' })
    expect(page.json()).toMatchObject({ user: { sub: 'bob' } })
  })

  it.each(['Redis', 'memory'])(
    'req.oidc is read-only, because requests share the parsed login (sessions in %s)',
    async (where) => {
      const app = await start({
        ...(where === 'memory' ? { session: { store: new MemoryStore() } } : {}),
        routes(app, oidc) {
          app.get('/change', oidc.requireAuth(), (req, res) => {
            const { user, roles, scope } = req.oidc
            res.json([
              Reflect.set(user as object, 'sub', 'mallory'),
              Reflect.set(roles, 0, 'owner'),
              Reflect.set(scope, 0, 'everything'),
            ])
          })
        },
      })
      const agent = app.agent()
      const before = (await agent.get('/profile')).json()
      expect((await agent.get('/change')).json()).toEqual([false, false, false])
      expect((await agent.get('/profile')).json()).toEqual(before)
    },
  )

  it('a login sets Cache-Control: no-store on every redirect', { meta: { id: 'login-2' } }, async () => {
    const app = await start()
    const page = await app.agent().get('/profile')
    const ours = page.hops.filter((hop) => hop.url.startsWith(app.url)).slice(0, -1)
    expect(ours.map(({ status }) => status)).toEqual([302, 303])
    for (const hop of ours) expect(hop.headers.get('cache-control')).toBe('no-store')
    const requested = await app.agent().get('/login', { redirect: 'manual' })
    expect(requested.headers.get('cache-control')).toBe('no-store')
  })
})

describe('the authorization request', () => {
  it(
    'the authorization request has a new state, nonce and S256 code challenge each time',
    { meta: { id: 'login-3' } },
    async () => {
      const app = await start()
      const one = await readAuthorizationRequest(app.agent(), '/login')
      const other = await readAuthorizationRequest(app.agent(), '/login')
      for (const requested of [one, other]) {
        expect(Object.fromEntries(requested)).toEqual({
          response_type: 'code',
          client_id: 'web',
          redirect_uri: `${app.url}/callback`,
          scope: 'openid profile email',
          code_challenge_method: 'S256',
          state: expect.stringMatching(/^[\w.-]{22,}$/) as string,
          nonce: expect.stringMatching(/^[\w-]{22,43}$/) as string,
          code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
        })
      }
      for (const name of ['state', 'nonce', 'code_challenge']) expect(one.get(name)).not.toBe(other.get(name))
    },
  )

  it(
    'the token request has the verifier of the code challenge and the same redirect URI',
    { meta: { id: 'login-4' } },
    async () => {
      const app = await start()
      await app.agent().get('/profile')
      const requested = world.provider.requestsTo('authorize')[0]?.params
      const token = world.provider.requestsTo('token')[0]?.params
      const verifier = token?.get('code_verifier') ?? ''
      expect(verifier).toMatch(/^[\w-]{43,128}$/)
      expect(createHash('sha256').update(verifier).digest('base64url')).toBe(requested?.get('code_challenge'))
      expect(token?.get('redirect_uri')).toBe(requested?.get('redirect_uri'))
    },
  )

  it('the authorization request has the configured scope', async () => {
    const app = await start({ options: { scope: ['openid', 'email', 'calendar.read'] } })
    const agent = app.agent()
    expect((await readAuthorizationRequest(agent, '/login')).get('scope')).toBe('openid email calendar.read')
    expect((await agent.get('/profile')).json()).toMatchObject({ scope: ['openid', 'email', 'calendar.read'] })
  })

  it(
    'the redirect URI comes from baseUrl, whatever Host and forwarded headers contain',
    { meta: { id: 'login-5' } },
    async () => {
      const app = await start({ before: (express) => void express.set('trust proxy', true) })
      const headers = {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-port': '8443',
        'x-forwarded-prefix': '/evil.example',
        'x-original-url': '/evil.example',
        forwarded: 'host=evil.example;proto=https',
      }
      const page = await app.agent().get('/profile', { headers })
      expect(page.url).toBe(`${app.url}/profile`)
      expect(page.status).toBe(200)
      for (const endpoint of ['authorize', 'token'] as const) {
        expect(world.provider.requestsTo(endpoint)[0]?.params.get('redirect_uri')).toBe(`${app.url}/callback`)
      }
      expect(page.hops.map((hop) => hop.headers.get('location')).join(' ')).not.toContain('evil.example')
    },
  )

  it('the authorization request has the parameters of oidc.login()', { meta: { id: 'login-6' } }, async () => {
    const app = await start({
      routes: (express, oidc) => {
        express.get(
          '/connect',
          oidc.login({
            scope: 'calendar.read',
            prompt: 'login consent',
            loginHint: 'alice@example.com',
            acrValues: ['gold', 'silver'],
            maxAuthAgeSeconds: 60,
            uiLocales: ['de-CH', 'en'],
            extra: { kc_idp_hint: 'google' },
            returnTo: '/profile?connected=yes',
          }),
        )
      },
    })
    const agent = app.agent()
    const requested = await readAuthorizationRequest(agent, '/connect?returnTo=/elsewhere')
    expect(Object.fromEntries(requested)).toMatchObject({
      scope: 'openid calendar.read',
      prompt: 'login consent',
      login_hint: 'alice@example.com',
      acr_values: 'gold silver',
      max_age: '60',
      ui_locales: 'de-CH en',
      kc_idp_hint: 'google',
    })
    const page = await agent.get('/connect')
    expect(page.url).toBe(`${app.url}/profile?connected=yes`)
    expect(page.json()).toMatchObject({ scope: ['openid', 'calendar.read'] })
  })

  it('the login route ignores every query parameter but returnTo', { meta: { id: 'login-7' } }, async () => {
    const app = await start()
    const requested = await readAuthorizationRequest(
      app.agent(),
      '/login?scope=admin&prompt=none&redirect_uri=https://evil.example/&client_id=other&login_hint=bob&max_age=0&state=x&nonce=x&response_mode=fragment',
    )
    expect(requested.get('scope')).toBe('openid profile email')
    expect(requested.get('redirect_uri')).toBe(`${app.url}/callback`)
    expect(requested.get('client_id')).toBe('web')
    for (const name of ['prompt', 'login_hint', 'max_age', 'response_mode']) expect(requested.has(name)).toBe(false)
  })

  it.each([
    'client_id',
    'client_secret',
    'client_assertion',
    'code_challenge',
    'code_challenge_method',
    'nonce',
    'prompt',
    'redirect_uri',
    'request',
    'request_uri',
    'response_mode',
    'response_type',
    'scope',
    'state',
    'max_age',
    'login_hint',
    'acr_values',
    'ui_locales',
    'id_token_hint',
  ])('oidc.login() rejects the protocol parameter %s in extra', async (name) => {
    const app = await start()
    const error = catchError(() => app.oidc.login({ extra: { [name]: 'x' } }))
    expect(error.code).toBe('options_invalid')
    expect(error.message).toContain(name)
  })

  it('oidc.login() throws one error that names every invalid parameter', async () => {
    const app = await start()
    const wrong = {
      scope: 5,
      prompt: 'none login',
      loginHint: '',
      acrValues: 7,
      maxAuthAgeSeconds: -1,
      uiLocales: {},
      extra: 'x',
      returnTo: 'https://evil.example/',
      promt: 'login',
    }
    const { code, message } = catchError(() => app.oidc.login(wrong as unknown as OidcLoginParameters))
    expect(code).toBe('options_invalid')
    for (const name of Object.keys(wrong)) expect(message).toContain(name)
    expect(message).toContain('did you mean `prompt`')
    expect(
      catchError(() => app.oidc.login({ extra: { hint: 5 } } as unknown as OidcLoginParameters)).message,
    ).toContain('hint')
  })
})

describe('the cookie of a login in progress', () => {
  it('the cookie of a login in progress is host-only, HttpOnly, SameSite=Lax and short-lived', async () => {
    const app = await start()
    const begun = await app.agent().get('/login?returnTo=/profile', { redirect: 'manual' })
    expect(begun.cookiesSet).toHaveLength(1)
    const [cookie] = begun.cookiesSet
    expect(cookie).toMatchObject({ hostOnly: true, path: '/', httpOnly: true, sameSite: 'Lax', secure: false })
    expect(cookie?.name.slice(app.cookie('').length)).toMatch(/^[\w-]{9}$/)
    expect(cookie?.name.startsWith(app.cookie(''))).toBe(true)
    expect(begun.headers.get('set-cookie')).toMatch(/; Max-Age=3(?:600|599);/)
  })

  it('neither `state` nor a cookie reveals the content of a login in progress', async () => {
    const app = await start({
      routes: (express, oidc) => void express.get('/hinted', oidc.login({ loginHint: 'alice@example.com' })),
    })
    const page = `/hinted?returnTo=${encodeURIComponent(`/profile?q=${'secret'.repeat(100)}`)}`
    const begun = await app.agent().get(page, { redirect: 'manual' })
    const requested = new URL(readLocation(begun)).searchParams
    const values = [...begun.cookiesSet.map(({ value }) => value), requested.get('state') ?? '']
    expect(values).toHaveLength(3)
    const clear = values.flatMap((value) => [value, Buffer.from(value, 'base64url').toString('latin1')]).join(' ')
    for (const name of ['nonce', 'code_challenge']) expect(clear).not.toContain(requested.get(name))
    for (const word of ['returnTo', 'verifier', '/profile', 'secret', 'alice']) expect(clear).not.toContain(word)
  })

  it('nonce, verifier and `state` follow from neither the cookie nor the address alone', async () => {
    const app = await start()
    const agent = app.agent()
    const requested = await readAuthorizationRequest(agent, '/profile')
    const [name = ''] = listTransactions(agent)
    const { value = '' } = agent.jar.get(name) ?? {}
    // The same cookie with another secret has another nonce.
    const other = deriveSeals({ secrets: ['another secret of more than thirty-two characters'], owner: app.owner })
    const { seals, place } = app
    const state = readState(seals, requested.get('state') ?? '')
    const cookie = findProgressCookie(place, new Map([[name, value]]), state as OpenedState)
    if (!state || !cookie) throw new Error('there is no login in progress')
    const derive = (from: Seals): string => deriveLoginSecrets(from, { ...state, hasDpop: false }, cookie).nonce
    expect(derive(seals)).toBe(requested.get('nonce'))
    expect(derive(other)).not.toBe(requested.get('nonce'))
  })

  it('the cookie is a __Host- cookie over https, and has a different name below a path', async () => {
    const app = await start(behindTls(world.provider))
    const agent = app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
    const [cookie] = (await agent.get('/login', { redirect: 'manual' })).cookiesSet
    expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/', hostOnly: true })
    expect(cookie?.name).toMatch(/^__Host-oidc\./)
    expect(cookie?.name.startsWith(app.cookie(''))).toBe(true)
    const page = await agent.get('/profile')
    expect(page.url).toBe(`${publicOrigin}/profile`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })

    const shop = await start({ ...behindTls(world.provider), basePath: '/shop', mount: '/shop' })
    const other = shop.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: shop.url } })
    const [below] = (await other.get('/shop/login', { redirect: 'manual' })).cookiesSet
    expect(below).toMatchObject({ secure: true, path: '/', hostOnly: true })
    expect(below?.name.startsWith(shop.cookie(''))).toBe(true)
    expect(shop.cookie('')).not.toBe(app.cookie(''))
  })

  it('the cookie of a login in progress is removed when the login finishes', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    expect(listTransactions(agent)).toEqual([])
  })

  it('two tabs can finish their logins, each at the page where it began', { meta: { id: 'login-8' } }, async () => {
    const app = await start()
    const agent = app.agent()
    const first = await response(agent, '/profile?tab=1')
    const second = await response(agent, '/profile?tab=2')
    expect((await agent.get(second)).url).toBe(`${app.url}/profile?tab=2`)
    expect((await agent.get(first)).url).toBe(`${app.url}/profile?tab=1`)
    expect((await agent.get('/profile')).hops).toHaveLength(1)
  })

  it(
    'a browser keeps at most 24 logins in progress, and the oldest is dropped',
    { meta: { id: 'login-9' } },
    async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      const app = await start()
      const agent = app.agent()
      const authorizations: string[] = []
      const names: string[] = []
      for (let tab = 0; tab < 27; tab++) {
        vi.setSystemTime(Date.now() + 20_000)
        authorizations.push(readLocation(await agent.get(`/profile?tab=${tab}`, { redirect: 'manual' })))
        names.push(...listTransactions(agent).filter((name) => !names.includes(name)))
        expect(listTransactions(agent).length).toBeLessThanOrEqual(24)
      }
      expect(listTransactions(agent)).toEqual(names.slice(3))
      for (const tab of [26, 3]) {
        expect((await agent.get(authorizations[tab] as string)).url).toBe(`${app.url}/profile?tab=${tab}`)
      }
    },
  )

  it('pages that open at once can all finish their logins: of 40 that begin within a minute none is dropped', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const app = await start()
    const agent = app.agent()
    const begun: string[] = []
    for (let tab = 0; tab < 40; tab++) begun.push(await response(agent, `/profile?tab=${tab}`))
    expect(listTransactions(agent)).toHaveLength(40)
    for (const tab of [0, 39, 20]) {
      expect((await agent.get(begun[tab] as string)).url).toBe(`${app.url}/profile?tab=${tab}`)
    }
    // After a minute, the next login drops those beyond 24.
    vi.setSystemTime(Date.now() + 60_000)
    await agent.get('/login', { redirect: 'manual' })
    expect(listTransactions(agent)).toHaveLength(24)
  })

  it(
    'name and value of each cookie fit into the 4096 characters that browsers accept',
    { meta: { id: 'login-10' } },
    async () => {
      const app = await start({
        routes: (express, oidc) => {
          const prompt = 'login'
          express.get('/short', oidc.login({ prompt, extra: { hint: 'h'.repeat(200) }, returnTo: '/profile' }))
          express.get('/long', oidc.login({ prompt, maxAuthAgeSeconds: 60, extra: { hint: 'h'.repeat(4000) } }))
        },
      })
      for (const page of [
        `/login?returnTo=/profile?q=${'q'.repeat(2000)}`,
        '/short',
        `/long?returnTo=/profile?q=${'q'.repeat(2000)}`,
      ]) {
        const agent = app.agent()
        const { cookiesSet } = await agent.get(page, { redirect: 'manual' })
        expect(cookiesSet).toHaveLength(2)
        for (const { name, value } of cookiesSet) expect(name.length + value.length).toBeLessThanOrEqual(4096)
        const done = await agent.get(page)
        expect(done.status).toBe(200)
        expect((await agent.get('/')).text()).toBe('hello alice')
      }
    },
  )

  it('a login succeeds and removes planted login cookies, 32 per request', async () => {
    const app = await start()
    const agent = app.agent()
    for (let n = 10; n < 50; n++) agent.jar.set(`${app.cookie('x'.repeat(7))}${n}=planted; Path=/`, app.url)
    const page = await agent.get('/profile')
    expect(page.json()).toMatchObject({ user: { sub: 'alice' } })
    expect(listTransactions(agent)).toHaveLength(8)
    await agent.get('/login')
    expect(listTransactions(agent)).toEqual([])
  })
})

describe('a session cookie with SameSite=None, as for an application in a frame of another site', () => {
  const none = { secure: true, sameSite: 'none' } as const
  const openFrame = (app: TestApp): UserAgent =>
    app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })

  it('all cookies of a login, and of the logout after it, are SameSite=None and Secure', async () => {
    const app = await start({
      ...behindTls(world.provider),
      session: { cookie: none },
      routes(express, oidc) {
        express.get('/hinted', oidc.login({ loginHint: 'alice', returnTo: '/profile' }))
        express.get('/open', oidc.trySilentLogin(), (_req, res) => void res.send('open'))
      },
    })
    const agent = openFrame(app)
    const login = await agent.get('/hinted')
    expect(login.json()).toMatchObject({ user: { sub: 'alice' } })
    const silent = await openFrame(app).get('/open')
    const logout = await agent.get('/logout')
    for (const { hops } of [login, silent, logout]) {
      const lines = hops
        .filter(({ url }) => url.startsWith(publicOrigin))
        .flatMap(({ headers }) => headers.getSetCookie())
        .filter((line) => line.startsWith('__Host-oidc.'))
      expect(lines.length).toBeGreaterThan(2)
      expect(lines.filter((line) => !line.endsWith('; SameSite=None; Secure'))).toEqual([])
    }
  })

  it('a login in progress notes a session that is issued to it in a cookie with SameSite=None', async () => {
    const app = await start({
      ...behindTls(world.provider),
      session: { cookie: none },
      routes: (express) =>
        void express.get('/note', (req, res) => {
          req.session.flowNotes = ['written']
          res.send('noted')
        }),
    })
    const agent = openFrame(app)
    await agent.get('/profile', { redirect: 'manual' })
    const noted = await agent.get('/note')
    const own = noted.headers.getSetCookie().filter((line) => line.startsWith(app.cookie('')))
    expect(own).toEqual([expect.stringMatching(/; SameSite=None; Secure$/)])
  })

  it.each([
    ['SameSite=None without Secure, which browsers reject', { sameSite: 'none' }],
    ['SameSite=Lax', { sameSite: 'lax' }],
    ['SameSite=Strict', { sameSite: 'strict' }],
    ['no SameSite', {}],
  ] as const)('the cookie of a login is SameSite=Lax beside a session cookie with %s', async (_what, cookie) => {
    const app = await start({ session: { cookie } })
    const begun = await app.agent().get('/profile', { redirect: 'manual' })
    expect(begun.cookiesSet).toMatchObject([{ sameSite: 'Lax', secure: false }])
  })
})

describe('returnTo', () => {
  it.each(['/profile?a=1&b=%20%26', '/profile?next=https://elsewhere.example/', '/profile?q=%C3%BC', '/profile'])(
    'returnTo leads to %s after the login',
    async (wanted) => {
      const app = await start()
      const page = await app.agent().get(`/login?returnTo=${encodeURIComponent(wanted)}`)
      expect(page.url).toBe(app.url + wanted)
    },
  )

  it('a guard returns to the requested path and query, without a fragment', async () => {
    const app = await start()
    const page = await app.agent().get('/profile?a=1', { redirect: 'manual' })
    expect(readLocation(page)).not.toContain('#')
    const back = await app.agent().get('/profile?a=1')
    expect(back.hops.at(-2)?.headers.get('location')).toBe('/profile?a=1')
  })

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '///evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '/%5cevil.example/',
    '/%2f%2fevil.example/',
    '/..//evil.example/',
    '/./%2e/..//evil.example/',
    '/\t/evil.example/',
    '\t//evil.example/',
    '/%09/evil.example/',
    '/%0d%0aSet-Cookie:x=y',
    '/\r\nSet-Cookie: x=y',
    'javascript:alert(1)',
    'data:text/html,x',
    'profile',
    '@evil.example/',
    '.evil.example/',
    ' /profile',
    '/\u0000profile',
    '',
    `/${'a'.repeat(5000)}`,
  ])('a hostile returnTo leads to the base path: %j', async (hostile) => {
    const app = await start()
    const callback = await response(app.agent(), `/login?returnTo=${encodeURIComponent(hostile)}`)
    expect(callback).not.toContain('evil.example')
    const agent = app.agent()
    const page = await agent.get(`/login?returnTo=${encodeURIComponent(hostile)}`)
    expect(page.hops.at(-2)?.headers.get('location')).toBe('/')
    expect(page.url).toBe(`${app.url}/`)
    expect(page.text()).toBe('hello alice')
  })

  it('a duplicate returnTo is ignored', async () => {
    const app = await start()
    const page = await app.agent().get('/login?returnTo=/profile&returnTo=//evil.example')
    expect(page.url).toBe(`${app.url}/`)
  })
})

describe('requests that begin no login', { meta: { id: 'login-11' } }, () => {
  const wants = 'text/html,application/xhtml+xml'
  const navigation = { accept: wants, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const requests: [string, (agent: UserAgent, path: string) => ReturnType<UserAgent['get']>][] = [
    ['a HEAD request', (agent, path) => agent.fetch(path, { method: 'HEAD', headers: navigation, redirect: 'manual' })],
    ['a prefetch', (agent, path) => agent.get(path, { headers: { 'sec-purpose': 'prefetch' }, redirect: 'manual' })],
    [
      'a prerender',
      (agent, path) => agent.get(path, { headers: { 'sec-purpose': 'prefetch;prerender' }, redirect: 'manual' }),
    ],
    [
      'a prefetch with the older Purpose header',
      (agent, path) => agent.get(path, { headers: { purpose: 'prefetch' }, redirect: 'manual' }),
    ],
    ['a fetch()', (agent, path) => agent.fetch(path, { redirect: 'manual' })],
    [
      'an XMLHttpRequest',
      (agent, path) => agent.get(path, { headers: { 'x-requested-with': 'XMLHttpRequest' }, redirect: 'manual' }),
    ],
    [
      'an image',
      (agent, path) =>
        agent.get(path, { headers: { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }, redirect: 'manual' }),
    ],
  ]

  describe.each(['/login', '/profile', '/connect'])('at %s', (path) => {
    it.each(requests)('no login begins for %s', async (_name, request) => {
      const app = await start({
        routes: (express, oidc) => {
          express.get('/connect', oidc.login({ scope: 'openid calendar.read' }))
        },
      })
      const agent = app.agent()
      const answer = await request(agent, path)
      expect(answer.cookiesSet).toEqual([])
      expect(agent.jar.cookies()).toEqual([])
      expect(answer.headers.get('location') ?? '').not.toContain(world.provider.issuer)
      expect(answer.headers.get('cache-control')).toBe('no-store')
    })
  })

  it('the login route answers other methods with 405 and Allow: GET, HEAD', async () => {
    const app = await start()
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await app.agent().fetch('/login', { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('GET, HEAD')
      expect(answer.cookiesSet).toEqual([])
    }
  })
})

describe('a login that a form begins', () => {
  it('a form gets a page that redirects by itself, because a form-action policy would block a redirect', async () => {
    const app = await start({
      routes: (express, oidc) => {
        express.post('/connect', oidc.login({ scope: 'openid calendar.read', returnTo: '/profile' }))
      },
    })
    const agent = app.agent()
    const page = await agent.post('/connect', {}, { followRefresh: false })
    expect(page.status).toBe(200)
    expect(page.headers.get('location')).toBeNull()
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).toContain('<meta http-equiv="refresh"')
    expect(page.text()).not.toContain('<script')
    expect(listTransactions(agent)).toHaveLength(1)
    const after = await agent.post('/connect')
    expect(after.url).toBe(`${app.url}/profile`)
    expect(after.json()).toMatchObject({ user: { sub: 'alice' }, scope: ['openid', 'calendar.read'] })
  })

  const listed = 'https://www.example.com'
  const startWithForm = (): Promise<TestApp> =>
    start({
      options: { allowedOrigins: [listed] },
      routes: (express, oidc) => void express.post('/connect', oidc.login({ returnTo: '/profile' })),
    })

  it.each([
    ['a page of the application', { 'sec-fetch-site': 'same-origin' }],
    ['the application, in a browser without Sec-Fetch-Site', { 'sec-fetch-site': undefined }],
    ['an origin in allowedOrigins', { 'sec-fetch-site': 'cross-site', origin: listed }],
  ])('a form from %s gets the page that redirects by itself', async (_, headers) => {
    const app = await startWithForm()
    const answer = await app.agent().post('/connect', {}, { headers, redirect: 'manual' })
    expect(answer.status).toBe(200)
    expect(answer.text()).toContain('<meta http-equiv="refresh"')
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site', origin: 'https://old.example.com' }],
    [
      'another site, in a browser without Sec-Fetch-Site',
      { 'sec-fetch-site': undefined, origin: 'https://evil.example' },
    ],
    ['an opaque origin, in a browser without Sec-Fetch-Site', { 'sec-fetch-site': undefined, origin: 'null' }],
    [
      'an origin that only begins like a listed one',
      { 'sec-fetch-site': 'cross-site', origin: `${listed}.evil.example` },
    ],
  ])('a form from %s gets a 303 redirect', async (_, headers) => {
    const app = await startWithForm()
    const answer = await app.agent().post('/connect', {}, { headers, redirect: 'manual' })
    expect(answer.status).toBe(303)
    expect(readLocation(answer)).toContain(`${world.provider.issuer}/authorize?`)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.text()).toBe('')
  })
})

describe('a second instance with another name', () => {
  it('a second instance with another name has separate routes and cookies', async () => {
    const { provider } = world
    const app = await start({
      routes: (express, _oidc, url) => {
        const staff = createOidc({ ...provider.settings(), baseUrl: url, secret, name: 'staff' })
        express.use(staff.router)
        express.get('/staff', staff.requireAuth(), (req, res) => res.send(req.oidc.provider))
      },
    })
    const agent = app.agent()
    const begun = await agent.get('/staff', { redirect: 'manual' })
    expect(begun.cookiesSet[0]?.name).toMatch(/^oidc\./)
    expect(begun.cookiesSet[0]?.name.startsWith(app.cookie(''))).toBe(false)
    expect(new URL(readLocation(begun)).searchParams.get('redirect_uri')).toBe(`${app.url}/staff/callback`)
    expect((await agent.get('/staff')).text()).toBe('staff')
  })
})
