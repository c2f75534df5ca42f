/**
 * Login CSRF: an attacker delivers parts of a login of their own to a victim's browser, so that the victim unknowingly uses
 * the attacker's account. No part of that login, however delivered, logs the victim in as the attacker.
 */
import * as fc from 'fast-check'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import type { AppSetup, TestApp } from '../support/app.ts'
import {
  behindTls,
  changeUrl,
  flow,
  readLocation,
  noteRoutes,
  listNotes,
  publicOrigin,
  readAuthorizationRequest,
  response,
  listEvents,
  listTransactions,
} from '../support/flow.ts'
import { runs } from '../support/depth.ts'

const world = flow()
const sibling = 'https://evil.example.com/'

/** An application over https, as browsers see it at `publicOrigin`. */
function start(options: Partial<OidcOptions> = {}, setup: Partial<AppSetup> = {}): Promise<TestApp> {
  const tls = behindTls(world.provider)
  return world.start({
    ...tls,
    ...setup,
    options: { ...(tls.options as Partial<OidcOptions>), ...options },
    routes: (app, oidc) => {
      noteRoutes(app)
      app.get('/switch', oidc.login({ prompt: 'login', returnTo: '/notes' }))
    },
  })
}

/** A browser for which application and provider are different sites. */
function browser(app: TestApp): UserAgent {
  return app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url }, site: (url) => url.origin })
}

/** Runs a login of the attacker, bob, up to the authorization response. Afterwards alice signs in at the provider. */
async function attack(app: TestApp, page = '/profile'): Promise<{ attacker: UserAgent; callback: string }> {
  const attacker = browser(app)
  world.provider.signIn('bob')
  const callback = await response(attacker, page)
  world.provider.signIn('alice')
  return { attacker, callback }
}

function getState(url: string): string {
  return new URL(url).searchParams.get('state') ?? ''
}

function getCode(url: string): string {
  return new URL(url).searchParams.get('code') ?? ''
}

/** Checks that the victim is not logged in as the attacker, and that the attacker's code was not sent to the provider. */
async function isNotTheAttacker(app: TestApp, victim: UserAgent, code?: string): Promise<void> {
  const { sub } = await listNotes(victim, { ...app, url: publicOrigin })
  expect([null, 'alice']).toContain(sub)
  const sent = world.provider.requestsTo('token').map(({ params }) => params.get('code'))
  if (code !== undefined) expect(sent).not.toContain(code)
}

