/** The demo as `npm start` runs it: in a process of its own, in a real browser, with sessions in memory and in Redis. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { redisForFile } from '../support/redis.ts'
import { fetchTime, heading, logIn, logOut } from './demo-steps.ts'

const browser = browserForFile()
const redis = redisForFile()

describe.each([
  ['memory', (): Record<string, string> => ({})],
  ['Redis', (): Record<string, string> => ({ REDIS_URL: inject('redisUrl') })],
])('the demo with its sessions in %s', (store, env) => {
  let main: MainProgram

  beforeAll(async () => {
    main = await startMain('examples/demo/main.js', { PORT: '0', ...env() })
  })
  afterAll(() => main.stop())

  async function opened(path = '/'): Promise<Page> {
    const page = await browser.open()
    await page.goto(main.url + path)
    return page
  }

  it('the demo prints exactly one URL', () => {
    expect(main.printed().match(/http:\/\/\S+/g)).toEqual([main.url])
    expect(main.url).toMatch(/^http:\/\/localhost:\d+$/)
  })

  it('Alice logs in, opens the page for her role, grants one more scope, fetches and logs out', async () => {
    const page = await opened()
    await heading(page, 'Log in to see what an application learns about you')
    await page.getByText(`Sessions: ${store}`).waitFor()
    await logIn(page, 'Alice')
    await page.waitForURL(`${main.url}/`)
    await heading(page, 'Hello, Alice Arden')
    expect(await page.locator('#email').textContent()).toBe('alice@example.com')
    expect(await page.locator('#issuer').textContent()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await page.locator('#roles li').allTextContents()).toEqual(['admin', 'user'])
    expect(await page.locator('#scopes li').allTextContents()).toEqual(['openid', 'profile', 'email'])
    await page.getByRole('row', { name: /^sub .* alice$/ }).waitFor()
    // Nothing that a script could read, and no token in any cookie.
    expect(await page.evaluate('document.cookie')).toBe('')
    const cookies = await page.context().cookies(main.url)
    const names = cookies.map(({ name }) => name.replace(/^oidc\.[\w-]{8}\./, 'oidc.*.'))
    expect(names.toSorted()).toEqual(['demo.sid', 'oidc.*.finished', 'oidc.mark'])
    expect(cookies.map(({ value }) => value).join()).not.toContain('eyJ')

    for (const name of ['Members', 'Admin']) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click()
      await heading(page, name)
    }

    await page.goto(main.url)
    await page.getByRole('link', { name: 'Request calendar.read' }).click()
    await heading(page, 'Allow access?')
    await page.getByText('Read your calendar').waitFor()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${main.url}/#scope`)
    await page.getByRole('region', { name: 'One more scope' }).getByText('granted').waitFor()
    expect(await page.locator('#scopes li').allTextContents()).toContain('calendar.read')

    expect(await fetchTime(page)).toBe('200 OK')
    expect(await page.locator('#answer').textContent()).toContain('"user": "alice"')

    await logOut(page)
    await page.waitForURL(`${main.url}/?**`)
    await heading(page, 'Log in to see what an application learns about you')
    expect(await fetchTime(page)).toBe('401 Unauthorized')
    expect(await page.locator('#answer').textContent()).toContain(`"login": "${main.url}/login`)
    expect(browser.complaints).toEqual([])
  })

  it('a guarded page leads to a login and back; after a logout it asks for a login again', async () => {
    const page = await opened('/admin')
    await page.getByRole('button', { name: /Alice/ }).click()
    await page.waitForURL(`${main.url}/admin`)
    await heading(page, 'Admin')
    await logOut(page)
    await page.waitForURL(`${main.url}/?**`)
    await page.goto(`${main.url}/admin`)
    await heading(page, 'Who are you?')
    expect(browser.complaints).toEqual([])
  })

  it('Bob gets 403 for a page whose role he lacks, without a redirect to the provider', async () => {
    const page = await opened()
    await logIn(page, 'Bob')
    await heading(page, 'Hello, Bob Birch')
    await page.getByRole('listitem').filter({ hasText: 'Admin' }).getByText('403 for you').waitFor()
    const visited: string[] = []
    page.on('request', (request) => visited.push(new URL(request.url()).origin))
    const refused = await page.goto(`${main.url}/admin`)
    expect(refused?.status()).toBe(403)
    expect(refused?.request().redirectedFrom()).toBeNull()
    await heading(page, 'You may not open this page')
    expect((await page.reload())?.status()).toBe(403)
    expect(new Set(visited)).toEqual(new Set([main.url]))
    expect((await page.goto(`${main.url}/members`))?.status()).toBe(200)
    await heading(page, 'Members')
    expect(browser.complaints).toEqual([])
  })

  it('Bob refuses a scope, is shown that the login was canceled, and stays logged in', async () => {
    const page = await opened()
    await logIn(page, 'Bob')
    await page.getByRole('link', { name: 'Request calendar.read' }).click()
    const answered = page.waitForResponse((response) => response.url().startsWith(`${main.url}/callback`))
    await page.getByRole('button', { name: 'Refuse' }).click()
    expect((await answered).status()).toBe(403)
    await heading(page, 'The login was canceled')
    if (store === 'memory') await screenshot(page, 'demo-scope-refused')
    await page.goto(main.url)
    await heading(page, 'Hello, Bob Birch')
    expect(await page.locator('#scopes li').allTextContents()).toEqual(['openid', 'profile', 'email'])
    expect(browser.complaints).toEqual([])
  })

  it('a user who cancels the login gets a page with a link for another try', async () => {
    const page = await opened('/members')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await heading(page, 'The login was canceled')
    await page.getByRole('link', { name: 'Log in again' }).click()
    await page.getByRole('button', { name: /Bob/ }).click()
    await heading(page, 'Hello, Bob Birch')
  })

  it('keeps its sessions in the configured store, and deletes them at the logout', async () => {
    const page = await opened()
    await logIn(page, 'Alice')
    await heading(page, 'Hello, Alice Arden')
    const cookie = (await page.context().cookies(main.url)).find(({ name }) => name === 'demo.sid')
    const sid = /^s:([\w-]+)\./.exec(decodeURIComponent(cookie?.value ?? ''))?.[1] ?? 'none'
    const of = async (): Promise<string[]> => redis.client.keys(`*${sid}*`)
    expect((await of()).length > 0).toBe(store === 'Redis')
    await logOut(page)
    await page.waitForURL(`${main.url}/?**`)
    expect(await of()).toEqual([])
  })
})

it('the demo exits with 0 when it is stopped', async () => {
  const main = await startMain('examples/demo/main.js', { PORT: '0' })
  const page = await browser.open()
  await page.goto(main.url)
  expect(await main.stop()).toBe(0)
})
