/** What users do that applications are rarely designed for: several tabs, the back button, reload, a double click. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserForFile } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { fetchTime, heading, logIn, logOut } from './demo-steps.ts'
import { fetched, shows, startPages } from './own-app.ts'

const browser = browserForFile()

describe('the demo in several tabs', () => {
  let main: MainProgram

  beforeAll(async () => {
    main = await startMain('examples/demo/main.js', { PORT: '0' })
  })
  afterAll(() => main.stop())

  async function choose(page: Page, user: RegExp): Promise<void> {
    await page.getByRole('button', { name: user }).click()
  }

  it('two overlapping logins in two tabs each end at their own page', { meta: { id: 'tabs-1' } }, async () => {
    const first = await browser.open()
    const second = await browser.tab(first)
    await first.goto(`${main.url}/members`)
    await heading(first, 'Who are you?')
    await second.goto(`${main.url}/admin`)
    await heading(second, 'Who are you?')
    await choose(first, /Alice/)
    await first.waitForURL(`${main.url}/members`)
    await heading(first, 'Members')
    await choose(second, /Alice/)
    await second.waitForURL(`${main.url}/admin`)
    await heading(second, 'Admin')
    for (const page of [first, second]) {
      await page.goto(main.url)
      await heading(page, 'Hello, Alice Arden')
    }
    expect(browser.complaints).toEqual([])
  })

  it('two overlapping logins in two tabs also work if the later one ends first', async () => {
    const first = await browser.open()
    const second = await browser.tab(first)
    await first.goto(`${main.url}/members`)
    await second.goto(`${main.url}/admin`)
    await choose(second, /Alice/)
    await heading(second, 'Admin')
    await choose(first, /Alice/)
    await heading(first, 'Members')
    expect((await second.reload())?.status()).toBe(200)
    await heading(second, 'Admin')
  })

  it('all tabs show the user who logged in last', async () => {
    const first = await browser.open()
    const second = await browser.tab(first)
    await first.goto(`${main.url}/members`)
    await second.goto(`${main.url}/members`)
    await choose(first, /Alice/)
    await heading(first, 'Members')
    await choose(second, /Bob/)
    await heading(second, 'Members')
    for (const page of [first, second]) {
      await page.goto(main.url)
      await heading(page, 'Hello, Bob Birch')
    }
  })

  it(
    'a reload after the login keeps the page, and the back button leads to no error',
    { meta: { id: 'tabs-2' } },
    async () => {
      const page = await browser.open()
      const statuses: number[] = []
      page.on('response', (response) => {
        if (response.url().startsWith(main.url)) statuses.push(response.status())
      })
      await page.goto(main.url)
      await logIn(page, 'Alice')
      await heading(page, 'Hello, Alice Arden')
      await page.reload()
      await heading(page, 'Hello, Alice Arden')
      await page.goBack()
      await page.goBack()
      await page.waitForURL(`${main.url}/`)
      await heading(page, 'Hello, Alice Arden')
      await page.goForward()
      await page.goForward()
      await heading(page, 'Hello, Alice Arden')
      expect(Math.max(...statuses)).toBeLessThan(400)
    },
  )

  it('a form at the provider that is submitted twice logs in', async () => {
    const page = await browser.open()
    await page.goto(`${main.url}/members`)
    const button = page.getByRole('button', { name: /Bob/ })
    const { x, y } = (await button.boundingBox()) ?? { x: 0, y: 0 }
    let sent = 0
    await page.route('**/interaction/*', async (route) => {
      if (route.request().method() !== 'POST' || ++sent > 1) return route.continue()
      // The second click comes during the response to the first one, which the browser drops.
      await route.fetch({ maxRedirects: 0 })
      await page.mouse.click(x + 10, y + 10)
    })
    await page.mouse.click(x + 10, y + 10)
    await heading(page, 'Members')
    expect(sent).toBe(2)
    await page.goto(main.url)
    await heading(page, 'Hello, Bob Birch')
  })

  it('a double click logs in', async () => {
    const page = await browser.open()
    await page.goto(main.url)
    await page.getByRole('main').getByRole('link', { name: 'Log in', exact: true }).dblclick()
    await heading(page, 'Who are you?')
    await page.getByRole('button', { name: /Alice/ }).dblclick()
    await heading(page, 'Hello, Alice Arden')
  })

  it('after a logout in another tab, a fetch gets 401 and a page redirects to a login', async () => {
    const first = await browser.open()
    await first.goto(main.url)
    await logIn(first, 'Alice')
    await heading(first, 'Hello, Alice Arden')
    expect(await fetchTime(first)).toBe('200 OK')
    const opened = first.waitForEvent('popup')
    await first.getByRole('button', { name: 'Log out in another tab' }).click()
    const second = await opened
    await second.waitForURL(`${main.url}/?**`)
    await heading(second, 'Log in to see what an application learns about you')
    // The first tab does not notice the logout.
    await heading(first, 'Hello, Alice Arden')
    expect(await fetchTime(first)).toBe('401 Unauthorized')
    await first.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Members' }).click()
    await heading(first, 'Who are you?')
    await choose(first, /Bob/)
    await first.waitForURL(`${main.url}/members`)
    await heading(first, 'Members')
    expect(browser.complaints).toEqual([])
  })

  it('the back button after a logout shows nothing of the login', async () => {
    const page = await browser.open()
    await page.goto(main.url)
    await logIn(page, 'Alice')
    await heading(page, 'Hello, Alice Arden')
    await page.goto(`${main.url}/members`)
    await logOut(page)
    await page.waitForURL(`${main.url}/?**`)
    await page.goBack()
    await heading(page, 'Who are you?')
  })
})

describe('an application in several tabs', () => {
  const world = flow()

  it('choosing another user after going back to the provider logs that user in, and opens the page', async () => {
    const app = await startPages(world)
    const page = await browser.open()
    world.provider.signIn(undefined)
    await page.goto(`${app.url}/start`)
    await page.getByRole('link', { name: 'One' }).click()
    await page.getByRole('button', { name: 'Alice Adams' }).click()
    await shows(page, 'page one', 'alice')
    // Like some providers, this one asks again within the same authorization request.
    world.provider.endSession('alice')
    await page.goBack()
    expect(new URL(page.url()).origin).toBe(world.provider.url)
    await page.getByRole('button', { name: 'Bob Brown' }).click()
    await page.waitForURL(`${app.url}/page/one`)
    expect(listEvents(app, 'login_failed')).toEqual([])
    await shows(page, 'page one', 'bob')
  })

  it('a second tab with the URL of a login in progress waits for it, and the code is used once', async () => {
    const app = await startPages(world)
    const page = await browser.open()
    const callbacks: string[] = []
    page.context().on('request', (request) => {
      if (request.url().startsWith(`${app.url}/callback?`)) callbacks.push(request.url())
    })
    const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
    const first = page.goto(`${app.url}/page/one`)
    await world.provider.waitForRequest('token')
    const duplicate = await browser.tab(page)
    const second = duplicate.goto(callbacks[0] ?? '')
    await expect.poll(() => callbacks.length).toBe(2)
    undo()
    await Promise.all([first, second])
    await shows(duplicate, 'page one', 'alice')
    await shows(page, 'page one', 'alice')
    expect(world.provider.requestsTo('token')).toHaveLength(1)
    expect(world.provider.requestsTo('authorize')).toHaveLength(1)
  })

  describe('six tabs that were sent to the provider', () => {
    async function sixTabs(url: string): Promise<Page[]> {
      world.provider.signIn(undefined)
      const first = await browser.open()
      const tabs = [first]
      for (let count = 1; count < 6; count++) tabs.push(await browser.tab(first))
      for (const [index, tab] of tabs.entries()) await tab.goto(`${url}/page/${index}`)
      return tabs
    }

    it('all six tabs end at their own pages', async () => {
      const app = await startPages(world)
      const tabs = await sixTabs(app.url)
      for (const [index, tab] of tabs.entries()) {
        await tab.getByRole('button', { name: 'Alice Adams' }).click()
        await shows(tab, `page ${index}`, 'alice')
      }
      expect(listEvents(app, 'login_failed')).toEqual([])
    })

    it('the oldest of six tabs does not restart its login', { meta: { id: 'tabs-3' } }, async () => {
      const app = await startPages(world)
      const [oldest] = (await sixTabs(app.url)) as [Page]
      await oldest.getByRole('button', { name: 'Alice Adams' }).click()
      await shows(oldest, 'page 0', 'alice')
      expect(world.provider.requestsTo('authorize')).toHaveLength(6)
      expect(listEvents(app, 'login_failed')).toEqual([])
    })
  })

  it('a logout in one tab logs out the other one', async () => {
    const app = await startPages(world)
    const first = await browser.open()
    await first.goto(`${app.url}/page/one`)
    const second = await browser.tab(first)
    await second.goto(`${app.url}/page/two`)
    await second.getByRole('button', { name: 'Log out' }).click()
    await second.getByText('hello stranger').waitFor()
    expect(await fetched(first, '/profile')).toMatchObject({ status: 401, body: { code: 'login_required' } })
    // A form in the tab that stayed open creates no order, and its page has a login link.
    await first.getByRole('button', { name: 'Order' }).click()
    await first.getByRole('heading', { name: 'Please log in' }).waitFor()
  })
})
