/** `examples/observability` as users see it: what they do in a browser is logged in the terminal, and counted. */
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading, logIn, logOut } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/observability/main.js', { PORT: '0', REDIS_URL: inject('redisUrl') })
})
afterAll(() => main.stop())

it('the example logs and counts what a user does', async () => {
  const page = await browser.open()
  await page.goto(main.url)
  await heading(page, 'You are not logged in')
  await logIn(page, 'Bob')
  await heading(page, 'Hello, Bob Brown')
  await page.getByRole('navigation').getByRole('link', { name: 'Orders' }).click()
  await heading(page, 'Your orders')
  await page.getByText('Biscuits').waitFor()
  await screenshot(page, 'observability-orders')
  await page.getByRole('navigation').getByRole('link', { name: 'Admin' }).click()
  await heading(page, 'You may not open this page')
  await page.goto(main.url)
  await logOut(page)
  await heading(page, 'You are not logged in')
  for (const [event, who] of [
    ['login', '"sub":"bob"'],
    ['denied', '"code":"not_allowed"'],
    ['logout', '"reason":"user"'],
  ] as const) {
    await expect.poll(() => main.printed()).toMatch(new RegExp(`^\\{.*"event":"${event}".*${who}.*\\}$`, 'm'))
  }
  expect(main.printed()).not.toMatch(/eyJ[\w-]{10,}|[?&](code|state)=/)
  const [metrics = ''] = /http:\S+\/metrics/.exec(main.printed()) ?? []
  expect(await (await fetch(metrics)).text()).toMatch(/^oidc_login_total\{.*\} 1$/m)
  // Chromium prints this for each page with status 403.
  expect(browser.complaints.filter((text) => !text.includes('403'))).toEqual([])
})

it('the example exits without a logged error', async () => {
  expect(await main.stop()).toBe(0)
  expect(main.printed()).not.toMatch(/"level":[56]0/)
})
