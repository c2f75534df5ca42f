/**
 * Mix-up (RFC 9700 4.4): an application that logs in with two providers, one of which is hostile and wants the other's
 * codes and tokens, or to log somebody in in the other's name.
 */
import type { Express } from 'express'
import { createOidc, type Oidc } from 'express-session-oidc'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow, location, response, told } from '../support/flow.ts'
import { identityOf } from '../support/identity.ts'
import { waiting } from '../support/waiting.ts'

/** The honest one, whose user is alice. */
const world = flow()
/** The other, whose user is alice too: a subject is one only together with its issuer. */
let hostile: TestProvider

beforeAll(async () => {
  // Another host than the first one's, since the two would share their cookies.
  hostile = await startTestProvider({ hostname: 'localhost', algorithm: 'ES256' })
})
beforeEach(() => {
  hostile.signIn('alice')
  hostile.forget()
})
afterEach(() => hostile.behave())
afterAll(() => hostile.stop())

interface Who {
  readonly honest: string | null
  readonly hostile: string | null
}
const nobody: Who = { honest: null, hostile: null }

interface TwoApp extends TestApp {
  partner: Oidc
}

/** An application with the instance of the honest provider, which has no name, and `partner`, of the hostile one. */
async function start(): Promise<TwoApp> {
  let partner: Oidc | undefined
  const routes = (app: Express, oidc: Oidc, url: string): void => {
    partner = createOidc({ ...hostile.settings(), name: 'partner', baseUrl: url, secret })
    app.use(partner.router)
    const both = { honest: oidc, hostile: partner }
    app.get('/who', (req, res) => {
      res.json(
        Object.fromEntries(Object.entries(both).map(([name, one]) => [name, one.context(req).user?.iss ?? null])),
      )
    })
    app.get('/id', (req, res) => void res.send(req.sessionID))
    app.get('/partner-profile', partner.requireAuth(), (_req, res) => void res.send('the page of the partner'))
    app.get(
      '/tokens/:of',
      waiting(async (req, res) => {
        res.json(await both[req.params['of'] as 'honest' | 'hostile'].context(req).tokens())
      }),
    )
  }
  const app = await world.start({ routes })
  return Object.assign(app, { partner: partner as unknown as Oidc })
}

async function whoIs(agent: UserAgent, app: TestApp): Promise<Who> {
  return (await agent.fetch(`${app.url}/who`)).json() as unknown as Who
}

/** Everything that a provider was sent. */
function seenBy(provider: TestProvider): string {
  return provider.requests
    .map(
      ({ url, body, headers }) =>
        `${decodeURIComponent(url)} ${body} ${decodeURIComponent(body)} ${JSON.stringify(headers)}`,
    )
    .join('\n')
}

type Side = 'honest' | 'hostile'
const sides: readonly Side[] = ['honest', 'hostile']
const callbacks = { honest: '/callback', hostile: '/partner/callback' } as const
const logins = { honest: '/login', hostile: '/partner/login' } as const
const other = { honest: 'hostile', hostile: 'honest' } as const

interface Begun {
  readonly agent: UserAgent
  readonly code: Record<Side, string>
  readonly state: Record<Side, string>
}

/** A browser in which a login with each provider is under way, up to their responses. */
async function begunWithBoth(app: TestApp): Promise<Begun> {
  const agent = app.agent()
  const urls = { honest: '', hostile: '' }
  for (const side of sides) urls[side] = await response(agent, `${logins[side]}?returnTo=/who`)
  const parameter = (name: string): Record<Side, string> => ({
    honest: new URL(urls.honest).searchParams.get(name) ?? '',
    hostile: new URL(urls.hostile).searchParams.get(name) ?? '',
  })
  return { agent, code: parameter('code'), state: parameter('state') }
}

/** The cookies of the two logins as a browser could send them. */
const cookieWays = ['both', 'honest alone', 'hostile alone', 'exchanged', 'none'] as const

