/** `examples/sessions` as users see it: two browsers, and a logout of the other one. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

/** The user agent of a device with a different, well-known name. */
const telephone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

beforeAll(async () => {
  main = await startMain('examples/sessions/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

it('the example lists both browsers of a user, and logs the other one out', async () => {
  // Each page is in a browser context of its own, with nothing shared.
  const there = await browser.open({ userAgent: telephone })
  const here = await browser.open()
  for (const page of [there, here]) {
    await page.goto(main.url)
    await heading(page, 'You are not logged in')
    await page.getByRole('link', { name: 'Log in' }).click()
    await heading(page, 'Who are you?')
    await page.getByRole('button', { name: /Alice/ }).click()
    await heading(page, 'Your devices')
  }
  await here.getByText('You are logged in on 2 devices.').waitFor()
  const devices = here.getByRole('listitem')
  await devices.filter({ hasText: 'Chrome on ' }).getByText('this device').waitFor()
  await devices.filter({ hasText: 'Safari on iPhone' }).getByRole('button', { name: 'Log out there' }).waitFor()
  await screenshot(here, 'sessions-devices')
  await here.setViewportSize({ width: 320, height: 800 })
  expect(await here.evaluate('document.documentElement.scrollWidth')).toBe(320)
  await screenshot(here, 'sessions-narrow')
  await here.setViewportSize({ width: 1100, height: 800 })
  await here.getByRole('button', { name: 'Log out there' }).click()
  await here.getByText('You are logged in on one device.').waitFor()
  await screenshot(here, 'sessions-ended')

  await there.getByRole('link', { name: 'Home' }).click()
  await heading(there, 'You are not logged in')
  await here.getByRole('navigation').getByRole('link', { name: 'Home' }).click()
  await heading(here, 'Hello, Alice Arden')
  expect(browser.complaints).toEqual([])
})
