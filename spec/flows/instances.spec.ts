import { createOidc, requireAnyAuth, type Oidc, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { getContext, secret, startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { makeIdentity } from '../support/identity.ts'
import { redisForFile } from '../support/redis.ts'
import { waiting } from '../support/waiting.ts'

const redis = redisForFile()
let customers: TestProvider
let employees: TestProvider
let app: TestApp | undefined
let agent: UserAgent
let staff: Oidc

beforeAll(async () => {
  customers = await startTestProvider({ path: '/customers' })
  employees = await startTestProvider({ path: '/employees' })
})
afterAll(async () => {
  await Promise.all([customers.stop(), employees.stop()])
})
beforeEach(() => {
  customers.signIn('alice')
  employees.signIn('bob')
})
afterEach(async () => {
  vi.useRealTimers()
  await app?.stop()
  app = undefined
})

/** An application with an unnamed instance for `customers` and the instance `staff` for `employees`. */
async function start(more: { staff?: Partial<OidcOptions>; setup?: Partial<AppSetup> } = {}): Promise<TestApp> {
  const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
  app = await startApp({
    provider: customers,
    session: { store },
    ...more.setup,
    routes: (made, oidc, url) => {
      staff = createOidc({ ...employees.settings(), name: 'staff', baseUrl: url, secret, ...more.staff })
      made.use(staff.router)
      made.get('/who', (req, res) => {
        const [shop, desk] = [oidc.context(req), staff.context(req)]
        res.json({
          shop: shop.user?.sub ?? null,
          desk: desk.user?.sub ?? null,
          latest: getContext(req).provider,
          latestUser: getContext(req).user?.sub ?? null,
        })
      })
      made.get('/desk', staff.requireAuth(), (req, res) => {
        res.json({ provider: req.oidc.provider, sub: req.oidc.user?.sub })
      })
      made.get('/shop', oidc.requireAuth(), (req, res) => {
        res.json({ provider: req.oidc.provider, sub: req.oidc.user?.sub })
      })
      made.get('/either', requireAnyAuth([oidc, staff]), (req, res) => {
        res.json({ provider: req.oidc.provider, sub: req.oidc.user?.sub })
      })
      made.get('/admin', requireAnyAuth([staff, oidc], { roles: 'admin' }), (req, res) => {
        res.json({ provider: req.oidc.provider, sub: req.oidc.user?.sub })
      })
      made.get(
        '/checked',
        requireAnyAuth([staff, oidc], { check: async (user) => user.sub === 'alice' }),
        (req, res) => void res.json({ provider: req.oidc.provider }),
      )
      made.get(
        '/refused',
        requireAnyAuth([staff, oidc], { check: async () => false }),
        (_req, res) => void res.send('never'),
      )
      made.get(
        '/tokens',
        waiting(async (req, res) => {
          const getIssuer = async (one: Oidc): Promise<unknown> => {
            const [, claims = ''] = (await one.context(req).tokens()).idToken.split('.')
            return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss: unknown }).iss
          }
          res.json([await getIssuer(oidc), await getIssuer(staff)])
        }),
      )
      more.setup?.routes?.(made, oidc, url)
    },
  })
  agent = app.agent()
  return app
}

async function logInWithBoth(): Promise<void> {
  expect((await agent.get('/shop')).status).toBe(200)
  expect((await agent.get('/desk')).status).toBe(200)
}

describe('two instances in one application', () => {
  it('each instance has its own routes', { meta: { id: 'instances-1' } }, async () => {
    await start()
    expect(staff.paths).toMatchObject({ login: '/staff/login', callback: '/staff/callback', logout: '/staff/logout' })
    for (const [path, provider] of [
      ['/login', customers],
      ['/staff/login', employees],
    ] as const) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.headers.get('location')).toMatch(new RegExp(`^${provider.issuer}/`))
    }
  })

  it(
    'a browser can log in with both instances, each with its own user and tokens',
    { meta: { id: 'instances-2' } },
    async () => {
      await start()
      expect((await agent.get('/shop')).json()).toEqual({ provider: 'default', sub: 'alice' })
      expect((await agent.get('/who')).json()).toMatchObject({ shop: 'alice', desk: null })
      expect((await agent.get('/desk')).json()).toEqual({ provider: 'staff', sub: 'bob' })
      expect((await agent.get('/who')).json()).toMatchObject({ shop: 'alice', desk: 'bob' })
      expect((await agent.get('/tokens')).json()).toEqual([customers.issuer, employees.issuer])
    },
  )

  it('a login with one instance is not a login with the other', async () => {
    await start()
    await agent.get('/shop')
    expect((await agent.fetch('/desk')).json()).toMatchObject({
      code: 'login_required',
      login: expect.stringContaining('/staff/login') as string,
    })
  })

  it.each([
    ['first', ['/shop', '/desk'], { latest: 'staff', latestUser: 'bob' }],
    ['last', ['/desk', '/shop'], { latest: 'default', latestUser: 'alice' }],
  ] as const)(
    'req.oidc is the latest login on unguarded routes (first login: the instance mounted %s)',
    async (_, order, expected) => {
      vi.useFakeTimers({ toFake: ['Date'] })
      await start()
      expect((await agent.get('/who')).json()).toMatchObject({ latest: 'default', latestUser: null })
      for (const path of order) {
        await agent.get(path)
        vi.setSystemTime(Date.now() + 5000)
      }
      expect((await agent.get('/who')).json()).toMatchObject(expected)
      expect((await agent.get('/shop')).json()).toEqual({ provider: 'default', sub: 'alice' })
      expect((await agent.get('/desk')).json()).toEqual({ provider: 'staff', sub: 'bob' })
    },
  )

  it.each([
    ['the first instance', '/logout', { shop: null, desk: 'bob', latest: 'staff' }, '/shop'],
    ['the second instance', '/staff/logout', { shop: 'alice', desk: null, latest: 'default' }, '/desk'],
  ] as const)('a logout from %s keeps the login with the other', async (_, path, expected, guarded) => {
    await start()
    await logInWithBoth()
    const answer = await agent.get(path, { redirect: 'manual' })
    const provider = path === '/logout' ? customers : employees
    expect(answer.headers.get('location')).toMatch(new RegExp(`^${provider.issuer}/logout`))
    expect((await agent.get('/who')).json()).toMatchObject(expected)
    expect((await agent.fetch(guarded)).status).toBe(401)
    await agent.get(path === '/logout' ? '/staff/logout' : '/logout')
    expect((await agent.get('/who')).json()).toMatchObject({ shop: null, desk: null })
  })
})

