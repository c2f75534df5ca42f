/** The page of `examples/spa` with `keycloak-js`, a real Keycloak and the realm file of the example. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { start } from '../../examples/spa/start.js'
import { heading } from '../browser/demo-steps.ts'
import {
  getAnswer,
  call,
  expectNothingStored,
  loggedOut,
  logInButton,
  press,
  renewals,
  shows,
  watch,
} from '../browser/spa-steps.ts'
import { browserForFile, hasChromium, screenshot, signInWith } from './chromium.ts'
import { administrator, keycloakFlow } from './support.ts'

const flow = keycloakFlow()
const admin = administrator(flow.url, 'single-page clients')

describe.skipIf(!hasChromium || !admin)('the page with keycloak-js and a real Keycloak', () => {
  const browser = browserForFile()
  const realm = `spa-${randomUUID()}`
  const tokenUrl = `${flow.url}/realms/${realm}/protocol/openid-connect/token`
  let example: Awaited<ReturnType<typeof start>>

  beforeAll(async () => {
    const file = await readFile(new URL('../../examples/spa/realm.json', import.meta.url), 'utf8')
    await admin?.makeRealm({ ...(JSON.parse(file) as object), realm, accessTokenLifespan: 10 })
    example = await start({ PORT: '0', OIDC_ISSUER: `${flow.url}/realms/${realm}` })
  })
  afterAll(async () => {
    await example.stop()
    await admin?.dropRealm(realm)
  })

  async function opened(): Promise<Page> {
    const page = await browser.open()
    await page.goto(`${example.pagesUrl}/keycloak-js`)
    await loggedOut(page)
    return page
  }

  async function logIn(page: Page, user: 'alice' | 'bob'): Promise<void> {
    await logInButton(page).click()
    await signInWith(page, user)
    await heading(page, user === 'alice' ? 'Hello, Alice Archer' : 'Hello, Bob Baker')
  }

  it('logs Alice in, calls the API, keeps her login through a reload, and logs out', async () => {
    const page = await opened()
    await logIn(page, 'alice')
    await call(page, '/profile', '200 OK')
    expect(await getAnswer(page)).toContain('"admin"')
    await call(page, '/admin', '200 OK')
    await expectNothingStored(page)
    await screenshot(page, 'spa-called')

    const sent = watch(page)
    await page.reload()
    await heading(page, 'Hello, Alice Archer')
    expect(sent.navigations).toBe(1)
    await call(page, '/profile', '200 OK')

    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
    await loggedOut(page)
    await expectNothingStored(page)
    await logInButton(page).click()
    await page.locator('#password').waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('shows Bob the calls that are denied, and requests a missing scope', async () => {
    const page = await opened()
    await logIn(page, 'bob')
    await call(page, '/admin', '403 Forbidden')
    expect(await getAnswer(page)).toContain('Logging in again would not change that.')
    await screenshot(page, 'spa-refused')
    await call(page, '/calendar', '403 Forbidden')
    await page.getByRole('button', { name: 'Request calendar.read' }).click()
    await shows(page, '200 OK')
    expect(await page.locator('#scope').textContent()).toContain('calendar.read')
    expect(browser.complaints).toEqual([])
  })

  it('steps up: Keycloak asks for the password again, and the call is repeated', async () => {
    const page = await opened()
    await logIn(page, 'alice')
    await press(page, '/transfers')
    await page.locator('#password').fill('alice-pw')
    await screenshot(page, 'spa-step-up')
    await page.locator('#kc-login').click()
    await shows(page, '201 Created')
    expect(await getAnswer(page)).toContain('"acr": "gold"')
    expect(browser.complaints).toEqual([])
  })

  it('renews its token without a page load, and logs out once its session at Keycloak has ended', async () => {
    const page = await opened()
    await logIn(page, 'alice')
    const sent = watch(page)
    await expect.poll(() => renewals(page), { timeout: 30_000 }).toBeGreaterThanOrEqual(1)
    await call(page, '/profile', '200 OK')
    expect(sent.to(tokenUrl).length).toBeGreaterThanOrEqual(1)
    expect(sent.navigations).toBe(0)

    // Ends the session as another application with the same single sign-on does.
    const other = await browser.tab(page)
    await other.goto(`${flow.url}/realms/${realm}/protocol/openid-connect/logout`)
    await other.locator('#kc-logout').click()
    await page.getByText('Your session has ended: log in again.').waitFor()
    await loggedOut(page)
    await screenshot(page, 'spa-ended')
    await expectNothingStored(page)
    await call(page, '/profile', '401 Unauthorized')
    expect(sent.to(example.apiUrl).at(-1)?.headers()['authorization']).toBeUndefined()
    expect(browser.complaints).toEqual([])
  })
})
