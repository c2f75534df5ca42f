/**
 * Clients that make up access tokens at an API that introspects them. What reaches the provider is bounded, and the tokens
 * that are known to be valid are accepted all the while.
 */
import express from 'express'
import { createBearer, type Bearer, type BearerIntrospectionOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { createServer } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { close, listen, until } from '../support/app.ts'
import { catchRejection } from '../support/flow.ts'
import { Gate } from '../support/gate.ts'
import { passMs, stopClocks } from '../support/clocks.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of undo.splice(0).toReversed()) await stop()
})

const client = { clientId: 'orders', clientSecret: 'orders-secret' }
/** Maximum requests in flight for tokens that are not known. */
const mostNew = 50

interface Api {
  readonly provider: TestProvider
  readonly bearer: Bearer
  /** Requests the API with a token, and returns the status and `Retry-After`. */
  readonly ask: (token: string) => Promise<{ status: number; retryAfter: string | null }>
  readonly faults: unknown[]
  readonly introspected: () => string[]
}

async function startApi(
  accessTokens: 'opaque' | 'jwt',
  introspection: Partial<BearerIntrospectionOptions> = {},
): Promise<Api> {
  const provider = await startTestProvider({
    algorithm: 'ES256',
    audience: 'orders',
    accessTokens,
    now: () => Date.now(),
    clients: [{ clientId: 'web', clientSecret: 'web-secret' }, client],
  })
  const bearer = createBearer({
    log: false,
    issuer: provider.issuer,
    audience: 'orders',
    introspection: { ...client, ...introspection },
  })
  const faults: unknown[] = []
  bearer.on('provider_fault', ({ detail }) => faults.push(detail))
  const app = express()
  app.get('/orders', bearer.requireBearer(), (_req, res) => void res.send('in'))
  const server = createServer(app)
  const url = await listen(server)
  undo.push(
    () => provider.stop(),
    () => close(server),
    () => provider.behave(),
  )
  return {
    provider,
    bearer,
    faults,
    async ask(token) {
      const answer = await fetch(`${url}/orders`, { headers: { authorization: `Bearer ${token}` } })
      return { status: answer.status, retryAfter: answer.headers.get('retry-after') }
    },
    introspected: () => provider.requestsTo('introspection').map(({ params }) => params.get('token') ?? ''),
  }
}

async function issue(provider: TestProvider): Promise<string> {
  return (await provider.issueTokens('alice', { scope: 'openid profile' }))['access_token'] as string
}

/** Tokens that are made up, each another one, and the introspections that the provider holds of them. */
interface Flood<Answer> {
  readonly answers: Promise<Answer[]>
  /** Lets the provider answer. */
  readonly open: () => void
}

/** Presents made-up tokens at once, and waits until all are refused but those that the provider holds. */
async function flood<Answer>(
  api: Api,
  count: number,
  present: (token: string) => Promise<Answer>,
): Promise<Flood<Answer>> {
  const gate = new Gate()
  api.provider.misbehave({
    async respond({ endpoint, params }) {
      if (endpoint !== 'introspection' || !params.get('token')?.startsWith('made-up')) return undefined
      await gate.pass()
      return Response.json({ active: false })
    },
  })
  let refused = 0
  const answers = Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const answer = await present(`made-up-${index}`)
      refused++
      return answer
    }),
  )
  undo.push(async () => {
    gate.open()
    await answers
  })
  await until(() => refused === count - mostNew, 'all requests beyond the limit are refused')
  return { answers, open: () => gate.open() }
}

/** Floods the guard without HTTP, which would take most of the time. */
function floodGuard(api: Api): Promise<Flood<unknown>> {
  return flood(api, 400, (token) => catchRejection(api.bearer.verifyToken(token)))
}

