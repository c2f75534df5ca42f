/**
 * Runs all flows of an application with known secrets, collects everything that can be observed from outside, and checks
 * that no secret appears in it, in any encoding.
 *
 * The secrets are the client secret, the sealing secrets, the session secret, the PKCE verifiers, the nonces, the codes, all
 * tokens, and the keys that tokens are bound to. The protocol itself puts some of them into these places, and only there
 * they are no leak:
 * - a code in the URL of the callback, and so in a print of that request. With `form_post` no URL contains the code;
 * - a nonce in the URL of the authorization endpoint, unless the request is pushed;
 * - an ID token as `id_token_hint` in the URL of the end-session endpoint.
 * A request contains its cookies: the session cookie, which belongs to the application, and ours, which are sealed. An error
 * thrown by a hook is returned to the application as `cause`, unchanged, and appears in no event or response. The log has a
 * copy, in which the secrets are masked.
 */
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { NextFunction, Request, Response } from 'express'
import {
  createOidc,
  OidcError,
  type OidcFinishedLogin,
  type OidcLogEntry,
  type Oidc,
  type OidcOptions,
} from 'express-session-oidc'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'
import {
  startTestProvider,
  type TestFaults,
  type TestProvider,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startApp, until, type TestApp } from '../support/app.ts'