function bendCookies({ agent, state }: Begun, app: TestApp, way: (typeof cookieWays)[number]): void {
  const names = {
    honest: app.cookie(state.honest.split('.')[0] as string),
    hostile: identityOf({ ...hostile.settings(), name: 'partner', baseUrl: app.url }).cookie(
      state.hostile.split('.')[0] as string,
    ),
  }
  const values = { honest: agent.jar.get(names.honest)?.value, hostile: agent.jar.get(names.hostile)?.value }
  if (way === 'honest alone' || way === 'none') agent.jar.delete(names.hostile)
  if (way === 'hostile alone' || way === 'none') agent.jar.delete(names.honest)
  if (way === 'exchanged') {
    for (const side of sides) agent.jar.set(`${names[side]}=${values[other[side]]}; Path=/`, app.url)
  }
}

const issuers = {
  'left out': () => [],
  'the honest one': () => [world.provider.issuer],
  'the hostile one': () => [hostile.issuer],
  both: () => [world.provider.issuer, hostile.issuer],
  'the own one twice': (side: Side) => {
    const { issuer } = side === 'honest' ? world.provider : hostile
    return [issuer, issuer]
  },
} satisfies Record<string, (side: Side) => string[]>

describe.each([
  ['announce that they name themselves (RFC 9207)', true],
  ['do not announce that they name themselves', false],
])('where the providers %s', (_how, isAnnounced) => {
  beforeEach(() => {
    if (isAnnounced) return
    for (const provider of [world.provider, hostile]) {
      provider.misbehave({ metadata: { authorization_response_iss_parameter_supported: undefined } })
    }
  })

  const crossings = sides.flatMap((route) => sides.flatMap((state) => sides.map((code) => ({ route, state, code }))))

  it.each(crossings)(
    'the callback of the $route one with the state of the $state and the code of the $code one logs in only where all is of one',
    async ({ route, state, code }) => {
      const app = await start()
      let loggedIn = 0
      for (const cookies of cookieWays) {
        const isKnown = cookies === 'both' || cookies === `${route} alone`
        for (const [iss, issuersOf] of Object.entries(issuers)) {
          // Without the login's cookie the names that could be right are enough.
          if (!isKnown && depth() !== 'deep' && iss !== 'left out' && iss !== `the ${route} one`) continue
          const begun = await begunWithBoth(app)
          bendCookies(begun, app, cookies)
          for (const provider of [world.provider, hostile]) provider.forget()
          const url = new URL(app.url + callbacks[route])
          url.searchParams.set('code', begun.code[code])
          url.searchParams.set('state', begun.state[state])
          for (const issuer of issuersOf(route)) url.searchParams.append('iss', issuer)
          const answer = await begun.agent.get(url, { redirect: 'manual' })

          const where = `${cookies}, iss ${iss}`
          const isNamed = iss === `the ${route} one` || (iss === 'left out' && !isAnnounced)
          const isTaken = route === state && isKnown && isNamed
          const isOne = isTaken && code === route
          const expected = isOne
            ? { ...nobody, [route]: (route === 'honest' ? world.provider : hostile).issuer }
            : nobody
          expect({ where, ...(await whoIs(begun.agent, app)) }).toEqual({ where, ...expected })
          if (isOne) loggedIn++
          expect(answer.status).toBeLessThan(503)

          // What is wholly the hostile one's own, but for a code that it must have had already to put it there, cannot be
          // told from its own response. It got to know nothing by it: see below what that code is worth to it.
          const isItsOwn = isTaken && route === 'hostile' && code === 'honest'
          const seen = seenBy(hostile)
          if (!isItsOwn) expect({ where, sees: seen.includes(begun.code.honest) }).toEqual({ where, sees: false })
          expect(seen).not.toContain(begun.state.honest)
        }
      }
      const waysIn = isAnnounced ? 2 : 4
      expect(loggedIn).toBe(route === state && state === code ? waysIn : 0)
    },
  )
})

