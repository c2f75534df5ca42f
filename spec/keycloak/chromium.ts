/** A real browser for what people do: Chromium, that of CHROMIUM or the system's. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'

const executablePath = process.env['CHROMIUM'] || '/usr/bin/chromium'
const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map((name) => `--disable-${name}`)
const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet]

/** Whether there is a browser; on CI there must be. */
export const hasChromium: boolean = existsSync(executablePath) || Boolean(process.env['CI'])

export interface BrowserForFile {
  /** A page of a browser without cookies, closed after the spec. */
  open(options?: BrowserContextOptions): Promise<Page>
  /** What pages wrote to the console as errors: scripts that failed, and what a Content Security Policy forbade. */
  readonly complaints: string[]
}

/** Call it at the top of a suite that is skipped where `hasChromium` is not so. */
export function browserForFile(): BrowserForFile {
  let browser: Browser | undefined
  const complaints: string[] = []
  if (!hasChromium) console.warn(`notice: specs are skipped for want of a Chromium at ${executablePath}; set CHROMIUM`)
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args })
  })
  afterEach(async () => {
    complaints.length = 0
    for (const context of browser?.contexts() ?? []) await context.close()
  })
  afterAll(() => browser?.close())
  return {
    complaints,
    async open(options = {}) {
      const context = await (browser as Browser).newContext({ viewport: { width: 1100, height: 800 }, ...options })
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        // A page that is answered with 403 is such an error too, and what the spec looks at.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          complaints.push(message.text())
      })
      return page
    },
  }
}

/** Fills in Keycloak's login page. */
export async function signInWith(page: Page, username: string, password = `${username}-pw`): Promise<void> {
  await page.locator('#username').fill(username)
  await page.locator('#password').fill(password)
  await page.locator('#kc-login').click()
}

/** Keeps what the page looks like, for people to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../artifacts/keycloak-${name}.png`, import.meta.url))
  await page.screenshot({ path, fullPage: true })
}
