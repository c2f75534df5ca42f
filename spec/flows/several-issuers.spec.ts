/** A guard for tokens of several issuers: the settings of its own issuer, and no others, apply to each token. */
import { createServer } from 'node:http'
import express from 'express'
import { createBearer, type BearerIssuer, type BearerOptions, type BearerRule } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { close, listen, until } from '../support/app.ts'

/** Our provider signs with RSA, that of the partner with an elliptic curve. The guard does not trust the stranger. */
let ours: TestProvider
let partner: TestProvider
let stranger: TestProvider
let stops: (() => Promise<void>)[] = []
beforeAll(async () => {
  ;[ours, partner, stranger] = await Promise.all([
    startTestProvider({ path: '/realms/ours' }),
    startTestProvider({ path: '/realms/partner', algorithm: 'ES256' }),
    startTestProvider({ path: '/realms/ours' }),
  ])
})
afterAll(() => Promise.all([ours, partner, stranger].map((provider) => provider.stop())))
afterEach(async () => {
  for (const provider of [ours, partner]) {
    await provider.start()
    provider.behave()
    provider.forget()
  }
  for (const stop of stops) await stop()
  stops = []
})
interface Served {
  get(token: string): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
  readonly details: string[]
}

type Entry = Partial<BearerIssuer>

/** A guard of both issuers, with settings for our issuer (`own`), for the second one (`their`) and for the guard. */
async function serve(own: Entry, their: Entry, more: Partial<BearerOptions> = {}, rule?: BearerRule): Promise<Served> {
  const api = createBearer({
    log: false,
    issuer: [
      { issuer: ours.issuer, ...own },
      { issuer: partner.issuer, ...their },
    ],
    audience: 'orders',
    ...more,
  })
  const details: string[] = []
  for (const name of ['token_rejected', 'denied'] as const) api.on(name, ({ detail }) => details.push(String(detail)))
  const app = express()
  app.get('/orders', api.requireBearer(rule), (req, res) => {
    const { issuer, sub, roles } = api.auth(req)
    res.json({ issuer, sub, roles })
  })
  const server = createServer(app)
  const url = await listen(server)
  stops.push(() => close(server))
  return {
    details,
    async get(token) {
      const response = await fetch(`${url}/orders`, { headers: { authorization: `Bearer ${token}` } })
      const body = (await response.json()) as Record<string, unknown>
      return { status: response.status, body, headers: response.headers }
    },
  }
}

function token(by: TestProvider, claims: Record<string, unknown> = {}, header: object = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const all = { iss: by.issuer, aud: 'orders', sub: 'alice', scope: 'orders:read', iat, exp: iat + 300, ...claims }
  return by.sign({ jti: crypto.randomUUID(), ...all }, { ...header })
}

const invalid = { status: 401, body: { code: 'token_invalid', error: 'invalid_token' } }

