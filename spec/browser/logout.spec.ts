/** What remains of the user in other tabs and behind the back button after a logout. */
import { chromium, type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { browserForFile, launchOptions, listen } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { fetched, pages, shows, startPages } from './own-app.ts'

const browser = browserForFile()
const world = flow()

/** Logs out on a page of the application, and returns to its first page. */
async function logOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('hello stranger').waitFor()
  world.provider.signIn(undefined)
}

/** Goes back with `history.back()`, because Playwright waits for a load event that a page from the cache does not have. */
async function goBack(page: Page, to: string): Promise<void> {
  await Promise.all([
    page.waitForURL(to, { waitUntil: 'commit' }),
    page.evaluate('void history.back()').catch(() => {}),
  ])
}

describe('another tab after a logout in the first one', () => {
  it('after a logout in another tab, a fetch gets 401 with the login URL, and a page redirects there', async () => {
    const app = await startPages(world)
    const first = await browser.open()
    await first.goto(`${app.url}/page/one`)
    const second = await browser.tab(first)
    await second.goto(`${app.url}/page/two`)
    await shows(second, 'page two', 'alice')
    expect(await fetched(second, '/profile')).toMatchObject({ status: 200 })
    await logOut(first)

    // The open page does not notice the logout.
    await shows(second, 'page two', 'alice')
    expect(await fetched(second, '/profile')).toMatchObject({
      status: 401,
      body: { code: 'login_required', login: `${app.url}/login` },
    })
    await second.getByRole('link', { name: 'One' }).click()
    await second.getByRole('heading', { name: 'Who are you?' }).waitFor()
    await second.getByRole('button', { name: 'Bob Brown' }).click()
    await shows(second, 'page one', 'bob')
    // The reverse works too: the tab of the logout sees the later login.
    expect(await fetched(first, '/profile')).toMatchObject({ status: 200, body: { user: { sub: 'bob' } } })
    expect(browser.complaints).toEqual([])
  })

  it('after the application ends the login, a fetch gets 401 with the login URL', async () => {
    const store = world.store()
    const app = await startPages(world, { session: { store }, options: { sessionStore: store } })
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBe(1)
    expect(await fetched(page, '/profile')).toMatchObject({ status: 401, body: { login: `${app.url}/login` } })
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'application' }])
  })
})

describe('the back button after a logout', () => {
  it('the back button leads to a login if pages are not stored', async () => {
    const app = await startPages(world)
    const page = await browser.open()
    await page.goto(`${app.url}/page/one`)
    await shows(page, 'page one', 'alice')
    await logOut(page)
    await page.goBack()
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('the back button leads to a login in a browser with a back/forward cache too', async () => {
    const app = await startPages(world)
    // Playwright disables this cache, because it does not help in tests.
    const own = await chromium.launch({ ...launchOptions(), ignoreDefaultArgs: ['--disable-back-forward-cache'] })
    world.later(() => own.close())
    const context = await own.newContext()
    context.setDefaultTimeout(20_000)
    context.on('page', (page) => listen(page, browser.complaints))
    const page = await context.newPage()
    await page.goto(`${app.url}/page/one`)
    // Shows that the cache works; otherwise this test would repeat the one above.
    const other = await context.newPage()
    await other.goto(`${app.url}/page/one`)
    await other.evaluate('globalThis.isKept = true')
    await other.goto(`${app.url}/page/two`)
    await goBack(other, `${app.url}/page/one`)
    expect(await other.evaluate('globalThis.isKept')).toBe(true)

    await logOut(page)
    await goBack(page, `${world.provider.url}/authorize?**`)
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('the back button shows a page that the browser was allowed to store, but its fetch gets 401', async () => {
    const app = await startPages(world, {
      routes(app, oidc) {
        pages(app, oidc)
        app.get('/stored', oidc.requireAuth(), (req, res) => {
          const form = `<form method="post" action="${oidc.paths.logout}"><button>Log out</button></form>`
          res.send(`<!doctype html><title>stored</title><h1>stored</h1><p>You are ${oidc.user(req).sub}.</p>${form}`)
        })
      },
    })
    const page = await browser.open()
    await page.goto(`${app.url}/stored`)
    await logOut(page)
    await page.goBack()
    await shows(page, 'stored', 'alice')
    // It is only an old copy of the page.
    expect(await fetched(page, '/profile')).toMatchObject({ status: 401 })
  })
})
