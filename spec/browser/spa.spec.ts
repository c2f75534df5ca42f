/** `examples/spa`: a page with `oidc-client-ts` and one with `keycloak-js`, and the API that both call. */
import type { TestProvider } from 'express-session-oidc/testing'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { start } from '../../examples/spa/start.js'
import { browserForFile, screenshot } from '../support/chromium.ts'
import { startMain } from '../support/main-program.ts'
import { heading } from './demo-steps.ts'
import {
  getAnswer,
  call,
  chooseUser,
  expectNoComplaints,
  expectNothingStored,
  loggedOut,
  logIn,
  logInButton,
  press,
  renewals,
  shows,
  watch,
} from './spa-steps.ts'

const browser = browserForFile()
type Example = Awaited<ReturnType<typeof start>>

let example: Example
let provider: TestProvider

async function restart(options: { accessTokenSeconds?: number } = {}): Promise<void> {
  await example.stop()
  await begin(options)
}

async function begin(options: { accessTokenSeconds?: number } = {}): Promise<void> {
  example = await start({ PORT: '0' }, options)
  provider = example.provider as TestProvider
}

beforeEach(() => begin())
afterEach(() => example.stop())

describe.each(['oidc-client-ts', 'keycloak-js'])('the page with %s', (library) => {
  async function opened(): Promise<Page> {
    const page = await browser.open()
    await page.goto(`${example.pagesUrl}/${library}`)
    await loggedOut(page)
    return page
  }

  it('Alice logs in with code and PKCE, calls the API, has no stored tokens, and logs out', async () => {
    const page = await opened()
    await screenshot(page, `spa-${library}-logged-out`)
    await call(page, '/profile', '401 Unauthorized')
    expect(await getAnswer(page)).toContain('Log in first.')

    await logIn(page, 'Alice')
    const requested = provider.requestsTo('authorize').at(-2)?.params
    expect(requested?.get('response_type')).toBe('code')
    expect(requested?.get('code_challenge_method')).toBe('S256')
    const exchanged = provider.requestsTo('token').at(-1)
    expect(exchanged?.params.get('code_verifier')).toMatch(/^[\w.~-]{43,128}$/)
    expect(exchanged?.params.has('client_secret')).toBe(false)
    expect(exchanged?.headers['authorization']).toBeUndefined()

    await call(page, '/profile', '200 OK')
    expect(await getAnswer(page)).toContain('"sub": "alice"')
    await call(page, '/admin', '200 OK')
    await expectNothingStored(page)
    await screenshot(page, `spa-${library}-called`)

    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
    await loggedOut(page)
    expect(provider.requestsTo('end_session').at(-1)?.params.has('id_token_hint')).toBe(true)
    await expectNothingStored(page)
    await call(page, '/profile', '401 Unauthorized')
    // The logout includes the provider, so it asks for the user.
    await logInButton(page).click()
    await heading(page, 'Who are you?')
    expectNoComplaints(browser)
  })

  it('a reload restores the login without showing a page of the provider', async () => {
    const page = await opened()
    await logIn(page, 'Bob')
    const sent = watch(page)
    await page.reload()
    await heading(page, 'Hello, Bob Brown')
    expect(sent.navigations).toBe(1)
    await call(page, '/profile', '200 OK')
    await expectNothingStored(page)
    expectNoComplaints(browser)
  })

  it('Bob sees which calls are denied, and requests a missing scope', async () => {
    const page = await opened()
    await logIn(page, 'Bob')
    await call(page, '/admin', '403 Forbidden')
    expect(await getAnswer(page)).toContain('insufficient_scope')
    expect(await getAnswer(page)).toContain('Logging in again would not change that.')
    expect(await page.getByRole('button', { name: /^Request/ }).count()).toBe(0)
    await screenshot(page, `spa-${library}-refused`)

    await call(page, '/calendar', '403 Forbidden')
    expect(await getAnswer(page)).toContain('You have not granted this page calendar.read yet.')
    await screenshot(page, `spa-${library}-scope`)
    await page.getByRole('button', { name: 'Request calendar.read' }).click()
    // Back from the provider, the page repeats the call.
    await shows(page, '200 OK')
    expect(await getAnswer(page)).toContain('Stand-up')
    expect(await page.locator('#scope').textContent()).toContain('calendar.read')
    expectNoComplaints(browser)
  })

  it('requests a missing scope once, and says so if the provider does not grant it', async () => {
    const page = await opened()
    await logIn(page, 'Bob')
    const withoutCalendar = (claims: Record<string, unknown>): Record<string, unknown> => ({
      ...claims,
      scope: 'openid profile email',
    })
    provider.misbehave({ accessToken: { claims: withoutCalendar } })
    await call(page, '/calendar', '403 Forbidden')
    await page.getByRole('button', { name: 'Request calendar.read' }).click()
    await page.getByText('The scope calendar.read was requested, but not granted.').waitFor()
    expect(await page.getByRole('button', { name: /^Request/ }).count()).toBe(0)
  })

  it('steps up when the API requires a stronger login, and repeats the call', async () => {
    const page = await opened()
    await logIn(page, 'Alice')
    provider.forget()
    await press(page, '/transfers')
    await chooseUser(page, 'Alice')
    await shows(page, '201 Created')
    expect(await getAnswer(page)).toContain('"acr": "gold"')
    const requested = provider.requestsTo('authorize')[0]?.params
    expect(requested?.get('acr_values')).toBe('gold')
    expect(requested?.get('max_age')).toBe('300')
    await screenshot(page, `spa-${library}-stepped-up`)
    // The login is strong enough after the step-up.
    const sent = watch(page)
    await call(page, '/transfers', '201 Created')
    expect(sent.navigations).toBe(0)
    expectNoComplaints(browser)
  })

  it('steps up only once, and says so if the provider does not comply', async () => {
    const page = await opened()
    await logIn(page, 'Alice')
    provider.misbehave({ accessToken: { claims: { acr: 'bronze' } } })
    provider.forget()
    await press(page, '/transfers')
    await chooseUser(page, 'Alice')
    await shows(page, '401 Unauthorized')
    expect(await getAnswer(page)).toContain('Your login still does not meet the requirement of this API.')
    expect(provider.requestsTo('authorize')).toHaveLength(1)
  })

  it('renews its token before it expires, without a page load', async () => {
    await restart({ accessTokenSeconds: 8 })
    const page = await opened()
    await logIn(page, 'Alice')
    const sent = watch(page)
    await call(page, '/profile', '200 OK')
    const before = sent.to(example.apiUrl).at(-1)?.headers()['authorization']
    await expect.poll(() => renewals(page), { timeout: 20_000 }).toBeGreaterThanOrEqual(1)
    await call(page, '/profile', '200 OK')
    expect(sent.to(example.apiUrl).at(-1)?.headers()['authorization']).not.toBe(before)
    expect(provider.requestsTo('token').at(-1)?.params.get('grant_type')).toBe('refresh_token')
    expect(sent.navigations).toBe(0)
    await expectNothingStored(page)
    expectNoComplaints(browser)
  })

  it('renews a token that the API rejects, once, and repeats the call', async () => {
    const page = await opened()
    provider.misbehave({ accessToken: { signature: 'other-key', times: 1 } })
    await logIn(page, 'Alice')
    const sent = watch(page)
    await call(page, '/profile', '200 OK')
    expect(await renewals(page)).toBe(1)
    expect(sent.to(example.apiUrl)).toHaveLength(2)
    provider.misbehave({ accessToken: { signature: 'other-key' } })
    await page.reload()
    await heading(page, 'Hello, Alice Adams')
    await call(page, '/profile', '401 Unauthorized')
    expect(sent.to(example.apiUrl)).toHaveLength(4)
  })

  it('logs the user out and keeps no token once the session at the provider has ended', async () => {
    await restart({ accessTokenSeconds: 8 })
    const page = await opened()
    await logIn(page, 'Alice')
    await call(page, '/profile', '200 OK')
    const sent = watch(page)
    provider.endSession('alice')
    await loggedOut(page)
    await page.getByText('Your session has ended: log in again.').waitFor()
    await screenshot(page, `spa-${library}-ended`)
    await expectNothingStored(page)
    expect(await getAnswer(page)).toBe('')
    await call(page, '/profile', '401 Unauthorized')
    expect(sent.to(example.apiUrl).at(-1)?.headers()['authorization']).toBeUndefined()
    await page.reload()
    await loggedOut(page)
    expectNoComplaints(browser)
  })

  it('stays logged in while the provider is down, and continues when it is back', async () => {
    await restart({ accessTokenSeconds: 8 })
    const page = await opened()
    await logIn(page, 'Alice')
    const behave = provider.misbehave({ endpoints: { token: { status: 503 } } })
    await page.getByText('The access token could not be renewed.').waitFor()
    await heading(page, 'Hello, Alice Adams')
    behave()
    const renewed = async (): Promise<number> => {
      await press(page, '/profile')
      return renewals(page)
    }
    await expect.poll(renewed, { timeout: 20_000, interval: 500 }).toBeGreaterThanOrEqual(1)
    await call(page, '/profile', '200 OK')
  })

  it('says that a login was canceled', async () => {
    const page = await opened()
    await logInButton(page).click()
    await heading(page, 'Who are you?')
    // State for the response, which belongs to one login and contains no token.
    const { origins } = await page.context().storageState()
    const kept = origins.flatMap(({ localStorage }) =>
      localStorage.map(({ name }) => name.replace(/[\da-f-]{36}$/, '')),
    )
    expect(kept).toEqual(library === 'keycloak-js' ? ['kc-callback-'] : [])
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('The login was canceled.').waitFor()
    await loggedOut(page)
    await expectNothingStored(page)
    expectNoComplaints(browser)
  })

  it('the back button after a logout does not log the user in again', async () => {
    const page = await opened()
    await logIn(page, 'Alice')
    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click()
    await loggedOut(page)
    await page.goBack()
    await loggedOut(page)
    await call(page, '/profile', '401 Unauthorized')
  })

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [320, 'light'],
    [320, 'dark'],
  ] as const)('the pages fit at %i px, %s', async (width, colorScheme) => {
    const page = await browser.open({ viewport: { width, height: 800 }, colorScheme })
    const fits = async (name: string): Promise<void> => {
      await screenshot(page, `spa-${library}-${name}-${width}-${colorScheme}`)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    }
    await page.goto(example.pagesUrl)
    await heading(page, 'Two pages, one API')
    await fits('home')
    await page.getByRole('link', { name: `Open ${library}` }).click()
    await loggedOut(page)
    await fits('stranger')
    await logIn(page, 'Bob')
    await call(page, '/calendar', '403 Forbidden')
    await fits('logged-in')
    expectNoComplaints(browser)
  })

  it('the page works without a mouse', async () => {
    const page = await opened()
    const button = logInButton(page)
    await button.focus()
    await page.keyboard.press('Enter')
    await chooseUser(page, 'Alice')
    await heading(page, 'Hello, Alice Adams')
    const next = page.getByRole('button', { name: 'Call /profile' })
    for (let presses = 0; presses < 20 && (await next.and(page.locator(':focus')).count()) === 0; presses++) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await shows(page, '200 OK')
    expect(await page.evaluate('document.activeElement.id')).toBe('call-profile')
  })
})

