/** Walks through `examples/sessions` without a real browser. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createApp } from '../../examples/sessions/app.js'
import { startProvider } from '../../examples/sessions/provider.js'
import { getHeading, run, readText, type Running } from './steps.ts'

let example: Running

// Started for each test, because a login that another test leaves would count as one more device.
beforeEach(async () => {
  example = await run(async (baseUrl) => {
    const { settings, close } = await startProvider(baseUrl)
    return { app: createApp({ baseUrl, provider: settings }), stop: close }
  })
})
afterEach(() => example.stop())

async function logIn(user = 'alice'): Promise<{ agent: UserAgent; devices: UserAgentResponse }> {
  const agent = example.agent()
  const devices = await agent.submit(await agent.get('/devices'), { button: user })
  expect(getHeading(devices)).toBe('Your devices')
  return { agent, devices }
}

it('the example shows where a user is logged in, and logs them out there', async () => {
  const first = await logIn()
  expect(readText(first.devices)).toContain('You are logged in on one device.')
  expect(readText(first.devices)).toMatch(
    /since \d{4}-\d\d-\d\d \d\d:\d\d UTC, last seen \d{4}-\d\d-\d\d \d\d:\d\d UTC, from /,
  )
  const second = await logIn()
  expect(readText(second.devices)).toContain('You are logged in on 2 devices.')
  expect(readText(second.devices)).toContain('this device')
  const after = await second.agent.submit(second.devices, { button: 'Log out there' })
  expect(readText(after)).toContain('You are logged in on one device.')
  expect(getHeading(await first.agent.get('/'))).toBe('You are not logged in')
  expect(getHeading(await second.agent.get('/'))).toBe('Hello, Alice Arden')
  await second.agent.fetch('/logout', { method: 'POST' })
})

it('the example logs a user out everywhere else at once, and logs no other user out', async () => {
  const bob = await logIn('bob')
  const others = [await logIn(), await logIn()]
  const here = await logIn()
  const after = await here.agent.submit(here.devices, { button: 'Log out everywhere else' })
  expect(readText(after)).toContain('You are logged in on one device.')
  for (const { agent } of others) expect(getHeading(await agent.get('/'))).toBe('You are not logged in')
  expect(getHeading(await bob.agent.get('/'))).toBe('Hello, Bob Birch')
})

it("the id of another user's login is answered with 404, and that user stays logged in", async () => {
  const [alice, bob] = [await logIn(), await logIn('bob')]
  const id = /devices\/([\w-]{22})\/end/.exec((await logIn('bob')).devices.text())?.[1]
  expect(id).toBeDefined()
  const answer = await alice.agent.post(`/devices/${id}/end`)
  expect(answer.status).toBe(404)
  expect(getHeading(await bob.agent.get('/'))).toBe('Hello, Bob Birch')
})