/** Ways to make a browser open a URL. */
const deliveries: Record<string, (victim: UserAgent, url: string) => Promise<UserAgentResponse>> = {
  'a link on another site': (victim, url) => victim.get(url, { crossSite: true }),
  'a typed URL': (victim, url) => victim.get(url),
  'a redirect of the provider': (victim, url) => victim.get(url, { from: `${world.provider.issuer}/authorize` }),
  'a frame on another site': (victim, url) =>
    victim.get(url, { crossSite: true, headers: { 'sec-fetch-dest': 'iframe' } }),
  'an image on another site': (victim, url) =>
    victim.get(url, { crossSite: true, headers: { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' } }),
  'a same-origin fetch': (victim, url) => victim.fetch(url),
  'a cross-site POST of its parameters': (victim, url) =>
    victim.post(`${publicOrigin}/callback`, new URL(url).searchParams, { crossSite: true }),
}

/** The state of the victim's browser. */
const victims: Record<string, (victim: UserAgent) => Promise<unknown>> = {
  'without a session': async () => {},
  'with an anonymous session': (victim) => victim.get('/note/apples'),
  'with a login in progress': (victim) => victim.get('/login', { redirect: 'manual' }),
  'with a login': (victim) => victim.get('/profile'),
}

describe.each(['query', 'form_post'] as const)(
  "the attacker's authorization response, with response mode %s",
  (responseMode) => {
    describe.each(Object.entries(victims))('the response delivered to a victim %s', (_who, prepare) => {
      it.each(Object.entries(deliveries))(
        'a response delivered by %s does not log the victim in as the attacker',
        { meta: { id: 'login-csrf-1' } },
        async (_how, deliver) => {
          const app = await start({ responseMode })
          const victim = browser(app)
          await prepare(victim)
          world.provider.forget()
          const { attacker, callback } = await (responseMode === 'query' ? attack(app) : attackByForm(app))
          await deliver(victim, callback)
          await isNotTheAttacker(app, victim, getCode(callback))
          // The attacker can still use it.
          const sent = responseMode === 'query' ? attacker.get(callback) : postBack(attacker, callback)
          expect((await sent).json()).toMatchObject({ user: { sub: 'bob' } })
        },
      )
    })
  },
)

/** The same with `form_post`, where the fields of the response are returned as a URL. */
async function attackByForm(app: TestApp): Promise<{ attacker: UserAgent; callback: string }> {
  const attacker = browser(app)
  world.provider.signIn('bob')
  const page = await attacker.get('/profile', { followForms: false })
  world.provider.signIn('alice')
  const fields = [...page.text().matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  const callback = new URL(`${publicOrigin}/callback`)
  for (const [, name = '', value = ''] of fields) {
    callback.searchParams.set(
      name,
      value.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
    )
  }
  return { attacker, callback: callback.href }
}

function postBack(agent: UserAgent, callback: string): Promise<UserAgentResponse> {
  const { searchParams } = new URL(callback)
  return agent.post(`${publicOrigin}/callback`, searchParams, { from: `${world.provider.issuer}/authorize` })
}

describe("the attacker's login cookie, planted from a sibling host", () => {
  /** Set-Cookie lines by which a sibling host could make a browser send the cookie to the application. */
  const lines: Record<string, (name: string, value: string) => string> = {
    'under its name, for the domain': (name, value) => `${name}=${value}; Domain=example.com; Path=/; Secure`,
    'under its name, for a path': (name, value) => `${name}=${value}; Domain=example.com; Path=/callback; Secure`,
    'under its name in lowercase': (name, value) =>
      `${name.replace('__Host-', '__host-')}=${value}; Domain=example.com; Path=/; Secure`,
    'without the prefix': (name, value) =>
      `${name.replace('__Host-', '')}=${value}; Domain=example.com; Path=/; Secure`,
    'with the other prefix': (name, value) =>
      `${name.replace('__Host-', '__Secure-')}=${value}; Domain=example.com; Path=/; Secure`,
    'with the prefix percent-encoded': (name, value) =>
      `${name.replace('__Host-', '%5F%5FHost-')}=${value}; Domain=example.com; Path=/; Secure`,
    'with an empty name and its name in the value': (name, value) =>
      `=${name}=${value}; Domain=example.com; Path=/; Secure`,
    quoted: (name, value) => `"${name}"=${value}; Domain=example.com; Path=/; Secure`,
  }

  it.each(Object.entries(lines))(
    'a planted cookie %s does not log the victim in as the attacker',
    async (_how, line) => {
      const app = await start()
      const { attacker, callback } = await attack(app)
      const [name = ''] = listTransactions(attacker)
      expect(name).toMatch(/^__Host-/)
      const victim = browser(app)
      victim.jar.set(line(name, attacker.jar.get(name)?.value ?? ''), sibling)
      await victim.get(callback, { crossSite: true })
      await isNotTheAttacker(app, victim, getCode(callback))
    },
  )

  // Browsers that do not strip such a character see a name without prefix, and let any sibling host set it. A server that
  // strips more than the spaces of RFC 6265 4.2.1 would then read a prefix that the browser did not enforce.
  it.each([
    ['a no-break space', '\u00a0'],
    ['a vertical tab', '\v'],
    ['a form feed', '\f'],
  ])('a planted cookie with %s before its name does not log the victim in as the attacker', async (_what, space) => {
    const app = await start()
    const { attacker, callback } = await attack(app)
    const [name = ''] = listTransactions(attacker)
    const victim = browser(app)
    const cookie = `a=b; ${space}${name}=${attacker.jar.get(name)?.value ?? ''}`
    // The HTTP client may reject these characters.
    const page = await victim
      .get(callback, { crossSite: true, headers: { cookie }, redirect: 'manual' })
      .catch((error: NodeJS.ErrnoException) => error.code)
    if (page !== 'ERR_INVALID_CHAR') expect(page).toMatchObject({ status: 302 })
    await isNotTheAttacker(app, victim, getCode(callback))
  })

  it('a planted cookie of an application below a path logs nobody in', async () => {
    const app = await start({}, { basePath: '/shop', mount: '/shop' })
    const attacker = browser(app)
    world.provider.signIn('bob')
    const callback = await response(attacker, '/shop/login')
    world.provider.signIn('alice')
    const [name = ''] = listTransactions(attacker)
    const victim = browser(app)
    const { value = '' } = attacker.jar.get(name) ?? {}
    victim.jar.set(`${name}=${value}; Domain=example.com; Path=/shop; Secure`, sibling)
    await victim.get(callback, { crossSite: true, redirect: 'manual' })
    expect(listEvents(app, 'login')).toEqual([])
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('a planted cookie of a completed login logs nobody in', async () => {
    const app = await start()
    const { attacker, callback } = await attack(app)
    const [name = ''] = listTransactions(attacker)
    const { value = '' } = attacker.jar.get(name) ?? {}
    await attacker.get(callback)
    const victim = browser(app)
    // As if the browser had accepted the cookie.
    await victim.get(callback, { crossSite: true, headers: { cookie: `${name}=${value}` }, redirect: 'manual' })
    expect(await listNotes(victim, { ...app, url: publicOrigin })).toMatchObject({ sub: null })
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })
})

describe('a response that the attacker has already used', () => {
  it.each(Object.entries(victims))(
    'a used response logs nobody in, in the browser of a victim %s',
    async (_who, prepare) => {
      const app = await start()
      const victim = browser(app)
      await prepare(victim)
      const before = await listNotes(victim, { ...app, url: publicOrigin })
      // Otherwise the login of the victim could count as later than that of the attacker.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2000 })
      const { attacker, callback } = await attack(app)
      await attacker.get(callback)
      world.provider.forget()
      const page = await victim.get(callback, { crossSite: true })
      expect(page.status).toBe(400)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'callback_used' }])
      expect(world.provider.requestsTo('token')).toEqual([])
      const { sub, notes } = await listNotes(victim, { ...app, url: publicOrigin })
      expect({ sub, notes }).toEqual({ sub: before.sub, notes: before.notes })
    },
  )
})

describe("the attacker's code in the victim's own login", () => {
  /** The attacker knows the victim's state, from a log or a referrer. The victim's browser has the cookie. */
  async function injected(
    app: TestApp,
    codeFor: (requested: URLSearchParams, attacker: UserAgent) => Promise<string>,
  ): Promise<void> {
    const victim = browser(app)
    const requested = await readAuthorizationRequest(victim, '/profile')
    const attacker = browser(app)
    world.provider.signIn('bob')
    const code = await codeFor(requested, attacker)
    world.provider.signIn('alice')
    const callback = new URL(`${publicOrigin}/callback`)
    callback.search = new URLSearchParams({
      code,
      state: requested.get('state') ?? '',
      iss: world.provider.issuer,
    }).toString()
    const page = await victim.get(callback, { crossSite: true })
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(listEvents(app, 'login')).toEqual([])
    await isNotTheAttacker(app, victim)
  }

  /** A code for the attacker from a modified authorization request. */
  async function codeOfRequest(attacker: UserAgent, parameters: Record<string, string>): Promise<string> {
    const url = new URL(readLocation(await attacker.get('/login', { redirect: 'manual' })))
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return getCode(readLocation(await attacker.get(url, { redirect: 'manual' })))
  }

  it(
    'a code of another login is rejected by the provider, since the verifier does not match (RFC 7636)',
    { meta: { id: 'login-csrf-2' } },
    async () => {
      const app = await start()
      await injected(app, (_asked, attacker) => codeOfRequest(attacker, {}))
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'authorization_failed' }])
    },
  )

  it("a code requested with the victim's nonce is rejected by the provider because of the verifier", async () => {
    const app = await start()
    await injected(app, (requested, attacker) => codeOfRequest(attacker, { nonce: requested.get('nonce') ?? '' }))
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'authorization_failed' }])
  })

  it("a code requested with the victim's code challenge fails on the nonce (OIDC Core 3.1.3.7, 11)", async () => {
    const app = await start()
    await injected(app, (requested, attacker) =>
      codeOfRequest(attacker, { code_challenge: requested.get('code_challenge') ?? '' }),
    )
    expect(listEvents(app, 'login_failed')).toMatchObject([{ detail: expect.stringContaining('nonce') as string }])
  })

  it("the attacker's code fails on the nonce if the provider ignores PKCE", async () => {
    const app = await start()
    const { provider } = world
    // Such a provider accepts the code, and returns tokens of the attacker.
    provider.misbehave({ idToken: { claims: (claims) => ({ ...claims, sub: 'bob', nonce: 'of-the-attacker' }) } })
    const victim = browser(app)
    const own = await response(victim, '/profile')
    expect((await victim.get(own)).status).toBe(502)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ detail: expect.stringContaining('nonce') as string }])
    await isNotTheAttacker(app, victim)
  })
})

