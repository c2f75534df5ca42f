/** Cross-site scripting: no text of a provider or a user becomes markup, a script or another URL. */
import * as fc from 'fast-check'
import { LoginRefused, type OidcOptions } from 'express-session-oidc'
import { createUserAgent, startTestProvider, type UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { createDemo } from '../../examples/demo/app.js'
import { startProvider } from '../../examples/demo/provider.js'
import { createApp as createKeycloakExample } from '../../examples/keycloak/app.js'
import { createApp as createTwoProviders } from '../../examples/multiple-providers/app.js'
import { renderPage } from '../../lib/http/response/html-page.ts'
import { run } from '../examples/steps.ts'
import { secret, type AppSetup, type TestApp } from '../support/app.ts'
import { depth, runs } from '../support/depth.ts'
import { changeUrl, flow, response } from '../support/flow.ts'
import { hostileTexts } from './hostile-texts.ts'
import { getShape } from './page-shape.ts'
import { form, navigation, queryValue, rawRequest, type RawAnswer } from './raw-http.ts'

const world = flow()

interface Shown {
  readonly html: string
  readonly type: string
}

/** Several texts joined into one, for places where each text needs a whole login. */
const together = hostileTexts.flatMap((_, at) => (at % 5 === 0 ? [hostileTexts.slice(at, at + 5).join(' | ')] : []))

/** For places where each text needs a whole login: joined texts, and each text separately in the deep run. */
const severalOrEach = depth() === 'deep' ? hostileTexts : together

/** A place where a text can enter a page. Sends a text and returns the page, or undefined if the text cannot be sent. */
type Place = (text: string) => Promise<Shown | undefined>

/** A harmless text with as many lines. */
function harmless(text: string): string {
  return text
    .split('\n')
    .map(() => 'harmless')
    .join('\n')
}

/** The elements and attributes of the package's own pages. */
const ownElements =
  /^ *(?:#documentType|html lang|head|meta(?: charset| name content| http-equiv content)|title|style|body|main|h1|p|form method action|button|a href|small)$/

/** Checks that each page has the same elements as that of a harmless text, and only URLs of the given origins. */
async function noneBecomesMarkup(
  place: Place,
  origins: readonly string[],
  { texts = hostileTexts, elements }: { texts?: readonly string[]; elements?: RegExp } = {},
): Promise<void> {
  const faults: string[] = []
  const usual = new Map<string, Shown | undefined>()
  let pages = 0
  for (const text of texts) {
    const twin = harmless(text)
    if (!usual.has(twin)) usual.set(twin, await place(twin))
    const page = await place(text)
    if (!page) continue
    pages++
    const [found, expected] = [getShape(page.html), getShape(usual.get(twin)?.html ?? '')]
    const reported = (what: string): void => void faults.push(`${JSON.stringify(text).slice(0, 80)}: ${what}`)
    if (page.type !== 'text/html; charset=utf-8') reported(`is ${page.type}`)
    if (found.elements.join('\n') !== expected.elements.join('\n')) reported(found.elements.join('\n'))
    for (const element of elements ? found.elements : []) if (!elements?.test(element)) reported(`has ${element}`)
    for (const address of found.addresses) {
      const url = URL.canParse(address, origins[0]) ? new URL(address, origins[0]) : undefined
      if (!url || !origins.includes(url.origin)) reported(`leads to ${address}`)
    }
    if (found.addresses.length !== expected.addresses.length) reported(`leads to ${found.addresses.join(' ')}`)
  }
  expect(faults).toEqual([])
  expect(pages).toBeGreaterThan(10)
}

function shown(page: { text(): string; headers: Headers }): Shown {
  return { html: page.text(), type: page.headers.get('content-type') ?? '' }
}

function shownRaw(answer: RawAnswer): Shown | undefined {
  // Requests that Node itself rejects have no page.
  if (answer.status === 400 && answer.get('Content-Type') === undefined) return undefined
  return { html: answer.body, type: answer.get('Content-Type') ?? '' }
}

async function startWith(options: Partial<OidcOptions> = {}, more: Partial<AppSetup> = {}): Promise<TestApp> {
  return world.start({
    ...more,
    options,
    routes: (express, oidc, url) => {
      express.all('/guarded', oidc.requireAuth(), (_req, res) => void res.send('inside'))
      express.post('/connect', oidc.login({ returnTo: '/profile' }))
      express.get('/switch', oidc.login({ prompt: 'login' }))
      more.routes?.(express, oidc, url)
    },
  })
}

async function loggedIn(app: TestApp): Promise<UserAgent> {
  const agent = app.agent()
  expect((await agent.get('/profile')).status).toBe(200)
  return agent
}

/** Applies faults to one request. */
async function during<Result>(
  faults: Parameters<typeof world.provider.misbehave>[0],
  work: () => Promise<Result>,
): Promise<Result> {
  const undo = world.provider.misbehave(faults)
  try {
    return await work()
  } finally {
    undo()
  }
}

const places: Record<string, () => Promise<{ place: Place; app: TestApp; texts?: readonly string[] }>> = {
  async 'the error_description of an authorization response'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        world.provider.deny('server_error', text)
        return shown(await app.agent().get('/profile'))
      },
    }
  },

  async 'the error of an authorization response'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        world.provider.deny(text, undefined)
        return shown(await app.agent().get('/profile'))
      },
    }
  },

  async 'the error_description and returnTo of a second login'() {
    const app = await startWith()
    const agent = await loggedIn(app)
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        world.provider.deny('access_denied', text)
        const returnTo = encodeURIComponent(`/profile?x=${queryValue(text)}'&y=1`)
        const page = await agent.get(`/login?returnTo=${returnTo}`)
        // The provider has a session, so the error is on the page of the second login.
        expect(page.status).toBe(403)
        expect(page.text()).toContain('Go back')
        return shown(page)
      },
    }
  },

  async 'the message of LoginRefused'() {
    let message = ''
    const app = await startWith({
      afterLogin: () => {
        throw new LoginRefused(message)
      },
    })
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        message = text
        return shown(await app.agent().get('/profile'))
      },
    }
  },

  async 'the message of an error in afterLogin'() {
    let message = ''
    const app = await startWith({
      afterLogin: () => {
        throw new Error(message)
      },
    })
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        message = text
        return shown(await app.agent().get('/profile'))
      },
    }
  },

  async 'an error of the token endpoint'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: (text) =>
        during(
          { endpoints: { token: { status: 400, body: { error: text, error_description: text, error_uri: text } } } },
          async () => shown(await app.agent().get('/profile')),
        ),
    }
  },

  async 'claims of a rejected ID token'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: (text) =>
        during({ idToken: { claims: { aud: text, nonce: text, iss: text } } }, async () =>
          shown(await app.agent().get('/profile')),
        ),
    }
  },

  async 'rejected metadata'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        // A new application, which has not cached the metadata yet.
        const other = await startWith()
        const page = await during({ metadata: { issuer: text, token_endpoint: text } }, () =>
          other.agent().get('/profile'),
        )
        await other.stop()
        return shown(page)
      },
    }
  },

  ...Object.fromEntries(
    ['state', 'code', 'iss', 'session_state', 'error_uri'].map((parameter) => [
      `the parameter ${parameter} of an authorization response`,
      async () => {
        const app = await startWith()
        return {
          app,
          texts: severalOrEach,
          place: async (text: string) => {
            const agent = app.agent()
            const callback = changeUrl(await response(agent, '/profile'), { code: 'unknown' })
            return shown(await agent.get(changeUrl(callback, { [parameter]: text, x: text })))
          },
        }
      },
    ]),
  ),

  async 'the authorization endpoint on the page that redirects to it'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        const endpoint = `${world.provider.issuer}/authorize`
        const query = queryValue(text)
        const other = await during(
          {
            metadata: {
              authorization_endpoint: `${endpoint}/${text.replace(/[?#]/g, '')}?a=${text}&b=${query}#${text}`,
            },
          },
          async () => {
            const made = await startWith()
            await made.oidc.ready()
            return made
          },
        )
        const page = await other.agent().post('/connect', {}, { followRefresh: false })
        await other.stop()
        expect(page.status).toBe(200)
        expect(page.text()).toContain('http-equiv="refresh"')
        return shown(page)
      },
    }
  },

  async 'the end-session endpoint on the page that redirects to it'() {
    const app = await startWith()
    return {
      app,
      texts: severalOrEach,
      place: async (text) => {
        const endpoint = `${world.provider.issuer}/logout`
        const other = await during(
          {
            metadata: {
              end_session_endpoint: `${endpoint}/${text.replace(/[?#]/g, '')}?a=${text}&state=${text}#${text}`,
            },
          },
          async () => {
            const made = await startWith()
            await made.oidc.ready()
            return made
          },
        )
        const agent = await loggedIn(other)
        const page = await agent.post('/logout', {}, { followRefresh: false })
        await other.stop()
        expect(page.text()).toContain('http-equiv="refresh"')
        return shown(page)
      },
    }
  },

  async 'the Referer of a form'() {
    const app = await startWith()
    return {
      app,
      place: async (text) => {
        if (/[\r\n]/.test(text)) return undefined
        const referer = `${app.url}/form/${text}?x=${text}`
        return shownRaw(
          await rawRequest(app.url, { method: 'POST', target: '/guarded', headers: [...form, ['Referer', referer]] }),
        )
      },
    }
  },

  async 'the headers of a cross-site request'() {
    const app = await startWith()
    const names = ['Origin', 'User-Agent', 'Accept-Language', 'X-Forwarded-Host', 'X-Requested-By', 'Sec-Fetch-User']
    return {
      app,
      place: async (text) => {
        if (/[\r\n]/.test(text)) return undefined
        const headers = [
          ...form.filter(([name]) => name !== 'Sec-Fetch-Site'),
          ...names.map((name) => [name, text] as const),
        ]
        return shownRaw(await rawRequest(app.url, { method: 'POST', target: '/guarded', headers }))
      },
    }
  },

  async 'the query of the logout and callback routes'() {
    const app = await startWith()
    return {
      app,
      place: async (text) => {
        const query = queryValue(text)
        const requested = await rawRequest(app.url, {
          target: `/logout?returnTo=${query}&${query}=1`,
          headers: [['Accept', 'text/html']],
        })
        const refused = await rawRequest(app.url, {
          target: `/callback?${query}=${query}&state=${query}&error=${query}&error_description=${query}`,
          headers: navigation,
        })
        return { html: requested.body + refused.body, type: requested.get('Content-Type') ?? '' }
      },
    }
  },

  async 'the mount path of the router'() {
    const app = await startWith({}, { mount: '/tenant/:any' })
    return {
      app,
      place: async (text) => {
        // These would end the request line or the path segment.
        if (/[\s?#/]/.test(text)) return undefined
        const answer = await rawRequest(app.url, { target: `/tenant/${text}/x`, headers: navigation })
        // Express itself rejects paths that cannot be decoded.
        if (!answer.body.includes('mounted at')) return undefined
        return shownRaw(answer)
      },
    }
  },
}

describe('hostile texts on the pages of the package', { meta: { id: 'markup-1' } }, () => {
  it.each(Object.entries(places))(
    'a page stays free of foreign markup with hostile text as %s',
    async (_name, make) => {
      const { place, app, texts } = await make()
      await noneBecomesMarkup(place, [app.url, world.provider.url], { elements: ownElements, ...(texts && { texts }) })
    },
  )
})

describe('renderPage()', () => {
  // HTML standard 13.2.3.5: a parser normalizes line breaks to LF. It drops or replaces NUL.
  const texts = fc
    .oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(...hostileTexts))
    .map((text) => text.replaceAll('\0', ''))
  const read = (text: string): string => text.replace(/\r\n?/g, '\n')

  it('a page shows any text literally, and has no other elements', () => {
    const page = (text: string) => ({
      title: text,
      paragraphs: [text, text],
      small: text,
      link: { href: text, text },
      button: { action: text, text },
    })
    const usual = getShape(renderPage(page('harmless'))).elements
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text !== '')
        const shape = getShape(renderPage(page(text)))
        expect(shape.elements).toEqual(usual)
        for (const name of ['title', 'h1', 'small', 'a', 'button']) expect(shape.readText(name)).toEqual([read(text)])
        expect(shape.readText('p').slice(0, 2)).toEqual([read(text), read(text)])
        expect(shape.addresses).toEqual([read(text), read(text)])
      }),
      { numRuns: runs(1000) },
    )
  })

  it('a page has the same elements with each hostile text in every place', () => {
    const page = (text: string) => ({
      title: text,
      paragraphs: [text, text],
      small: text,
      link: { href: text, text },
      button: { action: text, text },
      refresh: text,
    })
    const usual = getShape(renderPage(page('harmless')))
    for (const text of hostileTexts) {
      const shape = getShape(renderPage(page(text)))
      expect(shape.elements).toEqual(usual.elements)
      for (const element of shape.elements) expect(element).toMatch(ownElements)
      expect(shape.addresses).toHaveLength(usual.addresses.length)
      for (const name of ['title', 'h1', 'small', 'a', 'button']) {
        // A parser drops NUL, or replaces it in elements that contain only text.
        expect(shape.readText(name).map((found) => found.replaceAll('\ufffd', ''))).toEqual([
          read(text.replaceAll('\0', '')),
        ])
      }
    }
  })

  it('link and refresh of a page lead to exactly the given URL', { meta: { id: 'markup-2' } }, () => {
    const addresses = fc
      .tuple(fc.constantFrom('https://id.example.com', 'http://127.0.0.1:3000'), texts)
      .map(([origin, text]) => new URL(`/${text.replace(/^[/\\\s]+/, '')}`, origin).href)
    fc.assert(
      fc.property(addresses, (address) => {
        const link = { href: address, text: 'Continue' }
        const shape = getShape(renderPage({ title: 'x', paragraphs: [], link, refresh: address }))
        expect(shape.addresses).toEqual([address, address])
      }),
      { numRuns: runs(1000) },
    )
  })
})

