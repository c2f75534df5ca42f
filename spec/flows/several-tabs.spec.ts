/**
 * A browser in which several logins are in progress at once. Each tab ends at its page, the cookies stay small, and the
 * visitor's cart stays, whenever it was filled.
 */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { secret } from '../support/app.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { listTransactions, publicOrigin, readLocation } from '../support/flow.ts'
import {
  authorizeTabs,
  beginInTabs,
  changePerson,
  comeBack,
  countCookieBytes,
  countRestarts,
  openBrowser,
  openTab,
  openTabs,
  tabsOfFile,
  whoHas,
  type Tab,
} from '../support/tabs.ts'
import { shuffle } from '../support/shuffle.ts'

const { world, partner, start } = tabsOfFile()

/** A page whose path and query have this many bytes. */
function longPage(index: number, bytes: number): string {
  return `/pages/${index}?q=`.padEnd(bytes, 'x')
}

/** Most bytes of cookies while logins are in progress, and after the next one begins. */
const mostAtPeak = 4096
const mostAfterwards = 2048

const cookieNames = ['connect.sid', '__Host-sid']

describe.each(cookieNames)('tabs that open at once, with the session cookie %s', (cookie) => {
  it.each([2, 12, 24])('each of %d tabs with a long path ends at its page, and the cart stays', async (count) => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    const pages = Array.from({ length: count }, (_, index) => longPage(index, 250))
    const tabs = await openTabs(agent, pages)
    expect(countCookieBytes(agent)).toBeLessThanOrEqual(mostAtPeak)
    expect(listTransactions(agent)).toHaveLength(count)
    for (const tab of shuffle(tabs)) {
      const page = await comeBack(agent, tab)
      expect({ url: page.url, restarts: countRestarts(page) }).toEqual({ url: publicOrigin + tab.page, restarts: 0 })
      expect(page.status).toBe(200)
    }
    expect(listTransactions(agent)).toEqual([])
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it('of 50 tabs, those beyond the latest 24 begin their login once more, and no request is too large', async () => {
    stopClocks()
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    const pages = Array.from({ length: 50 }, (_, index) => longPage(index, 250))
    const waiting = await beginInTabs(agent, pages)
    expect(listTransactions(agent)).toHaveLength(50)
    expect(countCookieBytes(agent)).toBeLessThanOrEqual(mostAtPeak)
    passMs(61_000)
    waiting.push(...(await beginInTabs(agent, [longPage(50, 250)])))
    expect(countCookieBytes(agent)).toBeLessThanOrEqual(mostAfterwards)
    expect(listTransactions(agent)).toHaveLength(24)
    let restarts = 0
    for (const tab of shuffle(await authorizeTabs(agent, waiting))) {
      const page = await comeBack(agent, tab)
      expect({ url: page.url, status: page.status }).toEqual({ url: publicOrigin + tab.page, status: 200 })
      expect(countRestarts(page)).toBeLessThanOrEqual(1)
      restarts += countRestarts(page)
    }
    // A tab whose cookie is gone begins a login only if no other tab has finished one by then.
    expect(restarts).toBeLessThanOrEqual(1)
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it('tabs whose pages are longer than `state` end at their path, and the last of them at its whole page', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    const tabs = await openTabs(
      agent,
      Array.from({ length: 12 }, (_, index) => longPage(index, 2000)),
    )
    expect(countCookieBytes(agent)).toBeLessThanOrEqual(mostAtPeak)
    const pages: string[] = []
    for (const tab of tabs) pages.push((await comeBack(agent, tab)).url.replace(publicOrigin, ''))
    expect(pages.filter((page) => page.length === 2000)).toHaveLength(1)
    expect(pages.map((page) => page.split('?')[0])).toEqual(tabs.map(({ page }) => page.split('?')[0]))
    const lost = app.events.filter(({ event }) => (event as { isPageLost?: boolean }).isPageLost === true)
    expect(lost).toHaveLength(11)
  })

  it('tabs that come back at the same moment end at their pages', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    const tabs = await openTabs(
      agent,
      Array.from({ length: 12 }, (_, index) => `/pages/${index}`),
    )
    const pages = await Promise.all(tabs.map((tab) => comeBack(agent, tab)))
    expect(pages.map(({ url }) => url)).toEqual(tabs.map(({ page }) => publicOrigin + page))
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it('tabs of a logged-in user that come back at the same moment from the same step-up end at their pages', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/pages/first')
    await agent.get('/cart/tv')
    const tabs = await openTabs(
      agent,
      Array.from({ length: 6 }, (_, index) => `/login?returnTo=/pages/${index}`),
    )
    const pages = await Promise.all(tabs.map((tab) => comeBack(agent, tab)))
    expect(pages.map(({ url }) => url)).toEqual(tabs.map((_, index) => `${publicOrigin}/pages/${index}`))
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })
})

describe.each(cookieNames)('a visitor with a cart, with the session cookie %s', (cookie) => {
  const moments: [string, (agent: UserAgent) => Promise<void>, (agent: UserAgent) => Promise<void>][] = [
    ['before the login', async (agent) => void (await agent.get('/cart/tv')), async () => {}],
    ['during the login', async () => {}, async (agent) => void (await agent.get('/cart/tv'))],
    [
      'before the login, and the application regenerates the session during it',
      async (agent) => void (await agent.get('/cart/tv')),
      async (agent) => void (await agent.get('/regenerate')),
    ],
    [
      'before the login, and the application regenerates the session twice during it',
      async (agent) => void (await agent.get('/cart/tv')),
      async (agent) => {
        await agent.get('/regenerate')
        await agent.get('/regenerate')
      },
    ],
  ]

  it.each(moments)('a cart that was filled %s stays', async (_when, before, during) => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await before(agent)
    const tab = await openTab(agent, '/pages/one')
    await during(agent)
    await comeBack(agent, tab)
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it('a cart that was filled in another tab between two logins that are in progress stays', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    const tabs = await openTabs(agent, ['/pages/one'])
    await agent.get('/cart/tv')
    tabs.push(...(await openTabs(agent, ['/pages/two'])))
    for (const tab of shuffle(tabs)) await comeBack(agent, tab)
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it('a login that takes 20 minutes at the provider begins once more, with its parameters, and the cart stays', async () => {
    stopClocks()
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    const tab = await openTab(agent, '/pages/one?long=yes')
    passMs(20 * 60_000)
    const page = await comeBack(agent, tab)
    expect({ url: page.url, restarts: countRestarts(page) }).toEqual({
      url: `${publicOrigin}/pages/one?long=yes`,
      restarts: 1,
    })
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })
})

describe.each(cookieNames)('a second provider beside the first, with the session cookie %s', (cookie) => {
  it('a login with the second provider keeps the login with the first, and the cart', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    await agent.get('/login')
    partner().signIn('bob')
    await agent.get('/partner/login')
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: 'bob', cart: 'tv' })
  })

  it.each([
    ['in the order in which they began', false],
    ['in the other order', true],
  ])('logins that begin in two tabs of a new browser and finish %s are both kept', async (_order, isReversed) => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    const tabs = await openTabs(agent, ['/login', '/partner/login'])
    for (const tab of isReversed ? tabs.toReversed() : tabs) await comeBack(agent, tab)
    expect(await whoHas(agent)).toMatchObject({ default: 'alice', partner: 'alice' })
  })

  it('after nine logins with the first provider, the tab of the second one still keeps all', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/cart/tv')
    const tabs = await openTabs(
      agent,
      Array.from({ length: 9 }, (_, index) => `/pages/${index}`),
    )
    const second = await openTab(agent, '/partner/login')
    for (const tab of tabs) await comeBack(agent, tab)
    await comeBack(agent, second)
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: 'alice', cart: 'tv' })
  })

  it('if another user logs in between begin and end of the second login, nothing of the first user is kept', async () => {
    const app = await start({ cookie })
    const agent = openBrowser(app)
    await agent.get('/login')
    await agent.get('/cart/alices')
    const link = await openTab(agent, '/partner/login')
    changePerson(agent, 'bob', [world.provider])
    await agent.get('/login')
    await agent.get('/cart/bobs')
    await comeBack(agent, link)
    const found = await whoHas(agent)
    expect(found.cart).not.toBe('alices')
    // The login of alice at the partner is in one session with bob only if the cookie proves that it is his browser.
    if (cookie === 'connect.sid') expect(found).toEqual({ default: null, partner: 'alice', cart: null })
  })
})