describe('two mixed logins of the attacker', () => {
  it.each([
    [
      'the state of the first login with the code of the second',
      (first: string, second: string) => changeUrl(first, { code: getCode(second) }),
    ],
    [
      'the state of the second login with the code of the first',
      (first: string, second: string) => changeUrl(second, { code: getCode(first) }),
    ],
  ])('%s logs nobody in, in any browser', async (_what, mix) => {
    const app = await start()
    const { attacker, callback: one } = await attack(app)
    world.provider.signIn('bob')
    const other = await response(attacker, '/profile')
    world.provider.signIn('alice')
    const mixed = mix(one, other)
    const victim = browser(app)
    await victim.get(mixed, { crossSite: true })
    await isNotTheAttacker(app, victim, getCode(mixed))
    const page = await attacker.get(mixed)
    expect(page.status).toBe(400)
    expect(listEvents(app, 'login').map(({ sub }) => sub)).not.toContain('bob')
  })

  it('two logins with exchanged cookies, and so with exchanged nonce and verifier, log nobody in', async () => {
    const app = await start()
    const { attacker, callback: one } = await attack(app)
    world.provider.signIn('bob')
    const other = await response(attacker, '/profile')
    world.provider.signIn('alice')
    const [first = '', second = ''] = listTransactions(attacker)
    const [a, b] = [attacker.jar.get(first)?.value, attacker.jar.get(second)?.value]
    for (const callback of [one, other]) {
      const headers = { cookie: `${first}=${b}; ${second}=${a}` }
      const answer = await attacker.get(callback, { headers, redirect: 'manual' })
      expect(readLocation(answer)).toContain(`${world.provider.issuer}/authorize`)
    }
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(listEvents(app, 'login')).toEqual([])
  })
})