describe('a hostile provider that', () => {
  it('names the authorization endpoint of the honest one gets none of its codes, since that names itself', async () => {
    const { provider } = world
    hostile.misbehave({ metadata: { authorization_endpoint: `${provider.issuer}/authorize` } })
    const app = await start()
    const agent = app.agent()
    // This honest provider takes any redirect URI on loopback. Where a provider does not name itself, that it knows the
    // exact redirect URIs of its client is what stops this: those of two instances differ.
    const callback = await response(agent, '/partner/login')
    expect(callback).toContain(`${app.url}/partner/callback?code=`)
    const page = await agent.get(callback)
    expect(page.status).toBe(502)
    expect(hostile.requestsTo('token')).toEqual([])
    expect(seenBy(hostile)).not.toContain(new URL(callback).searchParams.get('code'))
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it(
    'sends the browser on to the honest one, with its own state, gets nothing: another instance made that',
    { meta: { id: 'mix-up-1' } },
    async () => {
      const { provider } = world
      const app = await start()
      const agent = app.agent()
      const asked = new URL(location(await agent.get('/partner/login', { redirect: 'manual' }))).searchParams
      const honest = new URL(location(await agent.get('/login', { redirect: 'manual' })))
      for (const name of ['state', 'nonce', 'code_challenge']) honest.searchParams.set(name, asked.get(name) ?? '')
      const callback = location(await agent.get(honest, { redirect: 'manual' }))
      expect(callback).toContain(`${app.url}/callback?code=`)
      const page = await agent.get(callback)
      expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
      for (const one of [provider, hostile]) expect(one.requestsTo('token')).toEqual([])
      // Nor where it is brought to the instance that made the state.
      await agent.get(callback.replace('/callback', '/partner/callback'))
      expect(seenBy(hostile)).not.toContain(new URL(callback).searchParams.get('code'))
      expect(await whoIs(agent, app)).toEqual(nobody)
    },
  )

  it('sends the browser on with the state of a login with the honest one gets nothing by its own response', async () => {
    const app = await start()
    const { agent, code, state } = await begunWithBoth(app)
    const callback = new URL(`${app.url}/callback`)
    callback.search = new URLSearchParams({ code: code.hostile, state: state.honest, iss: hostile.issuer }).toString()
    expect((await agent.get(callback)).status).toBe(502)
    for (const one of [world.provider, hostile]) expect(one.requestsTo('token')).toEqual([])
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it('has a code of the honest one cannot use it: it has neither its verifier nor the client secret', async () => {
    const { provider } = world
    const app = await start()
    const { agent, code, state } = await begunWithBoth(app)
    const callback = new URL(`${app.url}/partner/callback`)
    callback.search = new URLSearchParams({ code: code.honest, state: state.hostile, iss: hostile.issuer }).toString()
    await agent.get(callback)
    const [got] = hostile.requestsTo('token')
    expect(got?.params.get('code')).toBe(code.honest)
    // Even with the secret, which it has not.
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: code.honest,
        redirect_uri: `${app.url}/callback`,
        code_verifier: got?.params.get('code_verifier') ?? '',
        client_id: provider.clientId,
        client_secret: provider.clientSecret ?? '',
      }),
    })
    expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({
      status: 400,
      error: 'invalid_grant',
      error_description: 'the code_verifier does not fit',
    })
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it.each([
    ['signs an ID token in the name of the honest one', () => ({ claims: { iss: world.provider.issuer } })],
    [
      'signs it under the key id of the honest one too',
      () => ({ claims: { iss: world.provider.issuer }, header: { kid: world.provider.keys.keys[0]?.kid } }),
    ],
    [
      'signs it as one for both, by an array of issuers',
      () => ({ claims: { iss: [hostile.issuer, world.provider.issuer] } }),
    ],
    [
      'writes the issuer twice',
      () => ({
        payload: (json: string) => json.replace(/}$/, `,"iss":${JSON.stringify(world.provider.issuer)}}`),
      }),
    ],
  ])('%s logs nobody in with either', async (_what, idToken) => {
    const app = await start()
    hostile.misbehave({ idToken: idToken() })
    const agent = app.agent()
    const page = await agent.get('/partner-profile')
    expect(page.status).toBe(502)
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it('passes on an ID token of the honest one, with the keys of the honest one, logs nobody in', async () => {
    const { provider } = world
    const app = await start()
    // A true token of the honest one for the same client, such as another application may have got.
    let nonce: unknown
    hostile.misbehave({
      metadata: { jwks_uri: `${provider.issuer}/jwks` },
      idToken: {
        claims: (claims) => {
          nonce = claims.nonce
          return claims
        },
      },
      tokenResponse: async (body) => ({
        ...body,
        id_token: await provider.sign({
          ...claimsOf((await provider.issueTokens('alice')).id_token as string),
          nonce,
        }),
      }),
    })
    const agent = app.agent()
    const page = await agent.get('/partner-profile')
    expect(page.status).toBe(502)
    expect(nonce).toMatch(/^[\w-]{22}$/)
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it('has a user of the same subject logs in with itself alone', async () => {
    const app = await start()
    const agent = app.agent()
    expect((await agent.get('/partner-profile')).status).toBe(200)
    expect(await whoIs(agent, app)).toEqual({ honest: null, hostile: hostile.issuer })
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect((await agent.fetch('/tokens/honest')).status).toBe(401)
  })

  it('says in its metadata that it is the honest one cannot be used', async () => {
    hostile.misbehave({ metadata: { issuer: world.provider.issuer } })
    const app = await start()
    expect((await app.agent().get('/partner-profile')).status).toBe(503)
    expect(told(app, 'login')).toEqual([])
  })
})

function claimsOf(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

describe('the tokens of one instance', () => {
  it('put in the place of those of the other open for neither', async () => {
    const { client } = world.redis
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    const key = `oidc:{sess:${(await agent.get('/id')).text()}}`
    const [honest, partner] = [`${key}:tokens:default`, `${key}:tokens:partner`]
    for (const of of sides) expect((await agent.fetch(`/tokens/${of}`)).status).toBe(200)
    const sealed = await client.mGet([honest, partner])
    await client.mSet([
      [honest, sealed[1] ?? ''],
      [partner, sealed[0] ?? ''],
    ])
    for (const of of sides) {
      const answer = await agent.fetch(`/tokens/${of}`)
      expect({ of, status: answer.status }).toEqual({ of, status: 401 })
    }
    // Who is logged in does not hang on them.
    expect(await whoIs(agent, app)).toEqual({ honest: world.provider.issuer, hostile: hostile.issuer })
  })

  it('do not open with the login id of the other written into the record', async () => {
    const { client } = world.redis
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    const key = `oidc:{sess:${(await agent.get('/id')).text()}}`
    const record = JSON.parse((await client.get(key)) ?? '') as { slots: Record<string, { loginId: string }> }
    const { default: own, partner } = record.slots
    if (!own || !partner) throw new Error('two logins are expected')
    partner.loginId = own.loginId
    await client.set(key, JSON.stringify(record))
    await client.set(`${key}:tokens:partner`, (await client.get(`${key}:tokens:default`)) ?? '')
    expect((await agent.fetch('/tokens/honest')).status).toBe(200)
    expect((await agent.fetch('/tokens/hostile')).status).toBe(401)
  })

  it('are not sent to the other by a logout', async () => {
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    const idToken = (await agent.fetch('/tokens/honest')).json()['idToken'] as string
    hostile.forget()
    await agent.post('/partner/logout')
    expect(hostile.requestsTo('end_session')).toHaveLength(1)
    expect(seenBy(hostile)).not.toContain(idToken)
    expect(await whoIs(agent, app)).toEqual({ honest: world.provider.issuer, hostile: null })
  })
})
