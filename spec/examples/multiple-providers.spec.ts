/** Walks through `examples/multiple-providers` without a real browser. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApp } from '../../examples/multiple-providers/app.js'
import { startProviders } from '../../examples/multiple-providers/providers.js'
import { getHeading, logOut, run, readText, type Running } from './steps.ts'

let example: Running

beforeAll(async () => {
  example = await run(async (baseUrl) => {
    const { staff, customers, close } = await startProviders(baseUrl)
    return { app: createApp({ baseUrl, staff, customers }), stop: close }
  })
})
afterAll(() => example.stop())

async function logIn(agent: UserAgent, link: string, user: string, path = '/'): Promise<UserAgentResponse> {
  const requested = await agent.click(await agent.get(path), link)
  expect(getHeading(requested)).toBe('Who are you?')
  return agent.submit(requested, { button: user })
}

it('one session can have a login with each provider', { meta: { id: 'multiple-providers-1' } }, async () => {
  const agent = example.agent()
  expect(getHeading(await agent.get('/'))).toBe('You are not logged in')
  expect(getHeading(await logIn(agent, 'Log in as staff', 'sam'))).toBe('You are logged in once')
  const both = await logIn(agent, 'Log in as a customer', 'cleo')
  expect(getHeading(both)).toBe('You are logged in twice')
  expect(readText(both)).toContain('Sam Sorrel sam@staff.example')
  expect(readText(both)).toContain('Cleo Clover cleo@example.com')
  expect(readText(await agent.get('/staff-only'))).toContain(
    'You opened this page as Sam Sorrel , with the login of staff',
  )
  expect(readText(await agent.get('/customers-only'))).toContain(
    'You opened this page as Cleo Clover , with the login of customers',
  )
  expect(readText(await agent.get('/either'))).toContain('You opened this page as Sam Sorrel')
})

it.each([
  [0, '/staff-only', '/customers-only', 'Cleo Clover'],
  [1, '/customers-only', '/staff-only', 'Sam Sorrel'],
])('a logout with the form at index %i keeps the login with the other provider', async (form, closed, open, who) => {
  const agent = example.agent()
  await logIn(agent, 'Log in as staff', 'sam')
  const home = await logIn(agent, 'Log in as a customer', 'cleo')
  const left = await logOut(agent, home, form)
  expect(left.url).toMatch(`${example.url}/?state=`)
  expect(getHeading(left)).toBe('You are logged in once')
  expect((await agent.get(closed)).url).toBe(`${example.url}/signin?returnTo=${encodeURIComponent(closed)}`)
  expect(readText(await agent.get(open))).toContain(`You opened this page as ${who}`)
  expect(readText(await agent.get('/either'))).toContain(`You opened this page as ${who}`)
  const end = await logOut(agent, await agent.get('/'))
  expect(getHeading(end)).toBe('You are not logged in')
  expect((await agent.get('/either')).url).toContain('/signin?')
})

it('an anonymous visitor chooses a provider, and returns to the requested page', async () => {
  const agent = example.agent()
  const requested = await agent.get('/staff-only')
  expect(requested.url).toBe(`${example.url}/signin?returnTo=%2Fstaff-only`)
  expect(getHeading(requested)).toBe('How do you want to log in?')
  expect(readText(requested)).toContain('To open /staff-only')
  const page = await logIn(agent, 'Log in as staff', 'tess', '/staff-only')
  expect(page.url).toBe(`${example.url}/staff-only`)
  expect(readText(page)).toContain('You opened this page as Tess Thorn')
})

it.each(['https://evil.example/', '//evil.example/', '/\\evil.example'])(
  'the example ignores a return address on another origin: %s',
  async (to) => {
    const agent = example.agent()
    const path = `/signin?returnTo=${encodeURIComponent(to)}`
    expect((await agent.get(path)).text()).not.toContain('evil.example')
    const requested = await agent.get(`/staff/login?returnTo=${encodeURIComponent(to)}`)
    expect((await agent.submit(requested, { button: 'sam' })).url).toBe(`${example.url}/`)
  },
)

it('a script gets 401 with the login URL of the required provider', async () => {
  const answer = await example.agent().fetch('/customers-only')
  expect(answer.status).toBe(401)
  expect(answer.json()).toMatchObject({
    code: 'login_required',
    login: expect.stringContaining(`${example.url}/customers/login`) as string,
  })
})

it('an unknown address is answered with a 404 page', async () => {
  const page = await example.agent().get('/nowhere')
  expect(page.status).toBe(404)
  expect(getHeading(page)).toBe('There is no such page')
})
