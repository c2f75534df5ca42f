/** The demo's pages as users see them: at desktop and phone width, light and dark, and without a mouse. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { fetchTime, heading, logIn } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram

beforeAll(async () => {
  main = await startMain('examples/demo/main.js', { PORT: '0' })
})
afterAll(() => main.stop())

/** Expects that nothing scrolls sideways and no text is cut off. */
async function expectToFit(page: Page): Promise<void> {
  const overflow = await page.evaluate(
    `[...document.querySelectorAll('body, body *')].filter((part) => part.scrollWidth > document.documentElement.clientWidth).map((part) => part.tagName)`,
  )
  expect(overflow).toEqual([])
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(page.viewportSize()?.width)
}

describe.each([
  [1280, 'light'],
  [1280, 'dark'],
  [320, 'light'],
  [320, 'dark'],
] as const)('the demo at %i px, %s', (width, colorScheme) => {
  it('every page of the demo fits without horizontal scrolling', async () => {
    const page = await browser.open({ viewport: { width, height: 800 }, colorScheme })
    const shown = async (name: string): Promise<void> => {
      await expectToFit(page)
      await screenshot(page, `demo-${name}-${width}-${colorScheme}`)
    }
    await page.goto(main.url)
    await heading(page, 'Log in to see what an application learns about you')
    const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    expect(paper).toBe(colorScheme === 'dark' ? 'rgb(14, 20, 25)' : 'rgb(244, 246, 248)')
    await shown('stranger')
    await page.getByRole('main').getByRole('link', { name: 'Log in', exact: true }).click()
    await heading(page, 'Who are you?')
    await shown('provider')
    await page.getByRole('button', { name: /Bob/ }).click()
    await heading(page, 'Hello, Bob Birch')
    expect(await fetchTime(page)).toBe('200 OK')
    await shown('logged-in')
    await page.getByRole('link', { name: 'Request calendar.read' }).click()
    await heading(page, 'Allow access?')
    await shown('consent')
    await page.goto(`${main.url}/members`)
    await heading(page, 'Members')
    await shown('members')
    await page.goto(`${main.url}/admin`)
    await heading(page, 'You may not open this page')
    await shown('refused')
    await page.goto(`${main.url}/nowhere`)
    await heading(page, 'There is no such page')
    await shown('not-found')
    expect(browser.complaints).toEqual([])
  })
})

describe('the demo without a mouse', () => {
  /** Presses Tab until an element has the focus, and expects a visible focus outline. */
  async function tabTo(page: Page, role: 'button' | 'link', name: string | RegExp): Promise<void> {
    const wanted = page.getByRole(role, { name }).first()
    await wanted.waitFor()
    for (let presses = 0; presses < 30; presses++) {
      await page.keyboard.press('Tab')
      if ((await wanted.and(page.locator(':focus')).count()) === 1) {
        expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none')
        return
      }
    }
    throw new Error(`${role} ${String(name)} did not get the focus within 30 presses of Tab`)
  }

  it('a user logs in, opens a page, fetches and logs out with Tab and Enter', async () => {
    const page = await browser.open()
    await page.goto(main.url)
    // The first tab stop skips the header.
    await tabTo(page, 'link', 'Skip to the content')
    await page.keyboard.press('Enter')
    await tabTo(page, 'link', 'Log in')
    await page.keyboard.press('Enter')
    await heading(page, 'Who are you?')
    await tabTo(page, 'button', /Alice/)
    await screenshot(page, 'demo-provider-keyboard')
    await page.keyboard.press('Enter')
    await heading(page, 'Hello, Alice Arden')
    await tabTo(page, 'link', 'Admin')
    await screenshot(page, 'demo-keyboard')
    await page.keyboard.press('Enter')
    await heading(page, 'Admin')
    await page.goto(main.url)
    await tabTo(page, 'button', 'Fetch /api/time')
    await page.keyboard.press('Enter')
    await page.locator('#answer').getByText('200 OK').waitFor()
    // The button keeps the focus, so that it can be pressed again.
    const focused = 'document.activeElement.id'
    expect(await page.evaluate(focused)).toBe('fetch-time')
    await page.goto(main.url)
    await tabTo(page, 'button', 'Log out')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${main.url}/?**`)
    await heading(page, 'Log in to see what an application learns about you')
    expect(browser.complaints).toEqual([])
  })

  it('a login that began at a guarded page completes with Tab and Enter too', async () => {
    const page = await browser.open()
    await page.goto(`${main.url}/admin`)
    await tabTo(page, 'button', /Bob/)
    await page.keyboard.press('Enter')
    await heading(page, 'You may not open this page')
  })
})

it('the demo works without JavaScript, except for the fetch', async () => {
  const page = await browser.open({ javaScriptEnabled: false })
  await page.goto(main.url)
  await logIn(page, 'Alice')
  await heading(page, 'Hello, Alice Arden')
  await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
  // With a script, the provider's page would continue by itself.
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL(`${main.url}/?**`)
  await heading(page, 'Log in to see what an application learns about you')
})
