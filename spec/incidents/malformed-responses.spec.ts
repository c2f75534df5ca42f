/** Authorization responses that no provider sends. Each is answered without an internal error, and logs nobody in. */
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  json,
  oneof,
  string,
  tuple,
  type Arbitrary,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { navigation, rawRequest } from '../attacks/raw-http.ts'
import type { TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import { flow, response, listEvents } from '../support/flow.ts'

const world = flow()
const names = [
  '',
  ...`state code iss error error_description error_uri session_state response id_token access_token scope
  returnTo constructor __proto__ state[] code[x]`.split(/\s+/),
]

/** A value as a stranger would forge it, or the valid one of a login in progress. */
function valueOf(good: string): Arbitrary<string> {
  return oneof(
    constant(good),
    constant(good.slice(0, -1)),
    constantFrom(
      '',
      '.',
      '..',
      '%',
      '%zz',
      '%00',
      '%u0041',
      '+',
      '[]',
      '{}',
      'null',
      '%F0%9F%94%91',
      '%ED%A0%80',
      '%C0%AF',
    ),
    string({ maxLength: 40 }).map((text) => encodeURIComponent(text)),
    constant('x'.repeat(3000)),
  )
}

function getQuery(callback: URL): Arbitrary<string> {
  const parameter = constantFrom(...names).chain((name) =>
    valueOf(callback.searchParams.get(name) ?? 'x').map((value) => `${encodeURIComponent(name)}=${value}`),
  )
  const odd = constantFrom('&', '&&', '=', '?', 'state', 'code', '#', '%')
  return array(oneof({ weight: 5, arbitrary: parameter }, odd), { maxLength: 6 }).map((parts) => parts.join('&'))
}

function answeredWell(app: TestApp, status: number): void {
  expect([200, 302, 303, 400, 403, 405, 413, 414, 415, 431, 502]).toContain(status)
  expect(listEvents(app, 'login_failed').map(({ code }) => code)).not.toContain('internal_error')
  expect(listEvents(app, 'login')).toEqual([])
}

describe('an authorization response with random parameters', () => {
  it('a random query is answered and logs nobody in', { meta: { id: 'malformed-responses-1' } }, async () => {
    const app = await world.start()
    const agent = app.agent()
    const callback = new URL(await response(agent, '/profile'))
    const cookies = agent.jar.cookies().map(({ name, value }) => `${name}=${value}`)
    // With both of these unchanged it would be a login.
    const isGood = (query: URLSearchParams): boolean =>
      ['state', 'code'].every((name) => query.get(name) === callback.searchParams.get(name))
    await assert(
      asyncProperty(getQuery(callback), boolean(), async (query, known) => {
        if (known && isGood(new URLSearchParams(query))) return
        const headers = [...navigation, ...(known ? [['Cookie', cookies.join('; ')] as const] : [])]
        const answer = await rawRequest(app.url, { target: `/callback?${query}`, headers })
        answeredWell(app, answer.status)
      }),
      { numRuns: runs(400) },
    )
    // The application still works.
    expect((await app.agent().get('/profile')).status).toBe(200)
  })

  it('a random form is answered and logs nobody in', { meta: { id: 'malformed-responses-2' } }, async () => {
    const app = await world.start({ options: { responseMode: 'form_post' } })
    const type = constantFrom(
      'application/x-www-form-urlencoded',
      'application/x-www-form-urlencoded; charset=utf-16',
      'application/json',
      'multipart/form-data; boundary=x',
      'text/plain',
      '',
    )
    const body = oneof(
      getQuery(new URL('https://app.example.com/callback')),
      string({ unit: 'binary', maxLength: 200 }),
      json({ maxDepth: 2 }),
      constant('x='.repeat(20_000)),
    )
    await assert(
      asyncProperty(body, type, async (text, contentType) => {
        const headers = [
          ...navigation,
          ['Content-Type', contentType],
          ['Content-Length', String(Buffer.byteLength(text))],
        ] as const
        const answer = await rawRequest(app.url, { method: 'POST', target: '/callback', headers, body: text })
        answeredWell(app, answer.status)
      }),
      { numRuns: runs(200) },
    )
    expect((await app.agent().get('/profile')).status).toBe(200)
  })
})

describe('the login route with a random query', () => {
  it(
    'the login route begins an ordinary login, whatever its query',
    { meta: { id: 'malformed-responses-3' } },
    async () => {
      const app = await world.start()
      const options = [
        'scope',
        'prompt',
        'max_age',
        'acr_values',
        'redirect_uri',
        'client_id',
        'response_mode',
        'request',
      ]
      const parameter = tuple(
        constantFrom('returnTo', 'iss', 'target_link_uri', 'login_hint', 'state', 'nonce', ...options),
        oneof(
          constantFrom(
            'openid admin',
            'none',
            '0',
            '/x&scope=admin',
            '/x%26scope%3Dadmin',
            'https://evil.example/',
            '%',
            '\0',
          ),
          string({ maxLength: 30 }),
        ),
      )
      const plain = new Set([
        'client_id',
        'code_challenge',
        'code_challenge_method',
        'nonce',
        'redirect_uri',
        'response_type',
        'scope',
        'state',
      ])
      await assert(
        asyncProperty(array(parameter, { maxLength: 4 }), async (parameters) => {
          const query = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
          const answer = await rawRequest(app.url, { target: `/login?${query}`, headers: navigation })
          expect(answer.status).toBe(302)
          const { searchParams } = new URL(String(answer.get('location')))
          expect(new Set(searchParams.keys())).toEqual(plain)
          expect(searchParams.get('scope')).toBe('openid profile email')
          expect(searchParams.get('redirect_uri')).toBe(`${app.url}/callback`)
        }),
        { numRuns: runs(200) },
      )
    },
  )
})
