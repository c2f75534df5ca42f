/** Logins at a real Keycloak whose tokens are bound to a key of the login (RFC 9449). */
import { keycloak, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { TestProvider, UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { dpopClient } from '../support/dpop.ts'
import { listEvents } from '../support/flow.ts'
import { openPlanted } from '../support/planted-login.ts'
import { keptTokens } from '../support/stored-tokens.ts'
import { redisForFile } from '../support/redis.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { shownToken } from '../support/tokens-app.ts'
import { apiRealm, getContent, type Client } from './api-realm.ts'
import { authorizationResponse, signIn } from './support.ts'

const realm = apiRealm('logins that are bound by DPoP')
const redis = redisForFile()
const tokenUrl = `${realm.issuer}/protocol/openid-connect/token`

type Kind = 'public' | 'confidential'

/** A client for which Keycloak requires bound tokens, or does not. */
function makeClient(kind: Kind, bound: boolean): Promise<Client> {
  return realm.client({
    ...(kind === 'confidential' ? { secret: 'web-secret' } : {}),
    attributes: { 'dpop.bound.access.tokens': String(bound) },
  })
}

async function start(client: Client, options: Partial<OidcOptions> = {}): Promise<TestApp> {
  const settings = {
    provider: keycloak({ url: realm.url, realm: realm.name }),
    clientId: client.clientId,
    ...(client.secret === undefined ? { clientAuth: 'none' } : { clientSecret: client.secret }),
  }
  const app = await startApp({
    provider: { settings: () => settings } as unknown as TestProvider,
    options: { dpop: true, ...options },
    session: { store: new RedisSessionStore({ client: redis.client, idleSeconds: 600 }) },
    routes: tokenRoutes,
  })
  realm.later(() => app.stop())
  return app
}

/** Logs Alice in. Resolves to `dpop_jkt` of the authorization request; null if the request was pushed. */
async function logAliceIn(agent: UserAgent): Promise<string | null> {
  const requested = await agent.get('/profile')
  const page = await signIn(agent, requested, 'alice')
  expect(page.status, page.text()).toBe(200)
  expect(page.json()).toMatchObject({ roles: expect.arrayContaining(['billing:clerk']) as unknown })
  const addresses = requested.hops.map(({ url }) => new URL(url).searchParams)
  return addresses.map((parameters) => parameters.get('dpop_jkt')).find((jkt) => jkt !== null) ?? null
}

function getJkt(token: string): unknown {
  return (getContent(token).claims['cnf'] as { jkt?: unknown } | undefined)?.jkt
}

/** Makes the application treat the access token of a login as expired. */
async function endToken(agent: UserAgent, app: TestApp): Promise<void> {
  await keptTokens(redis, agent, app, (tokens) => ({ ...tokens, expiresAt: Math.floor(Date.now() / 1000) - 1 }))
}

/** Requests tokens from Keycloak with a stolen code or refresh token and the key of the thief. */
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
  ])('a bound login of a %s client with %j uses its key for tokens, userinfo and refreshes', async (kind, options) => {
    const app = await start(await makeClient(kind, true), { userInfo: true, ...options })
    const agent = app.agent()
    const requested = await logAliceIn(agent)
    const first = await shownToken(agent, app.url)
    const jkt = getJkt(first.token)
    expect(jkt).toMatch(/^[\w-]{43}$/)
    expect(requested).toBe(options.par ? null : jkt)
    for (let round = 0; round < 2; round++) {
      await endToken(agent, app)
      const { token, roles } = await shownToken(agent, app.url)
      expect(getJkt(token)).toBe(jkt)
      expect(roles).toContain('billing:clerk')
    }
    expect(listEvents(app, 'refresh')).toHaveLength(2)
    expect(listEvents(app, 'provider_fault')).toEqual([])
    expect((await agent.get('/logout')).status).toBe(200)
    expect((await agent.fetch(`${app.url}/token`)).status).toBe(401)
  })

  it('the refresh token of a public client works only with the key of the login', async () => {
    const client = await makeClient('public', true)
    const app = await start(client)
    const agent = app.agent()
    await logAliceIn(agent)
    const { refreshToken = '' } = (await agent.fetch(`${app.url}/tokens`)).json() as { refreshToken?: string }
    const found = await stolen(client, { grant_type: 'refresh_token', refresh_token: refreshToken })
    expect(found).toEqual({ status: 400, why: expect.stringMatching(/DPoP/) as string })
    await endToken(agent, app)
    await shownToken(agent, app.url)
    expect(listEvents(app, 'refresh')).toHaveLength(1)
  })

  it('the authorization code works only with the key of the login', async () => {
    const client = await makeClient('public', true)
    const app = await start(client)
    const agent = app.agent()
    const back = new URL(await authorizationResponse(agent, await agent.get('/profile'), 'alice'))
    const cookies = new Map(agent.jar.cookies().map(({ name, value }) => [name, value] as const))
    const { verifier } = openPlanted(app, back.searchParams.get('state'), cookies, { dpop: true })
    const found = await stolen(client, {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: `${app.url}/callback`,
    })
    expect(found).toEqual({ status: 400, why: expect.stringMatching(/DPoP/) as string })
  })

  it('a login is bound even if Keycloak does not require it of the client', async () => {
    const app = await start(await makeClient('confidential', false))
    const agent = app.agent()
    const requested = await logAliceIn(agent)
    expect(getJkt((await shownToken(agent, app.url)).token)).toBe(requested)
  })
})
