/** `examples/downstream`, walked without a browser. */
import type { UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createApp } from '../../examples/downstream/app.js'
import { startServices } from '../../examples/downstream/start.js'
import { pass } from '../support/tokens-app.ts'
import { headingOf, run, textOf, type Running } from './steps.ts'

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
  expect(headingOf(await agent.get('/login'))).toBe('Hello, Alice Adams')
  return agent
}

it('shows what another service has for the user, whose token is refreshed where it has ended', async () => {
  const agent = await logIn()
  const orders = await agent.get('/orders')
  expect(headingOf(orders)).toBe('Your orders')
  expect(textOf(orders)).toContain('Twelve pencils')
  expect(textOf(orders)).toContain('Access tokens refreshed so far: 0')
  pass(61)
  expect(textOf(await agent.get('/orders'))).toContain('Access tokens refreshed so far: 1')
})

it('asks for the scope that the service wants, and comes back to what it was about to do', async () => {
  const agent = await logIn()
  const prices = await agent.click(await agent.get('/'), 'Prices')
  expect(prices.url).toBe(`${example.url}/prices`)
  expect(textOf(prices)).toContain('A globe: 80.00')
  const asked = services.provider.requestsTo('authorize').map(({ params }) => params.get('scope'))
  expect(asked).toEqual(['openid profile email', 'openid profile email prices.read'])
  expect(textOf(await agent.get('/'))).toContain('prices.read')
})

it('tells who does not grant it so, and keeps the login', async () => {
  const agent = await logIn()
  services.provider.grantOnly(['openid', 'profile', 'email'])
  const refused = await agent.get('/prices')
  services.provider.grantOnly(undefined)
  expect(refused.status).toBe(403)
  expect(headingOf(await agent.get('/orders'))).toBe('Your orders')
})

it('gets a token for a service that takes no other', async () => {
  const agent = await logIn()
  expect(textOf(await agent.get('/invoices'))).toContain('Two items for alice')
  expect(textOf(await agent.get('/invoices'))).toContain('Two items for alice')
  const grants = services.provider.requestsTo('token').map(({ params }) => params.get('grant_type'))
  expect(grants.filter((grant) => grant?.endsWith('token-exchange'))).toHaveLength(1)
})
