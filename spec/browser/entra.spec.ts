/**
 * `examples/entra` as users see it. It runs with the simulated Entra on loopback, since a browser would open the real one.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/entra/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

it('a user logs in, sees the profile, opens the admin page, and is logged out at Entra too', async () => {
  const page = await browser.open()
  await page.goto(main.url)
  await page.getByText('nobody').waitFor()
  await page.getByRole('link', { name: 'Profile' }).click()
  await heading(page, 'Who are you?')
  expect(page.url()).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/login\.microsoftonline\.com\/1111[-0-9]+\/oauth2\/v2\.0\/authorize\?/,
  )
  await screenshot(page, 'entra-login')
  await page.getByRole('button', { name: 'Alice Adams' }).click()
  await page.waitForURL(`${main.url}/profile`)
  await heading(page, 'Profile')
  for (const text of ['Alice Adams', 'alice@contoso.example', 'Admin']) {
    await page.locator('dd', { hasText: text }).first().waitFor()
  }
  await screenshot(page, 'entra-profile')
  await page.getByRole('link', { name: 'For admins' }).click()
  await heading(page, 'Admin')
  await page.getByRole('link', { name: 'Log out' }).click()
  await page.waitForURL(`${main.url}/**`)
  await page.getByText('nobody').waitFor()
  await page.getByRole('link', { name: 'Log in', exact: true }).click()
  // Nobody is logged in at Entra either.
  await heading(page, 'Who are you?')
  expect(browser.complaints).toEqual([])
})

it('a user in many groups sees how many, and gets 403 for the admin page', async () => {
  const page = await browser.open()
  await page.goto(`${main.url}/profile`)
  await page.getByRole('button', { name: 'Jane Jones' }).click()
  await heading(page, 'Profile')
  await page.locator('dd', { hasText: '250' }).waitFor()
  const answer = await page.goto(`${main.url}/admin`)
  expect(answer?.status()).toBe(403)
})

it('a guest gets a page that says that the account cannot be used', async () => {
  const page = await browser.open()
  await page.goto(`${main.url}/profile`)
  await page.getByRole('button', { name: 'Greta Green' }).click()
  await page.getByText('This account cannot be used here.').waitFor()
  await screenshot(page, 'entra-refused')
  await page.goto(main.url)
  await page.getByText('nobody').waitFor()
})

it('the command that the example prints works', async () => {
  await expect.poll(() => main.printed()).toContain('/api/orders')
  const token = /Bearer ([\w.-]+)'/.exec(main.printed())?.[1] ?? ''
  const answer = await fetch(`${main.url}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
})
