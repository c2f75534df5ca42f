/**
 * Headers of a client or a careless proxy that name the host, scheme, path or user: they affect no URL, cookie or page, and
 * authenticate nobody.
 */
import type { OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { getContext, type AppSetup, type TestApp } from '../support/app.ts'
import { behindTls, flow, readLocation, publicOrigin } from '../support/flow.ts'
import { plantLogin } from '../support/planted-login.ts'
import { form, navigation, rawRequest, script, type HeaderLines, type RawAnswer, type RawRequest } from './raw-http.ts'

const world = flow()

const evil = 'evil.example'

/** Headers that some servers trust, as an attacker would send them. */
const claims: readonly (readonly [name: string, headers: HeaderLines])[] = [
  ...[
    evil,
    `${evil}:443`,
    `app.example.com.${evil}`,
    `app.example.com@${evil}`,
    `app.example.com/${evil}`,
    `app.example.com, ${evil}`,
    'app.example.com:8443',
    'APP.EXAMPLE.COM',
    'localhost',
    '[::1',
    '%00',
    '',
    'a b',
    '"><script>alert(1)</script>',
    `x'; Domain=${evil}`,
  ].map((host) => [`Host: ${host}`, [['Host', host]]] as const),
  ['X-Forwarded-Host', [['X-Forwarded-Host', evil]]],
  ['X-Forwarded-Host, a list', [['X-Forwarded-Host', `${evil}, app.example.com`]]],
  [
    'X-Forwarded-Host, twice',
    [
      ['X-Forwarded-Host', 'app.example.com'],
      ['X-Forwarded-Host', evil],
    ],
  ],
  ['X-Forwarded-Host, malformed', [['X-Forwarded-Host', '[::1, "><script>']]],
  ['X-Forwarded-Proto: https', [['X-Forwarded-Proto', 'https']]],
  ['X-Forwarded-Proto: ftp', [['X-Forwarded-Proto', 'ftp']]],
  ['X-Forwarded-Proto: javascript', [['X-Forwarded-Proto', 'javascript']]],
  ['X-Forwarded-Proto, a list', [['X-Forwarded-Proto', 'http, https']]],
  ['X-Forwarded-Port', [['X-Forwarded-Port', '8443']]],
  ['X-Forwarded-Prefix', [['X-Forwarded-Prefix', `//${evil}`]]],
  ['X-Forwarded-Path', [['X-Forwarded-Path', `//${evil}`]]],
  ['X-Forwarded-Uri', [['X-Forwarded-Uri', `/../${evil}`]]],
  ['X-Forwarded-Server', [['X-Forwarded-Server', evil]]],
  ['X-Forwarded-Scheme', [['X-Forwarded-Scheme', 'ftp']]],
  ['X-Forwarded-Ssl', [['X-Forwarded-Ssl', 'off']]],
  ['X-Forwarded-For', [['X-Forwarded-For', '127.0.0.1, 10.0.0.1, <script>']]],
  ['Forwarded', [['Forwarded', `for=127.0.0.1;host=${evil};proto=ftp`]]],
  ['X-Original-URL', [['X-Original-URL', `https://${evil}/admin`]]],
  ['X-Rewrite-URL', [['X-Rewrite-URL', `//${evil}/admin`]]],
  ['X-Original-Host', [['X-Original-Host', evil]]],
  ['X-Host', [['X-Host', evil]]],
  ['X-HTTP-Host-Override', [['X-HTTP-Host-Override', evil]]],
  ['X-Script-Name', [['X-Script-Name', `//${evil}`]]],
  ['X-HTTP-Method-Override', [['X-HTTP-Method-Override', 'DELETE']]],
  ['X-Real-IP', [['X-Real-IP', '127.0.0.1']]],
  ['Front-End-Https', [['Front-End-Https', 'off']]],
  ['Via', [['Via', `1.1 ${evil}`]]],
  ['Origin of a safe request', [['Origin', `https://${evil}`]]],
  ['a health check', [['User-Agent', 'GoogleHC/1.0 ELB-HealthChecker/2.0 kube-probe/1.30']]],
]

/** A valid state of a restarted login that does not exist. The error page for it names the application's URL. */
const unknownState = (app: TestApp): string => plantLogin(app, { id: 'A'.repeat(22), attempt: 1 }).state

type Probe = Required<Pick<RawRequest, 'method' | 'target' | 'headers'>>

/** One request for each kind of response with a URL, a cookie or a page. */
const probes: readonly Probe[] = [
  { method: 'GET', target: '/guarded?tab=2', headers: navigation },
  { method: 'HEAD', target: '/guarded?tab=2', headers: navigation },
  { method: 'GET', target: '/guarded', headers: script },
  { method: 'GET', target: '/login?returnTo=/guarded', headers: navigation },
  { method: 'GET', target: '/login', headers: script },
  { method: 'GET', target: '/logout', headers: navigation },
  { method: 'GET', target: '/logout', headers: [['Accept', 'text/html']] },
  { method: 'GET', target: '/callback?state=x', headers: navigation },
  { method: 'GET', target: '/callback?code=x&state=UNKNOWN', headers: navigation },
  // With Sec-Fetch-Site from the browser, unsafe requests are not rejected because of their Origin.
  { method: 'POST', target: '/guarded', headers: form },
  { method: 'POST', target: '/connect', headers: form },
  { method: 'POST', target: '/logout', headers: [...script, ['Content-Length', '0']] },
  { method: 'PUT', target: '/login', headers: script },
]

/** A response with its random parts masked. */
function masked(answer: RawAnswer): string {
  return `${answer.head}\n\n${answer.body}`
    .replace(/^Date: .*$/m, 'Date: *')
    .replace(/((?:state|nonce|code_challenge)=)[\w.-]+/g, '$1*')
    .replace(/(oidc\.[\w-]{8}\.)[\w-]{9}=[\w.-]+/g, '$1*=*')
}

const routes: NonNullable<AppSetup['routes']> = (express, oidc) => {
  express.all('/guarded', oidc.requireAuth(), (_req, res) => void res.send('inside'))
  express.post('/connect', oidc.login({ returnTo: '/guarded' }))
}

const setups: Record<string, () => Promise<TestApp>> = {
  'on http, without a proxy': () => world.start({ routes }),
  'on http, behind a trusted proxy': () =>
    world.start({ routes, before: (express) => void express.set('trust proxy', true) }),
  'on https, behind a trusted proxy': () => world.start({ ...behindTls(world.provider), routes }),
}

describe.each(Object.entries(setups))('an application %s', (name, start) => {
  const ownHost = name.includes('https') ? 'app.example.com' : undefined

  async function send(
    app: TestApp,
    probe: Probe,
    more: HeaderLines,
    rest: Partial<RawRequest> = {},
  ): Promise<RawAnswer> {
    const [host, headers] = [more.find(([key]) => key === 'Host')?.[1], more.filter(([key]) => key !== 'Host')]
    const named = host ?? ownHost
    return rawRequest(app.url, {
      ...probe,
      target: probe.target.replace('UNKNOWN', unknownState(app)),
      ...(named !== undefined && { host: named }),
      headers: [...probe.headers, ...headers],
      ...rest,
    })
  }

  it(
    'headers with another host, scheme or path do not change any response',
    { meta: { id: 'host-headers-1' } },
    async () => {
      const app = await start()
      const faults: string[] = []
      for (const probe of probes) {
        const plain = masked(await send(app, probe, []))
        expect(plain).not.toMatch(/^HTTP\/1.1 (?:404|500)/)
        for (const [what, headers] of claims) {
          const answer = masked(await send(app, probe, headers))
          if (answer !== plain) faults.push(`${probe.method} ${probe.target} with ${what}:\n${answer}`)
        }
      }
      expect(faults).toEqual([])
    },
  )

  it('a duplicate or missing Host header does not change any response', async () => {
    const app = await start()
    for (const probe of probes) {
      const plain = masked(await send(app, probe, []))
      for (const second of ['Host', 'host', 'HOST']) {
        const twice = { ...probe, headers: [...probe.headers, [second, evil] as const] }
        const answer = masked(await send(app, twice, []))
        // Node may reject such a request, which is just as safe.
        if (!answer.startsWith('HTTP/1.1 400')) expect(answer).toBe(plain)
      }
      const older = masked(await send(app, probe, [], { version: '1.0' }))
      expect(masked(await send(app, probe, [], { host: null, version: '1.0' }))).toBe(older)
    }
  })

  it('a host in the request target does not appear in any response', async () => {
    const app = await start()
    for (const scheme of ['http', 'https', 'HTTP']) {
      for (const probe of probes) {
        const answer = masked(await send(app, { ...probe, target: `${scheme}://${evil}${probe.target}` }, []))
        expect(answer).not.toContain(evil)
        expect(answer).not.toMatch(/^HTTP\/1.1 (?:404|500)/)
        const redirectUri = /redirect_uri=([^&\s"]+)/.exec(answer)?.[1]
        const base = name.includes('https') ? publicOrigin : app.url
        if (redirectUri !== undefined) expect(decodeURIComponent(redirectUri)).toBe(`${base}/callback`)
      }
    }
  })
})

describe('redirect URIs with forged headers', () => {
  const headers = Object.fromEntries(
    claims.flatMap(([, lines]) => lines).filter(([, value]) => value === evil || value.includes(`//${evil}`)),
  )

  it('the redirect URIs of login and logout come from baseUrl', { meta: { id: 'host-headers-2' } }, async () => {
    const app = await world.start({ before: (express) => void express.set('trust proxy', true) })
    for (const method of ['get', 'fetch'] as const) {
      const agent = app.agent({ headers: { ...headers, host: evil, forwarded: `host=${evil}` } })
      world.provider.forget()
      const page = await agent.get('/profile')
      expect(page.url).toBe(`${app.url}/profile`)
      for (const endpoint of ['authorize', 'token'] as const) {
        expect(world.provider.requestsTo(endpoint)[0]?.params.get('redirect_uri')).toBe(`${app.url}/callback`)
      }
      const ended =
        method === 'get'
          ? readLocation(await agent.get('/logout', { redirect: 'manual' }))
          : String((await agent.fetch('/logout', { method: 'POST' })).json()['location'])
      expect(new URL(ended).searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
    }
  })

  it('the redirect URIs come from baseUrl in a pushed request and after form_post', async () => {
    const options: Partial<OidcOptions> = { par: true, responseMode: 'form_post' }
    const app = await world.start({ options, before: (express) => void express.set('trust proxy', true) })
    const agent = app.agent({ site: (url) => url.origin, headers: { ...headers, host: evil } })
    const page = await agent.get('/profile')
    expect(page.url).toBe(`${app.url}/profile`)
    expect(world.provider.requestsTo('par')[0]?.params.get('redirect_uri')).toBe(`${app.url}/callback`)
    const posted = page.hops.find((hop) => hop.method === 'POST' && hop.url === `${app.url}/callback`)
    expect(posted?.headers.get('location')).toMatch(new RegExp(`^${app.url}/callback\\?state=`))
  })
})

describe('a header that names a user', () => {
  /** Headers by which proxies pass on the user, also with underscores, which some servers convert to hyphens. */
  const names = [
    'OIDC_CLAIM_sub',
    'OIDC_CLAIM_email',
    'OIDC_access_token',
    'OIDC-CLAIM-sub',
    'REMOTE_USER',
    'Remote-User',
    'X-Remote-User',
    'X_Remote_User',
    'X-Forwarded-User',
    'X_Forwarded_User',
    'X-Forwarded-Email',
    'X-Forwarded-Preferred-Username',
    'X-Forwarded-Groups',
    'X-Forwarded-Access-Token',
    'X-Forwarded-Client-Cert',
    'X-Auth-Request-User',
    'X-Auth-Request-Email',
    'X-Auth-Request-Groups',
    'X-Auth-Request-Access-Token',
    'X-WebAuth-User',
    'X-User',
    'X-User-Id',
    'X-Roles',
    'X-MS-Client-Principal',
    'X-MS-Client-Principal-Name',
    'X-Amzn-Oidc-Identity',
    'X-Amzn-Oidc-Data',
    'X-Goog-Authenticated-User-Email',
    'X-Goog-IAP-JWT-Assertion',
    'Cf-Access-Jwt-Assertion',
    'X-SSL-Client-Verify',
    'X-Session-Id',
    'DPoP',
    'Proxy-Authorization',
    'Authorization',
  ]

  async function values(): Promise<string[]> {
    const tokens = await world.provider.issueTokens('alice')
    return [
      'alice',
      'admin',
      String(tokens['access_token']),
      String(tokens['id_token']),
      `Bearer ${String(tokens['access_token'])}`,
      `Bearer ${String(tokens['id_token'])}`,
      `Basic ${Buffer.from('alice:alice').toString('base64')}`,
      Buffer.from(JSON.stringify({ sub: 'alice', roles: ['admin'] })).toString('base64'),
    ]
  }

  const seen: NonNullable<AppSetup['routes']> = (express, oidc) => {
    express.get('/seen', (req, res) => {
      const { isAuthenticated, user, roles, scope } = getContext(req)
      res.json({ isAuthenticated, sub: user?.sub ?? null, roles, scope })
    })
    express.all('/admin', oidc.requireAuth({ roles: 'admin' }), (_req, res) => void res.send('inside'))
  }

  it('a header that names a user logs nobody in', { meta: { id: 'host-headers-3' } }, async () => {
    const app = await world.start({ routes: seen, before: (express) => void express.set('trust proxy', true) })
    for (const value of await values()) {
      const lines = names.map((name) => [name, value] as const)
      // All headers together, with a token in each, would exceed the size limit of the server.
      const all = value.length < 100 ? [lines] : []
      for (const headers of [...all, ...lines.map((line) => [line])]) {
        const anybody = await rawRequest(app.url, { target: '/seen', headers })
        expect(JSON.parse(anybody.body)).toEqual({ isAuthenticated: false, sub: null, roles: [], scope: [] })
      }
      const [line] = lines.slice(-1) as [HeaderLines[number]]
      for (const method of ['GET', 'POST', 'OPTIONS', 'PROPFIND']) {
        expect((await rawRequest(app.url, { method, target: '/admin', headers: [line] })).status, method).toBe(401)
      }
      expect((await rawRequest(app.url, { target: '/admin', headers: [...navigation, line] })).status).toBe(302)
    }
  })

  it(
    'a header that names a user changes neither the user nor the roles of a login',
    { meta: { id: 'host-headers-4' } },
    async () => {
      world.provider.signIn('bob')
      const app = await world.start({ routes: seen, before: (express) => void express.set('trust proxy', true) })
      const agent = app.agent()
      await agent.get('/profile')
      const own = (await agent.fetch('/seen')).json()
      expect(own).toMatchObject({ isAuthenticated: true, sub: 'bob', roles: ['user'] })
      for (const value of await values()) {
        for (const name of names) {
          expect((await agent.fetch('/seen', { headers: { [name]: value } })).json()).toEqual(own)
        }
        expect((await agent.fetch('/admin', { headers: { authorization: value, 'x-roles': 'admin' } })).status).toBe(
          403,
        )
      }
    },
  )

  it(
    'no IP address, path, method or user agent is exempt from the guard',
    { meta: { id: 'host-headers-5' } },
    async () => {
      const app = await world.start({ routes: seen, before: (express) => void express.set('trust proxy', true) })
      const exempt: HeaderLines[] = [
        [['X-Forwarded-For', '127.0.0.1']],
        [['X-Real-IP', '::1']],
        [['Client-IP', '127.0.0.1']],
        [['X-Forwarded-Uri', '/']],
        [['X-Original-URI', '/login']],
        [['X-Auth-Request-Redirect', '/']],
        [['User-Agent', 'GoogleHC/1.0']],
        [['User-Agent', 'kube-probe/1.30']],
        [['X-HTTP-Method-Override', 'OPTIONS']],
        [['Access-Control-Request-Method', 'GET']],
        [['Upgrade', 'websocket']],
      ]
      for (const headers of exempt) {
        for (const target of [
          '/admin',
          '/admin?x=/login',
          '/admin?/callback',
          '/ADMIN/',
          '/admin#/login',
          '//admin/../admin',
        ]) {
          for (const method of ['GET', 'OPTIONS', 'HEAD']) {
            const answer = await rawRequest(app.url, { method, target, headers })
            expect(answer.body).not.toContain('inside')
            expect([401, 404]).toContain(answer.status)
          }
        }
      }
    },
  )
})
