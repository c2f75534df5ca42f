/** Walks through `examples/entra` without a real browser. */
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApp } from '../../examples/entra/app.js'
import { simulateEntra } from '../../examples/entra/simulated.js'
import { getHeading, run, readText, type Running } from './steps.ts'

let example: Running
let entra: Awaited<ReturnType<typeof simulateEntra>>

beforeAll(async () => {
  example = await run(async (baseUrl) => {
    entra = await simulateEntra('real')
    return { app: createApp({ ...entra.settings, baseUrl }), stop: () => entra.id.stop() }
  })
})
afterAll(() => example.stop())

function agent(): UserAgent {
  return createUserAgent({ baseUrl: example.url, proxies: entra.id.proxies() })
}

it('a user logs in and out at the tenant, under the host name of the real Entra', async () => {
  const browser = agent()
  const requested = await browser.get('/profile')
  expect(requested.url).toMatch(
    /^https:\/\/login\.microsoftonline\.com\/11111111-[-1]+4[-0-9]+\/oauth2\/v2\.0\/authorize\?/,
  )
  const page = await browser.submit(requested, { button: 'alice' })
  expect(page.url).toBe(`${example.url}/profile`)
  expect(readText(page)).toContain('Name Alice Adams User name alice@contoso.example Tenant 11111111-')
  expect(readText(page)).toContain('ID in the tenant aaaaaaaa-0000-4000-8000-000000000001 Roles Admin Groups 0')
  expect(getHeading(await browser.get('/admin'))).toBe('Admin')
  const out = await browser.click(page, 'Log out')
  expect(out.hops.some(({ url }) => url.includes('/oauth2/v2.0/logout?'))).toBe(true)
  expect(readText(await browser.get('/'))).toContain('Logged in as nobody')
})

it('the example fetches the groups of a user who has too many for a token', async () => {
  const browser = agent()
  const page = await browser.submit(await browser.get('/profile'), { button: 'jane' })
  expect(readText(page)).toContain('Roles none Groups 250')
  expect((await browser.get('/admin')).status).toBe(403)
})

it('the example rejects a guest', async () => {
  const browser = agent()
  const page = await browser.submit(await browser.get('/profile'), { button: 'greta' })
  expect(page.status).toBe(403)
  expect(readText(page)).toContain('This account cannot be used here.')
})

it('the API of the example accepts access tokens of members in both versions', async () => {
  const call = async (token: string) =>
    fetch(`${example.url}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
  for (const version of [1, 2] as const) {
    const answer = await call(await entra.id.accessToken({ user: 'alice', version }))
    expect(await answer.json()).toMatchObject({ orders: ['Tea', 'Biscuits'], for: { tid: entra.settings.tenant } })
  }
  expect((await call(await entra.id.accessToken({ user: 'alice', scope: 'Else' }))).status).toBe(403)
  expect((await call(await entra.id.accessToken({ user: 'jane' }))).status).toBe(200)
  for (const request of [{ user: 'greta' }, { user: 'greta', tenant: entra.settings.tenant }, {}]) {
    expect((await call(await entra.id.accessToken(request))).status).toBe(401)
  }
})
