/**
 * The pages of the package in an application with helmet's defaults: their style applies, and their links and forms work.
 */
import { createServer } from 'node:http'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { close, listen } from '../support/app.ts'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { fetched, shows, startPages } from './own-app.ts'

const browser = browserForFile()
const world = flow()

/** Expects a page of the package: its title, and its style, which no Content Security Policy has blocked. */
async function expectOurs(page: Page, title: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor()
  expect(await page.title()).toBe(title)
  expect(await page.evaluate('getComputedStyle(document.querySelector("main")).maxWidth')).toBe('544px')
  const width = page.viewportSize()
  for (const narrow of [320, width?.width ?? 1100]) {
    await page.setViewportSize({ width: narrow, height: 800 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(narrow)
  }
  expect(browser.complaints).toEqual([])
}

describe.each([
  ['the default policy of helmet', {}],
  ['their own policy', false],
] as const)('pages of the package under %s', (policy, options) => {
  it('a logout form leads to the provider and back, through a page that continues by itself', async () => {
    const app = await startPages(world, {}, options)
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await shows(page, 'page one', 'alice')
    const answer = page.waitForResponse((response) => response.url() === `${app.url}/logout`)
    await page.getByRole('button', { name: 'Log out' }).click()
    const between = await answer
    expect(between.status()).toBe(200)
    expect(between.headers()['content-security-policy']).toContain("form-action 'self'")
    expect(between.headers()['content-security-policy']).toContain(policy === 'their own policy' ? 'sha256-' : 'https:')
    await page.waitForURL(`${app.url}/?state=*`)
    await page.getByText('hello stranger').waitFor()
    const [ended] = world.provider.requestsTo('end_session')
    expect(ended?.params.has('id_token_hint')).toBe(true)
    expect(browser.complaints).toEqual([])
    // Both logins have ended, so the provider asks for the user.
    world.provider.signIn(undefined)
    await page.goto(`${app.url}/page/one`)
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor()
  })

  it('the intermediate page has a link in case the browser does not continue by itself', async () => {
    const app = await startPages(world, {}, options)
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    const stopped = page.waitForEvent('requestfailed')
    await page.route(`${world.provider.url}/**`, (route) => route.abort('aborted'))
    await page.getByRole('button', { name: 'Log out' }).click()
    await stopped
    await expectOurs(page, 'One moment')
    await screenshot(page, 'page-one-moment')
    await page.unrouteAll()
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(`${app.url}/?state=*`)
    await page.getByText('hello stranger').waitFor()
  })

  it('another site cannot show the pages in a frame', async () => {
    const app = await startPages(world, {}, options)
    const page = await browser.open()
    const elsewhere = createServer((_req, res) => {
      res.setHeader('Content-Type', 'text/html')
      res.end(`<title>elsewhere</title><h1>Elsewhere</h1><iframe src="${app.url}/logout"></iframe>`)
    })
    world.later(() => close(elsewhere))
    const answer = page.waitForResponse(`${app.url}/logout`)
    await page.goto((await listen(elsewhere)).replace('127.0.0.1', 'localhost'))
    expect((await answer).headers()['content-type']).toContain('text/html')
    await expect.poll(() => page.frames().at(1)?.url()).toMatch(/^chrome-error:/)
    browser.complaints.length = 0
  })

  it('a missing role is answered with a 403 page', async () => {
    const app = await startPages(world, {}, options)
    world.provider.signIn('bob')
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await shows(page, 'page one', 'bob')
    const answer = await page.goto(`${app.url}/admins`)
    expect(answer?.status()).toBe(403)
    expect(answer?.request().redirectedFrom()).toBeNull()
    await expectOurs(page, 'You may not open this page')
    await screenshot(page, 'page-403')
  })

  it.each([
    ['the user cancels', 403, 'The login was canceled', 'page-cancelled'],
    ['the provider is down', 503, 'Please try again in a moment', 'page-503'],
  ] as const)('an error page appears when %s', async (what, status, title, name) => {
    const app = await startPages(world, {}, options)
    const page = await browser.open()
    if (what === 'the user cancels') world.provider.deny('access_denied', '<b>not</b> today')
    else await world.provider.stop()
    const answer = await page.goto(`${app.url}/page/one`)
    expect(answer?.status()).toBe(status)
    await expectOurs(page, title)
    await screenshot(page, name)
    expect(await page.locator('b').count()).toBe(0)
    if (status !== 403) return
    await page.getByText('<b>not</b> today').waitFor()
    await page.getByRole('link', { name: 'Log in again' }).click()
    await page.getByText('hello alice').waitFor()
  })
})

describe('pages of the package under the default policy of helmet', () => {
  it('a form without a login is answered with a 401 page that has a login link', async () => {
    const app = await startPages(world)
    const page = await browser.open()
    await page.goto(`${app.url}/start`)
    const answer = page.waitForResponse((response) => response.url() === `${app.url}/orders`)
    await page.getByRole('button', { name: 'Order' }).click()
    expect((await answer).status()).toBe(401)
    await expectOurs(page, 'Please log in')
    await screenshot(page, 'page-401')
    await page.getByRole('link', { name: 'Log in' }).click()
    // helmet's Referrer-Policy hides which page the form is on.
    await page.waitForURL(`${app.url}/`)
    await page.getByText('hello alice').waitFor()
  })

  it('with a Referrer-Policy of same-origin, the login link returns to the page of the form', async () => {
    const app = await startPages(world, {}, { referrerPolicy: { policy: 'same-origin' } })
    const page = await browser.open()
    await page.goto(`${app.url}/start?size=2`)
    await page.getByRole('button', { name: 'Order' }).click()
    await expectOurs(page, 'Please log in')
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.waitForURL(`${app.url}/start?size=2`)
    await shows(page, 'Start', 'alice')
    await page.getByRole('button', { name: 'Order' }).click()
    await shows(page, 'Ordered', 'alice')
  })

  it('a fetch without a login gets the login URL, and no redirect', { meta: { id: 'pages-1' } }, async () => {
    const app = await startPages(world)
    const page = await browser.open()
    await page.goto(`${app.url}/start`)
    expect(await fetched(page, '/profile')).toMatchObject({
      status: 401,
      body: { code: 'login_required', login: `${app.url}/login` },
    })
    expect(world.provider.requests).toEqual([])
    expect(await page.context().cookies(app.url)).toEqual([])
  })
})

describe('a link to the logout on another site', () => {
  it('a logout link on another site leads to a confirmation page, and only its button logs out', async () => {
    const app = await startPages(world)
    const elsewhere = createServer((_req, res) => {
      res.setHeader('Content-Type', 'text/html')
      res.end(
        `<title>elsewhere</title><h1>Elsewhere</h1><a href="${app.url}/logout">Win</a><img src="${app.url}/logout" alt="">` +
          `<form method="post" action="${app.url}/logout"><button>Win more</button></form>`,
      )
    })
    world.later(() => close(elsewhere))
    // `localhost` and `127.0.0.1` are two sites.
    const site = (await listen(elsewhere)).replace('127.0.0.1', 'localhost')
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await page.goto(site)
    await page.getByRole('link', { name: 'Win' }).click()
    await expectOurs(page, 'Log out?')
    await screenshot(page, 'page-logout-asked')
    expect(listEvents(app, 'logout')).toEqual([])

    await page.goto(site)
    await page.getByRole('button', { name: 'Win more' }).click()
    await expectOurs(page, 'This request was refused')
    await page.goto(`${app.url}/page/one`)
    await shows(page, 'page one', 'alice')
    expect(listEvents(app, 'logout')).toEqual([])

    await page.goto(site)
    await page.getByRole('link', { name: 'Win' }).click()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('hello stranger').waitFor()
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'user' }])
  })

  it('a logout URL that the user typed logs out immediately', async () => {
    const app = await startPages(world)
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await page.goto(`${app.url}/logout`)
    await page.getByText('hello stranger').waitFor()
  })
})
