/** Walks through `examples/downstream` without a real browser. */
import type { UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createApp } from '../../examples/downstream/app.js'
import { startServices } from '../../examples/downstream/start.js'
import { pass } from '../support/tokens-app.ts'
import { getHeading, run, readText, type Running } from './steps.ts'

let example: Running
let services: Awaited<ReturnType<typeof startServices>>

beforeAll(async () => {
  services = await startServices()
  example = await run(async (baseUrl) => ({
    app: createApp({ baseUrl, provider: services.provider.settings(), apis: services.apis }),
    stop: () => services.close(),
  }))
})
afterAll(() => example.stop())
beforeEach(() => services.provider.forget())

async function logIn(): Promise<UserAgent> {
  const agent = example.agent()
  services.provider.signIn('alice')
  expect(getHeading(await agent.get('/login'))).toBe('Hello, Alice Adams')
  return agent
}

it('the example shows data of another service, and refreshes the access token once it has expired', async () => {
  const agent = await logIn()
  const orders = await agent.get('/orders')
  expect(getHeading(orders)).toBe('Your orders')
  expect(readText(orders)).toContain('Twelve pencils')
  expect(readText(orders)).toContain('Access tokens refreshed so far: 0')
  pass(61)
  expect(readText(await agent.get('/orders'))).toContain('Access tokens refreshed so far: 1')
})

it('the example requests the scope that a service requires, and returns to the page', async () => {
  const agent = await logIn()
  const prices = await agent.click(await agent.get('/'), 'Prices')
  expect(prices.url).toBe(`${example.url}/prices`)
  expect(readText(prices)).toContain('A globe: 80.00')
  const requested = services.provider.requestsTo('authorize').map(({ params }) => params.get('scope'))
  expect(requested).toEqual(['openid profile email', 'openid profile email prices.read'])
  expect(readText(await agent.get('/'))).toContain('prices.read')
})

it('a user who does not grant the scope gets 403 and stays logged in', async () => {
  const agent = await logIn()
  services.provider.grantOnly(['openid', 'profile', 'email'])
  const refused = await agent.get('/prices')
  services.provider.grantOnly(undefined)
  expect(refused.status).toBe(403)
  expect(getHeading(await agent.get('/orders'))).toBe('Your orders')
})

it('the example exchanges the token once for a service that requires its own', async () => {
  const agent = await logIn()
  expect(readText(await agent.get('/invoices'))).toContain('Two items for alice')
  expect(readText(await agent.get('/invoices'))).toContain('Two items for alice')
  const grants = services.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))
  expect(grants.filter((grant) => grant?.endsWith('token-exchange'))).toHaveLength(1)
})
