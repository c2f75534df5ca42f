/**
 * Header injection: whatever stands in a request, a claim or an answer of the provider, our answers have the headers that
 * they always have, each on one line, and nothing fails with a stack. Read from the bytes on the wire.
 */
import type { RequestHandler } from 'express'
import { LoginRefused, type OidcOptions } from 'express-session-oidc'
import type { TestEndpoint, TestFaults, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { localPath, localReferer } from '../../lib/core/urls.ts'
import { statusFault } from '../../lib/provider/provider-faults.ts'
import type { AppSetup, TestApp } from '../support/app.ts'
import { byDepth } from '../support/depth.ts'
import { changed, flow, publicOrigin, response } from '../support/flow.ts'
import { waiting } from '../support/waiting.ts'
import { form, navigation, queryValue, rawRequest, script, type RawAnswer, type RawRequest } from './raw-http.ts'

const world = flow()

/** What ends a line somewhere: as it is, encoded once and twice, and characters that are cut down to it. */
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

/** For ways that take a whole login: what ends a line in HTTP, in HTML and in JavaScript, encoded, and cut down to it. */
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

/** Holds an answer against that of a harmless request: the same headers, each once, and no stack. */
function expectLike(answer: RawAnswer, plain: RawAnswer, what: string): void {
  expect(answer.body, what).not.toMatch(/\n\s+at /)
  // What is no HTTP the server refuses by itself, before it comes to the application.
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

/** A route whose login takes what it is asked for on to the provider. */
const hinted: RequestHandler = waiting((req) => {
  const { hint } = req.query
  return req.oidc.login(typeof hint === 'string' ? { loginHint: hint, extra: { x: hint } } : {})
})

const routes: NonNullable<AppSetup['routes']> = (express, oidc) => {
  express.get('/hinted', hinted)
  express.use(oidc.requireAuth(), (_req, res) => void res.send('inside'))
}

/** All octets but letters and digits, of which one stands for all; of those beyond ASCII some. */
const octets = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
  (octet) => !/[a-z0-9]/i.test(octet) && (octet < '\u00a2' || /[\u00ad\u00c0\u00e2\u00fe\u00ff]/.test(octet)),
)

/** Those that separate, end or quote something in a header, an address or a cookie, and one of each other range. */
const tellingOctets = '\0\t\n\v\f\r\u001b "%,;<=>?\\^\u007f\u0080\u0085\u00a0\u00ad\u00ff'.split('')
const sentOctets = byDepth({ quick: tellingOctets.slice(0, 6), normal: tellingOctets, deep: octets })
/** An octet as it is, and percent-encoded. */
const spellings = (octet: string): string[] => [octet, `%${octet.charCodeAt(0).toString(16).padStart(2, '0')}`]

describe('any octet', () => {
  const all = octets.flatMap(spellings)

  it('is in no path that localPath or localReferer makes, unless it may stand in a header', () => {
    for (const text of all) {
      for (const target of [`/a${text}b`, `/a?${text}=1`, `/a#${text}`]) {
        const referer = Buffer.from(`${publicOrigin}${target}`, 'latin1').toString('latin1')
        for (const path of [localPath(target, publicOrigin), localReferer(referer, publicOrigin)]) {
          expect(path ?? '', JSON.stringify(target)).toMatch(/^[\x21-\x7e]*$/)
        }
      }
    }
  })

  it('in the telling ones is one of all', () => {
    for (const octet of tellingOctets) expect(octets).toContain(octet)
  })
})

describe('no octet of a request ends a header', { meta: { id: 'header-injection-1' } }, () => {
  /** Requests that carry an octet, raw or percent-encoded, into a header or a page. */
  const carriers: Record<string, (octet: string) => Partial<RawRequest> & { target: string }> = {
    'in returnTo': (octet) => ({ target: `/login?returnTo=/a${octet}b`, headers: navigation }),
    'in the name of a parameter': (octet) => ({ target: `/login?${octet}=1&returnTo=/a`, headers: navigation }),
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
    'in the Referer of a script': (octet) => ({
      target: '/guarded',
      headers: [...script, ['Referer', `http://127.0.0.1/a${octet}b`]],
    }),
    'in a hint for the provider': (octet) => ({ target: `/hinted?hint=a${octet}b`, headers: navigation }),
    'in the state': (octet) => ({ target: `/callback?state=a${octet}b&code=x`, headers: navigation }),
    'in the query of the logout': (octet) => ({ target: `/logout?x=a${octet}b`, headers: navigation }),
    'in the value of a cookie': (octet) => ({
      target: '/login',
      headers: [...navigation, ['Cookie', `a=b${octet}c; connect.sid=s%3A${octet}`]],
    }),
    'in the value of a cookie of ours': (octet) => ({
      target: '/login',
      headers: [...navigation, ['Cookie', `OURS${'a'.repeat(22)}=b${octet}c; OURSfinished=${octet}`]],
    }),
  }

  it.each(Object.entries(carriers))('%s', async (_name, carry) => {
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

  it('in the name of a cookie of ours, which is taken away by that name', async () => {
    const app = await world.start({ routes })
    const plain = await rawRequest(app.url, { target: '/login', headers: navigation })
    for (const octet of sentOctets.flatMap(spellings)) {
      const headers = [...navigation, ['Cookie', `${app.cookie('a')}${octet}b=1`] as const]
      const answer = await rawRequest(app.url, { target: '/login', headers, encoding: 'latin1' })
      if (answer.status === 400) continue
      expect(answer.status, JSON.stringify(octet)).toBe(302)
      expect(new Set(namesIn(answer)), JSON.stringify(octet)).toEqual(new Set(namesIn(plain)))
      for (const line of answer.all('Set-Cookie')) {
        // One cookie a line: name, value and the attributes that a cookie of ours has.
        expect(line.startsWith(app.cookie(''))).toBe(true)
        expect(line).toMatch(/^[^;=]+=[\w-]*; Path=\/; Max-Age=(?:0|900); HttpOnly; SameSite=Lax$/)
      }
    }
  })
})

describe('no line break becomes a header', { meta: { id: 'header-injection-2' } }, () => {
  /** The headers of all answers of the application on the way to a page, and the page. */
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
    'from what afterLogin makes of a claim': async (payload, app, put) => {
      put(`/user/${payload}`)
      const page = await app.agent().get('/profile', { headers: { accept: 'text/html' } })
      expect([200, 404, 500]).toContain(page.status)
      return page
    },
    'from the message of a refusal': async (payload, app, put) => {
      put(`refuse ${payload}`)
      const agent = app.agent()
      const url = await response(agent, '/profile')
      const page = await agent.fetch(url)
      expect(page.status).toBe(403)
      return page
    },
    ...Object.fromEntries(
      ['state', 'code', 'iss', 'error', 'error_description', 'session_state'].map((parameter) => [
        `from the parameter ${parameter} of a response`,
        async (payload: string, app: TestApp) => {
          const agent = app.agent()
          const url = await response(agent, '/profile')
          const page = await agent.get(
            changed(url, { [parameter]: payload, ...(parameter === 'code' ? {} : { code: 'x' }) }),
          )
          expect(page.status).toBeGreaterThanOrEqual(400)
          expect(page.status).toBeLessThan(504)
          return page
        },
      ]),
    ),
    'from an error of the token endpoint': async (payload, app) => {
      world.provider.misbehave({
        endpoints: { token: { status: 400, body: { error: payload, error_description: payload } } },
      })
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(500)
      return page
    },
    'from claims and granted scope': async (payload, app, put) => {
      put('')
      world.provider.misbehave({
        idToken: { claims: { name: payload, email: payload, sid: payload, acr: payload, [payload]: payload } },
        tokenResponse: { scope: payload, token_type: 'Bearer' },
      })
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(200)
      return page
    },
    'from a hint for the provider': async (payload, app) => {
      const page = await app.agent().get(`/hinted?hint=${queryValue(payload)}`, { redirect: 'manual' })
      expect(page.status).toBe(302)
      const asked = new URL(page.headers.get('location') ?? '').searchParams
      expect([asked.get('login_hint'), asked.get('x')]).toEqual([payload, payload])
      return page
    },
  }

  it.each(Object.entries(ways))('%s', async (_name, send) => {
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

  it('from the request_uri of a pushed request', async () => {
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

  it('from the endpoints in the metadata of a provider', async () => {
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

describe('what the provider says of when to come back', () => {
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

  /** A number, one that is too large, one that is none, and none. */
  const few = values.filter(([value]) => ['7', '1e309', '-1', 'soon'].includes(value))
  const sent = byDepth<readonly (typeof values)[number][]>({ quick: few, normal: few, deep: values })

  it('is a number of seconds, or else ours', () => {
    for (const [value, seconds] of values) {
      const { headers } = statusFault(new Response(null, { status: 503, headers: { 'retry-after': value } }))
      expect(headers['Retry-After'], value).toBe(String(seconds ?? 5))
    }
  })

  const endpoints: readonly [TestEndpoint, Partial<OidcOptions>][] = [
    ['discovery', {}],
    ['par', { par: true }],
    ['token', {}],
    ['jwks', {}],
    ['userinfo', { userInfo: 'login' }],
  ]

  it.each(endpoints)(
    'at the endpoint %s becomes a whole number of seconds, from 1 to 300',
    async (endpoint, options) => {
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
    },
  )

  it('is passed on where it is a number of seconds, and else is ours', async () => {
    for (const [value, seconds] of sent) {
      const undo = world.provider.misbehave({
        endpoints: { userinfo: { status: 503, headers: { 'retry-after': value } } },
      })
      const app = await world.start({ options: { userInfo: 'login' } })
      const page = await app.agent().get('/profile')
      undo()
      await app.stop()
      expect(page.headers.get('retry-after'), value).toBe(String(seconds ?? 5))
    }
  })
})

describe('headers of the provider', () => {
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

  it.each([200, 400, 401, 403, 500, 503])('of status %i are not ours', async (status) => {
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
  })
})
