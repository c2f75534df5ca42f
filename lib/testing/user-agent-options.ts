import type { Agent } from 'node:http'
import type { CookieJar } from './cookie-jar.ts'
import type { UserAgentFormFields, UserAgentResponse } from './user-agent-response.ts'

/** Options of `createUserAgent`. */
export interface UserAgentOptions {
  /**
   * The absolute URL that relative URLs are resolved against.
   *
   * @default none: URLs must be absolute
   */
  readonly baseUrl?: string | undefined
  /**
   * The clock for cookies, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined
  /**
   * The most requests of one navigation, redirects and refreshes included. Browsers have the same limit.
   *
   * @default 20
   */
  readonly maxHops?: number | undefined
  /** Headers of every request; `undefined` removes one that a browser sends. */
  readonly headers?: UserAgentHeaders | undefined
  /**
   * Returns the site of a URL. By default the ports of one host are the same site, as in browsers. With
   * `(url) => url.origin`, each port is a different site.
   *
   * @default scheme and host
   */
  readonly site?: ((url: URL) => string) | undefined
  /**
   * Simulates a reverse proxy in front of an application. Requests to an origin that is a key (`https://app.example.com`)
   * go to its value (`http://127.0.0.1:3000`), with `Host` and `X-Forwarded-*` as a proxy sets them.
   */
  readonly proxies?: Readonly<Record<string, string>> | undefined
  /**
   * An agent that keeps connections open.
   *
   * @default none: each request has its own connection
   */
  readonly agent?: Agent | undefined
  /** A certificate to trust, in PEM. */
  readonly ca?: string | undefined
}

/** Header fields by name, in upper or lower case. */
export type UserAgentHeaders = Readonly<Record<string, string | undefined>>

/** Options of one request. */
export interface UserAgentInit {
  /** Headers of this request and of its redirects; `undefined` removes one that a browser sends. */
  readonly headers?: UserAgentHeaders | undefined
  /**
   * `manual` returns a redirect instead of following it.
   *
   * @default 'follow'
   */
  readonly redirect?: 'follow' | 'manual' | undefined
  /**
   * The page that starts the request, or its URL.
   *
   * @default for `get`, none, as if the user typed the address; for `post` and `fetch`, the origin of the URL; for `submit`
   * and `click`, their page
   */
  readonly from?: UserAgentResponse | string | undefined
  /**
   * Whether a page of another site, `https://elsewhere.example/`, starts the request.
   *
   * @default false
   */
  readonly crossSite?: boolean | undefined
  /**
   * Whether navigations follow `<meta http-equiv="refresh" content="0;url=...">`.
   *
   * @default true
   */
  readonly followRefresh?: boolean | undefined
  /**
   * Whether navigations submit forms that a script of the page submits (`response_mode=form_post`).
   *
   * @default true
   */
  readonly followForms?: boolean | undefined
  /**
   * A signal that aborts the request.
   *
   * @default none: waits as long as the server does
   */
  readonly signal?: AbortSignal | undefined
}

/** Options of a script's request. */
export interface UserAgentFetchInit extends UserAgentInit {
  /**
   * The HTTP method.
   *
   * @default 'GET'
   */
  readonly method?: string | undefined
  /** A form, or a text whose type is in `headers`. */
  readonly body?: UserAgentFormFields | string | undefined
}

/** Options of a form submission. */
export interface UserAgentSubmitInit extends UserAgentInit {
  /**
   * The index, `id` or `name` of the form.
   *
   * @default the form with the button, or the first form
   */
  readonly form?: number | string | undefined
  /**
   * The value, name or label of the button to press.
   *
   * @default the first button of the form
   */
  readonly button?: string | undefined
  /** The user's input by field name. It replaces the initial values. */
  readonly fields?: Readonly<Record<string, string>> | undefined
}

/** A browser without a screen: cookies, redirects, forms, and the headers that distinguish pages from scripts. */
export interface UserAgent {
  /** The cookies. */
  readonly jar: CookieJar
  /** Opens a page, as if the user typed the address. */
  get(url: string | URL, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Submits a form, as from a page of the same origin. */
  post(url: string | URL, form?: UserAgentFormFields, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Sends a request as a script of a page does with `fetch()`. */
  fetch(url: string | URL, init?: UserAgentFetchInit): Promise<UserAgentResponse>
  /** Submits a form of a page. Throws an error if the page has no such form or button. */
  submit(page: UserAgentResponse, init?: UserAgentSubmitInit): Promise<UserAgentResponse>
  /** Follows a link of a page, found by its text or `href`. Throws an error if the page has no such link. */
  click(page: UserAgentResponse, link: string, init?: UserAgentInit): Promise<UserAgentResponse>
}
