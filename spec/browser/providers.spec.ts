/** `examples/multiple-providers` as users see it: log in with one provider, then with both, and log out of one. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/multiple-providers/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

async function choose(page: Page, user: RegExp): Promise<void> {
  await heading(page, 'Who are you?')
  await page.getByRole('button', { name: user }).click()
}

it('a user logs in with both providers side by side, and logs out of one without affecting the other', async () => {
  const page = await browser.open()
  await page.goto(main.url)
  await heading(page, 'You are not logged in')
  await screenshot(page, 'providers-not-logged-in')
  await page.getByRole('link', { name: 'Log in as staff' }).click()
  await page.getByText('Staff ID').first().waitFor()
  await choose(page, /Sam/)
  await heading(page, 'You are logged in once')
  const staff = page.getByRole('region', { name: 'Staff' })
  const customers = page.getByRole('region', { name: 'Customers' })
  await staff.getByText('Sam Sorrel').waitFor()
  await customers.getByText('You are not logged in').waitFor()

  await page.getByRole('link', { name: 'Log in as a customer' }).click()
  await page.getByText('Customer ID').first().waitFor()
  await choose(page, /Cleo/)
  await heading(page, 'You are logged in twice')
  await staff.getByText('Sam Sorrel').waitFor()
  await customers.getByText('Cleo Clover').waitFor()
  await screenshot(page, 'providers-logged-in-twice')
  for (const [link, who] of [
    ['Staff only', 'Sam Sorrel'],
    ['Customers only', 'Cleo Clover'],
    // If several logins are allowed, the first listed instance is used.
    ['Either', 'Sam Sorrel'],
  ] as const) {
    await page.getByRole('navigation').getByRole('link', { name: link }).click()
    await heading(page, link)
    await page.getByText(`You opened this page as ${who}`).waitFor()
  }

  await page.goto(main.url)
  await staff.getByRole('button', { name: 'Log out' }).click()
  await page.waitForURL(`${main.url}/?**`)
  await heading(page, 'You are logged in once')
  await customers.getByText('Cleo Clover').waitFor()
  await page.goto(`${main.url}/customers-only`)
  await heading(page, 'Customers only')
  await page.goto(`${main.url}/either`)
  await page.getByText('You opened this page as Cleo Clover').waitFor()
  await page.goto(`${main.url}/staff-only`)
  await heading(page, 'How do you want to log in?')

  await page.goto(main.url)
  await customers.getByRole('button', { name: 'Log out' }).click()
  await heading(page, 'You are not logged in')
  expect(browser.complaints).toEqual([])
})

it('a user without a login chooses a provider, and returns to the requested page', async () => {
  const page = await browser.open()
  await page.goto(`${main.url}/staff-only`)
  await page.waitForURL(`${main.url}/signin?returnTo=%2Fstaff-only`)
  await heading(page, 'How do you want to log in?')
  await screenshot(page, 'providers-sign-in')
  await page.getByRole('main').getByRole('link', { name: 'Log in as staff' }).click()
  await choose(page, /Tess/)
  await page.waitForURL(`${main.url}/staff-only`)
  await page.getByText('You opened this page as Tess Thorn').waitFor()
  expect(browser.complaints).toEqual([])
})

it(
  'two tabs can log in with two providers, even if both logins begin before either one finishes',
  { meta: { id: 'providers-1' } },
  async () => {
    const first = await browser.open()
    const second = await browser.tab(first)
    await first.goto(main.url)
    await second.goto(main.url)
    await first.getByRole('link', { name: 'Log in as staff' }).click()
    await second.getByRole('link', { name: 'Log in as a customer' }).click()
    await choose(first, /Tess/)
    await heading(first, 'You are logged in once')
    await choose(second, /Dan/)
    await heading(second, 'You are logged in twice')
    await first.reload()
    await heading(first, 'You are logged in twice')
  },
)

it.each(['light', 'dark'] as const)(
  'the multiple-providers example fits on a phone in %s mode',
  async (colorScheme) => {
    const page = await browser.open({ viewport: { width: 320, height: 700 }, colorScheme })
    await page.goto(main.url)
    await page.getByRole('link', { name: 'Log in as a customer' }).click()
    await heading(page, 'Who are you?')
    await screenshot(page, `providers-customer-id-320-${colorScheme}`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await choose(page, /Dan/)
    await heading(page, 'You are logged in once')
    await screenshot(page, `providers-320-${colorScheme}`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await page.goto(`${main.url}/signin?returnTo=/either`)
    await heading(page, 'How do you want to log in?')
    await screenshot(page, `providers-sign-in-320-${colorScheme}`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    expect(browser.complaints).toEqual([])
  },
)
