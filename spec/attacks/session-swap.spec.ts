/**
 * Another host of the same site plants the attacker's session cookie while the victim logs in, so that the victim's new
 * session would get the attacker's data, or a login of the attacker with another provider. A cookie whose name begins with
 * `__Host-` cannot be planted. For any other name, SECURITY.md says what remains.
 */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { changeUrl, listTransactions, publicOrigin } from '../support/flow.ts'
import {
  authorizeTabs,
  beginInTabs,
  changePerson,
  comeBack,
  openBrowser,
  openTab,
  plant,
  tabsOfFile,
  whoHas,
  type Tab,
} from '../support/tabs.ts'
import type { Who } from '../support/two-instances.ts'

const { world, partner, start } = tabsOfFile()

/** The attacker's sessions: with data, and with a login at each provider. */
const sessions: [string, string[]][] = [
  ['an anonymous session', ['/cart/planted']],
  ['a session with a login of the attacker', ['/login', '/cart/planted']],
  ['a session with a login of the attacker with the other provider', ['/partner/login', '/cart/planted']],
  ['a session with both logins of the attacker', ['/login', '/partner/login', '/cart/planted']],
]

/** A session of the attacker, who has logged in with these pages. */
async function attack(app: TestApp, pages: readonly string[]): Promise<{ attacker: UserAgent; cookie: string }> {
  const attacker = openBrowser(app)
  changePerson(attacker, 'mallory', [world.provider, partner()])
  for (const page of pages) await attacker.get(page)
  changePerson(attacker, 'alice', [world.provider, partner()])
  return { attacker, cookie: attacker.jar.get('connect.sid')?.value ?? '' }
}

const victims: Who = { default: 'alice', partner: null, cart: null }

describe.each(sessions)('%s that is planted in the browser of the victim', (_what, pages) => {
  it.each(['/callback', '/login', '/'])('during the login, for the path %s: nothing of it is kept', async (path) => {
    const app = await start()
    const { cookie } = await attack(app, pages)
    const victim = openBrowser(app)
    const tab = await openTab(victim, '/pages/one')
    plant(victim, 'connect.sid', cookie, path)
    await comeBack(victim, tab)
    const found = await readNewSession(victim)
    expect(found).toEqual(victims)
  })

  it('before the login, for the callback only: nothing of it is kept', async () => {
    const app = await start()
    const { cookie } = await attack(app, pages)
    const victim = openBrowser(app)
    await victim.get('/cart/own')
    plant(victim, 'connect.sid', cookie, '/callback')
    await comeBack(victim, await openTab(victim, '/pages/one'))
    expect(await readNewSession(victim)).toEqual(victims)
  })

  it('before the login, for all paths: none of its logins is kept', async () => {
    const app = await start()
    const { cookie } = await attack(app, pages)
    const victim = openBrowser(app)
    plant(victim, 'connect.sid', cookie, '/')
    await comeBack(victim, await openTab(victim, '/login?returnTo=/pages/one'))
    const { default: user, partner: other } = await readNewSession(victim)
    expect([user, other]).not.toContain('mallory')
  })

  it('under the name of the session cookie with the prefix __Host-: no browser accepts it, and the own cart stays', async () => {
    const app = await start({ cookie: '__Host-sid' })
    const { cookie } = await attack(app, pages)
    const victim = openBrowser(app)
    await victim.get('/cart/own')
    for (const path of ['/callback', '/login', '/']) {
      plant(victim, '__Host-sid', cookie, path)
      plant(victim, 'connect.sid', cookie, path)
    }
    await comeBack(victim, await openTab(victim, '/pages/one'))
    expect(await whoHas(victim)).toEqual({ ...victims, cart: 'own' })
  })
})

/** What the session that a login has just made has, whatever other session cookies are planted. */
async function readNewSession(agent: UserAgent): Promise<Who> {
  const own = agent.jar.cookies().findLast(({ name, hostOnly }) => name === 'connect.sid' && hostOnly)
  for (const { name, hostOnly, path } of agent.jar.cookies()) {
    if (name === 'connect.sid' && !hostOnly) {
      agent.jar.set(`${name}=; Domain=example.com; Path=${path}; Secure; Max-Age=0`, 'https://evil.example.com/')
    }
  }
  expect(own).toBeDefined()
  return whoHas(agent)
}

