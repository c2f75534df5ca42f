/** Logins of a real Keycloak whose tokens are bound to a key of their own (RFC 9449). */
import { keycloak, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { TestProvider, UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { openTransaction, type Transaction } from '../../lib/session/transaction.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { dpopClient } from '../support/dpop.ts'
import { told } from '../support/flow.ts'
import { keptTokens } from '../support/kept-tokens.ts'
import { redisForFile } from '../support/redis.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { shownToken } from '../support/tokens-app.ts'
import { apiRealm, contentOf, type Client } from './api-realm.ts'
import { authorizationResponse, signIn } from './support.ts'

const realm = apiRealm('logins that are bound by DPoP')
const redis = redisForFile()
const tokenUrl = `${realm.issuer}/protocol/openid-connect/token`

type Kind = 'public' | 'confidential'

/** A client whose tokens Keycloak binds, or leaves unbound. */
function clientOf(kind: Kind, bound: boolean): Promise<Client> {
  return realm.client({
    ...(kind === 'confidential' ? { secret: 'web-secret' } : {}),
    attributes: { 'dpop.bound.access.tokens': String(bound) },
  })
}

async function start(client: Client, options: Partial<OidcOptions> = {}): Promise<TestApp> {
  const settings = {
    ...keycloak({ url: realm.url, realm: realm.name }),
    clientId: client.clientId,
    ...(client.secret === undefined ? { clientAuth: 'none' } : { clientSecret: client.secret }),
  }
  const app = await startApp({
    provider: { settings: () => settings } as Partial<TestProvider> as TestProvider,
    options: { dpop: true, ...options },
    session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }) },
    routes: tokenRoutes,
  })
  realm.later(() => app.stop())
  return app
}

/** Logs Alice in; says the thumbprint of the key that was asked for: null where the request was pushed. */
async function logAliceIn(agent: UserAgent): Promise<string | null> {
  const asked = await agent.get('/profile')
  const page = await signIn(agent, asked, 'alice')
  expect(page.status, page.text()).toBe(200)
  expect(page.json()).toMatchObject({ roles: expect.arrayContaining(['billing:clerk']) as unknown })
  const addresses = asked.hops.map(({ url }) => new URL(url).searchParams)
  return addresses.map((parameters) => parameters.get('dpop_jkt')).find((jkt) => jkt !== null) ?? null
}

function jktOf(token: string): unknown {
  return (contentOf(token).claims['cnf'] as { jkt?: unknown } | undefined)?.jkt
}

/** Has the access token of a login end, as far as the application knows. */
async function endToken(agent: UserAgent, app: TestApp): Promise<void> {
  await keptTokens(redis, agent, app, (tokens) => ({ ...tokens, expiresAt: Math.floor(Date.now() / 1000) - 1 }))
}

/** Asks Keycloak for tokens with what was stolen, by a key of the thief's own. */
async function stolen(client: Client, parameters: Record<string, string>): Promise<unknown> {
  const proof = await (
    await dpopClient()
  ).proof({ url: tokenUrl, method: 'POST', token: '', claims: { ath: undefined } })
  const { status, body } = await realm.ask(client, parameters, { dpop: proof })
  return { status, why: body['error_description'] }
}

describe.skipIf(!realm.isThere)('a bound login of Keycloak', () => {
  it.each<[Kind, Partial<OidcOptions>]>([
    ['public', {}],
    ['confidential', { par: true }],
    ['confidential', { responseMode: 'form_post' }],
  ])('of a %s client with %j has its tokens, userinfo and refreshes by its key, and ends', async (kind, options) => {
    const app = await start(await clientOf(kind, true), { userInfo: 'login', ...options })
    const agent = app.agent()
    const asked = await logAliceIn(agent)
    const first = await shownToken(agent, app.url)
    const jkt = jktOf(first.token)
    expect(jkt).toMatch(/^[\w-]{43}$/)
    expect(asked).toBe(options.par ? null : jkt)
    for (let round = 0; round < 2; round++) {
      await endToken(agent, app)
      const { token, roles } = await shownToken(agent, app.url)
      expect(jktOf(token)).toBe(jkt)
      expect(roles).toContain('billing:clerk')
    }
    expect(told(app, 'refresh')).toHaveLength(2)
    expect(told(app, 'provider_fault')).toEqual([])
    expect((await agent.get('/logout')).status).toBe(200)
    expect((await agent.fetch(`${app.url}/token`)).status).toBe(401)
  })

  it('has a refresh token, with a public client, that nobody else can use', async () => {
    const client = await clientOf('public', true)
    const app = await start(client)
    const agent = app.agent()
    await logAliceIn(agent)
    const { refreshToken = '' } = (await agent.fetch(`${app.url}/tokens`)).json() as { refreshToken?: string }
    const found = await stolen(client, { grant_type: 'refresh_token', refresh_token: refreshToken })
    expect(found).toEqual({ status: 400, why: expect.stringMatching(/DPoP/) as string })
    await endToken(agent, app)
    await shownToken(agent, app.url)
    expect(told(app, 'refresh')).toHaveLength(1)
  })

  it('has a code that nobody else can use', async () => {
    const client = await clientOf('public', true)
    const app = await start(client)
    const agent = app.agent()
    const back = new URL(await authorizationResponse(agent, await agent.get('/profile'), 'alice'))
    const cookies = new Map(agent.jar.cookies().map(({ name, value }) => [name, value] as const))
    const id = back.searchParams.get('state')?.split('.')[0] ?? ''
    const { verifier } = openTransaction(app.seals.transaction, app.place, cookies, id) as Transaction
    const found = await stolen(client, {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: `${app.url}/callback`,
    })
    expect(found).toEqual({ status: 400, why: expect.stringMatching(/DPoP/) as string })
  })

  it('is bound also where the client need not be', async () => {
    const app = await start(await clientOf('confidential', false))
    const agent = app.agent()
    const asked = await logAliceIn(agent)
    expect(jktOf((await shownToken(agent, app.url)).token)).toBe(asked)
  })
})
