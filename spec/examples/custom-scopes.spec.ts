/** Walks through `examples/custom-scopes` without a real browser. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApp } from '../../examples/custom-scopes/app.js'
import { startProvider } from '../../examples/custom-scopes/provider.js'
import { pass } from '../support/tokens-app.ts'
import { getHeading, logOut, run, readText, type Running } from './steps.ts'

let example: Running

beforeAll(async () => {
  example = await run(async (baseUrl) => {
    const { settings, close } = await startProvider(baseUrl)
    return { app: createApp({ baseUrl, provider: settings }), stop: close }
  })
})
afterAll(() => example.stop())

async function logIn(): Promise<{ agent: UserAgent; home: UserAgentResponse }> {
  const agent = example.agent()
  const requested = await agent.get('/login')
  expect(getHeading(requested)).toBe('Who are you?')
  const home = await agent.submit(requested, { button: 'alice' })
  expect(getHeading(home)).toBe('Hello, Alice Arden')
  return { agent, home }
}

it('the example logs in with minimal scope, and requests the calendar scope when the calendar is opened', async () => {
  const { agent, home } = await logIn()
  expect(readText(home)).toContain('So far you have granted: openid profile ')
  const requested = await agent.click(home, 'Calendar')
  expect(getHeading(requested)).toBe('Allow access?')
  expect(readText(requested)).toContain('Read your calendar calendar.read')
  const calendar = await agent.submit(requested, { button: 'allow' })
  expect(calendar.url).toBe(`${example.url}/calendar`)
  expect(getHeading(calendar)).toBe('Your calendar')
  expect(readText(await agent.get('/'))).toContain('So far you have granted: openid profile calendar.read')
  expect(getHeading(await agent.get('/calendar'))).toBe('Your calendar')
})

it('a user who denies the scope gets a 403 page, and the example requests it again only on Continue', async () => {
  const { agent, home } = await logIn()
  const refused = await agent.submit(await agent.click(home, 'Connect your contacts'), { button: 'refuse' })
  expect(refused.status).toBe(403)
  expect(readText(refused)).toContain('You are still logged in.')
  const back = await agent.click(refused, 'Go back')
  expect(getHeading(back)).toBe('Hello, Alice Arden')
  const contacts = await agent.get('/contacts')
  expect(contacts.status).toBe(403)
  expect(readText(contacts)).toContain('This requires a permission that you have not granted.')
  const requested = await agent.click(contacts, 'Continue')
  expect(getHeading(requested)).toBe('Allow access?')
  await agent.submit(requested, { button: 'allow' })
  expect(getHeading(await agent.get('/contacts'))).toBe('Your contacts')
  expect(readText(await agent.get('/'))).not.toContain('Connect your contacts')
})

it('the scope that a user has granted is kept when the user grants more', async () => {
  const { agent } = await logIn()
  await agent.submit(await agent.get('/calendar'), { button: 'allow' })
  await agent.submit(await agent.get('/connect/contacts'), { button: 'allow' })
  expect(readText(await agent.get('/'))).toContain(
    'So far you have granted: openid profile calendar.read contacts.read',
  )
})

it('a transfer requires a new authentication, and another one a minute later', async () => {
  const { agent, home } = await logIn()
  for (const round of [1, 2]) {
    const requested = await (round === 1 ? agent.click(home, 'Transfer') : agent.get('/transfer'))
    expect([round, getHeading(requested)]).toEqual([round, 'Is it still you?'])
    expect(readText(requested)).not.toContain('Bob')
    const page = await agent.submit(requested, { button: 'alice' })
    expect([round, getHeading(page)]).toEqual([round, 'Transfer money'])
    pass(61)
  }
})

it('a user who cancels the authentication for a transfer gets a 403 page and stays logged in', async () => {
  const { agent } = await logIn()
  const page = await agent.submit(await agent.get('/transfer'), { button: 'Cancel' })
  expect(page.status).toBe(403)
  expect(readText(page)).toContain('You are still logged in.')
  expect(getHeading(await agent.get('/'))).toBe('Hello, Alice Arden')
})

it('the example logs out, and answers an unknown address with a 404 page', async () => {
  const { agent, home } = await logIn()
  expect(getHeading(await logOut(agent, home))).toBe('You are not logged in')
  const page = await agent.get('/nowhere')
  expect(page.status).toBe(404)
  expect(getHeading(page)).toBe('There is no such page')
})
