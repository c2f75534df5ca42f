/** Browsers and applications whose cookies are not returned. A page explains why; the browser never loops. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestHandler } from 'express'
import { chromium, type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { browserForFile, launchOptions, screenshot } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { shows, startPages } from './own-app.ts'

const browser = browserForFile()
const world = flow()

async function title(page: Page): Promise<string | null> {
  return page.getByRole('heading', { level: 1 }).textContent()
}

/** Acts like a proxy that drops `Set-Cookie`. */
const withoutSetCookie: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res) as (status: number) => typeof res
  res.writeHead = (status: number) => {
    res.removeHeader('set-cookie')
    return writeHead(status)
  }
  next()
}

describe('a browser that blocks all cookies', () => {
  it(
    'the login restarts once without cookies, then a page names the likely causes',
    { meta: { id: 'cookies-1' } },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'no-cookies-'))
      world.later(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
      await mkdir(join(folder, 'Default'))
      const block = 2
      const preferences = { profile: { default_content_setting_values: { cookies: block } } }
      await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
      const context = await chromium.launchPersistentContext(folder, launchOptions())
      world.later(() => context.close())
      const app = await startPages(world)
      const page = await context.newPage()
      const answer = await page.goto(`${app.url}/page/one`)
      expect(answer?.status()).toBe(400)
      expect(await context.cookies()).toEqual([])
      expect(await title(page)).toBe('The login could not be completed')
      await page.getByText('Cookies may be blocked').waitFor()
      await screenshot(page, 'page-cookies-blocked')
      expect(world.provider.requestsTo('authorize')).toHaveLength(2)
      expect(world.provider.requestsTo('token')).toHaveLength(0)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'transaction_missing' }])
      // Another attempt does not loop either.
      await page.getByRole('link', { name: 'Log in again' }).click()
      await expect.poll(() => listEvents(app, 'login_failed').length).toBe(2)
      expect(world.provider.requestsTo('authorize')).toHaveLength(4)
    },
  )
})

describe('a session cookie that is not stored', () => {
  it.each([
    ['a secure cookie over http', { secure: true }],
    ['a cookie of another domain', { domain: 'app.example.com' }],
  ])('%s ends in an explanatory page, within the redirects of one navigation', async (_what, cookie) => {
    const app = await startPages(world, { session: { cookie: { sameSite: 'lax', ...cookie } } })
    const page = await browser.open()
    const answer = await page.goto(`${app.url}/page/one`)
    expect(answer?.status()).toBe(400)
    await page.getByText('does not keep the session').waitFor()
    await screenshot(page, 'page-login-loop')
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'login_loop' }])
    expect(world.provider.requestsTo('token')).toHaveLength(6)
  })
})

describe('a page under a host name other than that of baseUrl', () => {
  it('a login begun under another host name restarts once under the host of baseUrl, and completes', async () => {
    const app = await startPages(world, { options: (url) => ({ baseUrl: url.replace('127.0.0.1', 'localhost') }) })
    const right = app.url.replace('127.0.0.1', 'localhost')
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await page.waitForURL(`${right}/page/one`)
    await shows(page, 'page one', 'alice')
    expect(world.provider.requestsTo('authorize')).toHaveLength(2)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
    expect(listEvents(app, 'login_failed')).toEqual([])
  })

  it('if the host of baseUrl loses its cookies too, the error page and the log name that host', async () => {
    const app = await startPages(world, {
      before: (app) => void app.use(withoutSetCookie),
      options: (url) => ({ baseUrl: url.replace('127.0.0.1', 'localhost') }),
    })
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await page.getByText('at another host, or at http: instead of https:').waitFor()
    await screenshot(page, 'page-another-address')
    const [failed] = listEvents(app, 'login_failed')
    expect(failed?.['code']).toBe('transaction_missing')
    const right = app.url.replace('127.0.0.1', 'localhost')
    expect(failed?.['detail']).toContain(`did not start at ${right}, but at another host`)
    expect(await page.locator('main').innerText()).toContain(right)
  })
})

describe('form_post over plain http on loopback', () => {
  // The cookies are SameSite=None and Secure, which Chromium accepts on loopback as over https. The cookie of `localhost`
  // returns with a cross-site request, because the provider is on 127.0.0.1.
  it.each(['localhost', '127.0.0.1'])('a form_post login works on %s', async (host) => {
    const app = await startPages(world, {
      options: (url) => ({ responseMode: 'form_post', baseUrl: url.replace('127.0.0.1', host) }),
    })
    const url = app.url.replace('127.0.0.1', host)
    const page = await browser.open()
    const methods: string[] = []
    page.on('request', (request) => {
      if (request.url().startsWith(`${url}/callback`)) methods.push(request.method())
    })
    await page.goto(`${url}/page/one`)
    await page.waitForURL(`${url}/page/one`)
    await shows(page, 'page one', 'alice')
    expect(methods).toEqual(['POST', 'GET'])
    expect(browser.complaints).toEqual([])
  })
})
