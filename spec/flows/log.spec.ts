/** What an application's operator reads on standard error or gets by the option `log`, for failures of each kind. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createBearer, createOidc, type OidcLogEntry, type OidcOptions } from 'express-session-oidc'
import { beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { secret, until, type TestApp } from '../support/app.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { flow, listEvents } from '../support/flow.ts'
import { switchedRedis } from '../support/switched-redis.ts'
import { waiting } from '../support/waiting.ts'
import { RedisSessionStore } from 'express-session-oidc/redis'

const world = flow()
let lines: string[]

beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((line: unknown) => void lines.push(String(line)))
})

/** Level, code and count of each entry. */
const brief = ({ log }: TestApp): unknown[] => log.map(({ level, code }) => `${level} ${code}`)

const rejected = {
  endpoints: { token: { status: 401, body: { error: 'invalid_client', error_description: 'wrong' } } },
}

describe('standard error, without the option `log`', () => {
  it('gets one line with the fix for a wrong client secret, and the user gets neither', async () => {
    const app = await world.start({ options: { log: undefined } })
    world.provider.misbehave(rejected)
    const page = await app.agent().get('/profile')
    expect(page.status).toBe(500)
    expect(page.text()).not.toContain('invalid_client')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^express-session-oidc: client_rejected: .*"invalid_client" "wrong"; compare `clientId`, `clientSecret`.* \(docs\/setup-mistakes\.md#client_rejected-500\)$/,
    )
  })

  it('gets the stack of an exception of afterLogin', async () => {
    const options: Partial<OidcOptions> = {
      log: undefined,
      afterLogin: function saveTheUser() {
        throw new TypeError('no table users')
      },
    }
    const app = await world.start({ options })
    expect((await app.agent().get('/profile')).status).toBe(500)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^express-session-oidc: hook_failed: `afterLogin` failed: TypeError: no table users; [^\n]*\n {4}TypeError/,
    )
    expect(lines[0]).toMatch(/at .*saveTheUser .*log\.spec\.ts/)
  })

  it('gets nothing with `log: false`, although events are emitted', async () => {
    const app = await world.start({ options: { log: false } })
    world.provider.misbehave(rejected)
    expect((await app.agent().get('/profile')).status).toBe(500)
    expect(lines).toEqual([])
    expect(listEvents(app, 'login_failed')).toHaveLength(1)
  })

  it('gets the entry of a `log` that fails, and the response does not change', async () => {
    const failing = [
      () => {
        throw new Error('disk full')
      },
      () => Promise.reject(new Error('disk full')),
    ]
    for (const log of failing) {
      const app = await world.start({ options: { log } })
      world.provider.misbehave(rejected)
      const page = await app.agent().get('/profile')
      expect([page.status, page.text()]).toEqual([500, expect.stringContaining('rejected this application')])
      world.provider.behave()
      expect((await app.agent().get('/profile')).status).toBe(200)
    }
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatch(/^express-session-oidc: OIDC_LOG_FAILED: .*client_rejected: [^\n]*$/)
  })
})

describe('what only a user or a client can cause', () => {
  it('is not logged', async () => {
    const app = await world.start({
      options: { bearer: { audience: 'orders' } },
      routes: (made, oidc) => {
        made.get('/admin', oidc.requireAuth({ roles: ['no-such-role'] }), (_req, res) => void res.send('never'))
        made.get('/api', oidc.requireBearer(), (_req, res) => void res.send('never'))
      },
    })
    const agent = app.agent()
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect((await agent.get('/profile')).status).toBe(200)
    expect((await agent.get('/admin')).status).toBe(403)
    const get = async (path: string, init?: RequestInit): Promise<number> => (await fetch(app.url + path, init)).status
    expect(await get('/callback?state=forged&code=x')).toBe(400)
    expect(await get('/login', { method: 'PATCH' })).toBe(405)
    expect(await get('/api', { headers: { authorization: 'Bearer forged.token.x' } })).toBe(401)
    const form = new URLSearchParams({ logout_token: 'forged' })
    expect(await get('/backchannel-logout', { method: 'POST', body: form })).toBe(400)
    world.provider.misbehave({ authorizationResponse: { code: undefined, error: 'access_denied' } })
    expect((await app.agent().get('/login')).status).toBe(403)
    world.provider.behave()
    world.provider.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } })
    expect((await app.agent().get('/login')).status).toBe(400)
    expect(app.log).toEqual([])
  })

  it('includes no error of the provider that a wrong scope causes: that is a warning', async () => {
    const app = await world.start()
    world.provider.misbehave({ authorizationResponse: { code: undefined, error: 'invalid_scope' } })
    expect((await app.agent().get('/login')).status).toBe(400)
    expect(brief(app)).toEqual(['warn authorization_failed'])
    expect(app.log[0]?.message).toContain('invalid_scope')
  })
})