describe('requireAnyAuth', () => {
  it('requireAnyAuth() accepts a login with any of its instances, and req.oidc is that login', async () => {
    await start()
    expect((await agent.fetch('/either')).status).toBe(401)
    await agent.get('/desk')
    expect((await agent.get('/either')).json()).toEqual({ provider: 'staff', sub: 'bob' })
    await agent.get('/shop')
    expect((await agent.get('/either')).json()).toEqual({ provider: 'default', sub: 'alice' })
  })

  it('requireAnyAuth() redirects an anonymous navigation to the provider of its first instance', async () => {
    await start()
    const answer = await agent.get('/either', { redirect: 'manual' })
    expect(answer.headers.get('location')).toMatch(new RegExp(`^${customers.issuer}/`))
  })

  it('requireAnyAuth() evaluates the rule for each login', async () => {
    await start()
    await agent.get('/desk')
    expect((await agent.fetch('/admin')).json()).toMatchObject({ code: 'not_allowed', status: 403 })
    expect((await agent.fetch('/checked')).json()).toMatchObject({ code: 'not_allowed', status: 403 })
    await agent.get('/shop')
    expect((await agent.get('/admin')).json()).toEqual({ provider: 'default', sub: 'alice' })
    expect((await agent.get('/checked')).json()).toEqual({ provider: 'default' })
    expect((await agent.fetch('/refused')).json()).toMatchObject({ code: 'not_allowed', status: 403 })
  })

  it('requireAnyAuth() with an instance whose router is not mounted is answered 500 setup_invalid', async () => {
    const stray = createOidc({ ...employees.settings(), name: 'stray', baseUrl: 'http://localhost', secret })
    await start({
      setup: {
        routes: (made) => {
          made.get('/stray', requireAnyAuth([staff, stray]), (_req, res) => void res.send('never'))
        },
      },
    })
    const answer = await agent.fetch('/stray')
    expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
    expect(answer.text()).toContain("the instance 'stray'")
  })
})

describe('requireAnyAuth() and allowedOrigins', () => {
  const listed = 'https://www.example.com'
  const headers = { origin: listed, 'sec-fetch-site': 'cross-site' }

  async function startWithOrigins(shop: string[], desk: string[]): Promise<TestApp> {
    return start({
      staff: { allowedOrigins: desk },
      setup: {
        options: { allowedOrigins: shop },
        routes: (made, oidc) => {
          const guards = { '/first': requireAnyAuth([oidc, staff]), '/last': requireAnyAuth([staff, oidc]) }
          for (const [path, guard] of Object.entries(guards)) {
            made.post(path, guard, (req, res) => void res.json({ provider: req.oidc.provider }))
          }
        },
      },
    })
  }

  it.each(['/first', '/last'])(
    'an origin acts at %s only with the login of an instance that lists it',
    async (path) => {
      await startWithOrigins([listed], [])
      await agent.get('/desk')
      const refused = await agent.fetch(path, { method: 'POST', headers })
      expect(refused.json()).toMatchObject({ code: 'cross_site_request', status: 403 })
      await agent.get('/shop')
      expect((await agent.fetch(path, { method: 'POST', headers })).json()).toEqual({ provider: 'default' })
      await agent.get('/desk')
      expect((await agent.fetch(path, { method: 'POST', headers })).json()).toEqual({ provider: 'default' })
      expect((await agent.fetch(path, { method: 'POST' })).json()).toEqual({
        provider: path === '/first' ? 'default' : 'staff',
      })
    },
  )

  it.each([
    ['no instance lists', [], [], 403, 'cross_site_request'],
    ['one instance lists', [], [listed], 401, 'login_required'],
  ])('an anonymous request from an origin that %s gets the right error', async (_, shop, desk, status, code) => {
    await startWithOrigins(shop, desk)
    expect((await agent.fetch('/first', { method: 'POST', headers })).json()).toMatchObject({ status, code })
  })
})