describe('the API of the SPA example', () => {
  const get = (path: string, headers: Record<string, string>, method = 'GET'): Promise<Response> =>
    fetch(example.apiUrl + path, { method, headers })

  it('the API lets scripts of its own pages, and no other origin, read its responses and challenges', async () => {
    const ours = await get('/profile', { origin: example.pagesUrl })
    expect(ours.status).toBe(401)
    expect(ours.headers.get('access-control-allow-origin')).toBe(example.pagesUrl)
    expect(ours.headers.get('access-control-expose-headers')).toMatch(/\bWWW-Authenticate\b/)
    expect(ours.headers.get('access-control-allow-credentials')).toBeNull()
    expect(ours.headers.get('vary')).toBe('Origin')
    const theirs = await get('/profile', { origin: 'https://evil.example' })
    expect(theirs.headers.get('access-control-allow-origin')).toBeNull()

    const requested = { origin: example.pagesUrl, 'access-control-request-method': 'POST' }
    const preflight = await get('/transfers', requested, 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/\bAuthorization\b/)
  })

  it('the API names its metadata, which list the issuers whose tokens it accepts', async () => {
    const challenge = (await get('/profile', {})).headers.get('www-authenticate') ?? ''
    const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? ''
    expect(await (await fetch(url)).json()).toMatchObject({ authorization_servers: [example.issuer] })
  })

  it('the API accepts a token from the implicit grant, because only its contents are verified', async () => {
    const now = Math.floor(Date.now() / 1000)
    // OIDC Core 3.2.2.5 issues it with an ID token, with the nonce of the request and without a refresh token.
    const token = await provider.sign({
      iss: example.issuer,
      sub: 'alice',
      aud: example.audience,
      azp: example.clientId,
      nonce: 'n-0S6_WzA2Mj',
      scope: 'openid profile',
      iat: now,
      exp: now + 300,
    })
    const answer = await get('/profile', { authorization: `Bearer ${token}` })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ sub: 'alice' })
    const late = await provider.sign({ iss: example.issuer, sub: 'alice', aud: example.audience, exp: now - 60 })
    expect((await get('/profile', { authorization: `Bearer ${late}` })).status).toBe(401)
  })
})

it('the example starts with one command, prints one URL to open, and exits with 0 when it is stopped', async () => {
  const main = await startMain('examples/spa/main.js', { PORT: '0' })
  const page = await browser.open()
  await page.goto(main.url)
  await heading(page, 'Two pages, one API')
  await screenshot(page, 'spa-home')
  await page.getByRole('link', { name: 'Open oidc-client-ts' }).click()
  await logIn(page, 'Alice')
  await call(page, '/profile', '200 OK')
  expect(main.printed().match(/^Open .*/gm)).toEqual([`Open ${main.url}`])
  expect(await main.stop()).toBe(0)
})
