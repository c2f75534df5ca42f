/** A real browser: the Chromium of CHROMIUM, else /usr/bin/chromium, else the one on the PATH. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContextOptions, type LaunchOptions, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'

const places = [
  '/usr/bin/chromium',
  ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
]

/** The path of the browser; undefined if there is none. */
export const chromiumPath: string | undefined = process.env['CHROMIUM'] || places.find((place) => existsSync(place))

/** Starts it without a sandbox, so that it works in containers, and without background traffic. */
export function launchOptions(): LaunchOptions {
  if (chromiumPath === undefined || !existsSync(chromiumPath)) {
    throw new Error(
      `no Chromium ${chromiumPath === undefined ? 'on the PATH' : `at ${chromiumPath}`}: ` +
        'install it (Debian: chromium) or set CHROMIUM to the path of one',
    )
  }
  const quiet = ['quic', 'background-networking', 'component-update', 'sync', 'gpu'].map((name) => `--disable-${name}`)
  return { executablePath: chromiumPath, args: ['--no-sandbox', '--no-first-run', ...quiet] }
}

export interface BrowserForFile {
  /** Opens a page in a browser without cookies, which closes after the test. */
  open(options?: BrowserContextOptions): Promise<Page>
  /** Opens another tab in the browser of a page. */
  tab(page: Page): Promise<Page>
  /** Console errors of the pages: scripts that failed, and violations of a Content Security Policy. */
  readonly complaints: string[]
}

/** Call this at the top of a file or suite. */
export function browserForFile(): BrowserForFile {
  let browser: Browser | undefined
  const complaints: string[] = []
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions())
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
      context.setDefaultTimeout(20_000)
      context.on('page', (page) => listen(page, complaints))
      return context.newPage()
    },
    tab: (page) => page.context().newPage(),
  }
}

/** Collects the errors of a page. */
export function listen(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A page with the status 403 is such an error too, but tests expect it.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
}

/** Saves a screenshot of the page for people to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../artifacts/${name}.png`, import.meta.url))
  await page.screenshot({ path, fullPage: true })
}
