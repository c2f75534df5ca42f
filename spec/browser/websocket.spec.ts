/** `examples/websocket` as users see it: a chat for users who are logged in, closed to pages of other origins. */
import { createServer, type Server } from 'node:http'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { close, listen } from '../support/app.ts'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain, type MainProgram } from '../support/main-program.ts'
import { heading, logIn, logOut } from './demo-steps.ts'

const browser = browserForFile()
let main: MainProgram
let foreign: Server
let foreignUrl: string

beforeAll(async () => {
  main = await startMain('examples/websocket/main.js', { PORT: '0' })
  foreign = createServer((_req, res) => {
    res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Foreign</title><h1>Foreign</h1>')
  })
  // The same site, for which SameSite=Lax sends the cookies. Only the origin distinguishes the two.
  foreignUrl = (await listen(foreign)).replace('127.0.0.1', 'localhost')
})
afterAll(async () => {
  await main.stop()
  await close(foreign)
})

/** Messages of Chromium for a handshake that is answered with 401, and with 403. */
const notLoggedIn = 'HTTP Authentication failed; no valid credentials available'
const notAllowed = 'Unexpected response code: 403'

let page: Page
beforeEach(async () => {
  page = await browser.open()
})

async function state(of: Page, text: string): Promise<void> {
  await of.locator('#state').getByText(text, { exact: true }).waitFor()
}

async function logInAs(of: Page, name: string): Promise<void> {
  await of.goto(main.url)
  await heading(of, 'You are not logged in')
  await logIn(of, name)
  await state(of, 'Connected')
}

async function say(of: Page, text: string): Promise<void> {
  await of.getByLabel('Say').fill(text)
  await of.getByRole('button', { name: 'Send' }).click()
}

async function hears(of: Page, text: string): Promise<void> {
  await of.locator('#chat li').getByText(text, { exact: true }).first().waitFor()
}

/** Opens a WebSocket from a script of the page, with the browser's cookies, and returns the outcome. */
function opens(of: Page): Promise<string> {
  const url = `${main.url.replace('http', 'ws')}/chat`
  return of.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket(${JSON.stringify(url)})
    socket.onopen = () => resolve('open')
    socket.onerror = () => resolve('refused')
  })`)
}

it('the example refuses a WebSocket without a login, and the page says so', async () => {
  await page.goto(main.url)
  await heading(page, 'You are not logged in')
  await state(page, 'Refused: not logged in, or the server is down')
  expect(browser.complaints).toEqual([expect.stringContaining(notLoggedIn)])
})

it('two users chat, each under the name from their login', async () => {
  await logInAs(page, 'Alice')
  const other = await browser.open()
  await logInAs(other, 'Bob')
  await say(page, 'Hello')
  await hears(other, 'Alice Adams: Hello')
  await say(other, 'Hello yourself')
  await hears(page, 'Bob Brown: Hello yourself')
  await screenshot(page, 'websocket-chat')
  expect(browser.complaints.filter((text) => !text.includes(notLoggedIn))).toEqual([])
})

it('the example accepts a client with an access token, as the printed command sends it', async () => {
  await logInAs(page, 'Alice')
  await expect.poll(() => main.printed()).toContain('node examples/websocket/client.js')
  const token = /^TOKEN=(\S+)/m.exec(main.printed())?.[1] ?? ''
  const client = new WebSocket(`${main.url.replace('http', 'ws')}/chat`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  client.send('Hello from a shell')
  await hears(page, 'bob: Hello from a shell')
  client.close()
})

it('a page of another origin cannot open a WebSocket, although the browser sends the session cookie', async () => {
  await logInAs(page, 'Alice')
  const tab = await browser.tab(page)
  await tab.goto(foreignUrl)
  await heading(tab, 'Foreign')
  expect(await opens(tab)).toBe('refused')
  expect(browser.complaints.at(-1)).toContain(notAllowed)
  // The page's origin matters: the same script on a page of the application gets in.
  await tab.goto(main.url)
  await state(tab, 'Connected')
  expect(await opens(tab)).toBe('open')
})

it('a page loaded before a logout cannot open a WebSocket, in any tab', async () => {
  await logInAs(page, 'Alice')
  const tab = await browser.tab(page)
  await tab.goto(main.url)
  await state(tab, 'Connected')
  await logOut(page)
  await heading(page, 'You are not logged in')
  expect(await opens(tab)).toBe('refused')
  expect(browser.complaints.at(-1)).toContain(notLoggedIn)
})