describe('the state and the response of an attacker', () => {
  it.each([
    ['without a cookie in the browser of the victim', false],
    ['beside a login in progress of the victim', true],
  ])('with a planted session, %s, log the victim in as himself, without the data', async (_how, hasOwn) => {
    const app = await start()
    const { attacker, cookie } = await attack(app, ['/cart/planted'])
    changePerson(attacker, 'mallory', [world.provider])
    const held = await openTab(attacker, '/pages/mallorys')
    const victim = openBrowser(app)
    changePerson(victim, 'alice', [world.provider])
    await victim.get('/cart/own')
    if (hasOwn) await openTab(victim, '/pages/one')
    plant(victim, 'connect.sid', cookie, '/callback')
    const page = await comeBack(victim, held)
    expect(page.status).toBe(200)
    expect(await readNewSession(victim)).toMatchObject({ default: 'alice', partner: null })
    expect((await readNewSession(victim)).cart).not.toBe('planted')
  })

  it("held back for a day, log nobody in, in the browser that once was the attacker's", async () => {
    stopClocks()
    const app = await start()
    const shared = openBrowser(app)
    changePerson(shared, 'mallory', [world.provider])
    await shared.get('/cart/planted')
    const held = await openTab(shared, '/pages/mallorys')
    passMs(24 * 3600_000)
    changePerson(shared, 'alice', [world.provider])
    shared.jar.delete('connect.sid')
    await shared.get('/cart/own')
    await comeBack(shared, held)
    const found = await whoHas(shared)
    expect(found.default).not.toBe('mallory')
    expect(found.cart).not.toBe('planted')
  })

  it('with the code of another provider, are refused without a token request', async () => {
    const app = await start()
    const victim = openBrowser(app)
    const [ours, theirs] = (await authorizeTabs(victim, await beginInTabs(victim, ['/login', '/partner/login']))) as [
      Tab,
      Tab,
    ]
    const mixed = changeUrl(ours.callback, {
      code: new URL(theirs.callback).searchParams.get('code') ?? '',
      iss: new URL(theirs.callback).searchParams.get('iss') ?? '',
    })
    expect((await victim.get(mixed)).status).toBe(502)
    for (const provider of [world.provider, partner()]) expect(provider.requestsTo('token')).toEqual([])
  })
})

describe('planted login cookies', () => {
  it.each([
    ["the attacker's own cookie, without __Host-", (attacker: UserAgent) => findLogin(attacker)],
    ['a cookie of the right form', () => ({ name: '', value: 'A'.repeat(28) })],
  ])('%s does not make the response of the attacker usable', async (_what, find) => {
    const app = await start()
    const attacker = openBrowser(app)
    changePerson(attacker, 'mallory', [world.provider])
    const held = await openTab(attacker, '/pages/mallorys')
    const victim = openBrowser(app)
    changePerson(victim, 'alice', [world.provider])
    const { name: full } = findLogin(attacker)
    const { value } = find(attacker)
    for (const path of ['/', '/callback']) {
      for (const name of [full, full.replace('__Host-', '')]) plant(victim, name, value, path)
    }
    await comeBack(victim, held)
    expect(await whoHas(victim)).toMatchObject({ default: 'alice' })
  })

  it('6 kB of planted cookies with our names neither stop a login nor are counted', async () => {
    const app = await start()
    const victim = openBrowser(app)
    await victim.get('/cart/tv')
    const prefix = app.cookie('').replace('__Host-', '')
    for (let index = 0; index < 95; index++) {
      plant(
        victim,
        `${prefix}${String(index).padStart(9, 'A')}`,
        `${'A'.repeat(28)}.${'B'.repeat(11)}.${'C'.repeat(11)}`,
        '/',
      )
    }
    expect((victim.jar.header(`${publicOrigin}/`) ?? '').length).toBeGreaterThan(6000)
    const tab = await openTab(victim, '/pages/one')
    expect(listTransactions(victim).filter((name) => name.startsWith('__Host-'))).toHaveLength(1)
    expect((await comeBack(victim, tab)).url).toBe(`${publicOrigin}/pages/one`)
    expect(await whoHas(victim)).toEqual({ ...victims, cart: 'tv' })
  })
})

/** The cookie of the login that a browser has in progress. */
function findLogin(agent: UserAgent): { name: string; value: string } {
  const [name = ''] = listTransactions(agent)
  return { name, value: agent.jar.get(name)?.value ?? '' }
}