describe('exceptions of the application', () => {
  it.each<[string, Partial<OidcOptions>]>([
    ['roles', { roles: () => thrower() }],
    ['afterLogin', { afterLogin: () => Promise.reject(new Error('out of order')) }],
  ])('of `%s` are logged once with their stack', async (hook, options) => {
    const app = await world.start({ options })
    expect((await app.agent().get('/profile')).status).toBe(500)
    expect(app.log).toMatchObject([{ level: 'error', code: 'hook_failed' }])
    expect(app.log[0]?.message).toContain(`\`${hook}\` failed: Error: out of order`)
    expect(app.log[0]?.error?.stack).toContain('log.spec.ts')
  })

  it('of `check` and `onError` are logged, each at its place', async () => {
    const app = await world.start({
      options: {
        onError: (error, _req, _res, next) => {
          if (error.code === 'not_allowed') throw new Error('onError is out of order')
          next(error)
        },
      },
      routes: (made, oidc) => {
        made.get('/one', oidc.requireAuth({ check: () => thrower() }), (_req, res) => void res.send('never'))
        made.get('/other', oidc.requireAuth({ roles: ['no-such-role'] }), (_req, res) => void res.send('never'))
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    for (let times = 0; times < 2; times++) {
      expect((await agent.get('/one')).status).toBe(500)
      expect((await agent.get('/other')).status).toBe(500)
    }
    expect(app.log.map(({ error }) => error?.message)).toEqual(['out of order', 'onError is out of order'])
  })

  it('do not show the tokens, the code, the cookies and the secrets that they quote', async () => {
    const quoted: string[] = []
    const quote = (...texts: (string | undefined)[]): never => {
      quoted.push(...texts.filter((text) => text !== undefined))
      throw new Error(`quoted: ${texts.join(' ')}`, { cause: new Error(`again: ${texts.join(' ')}`) })
    }
    let breaksLogin = true
    const app = await world.start({
      options: {
        bearer: { audience: 'orders' },
        afterLogin: (req, { tokens }) => {
          if (!breaksLogin) return undefined
          const { code } = req.query
          return quote(
            tokens.accessToken,
            tokens.refreshToken,
            tokens.idToken,
            code as string,
            req.headers.cookie,
            secret,
          )
        },
      },
      routes: (made, oidc) => {
        made.get('/one', oidc.requireAuth({ check: (_, req) => quote(req.headers.cookie) }), () => {})
        made.get(
          '/api',
          oidc.requireBearer({ check: (_, req) => quote(req.headers.authorization?.slice(7)) }),
          () => {},
        )
      },
    })
    const agent = app.agent()
    expect((await agent.get('/profile')).status).toBe(500)
    breaksLogin = false
    expect((await agent.get('/profile')).status).toBe(200)
    expect((await agent.get('/one')).status).toBe(500)
    // Both exceptions are created at one place.
    passMs(60_000)
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: world.provider.issuer, sub: 'bob', aud: 'orders', client_id: 'web', iat: now, exp: now + 600 }
    const token = await world.provider.sign(claims, { typ: 'at+jwt' })
    expect((await fetch(`${app.url}/api`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(500)
    expect(quoted.length).toBeGreaterThanOrEqual(7)
    expect(app.log).toHaveLength(3)
    const texts = app.log
      .map((entry) => `${JSON.stringify(entry)} ${entry.error?.stack} ${entry.error?.message}`)
      .join()
    for (const text of quoted) expect(texts.includes(text), text).toBe(false)
    for (const { error } of app.log) expect(error?.stack).toMatch(/quoted: \[secret\][^]*again: \[secret\]/)
  })

  function thrower(): never {
    throw new Error('out of order')
  }
})

describe('failures of the store and the provider', () => {
  it('of the store during many requests are one entry a minute, and the next one has the count', async () => {
    const redis = switchedRedis(world.redis.client)
    const app = await world.start({ session: { store: new RedisSessionStore({ client: redis.client }) } })
    const agent = app.agent()
    await agent.get('/profile')
    stopClocks()
    redis.fail('mGet')
    for (let times = 0; times < 5; times++) expect((await agent.fetch('/profile')).status).toBe(503)
    expect(app.log).toMatchObject([{ code: 'store_unavailable', count: 0 }])
    passMs(60_000)
    expect((await agent.fetch('/profile')).status).toBe(503)
    expect(app.log).toMatchObject([{ count: 0 }, { code: 'store_unavailable', count: 4 }])
    redis.heal()
  })

  it('of the discovery are logged by the login and by ready(), once for each attempt', async () => {
    const entries: OidcLogEntry[] = []
    const oidc = createOidc({
      ...world.provider.settings(),
      issuer: `${world.provider.issuer}/`,
      baseUrl: 'http://localhost:3000',
      secret,
      log: (entry) => void entries.push(entry),
    })
    await expect(oidc.ready()).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect(entries).toMatchObject([
      { code: 'provider_unavailable', fix: expect.stringContaining('set `issuer` to exactly this value') as string },
    ])
  })

  it('of a refresh that a usable token hides are logged', async () => {
    const app = await world.start({
      routes: (made, oidc) =>
        void made.get(
          '/token',
          waiting(async (req, res) => {
            await oidc.context(req).accessToken()
            res.send('fine')
          }),
        ),
    })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.misbehave({ endpoints: { token: { status: 503 } } })
    passMs(280_000)
    expect((await agent.get('/token')).text()).toBe('fine')
    expect(brief(app)).toEqual(['error provider_unavailable'])
    // The note of the failed refresh stands for the same failure.
    expect((await agent.get('/token')).text()).toBe('fine')
    expect(app.log).toHaveLength(1)
  })

  it('of a recheck in the background are logged', async () => {
    const app = await world.start({ options: { recheckSeconds: 60 } })
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.misbehave({ endpoints: { token: { status: 503 } } })
    passMs(61_000)
    expect((await agent.fetch('/profile')).status).toBe(200)
    await until(() => app.log.length > 0, 'the recheck has failed')
    expect(brief(app)).toEqual(['error provider_unavailable'])
  })

  it('of the store in a recheck are logged, although no request waits for it', async () => {
    const redis = switchedRedis(world.redis.client)
    const store = new RedisSessionStore({ client: redis.client })
    const app = await world.start({ options: { recheckSeconds: 60 }, session: { store } })
    const agent = app.agent()
    await agent.get('/profile')
    redis.fail('get')
    passMs(61_000)
    expect((await agent.fetch('/profile')).status).toBe(200)
    await until(() => app.log.length > 0, 'the recheck has failed')
    expect(brief(app)).toEqual(['error store_unavailable'])
    redis.heal()
  })

  it('of the revocation after a logout are logged', async () => {
    const app = await world.start()
    const agent = app.agent()
    await agent.get('/profile')
    world.provider.misbehave({ endpoints: { revocation: { status: 503 } } })
    expect((await agent.get('/logout', { redirect: 'manual' })).status).toBe(303)
    expect(brief(app)).toEqual(['error provider_unavailable'])
  })

  it('of createBearer() are logged with its name', async () => {
    const bearer = createBearer({ issuer: 'http://127.0.0.1:1', audience: 'orders', log: undefined })
    await expect(bearer.verifyToken(await world.provider.sign({}))).rejects.toMatchObject({ status: 503 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^express-session-oidc: provider_unavailable: instance 'bearer': .*fetch failed/)
  })
})

describe('mistakes in the setup', () => {
  it('a missing session and a missing router are logged, with the line to add', async () => {
    const app = await world.start({
      before: (made) => {
        made.get('/early', (req, res, next) => app.oidc.requireAuth()(req, res, next))
        made.get('/early-login', (req, res, next) => void app.oidc.login()(req, res, next))
      },
    })
    for (const path of ['/early', '/early-login', '/early', '/early-login']) {
      expect((await fetch(app.url + path)).status).toBe(500)
    }
    expect(app.log).toMatchObject([
      { code: 'setup_invalid', fix: 'put `app.use(oidc.router)` before the guarded routes' },
      { code: 'setup_invalid', fix: 'put `app.use(oidc.router)` before it' },
    ])
  })

  it('a forgotten origin of fetch() is logged with the option', async () => {
    const app = await world.start({
      routes: (made, oidc) =>
        void made.get(
          '/call',
          waiting(async (req, res) => void res.send(await oidc.context(req).fetch('https://orders.example.com/'))),
        ),
    })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.get('/call')).status).toBe(500)
    expect(app.log).toMatchObject([
      {
        code: 'destination_refused',
        message: expect.stringContaining('https://orders.example.com, which `fetchOrigins` does not list') as string,
        fix: 'add the origin to it',
      },
    ])
  })
})

describe('NODE_DEBUG=express-session-oidc', () => {
  it('prints each event as one line, and nothing else does', async () => {
    const program = `
      import { createOidc } from ${JSON.stringify(join(inject('compiled'), 'lib/index.js'))}
      const oidc = createOidc({ issuer: 'http://127.0.0.1:1', clientId: 'web', clientSecret: 'x', clientAuth: 'client_secret_post',
        baseUrl: 'http://localhost:3000', secret: 'x'.repeat(32), log: false, bearer: { audience: 'orders' } })
      await oidc.verifyToken('forged\\nline').catch(() => {})
    `
    const run = promisify(execFile)
    const start = (env: Record<string, string>): Promise<{ stderr: string }> =>
      run(process.execPath, ['--input-type=module', '-e', program], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
      })
    const { stderr } = await start({ NODE_DEBUG: 'express-session-oidc' })
    expect(stderr).toMatch(
      /^EXPRESS-SESSION-OIDC \d+: token_rejected \{"provider":"default",.*"code":"token_invalid".*\}\n$/,
    )
    expect((await start({})).stderr).toBe('')
  })
})