describe('the callback of one instance', () => {
  /** The URL of an authorization response that is not delivered yet. */
  async function response(path: string): Promise<URL> {
    const begun = await agent.get(path, { redirect: 'manual' })
    const answered = await agent.get(begun.headers.get('location') ?? '', { redirect: 'manual' })
    return new URL(answered.headers.get('location') ?? '')
  }

  it.each([
    ['/login', '/staff/callback'],
    ['/staff/login', '/callback'],
  ])('the response to a login started at %s is rejected at %s', async (login, callback) => {
    await start()
    const delivered = await response(login)
    const tokens = employees.requestsTo('token').length + customers.requestsTo('token').length
    delivered.pathname = callback
    const answer = await agent.fetch(delivered, { redirect: 'manual' })
    expect(answer.json()).toMatchObject({ code: 'state_unknown', status: 400 })
    expect(employees.requestsTo('token').length + customers.requestsTo('token').length).toBe(tokens)
    expect((await agent.get('/who')).json()).toMatchObject({ shop: null, desk: null })
  })

  it(
    'a callback ignores the login cookie of another instance under its own name',
    { meta: { id: 'instances-3' } },
    async () => {
      await start()
      const own = await response('/login')
      const other = await response('/staff/login')
      const cookies = agent.jar.cookies().filter(({ name }) => name.startsWith('oidc.'))
      const desk = makeIdentity({ ...employees.settings(), name: 'staff', baseUrl: app?.url ?? '' })
      const shop = app as TestApp
      expect(new Set(cookies.map(({ name }) => name.replace(/[^.]+$/, '')))).toEqual(
        new Set([shop.cookie(''), desk.cookie('')]),
      )
      const [ownId, otherId] = [own, other].map((url) => url.searchParams.get('state')?.split('.', 1)[0])
      const sealed = cookies.find(({ name }) => name === desk.cookie(otherId ?? ''))?.value
      for (const { name } of cookies) agent.jar.delete(name)
      agent.jar.set(`${shop.cookie(ownId ?? '')}=${sealed}; Path=/`, shop.url)
      const answer = await agent.get(own, { redirect: 'manual' })
      // The login restarts once, as without a cookie.
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')).toMatch(new RegExp(`^${customers.issuer}/`))
      expect((await agent.get('/who')).json()).toMatchObject({ shop: null, desk: null })
    },
  )

  it(
    'a callback rejects its own code with the state of another instance',
    { meta: { id: 'instances-4' } },
    async () => {
      await start()
      const own = await response('/login')
      const other = await response('/staff/login')
      own.searchParams.set('state', other.searchParams.get('state') ?? '')
      const answer = await agent.fetch(own, { redirect: 'manual' })
      expect(answer.json()).toMatchObject({ code: 'state_unknown' })
    },
  )

  it(
    'a callback succeeds while a login with another instance is in progress',
    { meta: { id: 'instances-5' } },
    async () => {
      await start()
      const own = await response('/login?returnTo=/who')
      const other = await response('/staff/login?returnTo=/who')
      await agent.get(own)
      expect((await agent.get(other)).json()).toMatchObject({ shop: 'alice', desk: 'bob' })
    },
  )
})

describe('conflicting instances', () => {
  it('two instances with the same name are answered 500 setup_invalid', { meta: { id: 'instances-6' } }, async () => {
    await start({ staff: { name: undefined, routes: { login: '/a', callback: '/b', logout: '/c' } } })
    const answer = await agent.fetch('/who')
    expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
    expect(answer.text()).toContain("two instances have the name 'default'; give each its own")
  })

  it.each(['/login', '/LOGIN', '/callback'])(
    'two instances with the same route are answered 500 setup_invalid: %s',
    { meta: { id: 'instances-7' } },
    async (path) => {
      await start({ staff: { routes: { login: path } } })
      const answer = await agent.fetch('/who')
      expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
      expect(answer.text()).toContain(`the instances 'default' and 'staff' both use the path ${path.toLowerCase()}`)
    },
  )

  it('two instances with different `records` are answered 500 setup_invalid', async () => {
    await start({ staff: { records: redisRecords({ client: redis.client, prefix: 'staff:' }) } })
    const answer = await agent.fetch('/who')
    expect(answer.json()).toMatchObject({ code: 'setup_invalid', status: 500 })
    expect(answer.text()).toContain('pass the same `records` to each')
  })

  it('two instances with the same `records` work', async () => {
    const records = redisRecords({ client: redis.client, prefix: 'both:' })
    await start({ staff: { records }, setup: { options: { records } } })
    await logInWithBoth()
    expect((await agent.get('/who')).json()).toMatchObject({ shop: 'alice', desk: 'bob' })
    await agent.get('/logout')
    expect((await agent.get('/who')).json()).toMatchObject({ shop: null, desk: 'bob' })
  })
})