describe('a flood of made-up opaque tokens', () => {
  it('reaches the provider with 50 requests at once; the others get 503 with Retry-After, and one event', async () => {
    const api = await startApi('opaque')
    const { answers, open } = await flood(api, 80, api.ask)
    expect(api.introspected()).toHaveLength(mostNew)
    open()
    const all = await answers
    expect(all.filter(({ status }) => status === 401)).toHaveLength(mostNew)
    expect(all.filter(({ status, retryAfter }) => status === 503 && retryAfter === '1')).toHaveLength(80 - mostNew)
    expect(api.faults).toEqual([expect.stringMatching(/^introspection: 50 requests for new tokens/)])
    // The guard recovers by itself.
    expect((await api.ask(await issue(api.provider))).status).toBe(200)
  })

  it('does not crowd out a token that was valid before, although it is introspected again', async () => {
    const api = await startApi('opaque')
    const token = await issue(api.provider)
    expect((await api.ask(token)).status).toBe(200)
    await floodGuard(api)
    for (let time = 0; time < 3; time++) expect((await api.ask(token)).status).toBe(200)
    expect(api.introspected().filter((sent) => sent === token)).toHaveLength(4)
    // A revocation takes effect all the while.
    api.provider.endSession('alice')
    expect((await api.ask(token)).status).toBe(401)
  })

  it('does not evict a cached token, which is accepted without a request', async () => {
    const api = await startApi('opaque', { cacheSeconds: 60 })
    const token = await issue(api.provider)
    expect((await api.ask(token)).status).toBe(200)
    await floodGuard(api)
    for (let time = 0; time < 3; time++) expect((await api.ask(token)).status).toBe(200)
    expect(api.introspected().filter((sent) => sent === token)).toHaveLength(1)
  })

  it('does not delay a JWT that is verified here', async () => {
    const api = await startApi('jwt')
    await floodGuard(api)
    expect((await api.ask(await issue(api.provider))).status).toBe(200)
  })

  it('costs one request in 5 seconds if all tokens are the same', async () => {
    stopClocks()
    const api = await startApi('opaque')
    for (let time = 0; time < 20; time++) await catchRejection(api.bearer.verifyToken('made-up'))
    expect(api.introspected()).toEqual(['made-up'])
    passMs(5000)
    await catchRejection(api.bearer.verifyToken('made-up'))
    expect(api.introspected()).toHaveLength(2)
  })
})

describe("a JWT with introspection of `tokens: 'all'`", () => {
  const all = { tokens: 'all' } as const
  const base = { aud: 'orders', sub: 'mallory', exp: 4_000_000_000 }

  it('is never sent to the provider if it is forged', async () => {
    const api = await startApi('jwt', all)
    const { issuer } = api.provider
    const genuine = await issue(api.provider)
    const [head, body, signature] = genuine.split('.') as [string, string, string]
    const write = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged = [
      `${head}.${write({ ...base, iss: issuer })}.${signature}`,
      `${head}.${body}.${'A'.repeat(86)}`,
      ...['none', 'HS256', 'HS512', 'RS256', 'ES256', 'x'].map(
        (alg) => `${write({ alg, kid: 'made-up' })}.${body}.${signature}`,
      ),
      `${write({ alg: 'ES256', jwk: { kty: 'EC' } })}.${body}.${signature}`,
      'a.b.c',
    ]
    for (const token of forged) expect([401, 503]).toContain((await api.ask(token)).status)
    expect(api.introspected()).toEqual([])
    expect((await api.ask(genuine)).status).toBe(200)
    expect(api.introspected()).toEqual([genuine])
  })

  it('is never sent to the provider if it has expired', async () => {
    const api = await startApi('jwt', all)
    const { issuer } = api.provider
    const expired = await api.provider.sign({ ...base, iss: issuer, exp: 1000 })
    expect((await catchRejection(api.bearer.verifyToken(expired))).message).toBe('The access token has expired.')
    expect(api.introspected()).toEqual([])
  })

  it('is sent to a provider that publishes no keys, within the limit', async () => {
    const api = await startApi('jwt', all)
    api.provider.misbehave({ jwks: () => ({ keys: [] }) })
    const token = await issue(api.provider)
    expect((await api.ask(token)).status).toBe(200)
  })

  it('is rejected with the reason if no published key can verify it', async () => {
    const api = await startApi('jwt', all)
    const rejected: unknown[] = []
    api.bearer.on('token_rejected', ({ detail }) => rejected.push(detail))
    const [, body, signature] = (await issue(api.provider)).split('.')
    const header = Buffer.from('{"alg":"HS256"}').toString('base64url')
    await api.ask(`${header}.${body}.${signature}`)
    expect(rejected).toEqual([expect.stringMatching(/introspected only if a published key of the issuer verifies it$/)])
  })
})
