/** OpenID Connect Front-Channel Logout 1.0 in a browser: frames in a page of the provider, which is another site. */
import { createServer } from 'node:http'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { close, listen, type TestApp } from '../support/app.ts'
import { browserForFile } from '../support/chromium.ts'
import { flow, told } from '../support/flow.ts'
import { fetched, shows, startPages } from './own-app.ts'

const clients = ['web', 'shop'].map((clientId) => ({ clientId, clientSecret: `${clientId}-secret` }))
const browser = browserForFile()
const world = flow({ clients })

/** An application on `localhost`; the provider is on 127.0.0.1, another site. Its cookie is one for frames. */
async function start(clientId: string, sameSite: 'none' | 'lax' = 'none'): Promise<TestApp & { site: string }> {
  const app = await startPages(world, {
    options: (url) => ({ ...world.provider.settings(clientId), baseUrl: url.replace('127.0.0.1', 'localhost') }),
    // Chromium takes a secure cookie on loopback as over https; express-session sends one only where it believes to be asked so.
    before(app) {
      app.set('trust proxy', true)
      app.use((req, _res, next) => {
        req.headers['x-forwarded-proto'] = 'https'
        next()
      })
    },
    session: { name: `${clientId}.sid`, cookie: { secure: true, sameSite } },
  })
  const site = app.url.replace('127.0.0.1', 'localhost')
  world.provider.registerLogout({ frontchannelLogoutUri: site + app.oidc.paths.frontchannelLogout }, clientId)
  return { ...app, site }
}

async function statusAt(page: Page, app: { site: string }): Promise<number> {
  await page.goto(`${app.site}/`)
  return (await fetched(page, '/profile')).status
}

it('a logout in one application ends the login of another, by a frame', async () => {
  const [web, shop] = [await start('web'), await start('shop')]
  const page = await browser.open()
  for (const app of [web, shop]) {
    await page.goto(`${app.site}/page/one`)
    await shows(page, 'page one', 'alice')
  }
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('hello stranger').waitFor()
  expect(page.url().startsWith(shop.site)).toBe(true)
  expect(told(web, 'logout')).toMatchObject([{ sub: 'alice', reason: 'front_channel' }])
  expect(told(shop, 'logout')).toMatchObject([{ sub: 'alice', reason: 'user' }])
  expect(await statusAt(page, web)).toBe(401)
  expect(browser.complaints).toEqual([])
})