import { readLocation, noteRoutes } from '../support/flow.ts'
import { ownRedis } from '../support/own-redis.ts'
import { newClient } from '../support/redis.ts'
import { sessionId } from '../support/session-cookie.ts'
import { switchedRedis, type SwitchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'
import { hookFaults, loginFaults, pushFaults, throws } from './faults-with-secrets.ts'
import { getForms, splitParts, planted, Watch } from './secret-watch.ts'

const own = await ownRedis('a search for leaked secrets in all flows')

// The tests run in order: each also searches what its predecessors left in Redis and in the logs.
describe.skipIf(!own)('secrets planted in all flows', { meta: { id: 'planted-secrets-1' }, shuffle: false }, () => {
  const watch = new Watch()
  const clientSecrets = { default: planted('client-secret'), partner: planted('partner-secret') }
  const secrets = [planted('secret-one-of-the-instance'), planted('secret-two-of-the-instance')]
  const sessionSecret = planted('session-secret')

  const client = newClient(own?.url ?? '')
  const monitor = newClient(own?.url ?? '')
  let redis: SwitchedRedis
  let provider: TestProvider
  let partners: TestProvider
  let app: TestApp
  let partner: Oidc
  let hook: ((req: Request, login: OidcFinishedLogin) => unknown) | undefined
  let rolesHook: (() => readonly string[]) | undefined
  let printsRequests = true
  let privateKeys = 0
  /** How far the monotonic clock is ahead, so that no test finds a failure left out of the log. */
  let aheadMs = 0
  const restore: (() => void)[] = []

  /** Registers the codes, verifiers, nonces and DPoP proofs of all requests as secrets. */
  function plantRequests(): void {
    for (const [of, one] of [
      ['default', provider],
      ['partner', partners],
    ] as const) {
      for (const { params, headers } of one.requests) {
        watch.plant(`a DPoP proof of ${of}`, headers['dpop'] ?? null)
        watch.plant(`a code of ${of}`, params.get('code'))
        watch.plant(`a verifier of ${of}`, params.get('code_verifier'))
        watch.plant(`a nonce of ${of}`, params.get('nonce'))
      }
    }
  }

  /** Makes the provider issue recognizable tokens, and registers them as secrets. */
  function getTokens(of: string, isOpaque: boolean): TestFaults {
    return {
      ...(isOpaque && { accessToken: { raw: () => `opaque-access-token-${randomBytes(24).toString('hex')}` } }),
      tokenResponse: (body) => {
        const answer: Record<string, unknown> = { ...body, refresh_token: planted('refresh-token') }
        watch.plant(`an access token of ${of}`, answer['access_token'] as string)
        watch.plant(`a refresh token of ${of}`, answer['refresh_token'] as string)
        watch.plant(`an ID token of ${of}`, answer['id_token'] as string)
        return answer
      },
    }
  }

  /** Observes everything that a log could print of a value. */
  function see(where: string, thing: unknown, except: readonly string[] = []): void {
    watch.see(`${where}: util.inspect`, inspect(thing, { depth: Infinity, showHidden: true }), except)
    try {
      watch.see(`${where}: JSON`, JSON.stringify(thing) ?? '', except)
    } catch {
      // Requests are circular.
    }
  }

  function seeEntry(entry: OidcLogEntry): void {
    see('an entry of the log', entry)
    seeError('an entry of the log: error', entry.error)
    watch.see(`the entry ${entry.code} of the log`, entry.message)
  }

  function seeError(where: string, error: unknown): void {
    see(where, error)
    watch.see(`${where}: String`, String(error))
    if (!(error instanceof Error)) return
    watch.see(`${where}: stack`, `${error.stack ?? ''} ${error.message}`)
    see(`${where}: own members`, Object.fromEntries(Object.entries(error)))
    // The cause of hook_failed is the application's own error. All other causes are searched, as loggers print them.
    if (error instanceof OidcError && error.code === 'hook_failed') return
    if (error.cause !== undefined) seeError(`${where}, its cause`, error.cause)
  }

  function seeRequest(where: string, req: Request): void {
    // The code in the URL of this request comes from the browser itself.
    const code = new URL(req.originalUrl, 'http://localhost').searchParams.get('code')
    const except = code === null ? [] : [code]
    if (printsRequests) see(`the request ${where}`, req, except)
    see(`req.oidc ${where}`, req.oidc)
    watch.see(`req.oidc ${where}: with getters`, inspect(req.oidc, { depth: 9, showHidden: true, getters: true }))
  }

  /** A URL without the parameters that the protocol puts there. */
  function shown(address: string, base: string): string {
    const url = new URL(address, base)
    const removed = [
      ...(url.origin === new URL(app.url).origin && url.pathname.endsWith('/callback') ? ['code'] : []),
      ...(url.origin === provider.url && url.pathname === '/authorize' ? ['nonce'] : []),
      ...(url.pathname === '/logout' && url.origin !== new URL(app.url).origin ? ['id_token_hint'] : []),
    ]
    for (const name of removed) url.searchParams.delete(name)
    return url.href
  }

  /** A page without the `id_token_hint` of the URL that it redirects to. */
  function shownPage(text: string): string {
    return text.replace(/id_token_hint=[\w.-]+/g, '')
  }

  function seeVisit(answer: UserAgentResponse): UserAgentResponse {
    for (const hop of answer.hops) {
      watch.see('an address', `${hop.method} ${shown(hop.url, app.url)}`)
      watch.see('headers that the browser sent', JSON.stringify(hop.requestHeaders))
      if (!hop.url.startsWith(app.url)) continue
      for (const [name, value] of hop.headers) {
        watch.see(`the header ${name}`, name === 'location' ? shown(value, hop.url) : value)
      }
      watch.see('a cookie', JSON.stringify(hop.cookiesSet))
    }
    if (answer.url.startsWith(app.url)) watch.see('a page', shownPage(answer.text()))
    return answer
  }

  /** A fully observed browser, for which application and providers are different sites. */
  function browser(): UserAgent {
    const agent = app.agent({ site: (url) => url.origin })
    return {
      jar: agent.jar,
      get: async (...given) => seeVisit(await agent.get(...given)),
      post: async (...given) => seeVisit(await agent.post(...given)),
      fetch: async (...given) => seeVisit(await agent.fetch(...given)),
      submit: async (...given) => seeVisit(await agent.submit(...given)),
      click: async (...given) => seeVisit(await agent.click(...given)),
    }
  }

  let marks = 0
  const seenMarks = new Set<string>()

  /** Observes all data in Redis and all commands since the last call, which include short-lived values. */
  async function seeRedis(): Promise<void> {
    const mark = `mark-${++marks}-${randomBytes(6).toString('hex')}`
    await client.set('the-mark', mark)
    await until(() => seenMarks.has(mark), 'Redis has reported the commands')
    for (const key of await client.keys('*')) {
      const type = await client.type(key)
      // Strings, and the sets of logins and tombstones.
      expect({ key, type }).toEqual({ key, type: /^oidc:(logins|ended):/.test(key) ? 'zset' : 'string' })
      const value = type === 'zset' ? (await client.zRange(key, 0, -1)).join(' ') : ((await client.get(key)) ?? '')
      watch.see(`the Redis key ${key.replace(/\{?sess:[\w-]+\}?/, 'sess:id')}`, `${key} ${value}`)
    }
  }

  /** Checks that no secret was observed since the last call. */
  async function keepsSecrets(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    await seeRedis()
    plantRequests()
    for (const one of [app.oidc, partner]) {
      see('the instance', one)
      see('its health', one.health())
    }
    expect(watch.leaks()).toEqual([])
  }

  const eventNames = ['login', 'login_failed', 'logout', 'denied', 'store_fault', 'provider_fault'] as const

  /** Registers the private keys of DPoP-bound logins as secrets when they are generated. */
  function plantKeys(): void {
    const exported = crypto.subtle.exportKey.bind(crypto.subtle)
    const spy = vi.spyOn(crypto.subtle, 'exportKey').mockImplementation((async (
      format: 'jwk',
      key: Parameters<typeof exported>[1],
    ) => {
      const jwk = await exported(format, key)
      if (jwk.d !== undefined) {
        watch.plant('a private key of a login', jwk.d)
        privateKeys++
      }
      return jwk
    }) as typeof crypto.subtle.exportKey)
    restore.push(() => spy.mockRestore())
  }

  function forgetLogged(): void {
    aheadMs += 61_000
    const now = performance.now.bind(performance)
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs)
    restore.push(() => spy.mockRestore())
  }

  /** Observes all channels by which the package could emit something. */
  function listen(): void {
    for (const name of eventNames) {
      const channel = `express-session-oidc:${name}`
      const reported = (event: unknown): void => see(`the channel ${channel}`, event)
      subscribe(channel, reported)
      restore.push(() => unsubscribe(channel, reported))
      for (const one of [app.oidc, partner]) restore.push(one.on(name, (event) => see(`the event ${name}`, event)))
    }
    const warned = (warning: Error & { detail?: unknown }): void => {
      seeError('a warning of the process', warning)
      watch.see('a warning of the process: detail', String(warning.detail))
    }
    process.on('warning', warned)
    restore.push(() => void process.off('warning', warned))
    for (const stream of ['stdout', 'stderr'] as const) {
      const spy = vi.spyOn(process[stream], 'write').mockImplementation((...given: unknown[]) => {
        watch.see(stream, String(given[0]))
        return true
      })
      restore.push(() => spy.mockRestore())
    }
    for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
      const spy = vi.spyOn(console, method).mockImplementation((...given: unknown[]) => {
        for (const one of given) see(`console.${method}`, one)
      })
      restore.push(() => spy.mockRestore())
    }
  }

  function options(of: 'default' | 'partner'): Partial<OidcOptions> {
    return {
      secret: secrets,
      // The default instance writes to standard error.
      log: of === 'partner' ? seeEntry : undefined,
      afterLogin: async (req, login) => {
        seeRequest('in afterLogin', req)
        return (await hook?.(req, login)) as undefined
      },
      onError: (error, req, _res, next) => {
        seeError('an error that onError got', error)
        seeRequest('in onError', req)
        next(error)
      },
      ...(of === 'default'
        ? { userInfo: true, roles: ({ idToken }) => rolesHook?.() ?? (idToken['roles'] as string[]) }
        : {
            responseMode: 'form_post',
            par: true,
            dpop: true,
            clientAuth: 'client_secret_post',
            roles: ({ accessToken }) => (accessToken === undefined ? [] : ['of-the-access-token']),
          }),
    }
  }

  beforeAll(async () => {
    await Promise.all([client.connect(), monitor.connect()])
    await monitor.monitor((reply: string) => {
      for (const [mark] of reply.matchAll(/mark-\d+-\w+/g)) seenMarks.add(mark)
      // The reply starts with the time and the port.
      watch.see('a command to Redis', reply.replace(/^[^"]*/, ''))
    })
    redis = switchedRedis(client)
    provider = await startTestProvider({
      clients: [{ clientId: 'web', clientSecret: clientSecrets.default }],
      accessTokens: 'opaque',
    })
    partners = await startTestProvider({
      clients: [{ clientId: 'web', clientSecret: clientSecrets.partner }],
      hostname: 'localhost',
      pushedRequests: 'required',
    })
    app = await startApp({
      provider,
      options: options('default'),
      session: { secret: sessionSecret, store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }) },
      before: (made) => void made.set('env', 'development'),
      routes: (made, oidc, url) => {
        partner = createOidc({
          ...partners.settings(),
          name: 'partner',
          baseUrl: url,
          ...options('partner'),
        })
        made.use(partner.router)
        noteRoutes(made)
        made.get('/switch', oidc.login({ prompt: 'login', returnTo: '/page' }))
        made.post('/connect', oidc.login({ scope: ['openid', 'calendar.read'], returnTo: '/page' }))
        made.get('/page', oidc.requireAuth(), (req, res) => {
          seeRequest('of a guarded page', req)
          res.json({ user: oidc.user(req), session: req.session })
        })
        made.get('/partner-page', partner.requireAuth(), (req, res) => {
          seeRequest('of a guarded page', req)
          res.json({ user: partner.user(req), roles: req.oidc.roles })
        })
        made.get('/admin', oidc.requireAuth({ roles: 'no-such-role' }), (_req, res) => void res.send('never'))
        made.get(
          '/uses-tokens',
          waiting(async (req, res) => {
            const one = req.query['of'] === 'partner' ? partner : oidc
            const context = one.context(req)
            const tokens = await context.tokens()
            see('the context of a page that uses tokens', context)
            seeRequest('of a page that uses tokens', req)
            res.json({ expiresAt: tokens.expiresAt, scope: tokens.scope })
          }),
        )
        made.get('/out', oidc.logout({ returnTo: '/notes' }))
        made.use((error: unknown, req: Request, _res: Response, next: NextFunction) => {
          seeError('an error on its way to the error handler', error)
          seeRequest('on its way to the error handler', req)
          next(error)
        })
      },
    })
    watch.plant('the client secret', clientSecrets.default)
    watch.plant('the client secret at the partner', clientSecrets.partner)
    for (const secret of secrets) watch.plant('a secret of the instances', secret)
    watch.plant('the secret of the session', sessionSecret)
  })
  afterAll(async () => {
    await app.stop()
    await Promise.all([provider.stop(), partners.stop()])
    client.destroy()
    monitor.destroy()
  })
  beforeEach(async () => {
    for (const one of [provider, partners]) {
      one.behave()
      one.forget()
      one.signIn('alice')
    }
    provider.misbehave(getTokens('default', true))
    partners.misbehave(getTokens('partner', false))
    hook = undefined
    rolesHook = undefined
    printsRequests = true
    redis.heal()
    watch.forgetPlaces()
    await client.flushAll()
    privateKeys = 0
    plantKeys()
    forgetLogged()
    listen()
  })
  afterEach(() => {
    for (const undo of restore.splice(0)) undo()
    watch.leaks()
  })

  /** A browser that has logged in by opening the given pages. */
  async function loggedIn(pages = ['/page']): Promise<UserAgent> {
    const agent = browser()
    for (const page of pages) expect((await agent.get(page)).status).toBe(200)
    return agent
  }
  const both = ['/page', '/partner-page']

  it('logins with two providers, guarded pages and token use leak no secret', async () => {
    const agent = browser()
    await agent.get('/note/apples')
    expect((await agent.get('/page?tab=1')).json()).toMatchObject({ user: { sub: 'alice' } })
    expect((await agent.get('/uses-tokens')).status).toBe(200)
    expect((await agent.get('/partner-page')).json()).toMatchObject({
      user: { sub: 'alice' },
      roles: ['of-the-access-token'],
    })
    expect((await agent.get('/uses-tokens?of=partner')).status).toBe(200)
    expect(privateKeys).toBe(1)
    expect((await agent.get('/admin')).status).toBe(403)
    expect((await agent.fetch('/admin')).status).toBe(403)
    expect((await browser().fetch('/page')).status).toBe(401)
    await keepsSecrets()
  })

  it('repeated logins, by form, by another user and by reloaded callbacks, leak no secret', async () => {
    const agent = await loggedIn()
    const begun = await agent.get('/switch', { redirect: 'manual' })
    const callback = readLocation(await agent.get(readLocation(begun), { redirect: 'manual' }))
    for (let time = 0; time < 3; time++) expect((await agent.get(callback)).status).toBe(200)
    expect((await agent.post('/connect')).status).toBe(200)
    provider.signIn('bob')
    expect((await agent.get('/switch')).json()).toMatchObject({ user: { sub: 'bob' } })
    const stranger = browser()
    expect((await stranger.get(callback)).status).toBe(400)
    await keepsSecrets()
  })

  it('form_post responses that are repeated or never picked up leak no secret', async () => {
    const agent = browser()
    const page = await agent.get('/partner-page', { followForms: false })
    expect((await agent.submit(page)).status).toBe(200)
    expect((await agent.submit(page)).status).toBe(200)
    // The browser stops after the POST, so the stored response remains until it expires.
    const other = await agent.get('/partner/login', { followForms: false })
    expect((await agent.submit(other, { redirect: 'manual' })).status).toBe(303)
    await keepsSecrets()
  })

  it.each(loginFaults)('a login that fails because of %s leaks no secret', async (_what, status, fault) => {
    printsRequests = false
    // Alice logs in before the provider fails.
    const before = await loggedIn()
    provider.misbehave(fault(watch))
    provider.signIn('bob')
    printsRequests = true
    for (const agent of [before, browser()]) {
      const page = await agent.get('/switch')
      expect([status].flat(), page.text()).toContain(page.status)
      printsRequests = false
    }
    await keepsSecrets()
  })

  it.each(hookFaults)('an afterLogin that %s leaks no secret', async (_what, status, work) => {
    printsRequests = false
    const agent = await loggedIn()
    printsRequests = true
    hook = (_req, login) => work(login)
    for (const one of [agent, browser()]) {
      const page = await one.get('/switch')
      expect({ status: page.status, text: page.text() }).toMatchObject({ status })
      printsRequests = false
    }
    expect((await browser().get('/partner/login')).status).toBe(status)
    // The default instance logs to standard error, and the partner to its function.
    for (const place of ['console.error', 'the entry hook_failed of the log']) {
      expect(watch.places.includes(place), place).toBe(status === 500)
    }
    await keepsSecrets()
  })

  it('a `roles` function that throws leaks no secret', async () => {
    rolesHook = () => throws(new Error('no roles today'))
    expect((await browser().get('/switch')).status).toBe(500)
    await keepsSecrets()
  })

  it.each(pushFaults)('a login whose PAR endpoint %s leaks no secret', async (_what, status, fault) => {
    partners.misbehave(fault())
    const page = await browser().get('/partner/login')
    expect({ status: page.status, text: page.text() }).toMatchObject({ status })
    await keepsSecrets()
  })

  it('the warning about an access token that cannot be verified leaks no secret', async () => {
    partners.misbehave({ accessToken: { signature: 'other-key' } })
    const agent = browser()
    expect((await agent.get('/partner-page')).json()).toMatchObject({ roles: [] })
    await new Promise((resolve) => setImmediate(resolve))
    expect(watch.places).toContain('the entry OIDC_ACCESS_TOKEN_UNVERIFIED of the log')
    await keepsSecrets()
  })

  it('store failures at each step of a login, a page and a logout leak no secret', async () => {
    const agent = await loggedIn(both)
    for (const command of ['get', 'mGet', 'set', 'getDel', 'eval', 'del', 'expire'] as const) {
      redis.fail(command)
      for (const path of ['/switch', '/page', '/uses-tokens', '/partner-page', '/logout']) {
        await agent.get(path)
        printsRequests = false
      }
      redis.heal()
    }
    expect(watch.places).toContain('the event store_fault')
    await keepsSecrets()
  })

  it('unreadable records leak no secret', async () => {
    const agent = await loggedIn(both)
    const id = sessionId(agent)
    const tokens = `oidc:{sess:${id}}:tokens:default`
    const sealed = (await client.get(tokens)) ?? ''
    for (const record of [
      'garbage',
      '',
      sealed.slice(0, -1),
      `${sealed}A`,
      (await client.get(tokens.replace('default', 'partner'))) ?? '',
    ]) {
      await client.set(tokens, record)
      expect((await agent.fetch('/uses-tokens')).status).toBe(401)
      expect((await agent.get('/page')).status).toBe(200)
      printsRequests = false
    }
    await client.set(`oidc:{sess:${id}}`, '{"format":1,"entries":')
    await agent.get('/page', { redirect: 'manual' })
    const other = await loggedIn()
    await client.set(`sess:${sessionId(other)}`, '{"cookie":')
    expect((await other.get('/page')).status).toBe(503)
    await client.del(`sess:${sessionId(other)}`)
    await keepsSecrets()
  })

  it('logouts by URL, form and script, from both providers and during an outage, leak no secret', async () => {
    const ways: ((agent: UserAgent) => Promise<unknown>)[] = [
      (agent) => agent.get('/logout'),
      (agent) => agent.post('/logout'),
      (agent) => agent.post('/logout', {}, { crossSite: true }),
      (agent) => agent.get('/out'),
      async (agent) => agent.submit(await agent.get('/logout', { crossSite: true })),
      async (agent) => {
        await agent.get('/partner/logout')
        await agent.get('/logout')
      },
    ]
    for (const way of ways) {
      await way(await loggedIn(both))
      printsRequests = false
    }
    // A script receives the URL of the end-session endpoint as JSON.
    const agent = await loggedIn()
    const answer = await app.agent().fetch('/logout', {
      method: 'POST',
      headers: { cookie: `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}` },
    })
    watch.see('an address', shown(answer.json()['location'] as string, app.url))
    const late = await loggedIn()
    await provider.stop()
    await late.get('/logout', { redirect: 'manual' })
    await provider.start()
    await keepsSecrets()
  })

  it('errors about invalid options leak no secret', () => {
    const [secret = ''] = secrets
    const good = { ...provider.settings(), baseUrl: app.url, secret }
    const wrong: [string, () => unknown][] = [
      ['createOidc', () => createOidc({ ...good, clientAuth: 'none' })],
      ['createOidc', () => createOidc({ ...good, scope: 'profile', name: 'a b', responseMode: 'x' } as never)],
      ['createOidc', () => createOidc({ ...good, clientSecret: undefined })],
      ['createOidc', () => createOidc({ ...good, clientSecrets: clientSecrets.default, secrets } as never)],
      ['createOidc', () => createOidc({ ...good, clientSecret: { value: clientSecrets.default } } as never)],
      ['createOidc', () => createOidc({ ...good, secret: [secret, secret.slice(0, 20)] })],
      ['createOidc', () => createOidc({ ...good, secret: { secret } } as never)],
      [
        'createOidc',
        () =>
          createOidc({ ...good, issuer: `https://user:${encodeURIComponent(clientSecrets.default)}@id.example.com` }),
      ],
      [
        'createOidc',
        () =>
          createOidc({
            ...good,
            issuer: `https://id.example.com/?secret=${encodeURIComponent(clientSecrets.default)}`,
          }),
      ],
      [
        'createOidc',
        () =>
          createOidc({ ...good, baseUrl: `https://user:${encodeURIComponent(clientSecrets.default)}@app.example.com` }),
      ],
      ['createOidc', () => createOidc({ ...good, baseUrl: clientSecrets.default })],
      ['createOidc', () => createOidc({ ...good, clientAuth: clientSecrets.default } as never)],
      ['createOidc', () => createOidc({ ...good, routes: { login: clientSecrets.default } })],
      ['createOidc', () => createOidc({ ...good, fetch: clientSecrets.default } as never)],
      ['RedisSessionStore', () => new RedisSessionStore({ client: { url: clientSecrets.default } } as never)],
      ['redisRecords', () => redisRecords({ client, prefix: clientSecrets.default.replace('=', '}') })],
      ['login()', () => app.oidc.login({ extra: { client_secret: clientSecrets.default } })],
      ['login()', () => app.oidc.login({ returnTo: `https://elsewhere.example/${clientSecrets.default}` })],
      ['logout()', () => app.oidc.logout({ returnTo: `https://elsewhere.example/${clientSecrets.default}` })],
      ['requireAuth()', () => app.oidc.requireAuth({ roles: [clientSecrets.default], role: 'x' } as never)],
    ]
    for (const [what, make] of wrong) {
      let thrown: unknown
      try {
        make()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(Error)
      seeError(`what ${what} throws`, thrown)
    }
    expect(watch.leaks()).toEqual([])
  })

  it('a provider that is down or has invalid metadata leaks no secret', async () => {
    const url = app.url
    for (const metadata of [{ issuer: 'https://evil.example' }, { token_endpoint: 'http://evil.example/' }]) {
      const undo = provider.misbehave({ metadata })
      const fresh = createOidc({ ...provider.settings(), baseUrl: url, secret: secrets })
      seeError('what ready() throws', await fresh.ready().catch((error: unknown) => error))
      see('its health', fresh.health())
      see('the instance', fresh)
      undo()
    }
    await provider.stop()
    const fresh = createOidc({ ...provider.settings(), baseUrl: url, secret: secrets })
    seeError('what ready() throws', await fresh.ready().catch((error: unknown) => error))
    see('its health', fresh.health())
    expect((await browser().get('/switch', { redirect: 'manual' })).status).toBe(302)
    await provider.start()
    await keepsSecrets()
  })

  describe('the search itself', () => {
    it(
      'the search knows all kinds of secret and covers all places',
      { meta: { id: 'planted-secrets-2' } },
      async () => {
        await (await loggedIn(both)).post('/logout')
        const agent = browser()
        provider.misbehave({ idToken: { signature: 'none' } })
        await agent.get('/switch')
        redis.fail('mGet')
        await agent.get('/note/x')
        await agent.get('/page')
        redis.heal()
        await new Promise((resolve) => setImmediate(resolve))
        await seeRedis()
        plantRequests()
        see('the instance', app.oidc)
        for (const of of ['default', 'partner']) {
          const kinds = ['a code', 'a verifier', 'a nonce', 'an access token', 'a refresh token', 'an ID token']
          expect(watch.secrets).toEqual(expect.arrayContaining(kinds.map((kind) => `${kind} of ${of}`)))
        }
        expect(watch.secrets).toEqual(
          expect.arrayContaining([
            'a DPoP proof of partner',
            'a private key of a login',
            'a secret of the instances',
            'the client secret',
            'the client secret at the partner',
            'the secret of the session',
          ]),
        )
        for (const place of [
          'a command to Redis',
          'a cookie',
          'a page',
          'an address',
          'console.error',
          'an error on its way to the error handler',
          'an error that onError got',
          'headers that the browser sent',
          'req.oidc in afterLogin',
          'req.oidc of a guarded page',
          'the Redis key oidc',
          'the Redis key sess',
          'the channel express-session-oidc',
          'the event login',
          'the event login_failed',
          'the event logout',
          'the event store_fault',
          'the header location',
          'the header set-cookie',
          'the instance',
          'the request in afterLogin',
          'the request in onError',
          'the request of a guarded page',
        ]) {
          expect(watch.places).toContain(place)
        }
        expect(watch.leaks()).toEqual([])
      },
    )

    it('the search finds a secret and its parts in each encoding', () => {
      const secret = planted('control')
      const trial = new Watch()
      trial.plant('the control', secret)
      const forms = splitParts(secret).flatMap(([part, value]) =>
        [...getForms(value)].map(([form, text]) => ({ form: form + part, text })),
      )
      expect(forms.length).toBeGreaterThan(60)
      for (const { form, text } of forms) {
        trial.see('a place', `before ${text} behind`)
        expect({ form, found: trial.leaks().length }).toEqual({ form, found: 1 })
      }
      trial.see('a place', `before ${secret.slice(0, 8)} behind`)
      trial.see('a place', Buffer.from(`user:${secret}`).toString('base64'), [secret])
      expect(trial.leaks()).toEqual([])
      trial.see('a place', Buffer.from(`user:${secret}`).toString('base64'))
      expect(trial.leaks()).not.toEqual([])
    })

    it.each<[string, string, (token: string, req: Request, res: Response) => unknown]>([
      ['logged', 'console.log', (token) => console.log('a token:', token)],
      ['logged within an object', 'console.error', (token) => console.error({ deep: { within: [token] } })],
      ['written to stdout', 'stdout', (token) => process.stdout.write(`${Buffer.from(token).toString('hex')}\n`)],
      ['in a warning', 'a warning of the process', (token) => process.emitWarning(`about ${token}`)],
      ['a property of the request', 'the request', (token, req) => Object.assign(req, { leaked: { token } })],
      [
        'a non-enumerable property of the request',
        'the request',
        (token, req) => Object.defineProperty(req, 'leaked', { value: { token } }),
      ],
      ['in the session', 'the request', (token, req) => void (req.session.flowNotes = [token])],
      ['in a header', 'the header x-token', (token, _req, res) => res.set('X-Token', encodeURIComponent(token))],
      [
        'in a cookie',
        'the header set-cookie',
        (token, _req, res) => res.cookie('token', Buffer.from(token).toString('base64url')),
      ],
      ['in a URL', 'the header location', (token) => `/notes?token=${encodeURIComponent(token)}`],
      ['in Redis', 'a command to Redis', (token) => client.set('leaked', JSON.stringify({ token }), { EX: 1 })],
    ])('the search finds a token that is %s', async (_how, where, leak) => {
      printsRequests = false
      const agent = await loggedIn()
      hook = async (req, { tokens }) => {
        const to = await leak(tokens.refreshToken ?? '', req, req.res as Response)
        // The request was observed before the hook changed it, so it is observed again.
        printsRequests = where === 'the request'
        seeRequest('in afterLogin', req)
        return typeof to === 'string' ? to : undefined
      }
      await agent.get('/switch')
      await new Promise((resolve) => setImmediate(resolve))
      await seeRedis()
      const leaks = watch.leaks()
      expect(leaks.some((found) => found.startsWith('a refresh token of default') && found.includes(where))).toBe(true)
      await client.del('leaked')
    })

    it('the search finds a code in a request whose own URL does not contain it', async () => {
      const agent = browser()
      const begun = await agent.get('/login?returnTo=/notes', { redirect: 'manual' })
      const callback = readLocation(await agent.get(readLocation(begun), { redirect: 'manual' }))
      await agent.get(callback)
      plantRequests()
      const code = new URL(callback).searchParams.get('code') ?? ''
      watch.leaks()
      see('the request', { url: callback }, [code])
      expect(watch.leaks()).toEqual([])
      see('the request', { url: callback })
      expect(watch.leaks().some((found) => found.startsWith('a code of default'))).toBe(true)
    })
  })
})
