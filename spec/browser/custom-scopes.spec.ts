/** `examples/custom-scopes` as users see it: additional scope when it is needed, a refusal, a confirmation. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/custom-scopes/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

it('the example requests scope on demand, keeps the login after a denial, and has a transfer confirmed', async () => {
  const page = await browser.open()
  await page.goto(main.url)
  await heading(page, 'You are not logged in')
  await page.getByRole('link', { name: 'Log in' }).click()
  await heading(page, 'Who are you?')
  await page.getByRole('button', { name: /Alice/ }).click()
  await heading(page, 'Hello, Alice Arden')
  await screenshot(page, 'custom-scopes-home')

  await page.getByRole('navigation').getByRole('link', { name: 'Calendar' }).click()
  await heading(page, 'Allow access?')
  await page.getByText('Read your calendar').waitFor()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${main.url}/calendar`)
  await heading(page, 'Your calendar')
  await screenshot(page, 'custom-scopes-calendar')

  await page.getByRole('navigation').getByRole('link', { name: 'Home' }).click()
  await page.locator('#granted').getByText('calendar.read').waitFor()
  await page.getByRole('link', { name: 'Connect your contacts' }).click()
  await heading(page, 'Allow access?')
  await page.getByRole('button', { name: 'Refuse' }).click()
  await page.getByText('You are still logged in.').waitFor()
  await screenshot(page, 'custom-scopes-refused')
  await page.getByRole('link', { name: 'Go back' }).click()
  await heading(page, 'Hello, Alice Arden')

  await page.getByRole('navigation').getByRole('link', { name: 'Transfer' }).click()
  await heading(page, 'Is it still you?')
  await screenshot(page, 'custom-scopes-confirm')
  await page.getByRole('button', { name: /Alice/ }).click()
  await page.waitForURL(`${main.url}/transfer`)
  await heading(page, 'Transfer money')
  await page.reload()
  await heading(page, 'Transfer money')

  await page.getByRole('button', { name: 'Log out' }).click()
  await heading(page, 'You are not logged in')
  expect(browser.complaints).toEqual([])
})

it.each(['light', 'dark'] as const)('the custom-scopes example fits on a phone in %s mode', async (colorScheme) => {
  const page = await browser.open({ viewport: { width: 320, height: 700 }, colorScheme })
  const fits = async (name: string): Promise<void> => {
    await screenshot(page, `custom-scopes-${name}-320-${colorScheme}`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
  }
  await page.goto(`${main.url}/login`)
  await page.getByRole('button', { name: /Bob/ }).click()
  await heading(page, 'Hello, Bob Birch')
  await fits('home')
  await page.goto(`${main.url}/contacts`)
  await page.getByText('This requires a permission that you have not granted.').waitFor()
  await fits('contacts')
  await page.goto(`${main.url}/transfer`)
  await heading(page, 'Is it still you?')
  await fits('confirm')
})