describe('an endpoint without a valid URL', () => {
  const addresses = [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://evil.example/x',
    '//evil.example',
    '/authorize',
    'http://evil.example/authorize',
  ]

  it.each(['authorization_endpoint', 'end_session_endpoint'])(
    'an invalid URL as %s becomes neither a link nor a refresh',
    async (member) => {
      for (const address of addresses) {
        const app = await startWith()
        const page = await during({ metadata: { [member]: address } }, () => app.agent().post('/connect', {}))
        await app.stop()
        expect(page.status, address).toBe(503)
        expect(getShape(page.text()).addresses).toEqual([])
      }
    },
  )
})

describe('the response to a fetch', () => {
  it('a fetch gets hostile texts unchanged in JSON, never in a page', async () => {
    let message = ''
    const app = await startWith({
      afterLogin: () => {
        throw new LoginRefused(message)
      },
    })
    for (const text of together) {
      message = text
      const agent = app.agent()
      const refused = await agent.fetch(await response(agent, '/profile'))
      expect(refused.headers.get('content-type')).toBe('application/problem+json')
      expect(refused.json()).toMatchObject({ status: 403, code: 'login_refused', title: text })
      const failed = await agent.fetch(`/callback?state=${queryValue(text)}&error=x`)
      expect(failed.headers.get('content-type')).toBe('application/problem+json')
      expect(failed.json()).toMatchObject({ status: 400, code: 'state_unknown' })
    }
  })
})

