/** The demo as `npm start` runs it, with a real Keycloak and a real Redis, in a real browser. */
import { describe, expect, inject, it } from 'vitest'
import { browserForFile, hasChromium, screenshot, signInWith } from './chromium.ts'
import { until } from '../support/app.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { keycloakFlow, listKeys } from './support.ts'

const flow = keycloakFlow()

async function startDemo(more: Record<string, string> = {}): Promise<MainProgram> {
  const main = await startMain('examples/demo/main.js', {
    PORT: '0',
    REDIS_URL: inject('redisUrl'),
    OIDC_ISSUER: `${flow.url}/realms/acme`,
    OIDC_CLIENT_ID: 'web',
    OIDC_CLIENT_SECRET: 'web-secret',
    ...more,
  })
  flow.later(() => main.stop())
  return main
}

describe('the demo with a real Keycloak', () => {
  it('prints its address and the URIs to register but no secret, and stops when it is asked to', async () => {
    const main = await startDemo()
    expect(main.printed().match(/^Open .*/gm)).toEqual([`Open ${main.url}`])
    await until(() => main.printed().includes('Post-logout'), 'the demo has printed the URIs to register')
    expect(main.printed()).toContain(`${main.url}/callback`)
    expect(main.printed()).not.toContain('web-secret')
    expect(await main.stop()).toBe(0)
  })

  it('fails at the start with a message if the realm does not exist', async () => {
    const OIDC_ISSUER = `${flow.url}/realms/nonesuch`
    await expect(startDemo({ OIDC_ISSUER })).rejects.toThrow(
      new RegExp(`ended with 1 [\\s\\S]*No OpenID provider can be used at OIDC_ISSUER ${OIDC_ISSUER}`),
    )
  })
})

describe.skipIf(!hasChromium)('the demo with a real Keycloak in Chromium', () => {
  const browser = browserForFile()

  it('logs Alice in, shows her claims, opens the pages for her roles, requests a scope and logs out', async () => {
    const { url } = await startDemo()
    const page = await browser.open()
    await page.goto(url)
    await screenshot(page, 'demo-stranger')
    await page.locator('main').getByRole('link', { name: 'Log in' }).click()
    await page.waitForURL(`${flow.url}/realms/acme/**`)
    await signInWith(page, 'alice')
    await page.waitForURL(`${url}/`)
    await page.getByRole('heading', { name: 'Hello, Alice Archer' }).waitFor()
    expect(await page.locator('#email').textContent()).toContain('alice@example.test')
    expect(await page.locator('#issuer').textContent()).toBe(`${flow.url}/realms/acme`)
    expect(await page.locator('#roles li').allTextContents()).toEqual(
      expect.arrayContaining(['admin', 'user', 'editor', 'web:editor']),
    )
    expect(await page.evaluate('document.cookie')).toBe('')
    await screenshot(page, 'demo-alice')
    await page.setViewportSize({ width: 390, height: 844 })
    await screenshot(page, 'demo-alice-phone')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.setViewportSize({ width: 1100, height: 800 })

    for (const name of ['Members', 'Admin']) {
      await page.getByRole('navigation').getByRole('link', { name }).click()
      await page.getByRole('heading', { name, level: 1 }).waitFor()
    }
    await screenshot(page, 'demo-alice-admin')

    await page.goto(url)
    await page.getByRole('link', { name: 'Request calendar.read' }).click()
    await page.waitForURL(`${url}/#scope`)
    await page.locator('#scope').getByText('granted').waitFor()
    expect(await page.locator('#scopes li').allTextContents()).toContain('calendar.read')
    await page.locator('#fetch-time').click()
    await page.locator('#answer strong').getByText('200').waitFor()

    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL((at) => at.origin === url && at.pathname === '/')
    await page.getByText('You are not logged in', { exact: true }).waitFor()
    await page.locator('#fetch-time').click()
    await page.locator('#answer strong').getByText('401').waitFor()
    await page.goto(`${url}/admin`)
    await page.waitForURL(`${flow.url}/realms/acme/**`)
    await page.locator('#password').waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('answers Bob 403 for the page for admins, opens the page for members, and logs him out', async () => {
    const { url } = await startDemo()
    const page = await browser.open()
    await page.goto(`${url}/admin`)
    await signInWith(page, 'bob')
    await page.waitForURL(`${url}/admin`)
    await page.getByRole('heading', { name: 'You may not open this page' }).waitFor()
    await screenshot(page, 'demo-bob-refused')
    const refused = await page.reload()
    expect(refused?.status()).toBe(403)
    expect(refused?.request().redirectedFrom()).toBeNull()
    expect((await page.goto(`${url}/members`))?.status()).toBe(200)

    // The login is in the Redis of REDIS_URL, under the session of the cookie, and the logout deletes it there.
    const cookie = (await page.context().cookies(url)).find(({ name }) => name === 'demo.sid')
    const { client } = flow.redis
    const keys = listKeys(cookie?.value)
    expect(await client.exists(keys)).toBe(3)
    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are not logged in', { exact: true }).waitFor()
    expect(await client.exists(keys)).toBe(0)
    await page.goto(`${url}/members`)
    await page.waitForURL(`${flow.url}/realms/acme/**`)
    expect(browser.complaints).toEqual([])
  })
})