describe('the iss of an authorization response', () => {
  it.each([
    ['a missing iss', undefined],
    ['another iss', 'https://evil.example'],
    ['a duplicate iss', [0, 0]],
    ['an additional iss', [0, 'https://evil.example']],
    ['an empty iss', ''],
    ['an iss with a trailing slash', '/'],
    ['an iss in uppercase', 'CAPITALS'],
  ])('%s logs in neither the attacker nor the victim', async (_what, iss) => {
    const app = await start()
    const { attacker, callback } = await attack(app)
    const { issuer } = world.provider
    const value =
      iss === '/'
        ? `${issuer}/`
        : iss === 'CAPITALS'
          ? issuer.toUpperCase()
          : Array.isArray(iss)
            ? iss.map((one) => one || issuer).map(String)
            : iss
    const played = changeUrl(callback, { iss: value })
    const victim = browser(app)
    await victim.get(played, { crossSite: true })
    await isNotTheAttacker(app, victim, getCode(callback))
    world.provider.forget()
    expect((await attacker.get(played)).status).toBeGreaterThanOrEqual(400)
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(listEvents(app, 'login').map(({ sub }) => sub)).not.toContain('bob')
  })
})

describe('a state', () => {
  it('a state under another secret is rejected, even with its cookie and code', async () => {
    const other = await start({ secret: 'the secret of another process, which has another one' })
    const { attacker, callback } = await attack(other)
    const app = await start()
    const [name = ''] = listTransactions(attacker)
    const victim = browser(app)
    const headers = { cookie: `${name}=${attacker.jar.get(name)?.value ?? ''}` }
    const page = await victim.get(callback, { crossSite: true, headers })
    expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])
    await isNotTheAttacker(app, victim, getCode(callback))
  })

  it('a guessed, truncated or recombined state is answered 400 without any provider request', async () => {
    const app = await start()
    const { attacker, callback } = await attack(app)
    const second = getState(await response(attacker, '/profile'))
    const first = getState(callback)
    const [id = '', attempt = '', mac = ''] = first.split('.')
    const [otherId = '', , otherMac = ''] = second.split('.')
    const piece = fc.constantFrom(
      first,
      second,
      id,
      otherId,
      mac,
      otherMac,
      attempt,
      '0',
      '1',
      '9',
      '.',
      '',
      ' ',
      '%00',
      '=',
    )
    const guesses = fc.oneof(
      fc.array(piece, { maxLength: 7 }).map((parts) => parts.join('')),
      fc.array(piece, { maxLength: 5 }).map((parts) => parts.join('.')),
      fc.nat({ max: first.length - 1 }).map((length) => first.slice(0, length)),
      fc.nat({ max: first.length - 1 }).map((from) => first.slice(from + 1)),
      fc
        .tuple(fc.stringMatching(/^[\w-]{22}$/), fc.nat(9), fc.stringMatching(/^[\w-]{22}$/))
        .map((parts) => parts.join('.')),
      fc.string({ unit: 'binary-ascii', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    )
    const headers = {
      cookie: attacker.jar
        .cookies(callback)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    }
    world.provider.forget()
    await fc.assert(
      fc.asyncProperty(guesses, async (guess) => {
        fc.pre(guess !== first && guess !== second)
        const page = await attacker.get(changeUrl(callback, { state: guess }), { headers, redirect: 'manual' })
        expect({ guess, status: page.status }).toEqual({ guess, status: 400 })
        expect(page.headers.getSetCookie()).toEqual([])
      }),
      { numRuns: runs(250) },
    )
    expect(world.provider.requests).toEqual([])
    expect(listEvents(app, 'login')).toEqual([])
    // The login in progress is still usable.
    expect((await attacker.get(callback)).json()).toMatchObject({ user: { sub: 'bob' } })
  })
})
