/** Public pages that show who is logged in at the provider. */
import type { Express } from 'express'
import type { Oidc } from 'express-session-oidc'
import { expect, it } from 'vitest'
import { browserForFile } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { pages, shows } from './own-app.ts'

const browser = browserForFile()
const world = flow()

function routes(app: Express, oidc: Oidc): void {
  app.use('/start', oidc.trySilentLogin())
  pages(app, oidc)
}

function attempts(): number {
  return world.provider.requestsTo('authorize').length
}

it('a public page shows the user who is logged in at the provider, and asks only once if nobody is', async () => {
  const first = await world.start({ routes })
  const known = await browser.open()
  await known.goto(`${first.url}/page/one`)
  await shows(known, 'page one', 'alice')
  world.provider.signIn(undefined)

  // Another application, which this browser has never visited. Cookies ignore ports but not host names.
  const app = await world.start({ routes, options: (url) => ({ baseUrl: url.replace('127.0.0.1', 'localhost') }) })
  const url = app.url.replace('127.0.0.1', 'localhost')
  world.provider.forget()
  await known.goto(`${url}/start?tab=1`)
  expect(known.url()).toBe(`${url}/start?tab=1`)
  await shows(known, 'Start', 'alice')
  expect(attempts()).toBe(1)
  await known.reload()
  await shows(known, 'Start', 'alice')

  world.provider.forget()
  const stranger = await browser.open()
  await stranger.goto(`${url}/start?tab=1`)
  expect(stranger.url()).toBe(`${url}/start?tab=1`)
  await shows(stranger, 'Start', 'nobody')
  await stranger.goto(`${url}/start`)
  await shows(stranger, 'Start', 'nobody')
  expect(attempts()).toBe(1)
  await stranger.context().clearCookies({ name: /silent/ })
  await stranger.goto(`${url}/start`)
  expect(attempts()).toBe(2)
  expect(listEvents(app, 'login_failed')).toEqual([])
  expect(browser.complaints).toEqual([])
})