describe('the same response again', () => {
  it('a reload, a double click and the back button end at the page of the first use', async () => {
    const app = await start()
    const agent = openBrowser(app)
    const tab = await openTab(agent, '/pages/one')
    const { callback } = tab
    const both = await Promise.all([agent.get(callback), agent.get(callback)])
    expect(both.map(({ url }) => url)).toEqual([`${publicOrigin}/pages/one`, `${publicOrigin}/pages/one`])
    expect((await agent.get(callback)).url).toBe(`${publicOrigin}/pages/one`)
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })

  it('after going back to the provider, another account can be chosen', async () => {
    const app = await start()
    const agent = openBrowser(app)
    const authorization = readLocation(await agent.get('/pages/one', { redirect: 'manual' }))
    await agent.get(authorization)
    expect(await whoHas(agent)).toMatchObject({ default: 'alice' })
    changePerson(agent, 'bob', [world.provider])
    const page = await agent.get(authorization)
    expect({ url: page.url, status: page.status }).toEqual({ url: `${publicOrigin}/pages/one`, status: 200 })
    expect(await whoHas(agent)).toMatchObject({ default: 'bob' })
  })

  it('if a failover loses the record of the use, a reload ends at the page and does not send the code again', async () => {
    const app = await start()
    const agent = openBrowser(app)
    const tab = await openTab(agent, '/pages/one')
    await comeBack(agent, tab)
    for (const key of await world.redis.client.keys('oidc:used:*')) await world.redis.client.del(key)
    const page = await comeBack(agent, tab)
    expect({ url: page.url, status: page.status }).toEqual({ url: `${publicOrigin}/pages/one`, status: 200 })
    expect(world.provider.requestsTo('token')).toHaveLength(1)
  })
})

