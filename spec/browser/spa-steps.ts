/** What users do on the pages of `examples/spa`, and what is visible from outside. */
import type { BrowserForFile } from '../support/chromium.ts'
import type { Locator, Page, Request } from 'playwright-core'
import { expect } from 'vitest'
import { heading } from './demo-steps.ts'

/** Clicks `Log in` and chooses a user at the test provider. */
export async function logIn(page: Page, user: 'Alice' | 'Bob'): Promise<void> {
  await logInButton(page).click()
  await chooseUser(page, user)
  await heading(page, user === 'Alice' ? 'Hello, Alice Adams' : 'Hello, Bob Brown')
  await page.getByRole('banner').getByRole('button', { name: 'Log out' }).waitFor()
  await logInButton(page).waitFor({ state: 'hidden' })
}

export function logInButton(page: Page): Locator {
  return page.getByRole('main').getByRole('button', { name: 'Log in', exact: true })
}

export async function chooseUser(page: Page, user: 'Alice' | 'Bob'): Promise<void> {
  await heading(page, 'Who are you?')
  await page.getByRole('button', { name: new RegExp(`^${user}`) }).click()
}

export async function loggedOut(page: Page): Promise<void> {
  await heading(page, 'You are not logged in')
  await logInButton(page).waitFor()
  await page.getByRole('button', { name: 'Log out' }).waitFor({ state: 'hidden' })
  await page.getByText('Access token valid until').waitFor({ state: 'hidden' })
}

/** Calls the API and waits until the page shows the status of the response. */
export async function call(page: Page, path: string, status: string): Promise<void> {
  await press(page, path)
  await shows(page, status)
}

export async function press(page: Page, path: string): Promise<void> {
  await page.getByRole('button', { name: `Call ${path}`, exact: true }).click()
}

export async function shows(page: Page, status: string): Promise<void> {
  await page.locator('#answer .chip').getByText(status, { exact: true }).waitFor()
}

/** What the page shows of the API's response. */
export async function getAnswer(page: Page): Promise<string> {
  return page.locator('#answer').innerText()
}

/** How often the page says that it renewed its token. */
export async function renewals(page: Page): Promise<number> {
  return Number(await page.locator('#renewals').textContent())
}

/** Expects nothing that a script of another page of this origin, or a later script, could find. */
export async function expectNothingStored(page: Page): Promise<void> {
  const stored = await page.evaluate<[string, string][]>(
    '[...Object.entries(localStorage), ...Object.entries(sessionStorage)]',
  )
  expect(JSON.stringify(stored)).not.toContain('eyJ')
  expect(stored.filter(([name]) => name !== 'waiting')).toEqual([])
  expect(await page.evaluate('document.cookie')).toBe('')
  expect(page.url()).not.toMatch(/[?#&](code|state|iss|session_state)=/)
}

/** Collects the requests that a page sends from now on. */
export function watch(page: Page): { to(url: string): Request[]; readonly navigations: number } {
  const requests: Request[] = []
  page.on('request', (request) => void requests.push(request))
  return {
    to: (url) => requests.filter((request) => request.url().startsWith(url) && request.method() !== 'OPTIONS'),
    get navigations() {
      return requests.filter((request) => request.isNavigationRequest() && request.frame() === page.mainFrame()).length
    },
  }
}

/** Violations of a Content Security Policy are among the complaints of a browser. */
export function expectNoComplaints(browser: BrowserForFile): void {
  expect(browser.complaints).toEqual([])
}
