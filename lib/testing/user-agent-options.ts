import type { Agent } from 'node:http'
import type { CookieJar } from './cookie-jar.ts'
import type { UserAgentFormFields, UserAgentResponse } from './user-agent-response.ts'

/**
 * Options of `createUserAgent`. All are optional.
 *
 * @example
 * const options: UserAgentOptions = { baseUrl: 'http://localhost:3000', maxHops: 10 }
 */
export interface UserAgentOptions {
  /** The absolute URL against which relative URLs are resolved.
   * @default none: URLs must be absolute
   * @example createUserAgent({ baseUrl: 'http://localhost:3000' }) */
  readonly baseUrl?: string | undefined
  /** The clock for cookies, in milliseconds since 1970.
   * @default Date.now
   * @example createUserAgent({ now: () => Date.now() + 3_600_000 }) // one hour ahead */
  readonly now?: (() => number) | undefined
  /** Maximum number of requests in one navigation, including redirects, refreshes and submitted forms: 1 to 1000. Browsers
   * have a similar limit.
   * @default 20
   * @example createUserAgent({ maxHops: 10 }) */
  readonly maxHops?: number | undefined
  /** Headers of every request. `undefined` removes one that a browser sends.
   * @default those of a browser
   * @example createUserAgent({ headers: { 'accept-language': 'de' } }) */
  readonly headers?: UserAgentHeaders | undefined
  /** Returns the site of a URL. By default the ports of one host are the same site, as in browsers. With
   * `(url) => url.origin`, each port is a different site.
   * @default scheme and host
   * @example createUserAgent({ site: (url) => url.origin }) */
  readonly site?: ((url: URL) => string) | undefined
  /** Simulates a reverse proxy in front of an application. A request to an origin that is a key goes to the origin that is
   * its value, with `Host` and `X-Forwarded-*` as a proxy sets them.
   * @default none
   * @example createUserAgent({ proxies: { 'https://app.example.com': 'http://127.0.0.1:3000' } }) */
  readonly proxies?: Readonly<Record<string, string>> | undefined
  /** An agent of `node:http` or `node:https` that keeps connections open.
   * @default none: each request has its own connection
   * @example createUserAgent({ agent: new Agent({ keepAlive: true }) }) */
  readonly agent?: Agent | undefined
  /** A certificate to trust, in PEM.
   * @default the certificate authorities of Node
   * @example createUserAgent({ ca: await readFile('ca.pem', 'utf8') }) */
  readonly ca?: string | undefined
}

/** Header fields by name, in upper or lower case. */
export type UserAgentHeaders = Readonly<Record<string, string | undefined>>

/** Options of one request. */
export interface UserAgentInit {
  /** Headers of this request and of its redirects. `undefined` removes one that a browser sends.
   * @default those of a browser, and of the option `headers`
   * @example browser.get('/profile', { headers: { accept: 'application/json' } }) */
  readonly headers?: UserAgentHeaders | undefined
  /** Whether to follow redirects. `manual` follows nothing: no redirect, no refresh and no form that a script submits.
   * @default 'follow'
   * @example browser.get('/profile', { redirect: 'manual' }) */
  readonly redirect?: 'follow' | 'manual' | undefined
  /** The page that starts the request, or its URL.
   * @default for `get`, none, as if the user typed the address; for `post` and `fetch`, the origin of the URL; for `submit`
   * and `click`, their page
   * @example browser.get('/profile', { from: 'https://elsewhere.example/' }) */
  readonly from?: UserAgentResponse | string | undefined
  /** Whether a page of another site, `https://elsewhere.example/`, starts the request. It overrides `from`.
   * @default false
   * @example browser.get('/profile', { crossSite: true }) */
  readonly crossSite?: boolean | undefined
  /** Whether navigations follow `<meta http-equiv="refresh" content="0;url=...">`.
   * @default true
   * @example browser.get('/profile', { followRefresh: false }) */
  readonly followRefresh?: boolean | undefined
  /** Whether navigations submit a form that a script of the page submits (`response_mode=form_post`).
   * @default true
   * @example browser.get('/profile', { followForms: false }) */
  readonly followForms?: boolean | undefined
  /** A signal that aborts the request.
   * @default none: waits as long as the server does
   * @example browser.get('/profile', { signal: AbortSignal.timeout(5000) }) */
  readonly signal?: AbortSignal | undefined
}

/** Options of a script's request. */
export interface UserAgentFetchInit extends UserAgentInit {
  /** The HTTP method.
   * @default 'GET'
   * @example browser.fetch('/api/orders/1', { method: 'DELETE' }) */
  readonly method?: string | undefined
  /** A form, or a text whose type is in `headers`.
   * @default none
   * @example browser.fetch('/api/orders', { method: 'POST', body: { item: 'tea' } }) */
  readonly body?: UserAgentFormFields | string | undefined
}

/** Options of a form submission. */
export interface UserAgentSubmitInit extends UserAgentInit {
  /** The index, `id` or `name` of the form.
   * @default the form with the button, or the first form
   * @example browser.submit(page, { form: 'checkout' }) */
  readonly form?: number | string | undefined
  /** The value, name or label of the button to press.
   * @default the first button of the form
   * @example browser.submit(loginPage, { button: 'alice' }) */
  readonly button?: string | undefined
  /** The user's input by field name, which replaces the initial values.
   * @default the initial values
   * @example browser.submit(page, { fields: { email: 'alice@example.com' } }) */
  readonly fields?: Readonly<Record<string, string>> | undefined
}

/**
 * A browser without a screen: cookies, redirects, forms, and the headers that distinguish pages from scripts. All methods
 * reject if there is no response.
 *
 * @example
 * ```ts
 * const page = await browser.get('/profile')
 * expect(page.status).toBe(200)
 * ```
 */
export interface UserAgent {
  /** The cookies.
   * @example browser.jar.delete('connect.sid') */
  readonly jar: CookieJar
  /** Opens a page, as if the user typed the address.
   * @throws TypeError if the URL is relative and there is no `baseUrl`; Error if the navigation exceeds `maxHops`
   * @example const page = await browser.get('/profile') */
  get(url: string | URL, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Submits a form, as from a page of the same origin.
   * @throws TypeError if the URL is relative and there is no `baseUrl`; Error if the navigation exceeds `maxHops`
   * @example await browser.post('/orders', { item: 'tea' }) */
  post(url: string | URL, form?: UserAgentFormFields, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Sends a request as a script of a page does with `fetch()`.
   * @throws TypeError if the URL is relative and there is no `baseUrl`; Error if the navigation exceeds `maxHops`
   * @example const answer = await browser.fetch('/api/orders', { headers: { accept: 'application/json' } }) */
  fetch(url: string | URL, init?: UserAgentFetchInit): Promise<UserAgentResponse>
  /** Submits a form of a page.
   * @throws Error if the page has no such form or button, or if the navigation exceeds `maxHops`
   * @example await browser.submit(loginPage, { button: 'alice' }) */
  submit(page: UserAgentResponse, init?: UserAgentSubmitInit): Promise<UserAgentResponse>
  /** Follows a link of a page, found by its text or `href`.
   * @throws Error if the page has no such link, or if the navigation exceeds `maxHops`
   * @example await browser.click(page, 'Log out') */
  click(page: UserAgentResponse, link: string, init?: UserAgentInit): Promise<UserAgentResponse>
}