describe('logins of several kinds in one browser', () => {
  it('a step-up and a login with `prompt=none` in two tabs of a logged-in user end each at its own page', async () => {
    const app = await start()
    const agent = openBrowser(app)
    await agent.get('/pages/first')
    await agent.get('/cart/tv')
    const tabs = await openTabs(agent, ['/fresh', '/quiet'])
    const pages = await Promise.all(tabs.map((tab) => comeBack(agent, tab)))
    expect(pages.map(({ url, status }) => ({ url, status }))).toEqual([
      { url: `${publicOrigin}/fresh`, status: 200 },
      { url: `${publicOrigin}/who`, status: 200 },
    ])
    expect(await whoHas(agent)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  it.each([
    ['first', ['silent', 'plain'] as const],
    ['last', ['plain', 'silent'] as const],
  ])('a silent login that comes back %s, beside a plain one, ends at its public page', async (_when, order) => {
    const app = await start()
    const agent = openBrowser(app)
    const [silent, plain] = (await openTabs(agent, ['/open', '/pages/plain'])) as [Tab, Tab]
    for (const kind of order) {
      const tab = kind === 'silent' ? silent : plain
      expect((await comeBack(agent, tab)).url).toBe(publicOrigin + tab.page)
    }
    expect(await whoHas(agent)).toMatchObject({ default: 'alice' })
  })

  it('two applications on one host with different secrets do not disturb each other', async () => {
    const first = await start({ cookie: 'first.sid' })
    const second = await start({
      cookie: 'second.sid',
      options: { secret: 'another secret, of more than 32 characters' },
    })
    const agent = openBrowser(first)
    const elsewhere = openBrowser(second)
    const tabs: [UserAgent, Tab][] = []
    for (let index = 0; index < 12; index++) {
      for (const browser of [agent, elsewhere]) tabs.push([browser, await openTab(browser, `/pages/${index}`)])
      shareCookies(agent, elsewhere)
    }
    for (const [browser, tab] of shuffle(tabs)) {
      const page = await comeBack(browser, tab)
      expect({ url: page.url, restarts: countRestarts(page) }).toEqual({ url: publicOrigin + tab.page, restarts: 0 })
      shareCookies(agent, elsewhere)
    }
  })

  it('a login ends after the secret was replaced by a new one in front of it', async () => {
    const before = await start()
    const agent = openBrowser(before)
    await agent.get('/cart/tv')
    const tab = await openTab(agent, '/pages/one')
    const after = await start({ options: { secret: ['a new secret of more than thirty-two characters', secret] } })
    const moved = openBrowser(after)
    copyCookies(agent, moved)
    const page = await comeBack(moved, tab)
    expect({ url: page.url, restarts: countRestarts(page) }).toEqual({ url: `${publicOrigin}/pages/one`, restarts: 0 })
    expect(await whoHas(moved)).toEqual({ default: 'alice', partner: null, cart: 'tv' })
  })

  /** Gives a browser all cookies of another. */
  function copyCookies(from: UserAgent, to: UserAgent): void {
    for (const { name, value, path } of from.jar.cookies(`${publicOrigin}/`)) {
      to.jar.set(`${name}=${value}; Path=${path}; Secure; HttpOnly; SameSite=Lax`, publicOrigin)
    }
  }

  /** Makes two agents one browser: each reaches one of two applications on a host, which share its cookies. */
  function shareCookies(one: UserAgent, other: UserAgent): void {
    const [mine, theirs] = [one, other].map(
      ({ jar }) => new Set(jar.cookies(`${publicOrigin}/`).map(({ name }) => name)),
    )
    for (const name of known) {
      if (!mine?.has(name) || !theirs?.has(name)) for (const { jar } of [one, other]) jar.delete(name)
    }
    copyCookies(one, other)
    copyCookies(other, one)
    for (const { name } of one.jar.cookies(`${publicOrigin}/`)) known.add(name)
  }
  const known = new Set<string>()
})

describe('two processes', () => {
  it.each([10, -10])('a login ends by a process whose clock differs by %d minutes', async (minutes) => {
    stopClocks()
    const app = await start()
    const agent = openBrowser(app)
    const now = Date.now()
    // The process that begins the login has another clock than the one that ends it.
    vi.setSystemTime(now + minutes * 60_000)
    const waiting = await beginInTabs(agent, ['/pages/one'])
    vi.setSystemTime(now)
    const [tab] = (await authorizeTabs(agent, waiting)) as [Tab]
    const page = await comeBack(agent, tab)
    expect({ url: page.url, restarts: countRestarts(page) }).toEqual({ url: `${publicOrigin}/pages/one`, restarts: 0 })
  })
})
