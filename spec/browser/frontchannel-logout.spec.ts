/** OpenID Connect Front-Channel Logout 1.0 in a browser: frames in a page of the provider, which is another site. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { close, listen, type TestApp } from '../support/app.ts'
import { browserForFile, launchOptions, listen as listenTo } from '../support/chromium.ts'
import { flow, listEvents } from '../support/flow.ts'
import { fetched, shows, startPages } from './own-app.ts'

const clients = ['web', 'shop'].map((clientId) => ({ clientId, clientSecret: `${clientId}-secret` }))
const browser = browserForFile()
const world = flow({ clients })

interface Site extends TestApp {
  /** Its URL for the browser. */
  readonly site: string
}

/**
 * An application on `localhost`, so that the provider on 127.0.0.1 is another site. Chromium accepts a secure cookie on
 * loopback as over https; express-session sends one only if the request counts as secure.
 */
async function start(clientId: string, sameSite: 'none' | 'lax' = 'none'): Promise<Site> {
  const app = await startPages(world, {
    options: (url) => ({ ...world.provider.settings(clientId), baseUrl: url.replace('127.0.0.1', 'localhost') }),
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
  const { frontchannelLogout } = app.oidc.paths
  world.provider.registerLogout({ frontchannelLogoutUri: site + frontchannelLogout }, clientId)
  world.later(() => world.provider.registerLogout({ frontchannelLogoutUri: undefined }, clientId))
  return { ...app, site }
}

/** A browser with a profile that allows or blocks cookies in frames of other sites. */
async function openProfile(thirdParties: 'allowed' | 'blocked'): Promise<Page> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'))
  world.later(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await mkdir(join(folder, 'Default'))
  const preferences = { profile: { cookie_controls_mode: thirdParties === 'allowed' ? 0 : 1 } }
  await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
  const context = await chromium.launchPersistentContext(folder, launchOptions())
  world.later(() => context.close())
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  listenTo(page, browser.complaints)
  return page
}

async function logIn(page: Page, ...apps: Site[]): Promise<void> {
  for (const app of apps) {
    await page.goto(`${app.site}/page/one`)
    await shows(page, 'page one', 'alice')
  }
}

/** Logs out at the application of this page. */
async function logOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('hello stranger').waitFor()
}

async function statusAt(page: Page, { site }: Site): Promise<number> {
  await page.goto(`${site}/start`)
  return (await fetched(page, '/profile')).status
}

describe('a logout in one application', () => {
  it('ends the login of another application through a frame', async () => {
    const [web, shop] = [await start('web'), await start('shop')]
    const page = await openProfile('allowed')
    await logIn(page, web, shop)
    await logOut(page)
    expect(new URL(page.url()).origin).toBe(shop.site)
    expect(listEvents(web, 'logout')).toMatchObject([{ sub: 'alice', reason: 'front_channel' }])
    expect(listEvents(shop, 'logout')).toMatchObject([{ sub: 'alice', reason: 'user' }])
    expect(await statusAt(page, web)).toBe(401)
    expect(browser.complaints).toEqual([])
  })

  it.each<[string, () => Promise<Page>, 'none' | 'lax']>([
    ['in a browser that blocks cookies in frames of other sites', () => openProfile('blocked'), 'none'],
    ['in a private window', () => browser.open(), 'none'],
    ['with a session cookie that frames do not get', () => openProfile('allowed'), 'lax'],
  ])('does not end the login of another application %s', async (_what, open, sameSite) => {
    const [web, shop] = [await start('web', sameSite), await start('shop', sameSite)]
    const page = await open()
    await logIn(page, web, shop)
    const framed = page.waitForResponse((response) => response.url().startsWith(`${web.site}/frontchannel-logout?`))
    await logOut(page)
    expect((await framed).status()).toBe(200)
    expect(listEvents(web, 'logout')).toEqual([])
    expect(await statusAt(page, web)).toBe(200)
    expect(browser.complaints).toEqual([])
  })
})

describe('another site that frames the logout URL', () => {
  it('another site that frames the logout URL sees nothing, and ends no login without its session', async () => {
    const web = await start('web')
    const page = await openProfile('allowed')
    await logIn(page, web)
    const query = new URLSearchParams({ iss: world.provider.issuer, sid: 'guessed' })
    const frame = `${web.site}/frontchannel-logout?${query.toString()}`
    const elsewhere = createServer((_req, res) => {
      res.setHeader('Content-Type', 'text/html')
      res.end(`<!doctype html><title>Elsewhere</title><iframe src="${frame.replaceAll('&', '&amp;')}"></iframe>`)
    })
    world.later(() => close(elsewhere))
    const answer = page.waitForResponse(frame)
    // The host of the provider, but not its origin.
    await page.goto(await listen(elsewhere))
    expect((await answer).status()).toBe(200)
    await expect.poll(() => page.frames().at(1)?.url()).toMatch(/^chrome-error:/)
    expect(browser.complaints.join()).toContain(`frame-ancestors ${world.provider.url}`)
    browser.complaints.length = 0
    expect(listEvents(web, 'logout')).toEqual([])
    expect(await statusAt(page, web)).toBe(200)
  })
})
