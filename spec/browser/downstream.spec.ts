/** `examples/downstream` as users see it: other services called as the user. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/downstream/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

it('the example shows orders, then prices once the login has the scope for them, and invoices', async () => {
  const page = await browser.open()
  await page.goto(main.url)
  await heading(page, 'You are not logged in')
  await page.getByRole('link', { name: 'Log in' }).click()
  await page.getByRole('button', { name: /Alice/ }).click()
  await heading(page, 'Hello, Alice Adams')
  await page.getByRole('navigation').getByRole('link', { name: 'Orders' }).click()
  await heading(page, 'Your orders')
  await page.getByText('Twelve pencils').waitFor()
  await screenshot(page, 'downstream-orders')
  await page.getByRole('navigation').getByRole('link', { name: 'Prices' }).click()
  await page.waitForURL(`${main.url}/prices`)
  await page.getByText('A globe: 80.00').waitFor()
  await page.getByRole('navigation').getByRole('link', { name: 'Home' }).click()
  await page.locator('#granted').getByText('prices.read').waitFor()
  await page.getByRole('navigation').getByRole('link', { name: 'Invoices' }).click()
  await page.getByText('Two items for alice').waitFor()
  await screenshot(page, 'downstream-invoices')
  await page.getByRole('button', { name: 'Log out' }).click()
  await heading(page, 'You are not logged in')
  expect(browser.complaints).toEqual([])
})
