/** What people do on Keycloak's pages, in the browser that the specs of `npm run test:browser` use too. */
import type { Page } from 'playwright-core'
import { chromiumPath, screenshot as keep } from '../support/chromium.ts'

export { browserForFile } from '../support/chromium.ts'

/** Whether there is a browser; on CI there must be. */
export const hasChromium: boolean = chromiumPath !== undefined || Boolean(process.env['CI'])
if (!hasChromium) console.warn('notice: specs are skipped for want of a Chromium on the PATH; set CHROMIUM')

/** Fills in Keycloak's login page. */
export async function signInWith(page: Page, username: string, password = `${username}-pw`): Promise<void> {
  await page.locator('#username').fill(username)
  await page.locator('#password').fill(password)
  await page.locator('#kc-login').click()
}

/** Keeps what the page looks like, for people to look at. */
export function screenshot(page: Page, name: string): Promise<void> {
  return keep(page, `keycloak-${name}`)
}
