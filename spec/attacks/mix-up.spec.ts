/**
 * Mix-up (RFC 9700 4.4): an application logs in with two providers, one of which is hostile. It tries to get codes and
 * tokens of the honest one, or to log users in under the honest one's issuer.
 */
import type { Express } from 'express'
import { createOidc, type Oidc } from 'express-session-oidc'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow, readLocation, response, listEvents, listTransactions } from '../support/flow.ts'
import { makeIdentity } from '../support/identity.ts'
import { waiting } from '../support/waiting.ts'

/** The flow of the honest provider, whose user is alice. */
const world = flow()
/** The hostile provider. Its user is also alice, since a subject is unique only within its issuer. */
let hostile: TestProvider

beforeAll(async () => {
  // Two providers on one host would share their cookies.
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

/** An application with an unnamed instance for the honest provider and `partner` for the hostile one. */
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

/** All data that a provider received. */
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

/** A browser with a login in progress at each provider, up to the authorization responses. */
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

/** Combinations of the two login cookies that a browser could send. */
const cookieWays = ['both', 'honest alone', 'hostile alone', 'exchanged', 'none'] as const

function bendCookies({ agent }: Begun, app: TestApp, way: (typeof cookieWays)[number]): void {
  const partner = makeIdentity({ ...hostile.settings(), name: 'partner', baseUrl: app.url })
  const find = (prefix: string): string => {
    const [name, another] = listTransactions(agent).filter((one) => one.startsWith(prefix))
    if (name === undefined || another !== undefined) throw new Error(`expected one login with the prefix ${prefix}`)
    return name
  }
  const names = { honest: find(app.cookie('')), hostile: find(partner.cookie('')) }
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
  ['announce the iss parameter (RFC 9207)', true],
  ['do not announce the iss parameter', false],
])('with providers that %s', (_how, isAnnounced) => {
  beforeEach(() => {
    if (isAnnounced) return
    for (const provider of [world.provider, hostile]) {
      provider.misbehave({ metadata: { authorization_response_iss_parameter_supported: undefined } })
    }
  })

  const crossings = sides.flatMap((route) => sides.flatMap((state) => sides.map((code) => ({ route, state, code }))))

  it.each(crossings)(
    'a $code code and a $state state at the $route callback log in only if all belong to one provider',
    async ({ route, state, code }) => {
      const app = await start()
      let loggedIn = 0
      for (const cookies of cookieWays) {
        const isKnown = cookies === 'both' || cookies === `${route} alone`
        for (const [iss, listIssuers] of Object.entries(issuers)) {
          // Without the login's cookie, only the issuers that could be right are tried.
          if (!isKnown && depth() !== 'deep' && iss !== 'left out' && iss !== `the ${route} one`) continue
          const begun = await begunWithBoth(app)
          bendCookies(begun, app, cookies)
          for (const provider of [world.provider, hostile]) provider.forget()
          const url = new URL(app.url + callbacks[route])
          url.searchParams.set('code', begun.code[code])
          url.searchParams.set('state', begun.state[state])
          for (const issuer of listIssuers(route)) url.searchParams.append('iss', issuer)
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

          // The hostile provider can put a code that it already has into its own response. The client cannot detect this, and
          // the provider learns nothing new. A test below shows that such a code is useless to it.
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

describe('a hostile provider', () => {
  it('a hostile provider that announces the honest authorization endpoint gets no code, due to iss', async () => {
    const { provider } = world
    hostile.misbehave({ metadata: { authorization_endpoint: `${provider.issuer}/authorize` } })
    const app = await start()
    const agent = app.agent()
    // This honest provider accepts any redirect URI on loopback. Without `iss`, exact redirect URI matching at the provider
    // prevents this attack, since two instances have different redirect URIs.
    const callback = await response(agent, '/partner/login')
    expect(callback).toContain(`${app.url}/partner/callback?code=`)
    const page = await agent.get(callback)
    expect(page.status).toBe(502)
    expect(hostile.requestsTo('token')).toEqual([])
    expect(seenBy(hostile)).not.toContain(new URL(callback).searchParams.get('code'))
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it(
    'a hostile provider that redirects to the honest one with its own state gets no code',
    { meta: { id: 'mix-up-1' } },
    async () => {
      const { provider } = world
      const app = await start()
      const agent = app.agent()
      const requested = new URL(readLocation(await agent.get('/partner/login', { redirect: 'manual' }))).searchParams
      const honest = new URL(readLocation(await agent.get('/login', { redirect: 'manual' })))
      for (const name of ['state', 'nonce', 'code_challenge']) honest.searchParams.set(name, requested.get(name) ?? '')
      const callback = readLocation(await agent.get(honest, { redirect: 'manual' }))
      expect(callback).toContain(`${app.url}/callback?code=`)
      const page = await agent.get(callback)
      expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
      for (const one of [provider, hostile]) expect(one.requestsTo('token')).toEqual([])
      // The instance that created the state does not send the code to the hostile provider either.
      await agent.get(callback.replace('/callback', '/partner/callback'))
      expect(seenBy(hostile)).not.toContain(new URL(callback).searchParams.get('code'))
      expect(await whoIs(agent, app)).toEqual(nobody)
    },
  )

  it('a code of the hostile provider with the state of the honest login is sent nowhere', async () => {
    const app = await start()
    const { agent, code, state } = await begunWithBoth(app)
    const callback = new URL(`${app.url}/callback`)
    callback.search = new URLSearchParams({ code: code.hostile, state: state.honest, iss: hostile.issuer }).toString()
    expect((await agent.get(callback)).status).toBe(502)
    for (const one of [world.provider, hostile]) expect(one.requestsTo('token')).toEqual([])
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it('a code of the honest provider is useless without its verifier, even with the client secret', async () => {
    const { provider } = world
    const app = await start()
    const { agent, code, state } = await begunWithBoth(app)
    const callback = new URL(`${app.url}/partner/callback`)
    callback.search = new URLSearchParams({ code: code.honest, state: state.hostile, iss: hostile.issuer }).toString()
    await agent.get(callback)
    const [got] = hostile.requestsTo('token')
    expect(got?.params.get('code')).toBe(code.honest)
    // Even with the client secret, which the hostile provider does not have.
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
      error_description: 'code_verifier does not match code_challenge',
    })
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it.each([
    ['with the iss of the honest provider', () => ({ claims: { iss: world.provider.issuer } })],
    [
      'with the iss and the kid of the honest provider',
      () => ({ claims: { iss: world.provider.issuer }, header: { kid: world.provider.keys.keys[0]?.kid } }),
    ],
    ['with an array of both issuers', () => ({ claims: { iss: [hostile.issuer, world.provider.issuer] } })],
    [
      'with a second iss',
      () => ({
        payload: (json: string) => json.replace(/}$/, `,"iss":${JSON.stringify(world.provider.issuer)}}`),
      }),
    ],
  ])('an ID token %s logs nobody in with either provider', async (_what, idToken) => {
    const app = await start()
    hostile.misbehave({ idToken: idToken() })
    const agent = app.agent()
    const page = await agent.get('/partner-profile')
    expect(page.status).toBe(502)
    expect(await whoIs(agent, app)).toEqual(nobody)
  })

  it('a hostile provider that forwards an ID token and keys of the honest one logs nobody in', async () => {
    const { provider } = world
    const app = await start()
    // A genuine token of the honest provider for the same client, which another application could have received.
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
          ...readClaims((await provider.issueTokens('alice')).id_token as string),
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

  it('a user with the same subject is logged in with the hostile provider only', async () => {
    const app = await start()
    const agent = app.agent()
    expect((await agent.get('/partner-profile')).status).toBe(200)
    expect(await whoIs(agent, app)).toEqual({ honest: null, hostile: hostile.issuer })
    expect((await agent.fetch('/profile')).status).toBe(401)
    expect((await agent.fetch('/tokens/honest')).status).toBe(401)
  })

  it('metadata with the issuer of the honest provider is rejected', async () => {
    hostile.misbehave({ metadata: { issuer: world.provider.issuer } })
    const app = await start()
    expect((await app.agent().get('/partner-profile')).status).toBe(500)
    expect(listEvents(app, 'login')).toEqual([])
  })
})

function readClaims(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

describe('the tokens of one instance', () => {
  it('token records swapped between two instances do not open', async () => {
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
    // The logins themselves do not depend on the token records.
    expect(await whoIs(agent, app)).toEqual({ honest: world.provider.issuer, hostile: hostile.issuer })
  })

  it('a token record does not open even if the login record has the login id of the other instance', async () => {
    const { client } = world.redis
    const app = await start()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    const key = `oidc:{sess:${(await agent.get('/id')).text()}}`
    const record = JSON.parse((await client.get(key)) ?? '') as { entries: Record<string, { loginId: string }> }
    const { default: own, partner } = record.entries
    if (!own || !partner) throw new Error('two logins are expected')
    partner.loginId = own.loginId
    await client.set(key, JSON.stringify(record))
    await client.set(`${key}:tokens:partner`, (await client.get(`${key}:tokens:default`)) ?? '')
    expect((await agent.fetch('/tokens/honest')).status).toBe(200)
    expect((await agent.fetch('/tokens/hostile')).status).toBe(401)
  })

  it('a logout sends no token to the provider of the other instance', async () => {
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
