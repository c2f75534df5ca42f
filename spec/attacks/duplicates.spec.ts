/**
 * Duplicate parameters, headers and cookies, including spellings that query parsers turn into arrays and objects. They are
 * tested on Express 4 and 5, with each query parser, and behind common body parsers. Ambiguous requests are rejected: nobody
 * is logged in by one reading of a request that another reading would reject.
 */
import { createRequire } from 'node:module'
import type expressModule from 'express'
import type { Express, RequestHandler } from 'express'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type * as AppModule from '../support/app.ts'
import type { AppSetup, TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import {
  changeUrl,
  flow,
  readLocation,
  noteRoutes,
  listNotes,
  response,
  listEvents,
  listTransactions,
} from '../support/flow.ts'
import { rawRequest, type HeaderLines } from './raw-http.ts'
import { parseQuery } from '../../lib/http/request/query.ts'

type ExpressModule = typeof expressModule

const world = flow()

const require = createRequire(import.meta.url)
const installed = (require('express/package.json') as { version: string }).version.startsWith('4.') ? 4 : 5
const getExpress: Partial<Record<4 | 5, ExpressModule>> = {
  4: require('express4') as ExpressModule,
  [installed]: require('express') as ExpressModule,
}
if (installed === 4) console.warn('notice: skipped, Express 5 is not installed: duplicates on Express 5')

/** Parameters that a response must not repeat. */
const single = ['state', 'code', 'iss', 'error', 'error_description']

describe('parseQuery()', () => {
  it.each(single)('parseQuery() returns each occurrence of %s, in any spelling', (name) => {
    const percent = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`
    for (const again of [`${name}=x`, `${name}=`, name, `${percent}=x`]) {
      for (const query of [`${name}=x&${again}`, `${again}&a=b&${name}=x`]) {
        expect({ query, count: parseQuery(`/callback?${query}`).getAll(name).length }).toEqual({ query, count: 2 })
      }
    }
  })

  it.each(['[]', '[0]', '[a]', '[a][b]', '[__proto__]', '[constructor][prototype]', '.a', '%5B%5D', '[', ']'])(
    'parseQuery() treats a name followed by %s as another name',
    (suffix) => {
      for (const name of [...single, 'returnTo']) {
        const parameters = parseQuery(`/callback?${name}${suffix}=x`)
        expect([...parameters.keys()]).toEqual([name + decodeURIComponent(suffix)])
        expect(parameters.has(name)).toBe(false)
      }
    },
  )
})

describe.each(installed === 5 ? ([4, 5] as const) : ([4] as const))('an application on Express %i', (version) => {
  const express = getExpress[version] as ExpressModule
  let startApp: (typeof AppModule)['startApp']
  let store: () => object

  // The package imports the Express of its application, so it is loaded again for each version.
  beforeAll(async () => {
    vi.resetModules()
    vi.doMock('express', () => ({ default: express }))
    startApp = (await import('../support/app.ts')).startApp
    const { RedisSessionStore } = await import('express-session-oidc/redis')
    store = () => new RedisSessionStore({ client: world.redis.client, idleSeconds: 600 })
  })
  afterAll(() => {
    vi.doUnmock('express')
    vi.resetModules()
  })

  async function startWith(queryParser: 'simple' | 'extended', setup: Partial<AppSetup> = {}): Promise<TestApp> {
    const app = await startApp({
      provider: world.provider,
      routes: noteRoutes,
      ...setup,
      session: { store: store() as never },
      before: (made) => {
        made.set('query parser', queryParser)
        setup.before?.(made)
      },
    })
    world.later(() => app.stop())
    expect('del' in app.app).toBe(version === 4)
    return app
  }

  /** Checks that nobody is logged in, and that no code was sent to the provider. */
  async function isNobody(agent: UserAgent, app: TestApp): Promise<void> {
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    expect(world.provider.requestsTo('token')).toEqual([])
    expect(listEvents(app, 'login')).toEqual([])
  }

  describe.each(['simple', 'extended'] as const)('with the query parser %s', (queryParser) => {
    const start = (setup: Partial<AppSetup> = {}): Promise<TestApp> => startWith(queryParser, setup)
    // The package reads the query with its own function, independently of the query parser. So all rows run only on the
    // newest Express with its extended parser, and the other combinations get a sample.
    const isWhole = depth() === 'deep' || (version === installed && queryParser === 'extended')

    describe('a parameter of the authorization response', () => {
      /** Spellings of a duplicate, each of which some parser reads as the same name. */
      const repeats: [string, (name: string, value: string) => string][] = [
        ['with the same value', (name, value) => `${name}=${value}`],
        ['with another value', (name) => `${name}=x`],
        ['with an empty value', (name) => `${name}=`],
        ['without an equals sign', (name) => name],
        ['with a percent-encoded name', (name) => `%${name.charCodeAt(0).toString(16)}${name.slice(1)}=x`],
        ['twenty-five times', (name) => Array.from({ length: 25 }, () => `${name}=x`).join('&')],
      ]

      const few = ['with another value', 'with a percent-encoded name']

      describe.each(['state', 'code', 'iss', 'error', 'error_description'])('the parameter %s', (name) => {
        it('a duplicate parameter is answered 400, in any spelling', { meta: { id: 'duplicates-1' } }, async () => {
          const app = await start()
          for (const [how, repeat] of isWhole ? repeats : repeats.filter(([how]) => few.includes(how))) {
            world.provider.forget()
            app.events.length = 0
            const agent = app.agent()
            const callback = await response(agent, '/login')
            const own = new URL(callback).searchParams.get(name)
            const first = own === null ? `&${name}=x` : ''
            const again = repeat(name, encodeURIComponent(own ?? 'x'))
            for (const url of [`${callback}${first}&${again}`, callback.replace('?', `?${again}${first}&`)]) {
              const page = await agent.get(url)
              expect({ how, status: page.status, hops: page.hops.length }).toEqual({ how, status: 400, hops: 1 })
            }
            expect(listEvents(app, 'login_failed').map(({ code }) => code)).toEqual([
              'request_invalid',
              'request_invalid',
            ])
            await isNobody(agent, app)
            // The login in progress is still usable.
            expect((await agent.get(callback)).text()).toBe('hello alice')
          }
        })

        it('a name with brackets or dots is not read as this parameter', async () => {
          const app = await start()
          const suffixes = [
            '[]',
            '[0]',
            '[a]',
            '[a][b]',
            '[__proto__]',
            '[constructor][prototype]',
            '.a',
            '%5B%5D',
            '[',
            ']',
          ]
          for (const suffix of isWhole ? suffixes : suffixes.slice(0, 3)) {
            world.provider.forget()
            app.events.length = 0
            const agent = app.agent()
            const instead = new URL(await response(agent, '/login'))
            const value = instead.searchParams.get(name) ?? 'x'
            instead.searchParams.delete(name)
            const url = `${instead.href}&${name}${suffix}=${encodeURIComponent(value)}`
            const page = await agent.get(url, { redirect: 'manual' })
            // The provider announces `iss`, so a response without it is rejected. A misspelled error is ignored.
            const ignored = name === 'error' || name === 'error_description'
            const expected = ignored ? 303 : name === 'state' ? 400 : 502
            expect({ suffix, status: page.status }).toEqual({ suffix, status: expected })
            if (!ignored) await isNobody(agent, app)
          }
        })
      })

      it('a parameter is read unchanged beside similar names with brackets', async () => {
        const app = await start()
        const agent = app.agent()
        const callback = await response(agent, '/login')
        const noise = ['state[]=x', 'code[]=y', 'code[a]=z', 'iss[]=https://evil.example', 'error[]=access_denied']
        const page = await agent.get(`${callback}&${noise.join('&')}`)
        expect(page.text()).toBe('hello alice')
        expect(world.provider.requestsTo('token')[0]?.params.get('code')).toBe(
          new URL(callback).searchParams.get('code'),
        )
      })

      it('a parameter without a value counts as missing (RFC 6749 3.1)', async () => {
        const app = await start()
        const agent = app.agent()
        const callback = await response(agent, '/login')
        expect((await agent.get(changeUrl(callback, { error: '', error_description: '' }))).text()).toBe('hello alice')
      })

      it('an unknown parameter may be repeated', async () => {
        const app = await start()
        const agent = app.agent()
        const callback = await response(agent, '/login')
        const page = await agent.get(`${callback}&session_state=x&scope=a&scope=b&foo=1&foo=2&foo[]=3`)
        expect(page.text()).toBe('hello alice')
      })

      it.each([
        ['both a code and an error', { error: 'access_denied' }, 403],
        ['an empty code', { code: '' }, 502],
        ['both an ID token and a code', { id_token: 'eyJhbGciOiJub25lIn0.e30.' }, 502],
        ['both a JWT-secured response and a code', { response: 'eyJhbGciOiJub25lIn0.e30.' }, 502],
        ['two ID tokens and a code', { id_token: ['a.b.c', 'd.e.f'] }, 502],
        ['two JWT-secured responses and a code', { response: ['a.b.c', 'd.e.f'] }, 502],
      ])('a response with %s logs nobody in, and its code is sent nowhere', async (_what, more, status) => {
        const app = await start()
        const agent = app.agent()
        const page = await agent.get(changeUrl(await response(agent, '/login'), more), { redirect: 'manual' })
        expect(page.status).toBe(status)
        await isNobody(agent, app)
      })
    })

    describe('a parameter of the login route', () => {
      it.each([
        ['given twice', '/', 'returnTo=/notes&returnTo=/profile'],
        ['given twice with the same value', '/', 'returnTo=/notes&returnTo=/notes'],
        ['with a percent-encoded duplicate', '/', 'returnTo=/notes&%72eturnTo=//evil.example'],
        ['as an array', '/', 'returnTo[]=/notes'],
        ['as an array of two', '/', 'returnTo[]=/notes&returnTo[]=//evil.example'],
        ['as an object', '/', 'returnTo[a]=/notes'],
        ['as an object with a length', '/', 'returnTo[length]=5&returnTo[startsWith]=x'],
        ['as an object with a prototype', '/', 'returnTo[__proto__]=/notes&__proto__[returnTo]=/notes'],
        ['with an additional array', '/notes', 'returnTo=/notes&returnTo[]=//evil.example'],
        ['in uppercase', '/', 'RETURNTO=/notes'],
      ])('returnTo %s leads to %s', async (_how, expected, query) => {
        const app = await start()
        const page = await app.agent().get(`/login?${query}`)
        expect(page.url).toBe(app.url + expected)
        expect(page.hops.map(({ url }) => new URL(url).hostname)).not.toContain('evil.example')
      })

      it('authorization parameters in the query of the login route are ignored', async () => {
        const app = await start()
        const names = ['scope', 'state', 'nonce', 'redirect_uri', 'client_id', 'prompt', 'response_mode', 'acr_values']
        const query = names.flatMap((name) => [`${name}=x`, `${name}=y`, `${name}[]=z`, `${name}[a]=z`]).join('&')
        const requested = new URL(readLocation(await app.agent().get(`/login?${query}`, { redirect: 'manual' })))
          .searchParams
        for (const name of new Set(requested.keys())) expect(requested.getAll(name)).toHaveLength(1)
        expect(requested.get('redirect_uri')).toBe(`${app.url}/callback`)
        expect(requested.get('scope')).toBe('openid profile email')
        for (const name of ['prompt', 'response_mode', 'acr_values']) expect(requested.has(name)).toBe(false)
      })
    })

    describe('a parameter of the logout route', () => {
      const names = ['returnTo', 'post_logout_redirect_uri', 'id_token_hint', 'client_id', 'state', 'logout_hint']
      const query = names
        .flatMap((name) => [`${name}=//evil.example`, `${name}=x`, `${name}[]=y`, `${name}[a]=z`])
        .join('&')

      it.each([
        ['in the query', (agent: UserAgent) => agent.get(`/logout?${query}`, { redirect: 'manual' })],
        [
          'in the body',
          (agent: UserAgent) => agent.fetch('/logout', { method: 'POST', body: new URLSearchParams(query) }),
        ],
        [
          'in both',
          (agent: UserAgent) => agent.fetch(`/logout?${query}`, { method: 'POST', body: new URLSearchParams(query) }),
        ],
      ])('duplicate parameters %s do not affect the end-session request', async (_where, logOut) => {
        const app = await start()
        const agent = app.agent()
        await agent.get('/profile')
        const answer = await logOut(agent)
        const to = new URL(answer.headers.get('location') ?? (answer.json()['location'] as string))
        expect(to.origin + to.pathname).toBe(`${world.provider.url}/logout`)
        expect([...to.searchParams.keys()].toSorted()).toEqual([
          'client_id',
          'id_token_hint',
          'logout_hint',
          'post_logout_redirect_uri',
          'state',
        ])
        expect(to.searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
        expect(to.searchParams.get('client_id')).toBe('web')
        expect(to.href).not.toContain('evil.example')
        expect(await listNotes(agent, app)).toMatchObject({ sub: null })
      })
    })
  })

  const start = (setup: Partial<AppSetup> = {}): Promise<TestApp> => startWith('extended', setup)

  describe('a form_post', () => {
    const parsers: [string, (made: Express) => void][] = [
      ['without a body parser', () => {}],
      ['behind a simple body parser', (made) => void made.use(urlencoded(false))],
      ['behind an extended body parser', (made) => void made.use(urlencoded(true))],
    ]

    function urlencoded(extended: boolean): RequestHandler {
      return express.urlencoded({ extended })
    }

    function startPost(before: (made: Express) => void): Promise<TestApp> {
      return start({ before, options: { responseMode: 'form_post' } })
    }

    /** Follows a login up to the form that posts the response, and returns its fields. */
    async function posted(agent: UserAgent): Promise<URLSearchParams> {
      const page = await agent.get('/login', { followForms: false })
      const fields = [...page.text().matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
      return new URLSearchParams(Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value])))
    }

    function post(agent: UserAgent, app: TestApp, body: string, query = ''): Promise<UserAgentResponse> {
      const fields = new URLSearchParams(body)
      return agent.post(`${app.url}/callback${query}`, fields, { from: `${world.provider.issuer}/authorize` })
    }

    describe.each(parsers)('a form_post %s', (_how, before) => {
      it.each(['state', 'code', 'iss', 'error', 'error_description'])(
        'a form_post with a duplicate %s is answered 400',
        async (name) => {
          const app = await startPost(before)
          const agent = app.agent()
          const fields = await posted(agent)
          const value = fields.get(name) ?? 'x'
          for (const second of [value, 'x', '']) {
            const twice = new URLSearchParams(fields)
            twice.delete(name)
            twice.append(name, value)
            twice.append(name, second)
            const page = await post(agent, app, twice.toString())
            expect({ second, status: page.status, hops: page.hops.length }).toEqual({ second, status: 400, hops: 1 })
          }
          await isNobody(agent, app)
          expect((await post(agent, app, fields.toString())).text()).toBe('hello alice')
        },
      )

      it.each([25, 150, 900])('a form_post with a parameter repeated %i times logs nobody in', async (times) => {
        const app = await startPost(before)
        for (const name of ['state', 'code', 'iss', 'error']) {
          const agent = app.agent()
          const fields = await posted(agent)
          const value = fields.get(name) ?? 'x'
          fields.delete(name)
          for (let n = 0; n < times; n++) fields.append(name, value)
          const page = await post(agent, app, fields.toString())
          expect({ name, isRefused: page.status >= 400 }).toEqual({ name, isRefused: true })
          expect(await listNotes(agent, app)).toMatchObject({ sub: null })
        }
        expect(world.provider.requestsTo('token')).toEqual([])
      })

      it('a form_post with additional arrays and objects is answered 400 or logs in and ignores them', async () => {
        const app = await startPost(before)
        for (const suffix of ['[]', '[0]', '[a]', '[__proto__]', '[constructor][prototype]', '[a][b][c][d][e][f][g]']) {
          const agent = app.agent()
          const fields = await posted(agent)
          const page = await post(
            agent,
            app,
            `state${suffix}=x&code${suffix}=x&error${suffix}=x&${fields.toString()}&state${suffix}=x`,
          )
          // A parser that reads an array causes 400. One that reads another name has no effect.
          expect([200, 400]).toContain(page.status)
          const { sub } = await listNotes(agent, app)
          expect({ suffix, sub }).toEqual({ suffix, sub: page.status === 200 ? 'alice' : null })
        }
        expect(Object.prototype).not.toHaveProperty('state')
      })

      it('the body of a form_post takes precedence over the query', async () => {
        const app = await startPost(before)
        const agent = app.agent()
        const fields = await posted(agent)
        const page = await post(agent, app, fields.toString(), '?state=x&code=of-the-query&error=access_denied')
        expect(page.text()).toBe('hello alice')
        expect(world.provider.requestsTo('token')[0]?.params.get('code')).toBe(fields.get('code'))
      })

      it('a response in the query is not used in place of the stored one, and does not use it up', async () => {
        const app = await startPost(before)
        const agent = app.agent()
        const fields = await posted(agent)
        const stored = await agent.post(`${app.url}/callback`, fields, {
          from: `${world.provider.issuer}/authorize`,
          redirect: 'manual',
        })
        world.provider.signIn('bob')
        const attacker = app.agent()
        const code = (await posted(attacker)).get('code') ?? ''
        world.provider.signIn('alice')
        const page = await agent.get(changeUrl(readLocation(stored), { code, iss: world.provider.issuer }))
        expect(page.status).toBe(400)
        expect(world.provider.requestsTo('token')).toEqual([])
        expect(listEvents(app, 'login')).toEqual([])
        await agent.get(readLocation(stored))
        expect(world.provider.requestsTo('token').map(({ params }) => params.get('code'))).toEqual([fields.get('code')])
        expect(listEvents(app, 'login')).toHaveLength(1)
      })
    })
  })

  describe('duplicate headers', () => {
    const navigation: HeaderLines = [['Accept', 'text/html']]

    it('two Cookie headers are combined, and a cookie in both counts as missing', async () => {
      const app = await start()
      const agent = app.agent()
      const callback = new URL(await response(agent, '/login'))
      const target = callback.pathname + callback.search
      const [name = ''] = listTransactions(agent)
      const own = `${name}=${agent.jar.get(name)?.value ?? ''}`
      const twice = await rawRequest(app.url, {
        target,
        headers: [...navigation, ['Cookie', own], ['Cookie', `${name}=x`]],
      })
      expect(twice.get('location')).toContain(`${world.provider.issuer}/authorize`)
      expect(world.provider.requestsTo('token')).toEqual([])
      const once = await rawRequest(app.url, {
        target,
        headers: [...navigation, ['Cookie', 'a=b; c=d'], ['Cookie', own], ['Cookie', 'e=f']],
      })
      expect({ status: once.status, to: once.get('location') }).toEqual({ status: 303, to: '/' })
    })

    it.each<[string, HeaderLines]>([
      ['Host', [['Host', 'evil.example']]],
      [
        'X-Forwarded-Host',
        [
          ['X-Forwarded-Host', 'evil.example'],
          ['X-Forwarded-Host', 'evil.example'],
        ],
      ],
      [
        'Referer',
        [
          ['Referer', 'https://evil.example/a'],
          ['Referer', 'https://evil.example/b'],
        ],
      ],
    ])('a duplicate %s header appears in no URL', async (_name, headers) => {
      const app = await start()
      const begun = await rawRequest(app.url, { target: '/login', headers: [...navigation, ...headers] })
      const requested = new URL(begun.get('location') ?? '')
      expect(requested.origin).toBe(world.provider.url)
      expect(requested.searchParams.get('redirect_uri')).toBe(`${app.url}/callback`)
      expect(begun.head).not.toContain('evil.example')
    })

    it.each<[string, HeaderLines]>([
      [
        'Sec-Fetch-Site (valid value first)',
        [
          ['Sec-Fetch-Site', 'same-origin'],
          ['Sec-Fetch-Site', 'cross-site'],
        ],
      ],
      [
        'Sec-Fetch-Site (valid value last)',
        [
          ['Sec-Fetch-Site', 'cross-site'],
          ['Sec-Fetch-Site', 'same-origin'],
        ],
      ],
      [
        'Origin (valid value first)',
        [
          ['Origin', 'OWN'],
          ['Origin', 'https://evil.example'],
        ],
      ],
      [
        'Origin (valid value last)',
        [
          ['Origin', 'https://evil.example'],
          ['Origin', 'OWN'],
        ],
      ],
    ])('a logout with a duplicate %s is answered 403 and logs nobody out', async (_name, lines) => {
      const app = await start()
      const agent = app.agent()
      await agent.get('/profile')
      const headers: HeaderLines = [
        ...navigation,
        ['Cookie', `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`],
        ...lines.map(([name, value]) => [name, value.replace('OWN', app.url)] as const),
      ]
      const posted = await rawRequest(app.url, {
        method: 'POST',
        target: '/logout',
        headers: [...headers, ['Content-Length', '0']],
      })
      expect(posted.status).toBe(403)
      expect((await rawRequest(app.url, { target: '/logout', headers })).status).toBe(200)
      expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
    })

    it.each<[string, HeaderLines, number]>([
      [
        'Content-Type (form type first)',
        [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Type', 'application/json'],
        ],
        400,
      ],
      [
        'Content-Type (form type last)',
        [
          ['Content-Type', 'application/json'],
          ['Content-Type', 'application/x-www-form-urlencoded'],
        ],
        415,
      ],
      [
        'Content-Length (different values)',
        [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Length', '3'],
        ],
        400,
      ],
    ])('a form_post with a duplicate %s logs nobody in', async (_name, lines, status) => {
      const app = await start({ options: { responseMode: 'form_post' } })
      const body = 'state=x&code=y'
      const answer = await rawRequest(app.url, {
        method: 'POST',
        target: '/callback',
        headers: [...navigation, ['Content-Length', String(body.length)], ...lines],
        body,
      })
      expect(answer.status).toBe(status)
      expect(listEvents(app, 'login')).toEqual([])
    })
  })

  describe('duplicate cookies', () => {
    it('a duplicate login cookie counts as missing, and the restarted login succeeds', async () => {
      const app = await start()
      const agent = app.agent()
      const callback = await response(agent, '/login')
      const [name = ''] = listTransactions(agent)
      agent.jar.set(`${name}=planted; Path=/callback`, app.url)
      const page = await agent.get(callback)
      expect(page.text()).toBe('hello alice')
      expect(page.hops.filter(({ url }) => url.startsWith(`${world.provider.issuer}/authorize`))).toHaveLength(1)
      expect(world.provider.requestsTo('token')).toHaveLength(1)
    })

    it('a duplicate counter of completed logins counts as missing', async () => {
      const app = await start()
      const agent = app.agent()
      agent.jar.set(`${app.cookie('finished')}=planted; Path=/callback`, app.url)
      for (let login = 0; login < 3; login++) {
        expect((await agent.get('/login')).text()).toBe('hello alice')
        agent.jar.delete('connect.sid')
      }
    })
  })
})
