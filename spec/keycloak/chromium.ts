/** Steps on Keycloak's pages, in the browser that `npm run test:browser` uses too. */
import type { Page } from 'playwright-core'
import { chromiumPath, screenshot as keep } from '../support/chromium.ts'

export { browserForFile } from '../support/chromium.ts'

/** Whether there is a browser. CI requires one. */
export const hasChromium: boolean = chromiumPath !== undefined || Boolean(process.env['CI'])
if (!hasChromium) console.warn('notice: specs are skipped because no Chromium is on the PATH; set CHROMIUM')

/** Fills in Keycloak's login page. */
export async function signInWith(page: Page, username: string, password = `${username}-pw`): Promise<void> {
  await page.locator('#username').fill(username)
  await page.locator('#password').fill(password)
  await page.locator('#kc-login').click()
}

/** Saves a screenshot of the page for people to look at. */
export function screenshot(page: Page, name: string): Promise<void> {
  return keep(page, `keycloak-${name}`)
}