/** Claims that all contain one text, with the roles that every page needs. */
function readClaims(text: string): Record<string, unknown> {
  const names = ['name', 'given_name', 'preferred_username', 'email', 'picture', 'website', 'locale', 'acr']
  return {
    ...Object.fromEntries(names.map((name) => [name, text])),
    roles: ['user', 'admin', text],
    address: { formatted: text, [text]: text },
    // The text as the name of a claim.
    [`x${text}`]: text,
    updated_at: text,
  }
}

describe('hostile claims and URLs on the pages of the examples', () => {
  /** The pages at the given paths, joined. */
  async function listPages(agent: UserAgent, paths: readonly string[]): Promise<Shown> {
    let html = ''
    for (const path of paths) {
      const page = await agent.get(path)
      expect([200, 404]).toContain(page.status)
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
      html += page.text()
    }
    return { html, type: 'text/html; charset=utf-8' }
  }

  it('the demo shows no foreign markup', async () => {
    const demo = await run(async (baseUrl) => {
      const { issuer, clientId, clientSecret = '' } = world.provider
      const { app } = createDemo({ baseUrl, provider: { issuer, clientId, clientSecret }, secret })
      return { app, stop: async () => {} }
    })
    world.later(() => demo.stop())
    const place: Place = (text) =>
      during({ idToken: { claims: readClaims(text) } }, () =>
        listPages(demo.agent(), ['/members', '/', '/admin', `/nowhere/${queryValue(text)}?x=${queryValue(text)}`]),
      )
    await noneBecomesMarkup(place, [demo.url], { texts: severalOrEach })
  })

  it('the provider of the demo shows no foreign markup', async () => {
    const client = { client_id: 'demo', client_secret: 'the secret of the demo', redirect_uris: ['http://localhost/x'] }
    const provider = await startProvider({ clients: [client] })
    world.later(() => provider.close())
    const requested = `/auth?client_id=demo&response_type=code&redirect_uri=${queryValue('http://localhost/x')}`
    const place: Place = async (text) => {
      const agent = createUserAgent({ baseUrl: provider.issuer })
      let html = ''
      for (const path of [
        `/auth?client_id=${queryValue(text)}`,
        `/auth?client_id=demo&redirect_uri=${queryValue(text)}`,
        `${requested}&scope=openid&login_hint=${queryValue(text)}&state=${queryValue(text)}&nonce=${queryValue(text)}&display=${queryValue(text)}`,
        `/session/end?client_id=${queryValue(text)}`,
        `/session/end?id_token_hint=${queryValue(text)}`,
        `/${queryValue(text)}`,
      ]) {
        const page = await agent.get(path)
        if (page.headers.get('content-type')?.startsWith('text/html')) html += page.text()
      }
      return { html: html.replaceAll(/\/interaction\/[\w-]+/g, '/interaction'), type: 'text/html; charset=utf-8' }
    }
    await noneBecomesMarkup(place, [provider.issuer], { texts: severalOrEach })
  })

  it('the example with two providers shows no foreign markup', async () => {
    const site = await run(async (baseUrl) => {
      const { issuer, clientId, clientSecret = '' } = world.provider
      const at = { issuer, clientId, clientSecret }
      return { app: createTwoProviders({ baseUrl, staff: at, customers: at, secret }), stop: async () => {} }
    })
    world.later(() => site.stop())
    const place: Place = (text) =>
      during({ idToken: { claims: readClaims(text) } }, () =>
        listPages(site.agent(), [
          `/signin?returnTo=/${queryValue(text)}`,
          '/staff/login?returnTo=/staff-only',
          '/customers/login?returnTo=/customers-only',
          '/',
          '/either',
          `/signin?returnTo=/${queryValue(text)}`,
          `/${queryValue(text)}`,
        ]),
      )
    await noneBecomesMarkup(place, [site.url], { texts: severalOrEach })
  })

  it('the Keycloak example shows no foreign markup', async () => {
    const provider = await startTestProvider({ path: '/realms/acme', signIn: 'alice', algorithm: 'ES256' })
    world.later(() => provider.stop())
    const site = await run(async (baseUrl) => ({
      app: createKeycloakExample({ keycloakUrl: provider.url, baseUrl }),
      stop: async () => {},
    }))
    world.later(() => site.stop())
    const place: Place = async (text) => {
      const claims = { ...readClaims(text), realm_access: { roles: [text] } }
      const undo = provider.misbehave({ idToken: { claims }, accessToken: { claims }, tokenResponse: { scope: text } })
      const page = await listPages(site.agent(), ['/profile', '/'])
      undo()
      return page
    }
    await noneBecomesMarkup(place, [site.url], { texts: severalOrEach })
  })
})
