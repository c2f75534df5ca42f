/** What users do on the pages of the demo and of its provider. */
import type { Page } from 'playwright-core'

/** Waits until a page has this title as its only first-level heading. */
export async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
}

/** Clicks the large `Log in` link and chooses a user at the provider. */
export async function logIn(page: Page, user: string): Promise<void> {
  await page.getByRole('main').getByRole('link', { name: 'Log in', exact: true }).click()
  await heading(page, 'Who are you?')
  await page.getByRole('button', { name: new RegExp(user) }).click()
}

export async function logOut(page: Page): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
}

/** Clicks the fetch button, and returns the status that the page shows. */
export async function fetchTime(page: Page): Promise<string | null> {
  const button = page.getByRole('button', { name: 'Fetch /api/time' })
  const status = page.locator('#answer .chip')
  const answered = page.waitForResponse((response) => response.url().endsWith('/api/time'))
  await button.click()
  const code = (await answered).status()
  await status.getByText(String(code)).waitFor()
  return status.textContent()
}