describe('a guard of two issuers', () => {
  it('accepts tokens of both issuers and reports the issuer of each', async () => {
    const api = await serve({}, {})
    for (const provider of [ours, partner]) {
      expect(await api.get(await token(provider))).toMatchObject({
        status: 200,
        body: { issuer: provider.issuer, sub: 'alice' },
      })
    }
  })

  it('fetches the keys of each issuer only once a token names it', async () => {
    const api = await serve({}, {})
    await api.get(await token(ours))
    expect(ours.requestsTo('jwks')).toHaveLength(1)
    expect(partner.requests).toEqual([])
    await api.get(await token(partner))
    expect(partner.requestsTo('jwks')).toHaveLength(1)
    expect(ours.requestsTo('jwks')).toHaveLength(1)
  })

  it('rejects tokens of any other issuer without a request', async () => {
    const api = await serve({}, {})
    stranger.forget()
    expect(await api.get(await token(stranger))).toMatchObject(invalid)
    expect(await api.get(await token(ours, { iss: 'https://elsewhere.example' }))).toMatchObject(invalid)
    for (const iss of [undefined, null, '', 7, [ours.issuer], { toString: ours.issuer }]) {
      expect(await api.get(await token(ours, { iss }))).toMatchObject(invalid)
    }
    expect(new Set(api.details)).toEqual(new Set(['iss is not a trusted issuer of this guard']))
    for (const provider of [ours, partner, stranger]) expect(provider.requests).toEqual([])
  })

  it('compares issuers character by character', async () => {
    const api = await serve({}, {})
    for (const iss of [`${ours.issuer}/`, ours.issuer.toUpperCase(), ` ${ours.issuer}`, `${ours.issuer}?`]) {
      expect(await api.get(await token(ours, { iss }))).toMatchObject(invalid)
    }
  })

  it('rejects tokens that name one issuer and are signed with the keys of the other', async () => {
    const api = await serve({}, {})
    // Both key sets are cached, so that only the choice between them decides.
    for (const provider of [ours, partner]) expect(await api.get(await token(provider))).toMatchObject({ status: 200 })
    expect(await api.get(await token(partner, { iss: ours.issuer }))).toMatchObject(invalid)
    expect(await api.get(await token(ours, { iss: partner.issuer }))).toMatchObject(invalid)
    // Also with the kid of the other issuer, and without a kid.
    const getKid = (provider: TestProvider): unknown => provider.keys.keys[0]?.kid
    for (const kid of [getKid(ours), undefined]) {
      expect(await api.get(await token(partner, { iss: ours.issuer }, { kid }))).toMatchObject(invalid)
    }
    for (const kid of [getKid(partner), undefined]) {
      expect(await api.get(await token(ours, { iss: partner.issuer }, { kid }))).toMatchObject(invalid)
    }
    expect(api.details).toHaveLength(6)
  })

  it('rejects tokens that name a trusted issuer and are signed with untrusted keys', async () => {
    const api = await serve({}, {})
    for (const { issuer } of [ours, partner]) {
      expect(await api.get(await token(stranger, { iss: issuer }))).toMatchObject(invalid)
    }
  })

  it('accepts only the audience of the issuer that the token names', async () => {
    const api = await serve({}, { audience: ['partner-orders', 'partner-billing'] })
    expect(await api.get(await token(ours))).toMatchObject({ status: 200 })
    expect(await api.get(await token(partner, { aud: 'partner-billing' }))).toMatchObject({ status: 200 })
    expect(await api.get(await token(partner))).toMatchObject(invalid)
    expect(await api.get(await token(ours, { aud: 'partner-orders' }))).toMatchObject(invalid)
    expect(api.details).toEqual([
      expect.stringContaining('aud is ["orders"]; expected "partner-orders" or "partner-billing"'),
      expect.stringContaining('aud is ["partner-orders"]; expected "orders"'),
    ])
  })

  it('accepts only the algorithms of the issuer that the token names', async () => {
    const right = await serve({ algorithms: ['RS256'] }, { algorithms: ['ES256'] })
    for (const provider of [ours, partner])
      expect(await right.get(await token(provider))).toMatchObject({ status: 200 })
    const swapped = await serve({ algorithms: ['ES256'] }, { algorithms: ['RS256'] })
    for (const provider of [ours, partner]) expect(await swapped.get(await token(provider))).toMatchObject(invalid)
    expect(swapped.details).toEqual([expect.stringMatching(/"alg"/), expect.stringMatching(/"alg"/)])
    const half = await serve({}, {}, { algorithms: ['ES256'] })
    expect(await half.get(await token(partner))).toMatchObject({ status: 200 })
    expect(await half.get(await token(ours))).toMatchObject(invalid)
  })

  it('reads roles only by the settings of the issuer that the token names', async () => {
    const groups = ({ accessToken }: { accessToken: Record<string, unknown> | undefined }): string[] =>
      ((accessToken?.['groups'] ?? []) as string[]).map((group) => `partner:${group}`)
    const api = await serve({}, { roles: groups }, {}, { anyRole: ['admin', 'partner:admin'] })
    const both = { roles: ['admin'], groups: ['admin'] }
    expect((await api.get(await token(ours, both))).body).toMatchObject({ roles: ['admin'] })
    expect((await api.get(await token(partner, both))).body).toMatchObject({ roles: ['partner:admin'] })
    expect(await api.get(await token(partner, { roles: ['admin'] }))).toMatchObject({ status: 403 })
    expect(await api.get(await token(ours, { groups: ['admin'] }))).toMatchObject({ status: 403 })
  })

  it('treats the same subject of two issuers as two users', async () => {
    const api = await serve({}, {}, {}, { check: ({ iss }) => iss === ours.issuer })
    expect(await api.get(await token(ours))).toMatchObject({ status: 200 })
    expect(await api.get(await token(partner))).toMatchObject({ status: 403 })
  })

  it('names one realm in its challenges, that of the first issuer', async () => {
    const api = await serve({ audience: 'ours' }, { audience: 'theirs' })
    const answer = await api.get(await token(partner))
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="ours", error="invalid_token"/)
  })

  it('accepts tokens of one issuer while the other is down', async () => {
    const api = await serve({}, {}, { cacheSeconds: 0 })
    await partner.stop()
    expect(await api.get(await token(partner))).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } })
    expect(await api.get(await token(ours))).toMatchObject({ status: 200 })
    await partner.start()
    const again = await token(partner)
    await until(async () => (await api.get(again)).status === 200, "the partner's tokens are accepted again")
  })

  it('uses configured keys and a configured key URL without any other request', async () => {
    const metadata = await fetch(`${partner.issuer}/.well-known/openid-configuration`)
    const jwks = new URL(((await metadata.json()) as { jwks_uri: string }).jwks_uri)
    partner.forget()
    ours.forget()
    const api = await serve({ keys: { keys: [...ours.keys.keys] } }, { keys: jwks })
    for (const provider of [ours, partner]) expect(await api.get(await token(provider))).toMatchObject({ status: 200 })
    expect(ours.requests).toEqual([])
    expect(partner.requests.map(({ endpoint }) => endpoint)).toEqual(['jwks'])
    // Configured keys do not change, so an unknown key causes no request.
    expect(await api.get(await token(stranger, { iss: ours.issuer }))).toMatchObject(invalid)
    expect(ours.requests).toEqual([])
  })
})

describe('a guard of one issuer', () => {
  it('a guard of one issuer rejects tokens of another issuer', async () => {
    const api = createBearer({ issuer: ours.issuer, audience: 'orders' })
    expect(await api.verifyToken(await token(ours))).toMatchObject({ issuer: ours.issuer })
    for (const strange of [
      await token(stranger),
      await token(stranger, { iss: ours.issuer }),
      await token(ours, { iss: partner.issuer }),
      await token(ours, { iss: undefined }),
    ]) {
      await expect(api.verifyToken(strange)).rejects.toMatchObject({ code: 'token_invalid', status: 401 })
    }
  })
})
