/** examples/keycloak/ does what its README promises. */
import { createServer } from 'node:http'
import { createUserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { createApp } from '../../examples/keycloak/app.js'
import { close, listen } from '../support/app.ts'
import { browserForFile, hasChromium, screenshot, signInWith } from './chromium.ts'
import { startMain } from '../support/main-program.ts'
import { asksForPassword, keycloakFlow, logIn, signIn } from './support.ts'

const flow = keycloakFlow()

async function startExample(): Promise<string> {
  const server = createServer()
  const url = await listen(server)
  flow.later(() => close(server))
  server.on('request', createApp({ keycloakUrl: flow.url, baseUrl: url, store: flow.store() }))
  return url
}

describe('the Keycloak example', () => {
  it.each([
    { username: 'alice', name: 'Alice Archer', roles: ['admin', 'user', 'web:editor'], status: 200 },
    { username: 'bob', name: 'Bob Baker', roles: ['user'], status: 403 },
  ])(
    'shows $username the right roles, and answers $status at /admin and /editor',
    async ({ username, name, roles, status }) => {
      const url = await startExample()
      const agent = createUserAgent({ baseUrl: url })
      const home = await agent.get('/')
      expect(home.text()).toContain('<dd>nobody</dd>')

      const requested = await agent.click(home, 'Log in')
      expect(asksForPassword(requested)).toBe(true)
      const back = await signIn(agent, requested, username)
      expect(back.url).toBe(`${url}/`)
      expect(back.text()).toContain(`<dd>${name}</dd>`)

      const profile = await agent.click(back, 'Profile')
      for (const role of roles) expect(profile.text()).toMatch(new RegExp(`<dd>.*\\b${role}\\b`))
      expect(profile.text().includes('web:editor')).toBe(roles.includes('web:editor'))
      const admin = await agent.click(back, 'For admins')
      const editor = await agent.click(back, 'For editors')
      expect([admin.status, editor.status]).toEqual([status, status])
      expect([...admin.hops, ...editor.hops]).toHaveLength(2)
    },
  )

  it('requests the scope of the calendar when the user connects it', async () => {
    const url = await startExample()
    const agent = createUserAgent({ baseUrl: url })
    const profile = await logIn(agent, '/profile', 'bob')
    expect(profile.text()).not.toContain('calendar.read')
    const connected = await agent.click(profile, 'Connect the calendar')
    expect(connected.url).toBe(`${url}/profile`)
    expect(connected.text()).toMatch(/<dd>[^<]*calendar\.read/)
  })

  it('logs out here and at Keycloak', async () => {
    const url = await startExample()
    const agent = createUserAgent({ baseUrl: url })
    const profile = await logIn(agent, '/profile', 'alice')
    const home = await agent.click(profile, 'Log out')
    expect(new URL(home.url).pathname).toBe('/')
    expect(home.text()).toContain('<dd>nobody</dd>')
    expect(asksForPassword(await agent.get('/profile'))).toBe(true)
  })

  it('starts with one command and prints one address', async () => {
    const main = await startMain('examples/keycloak/main.js', { KEYCLOAK_URL: flow.url, PORT: '0' })
    flow.later(() => main.stop())
    expect(main.printed().match(/http:\/\/127\.0\.0\.1:\d+(?= and log in)/g)).toEqual([main.url])
    const admin = await logIn(createUserAgent({ baseUrl: main.url }), '/admin', 'alice')
    expect(admin.status).toBe(200)
    expect(admin.text()).toContain('the role admin of the realm')
  })
})

describe.skipIf(!hasChromium)('the Keycloak example in Chromium', () => {
  const browser = browserForFile()

  it('logs Alice in at the page of Keycloak, shows her the page for admins, and logs her out', async () => {
    const url = await startExample()
    const page = await browser.open()
    await page.goto(`${url}/admin`)
    await page.waitForURL(`${flow.url}/realms/acme/**`)
    await signInWith(page, 'alice', 'not her password')
    await page.getByText('Invalid username or password').first().waitFor()
    await screenshot(page, 'login-page')
    await signInWith(page, 'alice')
    await page.waitForURL(`${url}/admin`)
    expect(await page.locator('h1').textContent()).toBe('Admin')
    await screenshot(page, 'example-admin')

    await page.getByRole('link', { name: 'Connect the calendar' }).click()
    await page.waitForURL(`${url}/profile`)
    expect(await page.locator('dl').textContent()).toContain('calendar.read')

    await page.getByRole('link', { name: 'Log out' }).click()
    await page.waitForURL((at) => at.origin === url && at.pathname === '/')
    expect(await page.locator('dl').textContent()).toContain('nobody')

    await page.goto(`${url}/profile`)
    await page.waitForURL(`${flow.url}/realms/acme/**`)
    await page.locator('#password').waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('answers Bob with a 403 page, and not with a redirect loop', async () => {
    const url = await startExample()
    const page = await browser.open()
    await page.goto(`${url}/admin`)
    await signInWith(page, 'bob')
    await page.waitForURL(`${url}/admin`)
    await page.getByRole('heading', { name: 'You may not open this page' }).waitFor()
    expect((await page.reload())?.status()).toBe(403)
    await screenshot(page, 'example-refused')
    expect(browser.complaints).toEqual([])
  })
})
