/**
 * Header injection: no content of a request, a claim or a provider response adds or splits headers of our responses, or
 * causes an error with a stack. The responses are read as bytes.
 */
import type { RequestHandler } from 'express'
import { LoginRefused, type OidcOptions } from 'express-session-oidc'
import type { TestEndpoint, TestFaults, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { toLocalPath, toLocalReferer } from '../../lib/core/urls.ts'
import { statusFault } from '../../lib/provider/provider-faults.ts'
import type { AppSetup, TestApp } from '../support/app.ts'
import { byDepth } from '../support/depth.ts'
import { changeUrl, flow, publicOrigin, response } from '../support/flow.ts'
import { waiting } from '../support/waiting.ts'
import { form, navigation, queryValue, rawRequest, script, type RawAnswer, type RawRequest } from './raw-http.ts'
import { getContext } from '../support/app.ts'

const world = flow()

/** Line breaks: raw, encoded once and twice, and characters that truncate to one. */
const lineBreaks = [
  '\r\n',
  '\n',
  '\r',
  '\n\n',
  '\u0085',
  '\u2028',
  '\u2029',
  '\v',
  '\f',
  '\0\r\n',
  '\u560d\u560a',
  '\u010d\u010a',
  '%0d%0a',
  '%0D%0A',
  '%250d%250a',
  '%E5%98%8D%E5%98%8A',
  '\\r\\n',
  '\r\n\t',
  '&#13;&#10;',
]

const payloads = lineBreaks.map(
  (end) => `x${end}X-Planted: 1${end}Set-Cookie: planted=1${end}${end}<script>alert(1)</script>`,
)

/** For tests that need a whole login: line breaks of HTTP and JavaScript, encoded ones, and characters that truncate to one. */
const sentPayloads = byDepth({
  quick: payloads.slice(0, 2),
  normal: ['\r\n', '\n', '\r', '\u2028', '\0\r\n', '\u560d\u560a', '%0d%0a'].map(
    (end) => payloads[lineBreaks.indexOf(end)] as string,
  ),
  deep: payloads,
})

function namesIn(answer: RawAnswer): string[] {
  return answer.headers.map(([name]) => name)
}

/** Checks that a response has the same headers as that of a harmless request, and no stack. */
function expectLike(answer: RawAnswer, plain: RawAnswer, what: string): void {
  expect(answer.body, what).not.toMatch(/\n\s+at /)
  // Node itself rejects invalid HTTP before it reaches the application.
  if (answer.status === 400 && answer.get('X-Powered-By') === undefined) {
    expect(namesIn(answer), what).toEqual(['Connection'])
    return
  }
  expect({ status: answer.status, names: namesIn(answer) }, what).toEqual({
    status: plain.status,
    names: namesIn(plain),
  })
  for (const [name, value] of answer.headers) {
    if (name !== 'Set-Cookie') expect(value, `${what}: ${name}`).toMatch(/^[\x20-\x7e]*$/)
  }
  for (const line of answer.all('Set-Cookie')) {
    expect(line, what).toMatch(/^oidc\.[\w-]{11}\.[^;=\s]*=[\w-]*; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
  }
}

/** A route whose login passes a query parameter on to the provider. */
const hinted: RequestHandler = waiting((req) => {
  const { hint } = req.query
  return getContext(req).login(typeof hint === 'string' ? { loginHint: hint, extra: { x: hint } } : {})
})

const routes: NonNullable<AppSetup['routes']> = (express, oidc) => {
  express.get('/hinted', hinted)
  express.use(oidc.requireAuth(), (_req, res) => void res.send('inside'))
}

/** All ASCII octets except letters and digits, and some others. */
const octets = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
  (octet) => !/[a-z0-9]/i.test(octet) && (octet < '\u00a2' || /[\u00ad\u00c0\u00e2\u00fe\u00ff]/.test(octet)),
)

/** Octets that separate, end or quote something in a header, a URL or a cookie, and one of each other range. */
const tellingOctets = '\0\t\n\v\f\r\u001b "%,;<=>?\\^\u007f\u0080\u0085\u00a0\u00ad\u00ff'.split('')
const sentOctets = byDepth({ quick: tellingOctets.slice(0, 6), normal: tellingOctets, deep: octets })
/** An octet, raw and percent-encoded. */
const spellings = (octet: string): string[] => [octet, `%${octet.charCodeAt(0).toString(16).padStart(2, '0')}`]

describe('octets in redirect paths', () => {
  const all = octets.flatMap(spellings)

  it('toLocalPath() and toLocalReferer() return only visible ASCII characters', () => {
    for (const text of all) {
      for (const target of [`/a${text}b`, `/a?${text}=1`, `/a#${text}`]) {
        const referer = Buffer.from(`${publicOrigin}${target}`, 'latin1').toString('latin1')
        for (const path of [toLocalPath(target, publicOrigin), toLocalReferer(referer, publicOrigin)]) {
          expect(path ?? '', JSON.stringify(target)).toMatch(/^[\x21-\x7e]*$/)
        }
      }
    }
  })

  it('the sampled octets are part of all octets', () => {
    for (const octet of tellingOctets) expect(octets).toContain(octet)
  })
})

describe('octets of a request in response headers', { meta: { id: 'header-injection-1' } }, () => {
  /** Requests whose octet, raw or percent-encoded, can reach a header or a page. */
  const carriers: Record<string, (octet: string) => Partial<RawRequest> & { target: string }> = {
    'in returnTo': (octet) => ({ target: `/login?returnTo=/a${octet}b`, headers: navigation }),
    'in a parameter name': (octet) => ({ target: `/login?${octet}=1&returnTo=/a`, headers: navigation }),
    'in the path of a guarded page': (octet) => ({ target: `/guarded/a${octet}b?c=${octet}`, headers: navigation }),
    'in the path of a guarded page, by HEAD': (octet) => ({
      method: 'HEAD',
      target: `/guarded/a${octet}b`,
      headers: navigation,
    }),
    'in the Referer of a form': (octet) => ({
      method: 'POST',
      target: '/guarded',
      headers: [...form, ['Referer', `http://127.0.0.1/a${octet}b`]],
    }),
    'in the Referer of a fetch': (octet) => ({
      target: '/guarded',
      headers: [...script, ['Referer', `http://127.0.0.1/a${octet}b`]],
    }),
    'in a login_hint': (octet) => ({ target: `/hinted?hint=a${octet}b`, headers: navigation }),
    'in the state': (octet) => ({ target: `/callback?state=a${octet}b&code=x`, headers: navigation }),
    'in the query of the logout route': (octet) => ({ target: `/logout?x=a${octet}b`, headers: navigation }),
    'in the value of any cookie': (octet) => ({
      target: '/login',
      headers: [...navigation, ['Cookie', `a=b${octet}c; connect.sid=s%3A${octet}`]],
    }),
    'in the value of our own cookies': (octet) => ({
      target: '/login',
      headers: [...navigation, ['Cookie', `OURS${'a'.repeat(22)}=b${octet}c; OURSfinished=${octet}`]],
    }),
  }

  it.each(Object.entries(carriers))('an octet %s cannot add or split a header', async (_name, carry) => {
    const app = await world.start({ routes })
    const send = (octet: string): Promise<RawAnswer> => {
      const { headers = [], ...rest } = carry(octet)
      const named = headers.map(([name, value]) => [name, value.replaceAll('OURS', app.cookie(''))] as const)
      return rawRequest(app.url, { ...rest, headers: named, encoding: 'latin1' })
    }
    const plain = await send('x')
    for (const octet of sentOctets) {
      for (const text of spellings(octet)) {
        expectLike(await send(text), plain, JSON.stringify(text))
      }
    }
  })

  it('an octet in the name of a cookie that is cleared cannot add or split a header', async () => {
    const app = await world.start({ routes })
    const plain = await rawRequest(app.url, { target: '/login', headers: navigation })
    for (const octet of sentOctets.flatMap(spellings)) {
      const headers = [...navigation, ['Cookie', `${app.cookie('a')}${octet}b=1`] as const]
      const answer = await rawRequest(app.url, { target: '/login', headers, encoding: 'latin1' })
      if (answer.status === 400) continue
      expect(answer.status, JSON.stringify(octet)).toBe(302)
      expect(new Set(namesIn(answer)), JSON.stringify(octet)).toEqual(new Set(namesIn(plain)))
      for (const line of answer.all('Set-Cookie')) {
        // Each line has one cookie, with the attributes of our cookies.
        expect(line.startsWith(app.cookie(''))).toBe(true)
        expect(line).toMatch(/^[^;=]+=[\w-]*; Path=\/; Max-Age=(?:0|900); HttpOnly; SameSite=Lax$/)
      }
    }
  })
})

describe('line breaks in texts and parameters', { meta: { id: 'header-injection-2' } }, () => {
  /** Checks the final page and the headers of all responses of the application before it. */
  function expectPlain(page: UserAgentResponse, app: TestApp, what: string): void {
    for (const hop of page.hops) {
      if (!hop.url.startsWith(app.url)) continue
      expect([...hop.headers.keys()], what).not.toContain('x-planted')
      for (const line of hop.headers.getSetCookie()) expect(line, what).toMatch(/^(?:oidc\.[\w-]{11}\.|connect\.sid=)/)
      for (const [name, value] of hop.headers) {
        if (name !== 'set-cookie') expect(value, `${what}: ${name}`).toMatch(/^[\x20-\x7e]*$/)
      }
    }
    expect(page.text(), what).not.toMatch(/\n\s+at /)
    if (page.headers.get('content-type')?.startsWith('text/html')) expect(page.text(), what).not.toContain('<script')
  }

  const ways: Record<
    string,
    (payload: string, app: TestApp, put: (value: string) => void) => Promise<UserAgentResponse>
  > = {
    'in the path that afterLogin returns': async (payload, app, put) => {
      put(`/user/${payload}`)
      const page = await app.agent().get('/profile', { headers: { accept: 'text/html' } })
      expect([200, 404, 500]).toContain(page.status)
      return page
    },
    'in the message of LoginRefused': async (payload, app, put) => {
      put(`refuse ${payload}`)
      const agent = app.agent()
      const url = await response(agent, '/profile')
      const page = await agent.fetch(url)
      expect(page.status).toBe(403)
      return page
    },
    ...Object.fromEntries(
      ['state', 'code', 'iss', 'error', 'error_description', 'session_state'].map((parameter) => [
        `in the parameter ${parameter} of an authorization response`,
        async (payload: string, app: TestApp) => {
          const agent = app.agent()
          const url = await response(agent, '/profile')
          const page = await agent.get(
            changeUrl(url, { [parameter]: payload, ...(parameter === 'code' ? {} : { code: 'x' }) }),
          )
          expect(page.status).toBeGreaterThanOrEqual(400)
          expect(page.status).toBeLessThan(504)
          return page
        },
      ]),
    ),
    'in an error of the token endpoint': async (payload, app) => {
      world.provider.misbehave({
        endpoints: { token: { status: 400, body: { error: payload, error_description: payload } } },
      })
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(500)
      return page
    },
    'in claims and granted scope': async (payload, app, put) => {
      put('')
      world.provider.misbehave({
        idToken: { claims: { name: payload, email: payload, sid: payload, acr: payload, [payload]: payload } },
        tokenResponse: { scope: payload, token_type: 'Bearer' },
      })
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(200)
      return page
    },
    'in a login_hint': async (payload, app) => {
      const page = await app.agent().get(`/hinted?hint=${queryValue(payload)}`, { redirect: 'manual' })
      expect(page.status).toBe(302)
      const requested = new URL(page.headers.get('location') ?? '').searchParams
      expect([requested.get('login_hint'), requested.get('x')]).toEqual([payload, payload])
      return page
    },
  }

  it.each(Object.entries(ways))('a line break %s cannot add a header', async (_name, send) => {
    let wanted = ''
    const app = await world.start({
      options: {
        afterLogin: () => {
          if (!wanted.startsWith('refuse ')) return wanted || undefined
          throw new LoginRefused(wanted)
        },
      },
      routes: (express) => void express.get('/hinted', hinted),
    })
    for (const payload of sentPayloads) {
      expectPlain(await send(payload, app, (value) => void (wanted = value)), app, JSON.stringify(payload))
      world.provider.behave()
    }
  })

  it('a line break in the request_uri of a pushed request cannot add a header', async () => {
    const app = await world.start({ options: { par: true } })
    for (const payload of payloads) {
      const undo = world.provider.misbehave({
        endpoints: { par: { status: 201, body: { request_uri: payload, expires_in: 60 } } },
      })
      const answer = await rawRequest(app.url, { target: '/login', headers: navigation })
      undo()
      expect(answer.status).toBe(302)
      const location = new URL(answer.get('Location') ?? '')
      expect(location.searchParams.get('request_uri')).toBe(payload)
      expect(location.origin).toBe(world.provider.url)
    }
  })

  it('special characters in the endpoints of the metadata cannot add a header', async () => {
    for (const payload of [
      ...payloads,
      ' ',
      '\t',
      '<>"`{}|^',
      '\u00fc',
      '\u{1f34e}',
      '\ud800',
      '%',
      '#x',
      '?x=y&state=z',
    ]) {
      const { issuer } = world.provider
      const undo = world.provider.misbehave({
        metadata: {
          authorization_endpoint: `${issuer}/authorize${payload}`,
          end_session_endpoint: `${issuer}/logout${payload}`,
        },
      })
      const app = await world.start()
      await app.oidc.ready()
      undo()
      const answer = await rawRequest(app.url, { target: '/login', headers: navigation })
      expect(answer.status, JSON.stringify(payload)).toBe(302)
      const location = answer.get('Location') ?? ''
      expect(location).toMatch(/^[\x21-\x7e]+$/)
      expect(new URL(location).origin).toBe(world.provider.url)
      expect(new URL(location).searchParams.get('redirect_uri')).toBe(`${app.url}/callback`)
      await app.stop()
    }
  })
})

describe('Retry-After of the provider', () => {
  const values = [
    ['7', 7],
    ['1', 1],
    ['0', undefined],
    ['-1', undefined],
    ['-99999999999999999999', undefined],
    ['0.5', 1],
    ['2.5', 3],
    ['300', 300],
    ['301', 300],
    ['99999999999999999999', 300],
    ['1e309', 300],
    ['Infinity', 300],
    ['NaN', undefined],
    ['', undefined],
    ['soon', undefined],
    ['5, 6', undefined],
    ['5;6', undefined],
    ['Wed, 21 Oct 2099 07:28:00 GMT', undefined],
    ['\u00e9', undefined],
    ['<script>', undefined],
  ] as const

  /** A valid number, one that is too large, one that is invalid, and text. */
  const few = values.filter(([value]) => ['7', '1e309', '-1', 'soon'].includes(value))
  const sent = byDepth<readonly (typeof values)[number][]>({ quick: few, normal: few, deep: values })

  it('statusFault() passes on a valid Retry-After and replaces an invalid one by 5', () => {
    for (const [value, seconds] of values) {
      const { headers } = statusFault(
        new Response(null, { status: 503, headers: { 'retry-after': value } }),
        'userinfo',
      )
      expect(headers['Retry-After'], value).toBe(String(seconds ?? 5))
    }
  })

  const endpoints: readonly [TestEndpoint, Partial<OidcOptions>][] = [
    ['discovery', {}],
    ['par', { par: true }],
    ['token', {}],
    ['jwks', {}],
    ['userinfo', { userInfo: true }],
  ]

  it.each(endpoints)('Retry-After of the %s endpoint becomes an integer from 1 to 300', async (endpoint, options) => {
    for (const [value] of sent) {
      const fault = { status: 503, headers: { 'retry-after': value, 'set-cookie': 'planted=1', 'x-planted': '1' } }
      const undo = world.provider.misbehave({ endpoints: { [endpoint]: fault } })
      const app = await world.start({ options })
      const page = await app.agent().get('/profile')
      undo()
      await app.stop()
      expect(page.status, value).toBe(503)
      const seconds = page.headers.get('retry-after') ?? ''
      expect(seconds, value).toMatch(/^[1-9]\d{0,2}$/)
      expect(Number(seconds), value).toBeLessThanOrEqual(300)
      expect(page.headers.get('x-planted')).toBeNull()
      expect(page.text()).not.toMatch(/\n\s+at |<script/)
    }
  })

  it('a page passes on a valid Retry-After of the provider and replaces an invalid one by 5', async () => {
    for (const [value, seconds] of sent) {
      const undo = world.provider.misbehave({
        endpoints: { userinfo: { status: 503, headers: { 'retry-after': value } } },
      })
      const app = await world.start({ options: { userInfo: true } })
      const page = await app.agent().get('/profile')
      undo()
      await app.stop()
      expect(page.headers.get('retry-after'), value).toBe(String(seconds ?? 5))
    }
  })
})

describe('response headers of the provider', () => {
  const planted = {
    'set-cookie': 'planted=1; Path=/',
    'x-planted': '1',
    'www-authenticate': 'Bearer realm="planted", error="invalid_token", error_description="<script>"',
    location: 'https://evil.example/',
    refresh: '0;url=https://evil.example/',
    'cache-control': 'public, max-age=600',
    link: '<https://evil.example/x.css>; rel=stylesheet',
    'content-security-policy': "script-src 'unsafe-inline'",
  }

  it.each([200, 400, 401, 403, 500, 503])(
    'headers of a provider response with status %i do not appear in ours',
    async (status) => {
      const answers: string[] = []
      for (const headers of [{}, planted]) {
        const fault = { headers, ...(status === 200 ? {} : { status, body: { error: 'invalid_client' } }) }
        const faults: TestFaults = { endpoints: { discovery: { headers }, token: fault, jwks: { headers } } }
        const undo = world.provider.misbehave(faults)
        const app = await world.start()
        const page = await app.agent().get('/profile')
        undo()
        await app.stop()
        const own = page.hops.filter(({ url }) => url.startsWith(app.url))
        answers.push(JSON.stringify(own.map((hop) => [hop.status, [...hop.headers.keys()]])))
        for (const hop of own) expect(JSON.stringify([...hop.headers])).not.toMatch(/planted|evil/)
      }
      expect(answers[1]).toBe(answers[0])
    },
  )
})
