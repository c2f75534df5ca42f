/** Access tokens for several APIs at Entra: each scope with consent selects one API and its token. */
import { decodeJwt } from 'jose'
import { createUserAgent, testTenants, type UserAgent } from 'express-session-oidc/testing'
import { beforeEach, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { entraForFile } from '../support/entra.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { askToken, shownToken } from '../support/tokens-app.ts'

const orders = { appId: 'd0000000-0000-4000-8000-000000000001', uri: 'api://orders' }
const stock = { appId: 'd0000000-0000-4000-8000-000000000002', uri: 'https://stock.contoso.example' }
const entraId = entraForFile({ apis: [orders, stock] })
const [read, count] = ['api://orders/Orders.Read', 'https://stock.contoso.example/Stock.Count']

beforeEach(() => entraId.id.consentTo([]))

async function start(scope: string): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await entraId.login({ tenant: testTenants.contoso }, { scope }, { routes: tokenRoutes })
  entraId.id.signIn('alice')
  const agent = createUserAgent({ baseUrl: app.url, proxies: entraId.id.proxies() })
  expect((await agent.get('/profile')).status).toBe(200)
  entraId.id.forget()
  return { app, agent }
}

/** The API that an access token is for, and the scope for it. */
async function getApi(agent: UserAgent, app: TestApp, scope?: string): Promise<Record<string, unknown>> {
  const query = scope === undefined ? '' : `?scope=${encodeURIComponent(scope)}`
  const { aud, scp } = decodeJwt((await shownToken(agent, app.url, query)).token)
  return { aud, scp }
}

it('one refresh token yields an access token for each API, and both are stored', async () => {
  entraId.id.consentTo([read, count])
  const { app, agent } = await start('openid profile offline_access')
  for (const round of [1, 2]) {
    expect([round, await getApi(agent, app, read)]).toEqual([round, { aud: orders.appId, scp: 'Orders.Read' }])
    expect([round, await getApi(agent, app, count)]).toEqual([round, { aud: stock.appId, scp: 'Stock.Count' }])
  }
  expect(entraId.id.requestsTo('token').map(({ params }) => params.get('scope'))).toEqual([read, count])
  expect((await agent.fetch(`${app.url}/profile`)).json()['scope']).toEqual(expect.arrayContaining([read, count]))
})

it('a scope without consent keeps the login: a fetch gets 403, a navigation requests consent', async () => {
  const { app, agent } = await start('openid profile offline_access')
  const refused = await askToken(agent, app.url, `?scope=${encodeURIComponent(read)}`)
  expect(refused.status).toBe(403)
  expect(refused.json()).toMatchObject({ code: 'not_allowed', login: expect.stringContaining('ask=') as string })
  expect((await agent.fetch(`${app.url}/profile`)).status).toBe(200)
  expect(app.events.map(({ name }) => name)).not.toContain('logout')
  const page = await agent.get(`${app.url}/token?scope=${encodeURIComponent(read)}`)
  expect(page.status).toBe(200)
  const [requested, ...more] = entraId.id.requestsTo('authorize')
  expect(more).toEqual([])
  expect(requested?.params.get('scope')).toBe(`openid profile offline_access ${read}`)
  expect(await getApi(agent, app, read)).toEqual({ aud: orders.appId, scp: 'Orders.Read' })
})

it('a login requests consent for both APIs, and exchanges the code for the first API only', async () => {
  entraId.id.consentTo([read])
  const { app, agent } = await start(`openid profile offline_access ${read}`)
  const page = await agent.get(`${app.url}/token?scope=${encodeURIComponent(count)}`)
  expect(page.status).toBe(200)
  const [requested, ...more] = entraId.id.requestsTo('authorize')
  expect(more).toEqual([])
  expect(requested?.params.get('scope')?.split(' ')).toEqual(expect.arrayContaining([read, count]))
  const [code] = entraId.id.requestsTo('token').filter(({ params }) => params.has('code'))
  expect(code?.params.get('scope')?.split(' ')).toEqual(expect.arrayContaining(['openid', read]))
  expect(code?.params.get('scope')).not.toContain(count)
  expect(await getApi(agent, app)).toEqual({ aud: orders.appId, scp: 'Orders.Read' })
  expect(await getApi(agent, app, count)).toEqual({ aud: stock.appId, scp: 'Stock.Count' })
})

it('a guard accepts the scope of a second API after consent, even after a refresh', async () => {
  entraId.id.consentTo([read])
  const app = await entraId.login(
    { tenant: testTenants.contoso },
    { scope: `openid profile offline_access ${read}` },
    {
      routes: (express, oidc) => {
        tokenRoutes(express)
        express.get('/stock', oidc.requireAuth({ scope: count }), (_req, res) => void res.send('in stock'))
      },
    },
  )
  entraId.id.signIn('alice')
  const agent = createUserAgent({ baseUrl: app.url, proxies: entraId.id.proxies() })
  await agent.get('/profile')
  expect((await agent.get('/stock')).text()).toBe('in stock')
  expect((await agent.fetch(`${app.url}/token?minValidSeconds=86400`)).status).toBe(200)
  expect((await agent.fetch(`${app.url}/stock`)).text()).toBe('in stock')
})
